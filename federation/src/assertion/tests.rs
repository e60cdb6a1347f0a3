use proptest::prelude::*;
use time::macros::datetime;

use super::*;

const SAML20: &str = r#"<a:Assertion xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Version="2.0" IssueInstant="2026-11-25T09:00:00.5Z">
 <a:Issuer> http://idp.test/ </a:Issuer>
 <a:Subject><a:NameID Format="f" SPNameQualifier="s">ann</a:NameID>
  <a:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><a:SubjectConfirmationData Recipient="https://sts.test/adfs/ls/" InResponseTo="_q" NotOnOrAfter="2026-11-25T09:05:00Z"/></a:SubjectConfirmation></a:Subject>
 <a:Conditions NotBefore="2026-11-25T09:00:00" NotOnOrAfter="2026-11-25T10:00:00Z"><a:AudienceRestriction><a:Audience>http://sts.test/</a:Audience></a:AudienceRestriction><a:OneTimeUse/></a:Conditions>
 <a:AuthnStatement AuthnInstant="2026-11-25T08:00:00Z" SessionIndex="_1" SessionNotOnOrAfter="2026-11-25T17:00:00Z"><a:AuthnContext><a:AuthnContextClassRef>urn:m</a:AuthnContextClassRef></a:AuthnContext></a:AuthnStatement>
 <a:AttributeStatement><a:Attribute Name="role" NameFormat="nf"><a:AttributeValue xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="x:string">r1</a:AttributeValue><a:AttributeValue> r2 </a:AttributeValue><a:AttributeValue><a:NameID>x</a:NameID></a:AttributeValue></a:Attribute></a:AttributeStatement>
</a:Assertion>"#;

const SAML11: &str = r#"<s:Assertion xmlns:s="urn:oasis:names:tc:SAML:1.0:assertion" MajorVersion="1" MinorVersion="1" AssertionID="_1" Issuer="http://idp.test/" IssueInstant="2026-11-25T09:00:00Z">
 <s:Conditions NotBefore="2026-11-25T09:00:00Z" NotOnOrAfter="2026-11-25T10:00:00Z"><s:AudienceRestrictionCondition><s:Audience>http://sts.test/</s:Audience></s:AudienceRestrictionCondition></s:Conditions>
 <s:AttributeStatement><s:Subject><s:NameIdentifier>ann</s:NameIdentifier><s:SubjectConfirmation><s:ConfirmationMethod>urn:oasis:names:tc:SAML:1.0:cm:bearer</s:ConfirmationMethod></s:SubjectConfirmation></s:Subject><s:Attribute AttributeName="upn" AttributeNamespace="http://claims.test"><s:AttributeValue>ann@idp.test</s:AttributeValue></s:Attribute></s:AttributeStatement>
 <s:AuthenticationStatement AuthenticationMethod="urn:m" AuthenticationInstant="2026-11-25T08:00:00Z"><s:Subject><s:NameIdentifier>ann</s:NameIdentifier><s:SubjectConfirmation><s:ConfirmationMethod>urn:oasis:names:tc:SAML:1.0:cm:bearer</s:ConfirmationMethod></s:SubjectConfirmation></s:Subject></s:AuthenticationStatement>
</s:Assertion>"#;

#[test]
fn saml_2_is_read() {
    let read = read(SAML20).expect("an assertion");
    assert_eq!(
        (read.id.as_str(), read.issuer.as_str()),
        ("_1", "http://idp.test/")
    );
    assert_eq!(read.issued_at, datetime!(2026-11-25 09:00:00.5 UTC));
    assert_eq!(read.not_before, Some(datetime!(2026-11-25 09:00 UTC)));
    assert_eq!(read.audiences, [["http://sts.test/"]]);
    let name = read.name.expect("a name");
    assert_eq!(
        (name.value.as_str(), name.format.as_deref()),
        ("ann", Some("f"))
    );
    let [confirmation] = read.confirmations.as_slice() else {
        panic!("one confirmation")
    };
    assert!(confirmation.bearer);
    assert_eq!(confirmation.in_response_to.as_deref(), Some("_q"));
    let authentication = read.authentication.expect("a statement");
    assert_eq!(authentication.instant, datetime!(2026-11-25 08:00 UTC));
    assert_eq!(authentication.method.as_deref(), Some("urn:m"));
    let values: Vec<_> = read
        .claims
        .iter()
        .map(|claim| claim.value.as_str())
        .collect();
    assert_eq!(values, ["r1", " r2 "]);
    let types: Vec<_> = read
        .claims
        .iter()
        .map(|claim| claim.value_type.as_deref())
        .collect();
    assert_eq!(
        types,
        [Some("http://www.w3.org/2001/XMLSchema#string"), None]
    );
}

#[test]
fn saml_1_1_is_read() {
    let read = read(SAML11).expect("an assertion");
    assert_eq!(
        (read.id.as_str(), read.issuer.as_str()),
        ("_1", "http://idp.test/")
    );
    assert_eq!(read.audiences, [["http://sts.test/"]]);
    assert_eq!(read.name.expect("a name").value, "ann");
    assert!(
        read.confirmations
            .iter()
            .all(|confirmation| confirmation.bearer)
    );
    assert_eq!(read.claims[0].claim_type, "http://claims.test/upn");
    assert_eq!(
        read.authentication.expect("a statement").method.as_deref(),
        Some("urn:m")
    );
}

#[test]
fn what_could_be_misread_is_refused() {
    let cases = [
        (
            SAML20,
            ">ann<",
            ">ann<!---->@evil<",
            AssertionError::Read(ReadError::Comment),
        ),
        (
            SAML20,
            ">r1<",
            ">r<!-- -->1<",
            AssertionError::Read(ReadError::Comment),
        ),
        (SAML20, ">ann<", "> <", AssertionError::Missing("NameID")),
        (
            SAML20,
            "<a:OneTimeUse/>",
            "<a:Condition/>",
            AssertionError::Condition,
        ),
        (
            SAML20,
            "Version=\"2.0\"",
            "Version=\"2.1\"",
            AssertionError::NoAssertion,
        ),
        (
            SAML20,
            "<a:NameID Format",
            "<a:EncryptedID/><a:NameID Format",
            AssertionError::Missing("NameID"),
        ),
        (
            SAML20,
            "</a:Subject>",
            "</a:Subject><a:Subject/>",
            AssertionError::Missing("Subject"),
        ),
        (
            SAML20,
            "2026-11-25T10:00:00Z",
            "tomorrow",
            AssertionError::Value("NotOnOrAfter"),
        ),
        (
            SAML11,
            "urn:oasis:names:tc:SAML:1.0:assertion",
            "urn:other",
            AssertionError::NoAssertion,
        ),
        (
            SAML11,
            "</s:Subject></s:Auth",
            "</s:Subject><s:Subject/></s:Auth",
            AssertionError::Missing("Subject"),
        ),
    ];
    for (text, from, to, error) in cases {
        assert!(text.contains(from), "{from}");
        assert_eq!(read(&text.replacen(from, to, 1)), Err(error), "{to}");
    }
    let (first, last) = SAML11.rsplit_once(">ann<").expect("two names");
    assert_eq!(
        read(&format!("{first}>bob<{last}")),
        Err(AssertionError::Subjects)
    );
}

proptest! {
    #[test]
    fn changed_assertions_never_panic(at in any::<prop::sample::Index>(), with in "[<>&\"a-z/]{0,3}", two in any::<bool>()) {
        let text = if two { SAML20 } else { SAML11 };
        let at = at.index(text.len());
        let changed = format!("{}{with}{}", &text[..at], &text[at..]);
        let _ = read(&changed);
    }
}
