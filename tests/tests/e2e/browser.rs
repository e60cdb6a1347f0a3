//! A person with a browser: Debian's Chromium, from the dashboard to the application and out again.

use anyhow::{Context as _, Result};
use end_to_end::browser::Browser;
use end_to_end::lab::Lab;
use end_to_end::passive::request;
use end_to_end::{fixtures, paths};
use thirtyfour::Key;
use url::Url;

const PASSWORD: &str = "Pass@word1";

/// From the application to the form of the federation service.
async fn to_the_form(browser: &Browser, lab: &Lab, name: &str) -> Result<()> {
    browser.open(&lab.contract().application_url()?).await?;
    browser.fill("login_hint", name).await?;
    browser.click("next").await
}

async fn is_in_the_application_as(
    browser: &Browser,
    sam_account_name: &str,
    upn: &str,
) -> Result<()> {
    assert_eq!(browser.text("upn").await?, upn);
    assert_eq!(
        browser.text("immutable-id").await?,
        fixtures::immutable_id(sam_account_name)?
    );
    Ok(())
}

#[tokio::test]
async fn alice_signs_in_comes_back_silently_and_signs_out_of_both() -> Result<()> {
    let lab = Lab::start()?;
    let browser = Browser::start(lab.contract()).await?;
    let service = lab.outside().join("/adfs/ls/")?;

    to_the_form(&browser, &lab, "alice@contoso.test").await?;
    let name = browser.element("userNameInput").await?;
    assert_eq!(
        name.prop("value").await?.as_deref(),
        Some("alice@contoso.test"),
        "the name is there already"
    );
    let place = browser.driver().current_url().await?;
    assert_eq!(place.origin(), lab.outside().origin(), "through the proxy");
    browser.fill("passwordInput", PASSWORD).await?;
    browser.click("submitButton").await?;
    is_in_the_application_as(&browser, "alice", "alice@contoso.test").await?;
    assert_eq!(browser.text("insidecorporatenetwork").await?, "false");
    let first = browser.text("assertion-id").await?;

    // The application and the cloud have forgotten her; the federation service has not.
    for host in [&lab.contract().dashboard_url, &lab.contract().cloud_url] {
        browser.forget(host).await?;
    }
    to_the_form(&browser, &lab, "alice@contoso.test").await?;
    is_in_the_application_as(&browser, "alice", "alice@contoso.test").await?;
    assert_ne!(
        browser.text("assertion-id").await?,
        first,
        "a new token, and no question asked"
    );

    let copy = browser.cookies(&service).await?;
    assert!(copy.iter().any(|(name, _)| name == "MSISAuth"), "{copy:?}");
    browser.click("sign-out").await?;
    browser
        .element("signedOut")
        .await
        .context("the way ends at the cloud's page")?;
    let left = browser.cookies(&service).await?;
    assert!(!left.iter().any(|(name, _)| name == "MSISAuth"), "{left:?}");
    browser.open(&lab.contract().application_url()?).await?;
    assert!(
        browser.element("login_hint").await.is_ok(),
        "the cloud's session has ended"
    );
    to_the_form(&browser, &lab, "alice@contoso.test").await?;
    browser
        .element("passwordInput")
        .await
        .context("the federation service's session has ended")?;

    // Also for a copy of the cookies that was made before.
    let thief = lab.client()?;
    for (name, value) in &copy {
        thief.set_cookie(&service, &format!("{name}={value}; Path=/adfs; Secure"));
    }
    assert!(
        thief
            .get(&request(lab.outside(), &[])?)
            .await?
            .page()
            .has("loginForm")
    );

    let errors = browser.console_errors().await?;
    assert!(
        errors.is_empty(),
        "no script fails and no policy is broken: {errors:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_told_and_the_keyboard_is_enough() -> Result<()> {
    let lab = Lab::start()?;
    let browser = Browser::start(lab.contract()).await?;
    to_the_form(&browser, &lab, "alice@contoso.test").await?;
    browser.element("passwordInput").await?;
    assert_eq!(
        browser.focused().await?,
        "passwordInput",
        "the name is known, so the password comes next"
    );

    browser.type_text("wrong").await?;
    browser.press_enter().await?;
    browser
        .wait_for_text("errorText", "Incorrect user ID or password")
        .await?;
    assert_eq!(
        browser
            .element("userNameInput")
            .await?
            .prop("value")
            .await?
            .as_deref(),
        Some("alice@contoso.test")
    );
    assert_eq!(
        browser
            .element("passwordInput")
            .await?
            .prop("value")
            .await?
            .as_deref(),
        Some("")
    );
    assert_eq!(browser.focused().await?, "passwordInput");

    // Name, password, button: in this order, by Tab alone.
    browser
        .evaluate::<serde_json::Value>(
            "document.getElementById('userNameInput').focus(); return null",
        )
        .await?;
    browser.type_keys(Key::Tab).await?;
    assert_eq!(browser.focused().await?, "passwordInput");
    browser.type_text(PASSWORD).await?;
    browser.type_keys(Key::Tab).await?;
    let button: bool = browser
        .evaluate("const e = document.activeElement; return e.id === 'submitButton' || e.querySelector('#submitButton') !== null")
        .await?;
    assert!(button, "the focus is on {:?}", browser.focused().await?);
    browser.press_enter().await?;
    is_in_the_application_as(&browser, "alice", "alice@contoso.test").await?;
    Ok(())
}

#[tokio::test]
async fn mistakes_are_told_without_asking_the_server() -> Result<()> {
    let lab = Lab::start()?;
    let browser = Browser::start(lab.contract()).await?;
    browser.open(&request(lab.outside(), &[])?).await?;
    browser.fill("userNameInput", "alice").await?;
    browser.fill("passwordInput", PASSWORD).await?;
    browser.click("submitButton").await?;
    let text = browser.text("errorText").await?;
    assert!(text.contains("domain\\user"), "{text}");
    browser.fill("userNameInput", "alice@contoso.test").await?;
    browser.element("passwordInput").await?.clear().await?;
    browser.click("submitButton").await?;
    let text = browser.text("errorText").await?;
    assert!(text.contains("Enter your password"), "{text}");

    // What other people's themes call.
    for name in [
        "Login",
        "LoginErrors",
        "InputUtil",
        "maxPasswordLength",
        "SelectOption",
    ] {
        let there: bool = browser
            .evaluate(&format!("return typeof {name} !== 'undefined'"))
            .await?;
        assert!(there, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn pages_fit_small_screens_and_both_colour_schemes() -> Result<()> {
    let lab = Lab::start()?;
    let browser = Browser::start(lab.contract()).await?;
    let form = request(lab.outside(), &[("username", "alice@contoso.test")])?;
    let pages: [(&str, Url); 5] = [
        ("sign-in", form.clone()),
        (
            "error",
            lab.outside()
                .join("/adfs/ls/?wa=wsignin1.0&wtrealm=urn:unknown")?,
        ),
        (
            "signed out",
            lab.outside().join("/adfs/ls/?wa=wsignout1.0")?,
        ),
        ("cloud", lab.contract().cloud_url.clone()),
        ("dashboard", lab.contract().dashboard_url.clone()),
    ];
    for (name, url) in &pages {
        for (width, height) in [(320, 640), (1280, 800)] {
            browser.resize(width, height).await?;
            browser.open(url).await?;
            let scroll: u32 = browser
                .evaluate("return document.documentElement.scrollWidth")
                .await?;
            assert!(
                scroll <= width,
                "{name}: {scroll} px wide on a screen of {width} px"
            );
        }
        let language: String = browser
            .evaluate("return document.documentElement.lang")
            .await?;
        assert!(!language.is_empty(), "{name}");
        let unnamed: Vec<String> = browser.evaluate(UNNAMED_FIELDS).await?;
        assert!(
            unnamed.is_empty(),
            "{name}: fields without a label: {unnamed:?}"
        );
        for scheme in ["light", "dark"] {
            browser.prefer_colours(scheme).await?;
            let faint: Vec<String> = browser.evaluate(FAINT_TEXT).await?;
            assert!(faint.is_empty(), "{name}, {scheme}: {faint:#?}");
        }
        browser.prefer_colours("light").await?;
    }
    let errors = browser.console_errors().await?;
    let unexpected: Vec<_> = errors
        .iter()
        .filter(|error| !error.contains("status of 400"))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");

    if std::env::var_os("UPDATE_SCREENSHOTS").is_some() {
        browser.resize(1280, 800).await?;
        browser.open(&form).await?;
        browser.element("passwordInput").await?;
        let folder = paths::repository().join("docs/images");
        std::fs::create_dir_all(&folder)?;
        browser.screenshot(&folder.join("sign-in.png")).await?;
    }
    Ok(())
}

/// Visible fields that have neither a label nor an accessible name.
const UNNAMED_FIELDS: &str = "
return [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
  .filter(field => field.offsetParent !== null)
  .filter(field => field.labels.length === 0 && !field.getAttribute('aria-label') && !field.getAttribute('aria-labelledby'))
  .map(field => field.id || field.name);";

/// Visible texts with less contrast than 4.5 (WCAG 2.2, 1.4.3) to the first background behind them that is not transparent.
const FAINT_TEXT: &str = "
document.getAnimations().forEach(animation => animation.finish());
const channels = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const behind = element => {
  for (let e = element; e; e = e.parentElement) {
    const style = getComputedStyle(e);
    if (style.backgroundImage !== 'none') return null;
    const colour = channels(style.backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
    if (colour.length === 4 && colour[3] > 0) return null;
  }
  return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
};
const faint = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.offsetParent || element.closest('[aria-hidden=true], script, style')) continue;
  const box = element.getBoundingClientRect();
  if (box.width <= 1 || box.height <= 1) continue;
  const back = behind(element);
  if (!back) continue;
  const [a, b] = [light(channels(getComputedStyle(element).color)), light(back)].sort((x, y) => y - x);
  const contrast = (a + 0.05) / (b + 0.05);
  if (contrast < 4.5) faint.push(`${contrast.toFixed(2)} #${element.id} .${element.className}: ${walker.currentNode.data.trim()}`);
}
return faint;";
