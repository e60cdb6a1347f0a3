//! `FederationMetadata.xml` as we publish it (spec passive-sign-in 4.1), and metadata of partners as we [`read`] it (4.3).

mod claim_descriptions;
mod document;
mod people;
pub mod read;
mod saml_roles;

pub use claim_descriptions::{BUILT_IN_CLAIM_DESCRIPTIONS, ClaimDescription};
pub use document::{FederationService, PROTOCOLS, Role};
pub use read::{Contact, Organization};
pub use saml_roles::{IdentityProvider, ServiceProvider};
