//! Dry runs: the whole pipeline for an account that nobody proved to be, with a record of every stage.
//!
//! What comes out can explain a sign-in but not be one: there is no [`super::IssuedClaims`] in it.

use claim_rules::trace::{Origin, RuleTrace, Trace};
use claim_rules::{Claim, Evaluation, RuleSet};

use super::acceptance::Source;
use super::pipeline::{Decision, Stage};
use super::{Asked, Authentication, ClaimsError, RequestContext, Requester, Subject, decide};
use crate::config::RelyingPartyTrust;
use crate::state::Federation;

/// Where the stages are written down: nowhere in a sign-in.
#[derive(Debug)]
pub(super) enum Log {
    Off,
    On(DryRun),
}

/// What a dry run did.
#[derive(Debug, Default)]
pub struct DryRun {
    /// How many claims the claims provider asserted. They are the first ones of the acceptance stage; those behind them
    /// state how the user signed in.
    asserted: usize,
    /// Who asserted them.
    source: Source,
    /// The stages that ran, in order; the last one may be unfinished when it failed.
    stages: Vec<StageTrace>,
    /// The stages for the one who asked, when that was somebody else.
    requester: Option<Box<DryRun>>,
}

/// What one set of rules did.
#[derive(Debug)]
pub struct StageTrace {
    /// Which rules.
    pub stage: Stage,
    /// What they did.
    pub trace: Trace,
}

/// What to try.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// The relying party.
    pub trust: &'a RelyingPartyTrust,
    /// Tried in place of the trust's issuance transform rules.
    pub rules: Option<&'a RuleSet>,
    /// Whom the token would be about.
    pub subject: Subject<'a>,
    /// How the subject is supposed to have signed in.
    pub authentication: &'a Authentication,
    /// The request as it is supposed to be.
    pub context: &'a RequestContext,
    /// Who asks, when it is not the subject.
    pub requester: Option<Requester<'a>>,
}

/// Runs all stages of `trial`.
pub async fn dry_run(
    federation: &Federation,
    trial: &Trial<'_>,
) -> (Result<Decision, ClaimsError>, DryRun) {
    let mut log = Log::On(DryRun::default());
    let asked = Asked {
        trust: trial.trust,
        transform: trial.rules.unwrap_or(&trial.trust.issuance_transform_rules),
        subject: trial.subject,
        authentication: trial.authentication,
        context: trial.context,
        requester: trial.requester,
    };
    let decision = decide(federation, &asked, &mut log).await;
    let record = match log {
        Log::On(record) => record,
        Log::Off => DryRun::default(),
    };
    (decision, record)
}

impl Log {
    pub(super) fn is_on(&self) -> bool {
        matches!(self, Log::On(_))
    }

    /// The acceptance stage begins with so many claims of a claims provider.
    pub(super) fn provider_asserts(&mut self, source: Source, claims: usize) {
        if let Log::On(record) = self {
            record.asserted = claims;
            record.source = source;
        }
    }

    /// An empty log for somebody else, on when this one is.
    pub(super) fn aside(&self) -> Log {
        match self {
            Log::Off => Log::Off,
            Log::On(_) => Log::On(DryRun::default()),
        }
    }

    /// Keeps what was written aside about the one who asked.
    pub(super) fn requester_did(&mut self, aside: Log) {
        if let (Log::On(record), Log::On(requester)) = (self, aside) {
            record.requester = Some(Box::new(requester));
        }
    }

    pub(super) fn write(&mut self, stage: Stage, evaluation: Evaluation<'_>) {
        if let Log::On(record) = self
            && let Some(trace) = evaluation.into_trace()
        {
            record.stages.push(StageTrace { stage, trace });
        }
    }
}

impl DryRun {
    /// The stages that ran, in order.
    pub fn stages(&self) -> &[StageTrace] {
        &self.stages
    }

    /// The stages for the one who asked, when that was somebody else than the subject.
    pub fn requester(&self) -> Option<&DryRun> {
        self.requester.as_deref()
    }

    /// Where the claims come from that `stage` issued and for which `wanted` holds, back to claims provider, sign-in or request.
    pub fn origins(&self, stage: &StageTrace, wanted: impl Fn(&Claim) -> bool) -> Vec<Origin> {
        let mut origins = stage.trace.origins(wanted);
        for origin in &mut origins {
            origin.explain_incoming(&mut |claim| Some(self.source(stage.stage, claim)));
        }
        origins
    }

    /// What asserted a claim that came into `stage`.
    pub fn source(&self, stage: Stage, claim: &Claim) -> String {
        let acceptance = self
            .stages
            .iter()
            .find(|earlier| earlier.stage == Stage::AcceptanceTransform)
            .map(|earlier| &earlier.trace);
        let Some(acceptance) = acceptance else {
            return "came in".to_owned();
        };
        if stage == Stage::AcceptanceTransform {
            let place = acceptance.claims.iter().position(|known| known == claim);
            return self.asserted(place.unwrap_or_default()).to_owned();
        }
        let passed = acceptance
            .issued()
            .find(|(index, ..)| acceptance.claims.get(*index) == Some(claim));
        match passed {
            Some((index, rule, run)) => {
                let first = run.bound.first().copied().unwrap_or(index);
                format!(
                    "{}, passed by acceptance {}",
                    self.asserted(first),
                    named(rule)
                )
            }
            None => "stated by the request".to_owned(),
        }
    }

    fn asserted(&self, place: usize) -> &'static str {
        if place >= self.asserted {
            return "stated by the sign-in";
        }
        match self.source {
            Source::Directory => "read from the directory",
            Source::Provider => "sent by the claims provider",
        }
    }
}

fn named(rule: &RuleTrace) -> String {
    match &rule.rule.name {
        Some(name) => format!("rule {} \"{name}\"", rule.rule.number),
        None => format!("rule {}", rule.rule.number),
    }
}

#[cfg(test)]
mod tests {
    use claim_rules::trace::Source;

    use super::*;

    /// As the pipeline would write it down.
    fn write(log: &mut Log, stage: Stage, rules: &str, input: Vec<Claim>) {
        let rules = RuleSet::compile(rules).expect("rules");
        let mut evaluation = rules.start(input);
        if log.is_on() {
            evaluation = evaluation.traced();
        }
        evaluation.step().expect("an end");
        log.write(stage, evaluation);
    }

    fn record() -> DryRun {
        let (upn, method) = (Claim::new("upn", "a@b"), Claim::new("method", "password"));
        let acceptance = "@RuleName = \"All\" c:[] => issue(claim = c);";
        let transform = "c:[] => issue(Type = \"out\", Value = c.Type);";
        let inside = Claim::new("inside", "true");
        let mut log = Log::On(DryRun::default());
        log.provider_asserts(super::Source::Directory, 1);
        let incoming = vec![upn.clone(), method.clone()];
        write(&mut log, Stage::AcceptanceTransform, acceptance, incoming);
        let user = vec![upn, method, inside];
        write(&mut log, Stage::IssuanceTransform, transform, user);
        match log {
            Log::On(record) => record,
            Log::Off => panic!("the log was on"),
        }
    }

    #[test]
    fn claims_lead_back_to_directory_sign_in_and_request() {
        let record = record();
        let stage = &record.stages()[1];
        let origins = record.origins(stage, |claim| claim.claim_type == "out");
        let sources: Vec<&Source> = origins
            .iter()
            .flat_map(|origin| &origin.from)
            .map(|bound| &bound.origin.source)
            .collect();
        let known = |text: &str| Source::Incoming(Some(text.to_owned()));
        assert_eq!(
            sources,
            [
                &known("read from the directory, passed by acceptance rule 1 \"All\""),
                &known("stated by the sign-in, passed by acceptance rule 1 \"All\""),
                &known("stated by the request"),
            ]
        );
        let acceptance = &record.stages()[0];
        let origins = record.origins(acceptance, |claim| claim.claim_type == "method");
        assert_eq!(
            origins[0].from[0].origin.source,
            known("stated by the sign-in")
        );
    }

    #[test]
    fn a_sign_in_writes_nothing_down() {
        let mut log = Log::Off;
        let input = vec![Claim::new("a", "b")];
        write(
            &mut log,
            Stage::IssuanceTransform,
            "c:[] => issue(claim = c);",
            input,
        );
        assert!(matches!(log, Log::Off));
    }
}
