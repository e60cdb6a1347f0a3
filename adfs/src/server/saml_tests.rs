//! SAML at the handler, up to where a person would sign in.

use std::sync::Arc;

use actix_web::App;
use actix_web::body::to_bytes;
use actix_web::http::{StatusCode, header};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::Data;
use federation::saml2::{MessageKind, post, redirect};
use federation::signature::{SignatureAlgorithm, SigningKey};
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

use super::{SignInRate, routes};
use crate::clock::Clock;
use crate::state::Federation;

const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);
const FORM: &str = "application/x-www-form-urlencoded";

struct Key {
    key: PKey<Private>,
    certificate: X509,
}

impl Key {
    fn new(name: &str) -> Key {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut subject = X509NameBuilder::new().unwrap();
        subject.append_entry_by_text("CN", name).unwrap();
        let subject = subject.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(&subject).unwrap();
        builder.set_issuer_name(&subject).unwrap();
        builder.set_pubkey(&key).unwrap();
        let (from, to) = (
            Asn1Time::from_str("20250101000000Z").unwrap(),
            Asn1Time::from_str("20350101000000Z").unwrap(),
        );
        builder.set_not_before(&from).unwrap();
        builder.set_not_after(&to).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let certificate = builder.build();
        Key { key, certificate }
    }

    fn signing(&self) -> SigningKey {
        SigningKey::new(self.key.clone(), &self.certificate).unwrap()
    }
}

/// A service with three relying parties: `urn:plain`, `urn:signed` that has to sign its requests, and `urn:wsfed` that
/// may not speak SAML.
struct Service {
    federation: Arc<Federation>,
    clock: Clock,
    signer: Key,
    _folder: TempDir,
}

struct Answer {
    status: StatusCode,
    location: String,
    body: String,
}

impl Service {
    async fn start(properties: &str) -> Service {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &[u8]| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let listener = Key::new("sts.contoso.test");
        let signer = Key::new("signer");
        file("tls.pem", &listener.certificate.to_pem().unwrap());
        file("key.pem", &listener.key.private_key_to_pem_pkcs8().unwrap());
        file("password", b"Pass@word1");
        let main = format!(
            r#"
            [service]
            host_name = "sts.contoso.test"
            [https]
            certificate = "tls.pem"
            private_key = "key.pem"
            [directories.contoso]
            servers = ["ldaps://127.0.0.1:1"]
            bind_dn = "CN=adfs,DC=contoso,DC=test"
            bind_password_file = "password"
            base_dn = "DC=contoso,DC=test"
            net_bios_name = "CONTOSO"
            [properties]
            {properties}
            "#
        );
        file("adfs.toml", main.as_bytes());
        let trust = |name: &str, more: &str| {
            let text = format!(
                r#"
                name = "{name}"
                identifiers = ["urn:{name}"]
                saml_endpoints = [
                  {{ binding = "POST", protocol = "SAMLAssertionConsumer", uri = "https://{name}.test/acs", index = 0 }},
                  {{ binding = "POST", protocol = "SAMLAssertionConsumer", uri = "https://{name}.test/two", index = 1, is_default = true }},
                  {{ binding = "Artifact", protocol = "SAMLAssertionConsumer", uri = "https://{name}.test/artifact", index = 2 }},
                ]
                {more}
                "#
            );
            file(
                &format!("trusts/relying-parties/{name}.toml"),
                text.as_bytes(),
            );
        };
        trust("plain", "");
        file(
            "trusts/relying-parties/signer.pem",
            &signer.certificate.to_pem().unwrap(),
        );
        let pem = String::from_utf8(signer.certificate.to_pem().unwrap()).unwrap();
        trust(
            "signed",
            &format!(
                "signed_saml_requests_required = true\nsaml_response_signature = \"MessageAndAssertion\"\n\
                 request_signing_certificate = [\"\"\"{pem}\"\"\"]"
            ),
        );
        trust(
            "wsfed",
            "protocol_profile = \"WSFederation\"\nws_fed_endpoint = \"https://wsfed.test/\"",
        );
        std::fs::create_dir_all(folder.path().join("state")).unwrap();
        let clock = Clock::fixed(NOW);
        let federation = Federation::open(&folder.path().join("adfs.toml"), clock.clone())
            .await
            .unwrap();
        Service {
            federation,
            clock,
            signer,
            _folder: folder,
        }
    }

    async fn send(&self, request: TestRequest) -> Answer {
        let app = init_service(
            App::new()
                .app_data(Data::from(Arc::clone(&self.federation)))
                .app_data(Data::new(SignInRate::default()))
                .configure(routes::configure),
        )
        .await;
        let request = request.peer_addr("10.0.0.9:4000".parse().unwrap());
        let response = call_service(&app, request.to_request()).await;
        let location = response.headers().get(header::LOCATION);
        let location = location.map_or("", |value| value.to_str().unwrap());
        Answer {
            status: response.status(),
            location: location.to_owned(),
            body: String::from_utf8(to_bytes(response.into_body()).await.unwrap().to_vec())
                .unwrap(),
        }
    }

    async fn get(&self, uri: &str) -> Answer {
        self.send(TestRequest::get().uri(uri)).await
    }

    async fn post(&self, uri: &str, form: &str) -> Answer {
        let request = TestRequest::post().uri(uri);
        self.send(
            request
                .insert_header((header::CONTENT_TYPE, FORM))
                .set_payload(form.to_owned()),
        )
        .await
    }

    async fn redirected(&self, message: &str, signed: Option<SignatureAlgorithm>) -> Answer {
        let key = self.signer.signing();
        let signing = signed.map(|algorithm| (&key, algorithm));
        let state = Some("a b&c=<\">");
        let uri =
            redirect::encode("/adfs/ls/", MessageKind::Request, message, state, signing).unwrap();
        self.get(&uri).await
    }

    async fn posted(&self, message: &str) -> Answer {
        let body: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("SAMLRequest", &post::encode(message))
            .append_pair("RelayState", "a b&c=<\">")
            .finish();
        let request = TestRequest::post().uri("/adfs/ls/");
        self.send(
            request
                .insert_header((header::CONTENT_TYPE, FORM))
                .set_payload(body),
        )
        .await
    }
}

impl Answer {
    fn is_form(&self) -> bool {
        self.status == StatusCode::OK && self.body.contains("id=\"loginForm\"")
    }

    fn is_refused_with(&self, code: &str) -> bool {
        self.status.is_client_error()
            && self.location.is_empty()
            && self.body.contains(code)
            && !self.body.contains("SAMLResponse")
    }

    /// The message that the browser posts.
    fn response(&self) -> String {
        let (_, rest) = self
            .body
            .split_once("name=\"SAMLResponse\" value=\"")
            .unwrap();
        post::decode(
            &rest
                .split('"')
                .next()
                .unwrap()
                .replace("&#43;", "+")
                .replace("&#x2B;", "+"),
        )
        .unwrap()
    }
}

fn request(issuer: &str, attributes: &str, content: &str) -> String {
    request_at(issuer, "2026-11-25T12:00:00Z", attributes, content)
}

fn request_at(issuer: &str, instant: &str, attributes: &str, content: &str) -> String {
    format!(
        "<p:AuthnRequest xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_r1\" Version=\"2.0\" \
         IssueInstant=\"{instant}\" {attributes}><a:Issuer xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\">{issuer}</a:Issuer>{content}</p:AuthnRequest>"
    )
}

fn context(comparison: &str, class: &str) -> String {
    format!(
        "<p:RequestedAuthnContext Comparison=\"{comparison}\"><a:AuthnContextClassRef \
         xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\">{class}</a:AuthnContextClassRef></p:RequestedAuthnContext>"
    )
}

#[actix_web::test]
async fn a_request_by_redirect_or_post_leads_to_the_form_and_a_posted_one_stays_at_its_sealed_address()
 {
    let service = Service::start("").await;
    let message = request("urn:plain", "", "");
    assert!(service.redirected(&message, None).await.is_form());
    let answer = service.posted(&message).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(answer.location.starts_with("/adfs/ls/?MSISContext="));
    let page = service.get(&answer.location).await;
    assert!(page.is_form(), "{}", page.body);
    let action = answer.location.replace('&', "&#38;");
    assert!(
        page.body.contains(&action) || page.body.contains(&answer.location.replace('&', "&amp;")),
        "the form stays on that address"
    );
    let altered = answer
        .location
        .replacen("MSISContext=A", "MSISContext=B", 1);
    assert_ne!(altered, answer.location);
    assert!(service.get(&altered).await.is_refused_with("MSIS7001"));
    service.clock.advance(time::Duration::minutes(61));
    assert!(
        service
            .get(&answer.location)
            .await
            .is_refused_with("MSIS7001")
    );
}

#[actix_web::test]
async fn nothing_is_answered_before_relying_party_and_consumer_are_proven() {
    let service = Service::start("").await;
    let passive = "IsPassive=\"true\"";
    let acs = |url: &str| format!("{passive} AssertionConsumerServiceURL=\"{url}\"");
    let index = |index: u16| format!("{passive} AssertionConsumerServiceIndex=\"{index}\"");
    let artifact =
        format!("{passive} ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact\"");
    let elsewhere = format!("{passive} Destination=\"https://other.test/adfs/ls/\"");
    let cases = [
        (request("urn:nobody", passive, ""), "MSIS7007"),
        (request("urn:wsfed", passive, ""), "MSIS7007"),
        (
            request("urn:plain", &acs("https://evil.test/acs"), ""),
            "MSIS3200",
        ),
        (
            request("urn:plain", &acs("https://plain.test.evil/acs"), ""),
            "MSIS3200",
        ),
        (
            request("urn:plain", &acs("https://plain.test/acsx"), ""),
            "MSIS3200",
        ),
        (
            request("urn:plain", &acs("http://plain.test/acs"), ""),
            "MSIS3200",
        ),
        (
            request("urn:plain", &acs("https://plain.test/artifact"), ""),
            "MSIS3200",
        ),
        (request("urn:plain", &index(2), ""), "MSIS3200"),
        (request("urn:plain", &index(7), ""), "MSIS3200"),
        (request("urn:plain", &artifact, ""), "MSIS3200"),
        (request("urn:plain", &elsewhere, ""), "MSIS7015"),
        (
            request_at("urn:plain", "2026-11-25T11:40:00Z", passive, ""),
            "MSIS7015",
        ),
        (
            request_at("urn:plain", "2026-11-25T12:20:00Z", passive, ""),
            "MSIS7015",
        ),
        (request("urn:signed", passive, ""), "MSIS7066"),
        ("<a/>".to_owned(), "MSIS7015"),
        ("<!DOCTYPE a><a/>".to_owned(), "MSIS7015"),
    ];
    for (message, code) in &cases {
        for answer in [service.redirected(message, None).await, {
            let posted = service.posted(message).await;
            match posted.location.as_str() {
                "" => posted,
                next => service.get(next).await,
            }
        }] {
            assert!(
                answer.is_refused_with(code),
                "{code} {message}: {}",
                answer.body
            );
        }
    }
}

#[actix_web::test]
async fn signatures_count_by_the_certificate_and_algorithm_of_the_trust() {
    let service = Service::start("").await;
    let message = request("urn:signed", "", "");
    let sha256 = Some(SignatureAlgorithm::RsaSha256);
    assert!(service.redirected(&message, sha256).await.is_form());
    let sha1 = service
        .redirected(&message, Some(SignatureAlgorithm::RsaSha1))
        .await;
    assert!(sha1.is_refused_with("MSIS7093"), "{}", sha1.body);
    let unknown = service
        .redirected(&request("urn:plain", "", ""), sha256)
        .await;
    assert!(unknown.is_refused_with("MSIS0037"));
    let uri = redirect::encode(
        "/adfs/ls/",
        MessageKind::Request,
        &message,
        None,
        Some((&Key::new("other").signing(), SignatureAlgorithm::RsaSha256)),
    )
    .unwrap();
    assert!(service.get(&uri).await.is_refused_with("MSIS0038"));
    let everyone = Service::start("signed_saml_requests_required = true").await;
    let unsigned = everyone
        .redirected(&request("urn:plain", "", ""), None)
        .await;
    assert!(unsigned.is_refused_with("MSIS7066"));
}

#[actix_web::test]
async fn demands_that_cannot_be_met_are_told_to_the_relying_party_at_its_consumer() {
    let service = Service::start("").await;
    let cases = [
        (
            request("urn:plain", "IsPassive=\"true\"", ""),
            "status:NoPassive",
        ),
        (
            request(
                "urn:plain",
                "",
                &context("exact", "urn:federation:authentication:windows"),
            ),
            "status:NoAuthnContext",
        ),
        (
            request(
                "urn:plain",
                "",
                &context("exact", "http://schemas.microsoft.com/claims/multipleauthn"),
            ),
            "status:NoAuthnContext",
        ),
    ];
    for (message, status) in &cases {
        let answer = service.redirected(message, None).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(
            answer.body.contains("https://plain.test:443/two"),
            "the default consumer"
        );
        assert!(answer.body.contains("RelayState"));
        let response = answer.response();
        for part in [
            status,
            "InResponseTo=\"_r1\"",
            "Destination=\"https://plain.test/two\"",
        ] {
            assert!(response.contains(part), "{part}: {response}");
        }
        assert!(!response.contains("Assertion>") && !response.contains("SignatureValue"));
    }
    let signed = request(
        "urn:signed",
        "IsPassive=\"true\" AssertionConsumerServiceIndex=\"0\"",
        "",
    );
    let answer = service
        .redirected(&signed, Some(SignatureAlgorithm::RsaSha256))
        .await;
    assert!(answer.body.contains("https://signed.test:443/acs"));
    assert!(answer.response().contains("SignatureValue"));
    let minimum = context("minimum", "urn:oasis:names:tc:SAML:2.0:ac:classes:Password");
    let answer = service
        .redirected(&request("urn:plain", "", &minimum), None)
        .await;
    assert!(answer.is_form());
}

#[actix_web::test]
async fn sign_in_that_starts_here_needs_a_relying_party_with_a_consumer() {
    let service = Service::start("").await;
    let page = "/adfs/ls/IdpInitiatedSignOn.aspx";
    assert!(service.get(page).await.is_refused_with("MSIS7012"));
    assert!(
        service
            .get(&format!("{page}?loginToRp=urn:plain"))
            .await
            .is_form()
    );
    for other in ["urn:nobody", "urn:wsfed", ""] {
        let answer = service.get(&format!("{page}?loginToRp={other}")).await;
        assert!(answer.is_refused_with("MSIS7007"), "{other}");
    }
    let state = "RelayState=RPID%3Durn%253Aplain%26RelayState%3Dx";
    assert!(
        service
            .get(&format!("{page}?{state}"))
            .await
            .is_refused_with("MSIS7012")
    );
    let on = Service::start("enable_relay_state_for_idp_initiated_sign_on = true").await;
    assert!(on.get(&format!("{page}?{state}")).await.is_form());
    let single = "RelayState=RPID%3Durn%3Aplain%26RelayState%3Dx";
    assert!(on.get(&format!("{page}?{single}")).await.is_form());
}

#[tokio::test]
async fn the_page_that_is_enabled_lists_saml_applications_and_leads_to_the_chosen_one() {
    let service = Service::start("enable_idp_initiated_signon_page = true").await;
    let page = "/adfs/ls/IdpInitiatedSignOn.aspx";
    let shown = service.get(page).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.body.contains("id=\"idp_RelyingPartyDropDownList\""));
    let id = |name: &str| {
        let configuration = service.federation.configuration.load();
        let trust = configuration.relying_parties.by_identifier(name).unwrap();
        trust.object_identifier.to_string()
    };
    let (plain, wsfed) = (id("urn:plain"), id("urn:wsfed"));
    assert!(shown.body.contains(&plain) && !shown.body.contains(&wsfed));

    let choice =
        |id: &str| format!("SignInIdpSite=SignInOtherSite&RelyingParty={id}&SignInSubmit=x");
    let chosen = service.post(page, &choice(&plain)).await;
    assert_eq!(chosen.status, StatusCode::FOUND);
    assert!(
        chosen
            .location
            .starts_with(&format!("{page}?loginToRp=urn%3Aplain&client-request-id=")),
        "{}",
        chosen.location
    );
    assert!(service.get(&chosen.location).await.is_form());
    let out = service
        .post(page, "SingleSignOut=SingleSignOut&SignOut=x")
        .await;
    assert!(
        out.location.starts_with("/adfs/ls/?wa=wsignout1.0"),
        "{}",
        out.location
    );

    for (wrong, code) in [
        (choice(&wsfed), "MSIS7007"),
        (choice("https://evil.test"), "MSIS7007"),
    ] {
        assert!(
            service.post(page, &wrong).await.is_refused_with(code),
            "{wrong}"
        );
    }
    let this_site = "SignInIdpSite=SignInIdpSite&SignInSubmit=x";
    let here = service.post(page, this_site).await;
    assert_eq!(here.status, StatusCode::FOUND);
    let address = format!("{page}?SignInIdpSite=SignInIdpSite");
    assert!(here.location.starts_with(&address), "{}", here.location);
    assert!(service.get(&here.location).await.is_form());
    let credentials = "UserName=alice%40contoso.test&Password=wrong&AuthMethod=FormsAuthentication";
    // There is no directory, which shows that it was asked.
    let posted = service.post(page, credentials).await;
    assert_eq!(posted.status, StatusCode::SERVICE_UNAVAILABLE);

    let out_here = "SingleSignOut=LocalSignOut&SignOut=x";
    let out = service.post(page, out_here).await;
    assert_eq!(
        (out.status, out.location.as_str()),
        (StatusCode::FOUND, page)
    );
    let from_elsewhere = TestRequest::post()
        .uri(page)
        .insert_header((header::CONTENT_TYPE, FORM))
        .insert_header(("Sec-Fetch-Site", "cross-site"))
        .set_payload(out_here);
    let refused = service.send(from_elsewhere).await;
    assert!(refused.is_refused_with("MSIS7001"), "{}", refused.body);

    let off = Service::start("").await;
    for form in [choice(&plain).as_str(), this_site, credentials, out_here] {
        assert!(
            off.post(page, form).await.is_refused_with("MSIS7012"),
            "{form}"
        );
    }
    assert!(off.get(&address).await.is_refused_with("MSIS7012"));
}
