//! Why an evaluation ended without claims.

use std::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::limits::Limit;
use crate::pattern::PatternError;
use crate::store::StoreError;

/// A rule of the set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleLocation {
    /// From 1, in document order.
    pub number: usize,
    /// `@RuleName`.
    pub name: Option<String>,
    /// Line on which it begins, from 1.
    pub line: usize,
}

impl fmt::Display for RuleLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}", self.number)?;
        if let Some(name) = &self.name {
            write!(f, " \"{name}\"")?;
        }
        write!(f, " (line {})", self.line)
    }
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// A store could not answer.
    #[error("POLICY0018: Query to attribute store '{store}' failed: {error}")]
    Store {
        /// Its name.
        store: String,
        /// Why.
        error: StoreError,
    },
    /// No store has this name.
    #[error("there is no attribute store '{store}'; configure it, or correct its name in the rule")]
    UnknownStore {
        /// The name in the rule.
        store: String,
    },
    /// A store gave rows of another width than the query has types.
    #[error(
        "the attribute store '{store}' answered with {found} columns to a query with {expected} types; let the query name one for each type"
    )]
    Columns {
        /// Its name.
        store: String,
        /// Types in the rule.
        expected: usize,
        /// Columns in the answer.
        found: usize,
    },
    /// A regular expression made from claims is none.
    #[error("the regular expression that this rule makes from claims cannot be used: {0}")]
    Pattern(#[from] PatternError),
    /// The evaluation costs too much.
    #[error("evaluation was stopped: {0}")]
    Limit(Limit),
}

impl From<Limit> for Failure {
    fn from(limit: Limit) -> Failure {
        Failure::Limit(limit)
    }
}

/// Why an evaluation ended without claims, and at which rule. There is no partial output (section 9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationError(Box<(Option<RuleLocation>, Failure)>);

impl EvaluationError {
    pub(super) fn new(rule: Option<RuleLocation>, failure: Failure) -> EvaluationError {
        EvaluationError(Box::new((rule, failure)))
    }

    /// The rule that was running; `None` when the incoming claims were at fault.
    pub fn rule(&self) -> Option<&RuleLocation> {
        self.0.0.as_ref()
    }

    /// What failed.
    pub fn failure(&self) -> &Failure {
        &self.0.1
    }

    /// AD FS's code of the outer message, where it has one (section 9).
    pub fn code(&self) -> Option<&'static str> {
        matches!(self.failure(), Failure::Store { .. }).then_some("POLICY0018")
    }

    /// AD FS's code of the message quoted inside the outer one.
    pub fn inner_code(&self) -> Option<&'static str> {
        match self.failure() {
            Failure::Store { error, .. } => error.code,
            _ => None,
        }
    }
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule() {
            Some(rule) => write!(f, "{rule}: {}", self.failure()),
            None => write!(f, "incoming claims: {}", self.failure()),
        }
    }
}

impl std::error::Error for EvaluationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.failure() {
            Failure::Store { error, .. } => Some(error),
            Failure::Pattern(error) => Some(error),
            _ => None,
        }
    }
}
