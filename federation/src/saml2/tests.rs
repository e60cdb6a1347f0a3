//! Messages that were written are read again, and by others.

use time::OffsetDateTime;
use time::macros::datetime;

use super::*;
use crate::signature::SignatureAlgorithm;
use crate::test_key::{CERTIFICATE, KEY, SIGNING};
use crate::xml::Fragment;
use crate::xmlenc::ContentEncryption;

pub(super) const NOW: OffsetDateTime = datetime!(2026-11-25 12:00:00.123 UTC);
const RP: &str = "https://rp.test/saml?a=b&c=d";

pub(super) fn name() -> NameId {
    NameId {
        value: "alice<>&\"'@contoso.test".to_owned(),
        format: Some("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress".to_owned()),
        name_qualifier: Some("http://sts.test/adfs/services/trust".to_owned()),
        sp_name_qualifier: Some("urn:rp".to_owned()),
        sp_provided_id: Some("7".to_owned()),
    }
}

pub(super) fn assertion(name: &NameId, signed: bool) -> Assertion<'_> {
    let claim = |claim_type, value| Claim {
        claim_type,
        value,
        name_format: None,
    };
    Assertion {
        id: "_a1",
        issuer: "http://sts.test/adfs/services/trust",
        issued: NOW,
        subject: Subject {
            name: Some(SubjectName::Plain(name)),
            in_response_to: Some("_r1"),
            recipient: Some(RP),
            not_on_or_after: Some(NOW + time::Duration::minutes(5)),
        },
        not_before: NOW,
        not_on_or_after: NOW + time::Duration::hours(1),
        audience: "urn:rp",
        claims: vec![
            claim(
                "http://schemas.xmlsoap.org/claims/Group",
                "R&D <\"Zoë\">]]>\r\n\t",
            ),
            claim(
                "http://schemas.xmlsoap.org/claims/UPN",
                "alice@contoso.test",
            ),
            claim("http://schemas.xmlsoap.org/claims/Group", ""),
            Claim {
                name_format: Some("urn:oasis:names:tc:SAML:2.0:attrname-format:uri"),
                ..claim("urn:oid:0.9.2342.19200300.100.1.3", "a@b")
            },
        ],
        authn_instant: NOW - time::Duration::minutes(5),
        class_ref: "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
        signed,
    }
}

/// Whether bergshamra, which shares no code with the writer, accepts every reference of the first signature.
pub(super) fn verifies(xml: &str) -> bool {
    use bergshamra::keys::loader::load_rsa_public_pem;
    let mut keys = bergshamra::KeysManager::new();
    keys.add_key(load_rsa_public_pem(&KEY.public_key_to_pem().unwrap()).unwrap());
    bergshamra::verify(&bergshamra::DsigContext::new(keys), xml)
        .is_ok_and(|result| result.all_reference_digests_verified())
}

fn respond(assertion: Option<&Fragment>, status: &Status, sign: bool) -> String {
    let parts = ResponseParts {
        id: "_p1",
        issue_instant: NOW,
        destination: RP,
        in_response_to: Some("_r1"),
        issuer: "http://sts.test/adfs/services/trust",
        status,
        assertion,
        sign: sign.then_some((&SIGNING, SignatureAlgorithm::RsaSha256)),
    };
    write_response(&parts).unwrap().into_string()
}

fn signed_assertion() -> Fragment {
    let written = assertion(&name(), true).write().unwrap();
    SIGNING
        .sign(written, SignatureAlgorithm::RsaSha256)
        .unwrap()
}

/// Local names of the children of the element at `path`, from the root on.
fn children(xml: &str, path: &[&str]) -> Vec<String> {
    let document = roxmltree::Document::parse(xml).unwrap();
    let mut element = document.root_element();
    for step in path {
        element = element
            .children()
            .find(|child| child.tag_name().name() == *step)
            .unwrap();
    }
    let children = element.children().filter(roxmltree::Node::is_element);
    children
        .map(|child| child.tag_name().name().to_owned())
        .collect()
}

#[test]
fn a_response_has_its_elements_in_order_for_each_place_of_the_signature() {
    let plain = assertion(&name(), false).write().unwrap().into_fragment();
    let signed = signed_assertion();
    for (fragment, assertion_signed, message_signed) in [
        (&signed, true, false),
        (&signed, true, true),
        (&plain, false, true),
    ] {
        let xml = respond(Some(fragment), &Status::success(), message_signed);
        let mut expected = vec!["Issuer", "Status", "Assertion"];
        if message_signed {
            expected.insert(1, "Signature");
        }
        assert_eq!(children(&xml, &[]), expected);
        let mut expected = vec![
            "Issuer",
            "Subject",
            "Conditions",
            "AttributeStatement",
            "AuthnStatement",
        ];
        if assertion_signed {
            expected.insert(1, "Signature");
        }
        assert_eq!(children(&xml, &["Assertion"]), expected);
        assert!(verifies(&xml), "{xml}");
        assert!(verifies(fragment.as_str()) == assertion_signed);
        assert!(!verifies(&xml.replace("alice", "mallo")));
    }
}

#[test]
fn an_assertion_is_written_as_specified() {
    let xml = assertion(&name(), false)
        .write()
        .unwrap()
        .into_fragment()
        .into_string();
    let expected = concat!(
        "<Assertion xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_a1\" IssueInstant=\"2026-11-25T12:00:00.123Z\" ",
        "Version=\"2.0\"><Issuer>http://sts.test/adfs/services/trust</Issuer><Subject><NameID ",
        "Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\" ",
        "NameQualifier=\"http://sts.test/adfs/services/trust\" SPNameQualifier=\"urn:rp\" SPProvidedID=\"7\">",
        "alice&lt;&gt;&amp;\"'@contoso.test</NameID><SubjectConfirmation ",
        "Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><SubjectConfirmationData InResponseTo=\"_r1\" ",
        "NotOnOrAfter=\"2026-11-25T12:05:00.123Z\" Recipient=\"https://rp.test/saml?a=b&amp;c=d\">",
        "</SubjectConfirmationData></SubjectConfirmation></Subject><Conditions NotBefore=\"2026-11-25T12:00:00.123Z\" ",
        "NotOnOrAfter=\"2026-11-25T13:00:00.123Z\"><AudienceRestriction><Audience>urn:rp</Audience>",
        "</AudienceRestriction></Conditions><AttributeStatement><Attribute ",
        "Name=\"http://schemas.xmlsoap.org/claims/Group\"><AttributeValue>R&amp;D &lt;\"Zoë\"&gt;]]&gt;&#xD;\n\t",
        "</AttributeValue><AttributeValue></AttributeValue></Attribute><Attribute ",
        "Name=\"http://schemas.xmlsoap.org/claims/UPN\"><AttributeValue>alice@contoso.test</AttributeValue>",
        "</Attribute><Attribute Name=\"urn:oid:0.9.2342.19200300.100.1.3\" ",
        "NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:uri\"><AttributeValue>a@b</AttributeValue>",
        "</Attribute></AttributeStatement><AuthnStatement AuthnInstant=\"2026-11-25T11:55:00.123Z\" ",
        "SessionIndex=\"_a1\"><AuthnContext><AuthnContextClassRef>",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</AuthnContextClassRef></AuthnContext>",
        "</AuthnStatement></Assertion>",
    );
    assert_eq!(xml, expected);
}

#[test]
fn a_refusal_has_two_codes_and_no_assertion() {
    let xml = respond(None, &Status::no_passive(), false);
    let status = "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><samlp:StatusCode \
                  Value=\"urn:oasis:names:tc:SAML:2.0:status:NoPassive\"></samlp:StatusCode></samlp:StatusCode>";
    assert!(xml.contains(status), "{xml}");
    assert_eq!(children(&xml, &[]), ["Issuer", "Status"]);
    assert!(!verifies(&xml));
}

fn logout_request() -> LogoutRequest {
    LogoutRequest {
        id: "_l1".to_owned(),
        issuer: "urn:rp".to_owned(),
        issue_instant: datetime!(2026-11-25 12:00 UTC),
        destination: Some("https://sts.test/adfs/ls/".to_owned()),
        subject: LogoutSubject::Name(name()),
        session_indexes: vec!["_a1".to_owned(), "_a2".to_owned()],
        not_on_or_after: Some(datetime!(2026-11-25 12:05 UTC)),
        reason: Some("urn:oasis:names:tc:SAML:2.0:logout:user".to_owned()),
        is_signed: true,
    }
}

#[test]
fn logout_messages_come_back_as_they_were_written() {
    let signing = Some((&*SIGNING, SignatureAlgorithm::RsaSha256));
    let request = logout_request();
    let xml = write_logout_request(&request, None, signing)
        .unwrap()
        .into_string();
    assert!(verifies(&xml));
    assert_eq!(LogoutRequest::parse(&xml), Ok(request));
    let response = LogoutResponse {
        id: "_l2".to_owned(),
        issuer: "urn:rp".to_owned(),
        issue_instant: datetime!(2026-11-25 12:00 UTC),
        destination: None,
        in_response_to: Some("_l1".to_owned()),
        status: Status::partial_logout(),
        is_signed: false,
    };
    let xml = write_logout_response(&response, None)
        .unwrap()
        .into_string();
    assert_eq!(LogoutResponse::parse(&xml), Ok(response.clone()));
    let xml = write_logout_response(&response, signing)
        .unwrap()
        .into_string();
    assert!(verifies(&xml));
}

#[test]
fn logout_requests_that_name_nobody_or_two_are_refused() {
    let mut request = logout_request();
    request.subject = LogoutSubject::Name(NameId::new("x"));
    let xml = write_logout_request(&request, None, None)
        .unwrap()
        .into_string();
    let named = "<NameID xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">x</NameID>";
    assert!(xml.contains(named));
    let encrypted = "<EncryptedID xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\"><e:EncryptedData a='>'>\
                     <samlp:x/></e:EncryptedData></EncryptedID>";
    let bound = "<samlp:LogoutRequest xmlns:e=\"http://www.w3.org/2001/04/xmlenc#\"";
    let with = |instead: &str| {
        xml.replace(named, instead)
            .replace("<samlp:LogoutRequest", bound)
    };
    for (instead, expected) in [
        (String::new(), MessageError::Missing("NameID")),
        (named.replace(">x<", "><"), MessageError::Missing("NameID")),
        (named.repeat(2), MessageError::Repeated("NameID")),
        (
            format!("{named}{encrypted}"),
            MessageError::Repeated("NameID"),
        ),
    ] {
        assert_eq!(
            LogoutRequest::parse(&with(&instead)),
            Err(expected),
            "{instead}"
        );
    }
    let LogoutSubject::Encrypted(data) = LogoutRequest::parse(&with(encrypted)).unwrap().subject
    else {
        panic!("the name is encrypted");
    };
    let document = roxmltree::Document::parse(&data).expect("it stands alone");
    assert!(
        document
            .root_element()
            .has_tag_name(("http://www.w3.org/2001/04/xmlenc#", "EncryptedData"))
    );
    assert!(
        document
            .root_element()
            .first_element_child()
            .unwrap()
            .has_tag_name((PROTOCOL.uri(), "x"))
    );
}

fn decrypted(encrypted: &str) -> String {
    use bergshamra::keys::loader::load_rsa_private_pem;
    let pem = KEY.rsa().unwrap().private_key_to_pem().unwrap();
    let mut keys = bergshamra::KeysManager::new();
    keys.add_key(load_rsa_private_pem(&pem).unwrap());
    bergshamra::decrypt(&bergshamra::EncContext::new(keys), encrypted).unwrap()
}

#[test]
fn an_encrypted_assertion_keeps_its_signature() {
    let signed = signed_assertion();
    let content = ContentEncryption::Aes256Cbc;
    let encrypted = encrypted_assertion(&signed, &CERTIFICATE, content).unwrap();
    for message_signed in [false, true] {
        let xml = respond(Some(&encrypted), &Status::success(), message_signed);
        assert!(!xml.contains("alice"));
        assert_eq!(verifies(&xml), message_signed);
        let opened = decrypted(&xml);
        let start = opened.find("<Assertion ").unwrap();
        let end = opened.find("</Assertion>").unwrap() + "</Assertion>".len();
        assert!(verifies(&opened[start..end]));
    }
}

#[test]
fn an_encrypted_name_is_read_again_and_does_not_break_the_signature_around_it() {
    let name = name();
    let encrypted = name
        .encrypt(&CERTIFICATE, ContentEncryption::Aes256Gcm)
        .unwrap();
    let mut written = assertion(&name, true);
    written.subject.name = Some(SubjectName::Encrypted(&encrypted));
    let signed = SIGNING
        .sign(written.write().unwrap(), SignatureAlgorithm::RsaSha256)
        .unwrap();
    assert!(verifies(signed.as_str()));
    assert_eq!(
        children(signed.as_str(), &["Subject"]),
        ["EncryptedID", "SubjectConfirmation"]
    );
    assert!(decrypted(signed.as_str()).contains("alice"));

    let recipient = Some((&*CERTIFICATE, ContentEncryption::Aes256Cbc));
    let signing = Some((&*SIGNING, SignatureAlgorithm::RsaSha256));
    let xml = write_logout_request(&logout_request(), recipient, signing)
        .unwrap()
        .into_string();
    assert!(verifies(&xml));
    let LogoutSubject::Encrypted(data) = LogoutRequest::parse(&xml).unwrap().subject else {
        panic!("the name is encrypted");
    };
    assert_eq!(NameId::parse(&decrypted(&data)), Ok(name));
}

const AUTHN_REQUEST: &str = "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
    xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_q1\" Version=\"2.0\" \
    IssueInstant=\"2026-11-25T12:00:00Z\" Destination=\"https://sts.test/adfs/ls/\" ForceAuthn=\"true\" IsPassive=\"0\" \
    AssertionConsumerServiceURL=\"https://rp.test/acs\" \
    ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"><saml:Issuer> urn:rp </saml:Issuer>\
    <saml:Subject><saml:NameID>alice</saml:NameID></saml:Subject>\
    <samlp:NameIDPolicy Format=\"urn:f\" SPNameQualifier=\"urn:q\" AllowCreate=\"1\"/>\
    <samlp:RequestedAuthnContext Comparison=\"minimum\"><saml:AuthnContextClassRef>urn:c1</saml:AuthnContextClassRef>\
    <saml:AuthnContextClassRef>urn:c2</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>\
    <samlp:Scoping ProxyCount=\"1\"><samlp:IDPList><samlp:IDPEntry ProviderID=\"urn:idp\"/></samlp:IDPList>\
    </samlp:Scoping></samlp:AuthnRequest>";

#[test]
fn an_authn_request_is_read_whole() {
    let request = AuthnRequest::parse(AUTHN_REQUEST).unwrap();
    let expected = AuthnRequest {
        id: "_q1".to_owned(),
        issuer: "urn:rp".to_owned(),
        issue_instant: datetime!(2026-11-25 12:00 UTC),
        destination: Some("https://sts.test/adfs/ls/".to_owned()),
        consumer: ConsumerChoice {
            url: Some("https://rp.test/acs".to_owned()),
            index: None,
            binding: Some(Binding::Post),
        },
        force_authn: true,
        is_passive: false,
        name_id_policy: Some(NameIdPolicy {
            format: Some("urn:f".to_owned()),
            sp_name_qualifier: Some("urn:q".to_owned()),
            allow_create: true,
        }),
        requested_authn_context: Some(RequestedAuthnContext {
            comparison: Comparison::Minimum,
            classes: vec!["urn:c1".to_owned(), "urn:c2".to_owned()],
        }),
        scoping: Some(Scoping {
            proxy_count: Some(1),
            identity_providers: vec!["urn:idp".to_owned()],
        }),
        subject_hint: Some("alice".to_owned()),
        is_signed: false,
    };
    assert_eq!(request, expected);
}

#[test]
fn authn_requests_that_could_mean_two_things_are_refused() {
    for (from, to, expected) in [
        ("Version=\"2.0\"", "Version=\"1.1\"", MessageError::Version),
        ("ID=\"_q1\"", "", MessageError::Missing("ID")),
        ("ID=\"_q1\"", "ID=\"1 \"", MessageError::Value("ID")),
        (
            "IssueInstant=\"2026-11-25T12:00:00Z\"",
            "",
            MessageError::Missing("IssueInstant"),
        ),
        ("12:00:00Z", "12:00:00", MessageError::Value("IssueInstant")),
        ("\"true\"", "\"yes\"", MessageError::Value("ForceAuthn")),
        (
            "HTTP-POST",
            "HTTP-PUT",
            MessageError::Value("ProtocolBinding"),
        ),
        ("minimum", "least", MessageError::Value("Comparison")),
        (
            "ProxyCount=\"1\"",
            "ProxyCount=\"-1\"",
            MessageError::Value("ProxyCount"),
        ),
        (
            "ForceAuthn",
            "AssertionConsumerServiceIndex=\"0\" ForceAuthn",
            MessageError::Value("AssertionConsumerServiceIndex"),
        ),
        (
            "<saml:Subject>",
            "<saml:Issuer>urn:other</saml:Issuer><saml:Subject>",
            MessageError::Repeated("Issuer"),
        ),
        (
            " urn:rp ",
            "urn:rp<!-- -->.evil",
            MessageError::Xml(crate::xml::ReadError::Comment),
        ),
        (
            "<saml:NameID>alice",
            "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"/><saml:NameID>alice",
            MessageError::MisplacedSignature,
        ),
        (" urn:rp ", " ", MessageError::Missing("Issuer")),
        (
            "samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"",
            "samlp=\"urn:oasis:names:tc:SAML:2.0:protocol#\"",
            MessageError::Kind("AuthnRequest"),
        ),
        (
            "<saml:AuthnContextClassRef>urn:c1</saml:AuthnContextClassRef>\
             <saml:AuthnContextClassRef>urn:c2</saml:AuthnContextClassRef>",
            "<saml:AuthnContextDeclRef>urn:d</saml:AuthnContextDeclRef>",
            MessageError::Missing("AuthnContextClassRef"),
        ),
    ] {
        let changed = AUTHN_REQUEST.replacen(from, to, 1);
        assert_ne!(changed, AUTHN_REQUEST, "{from}");
        assert_eq!(AuthnRequest::parse(&changed), Err(expected), "{to}");
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_message_panics(at in 0..AUTHN_REQUEST.len(), with in "[<>&\"'=/!a-z \\-]{0,6}", length in 0..40_usize) {
            let mut text = AUTHN_REQUEST.to_owned();
            text.replace_range(at..(at + length).min(AUTHN_REQUEST.len()), &with);
            let _ = AuthnRequest::parse(&text);
            let _ = LogoutRequest::parse(&text.replace("AuthnRequest", "LogoutRequest"));
            let _ = LogoutResponse::parse(&text.replace("AuthnRequest", "LogoutResponse"));
        }

        #[test]
        fn markup_in_a_value_stays_a_value(value in "[<>&\"'\\]a-zé\r\n\t-]{0,30}") {
            let mut name = name();
            name.value.clone_from(&value);
            let mut assertion = assertion(&name, true);
            assertion.claims.truncate(1);
            let claim = assertion.claims.first_mut().unwrap();
            claim.value = &value;
            let written = assertion.write().unwrap();
            let signed = SIGNING.sign(written, SignatureAlgorithm::RsaSha256).unwrap();
            prop_assert!(verifies(signed.as_str()));
            let document = roxmltree::Document::parse(signed.as_str()).unwrap();
            let text = |name: &str| {
                let element = document.descendants().find(|node| node.tag_name().name() == name);
                element.unwrap().text().unwrap_or_default().to_owned()
            };
            prop_assert_eq!(text("NameID"), value.clone());
            prop_assert_eq!(text("AttributeValue"), value);
        }
    }
}

#[test]
fn an_encrypted_name_is_read_with_its_key_and_only_with_it() {
    use crate::assertion::{self, AssertionError};
    use crate::test_key::OTHER_KEY;
    use crate::xmlenc::decrypt::{DecryptionKey, PrivateKey};

    let name = name();
    // What is read was signed, so that AES in CBC mode will do.
    let encrypted = name
        .encrypt(&CERTIFICATE, ContentEncryption::Aes256Cbc)
        .unwrap();
    let mut hidden = assertion(&name, false);
    hidden.subject.name = Some(SubjectName::Encrypted(&encrypted));
    let hidden = hidden.write().unwrap().into_fragment();
    let open = assertion(&name, false).write().unwrap().into_fragment();
    let (ours, other) = (
        PrivateKey::new(KEY.clone()).unwrap(),
        PrivateKey::new(OTHER_KEY.clone()).unwrap(),
    );
    let with = |keys: &[&dyn DecryptionKey]| assertion::read_with_keys(hidden.as_str(), keys);

    let read = with(&[&other, &ours]).unwrap();
    assert_eq!(read, assertion::read(open.as_str()).unwrap());
    assert_eq!(with(&[]), Err(AssertionError::EncryptedPart));
    assert!(matches!(
        with(&[&other]),
        Err(AssertionError::EncryptedName(_))
    ));

    // What is encrypted must be a name.
    let fragment = assertion(&name, false).write().unwrap().into_fragment();
    let nested = crate::xmlenc::encrypt(&fragment, &CERTIFICATE, ContentEncryption::Aes256Cbc);
    let nested = nested.unwrap();
    let mut hidden = assertion(&name, false);
    hidden.subject.name = Some(SubjectName::Encrypted(&nested));
    let hidden = hidden.write().unwrap().into_fragment();
    assert_eq!(
        assertion::read_with_keys(hidden.as_str(), &[&ours]),
        Err(AssertionError::Value("EncryptedID"))
    );
}
