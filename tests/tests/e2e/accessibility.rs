//! Pages for everybody: axe-core's rules on every page in every layout and colour scheme, every language on a narrow
//! phone, themes that change while the server runs (spec passive-sign-in 5.11, 5.12; WCAG 2.2 AA).
//!
//! `UPDATE_SCREENSHOTS=1` makes the pictures of docs/images from the same pages.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use end_to_end::browser::Browser;
use end_to_end::clock::START_LIMIT;
use end_to_end::lab::Lab;
use end_to_end::passive::request;
use end_to_end::paths;
use serde_json::{Value, json};
use url::Url;

const LANGUAGES: [(&str, &str); 17] = [
    ("en", "en-US"),
    ("de", "de-DE"),
    ("fr", "fr-FR"),
    ("es", "es-ES"),
    ("it", "it-IT"),
    ("nl", "nl-NL"),
    ("pt-BR", "pt-BR"),
    ("pl", "pl-PL"),
    ("tr", "tr-TR"),
    ("ru", "ru-RU"),
    ("uk", "uk-UA"),
    ("ar", "ar-SA"),
    ("he", "he-IL"),
    ("ja", "ja-JP"),
    ("ko", "ko-KR"),
    ("zh-Hans", "zh-Hans"),
    ("zh-Hant", "zh-Hant"),
];

/// What a browser may prefer: name, `prefers-color-scheme`, `forced-colors`.
const SCHEMES: [(&str, &str, &str); 3] = [
    ("light", "light", "none"),
    ("dark", "dark", "none"),
    ("high-contrast", "dark", "active"),
];

/// Visible texts and controls that stick out of the page or of their own box.
const OVERFLOWING: &str = "
const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth ? ['the page'] : [];
return wide.concat([...document.querySelectorAll('#content *')]
  .filter(e => e.checkVisibility() && e.getClientRects().length && !e.closest('.cleanup'))
  .filter(e => { const box = e.getBoundingClientRect(); return box.left < -0.5 || box.right > innerWidth + 0.5
    || (e.matches('button, .submit, label, h1') && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0); })
  .map(e => e.id || e.className || e.tagName));";

async fn prefer(browser: &Browser, scheme: &str, forced: &str) -> Result<()> {
    let features = json!({ "features": [
        { "name": "prefers-color-scheme", "value": scheme },
        { "name": "forced-colors", "value": forced },
    ] });
    let devtools = browser.driver().cdp();
    devtools
        .send_raw("Emulation.setEmulatedMedia", features)
        .await?;
    Ok(())
}

/// The rules that the page breaks, each with the elements that break it.
async fn violations(browser: &Browser, rules: &str) -> Result<Vec<String>> {
    let known: bool = browser.evaluate("return typeof axe === 'object'").await?;
    if !known {
        browser.driver().execute(rules, Vec::new()).await?;
    }
    let run = "
document.getAnimations().forEach(animation => animation.finish());
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ['violations'] }).then(
  found => done(found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join(' | '))),
  error => done(['axe failed: ' + error]));";
    Ok(browser
        .driver()
        .execute_async(run, Vec::new())
        .await?
        .convert()?)
}

fn rules() -> Result<String> {
    let path = paths::repository().join("tests/axe/node_modules/axe-core/axe.min.js");
    fs::read_to_string(&path)
        .with_context(|| format!("{} is missing; run: packaging/setup test", path.display()))
}

/// Writes a theme and waits until pages show it.
async fn theme(browser: &Browser, lab: &Lab, files: &[(&str, &str)], layout: &str) -> Result<()> {
    let configuration = &lab.contract().config.adfs;
    let folder = configuration.with_file_name("web");
    fs::create_dir_all(&folder)?;
    for (name, text) in files {
        fs::write(folder.join(name), text)?;
    }
    // The centred layout is there without a theme too, the footer's links are not.
    let condition = format!(
        "return document.body.classList.contains('{layout}') && !!document.querySelector('.footerLink')"
    );
    wait_for(browser, lab, &condition).await
}

/// Adds sections to the configuration of the federation service, which follows it.
pub(crate) fn configure(lab: &Lab, sections: &str) -> Result<()> {
    let path = &lab.contract().config.adfs;
    let text = fs::read_to_string(path)?;
    Ok(fs::write(path, format!("{text}\n{sections}"))?)
}

/// Another organisation, so that there is something to choose from.
async fn trust_fabrikam(browser: &Browser, lab: &Lab) -> Result<()> {
    let folder = lab.contract().config.adfs.with_file_name("trusts");
    let folder = folder.join("claims-providers");
    fs::create_dir_all(&folder)?;
    let trust = format!(
        r#"
        name = "Fabrikam"
        identifier = "http://sts.fabrikam.test/adfs/services/trust"
        ws_fed_endpoint = "https://sts.fabrikam.test/adfs/ls/"
        token_signing_certificate = {:?}
        acceptance_transform_rules = 'c:[] => issue(claim = c);'
        organizational_account_suffix = ["fabrikam.test"]
        "#,
        lab.contract().ca_file
    );
    fs::write(folder.join("fabrikam.toml"), trust)?;
    let begin = Instant::now();
    while !browser.has("otherOrganization").await? {
        ensure!(
            begin.elapsed() < START_LIMIT,
            "the server does not take the claims provider trust"
        );
        browser.open(&request(lab.outside(), &[])?).await?;
    }
    Ok(())
}

/// The form of the directory's own people, whoever else can sign in.
fn form(lab: &Lab, more: &[(&str, &str)]) -> Result<Url> {
    request(lab.outside(), &[&[("whr", "AD AUTHORITY")], more].concat())
}

/// Loads the form again until a script says true.
pub(crate) async fn wait_for(browser: &Browser, lab: &Lab, condition: &str) -> Result<()> {
    let begin = Instant::now();
    let form = form(lab, &[])?;
    loop {
        browser.open(&form).await?;
        if browser.evaluate::<bool>(condition).await? {
            return Ok(());
        }
        ensure!(
            begin.elapsed() < START_LIMIT,
            "the server does not follow its theme: {condition}"
        );
    }
}

/// Address and the element that tells that the page is there, by the page's name.
fn pages(lab: &Lab) -> Result<BTreeMap<&'static str, (Url, &'static str)>> {
    let service = lab.outside();
    Ok(BTreeMap::from([
        (
            "sign-in",
            (
                form(lab, &[("username", "alice@contoso.test")])?,
                "passwordInput",
            ),
        ),
        ("home-realm", (request(service, &[])?, "otherOrganization")),
        (
            "idp-initiated",
            (
                service.join("/adfs/ls/idpinitiatedsignon.aspx")?,
                "idp_SignInButton",
            ),
        ),
        (
            "error",
            (
                service.join("/adfs/ls/?wa=wsignin1.0&wtrealm=urn:unknown")?,
                "errorMessage",
            ),
        ),
        (
            "signed-out",
            (service.join("/adfs/ls/?wa=wsignout1.0")?, "signoutArea"),
        ),
    ]))
}

fn in_language(url: &Url, tag: &str) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut().append_pair("mkt", tag);
    url
}

async fn picture(browser: &Browser, name: &str) -> Result<()> {
    if std::env::var_os("UPDATE_SCREENSHOTS").is_some() {
        let folder = paths::repository().join("docs/images");
        fs::create_dir_all(&folder)?;
        browser
            .screenshot(&folder.join(format!("{name}.png")))
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn axe_finds_nothing_on_any_page_in_any_layout_or_colour_scheme() -> Result<()> {
    let lab = Lab::start()?;
    let browser = Browser::start(lab.contract()).await?;
    let rules = rules()?;
    trust_fabrikam(&browser, &lab).await?;
    for layout in ["centred", "classic"] {
        let description = format!(
            "layout = \"{layout}\"\n[texts.default]\nprivacy_link = \"https://www.contoso.test/\"\nsign_in_page_description_text = \"For the people of Contoso.\"\n"
        );
        theme(&browser, &lab, &[("theme.toml", &description)], layout).await?;
        for (name, (url, element)) in pages(&lab)? {
            for (width, height) in [(1280, 800), (320, 640)] {
                browser.resize(width, height).await?;
                browser.open(&url).await?;
                browser.element(element).await?;
                match name {
                    "error" => browser.click("errorDetailsLink").await?,
                    "home-realm" => browser.click("otherOrganization").await?,
                    _ => {}
                }
                in_every_scheme(&browser, &rules, &format!("{name}-{layout}"), width).await?;
            }
        }
    }

    // The applications of somebody who is signed in.
    browser.open(&form(&lab, &[])?).await?;
    browser.fill("userNameInput", "alice@contoso.test").await?;
    browser.fill("passwordInput", "Pass@word1").await?;
    browser.click("submitButton").await?;
    browser.element("upn").await?;
    let list = lab.outside().join("/adfs/ls/idpinitiatedsignon.aspx")?;
    for (width, height) in [(1280, 800), (320, 640)] {
        browser.resize(width, height).await?;
        browser.open(&list).await?;
        browser.element("idp_SignOutButton").await?;
        in_every_scheme(&browser, &rules, "idp-initiated-signed-in", width).await?;
    }

    // The rules do look: a field without a name is found.
    let spoil =
        "document.getElementById('content').append(document.createElement('input')); return null";
    browser.evaluate::<Value>(spoil).await?;
    let found = violations(&browser, &rules).await?;
    assert!(
        found.iter().any(|rule| rule.starts_with("label")),
        "{found:#?}"
    );
    Ok(())
}

/// The page that is open, in each colour scheme.
async fn in_every_scheme(browser: &Browser, rules: &str, page: &str, width: u32) -> Result<()> {
    for (scheme, colours, forced) in SCHEMES {
        prefer(browser, colours, forced).await?;
        let place = format!("{page}, {scheme}, {width} pixels");
        let found = violations(browser, rules).await?;
        assert!(found.is_empty(), "{place}: {found:#?}");
        let out: Vec<String> = browser.evaluate(OVERFLOWING).await?;
        assert!(out.is_empty(), "{place} sticks out: {out:?}");
        if width > 320 || scheme == "light" {
            let kind = if width > 320 { scheme } else { "phone" };
            picture(browser, &format!("{page}-{kind}")).await?;
        }
    }
    // A page that is loaded with other colours keeps some of them when they change.
    prefer(browser, "light", "none").await
}

#[tokio::test]
async fn axe_finds_nothing_on_either_step_of_the_paginated_page() -> Result<()> {
    let lab = Lab::start()?;
    let browser = Browser::start(lab.contract()).await?;
    let rules = rules()?;
    configure(
        &lab,
        "[web]\nenable_paginated_authentication_pages = true\n",
    )?;
    for layout in ["centred", "classic"] {
        let description = format!(
            "layout = \"{layout}\"\n[texts.default]\nprivacy_link = \"https://www.contoso.test/\"\n"
        );
        theme(&browser, &lab, &[("theme.toml", &description)], layout).await?;
        wait_for(
            &browser,
            &lab,
            "return !!document.querySelector('.paginatedPageForm')",
        )
        .await?;
        let steps = [
            ("name-step", form(&lab, &[])?),
            (
                "password-step",
                form(&lab, &[("username", "alice@contoso.test")])?,
            ),
            (
                "password-step-rtl",
                form(&lab, &[("username", "alice@contoso.test"), ("mkt", "ar")])?,
            ),
        ];
        for (step, url) in steps {
            for (width, height) in [(1280, 800), (320, 640)] {
                browser.resize(width, height).await?;
                browser.open(&url).await?;
                browser.element("loginForm").await?;
                in_every_scheme(&browser, &rules, &format!("{step}-{layout}"), width).await?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_language_fits_a_narrow_phone_and_names_itself() -> Result<()> {
    let lab = Lab::start()?;
    let browser = Browser::start(lab.contract()).await?;
    let rules = rules()?;
    trust_fabrikam(&browser, &lab).await?;
    browser.resize(320, 640).await?;
    let mut headings = BTreeMap::new();
    for (tag, expected) in LANGUAGES {
        for (name, (url, element)) in pages(&lab)? {
            browser.open(&in_language(&url, tag)).await?;
            browser.element(element).await?;
            let language: String = browser
                .evaluate("return document.documentElement.lang")
                .await?;
            assert_eq!(language, expected, "{name}");
            let direction: String = browser
                .evaluate("return getComputedStyle(document.getElementById('content')).direction")
                .await?;
            let right_to_left = matches!(tag, "ar" | "he");
            assert_eq!(direction == "rtl", right_to_left, "{name} {tag}");
            let out: Vec<String> = browser.evaluate(OVERFLOWING).await?;
            assert!(out.is_empty(), "{name} in {tag} sticks out: {out:?}");
            if name == "sign-in" {
                headings.insert(browser.text("loginMessage").await?, tag);
                picture(&browser, &format!("sign-in-{tag}")).await?;
            }
        }
        let found = violations(&browser, &rules).await?;
        assert!(found.is_empty(), "{tag}: {found:#?}");
    }
    assert!(
        headings.len() >= LANGUAGES.len() - 1,
        "texts differ: {headings:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_theme_changes_the_pages_while_the_server_runs_and_a_broken_one_does_not() -> Result<()> {
    let lab = Lab::start()?;
    let browser = Browser::start(lab.contract()).await?;
    let logo = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"120\" height=\"24\"><rect width=\"120\" height=\"24\" fill=\"#7a1f5c\"/></svg>";
    let files = [
        ("logo.svg", logo),
        ("style.css", "#loginMessage { text-transform: uppercase }"),
        (
            "onload.js",
            "document.getElementById('loginMessage').dataset.theme = String(!!(Login.submitLoginRequest && LoginErrors && InputUtil && HRD.selection && SelectOption));",
        ),
        (
            "theme.toml",
            "layout = \"classic\"\n[colours]\naccent = \"#7a1f5c\"\n[texts.default]\nhelp_desk_link = \"https://help.contoso.test/\"\n[texts.de]\ncompany_name = \"Contoso DE\"\n",
        ),
    ];
    theme(&browser, &lab, &files, "classic").await?;
    let look = "
const style = id => getComputedStyle(document.getElementById(id));
return [style('loginMessage').textTransform, getComputedStyle(document.querySelector('.submitFrame')).backgroundColor,
  String(document.getElementById('companyLogo').naturalWidth), document.getElementById('loginMessage').dataset.theme,
  document.getElementById('helpDesk').href];";
    let seen: Vec<String> = browser.evaluate(look).await?;
    let expected = [
        "uppercase",
        "rgb(122, 31, 92)",
        "120",
        "true",
        "https://help.contoso.test/",
    ];
    assert_eq!(seen, expected);
    assert_eq!(browser.console_errors().await?, Vec::<String>::new());
    browser
        .open(&in_language(&request(lab.outside(), &[])?, "de-AT"))
        .await?;
    let logo = browser.element("companyLogo").await?;
    assert_eq!(logo.attr("alt").await?.as_deref(), Some("Contoso DE"));
    let address: String = browser
        .evaluate("return document.getElementById('companyLogo').src")
        .await?;
    let answer = lab.client()?.get(&Url::parse(&address)?).await?;
    assert_eq!(answer.header("content-type"), Some("image/svg+xml"));
    assert_eq!(
        answer.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));

    // Broken: refused with a reason, and the old one stays; mended: taken.
    let folder = lab.contract().config.adfs.with_file_name("web");
    let description = folder.join("theme.toml");
    fs::write(
        &description,
        "[colours]\naccent = \"url(https://evil.test)\"\n",
    )?;
    logged(&lab, "this is not a colour")?;
    wait_for(
        &browser,
        &lab,
        "return document.body.classList.contains('classic')",
    )
    .await?;
    remove(&folder)?;
    wait_for(&browser, &lab, "return document.body.classList.contains('centred') && !document.getElementById('companyLogo')").await
}

fn logged(lab: &Lab, needle: &str) -> Result<()> {
    let begin = Instant::now();
    while !lab.is_logged(needle)? {
        ensure!(
            begin.elapsed() < START_LIMIT,
            "{needle:?} is not in the log"
        );
        std::thread::yield_now();
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    Ok(fs::remove_dir_all(folder)?)
}
