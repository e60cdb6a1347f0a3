//! Why something is not authentic.

use thiserror::Error;

use crate::xml::ReadError;

/// Why a signature, or a document with one, is refused. No message holds anything of the document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// No `ds:Signature` anywhere in the document.
    #[error("the document is not signed")]
    NotSigned,
    /// Not for the strict reader.
    #[error(transparent)]
    Xml(#[from] ReadError),
    /// The second parser does not take what the first took.
    #[error("the document cannot be parsed for verification")]
    Unreadable,
    /// A signature elsewhere than where the schema has it, or one too many (spec security SIG-2).
    #[error(
        "the document has a signature in a place where none belongs; exactly one signature directly in the element \
         that it signs is accepted"
    )]
    Misplaced,
    /// The element that was to be read cannot be told for sure.
    #[error("the document does not have the form of {0}")]
    Form(&'static str),
    /// The signature is built in another way than the one that is accepted (spec security SIG-3 and SIG-5).
    #[error("the signature has {0}, which is not accepted")]
    Structure(&'static str),
    /// A comment could change what a value means (spec security XML-6).
    #[error("the document has a comment within a value")]
    Comment,
    /// Not the element around the signature, or not it alone (spec security SIG-3 and SIG-4).
    #[error(
        "the signature does not refer to the element around it, or another element has the same id"
    )]
    Reference,
    /// Not on the list of what is accepted.
    #[error("the signature uses an algorithm that is not accepted from its issuer")]
    Algorithm,
    /// The trust has no certificate to verify with.
    #[error("there is no certificate to verify the signature with; configure one at the trust")]
    NoCertificate,
    /// The keys of the trust are of another kind than the signature, or too short.
    #[error(
        "none of the {0} certificates has a key that fits the signature: RSA keys of at least 2048 bits, or EC keys on \
         P-256, P-384 or P-521"
    )]
    UnfitKeys(usize),
    /// The signed text was changed.
    #[error("the signed element is not what was signed: its digest differs")]
    Digest,
    /// Another key, or a changed signature.
    #[error("the signature does not verify with any of the certificates configured for its issuer")]
    Invalid,
    /// The element cannot be brought into canonical form (spec security SIG-7).
    #[error("the signed element has no canonical form within the limits")]
    Canonical,
    /// The cryptographic library.
    #[error("the cryptographic library cannot compute a digest")]
    Library,
}
