//! Who knows a certificate that is published and not yet in use.
//!
//! Who fetches metadata says only an address, so a fetch tells which relying party it was for only where the trust names the
//! addresses that fetch for it. Otherwise it is not known until an administrator confirms it.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::config::RelyingPartyTrust;
use crate::store::CertificateSighting;

/// What is known of a relying party and a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// An administrator says that it knows the certificate.
    Confirmed(OffsetDateTime),
    /// One of its addresses fetched metadata that list it.
    Fetched(OffsetDateTime),
    /// None of its addresses has done so.
    NotYet,
    /// The trust names no addresses, so nobody can tell.
    Unknown,
}

impl Sight {
    /// In one word, for tables and programs.
    pub const fn name(self) -> &'static str {
        match self {
            Sight::Confirmed(_) => "confirmed",
            Sight::Fetched(_) => "fetched",
            Sight::NotYet => "not yet",
            Sight::Unknown => "unknown",
        }
    }

    /// Since when the relying party knows the certificate, if it does.
    pub const fn since(self) -> Option<OffsetDateTime> {
        match self {
            Sight::Confirmed(since) | Sight::Fetched(since) => Some(since),
            Sight::NotYet | Sight::Unknown => None,
        }
    }
}

/// A relying party and whether it knows the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartySight {
    /// Name of the trust.
    pub name: String,
    /// What is known.
    pub sight: Sight,
    /// Whether the certificate does not become primary before the relying party knows it.
    pub holds: bool,
}

/// All enabled relying parties, in the order of their trusts.
pub fn of<'t>(
    trusts: impl Iterator<Item = &'t Arc<RelyingPartyTrust>>,
    sightings: &[CertificateSighting],
    thumbprint: &str,
) -> Vec<PartySight> {
    let one = |trust: &Arc<RelyingPartyTrust>| {
        let known = sightings
            .iter()
            .find(|one| one.relying_party == trust.name && one.thumbprint == thumbprint);
        let sight = match known {
            Some(known) if known.confirmed => Sight::Confirmed(known.seen),
            Some(known) => Sight::Fetched(known.seen),
            None if trust.metadata_readers.is_empty() => Sight::Unknown,
            None => Sight::NotYet,
        };
        PartySight {
            name: trust.name.clone(),
            holds: trust.hold_rollover && sight.since().is_none(),
            sight,
        }
    };
    trusts.filter(|trust| trust.enabled).map(one).collect()
}

/// Names of those that hold it.
pub fn holders(parties: &[PartySight]) -> Vec<&str> {
    let holding = parties.iter().filter(|party| party.holds);
    holding.map(|party| party.name.as_str()).collect()
}
