//! What an evaluation did: which rules ran and why the others did not, where each claim comes from, what stores answered.

mod origin;
mod text;

use std::fmt;

use serde::{Serialize, Serializer};

use crate::case::CaseClaim;
use crate::claim::Claim;
use crate::evaluation::RuleLocation;
use crate::store::{Rows, StoreQuery};

pub use origin::{Bound, Origin, Source};
pub use text::{for_terminal, same_type};

/// The record of one evaluation. Claims are named by their index in [`Trace::claims`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// The input set as it ended: first the incoming claims, then those that rules made, in that order.
    #[serde(serialize_with = "as_json")]
    pub claims: Vec<Claim>,
    /// How many of them were incoming.
    pub incoming: usize,
    /// The rules that had their turn. The last one may be unfinished when the evaluation failed.
    pub rules: Vec<RuleTrace>,
}

/// What one rule did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleTrace {
    /// Which rule.
    #[serde(flatten)]
    pub rule: RuleLocation,
    /// Its action, as written in the printed form of the rule.
    pub action: String,
    /// The claim types that its action names outright.
    pub makes: Vec<String>,
    /// Names of its selectors in order; `None` for those without.
    pub names: Vec<Option<String>>,
    /// Its conditions in order.
    pub conditions: Vec<ConditionTrace>,
    /// One for each time that the action ran.
    pub runs: Vec<Run>,
}

/// How a condition came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConditionTrace {
    /// As it is printed.
    pub text: String,
    /// Whether it binds claims; EXISTS, NOT EXISTS and COUNT do not.
    pub selector: bool,
    /// Whether it let the rule run.
    pub verdict: Verdict,
    /// How many claims match, in combination with earlier conditions where it refers to them.
    pub found: usize,
    /// The first of them.
    pub matches: Vec<usize>,
    /// When none match: claims that come near.
    pub nearest: Vec<NearMiss>,
}

/// What a condition said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The rule may run.
    Holds,
    /// The rule does not run.
    Fails,
    /// It refers to a condition that no claim meets, or it was too much work to find out.
    Unknown,
}

/// A claim that a condition nearly matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NearMiss {
    /// Which claim.
    pub claim: usize,
    /// The tests that it fails.
    pub failed: Vec<FailedTest>,
}

/// A test that a claim fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedTest {
    /// As it is printed.
    pub test: String,
    /// What the claim has on the left side.
    pub found: String,
    /// What may be the mistake.
    pub hint: Option<Hint>,
}

/// A mistake that is often made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// The texts differ in case only.
    Case,
    /// The texts differ in blanks around them only.
    Blanks,
    /// `==` with what would match as a pattern.
    PlainComparison,
    /// `https://` where the claim has `http://`, or the other way round.
    Scheme,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hint::Case => "only case differs, and case counts here",
            Hint::Blanks => "only blanks at the ends differ, and they count",
            Hint::PlainComparison => "== compares plain text; with =~ it would match",
            Hint::Scheme => "only http:// and https:// differ",
        })
    }
}

/// One run of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// The claims of the selectors, in order.
    pub bound: Vec<usize>,
    /// What was asked of a store.
    pub query: Option<QueryTrace>,
    /// What came of it.
    pub made: Vec<Made>,
}

/// A query with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueryTrace {
    /// The query.
    #[serde(flatten)]
    pub query: StoreQuery,
    /// Rows; `None` when there was no answer.
    pub answer: Option<Rows>,
}

/// A claim that an action made or copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Which claim; for a copy the copied one.
    pub claim: usize,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a claim that an action made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is in the output.
    Issued,
    /// Issued, but the output had its type and value already.
    AlreadyIssued,
    /// Later rules see it, the output has it not.
    Added,
    /// A copy by add: it was there before.
    NoEffect,
}

impl Trace {
    /// The rules that `wanted` means: a number from 1, or the name, of which case does not matter.
    pub fn rules_named<'t>(
        &'t self,
        wanted: &str,
    ) -> impl Iterator<Item = &'t RuleTrace> + use<'t> {
        let number = wanted.trim().parse::<usize>().ok();
        let wanted = wanted.to_lowercase();
        self.rules.iter().filter(move |rule| {
            Some(rule.rule.number) == number
                || rule
                    .rule
                    .name
                    .as_ref()
                    .is_some_and(|name| name.to_lowercase() == wanted)
        })
    }

    /// The output so far: claims with the rule and the run that issued them, in order of issue.
    pub fn issued(&self) -> impl Iterator<Item = (usize, &RuleTrace, &Run)> {
        self.made()
            .filter(|(made, ..)| made.fate == Fate::Issued)
            .map(|(made, rule, run)| (made.claim, rule, run))
    }

    fn made(&self) -> impl Iterator<Item = (&Made, &RuleTrace, &Run)> {
        self.rules.iter().flat_map(|rule| {
            rule.runs
                .iter()
                .flat_map(move |run| run.made.iter().map(move |made| (made, rule, run)))
        })
    }
}

impl RuleTrace {
    /// The conditions that kept the rule from running.
    pub fn obstacles(&self) -> impl Iterator<Item = &ConditionTrace> {
        self.conditions
            .iter()
            .filter(|condition| condition.verdict == Verdict::Fails)
    }
}

fn as_json<S: Serializer>(claims: &[Claim], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(claims.iter().cloned().map(CaseClaim::from))
}

#[cfg(test)]
mod tests;
