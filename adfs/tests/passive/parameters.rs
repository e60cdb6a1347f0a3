//! Each parameter of a WS-Federation request (spec passive-sign-in 2.2): what it changes, and what it must not break.

use time::Duration;

use crate::{APP, Service};

const METHOD: &str = "http%3A%2F%2Fschemas.microsoft.com%2Fws%2F2008%2F06%2Fidentity%2Fauthenticationmethod%2Fpassword";

/// Noise, and wishes that ask for nothing here: the form, and a token afterwards.
const HARMLESS: [&str; 16] = [
    "wct=2026-01-01T00%3A00%3A00Z",
    "wct=yesterday",
    "wreq=%3Ct%3ARequestSecurityToken%2F%3E",
    "wreq=%3Cnot+xml",
    "wp=MBI_SSL&wencoding=none",
    "whr=AD%20AUTHORITY",
    "whr=http%3A%2F%2Fsts.contoso.test%2Fadfs%2Fservices%2Ftrust",
    "whr=urn%3Anobody",
    "RedirectToIdentityProvider=AD+AUTHORITY",
    "domain_hint=contoso.test",
    "pullStatus=0&deviceAuthenticationMethod=TlsHandler",
    "cbcxt=a&popupui=1&vv=2&msafed=0&lc=1033&unknown=%C3%A9%26",
    "wauth=",
    "wfresh=",
    "wfresh=600",
    "prompt=select_account",
];

#[actix_web::test]
async fn what_asks_for_nothing_here_breaks_nothing_and_survives_in_the_form() {
    let service = Service::start("", "").await;
    for parameter in HARMLESS {
        let mut browser = service.browser();
        let target = format!("{APP}&{parameter}");
        let page = browser.get(&target).await;
        assert!(page.asks(), "{parameter}: {}", page.body);
        let written = parameter.replace('&', "&#38;");
        let form = |id: &str| {
            let rest = page.body.split(&format!("id=\"{id}\"")).nth(1);
            rest.and_then(|rest| rest.split('>').next())
                .map(str::to_owned)
        };
        for id in ["loginForm", "options"] {
            let tag = form(id).expect("a form");
            assert!(tag.contains(&written), "{parameter} in {id}: {tag}");
        }
        let page = browser.sign_in(&target, "alice@contoso.test", &[]).await;
        assert!(page.has_token(), "{parameter}: {}", page.body);
    }
}

#[actix_web::test]
async fn what_cannot_be_met_or_understood_is_refused() {
    let service = Service::start("", "").await;
    for (parameter, code) in [
        (
            "wauth=urn%3Afederation%3Aauthentication%3Awindows",
            "MSIS7102",
        ),
        ("wauth=urn%3Anothing", "MSIS7102"),
        ("wfresh=soon", "MSIS7000"),
        ("wfresh=-1", "MSIS7000"),
        ("wreq=a&wreqptr=b", "MSIS7000"),
        ("wtrealm=urn%3Aother", "MSIS7000"),
        ("wreply=https%3A%2F%2Fevil.test%2F", "MSIS7000"),
    ] {
        let mut browser = service.browser();
        let page = browser.get(&format!("{APP}&{parameter}")).await;
        assert_eq!(page.status, 400, "{parameter}: {}", page.body);
        assert!(page.body.contains(code), "{parameter}: {}", page.body);
    }
}

#[actix_web::test]
async fn the_name_is_filled_in_from_either_parameter() {
    let service = Service::start("", "").await;
    for (parameters, value) in [
        ("username=alice%40contoso.test", "alice@contoso.test"),
        ("login_hint=bob%40contoso.test", "bob@contoso.test"),
        ("username=a&login_hint=b", "a"),
        ("username=%22%3E%3Cscript%3E", "&#34;&#62;&#60;script&#62;"),
    ] {
        let page = service.browser().get(&format!("{APP}&{parameters}")).await;
        let field = format!("name=\"UserName\" type=\"email\" value=\"{value}\"");
        assert!(page.body.contains(&field), "{parameters}: {}", page.body);
    }
}

#[actix_web::test]
async fn the_language_is_that_of_mkt_then_of_ui_locales() {
    let service = Service::start("", "").await;
    for (parameters, tag, direction) in [
        ("mkt=de-DE", "de-DE", "ltr"),
        ("ui_locales=fr", "fr-FR", "ltr"),
        ("mkt=ar-SA&ui_locales=de", "ar-SA", "rtl"),
        ("mkt=xx&ui_locales=yy", "en-US", "ltr"),
        ("mkt=%22%3E", "en-US", "ltr"),
    ] {
        let page = service.browser().get(&format!("{APP}&{parameters}")).await;
        assert!(
            page.body.contains(&format!("<html lang=\"{tag}\">")),
            "{parameters}"
        );
        assert!(
            page.body.contains(&format!("<body dir=\"{direction}\"")),
            "{parameters}"
        );
    }
}

#[actix_web::test]
async fn the_activity_is_named_by_the_client_when_it_sends_a_guid() {
    const GUID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let service = Service::start("", "").await;
    let error = "/adfs/ls/?wa=wsignin1.0&wtrealm=urn%3Anobody";
    let page = service
        .browser()
        .get(&format!("{error}&client-request-id={GUID}"))
        .await;
    assert!(page.body.contains(GUID), "{}", page.body);
    let page = service
        .browser()
        .get(&format!("{error}&client-request-id=%3Cx%3E"))
        .await;
    assert!(!page.body.contains("<x>"), "{}", page.body);
    // Without one, every address of ours gains one, and a given one is not doubled.
    let page = service.browser().get(APP).await;
    assert_eq!(
        page.body.matches("client-request-id=").count(),
        2,
        "{}",
        page.body
    );
    let page = service
        .browser()
        .get(&format!("{APP}&client-request-id={GUID}"))
        .await;
    assert_eq!(
        page.body.matches("client-request-id=").count(),
        2,
        "{}",
        page.body
    );
}

#[actix_web::test]
async fn a_maximum_age_and_a_prompt_ask_again() {
    let service = Service::start("loop_detection_enabled = false", "").await;
    let mut browser = service.browser();
    browser.sign_in(APP, "alice@contoso.test", &[]).await;
    service.clock.advance(Duration::minutes(10));
    for (parameters, asks) in [
        ("wfresh=11", false),
        ("wfresh=9", true),
        ("wfresh=0", true),
        ("prompt=login", true),
        ("prompt=none", false),
    ] {
        let page = browser.get(&format!("{APP}&{parameters}")).await;
        assert_eq!(page.asks(), asks, "{parameters}: {}", page.body);
    }
    // A password was given, so a demand for one is met without asking.
    let page = browser.get(&format!("{APP}&wauth={METHOD}")).await;
    assert!(page.has_token(), "{}", page.body);
}
