//! From text to a syntax tree and back (sections 1 and 2).

mod lexer;
mod parser;
mod print;
mod tree;

pub use parser::{Parsed, parse};
pub use tree::{
    Action, Annotation, Assignment, Comparison, Condition, Content, Expression, NumericComparison,
    Property, Query, Rule, Span, Spanned, SyntaxTree, Term, Test, Verb,
};

#[cfg(test)]
mod round_trip;
