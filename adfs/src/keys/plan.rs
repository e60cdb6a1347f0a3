//! The rollover as a plan that people can read: what is going to happen to each certificate, when, and who has to know.

use std::sync::Arc;

use time::OffsetDateTime;

use super::rollover::{self, Life, PlannedStep};
use super::sightings::{self, PartySight};
use super::{CertificateType, ListedCertificate};
use crate::config::{CertificateRollover, RelyingPartyTrust};
use crate::store::CertificateSighting;

/// A certificate and its next step.
#[derive(Debug)]
pub struct PlannedCertificate {
    /// The certificate.
    pub listed: ListedCertificate,
    /// What is going to happen to it, and when; `None` when nothing does, or only by hand.
    pub next: Option<(PlannedStep, OffsetDateTime)>,
    /// For the successor of the token-signing certificate: who knows it. Empty for all others.
    pub parties: Vec<PartySight>,
}

/// Certificates in the order of [`super::Keys::listed`].
#[derive(Debug)]
pub struct Plan {
    /// Each with its next step.
    pub certificates: Vec<PlannedCertificate>,
}

impl Plan {
    /// The plan for these certificates. `trusts` are all relying party trusts, `sightings` all that is known of them.
    pub fn of<'t>(
        listed: Vec<ListedCertificate>,
        rollover: &CertificateRollover,
        trusts: impl Iterator<Item = &'t Arc<RelyingPartyTrust>> + Clone,
        sightings: &[CertificateSighting],
    ) -> Plan {
        let mut certificates = Vec::new();
        for role in CertificateType::ALL {
            let of_role: Vec<ListedCertificate> = listed
                .iter()
                .filter(|listed| listed.role == role)
                .cloned()
                .collect();
            let lives: Vec<Life> = of_role.iter().map(Life::of).collect();
            let successor =
                rollover::successor_of(&lives).filter(|_| role == CertificateType::TokenSigning);
            let parties = successor
                .and_then(|at| of_role.get(at))
                .map(|listed| {
                    let thumbprint = listed.certificate.thumbprint();
                    sightings::of(trusts.clone(), sightings, thumbprint)
                })
                .unwrap_or_default();
            let held = !sightings::holders(&parties).is_empty();
            let steps = rollover::planned(&lives, rollover, held);
            for (at, (listed, next)) in of_role.into_iter().zip(steps).enumerate() {
                certificates.push(PlannedCertificate {
                    listed,
                    next: next.filter(|_| rollover.automatic),
                    parties: if successor == Some(at) {
                        parties.clone()
                    } else {
                        Vec::new()
                    },
                });
            }
        }
        Plan { certificates }
    }

    /// The token-signing certificate that is going to be primary.
    pub fn successor(listed: &[ListedCertificate]) -> Option<&ListedCertificate> {
        let signing: Vec<&ListedCertificate> = listed
            .iter()
            .filter(|listed| listed.role == CertificateType::TokenSigning)
            .collect();
        let lives: Vec<Life> = signing.iter().map(|listed| Life::of(listed)).collect();
        let at = rollover::successor_of(&lives)?;
        signing.get(at).copied()
    }
}
