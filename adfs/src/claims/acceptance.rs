//! The acceptance transform rules of the directory, and the border behind them.

use std::sync::LazyLock;

use claim_rules::{Claim, Diagnostic, Limits, RuleSet};

use super::types::is_reserved;

/// The default rules of AD FS's trust "Active Directory" (spec claim-rules 5.4).
const TEXT: &str = include_str!("acceptance.claims");

static RULES: LazyLock<Result<RuleSet, Diagnostic>> = LazyLock::new(|| RuleSet::compile(TEXT));

/// Active Directory puts a user into about a thousand groups at most, and each is a claim to pass.
pub(super) const LIMITS: Limits = Limits {
    claims: 4_000,
    actions: 10_000,
    tests: 1_000_000,
    value_length: 64 * 1024,
    memory: 8 * 1024 * 1024,
};

/// The compiled rules.
pub(super) fn rules() -> Result<&'static RuleSet, Diagnostic> {
    RULES.as_ref().map_err(Clone::clone)
}

/// Lets accepted claims in. Claims of reserved types get through only when they are, unchanged, those that the service
/// itself made: no directory and no claims provider can assert them (spec security CLM-2).
pub(super) fn let_in(accepted: Vec<Claim>, own: &[Claim]) -> Vec<Claim> {
    accepted
        .into_iter()
        .filter(|claim| !is_reserved(&claim.claim_type) || own.contains(claim))
        .collect()
}
