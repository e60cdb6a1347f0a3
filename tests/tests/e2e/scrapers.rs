//! Command-line clients that read AD FS's pages (spec passive-sign-in 5.10), as they go about it over WS-Federation; module
//! `idp_initiated` has them with their own protocol, SAML 2.0.

use anyhow::{Context as _, Result, ensure};
use end_to_end::form::{Form, Page};
use end_to_end::http::{Answer, Client};
use end_to_end::lab::Lab;
use end_to_end::passive::{credentials, request};
use end_to_end::token::Issued;

/// saml2aws: every input whose name tells a user or a password is filled in, every other input with a value is copied,
/// whatever form it is in, and all goes to the action of the last form.
pub(crate) fn fill_in_as_saml2aws(
    page: &Page,
    name: &str,
    password: &str,
) -> Result<(String, Vec<(String, String)>)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    let inputs = page.forms.iter().flat_map(|form: &Form| &form.inputs);
    for input in inputs {
        let Some(field) = &input.name else { continue };
        let lower = field.to_ascii_lowercase();
        let typed = input.kind != "hidden";
        let value = if typed && (lower.contains("user") || lower.contains("email")) {
            Some(name.to_owned())
        } else if typed && lower.contains("pass") {
            Some(password.to_owned())
        } else {
            input.value.clone()
        };
        if let Some(value) = value {
            fields.push((field.clone(), value));
        }
    }
    let action = page.forms.last().context("no form")?.action.clone();
    ensure!(!action.is_empty(), "the last form has no action");
    Ok((action, fields))
}

async fn walk(client: &Client, lab: &Lab, password: &str) -> Result<Answer> {
    let start = client
        .follow(
            client
                .get(&request(lab.outside(), &[("wctx", "x")])?)
                .await?,
        )
        .await?;
    let (action, fields) = fill_in_as_saml2aws(&start.page(), "alice@contoso.test", password)?;
    client
        .follow(client.submit(&start, &action, &fields).await?)
        .await
}

#[tokio::test]
async fn a_client_that_fills_in_every_field_and_posts_to_the_last_form_gets_in() -> Result<()> {
    let lab = Lab::start()?;
    let wrong = walk(&lab.client()?, &lab, "Pass@word2").await?;
    assert!(
        wrong
            .page()
            .text("errorText")
            .is_some_and(|text| text.starts_with("Incorrect user ID or password")),
        "{}",
        wrong.body
    );

    let end = walk(&lab.client()?, &lab, "Pass@word1").await?;
    assert_eq!(Issued::read(&end)?.field("wctx"), Some("x"));
    for form in end.page().forms {
        assert!(
            form.inputs
                .iter()
                .filter(|input| input.kind != "submit")
                .all(|input| input.name.is_some()),
            "an input without a name stops saml2aws"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_single_post_with_no_page_no_cookie_and_no_token_gets_in() -> Result<()> {
    let lab = Lab::start()?;
    for service in [lab.outside(), lab.inside()] {
        let client = lab.client()?;
        let answer = client
            .post(
                &request(service, &[])?,
                &credentials("alice@contoso.test", "Pass@word1"),
            )
            .await?;
        assert_eq!(
            answer.status,
            302,
            "sprayers and clients take 302 for success: {}",
            answer.summary()
        );
        assert!(answer.cookies_set().contains(&"MSISAuth".to_owned()));
        Issued::read(&client.follow(answer).await?)?;
    }
    // The same from another site's page is what must not work (login by another's hand).
    for (header, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
    ] {
        let client = lab.client()?.with_header(header, value)?;
        let answer = client
            .post(
                &request(lab.outside(), &[])?,
                &credentials("alice@contoso.test", "Pass@word1"),
            )
            .await?;
        assert_eq!(
            answer.status,
            403,
            "{header}: {value}: {}",
            answer.summary()
        );
        assert!(
            !answer
                .cookies_set()
                .iter()
                .any(|name| name.starts_with("MSISAuth"))
        );
    }
    let own = lab.outside().origin().ascii_serialization();
    let client = lab
        .client()?
        .with_header("Origin", &own)?
        .with_header("Sec-Fetch-Site", "same-origin")?;
    let answer = client
        .post(
            &request(lab.outside(), &[])?,
            &credentials("alice@contoso.test", "Pass@word1"),
        )
        .await?;
    assert_eq!(answer.status, 302, "{}", answer.summary());
    Ok(())
}
