//! What to say about a user to a relying party (spec claim-rules 5).
//!
//! Incoming claims are what the directory, or another claims provider, and the sign-in itself assert. They pass the
//! acceptance transform rules of that claims provider's trust, then a border that lets nobody but this module assert facts about the request,
//! then the relying party's authorization, and at last its issuance transform rules. Each stage is rule text run by the
//! engine. Any failure refuses the whole request; no stage is skipped (spec security CLM-3).

mod acceptance;
mod asserted;
mod authorization;
mod context;
mod delegation;
mod descriptions;
mod identity;
mod pipeline;
mod policies;
mod principal;
mod stores;
mod trace;
pub mod types;

#[cfg(test)]
mod tests;

use claim_rules::{Claim, Diagnostic, EvaluationError, RuleSet};
use thiserror::Error;

pub use asserted::{AssertedIdentity, ProviderSession};
pub use authorization::Denial;
pub use context::{Authentication, NetworkLocation, RequestContext};
pub use delegation::{Delegation, Requester};
pub use descriptions::descriptions;
pub use pipeline::{Decision, Stage};
pub use policies::PolicyError;
pub use principal::{Principal, Subject};
pub use stores::AttributeStores;
pub use trace::{DryRun, StageTrace, Trial, dry_run};

use crate::config::RelyingPartyTrust;
use crate::directory::DirectoryError;
use crate::state::Federation;
use authorization::Authorization;
use pipeline::Policies;
use policies::FindGroupError;
use stores::ServiceStores;
use trace::Log;

/// Claims that the relying party's policy let through and its rules issued. Only [`run`] makes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedClaims(Vec<Claim>);

impl IssuedClaims {
    /// In order of issue.
    pub fn as_slice(&self) -> &[Claim] {
        &self.0
    }
}

/// What the pipeline came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A token may be issued with these.
    Permit(IssuedClaims),
    /// The user must use a second factor first: the policy, or additional authentication rules, demand it.
    SecondFactorRequired,
    /// The user may not sign in to this relying party.
    Deny {
        /// Which rule of section 5.2 says so.
        reason: Denial,
    },
}

impl Outcome {
    /// Of a sign-in, never of a dry run.
    fn of(decision: Decision) -> Outcome {
        match decision {
            Decision::Permit(claims) => Outcome::Permit(IssuedClaims(claims)),
            Decision::SecondFactorRequired => Outcome::SecondFactorRequired,
            Decision::Deny(reason) => Outcome::Deny { reason },
        }
    }
}

/// Why there is no outcome. The request fails; nothing is issued.
#[derive(Debug, Error)]
pub enum ClaimsError {
    /// Rules could not be evaluated.
    #[error("the {stage} for relying party trust {trust:?} failed: {source}")]
    Rules {
        /// Which rules.
        stage: Stage,
        /// The trust's name.
        trust: String,
        /// The rule and what happened.
        source: EvaluationError,
    },
    /// The access control policy depends on what is not known.
    #[error("relying party trust {trust:?}: {source}")]
    Policy {
        /// The trust's name.
        trust: String,
        /// What is not known.
        source: PolicyError,
    },
    /// The directory gave no answer that the rules need. May pass by itself.
    #[error("the directory could not be asked for claims: {0}")]
    Directory(#[from] DirectoryError),
    /// The acceptance transform rules of the service itself are wrong.
    #[error("the acceptance transform rules of the directory do not compile: {0}")]
    AcceptanceRules(Diagnostic),
}

/// Runs all stages for `principal`, who signed in as `authentication` says, at the request described by `context`.
///
/// # Errors
/// [`ClaimsError`]. Whoever calls must refuse the request then.
pub async fn run(
    federation: &Federation,
    trust: &RelyingPartyTrust,
    principal: &Principal,
    authentication: &Authentication,
    context: &RequestContext,
) -> Result<Outcome, ClaimsError> {
    let asked = Asked {
        trust,
        transform: &trust.issuance_transform_rules,
        subject: principal.subject(),
        authentication,
        context,
        requester: None,
    };
    decide(federation, &asked, &mut Log::Off)
        .await
        .map(Outcome::of)
}

/// What the stages are asked.
#[derive(Debug)]
struct Asked<'a> {
    trust: &'a RelyingPartyTrust,
    /// Those of the trust, unless others are tried.
    transform: &'a RuleSet,
    /// Whom the token would be about.
    subject: Subject<'a>,
    authentication: &'a Authentication,
    context: &'a RequestContext,
    /// Who asks, when it is not the subject.
    requester: Option<Requester<'a>>,
}

async fn decide(
    federation: &Federation,
    asked: &Asked<'_>,
    log: &mut Log,
) -> Result<Decision, ClaimsError> {
    let Asked { trust, context, .. } = *asked;
    if let Some(requester) = asked.requester {
        let mut aside = log.aside();
        let refusal = delegation::refusal(federation, trust, requester, context, &mut aside).await;
        log.requester_did(aside);
        if let Some(reason) = refusal? {
            return Ok(Decision::Deny(reason));
        }
    }
    let configuration = federation.configuration.load_full();
    let authorization = Authorization::of(trust);
    if let Authorization::Policy(policy) = authorization {
        policies::find_groups(policy, &federation.directory)
            .await
            .map_err(|error| match error {
                FindGroupError::Directory(error) => ClaimsError::Directory(error),
                FindGroupError::Policy(source) => ClaimsError::Policy {
                    trust: trust.name.clone(),
                    source,
                },
            })?;
    }
    let global = &configuration.properties.additional_authentication_rules;
    let policies = Policies {
        trust: &trust.name,
        authorization,
        additional_authentication: [
            global.as_deref(),
            trust.additional_authentication_rules.as_deref(),
        ],
        transform: asked.transform,
    };
    let groups_matter = policies.may_read(types::GROUP_SID);
    let (incoming, group_sids) =
        acceptance::gather(federation, asked.subject, groups_matter).await?;
    let account = asked.subject.account();
    let mut stores = ServiceStores::new(federation, trust, account, group_sids);
    let outcome = pipeline::run(
        &policies,
        incoming,
        asked.authentication,
        context,
        &mut stores,
        log,
    )
    .await;
    match (outcome, stores.into_outage()) {
        (Err(_), Some(outage)) => Err(ClaimsError::Directory(outage)),
        (outcome, _) => outcome,
    }
}
