//! Pages and their headers as AD FS's clients and security policy expect them (spec passive-sign-in 5; security 3.2).

use anyhow::{Context as _, Result};
use end_to_end::http::Answer;
use end_to_end::lab::Lab;
use end_to_end::passive::{attempt, request, sign_in};

#[tokio::test]
async fn the_forms_page_has_every_id_and_name_that_clients_use() -> Result<()> {
    let lab = Lab::start()?;
    let odd = "x=%2f+%C3%A9&flag&popupui=1";
    let mut url = request(lab.outside(), &[("username", "a\"b<c@contoso.test")])?;
    url.set_query(url.query().map(|query| format!("{query}&{odd}")).as_deref());
    let answer = lab.client()?.get(&url).await?;
    assert_eq!(answer.status, 200, "{}", answer.summary());
    let page = answer.page();

    assert_eq!(page.title, "Sign In");
    for id in [
        "noScript",
        "fullPage",
        "brandingWrapper",
        "branding",
        "contentWrapper",
        "content",
        "header",
        "main",
        "workArea",
        "authArea",
        "loginArea",
        "loginMessage",
        "error",
        "errorText",
        "formsAuthenticationArea",
        "userNameArea",
        "passwordArea",
        "kmsiArea",
        "kmsiInput",
        "submissionArea",
        "submitButton",
        "authOptions",
        "authOptionLinks",
        "introduction",
        "footerPlaceholder",
        "footer",
        "footerLinks",
        "copyright",
    ] {
        assert!(page.has(id), "#{id} is missing");
    }
    assert_eq!(page.text("errorText"), Some(""));
    assert_eq!(
        page.attribute("userNameInputLabel", "for"),
        Some("userNameInput")
    );
    assert_eq!(
        page.attribute("passwordInputLabel", "for"),
        Some("passwordInput")
    );

    let login = page.form("loginForm").context("no loginForm")?;
    let inputs: Vec<_> = login
        .inputs
        .iter()
        .map(|input| {
            (
                input.id.as_str(),
                input.name.as_deref(),
                input.kind.as_str(),
                input.value.as_deref(),
            )
        })
        .collect();
    let expected = [
        (
            "userNameInput",
            Some("UserName"),
            "email",
            Some("a\"b<c@contoso.test"),
        ),
        ("passwordInput", Some("Password"), "password", None),
        ("kmsiInput", Some("Kmsi"), "checkbox", Some("true")),
        (
            "optionForms",
            Some("AuthMethod"),
            "hidden",
            Some("FormsAuthentication"),
        ),
    ];
    assert_eq!(inputs, expected);
    let options = page.form("options").context("no options form")?;
    let selection = options
        .inputs
        .iter()
        .find(|input| input.id == "optionSelection")
        .context("no optionSelection")?;
    assert_eq!(
        (selection.name.as_deref(), selection.value.as_deref()),
        (Some("AuthMethod"), None)
    );

    // Both forms lead back to the same transaction with everything that was asked, and with an id for the logs.
    let asked = url.query().unwrap_or_default();
    assert!(
        login.action.starts_with("/adfs/ls/?") && login.action.contains(asked),
        "{}",
        login.action
    );
    assert!(
        login.action.contains("client-request-id="),
        "{}",
        login.action
    );
    let origin = lab.outside().as_str().trim_end_matches('/');
    assert_eq!(
        options.action,
        format!("{origin}{}", login.action),
        "absolute, with the port"
    );
    Ok(())
}

#[tokio::test]
async fn every_page_carries_the_security_headers() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let asked = request(lab.outside(), &[])?;

    let form = client.get(&asked).await?;
    let refused = client.get(&lab.outside().join("/adfs/ls/")?).await?;
    for answer in [&form, &refused] {
        common_headers(answer);
        assert_eq!(
            answer.header("x-frame-options"),
            Some("DENY"),
            "{}",
            answer.url
        );
        let policy = answer
            .header("content-security-policy")
            .context("no policy")?;
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    let issued = sign_in(&client, &asked, lab.contract().user("alice")?).await?;
    assert_eq!(issued.field("wa"), Some("wsignin1.0"));
    let silent = client.get(&asked).await?;
    common_headers(&silent);
    assert_eq!(
        silent.header("x-frame-options"),
        None,
        "an answer with nothing to click works in a frame"
    );
    assert_eq!(silent.page().title, "Working...");
    // Where one public client cuts the page (spec 2.4).
    assert!(
        silent
            .body
            .contains("\" /><noscript><p>Script is disabled."),
        "{}",
        silent.body
    );
    assert!(silent.body.contains("method=\"POST\"") && silent.body.contains("name=\"hiddenform\""));
    Ok(())
}

fn common_headers(answer: &Answer) {
    let expected = [
        ("strict-transport-security", "max-age=31536000"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("content-type", "text/html; charset=utf-8"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.header(name), Some(value), "{name} of {}", answer.url);
    }
    for absent in ["server", "x-powered-by", "access-control-allow-origin"] {
        assert_eq!(answer.header(absent), None, "{absent} of {}", answer.url);
    }
}

#[tokio::test]
async fn what_no_protocol_claims_gets_the_error_page_and_the_activity_id_of_the_client()
-> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let id = "0a1b2c3d-4e5f-4061-8273-9405a6b7c8d9";

    let bare = client.get(&lab.outside().join("/adfs/ls/")?).await?;
    assert_eq!(bare.status, 400, "{}", bare.summary());
    assert!(
        bare.page()
            .text("errorCode")
            .is_some_and(|code| code.starts_with("MSIS7065")),
        "{}",
        bare.body
    );
    assert!(
        bare.page()
            .activity_id()
            .is_some_and(|id| uuid::Uuid::try_parse(id).is_ok())
    );

    let named = client
        .get(
            &lab.outside()
                .join(&format!("/adfs/ls/?client-request-id={id}"))?,
        )
        .await?;
    assert_eq!(named.page().activity_id(), Some(id));
    assert!(
        lab.is_logged(id)?,
        "the id is in the log:\n{}",
        lab.logs()?.tail()
    );

    let known = client
        .get(&request(lab.outside(), &[("client-request-id", id)])?)
        .await?;
    let other_case = client
        .get(&lab.outside().join(&format!(
            "/ADFS/LS?{}",
            known.url.query().unwrap_or_default()
        ))?)
        .await?;
    assert_eq!(known.status, 200);
    // The forms repeat the path as the server saw it; everything else is the same page.
    assert_eq!(
        other_case
            .body
            .replace("/ADFS/LS?", "/adfs/ls/?")
            .replace("/adfs/ls?", "/adfs/ls/?"),
        known.body
    );

    let off = client
        .get(&lab.outside().join("/adfs/portal/updatepassword/")?)
        .await?;
    assert_eq!(off.status, 404, "{}", off.summary());
    Ok(())
}

#[tokio::test]
async fn styles_and_scripts_are_named_by_their_content() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let answer = client.get(&request(lab.outside(), &[])?).await?;
    let mut seen = 0;
    for reference in answer
        .body
        .split(['"', '\''])
        .filter(|text| text.starts_with("/adfs/portal/"))
    {
        let (path, hash) = reference
            .split_once("?id=")
            .with_context(|| format!("{reference} has no hash"))?;
        assert!(
            hash.len() == 64
                && hash
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_lowercase()),
            "{hash}"
        );
        let file = client.get(&lab.outside().join(reference)?).await?;
        assert_eq!(file.status, 200, "{path}: {}", file.summary());
        assert_eq!(
            file.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        seen += 1;
    }
    assert!(seen >= 2, "a style sheet and a script: {}", answer.body);
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_keeps_the_name_and_forgets_the_password() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let wrong = "no such password 8241";
    let answer = attempt(
        &client,
        &request(lab.outside(), &[("wctx", "kept")])?,
        "alice@contoso.test",
        wrong,
    )
    .await?;
    assert_eq!(answer.status, 200);
    let page = answer.page();
    assert!(
        page.text("errorText")
            .is_some_and(|text| text.starts_with("Incorrect user ID or password")),
        "{}",
        answer.body
    );
    assert_eq!(
        page.attribute("userNameInput", "value"),
        Some("alice@contoso.test")
    );
    assert_eq!(page.attribute("passwordInput", "value"), None);
    assert!(!answer.body.contains(wrong));
    assert!(
        !answer
            .cookies_set()
            .iter()
            .any(|name| name.starts_with("MSISAuth")),
        "{:?}",
        answer.cookies_set()
    );

    // The same transaction goes on.
    let form = page.form("loginForm").context("no form")?;
    let fields = end_to_end::passive::credentials(
        "alice@contoso.test",
        &lab.contract().user("alice")?.password,
    );
    let answer = client
        .follow(client.submit(&answer, &form.action, &fields).await?)
        .await?;
    assert_eq!(
        end_to_end::token::Issued::read(&answer)?.field("wctx"),
        Some("kept")
    );
    Ok(())
}
