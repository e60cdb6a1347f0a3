//! What a signature covered.

use openssl::x509::X509;

use super::Algorithm;
use crate::xml::{self, Document, Limits, ReadError};

/// An element whose signature was verified. There is no other way to make one.
///
/// It holds the octets that were digested, so whoever reads from here reads what was signed and nothing else
/// (spec security SIG-1 and XML-2). They are the exclusive canonical form of the element: its own signature and all
/// comments are gone, and so are declarations of prefixes that only values use, unless the signer listed them.
#[derive(Debug, Clone)]
pub struct Authentic {
    text: String,
    id: String,
    algorithm: Algorithm,
    signer: X509,
}

impl Authentic {
    pub(super) fn new(text: String, id: &str, algorithm: Algorithm, signer: X509) -> Authentic {
        Authentic {
            text,
            id: id.to_owned(),
            algorithm,
            signer,
        }
    }

    /// A part of this element, which is as authentic as the whole.
    pub(super) fn part(&self, text: String, id: &str) -> Authentic {
        Authentic::new(text, id, self.algorithm, self.signer.clone())
    }

    /// The element's canonical text, a whole document.
    pub fn element(&self) -> &str {
        &self.text
    }

    /// The element's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it was signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The certificate, of those that the caller gave, whose key signed it.
    pub fn signer(&self) -> &X509 {
        &self.signer
    }

    /// Reads the element. A canonical form can be longer than the document that it comes from, which was within its own
    /// limits; so the number of bytes is no reason to refuse it here.
    ///
    /// # Errors
    /// [`ReadError`], for text that grew beyond a limit.
    pub fn read(&self, limits: &Limits) -> Result<Document<'_>, ReadError> {
        let limits = Limits {
            bytes: self.text.len(),
            ..*limits
        };
        xml::read(self.text.as_bytes(), &limits)
    }
}
