//! Responses by artifact, and who may fetch them (spec passive-sign-in 3.11, SAML 2.0 Core 3.5).

use federation::saml2::{Artifact, ArtifactResolve, MessageKind, redirect, write_artifact_resolve};
use federation::signature::{SignatureAlgorithm, SigningKey};
use federation::xml::Fragment;
use futures_util::future::join_all;
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::browser::{Answer, Browser};
use crate::{NOW, Service, write};

const RESOLUTION: &str = "/adfs/services/trust/artifactresolution";
const DESTINATION: &str = "https://sts.contoso.test/adfs/services/trust/artifactresolution";
const SERVICE: &str = "http://sts.contoso.test/adfs/services/trust";
const XML: &str = "text/xml; charset=utf-8";
const SHA256: SignatureAlgorithm = SignatureAlgorithm::RsaSha256;

struct Party {
    identifier: &'static str,
    key: SigningKey,
    pem: String,
}

impl Party {
    fn new(identifier: &'static str) -> Party {
        let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
        let certificate = certificate(&key);
        Party {
            identifier,
            key: SigningKey::new(key, &certificate).expect("a signing key"),
            pem: String::from_utf8(certificate.to_pem().expect("PEM")).expect("text"),
        }
    }

    /// The settings of its trust, with an artifact consumer as the default one.
    fn settings(&self) -> String {
        let name = self.identifier.trim_start_matches("urn:");
        format!(
            r#"
            saml_endpoints = [
              {{ binding = "Artifact", protocol = "SAMLAssertionConsumer", uri = "https://{name}.test/artifact?tenant=1", index = 0, is_default = true }},
              {{ binding = "POST", protocol = "SAMLAssertionConsumer", uri = "https://{name}.test/post", index = 1 }},
            ]
            request_signing_certificate = ["""{}"""]
            saml_response_signature = "MessageAndAssertion"
            "#,
            self.pem
        )
    }

    fn request(&self, artifact: &str) -> ArtifactResolve {
        ArtifactResolve {
            id: "_resolve1".to_owned(),
            issuer: self.identifier.to_owned(),
            issue_instant: NOW,
            destination: Some(DESTINATION.to_owned()),
            artifact: artifact.to_owned(),
            is_signed: true,
        }
    }

    fn sign(&self, request: &ArtifactResolve) -> Fragment {
        write_artifact_resolve(request, Some((&self.key, SHA256))).expect("a request")
    }

    fn ask(&self, artifact: &str) -> String {
        envelope(self.sign(&self.request(artifact)).as_str())
    }
}

fn certificate(key: &PKey<Private>) -> X509 {
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "party").expect("a name");
    let name = name.build();
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("a version");
    builder.set_subject_name(&name).expect("a subject");
    builder.set_issuer_name(&name).expect("an issuer");
    builder.set_pubkey(key).expect("a key");
    let (from, to) = ("20200101000000Z", "20400101000000Z");
    let time = |text| Asn1Time::from_str(text).expect("a time");
    builder.set_not_before(&time(from)).expect("a start");
    builder.set_not_after(&time(to)).expect("an end");
    builder.sign(key, MessageDigest::sha256()).expect("signed");
    builder.build()
}

fn envelope(message: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{message}</s:Body></s:Envelope>"
    )
}

/// A service with two relying parties that fetch their responses, and the keys of both.
async fn service() -> (Service, Party, Party) {
    let (app, other) = (Party::new("urn:app"), Party::new("urn:thief"));
    let service = Service::start("", &app.settings()).await;
    let text = format!(
        "name = \"thief\"\nidentifiers = [\"urn:thief\"]\n{}",
        other.settings()
    );
    write(&service.folder, "trusts/relying-parties/thief.toml", &text);
    service.federation.reload().await.expect("a configuration");
    (service, app, other)
}

fn authn_request() -> String {
    let message = "<p:AuthnRequest xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_q1\" Version=\"2.0\" \
        IssueInstant=\"2025-06-02T12:00:00Z\"><a:Issuer xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\">urn:app\
        </a:Issuer></p:AuthnRequest>";
    let state = Some("a b&c=<\">");
    redirect::encode("/adfs/ls/", MessageKind::Request, message, state, None).expect("an address")
}

/// Signs alice in, up to where the browser is sent with the artifact.
async fn artifact(browser: &mut Browser<'_>) -> Url {
    let target = authn_request();
    let posted = browser.post(&target, "alice@contoso.test", &[]).await;
    assert_eq!(posted.status, 302, "{}", posted.body);
    let sent = browser.get(&posted.location).await;
    assert_eq!(sent.status, 302, "{}", sent.body);
    Url::parse(&sent.location).expect("an address")
}

fn parameter(url: &Url, name: &str) -> String {
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(found, _)| found == name);
    found.expect("a parameter").1.into_owned()
}

impl Answer {
    fn is_fault(&self) -> bool {
        self.status == 500 && self.body.contains("<faultcode>") && !self.body.contains("Response")
    }

    fn has_response(&self) -> bool {
        assert_eq!(self.status, 200, "{}", self.body);
        assert!(self.body.contains("<p:ArtifactResponse "), "{}", self.body);
        self.body.contains("<samlp:Response ")
    }
}

#[actix_web::test]
async fn a_response_by_artifact_reaches_its_relying_party_once() {
    let (service, app, _) = service().await;
    let mut browser = service.browser();
    let url = artifact(&mut browser).await;
    assert!(
        url.as_str()
            .starts_with("https://app.test/artifact?tenant=1&")
    );
    assert_eq!(parameter(&url, "RelayState"), "a b&c=<\">");
    let artifact = parameter(&url, "SAMLart");
    let read = Artifact::parse(&artifact).expect("an artifact");
    assert!(read.is_of(SERVICE) && read.endpoint_index() == 0);

    let mut server = service.browser_at("203.0.113.9:4000".parse().expect("an address"));
    let answer = server.post_text(RESOLUTION, XML, &app.ask(&artifact)).await;
    assert!(answer.has_response());
    for part in [
        "InResponseTo=\"_resolve1\"",
        "InResponseTo=\"_q1\"",
        "Destination=\"https://app.test/artifact?tenant=1\"",
        "Recipient=\"https://app.test/artifact?tenant=1\"",
        "alice@contoso.test",
    ] {
        assert!(answer.body.contains(part), "{part}: {}", answer.body);
    }
    // Of the answer, of the response and of the assertion.
    assert_eq!(answer.body.matches("<ds:Signature ").count(), 3);
    let again = server.post_text(RESOLUTION, XML, &app.ask(&artifact)).await;
    assert!(!again.has_response());
    assert!(again.body.contains("status:Success"), "{}", again.body);
}

#[actix_web::test]
async fn of_twenty_at_once_one_gets_the_response() {
    let (service, app, _) = service().await;
    let artifact = parameter(&artifact(&mut service.browser()).await, "SAMLart");
    let ask = app.ask(&artifact);
    let answers = join_all(
        (0..20).map(|_| async { service.browser().post_text(RESOLUTION, XML, &ask).await }),
    )
    .await;
    let given = answers.iter().filter(|answer| answer.has_response());
    assert_eq!(given.count(), 1);
}

#[actix_web::test]
async fn nobody_else_gets_it_and_nobody_gets_it_late() {
    let (service, app, thief) = service().await;
    let artifact_of_app = parameter(&artifact(&mut service.browser()).await, "SAMLart");
    let mut server = service.browser();
    let answer = server
        .post_text(RESOLUTION, XML, &thief.ask(&artifact_of_app))
        .await;
    assert!(!answer.has_response());
    let read = Artifact::parse(&artifact_of_app).expect("an artifact");
    for invented in [
        Artifact::new("http://other.test/", 0, *read.handle()).encode(),
        Artifact::new(SERVICE, 1, *read.handle()).encode(),
        Artifact::new(SERVICE, 0, [0; 20]).encode(),
        "no artifact".to_owned(),
    ] {
        let answer = server.post_text(RESOLUTION, XML, &app.ask(&invented)).await;
        assert!(!answer.has_response(), "{invented}");
    }
    // The attempts of others have not used it up.
    let answer = server
        .post_text(RESOLUTION, XML, &app.ask(&artifact_of_app))
        .await;
    assert!(answer.has_response());

    let late = parameter(&artifact(&mut service.browser()).await, "SAMLart");
    service.clock.advance(Duration::minutes(5));
    let answer = server.post_text(RESOLUTION, XML, &app.ask(&late)).await;
    assert!(!answer.has_response());
}

#[actix_web::test]
async fn requests_that_are_not_authentic_get_a_fault_and_use_nothing_up() {
    let (service, app, thief) = service().await;
    let artifact = parameter(&artifact(&mut service.browser()).await, "SAMLart");
    let good = app.request(&artifact);
    let signed = app.sign(&good);
    let unsigned = write_artifact_resolve(&good, None).expect("a request");
    let changed = |change: &dyn Fn(&mut ArtifactResolve)| {
        let mut request = good.clone();
        change(&mut request);
        app.sign(&request).into_string()
    };
    let at = |instant: OffsetDateTime| changed(&|request| request.issue_instant = instant);
    // A request of the attacker's, with the signed one of somebody else within it.
    let other = app.sign(&app.request("AAQAAG"));
    let wrapped = |place: &str| {
        let evil = unsigned.as_str().replace("_resolve1", "_evil");
        match place {
            "inside" => evil.replace(
                "</samlp:ArtifactResolve>",
                &format!("<samlp:Extensions>{other}</samlp:Extensions></samlp:ArtifactResolve>"),
            ),
            _ => {
                let start = other.as_str().find("<ds:Signature").expect("a signature");
                let end = "</ds:Signature>";
                let stop = other.as_str().find(end).expect("a signature") + end.len();
                let signature = other.as_str().get(start..stop).expect("a signature");
                evil.replacen(
                    "<samlp:Artifact>",
                    &format!("{signature}<samlp:Artifact>"),
                    1,
                )
            }
        }
    };
    let cases = [
        ("unsigned", unsigned.clone().into_string()),
        ("by another key", thief.sign(&good).into_string()),
        (
            "of a stranger",
            changed(&|request| request.issuer = "urn:nobody".to_owned()),
        ),
        (
            "for another address",
            changed(&|request| {
                request.destination = Some("https://sts.contoso.test/adfs/ls/".to_owned())
            }),
        ),
        (
            "for another host",
            changed(&|request| {
                request.destination = Some(DESTINATION.replace("contoso", "other"));
            }),
        ),
        ("too old", at(NOW - Duration::minutes(11))),
        ("from the future", at(NOW + Duration::minutes(11))),
        ("altered", signed.as_str().replace("_resolve1", "_resolve2")),
        ("with another in it", wrapped("inside")),
        ("with another's signature", wrapped("signature")),
        (
            "of another kind",
            signed.as_str().replace("ArtifactResolve", "AuthnRequest"),
        ),
    ];
    let mut server = service.browser();
    for (what, message) in cases {
        let answer = server.post_text(RESOLUTION, XML, &envelope(&message)).await;
        assert!(
            answer.is_fault(),
            "{what}: {} {}",
            answer.status,
            answer.body
        );
    }
    // Both in one body, the good one somewhere else than the body's only element.
    for broken in [
        envelope(&format!("{signed}{signed}")),
        envelope(""),
        format!("<!DOCTYPE x>{}", envelope(signed.as_str())),
        signed.as_str().to_owned(),
        "garbage".to_owned(),
        String::new(),
    ] {
        let answer = server.post_text(RESOLUTION, XML, &broken).await;
        assert!(answer.is_fault(), "{broken}: {}", answer.body);
    }
    let large = envelope(&format!("{}{signed}", " ".repeat(64 * 1024)));
    let answer = server.post_text(RESOLUTION, XML, &large).await;
    assert_eq!(answer.status, 413);
    let form = server
        .post_text(RESOLUTION, "text/plain", &app.ask(&artifact))
        .await;
    assert_eq!(form.status, 400);
    assert_eq!(server.get(RESOLUTION).await.status, 405);
    let answer = server.post_text(RESOLUTION, XML, &app.ask(&artifact)).await;
    assert!(answer.has_response(), "{}", answer.body);
}

#[actix_web::test]
async fn a_relying_party_without_a_certificate_gets_no_artifacts() {
    let app = Party::new("urn:app");
    let settings = app.settings();
    let without: String = settings
        .split("request_signing_certificate")
        .next()
        .expect("settings")
        .to_owned();
    let service = Service::start("", &without).await;
    let mut browser = service.browser();
    // The consumer that takes POST serves instead.
    let answer = browser
        .sign_in(&authn_request(), "alice@contoso.test", &[])
        .await;
    assert!(
        answer.body.contains("https://app.test:443/post"),
        "{}",
        answer.body
    );
}
