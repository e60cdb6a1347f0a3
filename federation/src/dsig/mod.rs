//! Signatures of others over XML (spec security 2.1 to 2.3).
//!
//! The structure is checked by our own strict reader: one signature where the schema has it, one reference to the
//! element around it, transforms and algorithms of a short list. The signature is verified by a library with the keys of
//! the caller alone; whatever `KeyInfo` says is ignored. What is handed on is not the message but the canonical text
//! whose digest was signed, so that nothing beside the signed element can be read by mistake.

mod algorithm;
mod structure;
mod verifier;

#[cfg(test)]
mod tests;

use openssl::x509::X509;
use thiserror::Error;

pub use algorithm::Algorithm;
use structure::Signed;

use crate::xml::{self, Limits, ReadError};

/// Why a signature is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The document itself.
    #[error(transparent)]
    Xml(#[from] ReadError),
    /// No signature where one must be.
    #[error("the message is not signed where a signature counts")]
    NotSigned,
    /// Nobody's key is known.
    #[error("no certificate is registered to verify the signature with")]
    NoCertificate,
    /// Another structure than an enveloped signature over the element around it.
    #[error("the signature is not built as an enveloped signature over the element around it: {0}")]
    Structure(&'static str),
    /// An algorithm that is not on the list.
    #[error("the signature uses an algorithm that is not accepted")]
    Algorithm,
    /// It does not match.
    #[error("the signature does not match the message and any registered certificate")]
    Invalid,
}

/// An element that one of the caller's certificates has signed.
#[derive(Debug, Clone)]
pub struct Authentic {
    element: String,
    id: String,
    algorithm: Algorithm,
}

impl Authentic {
    /// Its canonical text without the signature, a document of its own.
    pub fn element(&self) -> &str {
        &self.element
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How it was signed.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// Verifies a document whose outermost element is signed, with one of `certificates`. Which algorithms serve is for the
/// caller to judge: [`Authentic::algorithm`] may be of SHA-1.
///
/// # Errors
/// [`SignatureError`].
pub fn authenticate_root(
    document: &str,
    certificates: &[X509],
    limits: &Limits,
) -> Result<Authentic, SignatureError> {
    if certificates.is_empty() {
        return Err(SignatureError::NoCertificate);
    }
    let read = xml::read(document.as_bytes(), limits)?;
    let signed = Signed::root(read.root())?;
    verifier::verify(document, &signed, certificates)
}

/// The certificate in a signed document's own `KeyInfo`: good for nothing but to see whether the document is whole.
pub fn own_certificate(document: &str, limits: &Limits) -> Result<Option<X509>, SignatureError> {
    let read = xml::read(document.as_bytes(), limits)?;
    Ok(structure::own_certificate(read.root()))
}
