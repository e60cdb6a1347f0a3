//! Apache httpd with mod_auth_mellon as a relying party: sign-in and single logout by another implementation of SAML 2.0
//! (spec passive-sign-in 3; Lasso is the library under mellon).

use anyhow::{Context as _, Result, ensure};
use end_to_end::browser::Browser;
use end_to_end::http::{Answer, Client};
use end_to_end::lab::Lab;
use end_to_end::mellon::{Mellon, Options};
use end_to_end::passive::credentials;
use end_to_end::saml::answer::go_on;
use end_to_end::saml::service_provider::{name_id, register, rules};

const REDIRECT: &str = "HTTP-Redirect";
const POST: &str = "HTTP-POST";

async fn start(lab: &Lab, options: Options<'_>, settings: &[&str]) -> Result<Mellon> {
    let mellon = Mellon::start(lab, options).await?;
    // Mellon asks for a transient identifier, and only rules can make it one.
    let identifier = register(
        lab,
        options.name,
        &mellon.metadata,
        &rules(name_id::TRANSIENT),
        settings,
    )?;
    assert_eq!(identifier, mellon.entity_id);
    Ok(mellon)
}

/// Asks for the protected page and goes on to whatever stops the way.
async fn ask(client: &Client, mellon: &Mellon) -> Result<Answer> {
    go_on(client, client.get(&mellon.protected()?).await?).await
}

async fn sign_in(client: &Client, lab: &Lab, mellon: &Mellon) -> Result<Answer> {
    let form_page = ask(client, mellon).await?;
    let user = lab.contract().user("alice")?;
    let page = form_page.page();
    let form = page
        .form("loginForm")
        .with_context(|| format!("no sign-in form: {}", form_page.summary()))?;
    let answer = client
        .submit(
            &form_page,
            &form.action,
            &credentials(&user.upn, &user.password),
        )
        .await?;
    let end = go_on(client, answer).await?;
    ensure!(
        end.status == 200 && end.page().has("seen"),
        "mellon refuses: {}\n{}",
        end.summary(),
        mellon.last_lines()
    );
    Ok(end)
}

fn assert_alice(answer: &Answer) {
    let page = answer.page();
    let seen = page.text("seen").unwrap_or_default();
    for line in [
        "NAME_ID=alice@contoso.test",
        "MAIL=alice@contoso.test",
        "UPN=alice@contoso.test",
    ] {
        assert!(
            seen.lines().any(|known| known == line),
            "no {line} in {seen}"
        );
    }
}

#[tokio::test]
async fn mellon_signs_in_by_both_bindings_plain_and_encrypted() -> Result<()> {
    let lab = Lab::start()?;
    for (name, binding, encrypted, settings) in [
        ("redirect", REDIRECT, false, vec![]),
        (
            "post",
            POST,
            false,
            vec!["saml_response_signature=MessageAndAssertion"],
        ),
        ("encrypted", REDIRECT, true, vec![]),
        (
            "strict",
            POST,
            true,
            vec![
                "saml_response_signature=MessageAndAssertion",
                "signed_saml_requests_required=true",
            ],
        ),
    ] {
        let options = Options {
            name,
            encrypted,
            binding,
        };
        let mellon = start(&lab, options, &settings).await?;
        let client = lab.client()?;
        let page = sign_in(&client, &lab, &mellon)
            .await
            .with_context(|| format!("mellon {name}"))?;
        assert_alice(&page);
    }
    Ok(())
}

#[tokio::test]
async fn a_sign_out_at_mellon_ends_the_session_at_the_federation_server() -> Result<()> {
    let lab = Lab::start()?;
    let options = Options {
        name: "mellon",
        encrypted: false,
        binding: REDIRECT,
    };
    let mellon = start(&lab, options, &[]).await?;
    let client = lab.client()?;
    sign_in(&client, &lab, &mellon).await?;
    let end = go_on(&client, client.get(&mellon.logout()?).await?).await?;
    assert_eq!(end.url.path(), "/public/index.html", "{}", end.summary());
    assert_eq!(end.status, 200, "{}", end.summary());
    let again = ask(&client, &mellon).await?;
    assert!(
        again.page().form("loginForm").is_some(),
        "still signed in: {}",
        again.summary()
    );
    // And once more from the start, so that nothing of the old session stands in the way.
    assert_alice(&sign_in(&client, &lab, &mellon).await?);
    Ok(())
}

#[tokio::test]
async fn a_sign_out_at_the_federation_server_ends_the_session_at_mellon() -> Result<()> {
    let lab = Lab::start()?;
    let options = Options {
        name: "mellon",
        encrypted: false,
        binding: REDIRECT,
    };
    let mellon = start(&lab, options, &[]).await?;
    let client = lab.client()?;
    sign_in(&client, &lab, &mellon).await?;
    // Mellon's own session lets us in without the federation server.
    let own = client.get(&mellon.protected()?).await?;
    assert_eq!(own.status, 200, "{}", own.summary());
    let sign_out = lab.outside().join("/adfs/ls/?wa=wsignout1.0")?;
    let end = go_on(&client, client.get(&sign_out).await?).await?;
    assert!(end.page().has("signoutArea"), "{}", end.summary());
    let after = client.get(&mellon.protected()?).await?;
    assert_ne!(
        after.status,
        200,
        "mellon was not told: {}",
        after.summary()
    );
    Ok(())
}

#[tokio::test]
async fn chromium_signs_in_to_mellon_with_encryption() -> Result<()> {
    let lab = Lab::start()?;
    let options = Options {
        name: "mellon",
        encrypted: true,
        binding: POST,
    };
    let mellon = start(&lab, options, &[]).await?;
    let browser = Browser::start_believing(lab.contract(), &[mellon.origin()]).await?;
    let user = lab.contract().user("alice")?;
    browser.open(&mellon.protected()?).await?;
    browser.element("userNameInput").await?;
    browser.fill("userNameInput", &user.upn).await?;
    browser.fill("passwordInput", &user.password).await?;
    browser.click("submitButton").await?;
    let seen = browser.text("seen").await?;
    assert!(seen.contains("NAME_ID=alice@contoso.test"), "{seen}");
    Ok(())
}
