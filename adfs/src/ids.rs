//! The one source of randomness and identifiers.

use openssl::error::ErrorStack;
use openssl::rand::rand_bytes;
use uuid::Uuid;

/// A random GUID (RFC 9562 version 4), from the operating system's generator.
pub fn guid() -> Uuid {
    Uuid::new_v4()
}

/// `N` random octets for keys and nonces.
///
/// # Errors
/// When the library's generator cannot be seeded; nothing secret may be made then.
pub fn random<const N: usize>() -> Result<[u8; N], ErrorStack> {
    let mut octets = [0; N];
    rand_bytes(&mut octets)?;
    Ok(octets)
}
