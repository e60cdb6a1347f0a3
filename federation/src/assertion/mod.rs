//! Reading assertions that claims providers send: SAML 1.1 and SAML 2.0 into one form.
//!
//! What is read here must have been authenticated before: hand in the element that [`crate::dsig`] returned, and nothing
//! around it. Reading decides nothing; whoever consumes the assertion checks issuer, audience, time and the rest.

mod saml11;
mod saml20;
mod values;

use time::OffsetDateTime;

use thiserror::Error;

use crate::xml::{self, Limits, ReadError};
use crate::xmlenc::decrypt::{DecryptionError, DecryptionKey};

/// Most claims of one assertion (spec security CLM-1).
pub const MAX_CLAIMS: usize = 1_000;

/// Why an assertion is refused. No message quotes it.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum AssertionError {
    /// The XML.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Neither SAML 1.1 nor SAML 2.0.
    #[error("the token is no SAML 1.1 or SAML 2.0 assertion")]
    NoAssertion,
    /// Something that the schema demands.
    #[error("the assertion lacks {0}, or has it twice")]
    Missing(&'static str),
    /// A value that cannot be read.
    #[error("the assertion has a value of {0} that cannot be read")]
    Value(&'static str),
    /// Conditions that are not understood must not be taken for true (SAML 2.0 Core 2.5.1).
    #[error("the assertion has a condition that this server does not know")]
    Condition,
    /// Parts that are encrypted one by one.
    #[error(
        "the assertion has an encrypted attribute, or an encrypted name where none is read; let the claims provider \
         encrypt the whole assertion instead"
    )]
    EncryptedPart,
    /// An encrypted name that no key opens, or that is none.
    #[error("the encrypted name of the subject cannot be read: {0}")]
    EncryptedName(#[source] DecryptionError),
    /// More than [`MAX_CLAIMS`].
    #[error("the assertion has more than {MAX_CLAIMS} attribute values")]
    TooManyClaims,
    /// Statements about different people.
    #[error("the statements of the assertion name different subjects")]
    Subjects,
}

/// An assertion, read and not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// `ID` or `AssertionID`.
    pub id: String,
    /// Who says so.
    pub issuer: String,
    /// `IssueInstant`.
    pub issued_at: OffsetDateTime,
    /// `NotBefore` of the conditions.
    pub not_before: Option<OffsetDateTime>,
    /// `NotOnOrAfter` of the conditions.
    pub not_on_or_after: Option<OffsetDateTime>,
    /// The audiences of each restriction; whoever consumes the assertion must be in every one of them.
    pub audiences: Vec<Vec<String>>,
    /// Whom it is about.
    pub name: Option<SubjectName>,
    /// How whoever presents it is known to be the subject. One of them must hold.
    pub confirmations: Vec<Confirmation>,
    /// How the subject signed in at the claims provider, where the assertion says so.
    pub authentication: Option<AuthenticationStatement>,
    /// Attributes, a claim for each value, in order.
    pub claims: Vec<AssertedClaim>,
}

/// `NameID` or `NameIdentifier`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectName {
    /// The name.
    pub value: String,
    /// `Format`, a URI.
    pub format: Option<String>,
    /// `NameQualifier`.
    pub name_qualifier: Option<String>,
    /// `SPNameQualifier`.
    pub sp_name_qualifier: Option<String>,
}

/// `SubjectConfirmation`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Confirmation {
    /// Whether it is the bearer method.
    pub bearer: bool,
    /// `Recipient`: the only address that may consume it.
    pub recipient: Option<String>,
    /// `InResponseTo`: the request that it answers.
    pub in_response_to: Option<String>,
    /// `NotBefore`; a bearer confirmation must have none.
    pub not_before: Option<OffsetDateTime>,
    /// `NotOnOrAfter`.
    pub not_on_or_after: Option<OffsetDateTime>,
}

/// `AuthnStatement` or `AuthenticationStatement`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticationStatement {
    /// When.
    pub instant: OffsetDateTime,
    /// How, a URI.
    pub method: Option<String>,
    /// Names the session at the claims provider, for sign-out.
    pub session_index: Option<String>,
    /// When that session ends.
    pub session_not_on_or_after: Option<OffsetDateTime>,
}

/// One value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertedClaim {
    /// The attribute's name; for SAML 1.1 its namespace, a slash, and its name.
    pub claim_type: String,
    /// The value.
    pub value: String,
    /// `xsi:type` as a URI, where it is one of XML Schema's.
    pub value_type: Option<String>,
    /// Who made the claim first, where another than the issuer did (`OriginalIssuer`).
    pub original_issuer: Option<String>,
    /// `NameFormat` of the attribute (SAML 2.0 only).
    pub name_format: Option<String>,
}

/// Reads an assertion that stands alone. An encrypted name of the subject is refused.
///
/// # Errors
/// See [`AssertionError`].
pub fn read(element: &str) -> Result<Assertion, AssertionError> {
    read_with_keys(element, &[])
}

/// The same, with the token-decrypting keys that open an `EncryptedID` of the subject (SAML 2.0 Core 2.2.4). Since what
/// is read here was authenticated, so was the ciphertext.
///
/// # Errors
/// See [`AssertionError`].
pub fn read_with_keys(
    element: &str,
    keys: &[&dyn DecryptionKey],
) -> Result<Assertion, AssertionError> {
    let document = xml::read(element.as_bytes(), &Limits::message())?;
    let root = document.root();
    let name = root.tag_name();
    let assertion = match (name.namespace(), name.name()) {
        (Some(saml20::NAMESPACE), "Assertion") => saml20::assertion(root, keys)?,
        (Some(saml11::NAMESPACE), "Assertion") => saml11::assertion(root)?,
        _ => return Err(AssertionError::NoAssertion),
    };
    if assertion.claims.len() > MAX_CLAIMS {
        return Err(AssertionError::TooManyClaims);
    }
    Ok(assertion)
}

#[cfg(test)]
mod tests;
