//! May the user sign in to this relying party? (spec claim-rules 5.2)

use claim_rules::{Claim, RuleSet};

use super::types::{DENY, PERMIT};
use crate::config::{AccessControlPolicy, RelyingPartyTrust};

/// How a trust decides.
#[derive(Debug, Clone, Copy)]
pub(super) enum Authorization<'a> {
    /// The access control policy "Permit everyone".
    PermitEveryone,
    /// Issuance authorization rules.
    Rules(&'a RuleSet),
    /// Neither policy nor rules: nobody.
    Nobody,
}

impl<'a> Authorization<'a> {
    pub(super) fn of(trust: &'a RelyingPartyTrust) -> Authorization<'a> {
        match (
            &trust.issuance_authorization_rules,
            trust.access_control_policy_name,
        ) {
            (Some(rules), _) => Authorization::Rules(rules),
            (None, Some(AccessControlPolicy::PermitEveryone)) => Authorization::PermitEveryone,
            (None, None) => Authorization::Nobody,
        }
    }
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// A rule issued a deny claim.
    Denied,
    /// No rule issued a permit claim.
    NotPermitted,
}

/// Judges the output of authorization rules. Only types count, and a deny beats every permit.
pub(super) fn judge(output: &[Claim]) -> Result<(), Denial> {
    let has = |claim_type: &str| output.iter().any(|claim| claim.claim_type == claim_type);
    match (has(DENY), has(PERMIT)) {
        (true, _) => Err(Denial::Denied),
        (false, false) => Err(Denial::NotPermitted),
        (false, true) => Ok(()),
    }
}
