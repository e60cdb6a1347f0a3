//! A database that knows the answers to some queries.

use serde::Deserialize;

use crate::query_template::QueryTemplate;
use crate::store::{AttributeStore, Rows, StoreError, StoreQuery};

#[derive(Debug, Deserialize)]
pub(super) struct Sql {
    responses: Vec<Response>,
}

#[derive(Debug, Deserialize)]
struct Response {
    query: String,
    #[serde(default)]
    params: Vec<String>,
    rows: Rows,
}

impl AttributeStore for Sql {
    fn query(&self, query: &StoreQuery) -> Result<Rows, StoreError> {
        QueryTemplate::parse(&query.query, query.params.len())
            .map_err(|error| StoreError::new(error.to_string()))?;
        let known = self
            .responses
            .iter()
            .find(|known| known.query == query.query && known.params == query.params);
        known.map(|known| known.rows.clone()).ok_or_else(|| {
            StoreError::new(format!(
                "the case has no answer to '{}' with {:?}; add it to its responses",
                query.query, query.params
            ))
        })
    }
}
