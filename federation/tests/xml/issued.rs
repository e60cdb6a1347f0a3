//! Issued documents: their form against golden files, their signatures against software that is not ours.

use std::io::Write;

use federation::IssueError;
use federation::metadata::{
    BUILT_IN_CLAIM_DESCRIPTIONS, Contact, FederationService, IdentityProvider, Organization, Role,
    ServiceProvider,
};
use federation::saml2::{self, Binding};
use federation::saml11::{self, Assertion, Claim};
use federation::signature::{SignatureAlgorithm, SigningKey, SigningKeyError};
use federation::wsfed::{TokenType, request_security_token_response};
use federation::xml::Fragment;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use proptest::prelude::*;

use crate::support::{KEY, NOW, STRING, assert_golden, assertion, tool, verifies};

fn signed(assertion: &Assertion<'_>, algorithm: SignatureAlgorithm) -> Fragment {
    KEY.signing
        .sign(assertion.write().expect("written"), algorithm)
        .expect("signed")
}

fn wrapped(assertion: &Fragment) -> String {
    let expires = NOW + time::Duration::hours(1);
    request_security_token_response(
        assertion,
        TokenType::Saml11,
        NOW,
        expires,
        "urn:federation:MicrosoftOnline",
    )
    .expect("wrapped")
}

fn metadata(display_name: &str) -> String {
    let certificate = KEY.signing.certificate_base64();
    let endpoint = "https://sts.contoso.test:8443/adfs/ls/";
    let entity_id = "http://sts.contoso.test/adfs/services/trust";
    let claims = &BUILT_IN_CLAIM_DESCRIPTIONS[..2];
    let roles = [
        Role::ApplicationService {
            display_name,
            decrypting: certificate,
            claims,
            target_scopes: &[endpoint, entity_id],
            passive_endpoint: endpoint,
        },
        Role::SecurityTokenService {
            display_name,
            signing: &[certificate, certificate],
            token_types: &[saml2::TOKEN_TYPE, saml11::TOKEN_TYPE],
            claims,
            passive_endpoint: endpoint,
        },
        Role::ServiceProvider(ServiceProvider {
            decrypting: certificate,
            signing: &[certificate, certificate],
            passive_endpoint: endpoint,
            consumers: &[Binding::Post, Binding::Artifact, Binding::Redirect],
            authn_requests_signed: false,
        }),
        Role::IdentityProvider(IdentityProvider {
            decrypting: certificate,
            signing: &[certificate, certificate],
            artifact_resolution: Some(
                "https://sts.contoso.test:8443/adfs/services/trust/artifactresolution",
            ),
            passive_endpoint: endpoint,
            claims,
            want_authn_requests_signed: false,
        }),
    ];
    let organization = Organization {
        name: Some("Contoso".to_owned()),
        display_name: Some("Contoso & Co".to_owned()),
        url: Some("https://www.contoso.test/".to_owned()),
    };
    let contact = Contact {
        contact_type: "support".to_owned(),
        company: None,
        given_name: Some("Zoë".to_owned()),
        surname: None,
        email_addresses: vec!["help@contoso.test".to_owned()],
        telephone_numbers: vec!["+49 30 123456".to_owned()],
    };
    let document = FederationService {
        id: "_1",
        entity_id,
        roles: &roles,
        organization: Some(&organization),
        contacts: std::slice::from_ref(&contact),
    }
    .write()
    .expect("written");
    KEY.signing
        .sign(document, SignatureAlgorithm::RsaSha256)
        .expect("signed")
        .into_string()
}

/// What differs from key to key.
fn without_key_material(xml: &str) -> String {
    let mut text = xml.replace(KEY.signing.certificate_base64(), "CERTIFICATE");
    for (start, end) in [
        ("<ds:DigestValue>", "</ds:DigestValue>"),
        ("<ds:SignatureValue>", "</ds:SignatureValue>"),
    ] {
        let from = text.find(start).expect(start) + start.len();
        let to = text.find(end).expect(end);
        text.replace_range(from..to, "...");
    }
    text
}

#[test]
fn the_response_has_the_form_of_ad_fs() {
    let response = wrapped(&signed(&assertion(), SignatureAlgorithm::RsaSha256));
    assert_golden("response.xml", &without_key_material(&response));
}

#[test]
fn an_assertion_without_claims_has_the_authentication_statement_alone() {
    let plain = Assertion {
        claims: Vec::new(),
        name_identifier: None,
        ..assertion()
    };
    assert_golden(
        "plain-assertion.xml",
        plain.write().expect("written").into_fragment().as_str(),
    );
}

#[test]
fn metadata_has_the_form_of_ad_fs() {
    assert_golden(
        "metadata.xml",
        &without_key_material(&metadata("Contoso & Co")),
    );
}

#[test]
fn signatures_verify_alone_and_within_the_response() {
    for algorithm in [SignatureAlgorithm::RsaSha256, SignatureAlgorithm::RsaSha1] {
        let token = signed(&assertion(), algorithm);
        assert!(verifies(token.as_str()), "{algorithm:?}");
        assert!(verifies(&wrapped(&token)), "{algorithm:?} in the response");
    }
    assert!(verifies(&metadata("Contoso & Co")));
}

#[test]
fn xmlsec1_verifies_them_too() {
    let Some(_) = tool("xmlsec1") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let certificate = folder.path().join("certificate.pem");
    std::fs::write(&certificate, KEY.certificate.to_pem().expect("PEM")).expect("written");
    let verify = |name: &str, xml: &str, id: (&str, &str)| {
        let path = folder.path().join(name);
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(xml.as_bytes()))
            .expect("written");
        let mut xmlsec1 = tool("xmlsec1").expect("seen above");
        let output = xmlsec1
            .arg("--verify")
            .args([format!("--id-attr:{}", id.0), id.1.to_owned()])
            .arg("--pubkey-cert-pem")
            .args([&certificate, &path])
            .output()
            .expect("xmlsec1 runs");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let id = (
        "AssertionID",
        "urn:oasis:names:tc:SAML:1.0:assertion:Assertion",
    );
    let response = wrapped(&signed(&assertion(), SignatureAlgorithm::RsaSha256));
    let (good, said) = verify("response.xml", &response, id);
    assert!(good, "{said}");
    let (bad, _) = verify("tampered.xml", &response.replace("alice@", "malice@"), id);
    assert!(!bad, "a changed response must not verify");
    let (good, said) = verify(
        "metadata.xml",
        &metadata("Contoso & Co"),
        (
            "ID",
            "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor",
        ),
    );
    assert!(good, "{said}");
}

#[test]
fn what_saml_11_cannot_say_is_refused() {
    let with = |claim_type: &'static str, value_type: &'static str| {
        let claims = vec![Claim {
            claim_type,
            value: "x",
            value_type,
            original_issuer: None,
        }];
        Assertion {
            claims,
            ..assertion()
        }
        .write()
        .map(|_| ())
        .expect_err("refused")
    };
    for claim_type in [
        "upn",
        "",
        "/upn",
        "http://schemas.xmlsoap.org/claims/",
        "urn:oid:1.2.3",
    ] {
        assert!(
            matches!(with(claim_type, STRING), IssueError::ClaimType(found) if found == claim_type)
        );
    }
    for value_type in [
        "",
        "string",
        "#string",
        "http://www.w3.org/2001/XMLSchema#",
        "urn:x#a b",
        "urn:x#a\"b",
    ] {
        assert!(
            matches!(with("urn:x/y", value_type), IssueError::ValueType { .. }),
            "{value_type}"
        );
    }
    let broken_id = Assertion {
        id: "6f1c",
        ..assertion()
    };
    assert!(broken_id.write().is_err());
}

#[test]
fn only_a_whole_rsa_pair_of_2048_bits_signs() {
    let make = |bits| PKey::from_rsa(Rsa::generate(bits).expect("a key")).expect("a key");
    let short = SigningKey::new(make(1024), &KEY.certificate);
    assert!(matches!(short, Err(SigningKeyError::TooShort(1024))));
    let other = SigningKey::new(make(2048), &KEY.certificate);
    assert!(matches!(other, Err(SigningKeyError::CertificateOfOtherKey)));
    let group = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1)
        .expect("a curve");
    let elliptic =
        PKey::from_ec_key(openssl::ec::EcKey::generate(&group).expect("a key")).expect("a key");
    assert!(matches!(
        SigningKey::new(elliptic, &KEY.certificate),
        Err(SigningKeyError::NotRsa)
    ));
}

#[test]
fn algorithms_are_known_by_both_spellings() {
    for algorithm in [SignatureAlgorithm::RsaSha256, SignatureAlgorithm::RsaSha1] {
        assert_eq!(
            SignatureAlgorithm::from_uri(algorithm.uri()),
            Some(algorithm)
        );
        assert_eq!(
            SignatureAlgorithm::from_uri(&algorithm.uri().replace("http:", "https:")),
            Some(algorithm)
        );
    }
    for other in [
        "",
        "rsa-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "ftp://www.w3.org/2000/09/xmldsig#rsa-sha1",
    ] {
        assert_eq!(SignatureAlgorithm::from_uri(other), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_claim_value_leaves_its_element(value in "([a-z<>&\"'/= ]|</saml:AttributeValue>|<!--|]]>|é){0,8}") {
        let claims = vec![Claim { claim_type: "urn:x/y", value: &value, value_type: STRING, original_issuer: Some(&value) }];
        let token = signed(&Assertion { claims, issuer: &value, ..assertion() }, SignatureAlgorithm::RsaSha256);
        prop_assert!(verifies(token.as_str()));
        let document = roxmltree::Document::parse(token.as_str()).expect("well formed");
        let values: Vec<_> = document.descendants().filter(|node| node.has_tag_name((saml11::SAML.uri(), "AttributeValue"))).collect();
        prop_assert_eq!(values.len(), 1);
        prop_assert_eq!(values[0].text().unwrap_or(""), &value);
        prop_assert_eq!(document.root_element().attribute("Issuer"), Some(value.as_str()));
    }

    #[test]
    fn no_changed_character_verifies(at in any::<prop::sample::Index>()) {
        let token = signed(&assertion(), SignatureAlgorithm::RsaSha256).into_string();
        let covered: Vec<usize> = token[..token.find("<ds:Signature ").expect("signed")]
            .char_indices()
            .filter(|(_, character)| character.is_ascii_alphanumeric())
            .map(|(at, _)| at)
            .collect();
        let at = covered[at.index(covered.len())];
        // The prefix of a value type is no part of the canonical form, so it alone may be declared differently.
        let in_declaration = token[..at].rfind(' ').is_some_and(|start| token[start..].starts_with(" xmlns:xs=") || token[start..].starts_with(" xmlns:tn="));
        prop_assume!(!in_declaration);
        let replacement = if &token[at..=at] == "x" { "y" } else { "x" };
        let changed = format!("{}{replacement}{}", &token[..at], &token[at + 1..]);
        prop_assert!(!verifies(&changed), "{changed}");
    }
}
