//! XML Encryption (<https://www.w3.org/TR/xmlenc-core1/>): for one recipient (spec passive-sign-in 3.7), and by partners for
//! us ([`decrypt`]).

pub mod decrypt;
mod encrypt;

use crate::xml::Namespace;

pub use encrypt::{EncryptedElement, encrypt};

/// XML Encryption.
pub(crate) const XENC: Namespace = Namespace::new("xenc", "http://www.w3.org/2001/04/xmlenc#");

/// How the content is encrypted. The content's key is always wrapped by RSA-OAEP with SHA-1 and MGF1-SHA-1
/// (`rsa-oaep-mgf1p`): no attack on OAEP follows from collisions of SHA-1, and partners understand nothing else in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ContentEncryption {
    /// AES-256 in CBC mode, as AD FS does it and the default. It hides the content and does not protect it: that is for
    /// the signature within.
    #[default]
    Aes256Cbc,
    /// AES-128 in GCM mode.
    Aes128Gcm,
    /// AES-256 in GCM mode.
    Aes256Gcm,
}

impl ContentEncryption {
    /// Its identifier in XML Encryption.
    pub const fn uri(self) -> &'static str {
        match self {
            ContentEncryption::Aes256Cbc => "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
            ContentEncryption::Aes128Gcm => "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            ContentEncryption::Aes256Gcm => "http://www.w3.org/2009/xmlenc11#aes256-gcm",
        }
    }
}
