//! What may accompany a refusal (MS-ADFSPIP 2.2.2.22).

use serde::{Deserialize, Serialize};

use super::json::{Document, lenient};

/// Body of an answer of 400 and above, where there is one. For people: programs go by the status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorResponse {
    /// Kind of refusal: 401 wrong user credentials, 403 user not authorized, 404 relying party not found,
    /// 412 additional authentication demanded; otherwise the status of the answer.
    #[serde(default, deserialize_with = "lenient::number")]
    pub id: i64,
    /// What happened, in the server's language.
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub message: String,
    /// For debugging; empty here.
    #[serde(default, rename = "type", deserialize_with = "lenient::nullable")]
    pub kind: String,
}

impl Document for ErrorResponse {
    const NAME: &'static str = "error response";
    const MEMBERS: &'static [&'static str] = &["id", "message", "type"];
    const MAX_BYTES: usize = 16 * 1024;
}

#[cfg(test)]
mod tests {
    use super::super::json::{read, write};
    use super::*;

    #[test]
    fn it_is_written_as_documented_and_read_with_less() {
        let json = br#"{"id":404,"message":"gone","type":""}"#;
        let response: ErrorResponse = read(json).unwrap();
        assert_eq!(response.id, 404);
        assert_eq!(write(&response).unwrap(), json);
        let short: ErrorResponse = read(br#"{"Message":null}"#).unwrap();
        assert_eq!((short.id, short.message.as_str()), (0, ""));
    }
}
