//! Rule sets with their input and stores as one JSON document, to try rules without a server.
//!
//! A document has `rules`, `input` and `attribute_store`; what it says beyond that about expectations is left to tests.
//! The stores are doubles that answer from the document.

mod directory;
mod sql;
mod stores;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::claim::{Claim, STRING_VALUE_TYPE};
use crate::diagnostic::Diagnostic;
use crate::evaluation::EvaluationError;
use crate::rule_set::RuleSet;
use crate::trace::Trace;
use stores::{CaseStores, StoreDescription};

/// A case as read from JSON.
#[derive(Debug, Deserialize)]
pub struct Case {
    rules: String,
    #[serde(flatten)]
    given: CaseInput,
}

/// What rules are tried on: claims, and the stores that they may ask.
#[derive(Debug, Default, Deserialize)]
pub struct CaseInput {
    #[serde(default)]
    input: Vec<CaseClaim>,
    #[serde(default)]
    attribute_store: BTreeMap<String, StoreDescription>,
}

impl CaseInput {
    /// Reads a document with `input` and `attribute_store`, such as a whole case, or a bare array of claims.
    ///
    /// # Errors
    /// When it is no JSON of this form.
    pub fn from_json(text: &str) -> Result<CaseInput, serde_json::Error> {
        if text.trim_start().starts_with('[') {
            let input = serde_json::from_str(text)?;
            return Ok(CaseInput {
                input,
                ..CaseInput::default()
            });
        }
        serde_json::from_str(text)
    }

    /// Evaluates `rules` on it.
    ///
    /// # Errors
    /// As [`RuleSet::evaluate`].
    pub fn evaluate(self, rules: &RuleSet) -> Result<Vec<Claim>, EvaluationError> {
        let input = self.input.into_iter().map(Claim::from).collect();
        rules.evaluate(input, &CaseStores::from(self.attribute_store))
    }

    /// Evaluates `rules` on it, with a record.
    pub fn explain(self, rules: &RuleSet) -> (Result<Vec<Claim>, EvaluationError>, Trace) {
        let input = self.input.into_iter().map(Claim::from).collect();
        rules.explain(input, &CaseStores::from(self.attribute_store))
    }
}

/// A claim as JSON has it. Missing fields take the defaults of a new claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseClaim {
    /// `Type`.
    #[serde(rename = "type")]
    pub claim_type: String,
    /// `Value`.
    pub value: String,
    /// `Issuer`.
    pub issuer: Option<String>,
    /// `OriginalIssuer`.
    pub original_issuer: Option<String>,
    /// `ValueType`.
    pub value_type: Option<String>,
    /// `Properties`.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

impl From<CaseClaim> for Claim {
    fn from(written: CaseClaim) -> Claim {
        let mut claim = Claim::new(written.claim_type, written.value);
        if let Some(issuer) = written.issuer {
            claim = claim.issued_by(issuer);
        }
        if let Some(issuer) = written.original_issuer {
            claim = claim.originally_issued_by(issuer);
        }
        claim.value_type = written
            .value_type
            .unwrap_or_else(|| STRING_VALUE_TYPE.to_owned());
        claim.properties = written.properties;
        claim
    }
}

impl From<Claim> for CaseClaim {
    fn from(claim: Claim) -> CaseClaim {
        CaseClaim {
            claim_type: claim.claim_type,
            value: claim.value,
            issuer: Some(claim.issuer),
            original_issuer: Some(claim.original_issuer),
            value_type: Some(claim.value_type),
            properties: claim.properties,
        }
    }
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CaseOutcome {
    /// The output set.
    Claims(Vec<CaseClaim>),
    /// No output.
    Error(CaseError),
}

/// Whether the rules or their evaluation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The text is no rule set; nothing was evaluated.
    Parse,
    /// The evaluation failed as a whole.
    Evaluate,
}

/// An error as JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseError {
    /// When.
    pub phase: Phase,
    /// AD FS's code of the outer message.
    pub code: Option<&'static str>,
    /// AD FS's code of the message inside.
    pub inner_code: Option<&'static str>,
    /// From 1; for an evaluation that of the rule.
    pub line: Option<usize>,
    /// From 0.
    pub column: Option<usize>,
    /// For a person.
    pub message: String,
}

impl From<&Diagnostic> for CaseError {
    fn from(finding: &Diagnostic) -> CaseError {
        CaseError {
            phase: Phase::Parse,
            code: finding.code(),
            inner_code: finding.inner_code(),
            line: Some(finding.line()),
            column: Some(finding.column()),
            message: finding.to_string(),
        }
    }
}

impl From<&EvaluationError> for CaseError {
    fn from(error: &EvaluationError) -> CaseError {
        CaseError {
            phase: Phase::Evaluate,
            code: error.code(),
            inner_code: error.inner_code(),
            line: error.rule().map(|rule| rule.line),
            column: None,
            message: error.to_string(),
        }
    }
}

impl Case {
    /// Reads a document.
    ///
    /// # Errors
    /// When it is no JSON of this form.
    pub fn from_json(text: &str) -> Result<Case, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Compiles the rules and evaluates them.
    pub fn run(self) -> CaseOutcome {
        let rules = match RuleSet::compile(&self.rules) {
            Ok(rules) => rules,
            Err(finding) => return CaseOutcome::Error(CaseError::from(&finding)),
        };
        match self.given.evaluate(&rules) {
            Ok(claims) => CaseOutcome::Claims(claims.into_iter().map(CaseClaim::from).collect()),
            Err(error) => CaseOutcome::Error(CaseError::from(&error)),
        }
    }
}
