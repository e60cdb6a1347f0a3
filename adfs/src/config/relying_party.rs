//! Relying party trusts: who may get tokens (spec passive-sign-in 7.2).

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use claim_rules::RuleSet;
use federation::endpoints::ReplyUrl;
use federation::signature::SignatureAlgorithm;
use time::Duration;
use uuid::Uuid;

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
    /// Life of a token (TokenLifetime); 60 minutes where the file says 0 or nothing.
    pub token_lifetime: Duration,
    /// How long before its issuance a token becomes valid (NotBeforeSkew).
    pub not_before_skew: Duration,
    /// How tokens are signed (SignatureAlgorithm).
    pub signature_algorithm: SignatureAlgorithm,
    /// Who may sign in to it (AccessControlPolicyName); `None` when the authorization rules decide.
    pub access_control_policy_name: Option<AccessControlPolicy>,
    /// Rules that decide who may sign in to it (IssuanceAuthorizationRules), if no policy does.
    pub issuance_authorization_rules: Option<Arc<RuleSet>>,
    /// Rules that make its claims (IssuanceTransformRules).
    pub issuance_transform_rules: Arc<RuleSet>,
    /// Its identifier within the service (ObjectIdentifier).
    pub object_identifier: Uuid,
    /// The file that it was read from.
    pub file: PathBuf,
}

/// The access control policies that this version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessControlPolicy {
    /// `Permit everyone`.
    PermitEveryone,
}

impl FromStr for AccessControlPolicy {
    type Err = String;

    fn from_str(name: &str) -> Result<AccessControlPolicy, String> {
        if name.eq_ignore_ascii_case("Permit everyone") {
            return Ok(AccessControlPolicy::PermitEveryone);
        }
        Err(format!(
            "the policy {name:?} is not available in this version"
        ))
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
    pub fn iter(&self) -> impl Iterator<Item = &Arc<RelyingPartyTrust>> {
        self.trusts.iter()
    }

    /// The trust that has `identifier`, compared octet by octet.
    pub fn by_identifier(&self, identifier: &str) -> Option<Arc<RelyingPartyTrust>> {
        self.by_identifier.get(identifier).cloned()
    }
}
