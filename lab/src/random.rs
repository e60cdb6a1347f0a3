//! Randomness and identifiers, from one place.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::error::ErrorStack;
use uuid::Uuid;

/// A random GUID.
pub(crate) fn guid() -> Uuid {
    Uuid::new_v4()
}

/// `N` bytes of OpenSSL's generator.
///
/// # Errors
/// When the generator has no entropy; nothing may go on without it.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], ErrorStack> {
    let mut bytes = [0; N];
    openssl::rand::rand_bytes(&mut bytes)?;
    Ok(bytes)
}

/// 256 random bits as text that fits cookies, URLs and forms.
///
/// # Errors
/// As [`fn@bytes`].
pub(crate) fn token() -> Result<String, ErrorStack> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<32>()?))
}
