//! Where a claim comes from, step by step.

use serde::Serialize;

use super::{Fate, Made, QueryTrace, RuleTrace, Run, Trace};
use crate::case::CaseClaim;
use crate::evaluation::RuleLocation;

/// Claims that one answer names, and steps from a claim back to incoming ones. Rules can combine claims so that the
/// whole tree would have no end worth reading.
const MAX_CLAIMS: usize = 100;
const MAX_STEPS: usize = 20;

/// A claim and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The claim.
    #[serde(flatten)]
    pub claim: CaseClaim,
    /// What made it.
    pub source: Source,
    /// The claims that the rule was run for, with their names in the rule.
    pub from: Vec<Bound>,
}

/// A claim that a rule was run for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// What the rule calls it.
    pub name: Option<String>,
    /// The claim.
    pub origin: Origin,
}

/// What a claim was made by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// It was there before the first rule. Whoever knows more about that says so in the text.
    Incoming(Option<String>),
    /// A rule.
    Rule {
        /// Which rule.
        #[serde(flatten)]
        rule: RuleLocation,
        /// Issued, or only added.
        fate: Fate,
        /// Its conditions that bind no claim: EXISTS, NOT EXISTS and COUNT.
        given: Vec<String>,
        /// The store that it asked.
        query: Option<QueryTrace>,
    },
    /// Too many steps away to be told.
    Further,
}

impl Trace {
    /// Where each issued claim comes from for which `wanted` holds.
    pub fn origins(&self, wanted: impl Fn(&crate::Claim) -> bool) -> Vec<Origin> {
        let mut left = MAX_CLAIMS;
        let issued = self.made().filter(|(made, ..)| made.fate == Fate::Issued);
        let wanted = issued.filter(|(made, ..)| self.claims.get(made.claim).is_some_and(&wanted));
        wanted
            .map_while(|(made, rule, run)| self.step(made, rule, run, MAX_STEPS, &mut left))
            .collect()
    }

    fn step(
        &self,
        made: &Made,
        rule: &RuleTrace,
        run: &Run,
        steps: usize,
        left: &mut usize,
    ) -> Option<Origin> {
        *left = left.checked_sub(1)?;
        let bound = rule.names.iter().zip(&run.bound);
        let from = bound.map_while(|(name, claim)| {
            Some(Bound {
                name: name.clone(),
                origin: self.origin(*claim, steps.saturating_sub(1), left)?,
            })
        });
        let source = Source::Rule {
            rule: rule.rule.clone(),
            fate: made.fate,
            given: given(rule),
            query: run.query.clone(),
        };
        Some(Origin {
            claim: self.claims.get(made.claim)?.clone().into(),
            source,
            from: from.collect(),
        })
    }

    /// Of a claim in the input set, whatever became of it.
    fn origin(&self, claim: usize, steps: usize, left: &mut usize) -> Option<Origin> {
        let leaf = |source| {
            Some(Origin {
                claim: self.claims.get(claim)?.clone().into(),
                source,
                from: Vec::new(),
            })
        };
        if claim < self.incoming {
            *left = left.checked_sub(1)?;
            return leaf(Source::Incoming(None));
        }
        if steps == 0 {
            return leaf(Source::Further);
        }
        // The first one made it; later ones copied it.
        let (made, rule, run) = self.made().find(|(made, ..)| made.claim == claim)?;
        self.step(made, rule, run, steps, left)
    }
}

fn given(rule: &RuleTrace) -> Vec<String> {
    let conditions = rule.conditions.iter();
    conditions
        .filter(|condition| !condition.selector)
        .map(|condition| condition.text.clone())
        .collect()
}

impl Origin {
    /// Tells for each incoming claim in the tree what `source` knows about it.
    pub fn explain_incoming(&mut self, source: &mut dyn FnMut(&crate::Claim) -> Option<String>) {
        if let Source::Incoming(known) = &mut self.source {
            *known = source(&self.claim.clone().into());
        }
        for bound in &mut self.from {
            bound.origin.explain_incoming(source);
        }
    }
}
