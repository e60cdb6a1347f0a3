//! How long a session serves (spec passive-sign-in 6.2, checks 60 to 62).

use time::Duration;
use time::format_description::well_known::Rfc3339;

use crate::browser::Browser;
use crate::directory::Person;
use crate::{APP, NOW, OTHER, Service};

const KEEP: [(&str, &str); 1] = [("Kmsi", "true")];
const KMSI: &str = "kmsi_enabled = true\nkmsi_lifetime_mins = 2880";
const PSSO: &str = "2014/03";

#[actix_web::test]
async fn a_second_application_asks_nothing_until_the_sso_lifetime_is_over() {
    let service = Service::start("", "").await;
    let mut browser = service.browser();
    assert!(
        browser
            .sign_in(APP, "alice@contoso.test", &[])
            .await
            .has_token()
    );
    assert_eq!(browser.keeps_session_for(), None);
    service.clock.advance(Duration::minutes(479));
    // Not sliding: the use a minute before the end does not move it.
    assert!(browser.get(OTHER).await.has_token());
    service.clock.advance(Duration::minutes(1));
    assert!(browser.get(OTHER).await.asks());
}

#[actix_web::test]
async fn who_asks_to_stay_signed_in_does_so_only_where_that_is_offered() {
    let service = Service::start("", "").await;
    let mut browser = service.browser();
    assert!(!browser.get(APP).await.offers_to_stay());
    let answer = browser.sign_in(APP, "alice@contoso.test", &KEEP).await;
    assert!(answer.has_token() && !answer.body.contains(PSSO));
    assert_eq!(browser.keeps_session_for(), None);
    browser.close();
    assert!(browser.get(APP).await.asks());

    let service = Service::start(KMSI, "").await;
    let mut browser = service.browser();
    assert!(browser.get(APP).await.offers_to_stay());
    let answer = browser.sign_in(APP, "alice@contoso.test", &[]).await;
    assert!(answer.has_token() && !answer.body.contains(PSSO));
    assert_eq!(browser.keeps_session_for(), None);
    let mut browser = service.browser();
    let answer = browser.sign_in(APP, "alice@contoso.test", &KEEP).await;
    assert!(
        answer.has_token() && answer.body.contains(PSSO),
        "{}",
        answer.body
    );
    assert_eq!(browser.keeps_session_for(), Some(2880 * 60));
    browser.close();
    service.clock.advance(Duration::minutes(2879));
    assert!(browser.get(OTHER).await.has_token());
    service.clock.advance(Duration::minutes(1));
    assert!(browser.get(OTHER).await.asks());
}

#[actix_web::test]
async fn what_is_offered_no_more_ends_the_sessions_that_came_of_it() {
    for without in [
        "",
        "kmsi_enabled = true\npersistent_sso_enabled = false",
        "kmsi_enabled = true\npersistent_sso_cutoff_time = 2025-06-02T12:00:01Z",
        "kmsi_enabled = true\npersistent_sso_cutoff_time = \"2025-06-02T13:00:01+01:00\"",
    ] {
        let mut service = Service::start(KMSI, "").await;
        let mut plain = service.browser();
        plain.sign_in(APP, "alice@contoso.test", &[]).await;
        let mut kept = service.browser();
        kept.sign_in(APP, "alice@contoso.test", &KEEP).await;
        assert!(kept.get(OTHER).await.has_token());
        let (plain, kept) = (plain.cookies, kept.cookies);
        service.reload(without).await;
        let mut browser = service.browser();
        browser.cookies = kept;
        assert!(browser.get(OTHER).await.asks(), "{without}");
        browser.cookies = plain;
        assert!(browser.get(OTHER).await.has_token(), "{without}");
    }
}

#[actix_web::test]
async fn a_session_that_began_after_the_cutoff_is_kept() {
    let cutoff = format!("{KMSI}\npersistent_sso_cutoff_time = 2025-06-02T11:59:59Z");
    let service = Service::start(&cutoff, "").await;
    let mut browser = service.browser();
    browser.sign_in(APP, "alice@contoso.test", &KEEP).await;
    browser.close();
    assert!(browser.get(APP).await.has_token());
}

#[actix_web::test]
async fn a_changed_password_and_a_disabled_account_end_every_kind_of_session() {
    // 2025-06-02 12:01, as AD writes it.
    let changed = Person::new("alice").with("pwdLastSet", b"133933392600000000");
    let disabled = Person::new("alice").with("userAccountControl", b"514");
    for people in [vec![changed], vec![disabled], vec![]] {
        let service = Service::start(KMSI, "").await;
        let mut plain = service.browser();
        plain.sign_in(APP, "alice@contoso.test", &[]).await;
        let mut kept = service.browser();
        kept.sign_in(APP, "alice@contoso.test", &KEEP).await;
        service.clock.advance(Duration::minutes(2));
        assert!(plain.get(APP).await.has_token() && kept.get(APP).await.has_token());
        service.directory.set_people(people);
        assert!(plain.get(APP).await.asks() && kept.get(APP).await.asks());
    }
}

#[actix_web::test]
async fn an_application_that_always_wants_a_sign_in_and_a_service_without_sso_ask_each_time() {
    for (properties, trust, elsewhere) in [
        ("", "always_require_authentication = true", true),
        ("sso_enabled = false\nkmsi_enabled = true", "", false),
    ] {
        let service = Service::start(properties, trust).await;
        let mut browser = service.browser();
        assert!(!browser.get(APP).await.offers_to_stay());
        let answer = browser.sign_in(APP, "alice@contoso.test", &KEEP).await;
        assert!(answer.has_token(), "{properties}{trust}: {}", answer.body);
        assert_eq!(browser.keeps_session_for(), None);
        assert!(browser.get(APP).await.asks(), "{properties}{trust}");
        let answer = browser.get(OTHER).await;
        assert_eq!(answer.has_token(), elsewhere, "{properties}{trust}");
    }
}

/// Follows what another process did, which takes a server a second at the most.
async fn is_asked_soon(browser: &mut Browser<'_>) {
    let start = std::time::Instant::now();
    while !browser.get(APP).await.asks() {
        let waited = start.elapsed();
        assert!(waited < std::time::Duration::from_secs(10), "a token still");
    }
}

#[actix_web::test]
async fn revoked_sessions_are_over_and_others_go_on() {
    let service = Service::start("loop_detection_enabled = false\nkmsi_enabled = true", "").await;
    let mut alice = service.browser();
    alice.sign_in(APP, "alice@contoso.test", &KEEP).await;
    let mut bob = service.browser();
    bob.sign_in(APP, "bob@contoso.test", &[]).await;
    service.clock.advance(Duration::minutes(1));
    let before = |minutes| {
        let before = NOW + Duration::minutes(minutes);
        before.format(&Rfc3339).expect("a time")
    };
    let revoke = async |arguments: &[&str]| {
        let all = [&["session", "revoke"], arguments].concat();
        let output = service.command(&all).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let told = revoke(&["--user", "alice@contoso.test", "--before", &before(0)]).await;
    assert!(told.contains("CONTOSO\\alice"), "{told}");
    is_asked_soon(&mut alice).await;
    assert!(bob.get(APP).await.has_token());
    // A new sign-in is not touched.
    assert!(
        alice
            .sign_in(APP, "alice@contoso.test", &[])
            .await
            .has_token()
    );
    assert!(alice.get(OTHER).await.has_token());
    revoke(&["--before", &before(1)]).await;
    is_asked_soon(&mut alice).await;
    assert!(bob.get(APP).await.asks());
}

#[actix_web::test]
async fn a_revocation_that_cannot_be_meant_is_refused() {
    let service = Service::start("", "").await;
    for (arguments, told) in [
        (&["--before", "2999-01-01T00:00:00Z"][..], "in the future"),
        (&["--user", "nobody@contoso.test"], "cannot be found"),
        (
            &["--user", "ann", "--claims-provider", "urn:none"],
            "no claims provider trust",
        ),
        (&[], "--user"),
        (&["--all", "--user", "alice"], "cannot be used with"),
    ] {
        let all = [&["session", "revoke"], arguments].concat();
        let output = service.command(&all).await;
        let error = String::from_utf8(output.stderr).expect("text");
        assert!(
            !output.status.success() && error.contains(told),
            "{arguments:?}: {error}"
        );
    }
}
