//! A claims provider that signs whatever a test wants, and a browser with cookies.

use std::collections::BTreeMap;

use actix_web::App;
use actix_web::cookie::Cookie;
use actix_web::http::header;
use actix_web::test as web_test;
use actix_web::web::Data;
use federation::saml11::{Assertion as Token, Claim as TokenClaim, NameIdentifier};
use federation::signature::{SignatureAlgorithm, SigningKey};
use federation::wsfed::{TokenType, request_security_token_response};
use federation::xml::Fragment;
use federation::xmlenc::ContentEncryption;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};
use tempfile::TempDir;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::clock::Clock;
use crate::server::{SignInRate, routes};
use crate::state::Federation;

pub(in crate::server) const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);
pub(in crate::server) const PROVIDER: &str = "http://idp.test/adfs/services/trust";
pub(in crate::server) const US: &str = "http://sts.contoso.test/adfs/services/trust";
pub(in crate::server) const START: &str = "/adfs/ls/?wa=wsignin1.0&wtrealm=urn%3Aapp&wctx=a%26b";
pub(in crate::server) const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";

pub(in crate::server) fn key_pair() -> (PKey<Private>, X509) {
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "idp.test").expect("a name");
    let name = name.build();
    let mut certificate = X509::builder().expect("a certificate");
    certificate.set_version(2).expect("a version");
    let serial = BigNum::from_u32(1).and_then(|number| number.to_asn1_integer());
    certificate
        .set_serial_number(&serial.expect("a number"))
        .expect("a number");
    certificate.set_subject_name(&name).expect("a name");
    certificate.set_issuer_name(&name).expect("a name");
    certificate.set_pubkey(&key).expect("a key");
    let (start, end) = (Asn1Time::from_unix(0), Asn1Time::from_unix(4_000_000_000));
    certificate
        .set_not_before(&start.expect("a time"))
        .expect("a time");
    certificate
        .set_not_after(&end.expect("a time"))
        .expect("a time");
    certificate
        .sign(&key, MessageDigest::sha256())
        .expect("a signature");
    (key, certificate.build())
}

/// What the claims provider says; tests change it.
#[derive(Clone)]
pub(in crate::server) struct Word {
    pub(in crate::server) id: &'static str,
    pub(in crate::server) issuer: &'static str,
    pub(in crate::server) audience: &'static str,
    pub(in crate::server) not_before: OffsetDateTime,
    pub(in crate::server) not_on_or_after: OffsetDateTime,
    pub(in crate::server) signed_in: OffsetDateTime,
    pub(in crate::server) algorithm: SignatureAlgorithm,
}

impl Default for Word {
    fn default() -> Word {
        Word {
            id: "_1",
            issuer: PROVIDER,
            audience: US,
            not_before: NOW,
            not_on_or_after: NOW + Duration::hours(1),
            signed_in: NOW,
            algorithm: SignatureAlgorithm::RsaSha256,
        }
    }
}

impl Word {
    pub(in crate::server) fn wresult(&self, key: &SigningKey) -> String {
        self.response(key, |token| token)
    }

    fn response(&self, key: &SigningKey, wrap: impl FnOnce(Fragment) -> Fragment) -> String {
        let token = Token {
            id: self.id,
            issuer: self.issuer,
            issued: self.not_before,
            not_before: self.not_before,
            not_on_or_after: self.not_on_or_after,
            audience: self.audience,
            name_identifier: Some(NameIdentifier {
                value: "ann",
                format: None,
                qualifier: None,
            }),
            claims: vec![TokenClaim {
                claim_type: UPN,
                value: "ann@idp.test",
                value_type: "http://www.w3.org/2001/XMLSchema#string",
                original_issuer: None,
            }],
            authentication_method: "urn:oasis:names:tc:SAML:1.0:am:password",
            authentication_instant: self.signed_in,
        };
        let signed = key
            .sign(token.write().expect("a token"), self.algorithm)
            .expect("signed");
        request_security_token_response(
            &wrap(signed),
            TokenType::Saml11,
            self.not_before,
            self.not_on_or_after,
            self.audience,
        )
        .expect("a response")
    }
}

pub(in crate::server) struct Service {
    pub(in crate::server) federation: std::sync::Arc<Federation>,
    pub(in crate::server) clock: Clock,
    pub(in crate::server) provider: SigningKey,
    folder: TempDir,
}

impl Service {
    pub(in crate::server) async fn start(trust: &str, party: &str) -> Service {
        let trust = format!(
            r#"
            name = "Fabrikam"
            identifier = "{PROVIDER}"
            ws_fed_endpoint = "https://idp.test/adfs/ls/"
            token_signing_certificate = "idp.pem"
            acceptance_transform_rules = 'c:[Type == "{UPN}"] => issue(claim = c);'
            {trust}"#
        );
        Service::start_with(&trust, party, &[]).await
    }

    /// With a whole trust file, and files beside it.
    pub(in crate::server) async fn start_with(
        trust: &str,
        party: &str,
        files: &[(&str, &[u8])],
    ) -> Service {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &[u8]| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        let (tls_key, tls) = key_pair();
        file("tls/certificate.pem", &tls.to_pem().expect("PEM"));
        file(
            "tls/key.pem",
            &tls_key.private_key_to_pem_pkcs8().expect("PEM"),
        );
        file("password", b"Pass@word1");
        file(
            "adfs.toml",
            br#"
            [service]
            host_name = "sts.contoso.test"
            [https]
            certificate = "tls/certificate.pem"
            private_key = "tls/key.pem"
            [directories.contoso]
            servers = ["ldaps://127.0.0.1:1"]
            bind_dn = "CN=adfs,DC=contoso,DC=test"
            bind_password_file = "password"
            base_dn = "DC=contoso,DC=test"
            net_bios_name = "CONTOSO"
            "#,
        );
        let party = format!(
            r#"
            name = "App"
            identifiers = ["urn:app"]
            ws_fed_endpoint = "https://app.corp.test/"
            access_control_policy_name = "Permit everyone"
            issuance_transform_rules = 'c:[Type == "{UPN}"] => issue(claim = c);'
            {party}"#
        );
        file("trusts/relying-parties/app.toml", party.as_bytes());
        let (key, certificate) = key_pair();
        file(
            "trusts/claims-providers/idp.pem",
            &certificate.to_pem().expect("PEM"),
        );
        for (name, octets) in files {
            file(&format!("trusts/claims-providers/{name}"), octets);
        }
        file("trusts/claims-providers/idp.toml", trust.as_bytes());
        std::fs::create_dir_all(folder.path().join("state")).expect("a folder");
        let clock = Clock::fixed(NOW);
        let federation = Federation::open(&folder.path().join("adfs.toml"), clock.clone()).await;
        Service {
            federation: federation.expect("a service"),
            clock,
            provider: SigningKey::new(key, &certificate).expect("a key"),
            folder,
        }
    }

    /// Adds a relying party trust, or replaces it.
    pub(in crate::server) async fn with_party(&self, file: &str, text: &str) {
        let folder = self.folder.path().join("trusts/relying-parties");
        std::fs::write(folder.join(file), text).expect("a file");
        self.federation.reload().await.expect("a configuration");
    }

    pub(in crate::server) fn browser(&self) -> Browser<'_> {
        Browser {
            service: self,
            cookies: BTreeMap::new(),
        }
    }
}

pub(in crate::server) struct Answer {
    pub(in crate::server) status: u16,
    pub(in crate::server) location: String,
    pub(in crate::server) body: String,
}

pub(in crate::server) struct Browser<'a> {
    pub(in crate::server) service: &'a Service,
    pub(in crate::server) cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    pub(in crate::server) async fn get(&mut self, target: &str) -> Answer {
        self.send(web_test::TestRequest::get().uri(target)).await
    }

    pub(in crate::server) async fn post(
        &mut self,
        target: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let request = web_test::TestRequest::post().uri(target);
        self.send(request.set_form(fields)).await
    }

    async fn send(&mut self, request: web_test::TestRequest) -> Answer {
        let app = App::new()
            .app_data(Data::from(std::sync::Arc::clone(&self.service.federation)))
            .app_data(Data::new(SignInRate::default()))
            .configure(routes::configure);
        let app = web_test::init_service(app).await;
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request
            .peer_addr("127.0.0.1:4000".parse().expect("an address"))
            .insert_header((header::COOKIE, cookies.join("; ")));
        let response = web_test::call_service(&app, request.to_request()).await;
        for set in response.headers().get_all(header::SET_COOKIE) {
            let cookie = Cookie::parse(set.to_str().expect("text")).expect("a cookie");
            if cookie.value().is_empty() {
                self.cookies.remove(cookie.name());
            } else {
                self.cookies
                    .insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
        let location = response.headers().get(header::LOCATION);
        let location = location.map(|value| value.to_str().expect("text").to_owned());
        let status = response.status().as_u16();
        let body = web_test::read_body(response).await;
        Answer {
            status,
            location: location.unwrap_or_default(),
            body: String::from_utf8(body.to_vec()).expect("text"),
        }
    }

    /// Goes to the claims provider; gives what it was asked.
    pub(in crate::server) async fn leave(&mut self, target: &str) -> BTreeMap<String, String> {
        let answer = self.get(target).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        let url = Url::parse(&answer.location).expect("an address");
        assert_eq!(url.host_str(), Some("idp.test"));
        url.query_pairs().into_owned().collect()
    }

    pub(in crate::server) async fn bring(&mut self, wctx: &str, wresult: &str) -> Answer {
        self.post(
            "/adfs/ls/",
            &[("wa", "wsignin1.0"), ("wresult", wresult), ("wctx", wctx)],
        )
        .await
    }

    pub(in crate::server) fn has_session(&self) -> bool {
        self.cookies.contains_key("MSISAuth")
    }
}

pub(in crate::server) const AT_PROVIDER: &str =
    "&whr=http%3A%2F%2Fidp.test%2Fadfs%2Fservices%2Ftrust";

#[actix_web::test]
async fn a_user_of_another_organisation_signs_in() {
    let service = Service::start("", "").await;
    let mut browser = service.browser();
    let asked = browser.leave(&format!("{START}{AT_PROVIDER}")).await;
    assert_eq!(asked["wa"], "wsignin1.0");
    assert_eq!(asked["wtrealm"], US);
    let answer = browser
        .bring(&asked["wctx"], &Word::default().wresult(&service.provider))
        .await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    assert!(answer.location.starts_with(START), "{}", answer.location);
    assert!(
        !browser
            .cookies
            .keys()
            .any(|name| name.starts_with("MSISContext"))
    );
    let page = browser.get(&answer.location).await;
    assert_eq!(page.status, 200);
    for part in [
        "https://app.corp.test",
        "ann@idp.test",
        "wresult",
        "value=\"a&amp;b\"",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    // The trust decides at every use.
    let again = browser.get(START).await;
    assert!(again.body.contains("wresult"));
}

#[actix_web::test]
async fn bad_answers_make_no_session() {
    let service = Service::start("", "").await;
    let (other_key, other_certificate) = key_pair();
    let other = SigningKey::new(other_key, &other_certificate).expect("a key");
    let minutes = Duration::minutes;
    let word = Word::default;
    let cases = [
        (
            "wrong audience",
            Word {
                audience: "http://other.test/",
                ..word()
            }
            .wresult(&service.provider),
        ),
        (
            "wrong issuer",
            Word {
                issuer: "http://evil.test/",
                ..word()
            }
            .wresult(&service.provider),
        ),
        (
            "expired",
            Word {
                not_before: NOW - minutes(120),
                not_on_or_after: NOW - minutes(6),
                ..word()
            }
            .wresult(&service.provider),
        ),
        (
            "not yet valid",
            Word {
                not_before: NOW + minutes(6),
                ..word()
            }
            .wresult(&service.provider),
        ),
        ("another key", word().wresult(&other)),
        (
            "SHA-1",
            Word {
                algorithm: SignatureAlgorithm::RsaSha1,
                ..word()
            }
            .wresult(&service.provider),
        ),
        (
            "changed",
            word()
                .wresult(&service.provider)
                .replace("ann@idp.test", "bob@idp.test"),
        ),
        (
            "comment",
            word()
                .wresult(&service.provider)
                .replace(">ann<", ">ann<!---->.evil<"),
        ),
        ("unsigned", {
            let signed = word().wresult(&service.provider);
            let (before, rest) = signed.split_once("<ds:Signature").expect("a signature");
            let (_, after) = rest.split_once("</ds:Signature>").expect("a signature");
            format!("{before}{after}")
        }),
        ("wrapped", {
            // The signed assertion moves into an unsigned one that is read first.
            let signed = word().wresult(&service.provider);
            let start = signed.find("<saml:Assertion").expect("an assertion");
            let end = signed.find("</saml:Assertion>").expect("an end") + "</saml:Assertion>".len();
            let original = &signed[start..end];
            let forged = original
                .replace("\"_1\"", "\"_2\"")
                .replace("ann@idp.test", "bob@idp.test");
            let open_end = forged.find('>').expect("a tag") + 1;
            let wrapped = format!(
                "{}<saml:Advice>{original}</saml:Advice>{}",
                &forged[..open_end],
                &forged[open_end..]
            );
            format!("{}{wrapped}{}", &signed[..start], &signed[end..])
        }),
        ("a second assertion", {
            let signed = word().wresult(&service.provider);
            let start = signed.find("<saml:Assertion").expect("an assertion");
            let end = signed.find("</saml:Assertion>").expect("an end") + "</saml:Assertion>".len();
            let forged = signed[start..end].replace("\"_1\"", "\"_2\"");
            format!("{}{forged}{}", &signed[..start], &signed[start..])
        }),
        (
            "a document type",
            format!("<!DOCTYPE x>{}", word().wresult(&service.provider)),
        ),
        ("no XML", "x".repeat(1000)),
    ];
    for (name, wresult) in cases {
        let mut browser = service.browser();
        let asked = browser.leave(&format!("{START}{AT_PROVIDER}")).await;
        let answer = browser.bring(&asked["wctx"], &wresult).await;
        assert_eq!(answer.status, 400, "{name}");
        assert!(!browser.has_session(), "{name}");
        // None of them used the good one up.
    }
    let mut browser = service.browser();
    let asked = browser.leave(&format!("{START}{AT_PROVIDER}")).await;
    let good = word().wresult(&service.provider);
    assert_eq!(browser.bring(&asked["wctx"], &good).await.status, 302);
}

#[actix_web::test]
async fn an_answer_belongs_to_one_question_of_one_browser_and_is_taken_once() {
    let service = Service::start("", "").await;
    let start = format!("{START}{AT_PROVIDER}");
    let good = Word::default().wresult(&service.provider);
    let (mut ann, mut eve) = (service.browser(), service.browser());
    let asked = ann.leave(&start).await;
    let other = eve.leave(&start).await;

    for wctx in [asked["wctx"].as_str(), "", "x"] {
        assert_eq!(eve.bring(wctx, &good).await.status, 400, "{wctx}");
    }
    assert_eq!(
        service
            .browser()
            .post("/adfs/ls/", &[("wresult", &good)])
            .await
            .status,
        400
    );
    // A question under another key is no question.
    let sealed = eve
        .cookies
        .iter()
        .find(|(name, _)| name.starts_with("MSISContext"));
    let sealed = sealed.expect("a cookie").1.clone();
    let mut mixed = service.browser();
    mixed
        .cookies
        .insert(format!("MSISContext{}-", asked["wctx"]), sealed);
    assert_eq!(mixed.bring(&asked["wctx"], &good).await.status, 400);

    assert_eq!(ann.bring(&asked["wctx"], &good).await.status, 302);
    assert!(ann.has_session());
    assert_eq!(
        eve.bring(&other["wctx"], &good).await.status,
        400,
        "replayed"
    );
    assert!(!eve.has_session());

    let mut late = service.browser();
    let asked = late.leave(&start).await;
    service.clock.advance(Duration::minutes(10));
    let word = Word {
        id: "_3",
        ..Word::default()
    };
    assert_eq!(
        late.bring(&asked["wctx"], &word.wresult(&service.provider))
            .await
            .status,
        400
    );
}

#[actix_web::test]
async fn several_tabs_do_not_disturb_each_other() {
    let service = Service::start("", "").await;
    let mut browser = service.browser();
    let first = browser.leave(&format!("{START}1{AT_PROVIDER}")).await;
    let second = browser.leave(&format!("{START}2{AT_PROVIDER}")).await;
    for (asked, id, tab) in [(second, "_2", "2"), (first, "_1", "1")] {
        let word = Word {
            id,
            ..Word::default()
        };
        let answer = browser
            .bring(&asked["wctx"], &word.wresult(&service.provider))
            .await;
        assert!(
            answer.location.starts_with(&format!("{START}{tab}&")),
            "{}",
            answer.location
        );
    }
}

#[actix_web::test]
async fn a_demand_for_fresh_credentials_reaches_the_claims_provider_and_is_checked() {
    let service = Service::start("", "").await;
    let start = format!("{START}{AT_PROVIDER}&wfresh=0");
    let mut browser = service.browser();
    let asked = browser.leave(&start).await;
    assert_eq!(asked["wfresh"], "0");
    let old = Word {
        signed_in: NOW - Duration::minutes(6),
        ..Word::default()
    };
    assert_eq!(
        browser
            .bring(&asked["wctx"], &old.wresult(&service.provider))
            .await
            .status,
        400
    );
    let fresh = Word {
        id: "_2",
        ..Word::default()
    };
    let answer = browser
        .bring(&asked["wctx"], &fresh.wresult(&service.provider))
        .await;
    let page = browser.get(&answer.location).await;
    assert!(page.body.contains("wresult"), "{}", page.body);
    // The next demand asks again.
    browser.leave(&start).await;
}

#[actix_web::test]
async fn the_user_is_asked_where_the_account_is_and_the_answer_is_remembered() {
    let service = Service::start("organizational_account_suffix = [\"idp.test\"]", "").await;
    let mut browser = service.browser();
    let page = browser.get(START).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("id=\"hrd\""), "{}", page.body);
    let wrong = browser
        .post(
            START,
            &[("HomeRealmByEmail", "Next"), ("Email", "x@nowhere.test")],
        )
        .await;
    assert_eq!(wrong.status, 200);
    assert!(wrong.body.contains("x@nowhere.test"));
    let unknown = browser
        .post(START, &[("HomeRealmSelection", "http://evil.test/")])
        .await;
    assert_eq!(unknown.status, 400);
    let by_address = browser
        .post(
            START,
            &[("HomeRealmByEmail", "Next"), ("Email", "ann@IDP.test")],
        )
        .await;
    assert!(
        by_address
            .location
            .contains("RedirectToIdentityProvider=http%3A%2F%2Fidp.test"),
        "{}",
        by_address.location
    );
    browser.leave(&by_address.location).await;

    let mut browser = service.browser();
    let chosen = browser
        .post(START, &[("HomeRealmSelection", "AD AUTHORITY")])
        .await;
    assert_eq!(chosen.status, 302);
    assert!(
        chosen
            .location
            .contains("RedirectToIdentityProvider=AD+AUTHORITY")
    );
    assert_eq!(
        browser.cookies["MSISIPSelectionPersistent"],
        "QUQgQVVUSE9SSVRZ"
    );
    for target in [chosen.location.as_str(), START] {
        assert!(
            browser
                .get(target)
                .await
                .body
                .contains("id=\"passwordInput\""),
            "{target}"
        );
    }
}

#[actix_web::test]
async fn what_decides_before_the_user_does() {
    let service = Service::start("organizational_account_suffix = [\"idp.test\"]", "").await;
    for hint in [
        "&login_hint=ann%40idp.test",
        "&domain_hint=idp.test",
        AT_PROVIDER,
        "&RedirectToIdentityProvider=http%3A%2F%2Fidp.test%2Fadfs%2Fservices%2Ftrust",
    ] {
        service.browser().leave(&format!("{START}{hint}")).await;
    }
    let local = service
        .browser()
        .get(&format!("{START}&whr=AD+AUTHORITY"))
        .await;
    assert!(local.body.contains("id=\"passwordInput\""));
    let unknown = service
        .browser()
        .get(&format!("{START}&whr=http%3A%2F%2Fevil.test"))
        .await;
    assert!(unknown.body.contains("id=\"hrd\""));

    let only = Service::start("", "claims_provider_name = [\"Fabrikam\"]").await;
    only.browser().leave(START).await;
    only.browser()
        .leave(&format!("{START}&whr=AD+AUTHORITY"))
        .await;
    let only = Service::start("", "claims_provider_name = [\"Active Directory\"]").await;
    let page = only.browser().get(&format!("{START}{AT_PROVIDER}")).await;
    assert!(page.body.contains("id=\"passwordInput\""));
    let off = Service::start("enabled = false", "").await;
    let page = off.browser().get(&format!("{START}{AT_PROVIDER}")).await;
    assert!(page.body.contains("id=\"passwordInput\""));
}

#[actix_web::test]
async fn encrypted_tokens_are_read_where_nobody_can_play_with_the_ciphertext() {
    let service = Service::start("", "").await;
    let keys = service.federation.keys.decrypting_keys();
    let pem = keys[0].certificate().to_pem().expect("PEM");
    let ours = X509::from_pem(pem.as_bytes()).expect("a certificate");
    let (_, another) = key_pair();
    let cases = [
        ("for another", &another, ContentEncryption::Aes256Gcm, 400),
        (
            "AES-CBC without a signature",
            &ours,
            ContentEncryption::Aes256Cbc,
            400,
        ),
        ("for us", &ours, ContentEncryption::Aes256Gcm, 302),
    ];
    for (name, recipient, content, status) in cases {
        let mut browser = service.browser();
        let asked = browser.leave(&format!("{START}{AT_PROVIDER}")).await;
        let wresult = Word::default().response(&service.provider, |token| {
            federation::saml2::encrypted_assertion(&token, recipient, content).expect("encrypted")
        });
        assert!(!wresult.contains("ann@idp.test"));
        let answer = browser.bring(&asked["wctx"], &wresult).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.body);
        assert_eq!(browser.has_session(), status == 302, "{name}");
    }
    // Encryption is no signature.
    let (other_key, other_certificate) = key_pair();
    let other = SigningKey::new(other_key, &other_certificate).expect("a key");
    let mut browser = service.browser();
    let asked = browser.leave(&format!("{START}{AT_PROVIDER}")).await;
    let word = Word {
        id: "_2",
        ..Word::default()
    };
    let wresult = word.response(&other, |token| {
        federation::saml2::encrypted_assertion(&token, &ours, ContentEncryption::Aes256Gcm)
            .expect("encrypted")
    });
    assert_eq!(browser.bring(&asked["wctx"], &wresult).await.status, 400);
}

#[actix_web::test]
async fn sign_out_goes_by_the_claims_provider_and_back_to_the_application() {
    let service = Service::start("", "").await;
    let mut browser = service.browser();
    let out = "/adfs/ls/?wa=wsignout1.0&wreply=https%3A%2F%2Fapp.corp.test%2Fbye";
    // Nobody is signed in, so the claims provider has nothing to do with it.
    assert_eq!(browser.get(out).await.location, "https://app.corp.test/bye");

    let asked = browser.leave(&format!("{START}{AT_PROVIDER}")).await;
    let word = Word::default().wresult(&service.provider);
    assert_eq!(browser.bring(&asked["wctx"], &word).await.status, 302);
    let away = browser.get(out).await;
    assert_eq!(away.status, 302, "{}", away.body);
    assert!(!browser.has_session());
    let url = Url::parse(&away.location).expect("an address");
    assert_eq!(
        (url.host_str(), url.path()),
        (Some("idp.test"), "/adfs/ls/")
    );
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(
        (query["wa"].as_str(), query["wtrealm"].as_str()),
        ("wsignout1.0", US)
    );
    let back = query["wreply"].strip_prefix("https://sts.contoso.test");
    let back = browser.get(back.expect("an address of ours")).await;
    assert_eq!(back.location, "https://app.corp.test/bye");
}

#[actix_web::test]
async fn only_messages_of_protocols_may_be_large() {
    let service = Service::start("", "").await;
    let mut browser = service.browser();
    let text = |kibibytes: usize| "x".repeat(kibibytes * 1024);
    for (field, kibibytes, status) in [
        ("wresult", 300, 400),
        ("SAMLResponse", 300, 400),
        ("wresult", 385, 413),
        ("UserName", 65, 413),
        ("other", 65, 413),
    ] {
        let answer = browser
            .post("/adfs/ls/", &[(field, &text(kibibytes))])
            .await;
        assert_eq!(answer.status, status, "{field}: {kibibytes} KiB");
    }
}

/// Lines of a log.
#[derive(Clone, Default)]
struct Sink(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Sink {
    type Writer = Sink;

    fn make_writer(&'a self) -> Sink {
        self.clone()
    }
}

#[actix_web::test]
async fn the_audit_of_a_refusal_names_the_claims_provider_and_the_relying_party() {
    let service = Service::start("", "").await;
    let file = service
        .folder
        .path()
        .join("trusts/relying-parties/app.toml");
    let text = std::fs::read_to_string(&file).expect("a file");
    let nobody = text.replace(
        "access_control_policy_name = \"Permit everyone\"",
        "issuance_authorization_rules = \"\"",
    );
    std::fs::write(&file, nobody).expect("a file");
    service.federation.reload().await.expect("a configuration");
    let mut browser = service.browser();
    let asked = browser.leave(&format!("{START}{AT_PROVIDER}")).await;
    let answer = browser
        .bring(&asked["wctx"], &Word::default().wresult(&service.provider))
        .await;
    let sink = Sink::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_writer(sink.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let page = browser.get(&answer.location).await;
    drop(guard);
    assert_eq!(page.status, 403, "{}", page.body);
    let log = String::from_utf8(sink.0.lock().expect("the log").clone()).expect("text");
    let records = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let failures: Vec<serde_json::Value> = records
        .filter(|record: &serde_json::Value| record["fields"]["event_id"] == 1201)
        .collect();
    let [failure] = failures.as_slice() else {
        panic!("one 1201: {log}");
    };
    let xml = failure["fields"]["xml"].as_str().expect("a document");
    for part in [
        format!("<ClaimsProvider>{PROVIDER}</ClaimsProvider>"),
        "<RelyingParty>urn:app</RelyingParty>".to_owned(),
        "<UserId>ann".to_owned(),
    ] {
        assert!(xml.contains(&part), "{part}: {xml}");
    }
}

#[actix_web::test]
async fn a_relying_party_takes_no_session_and_no_password_of_elsewhere() {
    let service = Service::start("", "").await;
    let only = |name: &str| {
        format!(
            r#"
            name = "Only {name}"
            identifiers = ["urn:only"]
            ws_fed_endpoint = "https://only.corp.test/"
            claims_provider_name = ["{name}"]
            access_control_policy_name = "Permit everyone"
            "#
        )
    };
    let start = START.replace("urn%3Aapp", "urn%3Aonly");
    let mut browser = service.browser();
    let asked = browser.leave(&format!("{START}{AT_PROVIDER}")).await;
    browser
        .bring(&asked["wctx"], &Word::default().wresult(&service.provider))
        .await;
    service.with_party("only.toml", &only("Fabrikam")).await;
    let answer = browser.get(&start).await;
    assert!(answer.body.contains("wresult"), "{}", answer.body);

    service
        .with_party("only.toml", &only("Active Directory"))
        .await;
    let page = browser.get(&start).await;
    assert!(page.body.contains("id=\"passwordInput\""), "{}", page.body);

    // Nor does a form help that nobody showed: the directory, which cannot be reached here, is not even asked.
    service.with_party("only.toml", &only("Fabrikam")).await;
    let form = [("UserName", "alice@contoso.test"), ("Password", "x")];
    let answer = service.browser().post(&start, &form).await;
    assert!(answer.body.contains("MSIS7012"), "{}", answer.body);
}
