//! What several tests of issued XML need.

use std::process::{Command, Stdio};
use std::sync::LazyLock;

use federation::saml11::{Assertion, Claim, NameIdentifier};
use federation::signature::SigningKey;
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::X509;
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-25 12:00:00.123 UTC);
pub(crate) const STRING: &str = "http://www.w3.org/2001/XMLSchema#string";
pub(crate) const BOOLEAN: &str = "http://www.w3.org/2001/XMLSchema#boolean";

pub(crate) struct TestKey {
    pub(crate) private: PKey<Private>,
    pub(crate) certificate: X509,
    pub(crate) signing: SigningKey,
}

/// One key for all tests of a program, since making it takes long.
pub(crate) static KEY: LazyLock<TestKey> = LazyLock::new(|| {
    let private = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let mut builder = X509::builder().expect("a builder");
    builder.set_pubkey(&private).expect("public key");
    builder
        .set_not_before(&Asn1Time::days_from_now(0).expect("now"))
        .expect("begin");
    builder
        .set_not_after(&Asn1Time::days_from_now(1).expect("tomorrow"))
        .expect("end");
    builder
        .sign(&private, MessageDigest::sha256())
        .expect("signed");
    let certificate = builder.build();
    let signing = SigningKey::new(private.clone(), &certificate).expect("a signing key");
    TestKey {
        private,
        certificate,
        signing,
    }
});

/// The token that Entra ID is given for a user, with values that need escaping.
pub(crate) fn assertion() -> Assertion<'static> {
    let string = |claim_type, value| Claim {
        claim_type,
        value,
        value_type: STRING,
        original_issuer: None,
    };
    Assertion {
        id: "_6f1c2a4e-0000-4000-8000-000000000001",
        issuer: "http://contoso.test/adfs/services/trust/",
        issued: NOW,
        not_before: NOW,
        not_on_or_after: NOW + time::Duration::hours(1),
        audience: "urn:federation:MicrosoftOnline",
        name_identifier: Some(NameIdentifier {
            value: "TTwrGm9egXCSo7TF1uf4CQ==",
            format: Some("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"),
            qualifier: None,
        }),
        claims: vec![
            string(
                "http://schemas.xmlsoap.org/claims/UPN",
                "alice@contoso.test",
            ),
            string(
                "http://schemas.xmlsoap.org/claims/Group",
                "R&D <\"Zoë\">]]>\r\n\tMüller",
            ),
            Claim {
                claim_type: "http://schemas.microsoft.com/ws/2012/01/insidecorporatenetwork",
                value: "true",
                value_type: BOOLEAN,
                original_issuer: Some("CLIENT CONTEXT"),
            },
            string("http://schemas.xmlsoap.org/claims/Group", ""),
            Claim {
                claim_type: "http://schemas.xmlsoap.org/claims/x500",
                value: "cn=x",
                value_type: "urn:oasis:names:tc:xacml:1.0:data-type#x500Name",
                original_issuer: None,
            },
        ],
        authentication_method: "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
        authentication_instant: NOW - time::Duration::minutes(5),
    }
}

/// Whether bergshamra, which shares no code with the writer, accepts the signature with the test key.
pub(crate) fn verifies(xml: &str) -> bool {
    use bergshamra::keys::loader::load_rsa_public_pem;
    let pem = KEY.private.public_key_to_pem().expect("PEM");
    let mut keys = bergshamra::KeysManager::new();
    keys.add_key(load_rsa_public_pem(&pem).expect("a public key"));
    bergshamra::verify(&bergshamra::DsigContext::new(keys), xml)
        .is_ok_and(|result| result.all_reference_digests_verified())
}

/// A tool of the system, or `None` when it is not installed.
pub(crate) fn tool(name: &str) -> Option<Command> {
    let found = Command::new(name)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        eprintln!("{name} is not installed; its part of this test was left out");
    }
    found.then(|| Command::new(name))
}

/// One element a line, which people can compare.
pub(crate) fn lines(xml: &str) -> String {
    xml.replace("><", ">\n<") + "\n"
}

/// Compares with a file of `tests/golden`; `UPDATE_GOLDEN=1` writes it instead.
pub(crate) fn assert_golden(name: &str, xml: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, lines(xml)).expect("written");
    }
    let expected = std::fs::read_to_string(&path).expect("the golden file");
    assert_eq!(
        lines(xml),
        expected,
        "differs from {name}; if the change is meant, run with UPDATE_GOLDEN=1"
    );
}
