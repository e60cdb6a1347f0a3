//! What the language asks of attribute stores (spec section 4).

use serde::Serialize;

/// A query that a rule wants answered before it can go on (spec section 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct StoreQuery {
    /// Name of the store as the rule writes it, for example `Active Directory`.
    pub store: String,
    /// The query text with its placeholders `{0}`, `{1}`... not yet filled: only the store knows how to escape or bind.
    pub query: String,
    /// Values for the placeholders, in order.
    pub params: Vec<String>,
    /// How many claim types the rule wants filled; each row of the answer has so many columns.
    pub columns: usize,
}

/// The rows of an answer: column *i* belongs to claim type *i*, `None` gives no claim.
pub type Rows = Vec<Vec<Option<String>>>;

/// Why a store could not answer. The whole evaluation fails with it, no rule is skipped (spec section 9).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", code.map(|code| format!("{code}: ")).unwrap_or_default())]
pub struct StoreError {
    /// AD FS's own code where there is one, for example `POLICY3826`.
    pub code: Option<&'static str>,
    /// What happened and what to do, for a person.
    pub message: String,
}

impl StoreError {
    /// A failure without a code of its own.
    pub fn new(message: impl Into<String>) -> StoreError {
        StoreError {
            code: None,
            message: message.into(),
        }
    }

    /// A failure that AD FS knows by this code.
    pub fn with_code(code: &'static str, message: impl Into<String>) -> StoreError {
        StoreError {
            code: Some(code),
            message: message.into(),
        }
    }
}

/// One attribute store that answers at once (tests, tools). Servers answer [`crate::Step::Query`] themselves.
pub trait AttributeStore {
    /// Answers one query with rows of `query.columns` columns.
    ///
    /// # Errors
    /// When the query is malformed for this store or the store cannot be reached.
    fn query(&self, query: &StoreQuery) -> Result<Rows, StoreError>;
}

/// The attribute stores of a service by name.
pub trait AttributeStores {
    /// The store with this name, as the rule writes it; `None` ends the evaluation with an error.
    fn store(&self, name: &str) -> Option<&dyn AttributeStore>;
}

/// No attribute store at all: every query is an error.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoStores;

impl AttributeStores for NoStores {
    fn store(&self, _name: &str) -> Option<&dyn AttributeStore> {
        None
    }
}

impl<S: AttributeStore, H: std::hash::BuildHasher> AttributeStores
    for std::collections::HashMap<String, S, H>
{
    fn store(&self, name: &str) -> Option<&dyn AttributeStore> {
        self.get(name).map(|store| store as &dyn AttributeStore)
    }
}
