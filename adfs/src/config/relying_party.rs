//! Relying party trusts: who may get tokens (spec passive-sign-in 7.2).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use claim_rules::RuleSet;
use federation::endpoints::ReplyUrl;
use federation::signature::SignatureAlgorithm;
use federation::wsfed::TokenType;
use openssl::x509::X509;
use time::Duration;
use uuid::Uuid;

use super::access_control::{AccessControlPolicy, Network};
use super::metadata_source::MetadataSource;
use super::saml::{ContentEncryption, ProtocolProfile, SamlSettings};
use super::service::Service;

/// A relying party trust.
#[derive(Debug)]
pub struct RelyingPartyTrust {
    /// Name that people know it by (Name).
    pub name: String,
    /// Its identifiers (Identifier), at least one; no other trust has any of them.
    pub identifiers: Vec<String>,
    /// Whether it gets tokens (Enabled).
    pub enabled: bool,
    /// Where answers of WS-Federation go (WSFedEndpoint).
    pub ws_fed_endpoint: Option<ReplyUrl>,
    /// Where they may also go when asked for (AdditionalWSFedEndpoint).
    pub additional_ws_fed_endpoint: Vec<ReplyUrl>,
    /// Kind of token in answers of WS-Federation whose request wishes for none.
    pub ws_fed_token_type: TokenType,
    /// Protocols that it may use (ProtocolProfile).
    pub protocol_profile: ProtocolProfile,
    /// How it speaks SAML 2.0.
    pub saml: SamlSettings,
    /// Whom its tokens are encrypted for (EncryptionCertificate, when EncryptClaims is on).
    pub encryption_certificate: Option<X509>,
    /// How encrypted tokens are encrypted.
    pub content_encryption: ContentEncryption,
    /// Whether an earlier sign-in never serves (AlwaysRequireAuthentication).
    pub always_require_authentication: bool,
    /// Names of the claims provider trusts that its users may come from; all when empty (ClaimsProviderName).
    pub claims_provider_names: Vec<String>,
    /// Life of a token (TokenLifetime); 60 minutes where the file says 0 or nothing.
    pub token_lifetime: Duration,
    /// How long before its issuance a token becomes valid (NotBeforeSkew).
    pub not_before_skew: Duration,
    /// How tokens are signed (SignatureAlgorithm).
    pub signature_algorithm: SignatureAlgorithm,
    /// Who may sign in to it (AccessControlPolicyName, AccessControlPolicyParameters); `None` when the authorization
    /// rules decide.
    pub access_control_policy: Option<AccessControlPolicy>,
    /// Rules that decide who may sign in to it (IssuanceAuthorizationRules), if no policy does.
    pub issuance_authorization_rules: Option<Arc<RuleSet>>,
    /// Rules that decide whether a second factor is needed (AdditionalAuthenticationRules), besides the global ones.
    pub additional_authentication_rules: Option<Arc<RuleSet>>,
    /// Rules that decide who may act for others towards it and be named in the token (DelegationAuthorizationRules);
    /// nobody without them.
    pub delegation_authorization_rules: Option<Arc<RuleSet>>,
    /// Rules that decide who may act for others towards it without being named (ImpersonationAuthorizationRules);
    /// nobody without them.
    pub impersonation_authorization_rules: Option<Arc<RuleSet>>,
    /// Rules that make its claims (IssuanceTransformRules).
    pub issuance_transform_rules: Arc<RuleSet>,
    /// Its identifier within the service (ObjectIdentifier).
    pub object_identifier: Uuid,
    /// Whether a new token-signing certificate of ours waits for it. AD FS has no such property.
    pub hold_rollover: bool,
    /// Addresses that fetch our metadata for it. AD FS has no such property.
    pub metadata_readers: Vec<Network>,
    /// Where its metadata are, and whether it follows them.
    pub metadata: MetadataSource,
    /// The file that it was read from.
    pub file: PathBuf,
}

impl RelyingPartyTrust {
    /// The service itself, for sign-ins that no relying party waits for: open to everybody, and nothing can be issued
    /// to it.
    pub(crate) fn of_service(service: &Service) -> Option<RelyingPartyTrust> {
        let nothing = Arc::new(RuleSet::compile("").ok()?);
        Some(RelyingPartyTrust {
            name: service.display_name.clone(),
            identifiers: vec![service.identifier.clone()],
            enabled: true,
            ws_fed_endpoint: None,
            additional_ws_fed_endpoint: Vec::new(),
            protocol_profile: ProtocolProfile::default(),
            saml: SamlSettings::default(),
            encryption_certificate: None,
            content_encryption: ContentEncryption::default(),
            always_require_authentication: false,
            claims_provider_names: Vec::new(),
            token_lifetime: Duration::ZERO,
            not_before_skew: Duration::ZERO,
            signature_algorithm: SignatureAlgorithm::default(),
            access_control_policy: Some(AccessControlPolicy::permit_everyone()),
            issuance_authorization_rules: None,
            additional_authentication_rules: None,
            delegation_authorization_rules: None,
            impersonation_authorization_rules: None,
            issuance_transform_rules: nothing,
            object_identifier: Uuid::nil(),
            hold_rollover: false,
            metadata_readers: Vec::new(),
            metadata: MetadataSource::default(),
            ws_fed_token_type: Default::default(),
            file: PathBuf::new(),
        })
    }
}

/// All relying party trusts.
#[derive(Debug, Default)]
pub struct RelyingParties {
    pub(super) trusts: Vec<Arc<RelyingPartyTrust>>,
    pub(super) by_identifier: HashMap<String, Arc<RelyingPartyTrust>>,
}

impl RelyingParties {
    /// In the order of their files' names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<RelyingPartyTrust>> + Clone {
        self.trusts.iter()
    }

    /// The trust that has `identifier`, compared octet by octet.
    pub fn by_identifier(&self, identifier: &str) -> Option<Arc<RelyingPartyTrust>> {
        self.by_identifier.get(identifier).cloned()
    }
}
