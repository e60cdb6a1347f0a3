#![forbid(unsafe_code)]
//! The AD FS claim rule language as a library: parse, check, evaluate, explain. No I/O, no threads, no clock.
//!
//! Rule text goes through [`syntax::parse`] to a [`syntax::SyntaxTree`]; [`RuleSet::compile`] also resolves names and
//! translates regular expressions, so that whatever can be wrong with a rule is found when it is saved. A [`RuleSet`]
//! is immutable and evaluates any number of claim sets at once. An evaluation that needs an attribute store stops and
//! hands the question out ([`Step::Query`]), so that asynchronous callers need no thread of their own for it.
//!
//! ```
//! use claim_rules::{Claim, NoStores, RuleSet};
//!
//! let rules = RuleSet::compile(r#"c:[Type == "name"] => issue(Type = "greeting", Value = "Hello " + c.Value);"#)?;
//! let claims = rules.evaluate(vec![Claim::new("name", "Ann")], &NoStores)?;
//! assert_eq!(claims, [Claim::new("greeting", "Hello Ann")]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Sections named in comments are those of the claim rule specification that `docs/claim-rules.md` sums up.

pub mod case;
mod claim;
mod compile;
mod diagnostic;
pub mod directory_query;
pub mod entra;
mod evaluation;
mod limits;
mod pattern;
mod plan;
mod query_template;
mod rule_set;
mod store;
pub mod syntax;
pub mod trace;

pub use claim::{Claim, LOCAL_AUTHORITY, STRING_VALUE_TYPE};
pub use diagnostic::{Diagnostic, Severity};
pub use evaluation::{Evaluation, EvaluationError, Failure, RuleLocation, Step};
pub use limits::{Limit, Limits};
pub use pattern::PatternError;
pub use query_template::{QueryTemplate, TemplateError, TemplatePart};
pub use rule_set::{Equality, RuleSet};
pub use store::{AttributeStore, AttributeStores, NoStores, Rows, StoreError, StoreQuery};
