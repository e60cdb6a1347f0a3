//! The stages in order (spec claim-rules 5.1).

use std::fmt;

use claim_rules::{Claim, Evaluation, EvaluationError, Limits, RuleSet, Step};

use super::acceptance::Incoming;
use super::authorization::{Authorization, Verdict, demands_second_factor, judge};
use super::context::{Authentication, RequestContext};
use super::stores::Stores;
use super::trace::Log;
use super::{ClaimsError, Denial, acceptance, policies, types};

/// Which rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Of the claims provider: the directory, or another organisation.
    AcceptanceTransform,
    /// Of the relying party, for those who act for others and are named.
    DelegationAuthorization,
    /// Of the relying party, for those who act for others and are not named.
    ImpersonationAuthorization,
    /// Of the relying party.
    IssuanceAuthorization,
    /// Of all relying parties, and of the one.
    AdditionalAuthentication,
    /// Of the relying party.
    IssuanceTransform,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::AcceptanceTransform => "acceptance transform rules",
            Stage::DelegationAuthorization => "delegation authorization rules",
            Stage::ImpersonationAuthorization => "impersonation authorization rules",
            Stage::IssuanceAuthorization => "issuance authorization rules",
            Stage::AdditionalAuthentication => "additional authentication rules",
            Stage::IssuanceTransform => "issuance transform rules",
        })
    }
}

/// What a relying party trust says about claims.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policies<'a> {
    /// Its name.
    pub(super) trust: &'a str,
    pub(super) authorization: Authorization<'a>,
    /// The global additional authentication rules and those of the trust, as far as there are any.
    pub(super) additional_authentication: [Option<&'a RuleSet>; 2],
    pub(super) transform: &'a RuleSet,
}

/// What the stages come to. Makes no token by itself: that takes [`super::IssuedClaims`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// These claims would be sent.
    Permit(Vec<Claim>),
    /// The policy, or additional authentication rules, demand a second factor first.
    SecondFactorRequired,
    /// The user may not sign in to this relying party.
    Deny(Denial),
}

impl Policies<'_> {
    /// Whether claims of this type could make a difference behind the acceptance rules.
    pub(super) fn may_read(&self, claim_type: &str) -> bool {
        let authorization = match self.authorization {
            Authorization::Rules(rules) => rules.may_read(claim_type),
            Authorization::Policy(policy) => policies::may_read(policy, claim_type),
            Authorization::Nobody => false,
        };
        let mut additional = self.additional_authentication.iter().flatten();
        authorization
            || additional.any(|rules| rules.may_read(claim_type))
            || self.transform.may_read(claim_type)
    }
}

/// Runs the rules of one stage for `trust`, and writes it down in `log`.
pub(super) async fn evaluate(
    trust: &str,
    stage: Stage,
    rules: &RuleSet,
    limits: Limits,
    input: Vec<Claim>,
    stores: &mut impl Stores,
    log: &mut Log,
) -> Result<Vec<Claim>, ClaimsError> {
    let mut evaluation = rules.start_within(limits, input);
    if log.is_on() {
        evaluation = evaluation.traced();
    }
    let outcome = drive(trust, stage, &mut evaluation, stores).await;
    log.write(stage, evaluation);
    outcome
}

async fn drive(
    trust: &str,
    stage: Stage,
    evaluation: &mut Evaluation<'_>,
    stores: &mut impl Stores,
) -> Result<Vec<Claim>, ClaimsError> {
    let failed = |source: EvaluationError| ClaimsError::Rules {
        stage,
        trust: trust.to_owned(),
        source,
    };
    loop {
        match evaluation.step().map_err(failed)? {
            Step::Done(claims) => return Ok(claims),
            Step::Query(query) => match stores.answer(&query).await {
                None => return Err(failed(evaluation.store_missing())),
                Some(Ok(rows)) => evaluation.answer(rows),
                Some(Err(error)) => return Err(failed(evaluation.store_failed(error))),
            },
        }
    }
}

/// The first stage: what is known about somebody behind the acceptance rules and the border, with the facts of the
/// request.
pub(super) async fn accept(
    trust: &str,
    incoming: Incoming<'_>,
    authentication: &Authentication,
    context: &RequestContext,
    stores: &mut impl Stores,
    log: &mut Log,
) -> Result<Vec<Claim>, ClaimsError> {
    let own = authentication.claims(incoming.issuer);
    let mut claims = incoming.claims;
    log.provider_asserts(incoming.source, claims.len());
    claims.extend(own.iter().cloned());
    let accepted = evaluate(
        trust,
        Stage::AcceptanceTransform,
        incoming.rules,
        acceptance::LIMITS,
        claims,
        stores,
        log,
    )
    .await?;
    let mut user = acceptance::let_in(accepted, &own, incoming.source);
    user.extend(context.claims());
    Ok(user)
}

/// Runs all stages, and writes them down in `log`.
pub(super) async fn run(
    policies: &Policies<'_>,
    incoming: Incoming<'_>,
    authentication: &Authentication,
    context: &RequestContext,
    stores: &mut impl Stores,
    log: &mut Log,
) -> Result<Decision, ClaimsError> {
    let trust = policies.trust;
    let user = accept(trust, incoming, authentication, context, stores, log).await?;
    let verdict = match policies.authorization {
        Authorization::Policy(policy) => {
            policies::judge(policy, &user, context).map_err(|source| ClaimsError::Policy {
                trust: trust.to_owned(),
                source,
            })?
        }
        Authorization::Nobody => judge(&[]),
        Authorization::Rules(rules) => {
            // Its output is judged and dropped: it is no input to the transform rules.
            let stage = Stage::IssuanceAuthorization;
            judge(
                &evaluate(
                    trust,
                    stage,
                    rules,
                    Limits::default(),
                    user.clone(),
                    stores,
                    log,
                )
                .await?,
            )
        }
    };
    match verdict {
        Verdict::Permit => (),
        Verdict::SecondFactor => return Ok(Decision::SecondFactorRequired),
        Verdict::Deny(reason) => return Ok(Decision::Deny(reason)),
    }
    for rules in policies.additional_authentication.into_iter().flatten() {
        if types::proves_second_factor(&user) {
            break;
        }
        let stage = Stage::AdditionalAuthentication;
        let output = evaluate(
            trust,
            stage,
            rules,
            Limits::default(),
            user.clone(),
            stores,
            log,
        )
        .await?;
        if demands_second_factor(&output) {
            return Ok(Decision::SecondFactorRequired);
        }
    }
    let stage = Stage::IssuanceTransform;
    let transform = policies.transform;
    let issued = evaluate(
        trust,
        stage,
        transform,
        Limits::default(),
        user,
        stores,
        log,
    )
    .await?;
    Ok(Decision::Permit(issued))
}
