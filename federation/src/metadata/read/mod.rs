//! Metadata of partners: what a relying party or a claims provider says of itself (spec passive-sign-in 4.3).
//!
//! A document is read in two steps. [`read()`] checks form, signatures and validity, and gives an [`Entity`]. What that
//! is to us, a relying party or a claims provider, is for the caller to ask: many are both.

mod claims_provider;
mod entity;
mod error;
mod people;
mod relying_party;
mod role;
mod values;

#[cfg(test)]
mod tests;

use openssl::x509::X509;
use time::OffsetDateTime;

pub use claims_provider::ClaimsProviderMetadata;
pub use entity::Entity;
pub use error::{MetadataReadError, Warning};
pub use people::{Contact, Organization};
pub use relying_party::RelyingPartyMetadata;
pub use role::{ClaimType, SamlEndpoint};

use crate::dsig::{self, AcceptedAlgorithms};
use crate::xml::Limits;

/// How to read a document.
#[derive(Debug, Clone)]
pub struct Reading<'a> {
    now: OffsetDateTime,
    entity_id: Option<&'a str>,
    certificates: Option<&'a [X509]>,
    accepted: AcceptedAlgorithms,
    limits: Limits,
}

impl<'a> Reading<'a> {
    /// The metadata of one entity, at this moment. A signature may be made with the document's own key, and need not be
    /// there.
    pub fn at(now: OffsetDateTime) -> Reading<'a> {
        Reading {
            now,
            entity_id: None,
            certificates: None,
            accepted: AcceptedAlgorithms::default(),
            limits: Limits::metadata(),
        }
    }

    /// Out of a document with several entities, which may be as large as a whole federation's, the one of this
    /// `entityID`.
    #[must_use]
    pub fn of(self, entity_id: &'a str) -> Reading<'a> {
        Reading {
            entity_id: Some(entity_id),
            limits: Limits::federation(),
            ..self
        }
    }

    /// A signature over the entity, or a group around it, must be there and be made with the key of one of these.
    #[must_use]
    pub fn signed_by(self, certificates: &'a [X509]) -> Reading<'a> {
        Reading {
            certificates: Some(certificates),
            ..self
        }
    }

    /// Which signature algorithms serve, instead of those with SHA-2.
    #[must_use]
    pub fn accepting(self, accepted: AcceptedAlgorithms) -> Reading<'a> {
        Reading { accepted, ..self }
    }
}

/// Reads a document: an `EntityDescriptor`, or an `EntitiesDescriptor` with the entity that is wanted.
///
/// # Errors
/// See [`MetadataReadError`].
pub fn read(document: &str, reading: &Reading<'_>) -> Result<Entity, MetadataReadError> {
    let found = dsig::metadata::entity(
        document,
        reading.entity_id,
        reading.certificates,
        &reading.accepted,
        &reading.limits,
    )?;
    Entity::of(found, reading.now)
}
