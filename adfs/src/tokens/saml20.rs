//! From claims to a SAML 2.0 assertion (spec passive-sign-in 3.6 and 3.7).

use claim_rules::Claim;
use federation::saml2::{
    self, Assertion, NameId, NameIdPolicy, Subject, SubjectName, encrypted_assertion,
};
use federation::xml::Fragment;
use federation::xmlenc::ContentEncryption;
use openssl::x509::X509;
use time::{Duration, OffsetDateTime};

use super::IssueError;
use super::structure::{FORMAT, NAME_QUALIFIER, Structure, Validity, warn_of_sha1};
use crate::claims::{Authentication, IssuedClaims};
use crate::config::RelyingPartyTrust;
use crate::ids;
use crate::keys::TokenSigning;

const SP_NAME_QUALIFIER: &str =
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claimproperties/spnamequalifier";
const SP_PROVIDED_ID: &str =
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claimproperties/spprovidedid";
const ATTRIBUTE_NAME: &str =
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claimproperties/attributename";

/// Formats in a `NameIDPolicy` that any name satisfies (spec 3.6).
const ANY_FORMAT: [&str; 2] = [
    "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted",
];

/// What an assertion is made of.
#[derive(Debug, Clone, Copy)]
pub struct IssueSaml20<'a> {
    /// For whom.
    pub trust: &'a RelyingPartyTrust,
    /// About whom.
    pub claims: &'a IssuedClaims,
    /// How the user proved the identity.
    pub authentication: &'a Authentication,
    /// The relying party's identifier as the request named it.
    pub audience: &'a str,
    /// The federation service identifier, which an `issuerid` claim replaces.
    pub issuer: &'a str,
    /// The address that the assertion is sent to; `None` in WS-Federation.
    pub recipient: Option<&'a str>,
    /// The request's id; `None` when nobody asked.
    pub in_response_to: Option<&'a str>,
    /// How long it may take to arrive (SamlMessageDeliveryWindow).
    pub delivery_window: Duration,
    /// Now.
    pub now: OffsetDateTime,
    /// The primary token-signing certificate with its key.
    pub signing: &'a TokenSigning,
    /// Whether the assertion gets a signature of its own (SamlResponseSignature other than MessageOnly).
    pub sign_assertion: bool,
    /// What the request wants the name to be like.
    pub name_id_policy: Option<&'a NameIdPolicy>,
    /// Whom to encrypt the whole assertion to (EncryptClaims with EncryptionCertificate).
    pub encrypt_claims: Option<(&'a X509, ContentEncryption)>,
    /// Whom to encrypt the name to (EncryptedNameIdRequired with EncryptionCertificate).
    pub encrypt_name: Option<(&'a X509, ContentEncryption)>,
}

/// An assertion that can be sent.
#[derive(Debug)]
pub struct Saml20Token {
    /// `Assertion` or `EncryptedAssertion`.
    pub assertion: Fragment,
    /// Id of the assertion, and `SessionIndex`.
    pub id: String,
    /// The name of the subject, for single logout.
    pub name_id: Option<NameId>,
    /// From when it is valid.
    pub created: OffsetDateTime,
    /// Until when, exclusively.
    pub expires: OffsetDateTime,
}

/// Issues an assertion.
///
/// # Errors
/// [`IssueError`]: claims that contradict each other or do not satisfy the request, or failing cryptography.
pub fn issue_saml20(parts: &IssueSaml20<'_>) -> Result<Saml20Token, IssueError> {
    let trust = parts.trust;
    let validity = Validity::from(parts.now, trust.not_before_skew, trust.token_lifetime)?;
    let id = format!("_{}", ids::guid());
    let structure = Structure::of(parts.claims.as_slice(), parts.authentication, parts.issuer)?;
    let name = structure.name.map(name_id);
    if let Some(policy) = parts.name_id_policy {
        satisfy(policy, name.as_ref())?;
    }
    let encrypted_name = match (&name, parts.encrypt_name) {
        (Some(name), Some((recipient, content))) => Some(name.encrypt(recipient, content)?),
        _ => None,
    };
    let deliver_until = match parts.recipient {
        Some(_) => {
            let until = parts.now.checked_add(parts.delivery_window);
            Some(until.ok_or(IssueError::Lifetime)?)
        }
        None => None,
    };
    let assertion = Assertion {
        id: &id,
        issuer: structure.issuer,
        issued: parts.now,
        subject: Subject {
            name: match &encrypted_name {
                Some(encrypted) => Some(SubjectName::Encrypted(encrypted)),
                None => name.as_ref().map(SubjectName::Plain),
            },
            in_response_to: parts.in_response_to,
            recipient: parts.recipient,
            not_on_or_after: deliver_until,
        },
        not_before: validity.not_before,
        not_on_or_after: validity.not_on_or_after,
        audience: parts.audience,
        claims: structure
            .attributes
            .iter()
            .copied()
            .map(attribute)
            .collect(),
        authn_instant: structure.instant,
        class_ref: structure.method,
        signed: parts.sign_assertion,
    };
    let written = assertion.write()?;
    let mut finished = if parts.sign_assertion {
        warn_of_sha1(trust);
        let key = parts.signing.key();
        key.sign(written, trust.signature_algorithm)?
    } else {
        written.into_fragment()
    };
    if let Some((recipient, content)) = parts.encrypt_claims {
        finished = encrypted_assertion(&finished, recipient, content)?;
    }
    Ok(Saml20Token {
        assertion: finished,
        id,
        name_id: name,
        created: validity.not_before,
        expires: validity.not_on_or_after,
    })
}

fn attribute(claim: &Claim) -> saml2::Claim<'_> {
    saml2::Claim {
        claim_type: &claim.claim_type,
        value: &claim.value,
        name_format: property(claim, ATTRIBUTE_NAME),
    }
}

fn name_id(claim: &Claim) -> NameId {
    let owned = |name| property(claim, name).map(str::to_owned);
    NameId {
        value: claim.value.clone(),
        format: owned(FORMAT),
        name_qualifier: owned(NAME_QUALIFIER),
        sp_name_qualifier: owned(SP_NAME_QUALIFIER),
        sp_provided_id: owned(SP_PROVIDED_ID),
    }
}

/// A property that says something; rules clear one by setting it to nothing.
fn property<'a>(claim: &'a Claim, name: &str) -> Option<&'a str> {
    let value = claim.properties.get(name).map(String::as_str);
    value.filter(|value| !value.is_empty())
}

/// A name of another format is never made up: what the rules issued must be what was asked for (spec 3.6).
fn satisfy(policy: &NameIdPolicy, name: Option<&NameId>) -> Result<(), IssueError> {
    let Some(format) = policy.format.as_deref() else {
        return Ok(());
    };
    if ANY_FORMAT.contains(&format) {
        return Ok(());
    }
    let fits = name.is_some_and(|name| {
        name.format.as_deref() == Some(format)
            && (policy.sp_name_qualifier.is_none()
                || policy.sp_name_qualifier == name.sp_name_qualifier)
    });
    if fits {
        return Ok(());
    }
    Err(IssueError::NameIdPolicy {
        wanted: format.to_owned(),
        issued: name.and_then(|name| name.format.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::structure::NAME_IDENTIFIER;

    const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
    const UNSPECIFIED: &str = ANY_FORMAT[0];

    #[test]
    fn properties_of_the_claim_become_the_names_attributes() {
        let claim = Claim::new(NAME_IDENTIFIER, "alice@contoso.test")
            .with_property(FORMAT, EMAIL)
            .with_property(NAME_QUALIFIER, "urn:nq")
            .with_property(SP_NAME_QUALIFIER, "urn:sp")
            .with_property(SP_PROVIDED_ID, "");
        let expected = NameId {
            value: "alice@contoso.test".to_owned(),
            format: Some(EMAIL.to_owned()),
            name_qualifier: Some("urn:nq".to_owned()),
            sp_name_qualifier: Some("urn:sp".to_owned()),
            sp_provided_id: None,
        };
        assert_eq!(name_id(&claim), expected);
    }

    #[test]
    fn attributes_keep_their_whole_type_and_have_a_format_only_from_the_property() {
        let uri = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";
        let plain = Claim::new("http://schemas.xmlsoap.org/claims/UPN", "a@b");
        let formatted = Claim::new("urn:oid:1.2.3", "x").with_property(ATTRIBUTE_NAME, uri);
        assert_eq!(attribute(&plain).name_format, None);
        assert_eq!(attribute(&plain).claim_type, plain.claim_type);
        assert_eq!(attribute(&formatted).name_format, Some(uri));
    }

    #[test]
    fn a_policy_is_met_by_the_issued_name_or_not_at_all() {
        let name = |format: Option<&str>, qualifier: Option<&str>| NameId {
            format: format.map(str::to_owned),
            sp_name_qualifier: qualifier.map(str::to_owned),
            ..NameId::new("alice")
        };
        for (wanted, wanted_qualifier, issued, met) in [
            (None, None, None, true),
            (None, Some("urn:sp"), None, true),
            (Some(UNSPECIFIED), None, None, true),
            (
                Some(UNSPECIFIED),
                Some("urn:sp"),
                Some(name(Some(EMAIL), None)),
                true,
            ),
            (
                Some(ANY_FORMAT[1]),
                None,
                Some(name(Some(EMAIL), None)),
                true,
            ),
            (Some(EMAIL), None, Some(name(Some(EMAIL), None)), true),
            (
                Some(EMAIL),
                None,
                Some(name(Some(EMAIL), Some("urn:sp"))),
                true,
            ),
            (
                Some(EMAIL),
                Some("urn:sp"),
                Some(name(Some(EMAIL), Some("urn:sp"))),
                true,
            ),
            (Some(EMAIL), None, None, false),
            (Some(EMAIL), None, Some(name(None, None)), false),
            (
                Some(EMAIL),
                None,
                Some(name(Some(UNSPECIFIED), None)),
                false,
            ),
            (
                Some(EMAIL),
                Some("urn:sp"),
                Some(name(Some(EMAIL), None)),
                false,
            ),
            (
                Some(EMAIL),
                Some("urn:sp"),
                Some(name(Some(EMAIL), Some("urn:other"))),
                false,
            ),
        ] {
            let policy = NameIdPolicy {
                format: wanted.map(str::to_owned),
                sp_name_qualifier: wanted_qualifier.map(str::to_owned),
                allow_create: true,
            };
            let outcome = satisfy(&policy, issued.as_ref());
            assert_eq!(outcome.is_ok(), met, "{policy:?} {issued:?}");
            assert!(met || matches!(outcome, Err(IssueError::NameIdPolicy { .. })));
        }
    }
}
