use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::dsig::SignatureError;
use crate::metadata::{BUILT_IN_CLAIM_DESCRIPTIONS, FederationService, Role};
use crate::saml2::Binding;
use crate::signature::SignatureAlgorithm;
use crate::test_key::{self, CERTIFICATE, OTHER_CERTIFICATE, SIGNING};

const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);
const ADDRESS: &str = "https://sts.contoso.test/adfs/ls/";
const ENTITY: &str = "http://sts.contoso.test/adfs/services/trust";

fn base64(certificate: &X509) -> String {
    STANDARD.encode(certificate.to_der().unwrap())
}

/// A key descriptor with ` use="..."` or nothing as its attribute.
fn key(used_for: &str, certificate: &X509) -> String {
    format!(
        "<md:KeyDescriptor{used_for}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n{}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
        base64(certificate)
    )
}

const CONSUMERS: &str = r#"<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.test/acs" index="3"/><md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact" Location="https://sp.test/artifact" index="1" isDefault="true"/>"#;
const LOGOUT: &str = r#"<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://sp.test/slo" ResponseLocation="https://sp.test/slo/done"/>"#;

fn entity(content: &str) -> String {
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" entityID=\"https://sp.test/\">{content}</md:EntityDescriptor>"
    )
}

fn service_provider(attributes: &str, content: &str) -> String {
    entity(&format!(
        "<md:SPSSODescriptor {attributes} protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:1.1:protocol urn:oasis:names:tc:SAML:2.0:protocol\">{content}</md:SPSSODescriptor>"
    ))
}

fn read_now(document: &str) -> Result<Entity, MetadataReadError> {
    read(document, &Reading::at(NOW))
}

fn party(document: &str) -> RelyingPartyMetadata {
    read_now(document).unwrap().relying_party().unwrap().clone()
}

/// Our own document, signed.
fn own() -> String {
    let certificate = base64(&CERTIFICATE);
    let claims = &BUILT_IN_CLAIM_DESCRIPTIONS[..2];
    let roles = [
        Role::ApplicationService {
            display_name: "Contoso",
            decrypting: &certificate,
            claims,
            target_scopes: &[ADDRESS, ENTITY],
            passive_endpoint: ADDRESS,
        },
        Role::SecurityTokenService {
            display_name: "Contoso",
            signing: &[&certificate],
            token_types: &[],
            claims,
            passive_endpoint: ADDRESS,
        },
    ];
    let service = FederationService {
        id: "_1",
        entity_id: ENTITY,
        roles: &roles,
        organization: None,
        contacts: &[],
    };
    let signed = SIGNING.sign(service.write().unwrap(), SignatureAlgorithm::RsaSha256);
    signed.unwrap().into_string()
}

#[test]
fn a_service_provider_fills_a_relying_party_trust() {
    let keys =
        key(" use=\"signing\"", &CERTIFICATE) + &key(" use=\"encryption\"", &OTHER_CERTIFICATE);
    let people = r#"<md:Organization><md:OrganizationName xml:lang="de">Versuch</md:OrganizationName><md:OrganizationName xml:lang="en">Test &amp; Co</md:OrganizationName><md:OrganizationDisplayName xml:lang="en"/><md:OrganizationURL xml:lang="en">https://sp.test/</md:OrganizationURL></md:Organization><md:ContactPerson contactType="support"><md:GivenName/><md:EmailAddress>mailto:help@sp.test</md:EmailAddress></md:ContactPerson>"#;
    let content = format!(
        "{keys}{LOGOUT}<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>{CONSUMERS}"
    );
    let document = service_provider(
        "AuthnRequestsSigned=\"1\" WantAssertionsSigned=\"true\"",
        &content,
    )
    .replace(
        "</md:EntityDescriptor>",
        &format!("{people}</md:EntityDescriptor>"),
    );
    let read = read_now(&document).unwrap();
    assert_eq!(read.signer.map(|_| ()), None);
    let organization = read.organization.unwrap();
    assert_eq!(organization.name.as_deref(), Some("Test & Co"));
    assert_eq!(organization.display_name, None);
    assert_eq!(read.contacts[0].email_addresses, ["help@sp.test"]);
    let party = party(&document);
    assert_eq!(party.identifiers, ["https://sp.test/"]);
    assert!(party.authn_requests_signed);
    assert_eq!(
        base64(&party.request_signing_certificates[0]),
        base64(&CERTIFICATE)
    );
    assert_eq!(
        base64(&party.encryption_certificates[0]),
        base64(&OTHER_CERTIFICATE)
    );
    assert_eq!(party.assertion_consumers[0].index, Some(3));
    let default = party.default_assertion_consumer().unwrap();
    assert_eq!(
        (default.binding, default.index),
        (Binding::Artifact, Some(1))
    );
    let logout = &party.logout_endpoints[0];
    assert_eq!(logout.location.as_str(), "https://sp.test/slo");
    assert_eq!(
        logout.response_location.as_ref().unwrap().as_str(),
        "https://sp.test/slo/done"
    );
    assert_eq!(party.name_id_formats.len(), 1);
    assert_eq!(party.warnings, []);
    assert!(matches!(
        read_now(&document).unwrap().claims_provider(),
        Err(MetadataReadError::NoClaimsProvider)
    ));
}

#[test]
fn a_federation_server_is_a_relying_party_and_a_claims_provider() {
    let entity = read_now(&own()).unwrap();
    assert_eq!(entity.entity_id, ENTITY);
    assert_eq!(
        base64(entity.signer.as_ref().unwrap()),
        base64(&CERTIFICATE)
    );
    let party = entity.relying_party().unwrap();
    assert_eq!(party.identifiers, [ENTITY, ADDRESS]);
    assert_eq!(party.ws_federation_endpoints[0].as_str(), ADDRESS);
    assert_eq!(party.encryption_certificates.len(), 1);
    assert!(party.request_signing_certificates.is_empty());
    assert_eq!(party.claim_types.len(), 2);
    let provider = entity.claims_provider().unwrap();
    assert_eq!(provider.display_name.as_deref(), Some("Contoso"));
    assert_eq!(provider.ws_federation_endpoints[0].as_str(), ADDRESS);
    assert_eq!(provider.signing_certificates.len(), 1);
    assert_eq!(
        provider.claim_types[0].display_name.as_deref(),
        Some("E-Mail Address")
    );
}

#[test]
fn a_key_without_use_is_for_both_and_a_missing_one_does_not_weaken_anything() {
    let both = party(&service_provider("", &(key("", &CERTIFICATE) + CONSUMERS)));
    assert_eq!(both.request_signing_certificates.len(), 1);
    assert_eq!(both.encryption_certificates.len(), 1);
    let encryption = key(" use=\"encryption\"", &CERTIFICATE);
    let document = service_provider("AuthnRequestsSigned=\"true\"", &(encryption + CONSUMERS));
    assert!(matches!(
        read_now(&document).unwrap().relying_party(),
        Err(MetadataReadError::NoSigningKey(_))
    ));
    let without = own().replace("use=\"signing\"", "use=\"encryption\"");
    let start = without.find("<ds:Signature").unwrap();
    let end = without.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let unsigned = format!("{}{}", &without[..start], &without[end..]);
    assert!(matches!(
        read_now(&unsigned).unwrap().claims_provider(),
        Err(MetadataReadError::NoSigningKey(_))
    ));
}

#[test]
fn what_cannot_be_used_is_left_out_with_a_warning() {
    let short = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let weak = key(" use=\"signing\"", &test_key::certificate(&short));
    let more = r#"<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="http://sp.test/acs" index="4"/><md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:PAOS" Location="https://sp.test/ecp" index="5"/><md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.test/again" index="3"/><md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://user@sp.test/acs" index="6"/>"#;
    let named = "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo><ds:KeyName>x</ds:KeyName></ds:KeyInfo></md:KeyDescriptor>";
    let party = party(&service_provider(
        "",
        &format!("{weak}{named}{CONSUMERS}{more}"),
    ));
    assert_eq!(party.assertion_consumers.len(), 2);
    assert!(party.request_signing_certificates.is_empty());
    let warnings: Vec<String> = party.warnings.iter().map(Warning::to_string).collect();
    for expected in [
        "\"http://sp.test/acs\" was left out",
        "bindings:PAOS",
        "another one before it has the index 3",
        "user name",
        "less than 2048 bits",
        "no certificate",
    ] {
        assert!(
            warnings.iter().any(|warning| warning.contains(expected)),
            "{expected}: {warnings:?}"
        );
    }
    assert_eq!(warnings.len(), 6);
}

#[test]
fn documents_that_say_nothing_usable_or_are_past_their_time_are_refused() {
    let valid =
        |until: &str| entity("").replace("entityID", &format!("validUntil=\"{until}\" entityID"));
    assert!(read_now(&valid("2026-11-25T12:00:01Z")).is_ok());
    assert!(read_now(&valid("2026-11-25T12:59:00+01:00")).is_err());
    for (document, expected) in [
        (
            valid("2026-11-25T12:00:00Z"),
            MetadataReadError::Expired("2026-11-25T12:00:00.000Z".into()),
        ),
        (
            valid("2026-11-25T11:59:59"),
            MetadataReadError::Expired("2026-11-25T11:59:59.000Z".into()),
        ),
        (valid("tomorrow"), MetadataReadError::Value("validUntil")),
        (
            service_provider("validUntil=\"2020-01-01T00:00:00Z\"", CONSUMERS),
            MetadataReadError::Expired("2020-01-01T00:00:00.000Z".into()),
        ),
        (
            entity("").replace(" entityID=\"https://sp.test/\"", ""),
            MetadataReadError::Missing("entityID"),
        ),
        (
            entity("").replace("SAML:2.0:metadata", "SAML:2.0:metadate"),
            SignatureError::Form("metadata of the entity that was asked for").into(),
        ),
    ] {
        assert_eq!(read_now(&document).map(|_| ()), Err(expected), "{document}");
    }
    for document in [
        entity(""),
        service_provider("", ""),
        service_provider("", CONSUMERS).replace("SAML:2.0:protocol", "SAML:3.0:protocol"),
        service_provider("", &CONSUMERS.replace("https:", "http:")),
    ] {
        let entity = read_now(&document).unwrap();
        assert!(
            matches!(
                entity.relying_party(),
                Err(MetadataReadError::NoRelyingParty)
            ),
            "{document}"
        );
    }
    for (from, to) in [
        ("index=\"3\"", "index=\"65536\""),
        ("isDefault=\"true\"", "isDefault=\"yes\""),
        (" Location=\"https://sp.test/acs\"", ""),
    ] {
        let document = service_provider("", &CONSUMERS.replace(from, to));
        assert!(
            read_now(&document).unwrap().relying_party().is_err(),
            "{to}"
        );
    }
    let broken = service_provider(
        "",
        &(key("", &CERTIFICATE).replace("MII", "MIJ") + CONSUMERS),
    );
    assert!(read_now(&broken).unwrap().relying_party().is_err());
}

#[test]
fn a_signature_must_hold_and_be_the_one_that_was_asked_for() {
    let document = own();
    let by = |document: &str, certificate: &X509| {
        let certificates = [certificate.clone()];
        read(document, &Reading::at(NOW).signed_by(&certificates)).map(|_| ())
    };
    assert_eq!(by(&document, &CERTIFICATE), Ok(()));
    assert_eq!(
        by(&document, &OTHER_CERTIFICATE),
        Err(SignatureError::Invalid.into())
    );
    let unsigned = service_provider("", CONSUMERS);
    assert_eq!(
        by(&unsigned, &CERTIFICATE),
        Err(SignatureError::NotSigned.into())
    );
    for changed in [
        document.replacen("https://sts.contoso.test", "https://sts.evil.test", 1),
        document.replace("#_1", ""),
        document.replacen(&base64(&CERTIFICATE), &base64(&OTHER_CERTIFICATE), 1),
    ] {
        assert!(read_now(&changed).is_err());
    }
}

#[test]
fn an_entity_is_taken_out_of_its_federation() {
    let member = own();
    let other = service_provider("", CONSUMERS);
    let group = |attributes: &str, content: &str| {
        format!(
            "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" {attributes}>{content}</md:EntitiesDescriptor>"
        )
    };
    let nested = group("", &group("", &format!("{member}{other}")));
    let of = |document: &str, id| read(document, &Reading::at(NOW).of(id));
    let entity = of(&nested, ENTITY).unwrap();
    assert!(entity.signer.is_some());
    assert_eq!(
        of(&nested, "https://sp.test/").unwrap().entity_id,
        "https://sp.test/"
    );
    for (name, result) in [
        ("none chosen", read_now(&nested)),
        ("absent", of(&nested, "https://absent.test/")),
        (
            "twice",
            of(&group("", &format!("{other}{other}")), "https://sp.test/"),
        ),
        (
            "the group has expired",
            of(
                &group("validUntil=\"2026-01-01T00:00:00Z\"", &other),
                "https://sp.test/",
            ),
        ),
        (
            "hidden in another element",
            of(&group("", &format!("<x>{other}</x>")), "https://sp.test/"),
        ),
        (
            "an altered member",
            of(&nested.replacen("Contoso", "Evil", 1), ENTITY),
        ),
    ] {
        assert!(result.is_err(), "{name}");
    }
}

proptest! {
    #[test]
    fn no_document_panics(text in "(<md:(EntityDescriptor|SPSSODescriptor|KeyDescriptor)( (entityID|validUntil|use|Location)=\"[a-z0-9:/.-]{0,9}\")?/?>|</md:(EntityDescriptor|SPSSODescriptor)>){0,9}") {
        let _ = read_now(&format!("<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"a\">{text}</md:EntityDescriptor>"));
    }
}
