//! `FederationMetadata.xml` as we publish it (spec passive-sign-in 4.1).

mod claim_descriptions;
mod document;

pub use claim_descriptions::{BUILT_IN_CLAIM_DESCRIPTIONS, ClaimDescription};
pub use document::{FederationService, PROTOCOLS, Role};
