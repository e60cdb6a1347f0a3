//! The acceptance transform rules of a claims provider, and the border behind them.

use std::sync::LazyLock;

use claim_rules::{Claim, Diagnostic, Limits, RuleSet};

use super::identity::{AD_AUTHORITY, Identity};
use super::types::is_reserved;
use super::{AssertedIdentity, ClaimsError, Subject};
use crate::state::Federation;

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

/// What a claims provider asserts, and the rules that decide what of it counts.
#[derive(Debug)]
pub(super) struct Incoming<'a> {
    pub(super) source: Source,
    /// Issuer of all of it.
    pub(super) issuer: &'a str,
    pub(super) claims: Vec<Claim>,
    pub(super) rules: &'a RuleSet,
}

/// Which kind of claims provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Source {
    /// Active Directory, the one that is always there.
    #[default]
    Directory,
    /// Another organisation.
    Provider,
}

impl<'a> Incoming<'a> {
    /// Of a directory logon.
    ///
    /// # Errors
    /// When the built-in rules are broken.
    pub(super) fn of_logon(identity: &Identity) -> Result<Incoming<'static>, ClaimsError> {
        Ok(Incoming {
            source: Source::Directory,
            issuer: AD_AUTHORITY,
            claims: identity.claims(),
            rules: RULES
                .as_ref()
                .map_err(|error| ClaimsError::AcceptanceRules(error.clone()))?,
        })
    }

    /// Of a claims provider's token.
    pub(super) fn of_token(identity: &'a AssertedIdentity, rules: &'a RuleSet) -> Incoming<'a> {
        Incoming {
            source: Source::Provider,
            issuer: identity.provider(),
            claims: identity.claims().to_vec(),
            rules,
        }
    }
}

/// What is asserted about `subject`, and the SIDs of the groups where they were looked up.
///
/// # Errors
/// When the directory does not answer.
pub(super) async fn gather<'a>(
    federation: &Federation,
    subject: Subject<'a>,
    groups_matter: bool,
) -> Result<(Incoming<'a>, Option<Vec<String>>), ClaimsError> {
    // Memberships cost a search; they are asked for only where a rule could see them.
    let group_sids = match subject.account() {
        Some(account) if groups_matter => Some(federation.directory.group_sids(account).await?),
        _ => None,
    };
    let incoming = match subject {
        Subject::Account(account) => {
            let groups = group_sids.clone().unwrap_or_default();
            Incoming::of_logon(&Identity::of(account, groups, federation.clock.now()))?
        }
        Subject::Asserted {
            identity,
            acceptance,
        } => Incoming::of_token(identity, acceptance),
    };
    Ok((incoming, group_sids))
}

/// Lets accepted claims in. Claims of reserved types get through only when they are, unchanged, those that the service
/// itself made: no directory and no claims provider can assert them (spec security CLM-2).
///
/// How the user signed in is told whether or not the rules of another organisation pass it on: such rules are about what
/// the organisation says, and without these facts no policy about methods would work.
pub(super) fn let_in(accepted: Vec<Claim>, own: &[Claim], source: Source) -> Vec<Claim> {
    let mut inside: Vec<Claim> = accepted
        .into_iter()
        .filter(|claim| !is_reserved(&claim.claim_type) || own.contains(claim))
        .collect();
    if source == Source::Provider {
        for claim in own {
            if !inside.contains(claim) {
                inside.push(claim.clone());
            }
        }
    }
    inside
}
