//! Trusts whose metadata can be followed, of whichever kind.

use std::path::Path;
use std::sync::Arc;

use crate::config::{ClaimsProviderTrust, Configuration, MetadataSource, RelyingPartyTrust};

/// A trust, seen as somebody who publishes metadata.
#[derive(Debug, Clone)]
pub enum Partner {
    /// Who gets tokens.
    RelyingParty(Arc<RelyingPartyTrust>),
    /// Whose tokens are taken.
    ClaimsProvider(Arc<ClaimsProviderTrust>),
}

impl Partner {
    /// All trusts of a configuration, relying parties first.
    pub fn all(configuration: &Configuration) -> impl Iterator<Item = Partner> {
        let parties = configuration.relying_parties.iter().cloned();
        let providers = configuration.claims_providers.iter().cloned();
        parties
            .map(Partner::RelyingParty)
            .chain(providers.map(Partner::ClaimsProvider))
    }

    /// Name of the trust.
    pub fn name(&self) -> &str {
        match self {
            Partner::RelyingParty(trust) => &trust.name,
            Partner::ClaimsProvider(trust) => &trust.name,
        }
    }

    /// Its identifiers, the one first that its metadata are known by.
    pub fn identifiers(&self) -> &[String] {
        match self {
            Partner::RelyingParty(trust) => &trust.identifiers,
            Partner::ClaimsProvider(trust) => std::slice::from_ref(&trust.identifier),
        }
    }

    /// The file of the trust.
    pub fn file(&self) -> &Path {
        match self {
            Partner::RelyingParty(trust) => &trust.file,
            Partner::ClaimsProvider(trust) => &trust.file,
        }
    }

    /// Where its metadata are.
    pub fn source(&self) -> &MetadataSource {
        match self {
            Partner::RelyingParty(trust) => &trust.metadata,
            Partner::ClaimsProvider(trust) => &trust.metadata,
        }
    }

    /// What kind of trust it is, as people call it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Partner::RelyingParty(_) => "relying party trust",
            Partner::ClaimsProvider(_) => "claims provider trust",
        }
    }

    /// What the store knows it by. A trust that is renamed is another one.
    pub fn key(&self) -> String {
        let kind = match self {
            Partner::RelyingParty(_) => "relying-party",
            Partner::ClaimsProvider(_) => "claims-provider",
        };
        format!("{kind}/{}", self.name())
    }

    /// Whether it is to be looked at regularly.
    pub fn is_monitored(&self) -> bool {
        self.source().monitoring_enabled && self.source().url.is_some()
    }
}
