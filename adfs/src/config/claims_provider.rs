//! Claims provider trusts: whose word about users is taken (spec passive-sign-in 7.4).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use claim_rules::RuleSet;
use federation::endpoints::ReplyUrl;
use openssl::x509::X509;

use super::saml::SamlEndpoint;

/// A claims provider trust.
#[derive(Debug)]
pub struct ClaimsProviderTrust {
    /// Name that people know it by (Name).
    pub name: String,
    /// Its identifier (Identifier): the issuer of its tokens. No other trust has it.
    pub identifier: String,
    /// Whether its word is taken (Enabled).
    pub enabled: bool,
    /// How it is asked.
    pub protocol: ClaimsProviderProtocol,
    /// Certificates that its tokens may be signed by (TokenSigningCertificate), at least one.
    pub token_signing_certificates: Vec<X509>,
    /// What of its claims counts (AcceptanceTransformRules); nothing where there are no rules.
    pub acceptance_transform_rules: Arc<RuleSet>,
    /// Suffixes of its users' names (OrganizationalAccountSuffix): they find it, and where there are any it names
    /// accounts below no others.
    pub organizational_account_suffixes: Vec<String>,
    /// Whether its word for a second factor counts (SupportsMFA).
    pub supports_mfa: bool,
    /// Whether requests to it must be signed (SignedSamlRequestsRequired).
    pub signed_saml_requests_required: bool,
    /// The file that it was read from.
    pub file: PathBuf,
}

/// How a claims provider is asked (ProtocolProfile).
#[derive(Debug, Clone)]
pub enum ClaimsProviderProtocol {
    /// By WS-Federation.
    WsFederation {
        /// Where requests go (WSFedEndpoint).
        endpoint: ReplyUrl,
    },
    /// By SAML 2.0.
    Saml {
        /// Where requests go, by binding (SamlEndpoint).
        endpoints: Vec<SamlEndpoint>,
    },
}

/// All claims provider trusts. Active Directory is none of them: it needs no file.
#[derive(Debug, Default)]
pub struct ClaimsProviders {
    pub(super) trusts: Vec<Arc<ClaimsProviderTrust>>,
    pub(super) by_identifier: HashMap<String, Arc<ClaimsProviderTrust>>,
}

impl ClaimsProviders {
    /// In the order of their files' names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ClaimsProviderTrust>> {
        self.trusts.iter()
    }

    /// The trust that has `identifier`, compared octet by octet.
    pub fn by_identifier(&self, identifier: &str) -> Option<Arc<ClaimsProviderTrust>> {
        self.by_identifier.get(identifier).cloned()
    }

    /// The enabled trust whose users' names end in `@suffix`; case does not matter.
    pub fn by_suffix(&self, suffix: &str) -> Option<Arc<ClaimsProviderTrust>> {
        let has = |trust: &&Arc<ClaimsProviderTrust>| {
            let mut suffixes = trust.organizational_account_suffixes.iter();
            trust.enabled && suffixes.any(|known| known.eq_ignore_ascii_case(suffix))
        };
        self.trusts.iter().find(has).cloned()
    }
}
