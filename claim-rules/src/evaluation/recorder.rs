//! Writes down what an evaluation does.

use super::diagnosis::conditions;
use super::error::RuleLocation;
use super::matching::Tuple;
use crate::claim::Claim;
use crate::plan::{Against, PlannedAction, PlannedRule};
use crate::rule_set::RuleSet;
use crate::store::{Rows, StoreQuery};
use crate::syntax::{Condition, Property, Rule};
use crate::trace::{Fate, Made, QueryTrace, RuleTrace, Run, Trace};

/// The record so far.
#[derive(Debug)]
pub(super) struct Recorder {
    incoming: usize,
    rules: Vec<RuleTrace>,
    /// For each run of the current rule: how many claims the rule had made when it was done.
    ends: Vec<usize>,
    /// Runs of the current rule whose queries are answered.
    answered: usize,
    /// The selector whose claim the current rule copies.
    copies: Option<usize>,
}

impl Recorder {
    pub(super) fn new(incoming: usize) -> Recorder {
        Recorder {
            incoming,
            rules: Vec::new(),
            ends: Vec::new(),
            answered: 0,
            copies: None,
        }
    }

    pub(super) fn into_trace(self, claims: Vec<Claim>) -> Trace {
        Trace {
            claims,
            incoming: self.incoming,
            rules: self.rules,
        }
    }

    /// The rule with this index has its turn.
    pub(super) fn begin(&mut self, rules: &RuleSet, index: usize, claims: &[Claim]) {
        self.ends.clear();
        self.answered = 0;
        let (Some(planned), Some(written)) =
            (rules.rules().get(index), rules.syntax().rules.get(index))
        else {
            return;
        };
        self.copies = match planned.action {
            PlannedAction::Copy(selector) => Some(selector),
            PlannedAction::Create(_) | PlannedAction::Query(_) => None,
        };
        self.rules.push(RuleTrace {
            rule: RuleLocation {
                number: index + 1,
                name: planned.name.clone(),
                line: planned.line,
            },
            action: written.value.action.to_string(),
            makes: types(planned),
            names: names(&written.value),
            conditions: conditions(planned, &written.value, claims, rules.equality()),
            runs: Vec::new(),
        });
    }

    /// The action ran for `tuple`; `made` claims have come of the rule's runs so far.
    pub(super) fn ran(&mut self, tuple: Tuple, query: Option<&StoreQuery>, made: usize) {
        let Some(rule) = self.rules.last_mut() else {
            return;
        };
        self.ends.push(made);
        rule.runs.push(Run {
            bound: tuple,
            query: query.map(|query| QueryTrace {
                query: query.clone(),
                answer: None,
            }),
            made: Vec::new(),
        });
    }

    /// Queries are answered in the order of the runs that asked them.
    pub(super) fn answered(&mut self, rows: Rows, made: usize) {
        let runs = self.rules.last_mut().map(|rule| &mut rule.runs);
        let run = runs.and_then(|runs| runs.get_mut(self.answered));
        if let Some(query) = run.and_then(|run| run.query.as_mut()) {
            query.answer = Some(rows);
        }
        if let Some(end) = self.ends.get_mut(self.answered) {
            *end = made;
        }
        self.answered += 1;
    }

    /// What became of a claim that the rule made. `place`: which one; `claim`: its index, unless it is a copy.
    pub(super) fn made(&mut self, place: usize, claim: Option<usize>, fate: Fate) {
        let Some(rule) = self.rules.last_mut() else {
            return;
        };
        let run = self.ends.partition_point(|end| *end <= place);
        let Some(run) = rule.runs.get_mut(run) else {
            return;
        };
        let copied = || run.bound.get(self.copies?).copied();
        if let Some(claim) = claim.or_else(copied) {
            run.made.push(Made { claim, fate });
        }
    }
}

fn names(rule: &Rule) -> Vec<Option<String>> {
    let selectors = rule
        .conditions
        .iter()
        .filter_map(|condition| match condition {
            Condition::Selector { name, .. } => Some(name.as_ref().map(|name| name.value.clone())),
            Condition::Exists { .. } | Condition::Count { .. } => None,
        });
    selectors.collect()
}

/// The claim types that the action names outright.
fn types(rule: &PlannedRule) -> Vec<String> {
    let texts: Vec<_> = match &rule.action {
        PlannedAction::Copy(selector) => {
            let tests = rule.selectors.get(*selector).map(|tests| &tests.own);
            let type_tests = tests
                .into_iter()
                .flatten()
                .filter(|test| test.property == Property::Type && !test.negated);
            type_tests
                .filter_map(|test| match &test.against {
                    Against::Text(text) => Some(text),
                    Against::Pattern(_) => None,
                })
                .collect()
        }
        PlannedAction::Create(assignments) => assignments
            .iter()
            .filter(|(property, _)| *property == Property::Type)
            .map(|(_, text)| text)
            .collect(),
        PlannedAction::Query(query) => query.types.iter().collect(),
    };
    texts
        .into_iter()
        .filter_map(|text| text.constant().map(str::to_owned))
        .collect()
}
