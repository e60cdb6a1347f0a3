//! Who a request is about: an account of a directory, or somebody whom a claims provider knows.

use std::sync::Arc;

use claim_rules::RuleSet;

use super::AssertedIdentity;
use super::identity::AD_AUTHORITY;
use crate::directory::{Account, AuthenticatedAccount};

/// Whoever signed in and whose session holds.
#[derive(Debug, Clone)]
pub enum Principal {
    /// The owner of a directory account.
    Account(AuthenticatedAccount),
    /// Somebody whom a claims provider asserted.
    Asserted {
        /// What it said, in a token that was verified.
        identity: Arc<AssertedIdentity>,
        /// The acceptance transform rules of its trust, as they are now.
        acceptance: Arc<RuleSet>,
    },
}

impl Principal {
    /// Name for audits: `DOMAIN\user` for an account, else as the claims provider gave it.
    pub fn user(&self) -> String {
        match self {
            Principal::Account(account) => account.windows_account_name(),
            Principal::Asserted { identity, .. } => identity.user().to_owned(),
        }
    }

    /// Issuer of the claims: `AD AUTHORITY`, or the identifier of a claims provider trust.
    pub fn claims_provider(&self) -> &str {
        match self {
            Principal::Account(_) => AD_AUTHORITY,
            Principal::Asserted { identity, .. } => identity.provider(),
        }
    }

    pub(super) fn subject(&self) -> Subject<'_> {
        match self {
            Principal::Account(account) => Subject::Account(account),
            Principal::Asserted {
                identity,
                acceptance,
            } => Subject::Asserted {
                identity,
                acceptance,
            },
        }
    }
}

/// A principal, or somebody of whom it is only asked what would come of it. Enough to run rules on, not to issue for.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A directory account.
    Account(&'a Account),
    /// Claims as a claims provider could send them.
    Asserted {
        /// The claims.
        identity: &'a AssertedIdentity,
        /// The acceptance transform rules to run on them.
        acceptance: &'a RuleSet,
    },
}

impl<'a> Subject<'a> {
    /// The account, if it is one.
    pub(super) fn account(self) -> Option<&'a Account> {
        match self {
            Subject::Account(account) => Some(account),
            Subject::Asserted { .. } => None,
        }
    }
}
