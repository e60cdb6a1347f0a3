//! Single logout (spec passive-sign-in 3.10; SAML 2.0 Profiles 4.4).
//!
//! Whoever got an assertion takes part in the session ([`Participants`], which the browser carries sealed). A verified
//! message is a [`LogoutMessage`]; a request that is about a participant starts a [`Chain`], which asks one participant
//! after the other through the browser and at last answers the one who began. The chain, too, travels sealed.

mod chain;
mod message;
mod outgoing;
mod participants;

pub use chain::{Chain, Ending};
pub use message::{LogoutMessage, Order, PARAMETER, Report};
pub use outgoing::Outgoing;
pub use participants::{Participant, Participants};

use std::io::Read as _;

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::Keys;

/// Most that a sealed value of this module may hold, uncompressed, in bytes.
const MAX_PLAIN: u64 = 64 * 1024;

/// Packs and seals: identifiers and names repeat, and browsers keep little.
fn seal(keys: &Keys, purpose: &str, content: &impl Serialize) -> Option<String> {
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
fn open<T: DeserializeOwned>(keys: &Keys, purpose: &str, sealed: &str) -> Option<T> {
    let packed = keys.open(purpose, sealed).ok()?;
    let mut plain = Vec::new();
    DeflateDecoder::new(packed.as_slice())
        .take(MAX_PLAIN)
        .read_to_end(&mut plain)
        .ok()?;
    serde_json::from_slice(&plain).ok()
}
