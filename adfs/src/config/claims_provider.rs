//! Claims provider trusts: whose word about users is taken (spec passive-sign-in 7.4).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use claim_rules::RuleSet;
use federation::endpoints::ReplyUrl;
use federation::saml2::Binding;
use federation::signature::SignatureAlgorithm;
use openssl::x509::X509;

use super::ldap_provider::LdapProvider;
use super::metadata_source::MetadataSource;
use super::openid_provider::OpenIdProvider;
use super::saml::{SamlEndpoint, SamlProtocol};

/// Name of the directory as a claims provider.
pub(super) const ACTIVE_DIRECTORY: &str = "Active Directory";

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
    /// Certificates that its tokens may be signed by (TokenSigningCertificate): at least one where the protocol needs
    /// them.
    pub token_signing_certificates: Vec<X509>,
    /// What of its claims counts (AcceptanceTransformRules); nothing where there are no rules.
    pub acceptance_transform_rules: Arc<RuleSet>,
    /// Suffixes of its users' names (OrganizationalAccountSuffix): they find it, and where there are any it names
    /// accounts below no others.
    pub organizational_account_suffixes: Vec<String>,
    /// Whether its word for a second factor counts (SupportsMFA).
    pub supports_mfa: bool,
    /// What our requests to it are like, and its names in answer (SAML 2.0 only).
    pub saml: ClaimsProviderSaml,
    /// Where its metadata are, and whether it follows them.
    pub metadata: MetadataSource,
    /// The file that it was read from.
    pub file: PathBuf,
}

/// How SAML 2.0 is spoken with a claims provider.
#[derive(Debug, Clone, Default)]
pub struct ClaimsProviderSaml {
    /// Whether requests to it must be signed (SignedSamlRequestsRequired).
    pub signed_requests_required: bool,
    /// What they are signed by (SignatureAlgorithm).
    pub signature_algorithm: SignatureAlgorithm,
    /// The format of the name that is asked for, a URI (SamlAuthnRequestNameIdFormat).
    pub request_name_id_format: Option<String>,
    /// The format that the name in an assertion must have, a URI (RequiredNameIdFormat).
    pub required_name_id_format: Option<String>,
    /// Which of our assertion consumers is to be answered at, by the index that our metadata gives it
    /// (SamlAuthnRequestIndex).
    pub request_index: Option<u16>,
    /// Whether it may make a new name for somebody (AllowCreate).
    pub allow_create: bool,
    /// What it calls a sign-in with a second factor, besides `multipleauthn` (CustomMFAUri).
    pub custom_mfa_uri: Option<String>,
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
    /// Not at all: its users type their passwords here, and its directory is asked (a local claims provider trust).
    Ldap(Box<LdapProvider>),
    /// By OpenID Connect.
    OpenIdConnect(Box<OpenIdProvider>),
}

impl ClaimsProviderTrust {
    /// Whether its users sign in on the form of this service.
    pub fn is_local(&self) -> bool {
        matches!(self.protocol, ClaimsProviderProtocol::Ldap(_))
    }

    /// Whether a name with this suffix is one of its users'; case does not matter.
    pub fn has_suffix(&self, suffix: &str) -> bool {
        let suffixes = &self.organizational_account_suffixes;
        suffixes
            .iter()
            .any(|known| known.eq_ignore_ascii_case(suffix))
    }
}

/// All claims provider trusts. Active Directory is none of them: it needs no file.
#[derive(Debug, Default)]
pub struct ClaimsProviders {
    pub(super) trusts: Vec<Arc<ClaimsProviderTrust>>,
    pub(super) by_identifier: HashMap<String, Arc<ClaimsProviderTrust>>,
}

impl ClaimsProviderTrust {
    /// Its SAML endpoint for `protocol` that messages go to: the default one, else the first, with the Redirect binding
    /// before POST among equals, as AD FS prefers it.
    pub fn saml_endpoint(&self, protocol: SamlProtocol) -> Option<&SamlEndpoint> {
        let ClaimsProviderProtocol::Saml { endpoints } = &self.protocol else {
            return None;
        };
        let usable = endpoints.iter().filter(|endpoint| {
            endpoint.protocol == protocol
                && matches!(endpoint.binding, Binding::Redirect | Binding::Post)
        });
        usable.min_by_key(|endpoint| (!endpoint.is_default, endpoint.binding != Binding::Redirect))
    }

    /// Its SAML endpoint that takes requests for sign-out in the query, if there is one.
    pub fn logout_by_redirect(&self) -> Option<&SamlEndpoint> {
        let ClaimsProviderProtocol::Saml { endpoints } = &self.protocol else {
            return None;
        };
        endpoints.iter().find(|endpoint| {
            endpoint.protocol == SamlProtocol::Logout && endpoint.binding == Binding::Redirect
        })
    }
}

impl ClaimsProviders {
    /// In the order of their files' names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ClaimsProviderTrust>> {
        self.trusts.iter()
    }

    /// Names that relying party trusts may list, in lower case; the directory's among them.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.trusts.iter().map(|trust| trust.name.to_lowercase());
        names.chain([ACTIVE_DIRECTORY.to_lowercase()]).collect()
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
