//! Sessions and their cookies (spec passive-sign-in 6 and 2.12; security 2.6).

use anyhow::{Context as _, Result};
use end_to_end::lab::Lab;
use end_to_end::passive::{ENTRA, attempt, request, sign_in};
use end_to_end::token::Issued;
use url::Url;

fn sign_out(service: &Url, more: &str) -> Result<Url> {
    Ok(service.join(&format!("/adfs/ls/?wa=wsignout1.0{more}"))?)
}

#[tokio::test]
async fn cookies_are_secure_and_confined() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let user = lab.contract().user("alice")?;
    let signed_in = attempt(
        &client,
        &request(lab.outside(), &[])?,
        &user.upn,
        &user.password,
    )
    .await?;
    assert_eq!(signed_in.status, 302, "{}", signed_in.summary());
    let location = signed_in.redirect()?.context("no Location")?;
    assert_eq!(location.path(), "/adfs/ls/", "back to the same address");
    assert!(
        signed_in.cookies_set().contains(&"MSISAuth".to_owned()),
        "{:?}",
        signed_in.cookies_set()
    );
    let token = client.get(&location).await?;
    Issued::read(&token)?;
    let set = token.cookies_set();
    for name in [
        "MSISAuthenticated",
        "MSISLoopDetectionCookie",
        "MSISSignOut",
    ] {
        assert!(
            set.iter().any(|known| known.eq_ignore_ascii_case(name)),
            "{name} is not among {set:?}"
        );
    }
    for line in signed_in.set_cookie_lines().chain(token.set_cookie_lines()) {
        let attributes: Vec<String> = line
            .split(';')
            .skip(1)
            .map(|part| part.trim().to_ascii_lowercase())
            .collect();
        for needed in ["path=/adfs", "secure", "httponly"] {
            assert!(
                attributes.iter().any(|attribute| attribute == needed),
                "{needed} is missing: {line}"
            );
        }
        assert!(
            attributes
                .iter()
                .any(|attribute| attribute.starts_with("samesite=")),
            "{line}"
        );
        // KMSI is off by default: every cookie ends with the browser.
        assert!(
            !attributes
                .iter()
                .any(|attribute| attribute.starts_with("max-age")
                    || attribute.starts_with("expires")),
            "{line}"
        );
        assert!(
            !attributes
                .iter()
                .any(|attribute| attribute.starts_with("domain")),
            "{line}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_session_serves_silently_until_fresh_credentials_are_demanded() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    sign_in(
        &client,
        &request(lab.outside(), &[])?,
        lab.contract().user("alice")?,
    )
    .await?;

    Issued::read(&client.get(&request(lab.outside(), &[])?).await?).context("silent")?;
    Issued::read(
        &client
            .get(&request(lab.outside(), &[("wfresh", "60")])?)
            .await?,
    )
    .context("young enough")?;

    let fresh = [
        ("wfresh", "0"),
        (
            "wauth",
            "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password",
        ),
    ];
    let asked = client.get(&request(lab.outside(), &fresh)?).await?;
    assert!(
        asked.page().has("loginForm"),
        "wfresh=0 asks again: {}",
        asked.summary()
    );
    let user = lab.contract().user("alice")?;
    let issued = sign_in(&client, &request(lab.outside(), &fresh)?, user)
        .await
        .context("fresh credentials are enough")?;
    assert!(issued.field("wresult").is_some());
    let asked = client.get(&request(lab.outside(), &fresh)?).await?;
    assert!(
        asked.page().has("loginForm"),
        "the next demand asks again: {}",
        asked.summary()
    );

    for (wauth, why) in [
        (
            "http://schemas.microsoft.com/claims/multipleauthn",
            "no second factor is set up, and none may be invented",
        ),
        ("urn:unknown:method", "nobody knows this method"),
    ] {
        let refused = client
            .get(&request(lab.outside(), &[("wauth", wauth)])?)
            .await?;
        assert_eq!(refused.status, 400, "{why}: {}", refused.summary());
        assert!(
            refused
                .page()
                .text("errorCode")
                .is_some_and(|code| code.starts_with("MSIS7102")),
            "{}",
            refused.body
        );
    }
    Ok(())
}

#[tokio::test]
async fn damaged_and_foreign_session_cookies_are_as_good_as_none() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let asked = request(lab.outside(), &[])?;
    sign_in(&client, &asked, lab.contract().user("alice")?).await?;
    let cookies = client.cookies(&asked);
    let sealed = cookies
        .split("; ")
        .find_map(|pair| pair.strip_prefix("MSISAuth="))
        .context("no MSISAuth")?
        .to_owned();

    let works = lab.client()?;
    works.set_cookie(&asked, &format!("MSISAuth={sealed}; Path=/adfs; Secure"));
    Issued::read(&works.get(&asked).await?).context("the whole cookie alone works")?;

    let middle = sealed.len() / 2;
    let mut flipped = sealed.clone().into_bytes();
    if let Some(byte) = flipped.get_mut(middle) {
        *byte = if *byte == b'A' { b'B' } else { b'A' };
    }
    let damaged = [
        sealed.chars().take(middle).collect::<String>(),
        String::from_utf8(flipped)?,
        format!("{sealed}AAAA"),
        "AAEAAA==".to_owned(),
        "garbage%00%0d%0a".to_owned(),
        String::new(),
    ];
    for value in damaged {
        let client = lab.client()?;
        client.set_cookie(&asked, &format!("MSISAuth={value}; Path=/adfs; Secure"));
        let answer = client.get(&asked).await?;
        assert_eq!(answer.status, 200, "{value}: {}", answer.summary());
        assert!(
            answer.page().has("loginForm"),
            "{value}: {}",
            answer.summary()
        );
    }
    Ok(())
}

#[tokio::test]
async fn sign_out_ends_the_session_on_the_server_and_tells_every_application() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let asked = request(lab.outside(), &[])?;
    let issued = sign_in(&client, &asked, lab.contract().user("alice")?).await?;
    let copy = client.cookies(&asked);

    let ended = client.get(&sign_out(lab.outside(), "")?).await?;
    assert_eq!(ended.status, 200, "{}", ended.summary());
    assert!(ended.page().has("signoutArea"), "{}", ended.body);
    let cleanup = format!(
        "{}?wa=wsignoutcleanup1.0",
        issued.action.as_str().replace(":443/", "/")
    );
    assert!(
        ended.body.contains(&cleanup),
        "{cleanup} is not in {}",
        ended.body
    );
    let policy = ended.header("content-security-policy").unwrap_or_default();
    assert!(
        policy.contains(&format!(
            "frame-src {}",
            issued.action.origin().ascii_serialization()
        )),
        "{policy}"
    );
    assert!(
        client.get(&asked).await?.page().has("loginForm"),
        "signed out"
    );

    // A copy of the cookie made before is worth nothing now.
    let thief = lab.client()?;
    for pair in copy.split("; ").filter(|pair| pair.starts_with("MSISAuth")) {
        thief.set_cookie(&asked, &format!("{pair}; Path=/adfs; Secure"));
    }
    assert!(
        thief.get(&asked).await?.page().has("loginForm"),
        "a copied cookie outlives the sign-out"
    );

    // Without a session the same page; a return address only when it is registered.
    assert!(
        client
            .get(&sign_out(lab.outside(), "")?)
            .await?
            .page()
            .has("signoutArea")
    );
    let elsewhere = client
        .get(&sign_out(
            lab.outside(),
            "&wreply=https%3A%2F%2Fevil.example%2F",
        )?)
        .await?;
    assert_eq!(elsewhere.redirect()?, None, "{}", elsewhere.summary());
    assert!(
        !elsewhere.body.contains("evil.example"),
        "{}",
        elsewhere.body
    );
    let reply = issued.action.as_str().to_owned();
    let mut back = sign_out(lab.outside(), "")?;
    back.query_pairs_mut().append_pair("wreply", &reply);
    let back = lab.client()?.get(&back).await?;
    assert_eq!(back.redirect()?.map(|url| url.to_string()), Some(reply));
    Ok(())
}

#[tokio::test]
async fn a_browser_that_is_sent_round_in_a_loop_is_stopped() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let asked = request(lab.outside(), &[])?;
    sign_in(&client, &asked, lab.contract().user("alice")?).await?;
    for number in 2..=5 {
        Issued::read(&client.get(&asked).await?).with_context(|| format!("token {number}"))?;
    }
    let stopped = client.get(&asked).await?;
    assert!(
        (400..500).contains(&stopped.status),
        "{}",
        stopped.summary()
    );
    assert!(
        stopped
            .page()
            .text("errorCode")
            .is_some_and(|code| code.starts_with("MSIS7042")),
        "{}",
        stopped.body
    );
    assert!(!stopped.body.contains("wresult"), "{}", stopped.body);
    Ok(())
}

#[tokio::test]
async fn the_token_goes_nowhere_but_to_registered_addresses() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let issued = sign_in(
        &client,
        &request(lab.outside(), &[])?,
        lab.contract().user("alice")?,
    )
    .await?;
    let registered = issued.action.clone();

    let below = registered.join("login.srf/deeper")?;
    for good in [registered.as_str(), below.as_str()] {
        let answer = client
            .get(&request(lab.outside(), &[("wreply", good)])?)
            .await?;
        assert_eq!(
            Issued::read(&answer)?.action.as_str().replace(":443/", "/"),
            good.replace(":443/", "/")
        );
    }
    let host = registered.host_str().unwrap_or_default();
    let port = registered.port_or_known_default().unwrap_or_default();
    let bad = [
        "https://evil.example/login.srf".to_owned(),
        format!("http://{host}:{port}/login.srf"),
        format!("https://{host}/login.srf"),
        format!("https://{host}:{port}/"),
        format!("https://{host}:{port}/login.srfx"),
        format!("https://{host}:{port}/login.srf/../steal"),
        format!("https://{host}:{port}/login.srf/%2e%2e/steal"),
        format!("https://user@{host}:{port}/login.srf"),
        format!("https://{host}:{port}@evil.example/login.srf"),
        format!("https://{host}.evil.example:{port}/login.srf"),
        format!("https://{host}:{port}\\@evil.example/login.srf"),
        format!("https://{host}:{port}/login.srf#fragment"),
        "//evil.example/login.srf".to_owned(),
        "javascript:alert(1)".to_owned(),
        "/login.srf".to_owned(),
        String::new(),
    ];
    for wreply in &bad {
        client.set_cookie(
            lab.outside(),
            "MSISLoopDetectionCookie=; Path=/adfs; Max-Age=0; Secure",
        );
        let answer = client
            .get(&request(lab.outside(), &[("wreply", wreply)])?)
            .await?;
        if wreply.is_empty() && answer.status == 200 {
            assert_eq!(
                Issued::read(&answer)?.action,
                registered,
                "an empty wreply is none"
            );
            continue;
        }
        assert_eq!(answer.status, 400, "{wreply}: {}", answer.summary());
        assert!(
            !answer.body.contains("wresult"),
            "{wreply}: {}",
            answer.body
        );
        assert_eq!(answer.redirect()?, None);
    }
    // An identifier is compared as text.
    for realm in [
        ENTRA.to_ascii_lowercase(),
        format!("{ENTRA} "),
        format!("{ENTRA}/"),
        "urn:unknown".to_owned(),
    ] {
        let mut url = lab.outside().join("/adfs/ls/")?;
        url.query_pairs_mut()
            .append_pair("wa", "wsignin1.0")
            .append_pair("wtrealm", &realm);
        let answer = client.get(&url).await?;
        assert_eq!(answer.status, 400, "{realm}: {}", answer.summary());
        assert!(
            answer
                .page()
                .text("errorCode")
                .is_some_and(|code| code.starts_with("MSIS7007")),
            "{realm}: {}",
            answer.body
        );
    }
    Ok(())
}
