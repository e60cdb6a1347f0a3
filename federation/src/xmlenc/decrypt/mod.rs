//! Decryption of what partners encrypt to us (spec security SIG-14).
//!
//! Whoever sends a ciphertext learns one thing from us: whether it could be used. Which step failed is not told, and the
//! steps are all taken. What comes out has been read by nobody yet: its signature is verified next.

mod cipher;
mod key;
mod parts;

#[cfg(test)]
mod tests;

use thiserror::Error;

use cipher::Content;
pub use key::{DecryptionKey, KeyTransport, OaepDigest, PrivateKey};
use parts::Parts;

use crate::xml::{self, Limits, ReadError};

/// Whether the ciphertext is protected against change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// It was in an element, or in a query, whose signature was verified before.
    Verified,
    /// Nobody knows who made it. AES in CBC mode is refused then, since it shows what a changed ciphertext does to the
    /// plain text.
    Unknown,
}

/// Why nothing was decrypted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecryptionError {
    /// The document around the ciphertext.
    #[error(transparent)]
    Xml(#[from] ReadError),
    /// Another form than one `EncryptedData` with its key.
    #[error("the encrypted element has another form than the accepted one: {0}")]
    Form(&'static str),
    /// An algorithm that is not accepted, `rsa-1_5` and Triple DES among them.
    #[error("the encrypted element uses an algorithm that is not accepted: {0}")]
    Algorithm(&'static str),
    /// Everything else. There is deliberately no more to say.
    #[error("the encrypted element cannot be decrypted with any of the token-decrypting keys")]
    Failed,
}

/// Decrypts the one element in `encrypted`: an `EncryptedData`, an `EncryptedAssertion` or `EncryptedID` around one, or a
/// SAML response with one `EncryptedAssertion`. Gives back the element as a document of its own.
///
/// # Errors
/// See [`DecryptionError`]. Only what anybody can read in the ciphertext's headers is told apart.
pub fn decrypt(
    encrypted: &str,
    keys: &[&dyn DecryptionKey],
    integrity: Integrity,
) -> Result<String, DecryptionError> {
    let document = xml::read(encrypted.as_bytes(), &Limits::message())?;
    let parts = Parts::of(document.root())?;
    if integrity == Integrity::Unknown && !parts.content.is_authenticated() {
        return Err(DecryptionError::Algorithm(
            "AES in CBC mode is accepted only within something that is signed; use AES in GCM mode",
        ));
    }
    let mut found = None;
    for wrapped in &parts.keys {
        for key in keys {
            let opened = open(&parts, wrapped, *key);
            found = found.or(opened);
        }
    }
    found.ok_or(DecryptionError::Failed)
}

/// Takes every step whatever the one before gave: a key that cannot be unwrapped is replaced by a random one, so that the
/// time taken does not tell which step failed.
fn open(parts: &Parts, wrapped: &parts::WrappedKey, key: &dyn DecryptionKey) -> Option<String> {
    let length = parts.content.key_length();
    let substitute = Content::random_key(length)?;
    let unwrapped = key
        .unwrap_key(&wrapped.value, wrapped.transport)
        .filter(|unwrapped| unwrapped.len() == length);
    let plain = parts
        .content
        .decrypt(unwrapped.as_ref().unwrap_or(&substitute), &parts.value);
    let text = String::from_utf8(plain?).ok()?;
    xml::read(text.as_bytes(), &Limits::message()).ok()?;
    unwrapped.map(|_| text)
}
