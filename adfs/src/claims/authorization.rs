//! May the user sign in to this relying party, and with how many factors? (spec claim-rules 5.2 and 5.5)

use claim_rules::{Claim, RuleSet};

use super::types::{AUTHENTICATION_METHOD, DENY, MULTIPLE_AUTHENTICATION, PERMIT};
use crate::config::{AccessControlPolicy, RelyingPartyTrust};

/// How a trust decides.
#[derive(Debug, Clone, Copy)]
pub(super) enum Authorization<'a> {
    /// An access control policy.
    Policy(&'a AccessControlPolicy),
    /// Issuance authorization rules.
    Rules(&'a RuleSet),
    /// Neither policy nor rules: nobody.
    Nobody,
}

impl<'a> Authorization<'a> {
    pub(super) fn of(trust: &'a RelyingPartyTrust) -> Authorization<'a> {
        match (
            &trust.issuance_authorization_rules,
            &trust.access_control_policy,
        ) {
            (Some(rules), _) => Authorization::Rules(rules),
            (None, Some(policy)) => Authorization::Policy(policy),
            (None, None) => Authorization::Nobody,
        }
    }
}

/// What authorization comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Yes.
    Permit,
    /// Not without a second factor.
    SecondFactor,
    /// No.
    Deny(Denial),
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// A rule issued a deny claim.
    Denied,
    /// No rule permits: none issued a permit claim, or none of the policy holds.
    NotPermitted,
    /// Whoever asks may not have a token about somebody else (MSIS5009): no rule of the trust lets them.
    MayNotActForOthers,
}

/// Judges the output of authorization rules. Only types count, and a deny beats every permit.
pub(super) fn judge(output: &[Claim]) -> Verdict {
    let has = |claim_type: &str| output.iter().any(|claim| claim.claim_type == claim_type);
    match (has(DENY), has(PERMIT)) {
        (true, _) => Verdict::Deny(Denial::Denied),
        (false, false) => Verdict::Deny(Denial::NotPermitted),
        (false, true) => Verdict::Permit,
    }
}

/// Whether the output of additional authentication rules demands a second factor.
pub(super) fn demands_second_factor(output: &[Claim]) -> bool {
    output.iter().any(|claim| {
        claim.claim_type == AUTHENTICATION_METHOD && claim.value == MULTIPLE_AUTHENTICATION
    })
}
