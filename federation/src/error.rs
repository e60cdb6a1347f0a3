//! Why something cannot be issued.

use openssl::error::ErrorStack;
use thiserror::Error;

use crate::signature::RemoteSignerError;

/// Why a token, a response or a metadata document cannot be written or signed. No message holds a claim's value.
#[derive(Debug, Error)]
pub enum IssueError {
    /// XML 1.0 section 2.2 leaves some control characters and two non-characters out of every document.
    #[error(
        "the text of {place} holds the character U+{code:04X}, which XML 1.0 cannot carry; correct the value in its \
         source or in the claim rule"
    )]
    ForbiddenCharacter {
        /// Local name of the element or attribute.
        place: &'static str,
        /// The character's code point.
        code: u32,
    },
    /// SAML 1.1 splits a claim type at its last `/` into a namespace and a name (WIF's ID4216).
    #[error(
        "the claim type {0:?} has no name after a last '/', so a SAML 1.1 token cannot carry it; issue another claim \
         type in the relying party's rules"
    )]
    ClaimType(String),
    /// A value type is an XML Schema type: a namespace, `#` and a name.
    #[error(
        "the value type {value_type:?} of a claim of type {claim_type:?} is no namespace followed by '#' and a type name; \
         correct ValueType in the relying party's rules"
    )]
    ValueType {
        /// The claim's type.
        claim_type: String,
        /// What it gives as its value type.
        value_type: String,
    },
    /// Only RSA keys of today's length can wrap a content's key.
    #[error(
        "the encryption certificate has no RSA key of at least 2048 bits, so nothing can be encrypted for its owner; \
         give the relying party trust another EncryptionCertificate"
    )]
    EncryptionCertificate,
    /// The cryptographic library, when encrypting.
    #[error("the document cannot be encrypted: {0}")]
    Encryption(ErrorStack),
    /// The parts of a document contradict each other. A defect of the program, never of its input.
    #[error(
        "the document being written is at odds with itself: {0}; please report this as a defect"
    )]
    Inconsistent(&'static str),
    /// The cryptographic library.
    #[error("the signature cannot be made: {0}")]
    Signature(#[from] ErrorStack),
    /// A key that is elsewhere, as in a hardware security module.
    #[error("the key that is kept elsewhere does not sign: {0}")]
    RemoteSigner(#[from] RemoteSignerError),
}
