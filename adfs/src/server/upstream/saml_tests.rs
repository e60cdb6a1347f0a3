//! Claims providers by SAML 2.0: the attack corpus of their responses, and what they are asked.

use federation::saml2::{
    Assertion as Token, AuthnRequest, Claim as TokenClaim, LogoutRequest, LogoutResponse,
    LogoutSubject, MessageKind, NameId, ResponseParts, Status, Subject, SubjectName,
    encrypted_assertion, post, redirect, write_logout_response, write_response,
};
use federation::signature::{SignatureAlgorithm, SigningKey};
use federation::xmlenc::ContentEncryption;
use openssl::x509::X509;
use time::{Duration, OffsetDateTime};

use super::tests::{
    AT_PROVIDER, Answer, Browser, NOW, PROVIDER, START, Service, UPN, US, key_pair,
};
use crate::keys::Certificate;

const HERE: &str = "https://sts.contoso.test/adfs/ls/";
const REDIRECT: &str = r#"protocol_profile = "SAML"
saml_endpoints = [{ binding = "Redirect", protocol = "SAMLSingleSignOn", uri = "https://idp.test/sso?a=b" }]
"#;
const POST: &str = r#"protocol_profile = "SAML"
saml_endpoints = [{ binding = "POST", protocol = "SAMLSingleSignOn", uri = "https://idp.test/sso" }]
signed_saml_requests_required = true
"#;

/// What is signed, and how the assertion is encrypted.
#[derive(Clone, Copy, PartialEq)]
enum Signed {
    Assertion,
    Message,
    Both,
    Nothing,
}

/// What the claims provider says; tests change it.
#[derive(Clone)]
struct Word {
    id: &'static str,
    issuer: &'static str,
    assertion_issuer: &'static str,
    audience: &'static str,
    destination: &'static str,
    recipient: &'static str,
    answers: Option<String>,
    confirms: Option<String>,
    issued: OffsetDateTime,
    signed_in: OffsetDateTime,
    class_ref: &'static str,
    signed: Signed,
    algorithm: SignatureAlgorithm,
    encrypted: Option<ContentEncryption>,
    status: Status,
}

impl Word {
    fn to(request: &str) -> Word {
        Word {
            id: "_a1",
            issuer: PROVIDER,
            assertion_issuer: PROVIDER,
            audience: US,
            destination: HERE,
            recipient: HERE,
            answers: Some(request.to_owned()),
            confirms: Some(request.to_owned()),
            issued: NOW,
            signed_in: NOW,
            class_ref: "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
            signed: Signed::Assertion,
            algorithm: SignatureAlgorithm::RsaSha256,
            encrypted: None,
            status: Status::success(),
        }
    }

    fn response(&self, service: &Service, key: &SigningKey) -> String {
        let name = NameId::new("ann");
        let token = Token {
            id: self.id,
            issuer: self.assertion_issuer,
            issued: self.issued,
            subject: Subject {
                name: Some(SubjectName::Plain(&name)),
                in_response_to: self.confirms.as_deref(),
                recipient: Some(self.recipient),
                not_on_or_after: Some(self.issued + Duration::minutes(5)),
            },
            not_before: self.issued,
            not_on_or_after: self.issued + Duration::hours(1),
            audience: self.audience,
            claims: vec![TokenClaim {
                claim_type: UPN,
                value: "ann@idp.test",
                name_format: None,
            }],
            authn_instant: self.signed_in,
            class_ref: self.class_ref,
            signed: matches!(self.signed, Signed::Assertion | Signed::Both),
        };
        let written = token.write().expect("an assertion");
        let mut assertion = if token.signed {
            key.sign(written, self.algorithm).expect("signed")
        } else {
            written.into_fragment()
        };
        if let Some(content) = self.encrypted {
            let keys = service.federation.keys.decrypting_keys();
            let recipient = x509(keys[0].certificate());
            assertion = encrypted_assertion(&assertion, &recipient, content).expect("encrypted");
        }
        let sign_message = matches!(self.signed, Signed::Message | Signed::Both);
        let message = write_response(&ResponseParts {
            id: "_p1",
            issue_instant: self.issued,
            destination: self.destination,
            in_response_to: self.answers.as_deref(),
            issuer: self.issuer,
            status: &self.status,
            assertion: self.status.is_success().then_some(&assertion),
            sign: sign_message.then_some((key, self.algorithm)),
        });
        message.expect("a response").into_string()
    }
}

fn x509(certificate: &Certificate) -> X509 {
    X509::from_pem(certificate.to_pem().expect("PEM").as_bytes()).expect("a certificate")
}

impl Browser<'_> {
    /// Goes to the claims provider by the Redirect binding; gives what it was asked.
    async fn ask(&mut self, target: &str) -> AuthnRequest {
        let answer = self.get(target).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        let query = answer.location.strip_prefix("https://idp.test/sso?a=b&");
        let message = redirect::decode(query.expect("the endpoint")).expect("a message");
        assert!(!message.is_signed());
        AuthnRequest::parse(message.xml()).expect("a request")
    }

    async fn bring_response(&mut self, message: &str) -> Answer {
        let field = post::encode(message);
        self.post("/adfs/ls/", &[("SAMLResponse", &field)]).await
    }
}

fn start() -> String {
    format!("{START}{AT_PROVIDER}")
}

#[actix_web::test]
async fn a_user_signs_in_however_the_response_is_signed_and_encrypted() {
    let service = Service::start(REDIRECT, "").await;
    let cases = [
        (Signed::Assertion, None),
        (Signed::Message, None),
        (Signed::Both, None),
        (Signed::Assertion, Some(ContentEncryption::Aes128Gcm)),
        (Signed::Assertion, Some(ContentEncryption::Aes256Gcm)),
        (Signed::Message, Some(ContentEncryption::Aes256Cbc)),
        (Signed::Both, Some(ContentEncryption::Aes256Cbc)),
        (Signed::Both, Some(ContentEncryption::Aes256Gcm)),
    ];
    let ids = ["_a", "_b", "_c", "_d", "_e", "_f", "_g", "_h"];
    for ((signed, encrypted), id) in cases.into_iter().zip(ids) {
        let mut browser = service.browser();
        let asked = browser.ask(&start()).await;
        assert_eq!(asked.issuer, US);
        assert_eq!(
            asked.destination.as_deref(),
            Some("https://idp.test/sso?a=b")
        );
        assert_eq!((asked.force_authn, asked.is_passive), (false, false));
        assert!(asked.name_id_policy.expect("a policy").allow_create);
        let word = Word {
            id,
            signed,
            encrypted,
            ..Word::to(&asked.id)
        };
        let answer = browser
            .bring_response(&word.response(&service, &service.provider))
            .await;
        assert_eq!(answer.status, 302, "{id}: {}", answer.body);
        assert!(answer.location.starts_with(START), "{}", answer.location);
        let mut left = browser.cookies.keys();
        assert!(!left.any(|name| name.starts_with("MSISContext")));
        let page = browser.get(&answer.location).await;
        assert!(page.body.contains("ann@idp.test"), "{id}: {}", page.body);
    }
}

#[actix_web::test]
async fn bad_responses_make_no_session() {
    let service = Service::start(REDIRECT, "").await;
    let (other_key, other_certificate) = key_pair();
    let other = SigningKey::new(other_key, &other_certificate).expect("a key");
    type Change = fn(&mut Word);
    let changes: [(&str, Change); 23] = [
        ("wrong audience", |word| {
            word.audience = "http://other.test/"
        }),
        ("wrong issuer of the response", |word| {
            word.issuer = "http://evil.test/"
        }),
        ("wrong issuer of the assertion", |word| {
            word.assertion_issuer = "http://evil.test/"
        }),
        ("both issuers wrong", |word| {
            (word.issuer, word.assertion_issuer) = ("http://evil.test/", "http://evil.test/");
        }),
        ("expired", |word| word.issued = NOW - Duration::minutes(66)),
        ("confirmation expired", |word| {
            word.issued = NOW - Duration::minutes(11)
        }),
        ("not yet valid", |word| {
            word.issued = NOW + Duration::minutes(6)
        }),
        ("wrong destination", |word| {
            word.destination = "https://other.test/adfs/ls/"
        }),
        ("wrong destination, signed", |word| {
            (word.destination, word.signed) = ("https://other.test/adfs/ls/", Signed::Message);
        }),
        ("wrong recipient", |word| {
            word.recipient = "https://other.test/adfs/ls/"
        }),
        ("unsolicited", |word| {
            (word.answers, word.confirms) = (None, None)
        }),
        ("unsolicited, signed", |word| {
            (word.answers, word.confirms, word.signed) = (None, None, Signed::Message);
        }),
        ("confirmation unsolicited", |word| word.confirms = None),
        ("confirmation of another request", |word| {
            word.confirms = Some("id-other".to_owned())
        }),
        ("of another request", |word| {
            let other = format!("id-{}", uuid::Uuid::from_u128(7));
            (word.answers, word.confirms) = (Some(other.clone()), Some(other));
        }),
        ("of no request of ours", |word| {
            word.answers = Some("_q".to_owned())
        }),
        ("unsigned", |word| word.signed = Signed::Nothing),
        ("encrypted and unsigned", |word| {
            (word.signed, word.encrypted) = (Signed::Nothing, Some(ContentEncryption::Aes256Gcm));
        }),
        ("AES-CBC that nobody signed", |word| {
            word.encrypted = Some(ContentEncryption::Aes256Cbc);
        }),
        ("SHA-1", |word| word.algorithm = SignatureAlgorithm::RsaSha1),
        ("SHA-1 of the message", |word| {
            (word.algorithm, word.signed) = (SignatureAlgorithm::RsaSha1, Signed::Message);
        }),
        ("refused", |word| word.status = Status::no_authn_context()),
        ("refused, signed", |word| {
            (word.status, word.signed) = (Status::no_passive(), Signed::Message);
        }),
    ];
    for (name, change) in changes {
        let mut browser = service.browser();
        let mut word = Word::to(&browser.ask(&start()).await.id);
        change(&mut word);
        let answer = browser
            .bring_response(&word.response(&service, &service.provider))
            .await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.body);
        assert!(!browser.has_session(), "{name}");
    }
    let mut browser = service.browser();
    let asked = browser.ask(&start()).await;
    let good = Word::to(&asked.id);
    let both = Word {
        signed: Signed::Both,
        ..good.clone()
    };
    for (name, message) in [
        ("another key", good.response(&service, &other)),
        ("a hidden comment", {
            let signed = good.response(&service, &service.provider);
            signed.replace(">ann<", ">ann<!---->.evil<")
        }),
        ("a changed value", {
            let signed = good.response(&service, &service.provider);
            signed.replace("ann@idp.test", "bob@idp.test")
        }),
        ("a changed value in a signed message", {
            let signed = both.response(&service, &service.provider);
            signed.replace("ann@idp.test", "bob@idp.test")
        }),
        ("a changed outside of a signed message", {
            let signed = both.response(&service, &service.provider);
            signed.replace("\"_p1\"", "\"_p2\"")
        }),
        ("a document type", {
            let signed = good.response(&service, &service.provider);
            format!("<!DOCTYPE x>{signed}")
        }),
        ("no XML", "x".repeat(1000)),
    ] {
        let answer = browser.bring_response(&message).await;
        assert_eq!(answer.status, 400, "{name}");
        assert!(!browser.has_session(), "{name}");
    }
    // None of them used the good one up.
    let good = good.response(&service, &service.provider);
    assert_eq!(browser.bring_response(&good).await.status, 302);
}

#[actix_web::test]
async fn wrapped_responses_make_no_session() {
    let service = Service::start(REDIRECT, "").await;
    let mut browser = service.browser();
    let asked = browser.ask(&start()).await;
    let signed = Word::to(&asked.id).response(&service, &service.provider);
    let begin = signed.find("<Assertion").expect("an assertion");
    let end = signed.find("</Assertion>").expect("an end") + "</Assertion>".len();
    let (before, original, after) = (&signed[..begin], &signed[begin..end], &signed[end..]);
    let forged = original
        .replace("\"_a1\"", "\"_evil\"")
        .replace("ann@idp.test", "bob@idp.test");
    let unsigned = {
        let (head, rest) = forged.split_once("<ds:Signature").expect("a signature");
        let (_, tail) = rest.split_once("</ds:Signature>").expect("a signature");
        format!("{head}{tail}")
    };
    let same_id = unsigned.replace("\"_evil\"", "\"_a1\"");
    let tag = |text: &str| text.find('>').expect("a tag") + 1;
    let within = |outer: &str, inner: &str| {
        let at = tag(outer);
        format!("{}{inner}{}", &outer[..at], &outer[at..])
    };
    let at_end = |outer: &str, inner: &str| {
        let at = outer.rfind("</").expect("an end");
        format!("{}{inner}{}", &outer[..at], &outer[at..])
    };
    let extensions = |inner: &str| format!("<samlp:Extensions>{inner}</samlp:Extensions>");
    let cases = [
        (
            "forged before the signed one",
            format!("{unsigned}{original}"),
        ),
        (
            "forged behind the signed one",
            format!("{original}{unsigned}"),
        ),
        ("forged with the same id", format!("{same_id}{original}")),
        (
            "forged behind with the same id",
            format!("{original}{same_id}"),
        ),
        ("signed within the forged", within(&unsigned, original)),
        (
            "signed at the end of the forged",
            at_end(&unsigned, original),
        ),
        ("signed in the advice of the forged", {
            at_end(&unsigned, &format!("<Advice>{original}</Advice>"))
        }),
        ("signature moved to the forged", forged.clone()),
        ("signed in an object of the forged one's signature", {
            forged.replacen(
                "</ds:Signature>",
                &format!("<ds:Object>{original}</ds:Object></ds:Signature>"),
                1,
            )
        }),
        ("signed in extensions, forged in its place", {
            format!("{}{unsigned}", extensions(original))
        }),
        (
            "forged in extensions",
            format!("{}{original}", extensions(&unsigned)),
        ),
        ("whole response in extensions", {
            format!("{}{unsigned}", extensions(&signed))
        }),
    ];
    for (name, content) in cases {
        let answer = browser
            .bring_response(&format!("{before}{content}{after}"))
            .await;
        assert_eq!(answer.status, 400, "{name}");
        assert!(!browser.has_session(), "{name}");
    }
    assert_eq!(browser.bring_response(&signed).await.status, 302);
}

#[actix_web::test]
async fn a_response_is_for_one_browser_and_is_taken_once() {
    let service = Service::start(REDIRECT, "").await;
    let (mut ann, mut eve) = (service.browser(), service.browser());
    let asked = ann.ask(&start()).await;
    let other = eve.ask(&start()).await;
    let good = Word::to(&asked.id).response(&service, &service.provider);
    // Eve has Ann's response, and a question of her own.
    assert_eq!(eve.bring_response(&good).await.status, 400);
    assert_eq!(service.browser().bring_response(&good).await.status, 400);
    let kept = ann.cookies.clone();
    assert_eq!(ann.bring_response(&good).await.status, 302);
    // The same browser with the same question, and the same assertion in answer to another.
    ann.cookies = kept;
    assert_eq!(ann.bring_response(&good).await.status, 400);
    let replayed = Word::to(&other.id).response(&service, &service.provider);
    assert_eq!(eve.bring_response(&replayed).await.status, 400);
    assert!(!eve.has_session());

    let mut late = service.browser();
    let asked = late.ask(&start()).await;
    service.clock.advance(Duration::minutes(10));
    let word = Word {
        id: "_late",
        issued: NOW + Duration::minutes(10),
        ..Word::to(&asked.id)
    };
    let answer = late
        .bring_response(&word.response(&service, &service.provider))
        .await;
    assert_eq!(answer.status, 400);
}

#[actix_web::test]
async fn demands_reach_the_claims_provider_and_are_checked() {
    let settings = format!(
        "{REDIRECT}saml_authn_request_index = 3\nallow_create = false\n\
         saml_authn_request_name_id_format = \"urn:wanted\"\nrequired_name_id_format = \"urn:needed\"\n"
    );
    let service = Service::start(&settings, "").await;
    let mut browser = service.browser();
    let asked = browser.ask(&format!("{}&wfresh=0", start())).await;
    assert!(asked.force_authn);
    assert_eq!(asked.consumer.index, Some(3));
    let policy = asked.name_id_policy.expect("a policy");
    assert_eq!(policy.format.as_deref(), Some("urn:wanted"));
    assert!(!policy.allow_create);
    assert_eq!(asked.requested_authn_context, None);
    let answer = browser
        .bring_response(&Word::to(&asked.id).response(&service, &service.provider))
        .await;
    assert_eq!(answer.status, 400, "the name has another format");

    let service = Service::start(REDIRECT, "").await;
    let mut browser = service.browser();
    let asked = browser.ask(&format!("{}&wfresh=0", start())).await;
    let old = Word {
        signed_in: NOW - Duration::minutes(6),
        ..Word::to(&asked.id)
    };
    let old = old.response(&service, &service.provider);
    assert_eq!(browser.bring_response(&old).await.status, 400);
    let fresh = Word::to(&asked.id).response(&service, &service.provider);
    assert_eq!(browser.bring_response(&fresh).await.status, 302);
}

#[actix_web::test]
async fn a_request_is_posted_and_signed_where_the_trust_says_so() {
    let service = Service::start(POST, "").await;
    let mut browser = service.browser();
    let page = browser.get(&start()).await;
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("action=\"https://idp.test:443/sso\"")
            || page.body.contains("action=\"https://idp.test/sso\""),
        "{}",
        page.body
    );
    let field = page.body.split("name=\"SAMLRequest\" value=\"").nth(1);
    let field = field
        .and_then(|rest| rest.split('"').next())
        .expect("a field");
    let field = field
        .replace("&#x2b;", "+")
        .replace("&#43;", "+")
        .replace("&#x3d;", "=")
        .replace("&#61;", "=");
    let xml = post::decode(&field).expect("a message");
    let certificate = x509(service.federation.keys.token_signing().certificate());
    let authentic = federation::dsig::authenticate_root(
        &xml,
        &[certificate],
        &federation::dsig::AcceptedAlgorithms::default(),
    );
    let request =
        AuthnRequest::parse(authentic.expect("our signature").element()).expect("a request");
    let answer = browser
        .bring_response(&Word::to(&request.id).response(&service, &service.provider))
        .await;
    assert_eq!(answer.status, 302, "{}", answer.body);
}

#[actix_web::test]
async fn a_claims_provider_of_one_protocol_is_not_answered_by_the_other() {
    let saml = Service::start(REDIRECT, "").await;
    let mut browser = saml.browser();
    let asked = browser.ask(&start()).await;
    let key = asked.id.strip_prefix("id-").expect("a key").to_owned();
    let answer = browser
        .post("/adfs/ls/", &[("wresult", "<x/>"), ("wctx", &key)])
        .await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("MSIS7001"), "{}", answer.body);
}

/// Signs in, and asks to sign out; gives what the claims provider is asked.
async fn sign_out(service: &Service, browser: &mut Browser<'_>, id: &'static str) -> LogoutRequest {
    let asked = browser.ask(&start()).await;
    let word = Word {
        id,
        ..Word::to(&asked.id)
    };
    let answer = browser
        .bring_response(&word.response(service, &service.provider))
        .await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    let out = "/adfs/ls/?wa=wsignout1.0&wreply=https%3A%2F%2Fapp.corp.test%2Fbye";
    let away = browser.get(out).await;
    assert_eq!(away.status, 302, "{}", away.body);
    assert!(!browser.has_session());
    let query = away.location.strip_prefix("https://idp.test/logout?");
    let message = redirect::decode(query.expect("the endpoint")).expect("a message");
    let certificate = x509(service.federation.keys.token_signing().certificate());
    message.verify(&[certificate]).expect("our signature");
    LogoutRequest::parse(message.xml()).expect("a request")
}

#[actix_web::test]
async fn sign_out_asks_the_claims_provider_and_goes_on_when_it_has_answered() {
    let settings = r#"protocol_profile = "SAML"
saml_endpoints = [
  { binding = "Redirect", protocol = "SAMLSingleSignOn", uri = "https://idp.test/sso?a=b" },
  { binding = "POST", protocol = "SAMLLogout", uri = "https://idp.test/logout-by-post" },
  { binding = "Redirect", protocol = "SAMLLogout", uri = "https://idp.test/logout" },
]
"#;
    let service = Service::start(settings, "").await;
    let (other_key, other_certificate) = key_pair();
    let other = SigningKey::new(other_key, &other_certificate).expect("a key");
    let success = Status::success();
    let cases = [
        (
            "_1",
            HERE,
            &success,
            Some(&service.provider),
            PROVIDER,
            true,
        ),
        (
            "_2",
            HERE,
            &Status::partial_logout(),
            Some(&service.provider),
            PROVIDER,
            false,
        ),
        (
            "_3",
            HERE,
            &Status::responder(),
            Some(&service.provider),
            PROVIDER,
            false,
        ),
        ("_4", HERE, &success, Some(&other), PROVIDER, false),
        ("_5", HERE, &success, None, PROVIDER, false),
        (
            "_6",
            "https://other.test/adfs/ls/",
            &success,
            Some(&service.provider),
            PROVIDER,
            false,
        ),
        (
            "_7",
            HERE,
            &success,
            Some(&service.provider),
            "http://evil.test/",
            false,
        ),
    ];
    for (id, destination, status, key, issuer, done) in cases {
        for by_post in [true, false] {
            let session = if by_post {
                id
            } else {
                ["_p", id].concat().leak()
            };
            let mut browser = service.browser();
            let request = sign_out(&service, &mut browser, session).await;
            assert_eq!(request.issuer, US);
            assert_eq!(
                request.destination.as_deref(),
                Some("https://idp.test/logout")
            );
            assert_eq!(request.subject, LogoutSubject::Name(NameId::new("ann")));
            assert_eq!(request.session_indexes, [session]);
            let answer = LogoutResponse {
                id: "_answer".to_owned(),
                issuer: issuer.to_owned(),
                issue_instant: NOW,
                destination: Some(destination.to_owned()),
                in_response_to: Some(request.id),
                status: status.clone(),
                is_signed: false,
            };
            let sign = key.map(|key| (key, SignatureAlgorithm::RsaSha256));
            let in_message = sign.filter(|_| by_post);
            let message = write_logout_response(&answer, in_message).expect("an answer");
            let back = if by_post {
                browser.bring_response(message.as_str()).await
            } else {
                let kind = MessageKind::Response;
                let address = redirect::encode("/adfs/ls/", kind, message.as_str(), None, sign);
                browser.get(&address.expect("an address")).await
            };
            if done {
                assert_eq!(back.location, "https://app.corp.test/bye", "{id}");
            } else {
                assert_eq!(back.status, 200, "{id}: {}", back.body);
                assert!(back.body.contains("role=\"alert\""), "{id}: {}", back.body);
            }
            let mut left = browser.cookies.keys();
            assert!(!left.any(|name| name.starts_with("MSISContext")), "{id}");
        }
    }
}
