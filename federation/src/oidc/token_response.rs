//! What a token endpoint answers to a code (OpenID Connect Core 3.1.3.3).

use serde_json::Value;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::jose::parse_object;

/// Largest answer, in bytes.
pub const MAX_TOKEN_RESPONSE: usize = 64 * 1024;

/// The tokens. They cannot be printed.
pub struct TokenResponse {
    id_token: Zeroizing<String>,
    access_token: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TokenResponse(..)")
    }
}

/// Why there are no tokens.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenResponseError {
    /// Too large, or no JSON object.
    #[error("the answer is no JSON object of at most {MAX_TOKEN_RESPONSE} bytes")]
    Form,
    /// The endpoint says no; one of the codes of RFC 6749 section 5.2, or `other`.
    #[error("the token endpoint refuses the code: {0}")]
    Refused(&'static str),
    /// No ID token.
    #[error("the answer has no ID token; ask for the scope `openid`")]
    NoIdToken,
    /// Another kind than we could use.
    #[error("the answer has a token type other than Bearer")]
    TokenType,
}

/// Codes of RFC 6749 section 5.2.
const CODES: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

impl TokenResponse {
    /// Reads the body of an answer; `is_success` is whether its status was 200.
    ///
    /// # Errors
    /// See [`TokenResponseError`].
    pub fn parse(octets: &[u8], is_success: bool) -> Result<TokenResponse, TokenResponseError> {
        if octets.len() > MAX_TOKEN_RESPONSE {
            return Err(TokenResponseError::Form);
        }
        let answer = parse_object(octets).map_err(|_| TokenResponseError::Form)?;
        let text = |member: &str| answer.get(member).and_then(Value::as_str);
        if !is_success || answer.contains_key("error") {
            let said = text("error").unwrap_or_default();
            let code = CODES.into_iter().find(|code| *code == said);
            return Err(TokenResponseError::Refused(code.unwrap_or("other")));
        }
        if text("token_type").is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(TokenResponseError::TokenType);
        }
        let id_token = text("id_token").ok_or(TokenResponseError::NoIdToken)?;
        Ok(TokenResponse {
            id_token: Zeroizing::new(id_token.to_owned()),
            access_token: text("access_token").map(|token| Zeroizing::new(token.to_owned())),
        })
    }

    /// The ID token, not verified.
    pub fn id_token(&self) -> &str {
        &self.id_token
    }

    /// The access token.
    pub fn access_token(&self) -> Option<&str> {
        self.access_token.as_ref().map(|token| token.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let parse = |text: &str, success| {
            TokenResponse::parse(text.as_bytes(), success)
                .map(|answer| answer.id_token().to_owned())
        };
        let cases = [
            (
                r#"{"id_token":"a.b.c","token_type":"bearer"}"#,
                true,
                Ok("a.b.c".to_owned()),
            ),
            (
                r#"{"id_token":"a.b.c"}"#,
                false,
                Err(TokenResponseError::Refused("other")),
            ),
            (
                r#"{"error":"invalid_grant","error_description":"<script>"}"#,
                false,
                Err(TokenResponseError::Refused("invalid_grant")),
            ),
            (
                r#"{"error":"<b>","id_token":"a.b.c"}"#,
                true,
                Err(TokenResponseError::Refused("other")),
            ),
            (
                r#"{"access_token":"x"}"#,
                true,
                Err(TokenResponseError::NoIdToken),
            ),
            (
                r#"{"id_token":"a.b.c","token_type":"DPoP"}"#,
                true,
                Err(TokenResponseError::TokenType),
            ),
            (
                r#"{"id_token":"a","id_token":"b"}"#,
                true,
                Err(TokenResponseError::Form),
            ),
            ("[]", true, Err(TokenResponseError::Form)),
        ];
        for (text, success, outcome) in cases {
            assert_eq!(parse(text, success), outcome, "{text}");
        }
    }
}
