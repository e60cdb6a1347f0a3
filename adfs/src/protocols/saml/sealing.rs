//! Values of this adapter that travel or wait sealed.

use std::io::Read as _;

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::Keys;

/// Most that a sealed value may hold, uncompressed, in bytes.
const MAX_PLAIN: u64 = 256 * 1024;

/// Packs and seals: identifiers and names repeat, and browsers keep little.
pub(super) fn seal(keys: &Keys, purpose: &str, content: &impl Serialize) -> Option<String> {
    let plain = serde_json::to_vec(content).ok()?;
    if plain.len() as u64 > MAX_PLAIN {
        return None;
    }
    let mut packed = Vec::new();
    DeflateEncoder::new(plain.as_slice(), Compression::best())
        .read_to_end(&mut packed)
        .ok()?;
    keys.seal(purpose, &packed).ok()
}

/// Opens what [`seal`] made. Anything else is nothing.
pub(super) fn open<T: DeserializeOwned>(keys: &Keys, purpose: &str, sealed: &str) -> Option<T> {
    let packed = keys.open(purpose, sealed).ok()?;
    let mut plain = Vec::new();
    DeflateDecoder::new(packed.as_slice())
        .take(MAX_PLAIN)
        .read_to_end(&mut plain)
        .ok()?;
    serde_json::from_slice(&plain).ok()
}
