//! A request that another site posted, on its way through our own pages.
//!
//! Such a request comes without our `Lax` cookies and could not stay in a form's address. So what was verified of it is
//! sealed into one parameter, which then is the transaction. Nothing is kept in a cookie: several tabs do not disturb
//! each other, and any node of a farm takes the next step.

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use time::{Duration, OffsetDateTime};

use super::received::Trusted;
use super::sign_in::Admitted;
use crate::sign_in::Refusal;
use crate::state::Federation;

/// The parameter.
pub const PARAMETER: &str = "MSISContext";
const PURPOSE: &str = "SAML AuthnRequest";
const VERSION: u8 = 1;
/// How long somebody may take to sign in.
const LIFE: Duration = Duration::hours(1);
/// Most that a sealed request may hold, uncompressed: a message and its relay state.
const MAX_PLAIN: u64 = 256 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u8,
    #[serde(with = "time::serde::timestamp")]
    at: OffsetDateTime,
    xml: String,
    signed: bool,
    relay_state: Option<String>,
}

/// The value of [`PARAMETER`] for an admitted request.
///
/// # Errors
/// [`Refusal::TooLarge`] or [`Refusal::Issuance`].
pub fn seal(federation: &Federation, admitted: &Admitted) -> Result<String, Refusal> {
    let content = Content {
        version: VERSION,
        at: federation.clock.now(),
        xml: admitted.trusted().xml.clone(),
        signed: admitted.trusted().signed,
        relay_state: admitted.relay_state().map(str::to_owned),
    };
    let plain = serde_json::to_vec(&content).map_err(|_| Refusal::Issuance)?;
    let mut packed = Vec::new();
    DeflateEncoder::new(plain.as_slice(), Compression::best())
        .read_to_end(&mut packed)
        .map_err(|_| Refusal::Issuance)?;
    federation
        .keys
        .seal(PURPOSE, &packed)
        .map_err(|_| Refusal::TooLarge)
}

/// The request in a value of [`PARAMETER`], checked anew against the configuration of now.
///
/// # Errors
/// [`Refusal::Context`] for a value that is not ours or too old.
pub fn open(
    federation: &Federation,
    configuration: &crate::config::Configuration,
    sealed: &str,
) -> Result<Admitted, Refusal> {
    let packed = federation
        .keys
        .open(PURPOSE, sealed)
        .map_err(|_| Refusal::Context)?;
    let mut plain = Vec::new();
    DeflateDecoder::new(packed.as_slice())
        .take(MAX_PLAIN)
        .read_to_end(&mut plain)
        .map_err(|_| Refusal::Context)?;
    let content: Content = serde_json::from_slice(&plain).map_err(|_| Refusal::Context)?;
    let age = federation.clock.now() - content.at;
    if content.version != VERSION || age.is_negative() || age > LIFE {
        return Err(Refusal::Context);
    }
    let trusted = Trusted {
        xml: content.xml,
        signed: content.signed,
    };
    Admitted::again(trusted, content.relay_state, configuration)
}
