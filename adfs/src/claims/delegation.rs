//! May somebody have a token about somebody else? (spec claim-rules 5.3)
//!
//! The rules that decide see the claims of the one who asks, and nothing of the user. That the user may sign in to the
//! relying party is judged besides, by the same stages as for every sign-in.

use claim_rules::{Limits, RuleSet};

use super::acceptance;
use super::authorization::{Denial, Verdict, judge};
use super::pipeline::{self, Stage};
use super::stores::ServiceStores;
use super::trace::Log;
use super::{Authentication, ClaimsError, RequestContext, Subject, types};
use crate::config::RelyingPartyTrust;
use crate::state::Federation;

/// How the one who asks would show in the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delegation {
    /// Named in it besides the user (WS-Trust 1.4 `ActAs`); the delegation authorization rules decide.
    ActAs,
    /// Not named in it (WS-Trust 1.3 `OnBehalfOf`); the impersonation authorization rules decide.
    OnBehalfOf,
}

/// Who asks for a token about somebody else.
#[derive(Debug, Clone, Copy)]
pub struct Requester<'a> {
    /// The one who asks.
    pub subject: Subject<'a>,
    /// How the one who asks has signed in.
    pub authentication: &'a Authentication,
    /// In which manner.
    pub delegation: Delegation,
}

impl Delegation {
    /// The rules of `trust` that decide; `None` when it has none, and then nobody may.
    pub fn rules(self, trust: &RelyingPartyTrust) -> Option<&RuleSet> {
        match self {
            Delegation::ActAs => trust.delegation_authorization_rules.as_deref(),
            Delegation::OnBehalfOf => trust.impersonation_authorization_rules.as_deref(),
        }
    }

    fn stage(self) -> Stage {
        match self {
            Delegation::ActAs => Stage::DelegationAuthorization,
            Delegation::OnBehalfOf => Stage::ImpersonationAuthorization,
        }
    }
}

/// Runs the acceptance rules for `requester`, and the rules of `trust` that decide. `None` when they permit.
///
/// # Errors
/// When rules or stores fail; nothing may be issued then.
pub(super) async fn refusal(
    federation: &Federation,
    trust: &RelyingPartyTrust,
    requester: Requester<'_>,
    context: &RequestContext,
    log: &mut Log,
) -> Result<Option<Denial>, ClaimsError> {
    let Some(rules) = requester.delegation.rules(trust) else {
        return Ok(Some(Denial::MayNotActForOthers));
    };
    let (incoming, group_sids) = acceptance::gather(
        federation,
        requester.subject,
        rules.may_read(types::GROUP_SID),
    )
    .await?;
    let account = requester.subject.account();
    let mut stores = ServiceStores::new(federation, trust, account, group_sids);
    let verdict = async {
        let authentication = requester.authentication;
        let requester_claims = pipeline::accept(
            &trust.name,
            incoming,
            authentication,
            context,
            &mut stores,
            log,
        )
        .await?;
        pipeline::evaluate(
            &trust.name,
            requester.delegation.stage(),
            rules,
            Limits::default(),
            requester_claims,
            &mut stores,
            log,
        )
        .await
        .map(|output| judge(&output))
    }
    .await;
    match (verdict, stores.into_outage()) {
        (Err(_), Some(outage)) => Err(ClaimsError::Directory(outage)),
        (Err(error), None) => Err(error),
        (Ok(Verdict::Permit), _) => Ok(None),
        (Ok(Verdict::Deny(_) | Verdict::SecondFactor), _) => Ok(Some(Denial::MayNotActForOthers)),
    }
}
