//! The token, element by element (spec passive-sign-in 2.4 to 2.11), and whether others can verify it.

use anyhow::{Context as _, Result};
use end_to_end::clock::now;
use end_to_end::lab::Lab;
use end_to_end::passive::{ENTRA, request, sign_in};
use end_to_end::token::{DSIG, Issued, SAML, TRUST, children, descendant};
use end_to_end::verifiers::{Evidence, embedded_certificate};
use end_to_end::{fixtures, metadata_of};
use openssl::x509::X509;
use roxmltree::{Document, Node};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

const SAML_ID: (&str, &str) = (
    "AssertionID",
    "urn:oasis:names:tc:SAML:1.0:assertion:Assertion",
);
const UTILITY: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const POLICY: &str = "http://schemas.xmlsoap.org/ws/2004/09/policy";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const UPN: &str = "http://schemas.xmlsoap.org/claims/UPN";
const IMMUTABLE_ID: &str = "http://schemas.microsoft.com/LiveID/Federation/2008/05/ImmutableID";
const INSIDE: &str = "http://schemas.microsoft.com/ws/2012/01/insidecorporatenetwork";
const METHODS: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";
const FORMS: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

#[tokio::test]
async fn the_token_is_what_the_specification_says_and_others_verify_it() -> Result<()> {
    let lab = Lab::start()?;
    let client = lab.client()?;
    let before = now();
    let url = request(
        lab.outside(),
        &[
            ("wctx", "estsredirect=2"),
            ("username", "alice@contoso.test"),
        ],
    )?;
    let issued = sign_in(&client, &url, lab.contract().user("alice")?).await?;
    let after = now();

    response_is_complete(&issued)?;
    assertion_is_complete(
        &issued,
        &lab.contract().federation_service_identifier,
        before,
        after,
    )?;
    claims_are_those_of_alice(&issued)?;

    let assertion = issued.assertion()?;
    let certificate = metadata_of(&client, lab.outside())
        .await?
        .signing_certificate()?;
    others_verify(&assertion, &certificate)?;
    others_refuse_what_was_altered(&assertion, &certificate)
}

fn response_is_complete(issued: &Issued) -> Result<()> {
    let names: Vec<&str> = issued
        .fields
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["wa", "wresult", "wctx"]);
    assert_eq!(issued.field("wa"), Some("wsignin1.0"));
    assert!(
        issued.action.as_str().ends_with("/login.srf"),
        "{}",
        issued.action
    );

    let text = issued.response()?;
    assert!(
        text.starts_with("<t:RequestSecurityTokenResponse"),
        "no XML declaration, and the prefix t: {text}"
    );
    let document = Document::parse(text)?;
    let root = document.root_element();
    assert!(root.has_tag_name((TRUST, "RequestSecurityTokenResponse")));
    let expected = [
        (TRUST, "Lifetime"),
        (POLICY, "AppliesTo"),
        (TRUST, "RequestedSecurityToken"),
        (TRUST, "TokenType"),
        (TRUST, "RequestType"),
        (TRUST, "KeyType"),
    ];
    assert_eq!(children(root), expected);
    let words = |name: &str| {
        descendant(root, TRUST, name).map(|node| node.text().unwrap_or_default().to_owned())
    };
    assert_eq!(words("TokenType")?, "urn:oasis:names:tc:SAML:1.0:assertion");
    assert_eq!(
        words("RequestType")?,
        "http://schemas.xmlsoap.org/ws/2005/02/trust/Issue"
    );
    assert_eq!(
        words("KeyType")?,
        "http://schemas.xmlsoap.org/ws/2005/05/identity/NoProofKey"
    );
    assert_eq!(descendant(root, ADDRESSING, "Address")?.text(), Some(ENTRA));
    let lifetime = descendant(root, TRUST, "Lifetime")?;
    assert_eq!(
        children(lifetime),
        [(UTILITY, "Created"), (UTILITY, "Expires")]
    );
    for name in ["Created", "Expires"] {
        instant(descendant(lifetime, UTILITY, name)?.text())?;
    }
    Ok(())
}

fn assertion_is_complete(
    issued: &Issued,
    service: &str,
    before: OffsetDateTime,
    after: OffsetDateTime,
) -> Result<()> {
    let text = issued.assertion()?;
    let document = Document::parse(&text)?;
    let assertion = document.root_element();
    assert!(
        text.starts_with("<saml:Assertion"),
        "the prefix is declared on the assertion: {text}"
    );
    assert_eq!(
        (
            assertion.attribute("MajorVersion"),
            assertion.attribute("MinorVersion")
        ),
        (Some("1"), Some("1"))
    );
    let id = assertion
        .attribute("AssertionID")
        .context("no AssertionID")?;
    assert!(
        id.strip_prefix('_')
            .is_some_and(|guid| uuid::Uuid::try_parse(guid).is_ok()),
        "{id}"
    );
    // One issuer for each federated domain (spec 2.10); the service's own identifier is something else.
    assert_eq!(
        assertion.attribute("Issuer"),
        Some("http://contoso.test/adfs/services/trust/")
    );
    assert_ne!(assertion.attribute("Issuer"), Some(service));
    let issued_at = instant(assertion.attribute("IssueInstant"))?;
    let second = Duration::seconds(1);
    assert!(
        before - second <= issued_at && issued_at <= after + second,
        "{issued_at}"
    );

    let expected = [
        (SAML, "Conditions"),
        (SAML, "AttributeStatement"),
        (SAML, "AuthenticationStatement"),
        (DSIG, "Signature"),
    ];
    assert_eq!(
        children(assertion),
        expected,
        "the signature is the last child"
    );

    let conditions = descendant(assertion, SAML, "Conditions")?;
    let (from, until) = (
        instant(conditions.attribute("NotBefore"))?,
        instant(conditions.attribute("NotOnOrAfter"))?,
    );
    assert_eq!(until - from, Duration::minutes(60));
    assert_eq!(
        children(conditions),
        [(SAML, "AudienceRestrictionCondition")]
    );
    assert_eq!(
        descendant(conditions, SAML, "Audience")?.text(),
        Some(ENTRA)
    );

    for statement in ["AttributeStatement", "AuthenticationStatement"] {
        subject_is_complete(descendant(assertion, SAML, statement)?)?;
    }
    let statement = descendant(assertion, SAML, "AuthenticationStatement")?;
    assert_eq!(statement.attribute("AuthenticationMethod"), Some(FORMS));
    let signed_in_at = instant(statement.attribute("AuthenticationInstant"))?;
    assert!(
        before - second <= signed_in_at && signed_in_at <= issued_at,
        "{signed_in_at}"
    );
    signature_is_complete(descendant(assertion, DSIG, "Signature")?, id)
}

fn subject_is_complete(statement: Node<'_, '_>) -> Result<()> {
    let subject = statement
        .first_element_child()
        .context("an empty statement")?;
    assert!(
        subject.has_tag_name((SAML, "Subject")),
        "the subject comes first"
    );
    assert_eq!(
        children(subject),
        [(SAML, "NameIdentifier"), (SAML, "SubjectConfirmation")]
    );
    let name = descendant(subject, SAML, "NameIdentifier")?;
    assert_eq!(name.attribute("Format"), Some(UNSPECIFIED));
    assert_eq!(name.text(), Some(fixtures::immutable_id("alice")?.as_str()));
    let method = descendant(subject, SAML, "ConfirmationMethod")?;
    assert_eq!(method.text(), Some("urn:oasis:names:tc:SAML:1.0:cm:bearer"));
    Ok(())
}

fn signature_is_complete(signature: Node<'_, '_>, id: &str) -> Result<()> {
    let algorithm = |name: &str| -> Result<String> {
        let node = descendant(signature, DSIG, name)?;
        Ok(node.attribute("Algorithm").unwrap_or_default().to_owned())
    };
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
    assert_eq!(algorithm("CanonicalizationMethod")?, exclusive);
    assert_eq!(
        algorithm("SignatureMethod")?,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
    );
    assert_eq!(
        algorithm("DigestMethod")?,
        "http://www.w3.org/2001/04/xmlenc#sha256"
    );
    let transforms = descendant(signature, DSIG, "Transforms")?;
    let transforms: Vec<_> = transforms
        .children()
        .filter_map(|node| node.attribute("Algorithm"))
        .collect();
    assert_eq!(
        transforms,
        [
            "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
            exclusive
        ]
    );
    assert_eq!(
        descendant(signature, DSIG, "Reference")?.attribute("URI"),
        Some(format!("#{id}").as_str())
    );
    let key_info = descendant(signature, DSIG, "KeyInfo")?;
    assert_eq!(children(key_info), [(DSIG, "X509Data")]);
    assert_eq!(
        children(descendant(key_info, DSIG, "X509Data")?),
        [(DSIG, "X509Certificate")],
        "no chain"
    );
    let text = signature.document().input_text();
    assert!(
        text.contains("<KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">"),
        "KeyInfo is in the default namespace"
    );
    Ok(())
}

fn claims_are_those_of_alice(issued: &Issued) -> Result<()> {
    assert_eq!(issued.claim(UPN)?, ["alice@contoso.test"]);
    assert_eq!(
        issued.claim(IMMUTABLE_ID)?,
        [fixtures::immutable_id("alice")?]
    );
    assert_eq!(
        issued.claim(INSIDE)?,
        ["false"],
        "it came through the proxy"
    );
    assert!(
        issued.claim(METHODS)?.contains(&FORMS.to_owned()),
        "{:?}",
        issued.claim(METHODS)?
    );
    let attributes = issued.attributes()?;
    let inside = attributes
        .iter()
        .find(|attribute| attribute.claim_type == INSIDE)
        .context("no such attribute")?;
    assert_eq!(inside.original_issuer.as_deref(), Some("CLIENT CONTEXT"));
    // What the structure says already is not said again as an attribute (spec 2.6).
    for consumed in [
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/issuerid",
    ] {
        assert_eq!(issued.claim(consumed)?, [""; 0], "{consumed}");
    }
    Ok(())
}

fn others_verify(assertion: &str, certificate: &X509) -> Result<()> {
    assert_eq!(
        embedded_certificate(assertion)?.to_der()?,
        certificate.to_der()?,
        "KeyInfo holds the certificate of the metadata"
    );
    let evidence = Evidence::new(assertion, certificate)?;
    evidence.verify_with_xmlsec1(SAML_ID)?;
    let signed = evidence.verify_with_signxml()?;
    assert_eq!(signed.element, "Assertion");
    let id = Document::parse(assertion)?
        .root_element()
        .attribute("AssertionID")
        .map(str::to_owned);
    assert_eq!(Some(signed.id), id);
    Ok(())
}

/// Without this, verifiers that accept everything would pass too.
fn others_refuse_what_was_altered(assertion: &str, certificate: &X509) -> Result<()> {
    let altered = assertion.replacen("alice@contoso.test", "bobby@contoso.test", 1);
    assert_ne!(altered, assertion);
    let evidence = Evidence::new(&altered, certificate)?;
    let refusals = [
        evidence.verify_with_xmlsec1(SAML_ID).err(),
        evidence.verify_with_signxml().err(),
    ];
    assert!(refusals.iter().all(Option::is_some), "{refusals:?}");
    Ok(())
}

/// UTC with milliseconds: `2026-01-01T12:00:00.000Z`.
fn instant(text: Option<&str>) -> Result<OffsetDateTime> {
    let text = text.context("a time is missing")?;
    assert!(text.len() == 24 && text.ends_with('Z'), "{text}");
    OffsetDateTime::parse(text, &Rfc3339).with_context(|| format!("not a time: {text}"))
}

#[tokio::test]
async fn the_issuer_and_the_identity_follow_the_user() -> Result<()> {
    let lab = Lab::start()?;
    // spec cloud-scenario 2.1: a second domain, and a subdomain that inherits its parent's issuer.
    let cases = [
        ("bob", "http://contoso.test/adfs/services/trust/"),
        ("dave", "http://contoso.test/adfs/services/trust/"),
        ("fay", "http://fabrikam.test/adfs/services/trust/"),
        ("gil", "http://contoso.test/adfs/services/trust/"),
        ("zoe", "http://contoso.test/adfs/services/trust/"),
        ("o'brien", "http://contoso.test/adfs/services/trust/"),
        ("ned", "http://contoso.test/adfs/services/trust/"),
    ];
    for (name, issuer) in cases {
        let user = lab.contract().user(name)?;
        let issued = sign_in(&lab.client()?, &request(lab.inside(), &[])?, user)
            .await
            .with_context(|| name.to_owned())?;
        let text = issued.assertion()?;
        assert_eq!(
            Document::parse(&text)?.root_element().attribute("Issuer"),
            Some(issuer),
            "{name}"
        );
        assert_eq!(
            issued.claim(UPN)?,
            *std::slice::from_ref(&user.upn),
            "{name}"
        );
        // bob: mS-DS-ConsistencyGuid wins over another objectGUID; dave: has objectGUID only.
        assert_eq!(
            issued.claim(IMMUTABLE_ID)?,
            [fixtures::immutable_id(name)?],
            "{name}"
        );
        assert_eq!(
            issued.claim(INSIDE)?,
            ["true"],
            "{name} came without the proxy"
        );
    }
    Ok(())
}
