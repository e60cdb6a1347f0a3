//! Signed JSON: JWS compact serialisation (RFC 7515) with public keys as JWK sets (RFC 7517), for tokens of others.
//!
//! The algorithm belongs to the key: a token's header only says which of the accepted ones its issuer used, and it must
//! fit the key that is then used. MACs and `none` do not exist here, keys within a token are never looked at, and a
//! header that demands anything else (`crit`, encryption, nesting) is refused (spec security OAU-9).

mod algorithm;
mod error;
mod json;
mod jwk;
mod jws;
#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use error::JoseError;
pub use json::parse_object;
pub use jwk::{Jwk, JwkSet, MAX_KEY_SET};
pub use jws::{MAX_TOKEN, Verified, verify};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Base64url without padding (RFC 7515 section 2). Other alphabets, padding, white space and bits left over are refused:
/// a value has one spelling.
pub(crate) fn base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
