use super::*;
use crate::signature::{SignatureAlgorithm, SigningKey};
use crate::test_key::{CERTIFICATE, OTHER_CERTIFICATE, OTHER_KEY, SIGNING};
use crate::xml::{Attribute, Namespace, write};

const PROTOCOL: Namespace = Namespace::new("samlp", "urn:oasis:names:tc:SAML:2.0:protocol");
const ASSERTION: Namespace = Namespace::new("", "urn:oasis:names:tc:SAML:2.0:assertion");

const ISSUER: &str =
    "<Issuer xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">https://sp.test/</Issuer>";

fn signed(algorithm: SignatureAlgorithm) -> String {
    let attributes = [
        Attribute::new("ID", "_1"),
        Attribute::new("IssueInstant", "2026-11-25T12:00:00Z"),
        Attribute::new("Version", "2.0"),
    ];
    let request = write(PROTOCOL.name("AuthnRequest"), &attributes, |writer| {
        writer.leaf(ASSERTION.name("Issuer"), &[], "https://sp.test/");
        writer.signature("_1");
    });
    let fragment = SIGNING.sign(request.unwrap(), algorithm).unwrap();
    fragment.into_string()
}

fn check(document: &str) -> Result<Authentic, SignatureError> {
    let certificates = [OTHER_CERTIFICATE.clone(), CERTIFICATE.clone()];
    let accepted = AcceptedAlgorithms::default().and(Algorithm::RsaSha1);
    authenticate_root(document, &certificates, &accepted)
}

#[test]
fn what_was_signed_is_handed_on_and_nothing_else() {
    for (configured, algorithm) in [
        (SignatureAlgorithm::RsaSha256, Algorithm::RsaSha256),
        (SignatureAlgorithm::RsaSha1, Algorithm::RsaSha1),
    ] {
        let authentic = check(&signed(configured)).unwrap();
        assert_eq!(authentic.algorithm(), algorithm);
        assert!(algorithm.fits(configured));
        assert_eq!(authentic.id(), "_1");
        assert!(authentic.element().contains(ISSUER));
        assert!(!authentic.element().contains("Signature"));
    }
}

#[test]
fn only_the_callers_certificates_count() {
    let document = signed(SignatureAlgorithm::RsaSha256);
    let strangers = std::slice::from_ref(&*OTHER_CERTIFICATE);
    let accepted = AcceptedAlgorithms::default();
    assert_eq!(
        authenticate_root(&document, strangers, &accepted).map(|_| ()),
        Err(SignatureError::Invalid)
    );
    assert_eq!(
        authenticate_root(&document, &[], &accepted).map(|_| ()),
        Err(SignatureError::NoCertificate)
    );
}

/// The published ways to let one reader verify an element and another read a different one.
#[test]
fn wrapped_and_altered_messages_are_refused() {
    let genuine = signed(SignatureAlgorithm::RsaSha256);
    let signature_at = genuine.find("<ds:Signature ").unwrap();
    let signature_end = genuine.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = &genuine[signature_at..signature_end];
    let bare = genuine.replace(signature, "");
    let evil_open = "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_2\" IssueInstant=\"2026-11-25T12:00:00Z\" Version=\"2.0\">";
    let evil_issuer = ISSUER.replace("sp.test", "evil.test");
    let close = "</samlp:AuthnRequest>";
    let with = |altered: &str, other: &str| genuine.replace(altered, other);
    let cases = [
        (
            "evil outside, genuine as an extension",
            format!(
                "{evil_open}{evil_issuer}<samlp:Extensions>{genuine}</samlp:Extensions>{close}"
            ),
        ),
        (
            "evil outside with the signature, genuine within it",
            format!(
                "{evil_open}{evil_issuer}{}<ds:Object>{bare}</ds:Object></ds:Signature>{close}",
                signature.trim_end_matches("</ds:Signature>")
            ),
        ),
        (
            "evil outside with the signature, genuine beside it",
            format!(
                "{evil_open}{evil_issuer}{signature}<samlp:Extensions>{bare}</samlp:Extensions>{close}"
            ),
        ),
        (
            "evil and genuine with one id",
            format!(
                "{}{evil_issuer}{signature}<samlp:Extensions>{bare}</samlp:Extensions>{close}",
                evil_open.replace("_2", "_1")
            ),
        ),
        (
            "signature deeper than a child",
            format!(
                "{}{ISSUER}<samlp:Extensions>{signature}</samlp:Extensions>{close}",
                evil_open.replace("_2", "_1")
            ),
        ),
        (
            "two signatures",
            genuine.replace(signature, &signature.repeat(2)),
        ),
        ("no signature", bare.clone()),
        (
            "another issuer",
            with("https://sp.test/", "https://evil.test/"),
        ),
        (
            "another id in the reference",
            with("URI=\"#_1\"", "URI=\"#_3\""),
        ),
        ("the whole document", with("URI=\"#_1\"", "URI=\"\"")),
        (
            "an XPointer",
            with("URI=\"#_1\"", "URI=\"#xpointer(id('_1'))\""),
        ),
        ("a file", with("URI=\"#_1\"", "URI=\"file:///etc/passwd\"")),
        (
            "an unknown transform",
            with(
                "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
                "http://www.w3.org/TR/1999/REC-xslt-19991116",
            ),
        ),
        (
            "inclusive canonicalisation",
            with(
                "http://www.w3.org/2001/10/xml-exc-c14n#",
                "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
            ),
        ),
        (
            "a MAC with the public key",
            with(
                "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
            ),
        ),
        (
            "MD5",
            with(
                "http://www.w3.org/2001/04/xmlenc#sha256",
                "http://www.w3.org/2001/04/xmldsig-more#md5",
            ),
        ),
        (
            "a comment in the issuer",
            with("https://sp.test/", "https://sp.test/<!-- -->.evil"),
        ),
        (
            "an entity",
            format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{genuine}"),
        ),
        (
            "a processing instruction",
            with("https://sp.test/", "https://sp.test/<?a b?>"),
        ),
    ];
    for (name, document) in cases {
        match check(&document) {
            Err(_) => {}
            Ok(authentic) => panic!("{name} was taken for {}", authentic.element()),
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_octet_can_be_changed(at in 0usize..4000, to in 33u8..127) {
        let genuine = signed(SignatureAlgorithm::RsaSha256);
        let mut octets = genuine.clone().into_bytes();
        let at = at % octets.len();
        octets[at] = to;
        if let Ok(text) = String::from_utf8(octets)
            && let Ok(authentic) = check(&text)
        {
            let unaltered = check(&genuine).unwrap();
            proptest::prop_assert_eq!(authentic.element(), unaltered.element());
        }
    }
}

/// A SAML 2.0 response: `message` and `assertion` say whether each is signed.
fn response(message: bool, assertion: bool) -> String {
    response_by(&SIGNING, message, assertion)
}

/// The same with an assertion that is signed, if it is, with another key.
fn response_by(assertion_key: &SigningKey, message: bool, assertion: bool) -> String {
    let attributes = |id| [Attribute::new("ID", id), Attribute::new("Version", "2.0")];
    let subject = "alice";
    let inner = write(ASSERTION.name("Assertion"), &attributes("_a"), |writer| {
        writer.leaf(ASSERTION.name("Issuer"), &[], "https://idp.test/");
        if assertion {
            writer.signature("_a");
        }
        writer.element(ASSERTION.name("Subject"), &[], |writer| {
            writer.leaf(ASSERTION.name("NameID"), &[], subject);
        });
    });
    let inner = match assertion {
        true => assertion_key.sign(inner.unwrap(), SignatureAlgorithm::RsaSha256),
        false => Ok(inner.unwrap().into_fragment()),
    };
    let outer = write(PROTOCOL.name("Response"), &attributes("_r"), |writer| {
        writer.leaf(ASSERTION.name("Issuer"), &[], "https://idp.test/");
        if message {
            writer.signature("_r");
        }
        writer.fragment(&inner.unwrap());
    });
    let outer = match message {
        true => SIGNING.sign(outer.unwrap(), SignatureAlgorithm::RsaSha256),
        false => Ok(outer.unwrap().into_fragment()),
    };
    outer.unwrap().into_string()
}

fn check_response(document: &str) -> Result<AuthenticResponse, SignatureError> {
    let certificates = std::slice::from_ref(&*CERTIFICATE);
    authenticate_response(document, certificates, &AcceptedAlgorithms::default())
}

#[test]
fn a_response_gives_what_its_signatures_cover() {
    for (message, assertion) in [(true, false), (false, true), (true, true)] {
        let found = check_response(&response(message, assertion)).unwrap();
        assert_eq!(found.message().is_some(), message);
        let inner = found.assertion().unwrap();
        assert_eq!(inner.id(), "_a");
        assert!(
            inner.element().starts_with("<Assertion xmlns="),
            "{}",
            inner.element()
        );
        assert!(inner.element().contains("<NameID>alice</NameID>"));
        assert!(!inner.element().contains("Signature"));
    }
    let unsigned = check_response(&response(false, false)).map(|_| ());
    assert_eq!(unsigned, Err(SignatureError::NotSigned));
}

#[test]
fn each_signature_of_a_response_must_hold() {
    // The outer signature holds, and covers an inner one that does not.
    let stranger = SigningKey::new(OTHER_KEY.clone(), &OTHER_CERTIFICATE).unwrap();
    let inner_by_stranger = response_by(&stranger, true, true);
    assert_eq!(
        check_response(&inner_by_stranger).map(|_| ()),
        Err(SignatureError::Invalid)
    );
    // The inner signature holds, and the message around it was changed.
    let outer_changed = response(true, true).replacen("https://idp.test/", "https://evil.test/", 1);
    assert_eq!(
        check_response(&outer_changed).map(|_| ()),
        Err(SignatureError::Digest)
    );
    let second = "<Assertion xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_b\"></Assertion></samlp:Response>";
    let two = response(false, true).replace("</samlp:Response>", second);
    assert!(matches!(check_response(&two), Err(SignatureError::Form(_))));
}

#[test]
fn the_token_of_a_trust_response_is_found_and_no_other() {
    let whole = response(false, true);
    let at = whole.find("<Assertion ").unwrap();
    let end = whole.rfind("</samlp:Response>").unwrap();
    let assertion = &whole[at..end];
    let check = |document: String| {
        let certificates = std::slice::from_ref(&*CERTIFICATE);
        authenticate_issued_token(&document, certificates, &AcceptedAlgorithms::default())
    };
    let single = |token: &str| {
        format!(
            "<t:RequestSecurityTokenResponse xmlns:t=\"http://schemas.xmlsoap.org/ws/2005/02/trust\"><t:RequestedSecurityToken>{token}</t:RequestedSecurityToken></t:RequestSecurityTokenResponse>"
        )
    };
    assert_eq!(check(single(assertion)).unwrap().id(), "_a");
    let collection = single(assertion)
        .replace("http://schemas.xmlsoap.org/ws/2005/02/trust", TRUST_13)
        .replace("<t:RequestSecurityTokenResponse ", "<t:RequestSecurityTokenResponseCollection xmlns:t=\"http://docs.oasis-open.org/ws-sx/ws-trust/200512\"><t:RequestSecurityTokenResponse ")
        + "</t:RequestSecurityTokenResponseCollection>";
    assert_eq!(check(collection).unwrap().id(), "_a");
    let evil = assertion.replace("_a", "_b").replace("alice", "admin");
    for (name, document) in [
        ("two tokens", single(&format!("{evil}{assertion}"))),
        ("a token around the token", single(&format!("<x>{assertion}</x>"))),
        ("no token", single("")),
        (
            "a second answer",
            single(assertion).replace(
                "</t:RequestSecurityTokenResponse>",
                "<t:RequestedSecurityToken><x/></t:RequestedSecurityToken></t:RequestSecurityTokenResponse>",
            ),
        ),
    ] {
        assert!(check(document).is_err(), "{name}");
    }
}

#[test]
fn comments_are_refused_where_they_could_change_a_meaning() {
    let genuine = response(true, true);
    let harmless = genuine.replace("<Subject>", "<Subject><!-- who -->");
    let found = check_response(&harmless).unwrap();
    assert!(!found.assertion().unwrap().element().contains("who"));
    for (from, to) in [
        ("alice", "alice<!-- -->.evil"),
        ("alice", "<!-- -->alice"),
        ("<ds:DigestValue>", "<ds:DigestValue><!-- -->"),
    ] {
        assert!(
            check_response(&genuine.replacen(from, to, 1)).is_err(),
            "{to}"
        );
    }
}
