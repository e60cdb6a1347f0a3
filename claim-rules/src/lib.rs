#![forbid(unsafe_code)]
//! The AD FS claim rule language as a library: parse, check, evaluate, explain. No I/O, no threads, no clock.

mod claim;
mod store;

pub use claim::{Claim, LOCAL_AUTHORITY, STRING_VALUE_TYPE};
pub use store::{AttributeStore, AttributeStores, NoStores, Rows, StoreError, StoreQuery};

/// Why a rule text was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Diagnostic {
    /// What is wrong.
    pub message: String,
}

/// Why an evaluation ended without claims.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    /// What happened.
    pub message: String,
}

/// A compiled rule set.
#[derive(Debug, Clone)]
pub struct RuleSet;

/// What an evaluation needs or has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Answer this query.
    Query(StoreQuery),
    /// The output claims.
    Done(Vec<Claim>),
}

/// A running evaluation.
#[derive(Debug)]
pub struct Evaluation<'a> {
    _rules: &'a RuleSet,
}

impl RuleSet {
    /// Compiles.
    ///
    /// # Errors
    /// On the first mistake in the text.
    pub fn compile(_text: &str) -> Result<RuleSet, Diagnostic> {
        Err(Diagnostic {
            message: "the rule compiler is being built".to_owned(),
        })
    }
    /// Starts.
    pub fn start(&self, _input: Vec<Claim>) -> Evaluation<'_> {
        Evaluation { _rules: self }
    }
    /// Evaluates.
    ///
    /// # Errors
    /// When a store or a limit says no.
    pub fn evaluate(
        &self,
        _input: Vec<Claim>,
        _stores: &dyn AttributeStores,
    ) -> Result<Vec<Claim>, EvaluationError> {
        Err(EvaluationError {
            message: "the rule engine is being built".to_owned(),
        })
    }
}

impl Evaluation<'_> {
    /// Steps.
    ///
    /// # Errors
    /// When a limit says no.
    pub fn step(&mut self) -> Result<Step, EvaluationError> {
        Err(EvaluationError {
            message: "the rule engine is being built".to_owned(),
        })
    }
    /// Answers.
    pub fn answer(&mut self, _rows: Rows) {}
}
