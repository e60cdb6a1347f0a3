//! Running a rule set (section 3).

mod diagnosis;
mod error;
mod matching;
mod recorder;
mod text;

use std::collections::{HashSet, VecDeque};

pub use error::{EvaluationError, Failure, RuleLocation};

use crate::claim::Claim;
use crate::limits::{Limit, Limits, Meter};
use crate::plan::{PlannedAction, PlannedQuery, PlannedRule};
use crate::rule_set::RuleSet;
use crate::store::{Rows, StoreError, StoreQuery};
use crate::syntax::{Property, Verb};
use crate::trace::{Fate, Trace};
use recorder::Recorder;
use text::Scope;

/// What an evaluation needs, or has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Answer this with [`Evaluation::answer`], then step on.
    Query(StoreQuery),
    /// The output set in order of issue, without duplicates of type and value (section 3.8). Given once.
    Done(Vec<Claim>),
}

/// A running evaluation: [`Evaluation::step`] until [`Step::Done`].
#[derive(Debug)]
pub struct Evaluation<'a> {
    rules: &'a RuleSet,
    meter: Meter,
    /// The input set, which grows (section 3.2).
    input: Vec<Claim>,
    output: Vec<Claim>,
    issued: HashSet<(String, String)>,
    /// The rule that is next, or whose queries are being answered.
    rule: usize,
    /// What the current rule has made; it must not see that itself.
    made: Vec<Made>,
    asked: VecDeque<Asked>,
    running: bool,
    failure: Option<Failure>,
    /// Only when somebody wants to know what happened.
    recorder: Option<Box<Recorder>>,
}

/// A claim that a rule made.
#[derive(Debug)]
struct Made {
    claim: Claim,
    /// A copy is the same claim again, and the input set has it already.
    copied: bool,
}

/// A query of the current rule, and the types of its columns.
#[derive(Debug)]
struct Asked {
    query: StoreQuery,
    types: Vec<String>,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(rules: &'a RuleSet, limits: Limits, input: Vec<Claim>) -> Evaluation<'a> {
        let mut meter = Meter::new(limits);
        let longest = input.iter().map(Claim::longest).max().unwrap_or_default();
        let failure = match meter.memory(input.iter().map(Claim::size).sum()) {
            Err(limit) => Some(Failure::Limit(limit)),
            Ok(()) => (longest > limits.value_length).then_some(Failure::Limit(Limit::ValueLength)),
        };
        Evaluation {
            rules,
            meter,
            input,
            output: Vec::new(),
            issued: HashSet::new(),
            rule: 0,
            made: Vec::new(),
            asked: VecDeque::new(),
            running: false,
            failure,
            recorder: None,
        }
    }

    /// Keeps a record of everything that happens from here on, to be taken by [`Evaluation::into_trace`]. The claims
    /// that come out are the same; the evaluation takes several times as long and more memory.
    #[must_use]
    pub fn traced(mut self) -> Evaluation<'a> {
        self.recorder = Some(Box::new(Recorder::new(self.input.len())));
        self
    }

    /// What has happened so far, also when that ended in an error; `None` unless [`Evaluation::traced`].
    pub fn into_trace(self) -> Option<Trace> {
        Some(self.recorder?.into_trace(self.input))
    }

    /// Goes on to the next query, or to the end. Stepping again without an answer gives the same query again.
    ///
    /// # Errors
    /// When a limit is met, a computed regular expression is wrong, or an answer had other columns than asked for.
    pub fn step(&mut self) -> Result<Step, EvaluationError> {
        match self.advance() {
            Ok(step) => Ok(step),
            Err(failure) => {
                self.failure = Some(failure.clone());
                Err(self.at_current_rule(failure))
            }
        }
    }

    fn advance(&mut self) -> Result<Step, Failure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        loop {
            if let Some(asked) = self.asked.front() {
                return Ok(Step::Query(asked.query.clone()));
            }
            let Some(rule) = self.rules.rules().get(self.rule) else {
                return Ok(Step::Done(std::mem::take(&mut self.output)));
            };
            if !self.running {
                self.running = true;
                self.run(rule)?;
            }
            if self.asked.is_empty() {
                self.finish(rule.verb)?;
            }
        }
    }

    /// Answers the query of the last step. Column *i* of each row becomes a claim of type *i*; `None` becomes none.
    /// An answer that nothing asked for is dropped.
    pub fn answer(&mut self, rows: Rows) {
        let Some(asked) = self.asked.pop_front() else {
            return;
        };
        let answer = self.recorder.is_some().then(|| rows.clone());
        if let Err(failure) = self.take_rows(&asked, rows) {
            self.failure = Some(failure);
        }
        if let (Some(recorder), Some(answer)) = (&mut self.recorder, answer) {
            recorder.answered(answer, self.made.len());
        }
    }

    fn take_rows(&mut self, asked: &Asked, rows: Rows) -> Result<(), Failure> {
        for row in rows {
            if row.len() != asked.types.len() {
                let store = asked.query.store.clone();
                return Err(Failure::Columns {
                    store,
                    expected: asked.types.len(),
                    found: row.len(),
                });
            }
            for (claim_type, value) in asked.types.iter().zip(row) {
                if let Some(value) = value {
                    self.make(Claim::new(claim_type.clone(), value), false)?;
                }
            }
        }
        Ok(())
    }

    /// The error to report when the store of the last query failed (POLICY0018).
    pub fn store_failed(&self, error: StoreError) -> EvaluationError {
        let store = self
            .asked
            .front()
            .map_or_else(String::new, |asked| asked.query.store.clone());
        self.at_current_rule(Failure::Store { store, error })
    }

    /// The error to report when no store has the name in the last query.
    pub fn store_missing(&self) -> EvaluationError {
        let store = self
            .asked
            .front()
            .map_or("", |asked| asked.query.store.as_str());
        self.at_current_rule(Failure::UnknownStore {
            store: store.to_owned(),
        })
    }

    fn at_current_rule(&self, failure: Failure) -> EvaluationError {
        let rule = self.rules.rules().get(self.rule).filter(|_| self.running);
        let location = rule.map(|rule| RuleLocation {
            number: self.rule + 1,
            name: rule.name.clone(),
            line: rule.line,
        });
        EvaluationError::new(location, failure)
    }

    fn run(&mut self, rule: &'a PlannedRule) -> Result<(), Failure> {
        if let Some(recorder) = &mut self.recorder {
            recorder.begin(self.rules, self.rule, &self.input);
        }
        let tuples = matching::tuples(rule, &self.input, self.rules.equality(), &mut self.meter)?;
        for tuple in tuples {
            self.meter.action()?;
            let scope = Scope {
                claims: &self.input,
                tuple: &tuple,
            };
            match &rule.action {
                PlannedAction::Copy(selector) => {
                    if let Some(claim) = scope.claim(*selector).cloned() {
                        self.make(claim, true)?;
                    }
                }
                PlannedAction::Create(assignments) => {
                    let claim = create(assignments, scope, &self.meter)?;
                    self.make(claim, false)?;
                }
                PlannedAction::Query(query) => {
                    let asked = ask(query, scope, &self.meter)?;
                    self.asked.push_back(asked);
                }
            }
            if let Some(recorder) = &mut self.recorder {
                let asked = matches!(rule.action, PlannedAction::Query(_));
                let query = self.asked.back().filter(|_| asked);
                recorder.ran(tuple, query.map(|asked| &asked.query), self.made.len());
            }
        }
        Ok(())
    }

    fn make(&mut self, claim: Claim, copied: bool) -> Result<(), Failure> {
        self.meter.claim()?;
        self.meter.memory(claim.size())?;
        if claim.longest() > self.meter.value_length() {
            return Err(Failure::Limit(Limit::ValueLength));
        }
        self.made.push(Made { claim, copied });
        Ok(())
    }

    fn finish(&mut self, verb: Verb) -> Result<(), Failure> {
        for (place, Made { claim, copied }) in self.made.drain(..).enumerate() {
            let first = verb == Verb::Issue
                && self
                    .issued
                    .insert((claim.claim_type.clone(), claim.value.clone()));
            if let Some(recorder) = &mut self.recorder {
                let fate = match (verb, first) {
                    (Verb::Issue, true) => Fate::Issued,
                    (Verb::Issue, false) => Fate::AlreadyIssued,
                    (Verb::Add, _) if copied => Fate::NoEffect,
                    (Verb::Add, _) => Fate::Added,
                };
                recorder.made(place, (!copied).then_some(self.input.len()), fate);
            }
            match (first, copied) {
                (true, true) => self.output.push(claim),
                (true, false) => {
                    self.output.push(claim.clone());
                    self.input.push(claim);
                }
                (false, true) => {}
                (false, false) => self.input.push(claim),
            }
        }
        self.rule += 1;
        self.running = false;
        Ok(())
    }
}

fn create(
    assignments: &[(Property, crate::plan::Text)],
    scope: Scope<'_>,
    meter: &Meter,
) -> Result<Claim, Failure> {
    let mut claim = Claim::new("", "");
    let mut original_issuer = None;
    for (property, text) in assignments {
        let text = scope.text(text, meter)?.into_owned();
        match property {
            Property::Type => claim.claim_type = text,
            Property::Value => claim.value = text,
            Property::ValueType => claim.value_type = text,
            Property::Issuer => claim.issuer = text,
            Property::OriginalIssuer => original_issuer = Some(text),
            Property::Named(name) => {
                claim.properties.insert(name.clone(), text);
            }
        }
    }
    claim.original_issuer = original_issuer.unwrap_or_else(|| claim.issuer.clone());
    Ok(claim)
}

fn ask(query: &PlannedQuery, scope: Scope<'_>, meter: &Meter) -> Result<Asked, Failure> {
    let owned = |text| scope.text(text, meter).map(std::borrow::Cow::into_owned);
    let types = query
        .types
        .iter()
        .map(owned)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Asked {
        query: StoreQuery {
            store: owned(&query.store)?,
            query: owned(&query.query)?,
            params: query.params.iter().map(owned).collect::<Result<_, _>>()?,
            columns: types.len(),
        },
        types,
    })
}

#[cfg(test)]
mod tests;
