//! The JSON objects of tokens and keys.

use serde_json::{Map, Value};

use super::JoseError;
use crate::json;

/// Deepest nesting (spec security 3.4).
const MAX_DEPTH: u8 = 16;

/// Reads an object in which no member is named twice. The caller bounds the size of `octets`.
///
/// # Errors
/// [`JoseError::Json`].
pub fn parse_object(octets: &[u8]) -> Result<Map<String, Value>, JoseError> {
    match json::read(octets, MAX_DEPTH, &std::convert::identity) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(JoseError::Json),
    }
}
