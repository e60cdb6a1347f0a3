//! `/.well-known/openid-configuration` (OpenID Connect Discovery 1.0 section 3).

use serde_json::{Map, Value};
use thiserror::Error;
use url::Url;

use crate::jose::{Algorithm, parse_object};

/// Largest document, in bytes.
pub const MAX_DISCOVERY: usize = 128 * 1024;

/// What a provider says about itself.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// Where browsers are sent.
    pub authorization_endpoint: Url,
    /// Where codes are redeemed.
    pub token_endpoint: Url,
    /// Where its keys are.
    pub jwks_uri: Url,
    /// Where browsers sign out, if it has that (RP-Initiated Logout 1.0).
    pub end_session_endpoint: Option<Url>,
    /// Algorithms of its ID tokens that are accepted here, at least one.
    pub algorithms: Vec<Algorithm>,
    /// Whether it answers by a form that posts itself.
    pub has_form_post: bool,
    /// Whether every answer of it names it in `iss` (RFC 9207).
    pub names_itself: bool,
    /// How clients prove themselves at the token endpoint; empty when it does not say.
    pub authentication_methods: Vec<String>,
}

/// Why a document is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DiscoveryError {
    /// Too large, or no JSON object.
    #[error("it is no JSON object of at most {MAX_DISCOVERY} bytes")]
    Form,
    /// It is somebody else's.
    #[error("its `issuer` is not the identifier of the claims provider trust, octet by octet")]
    Issuer,
    /// An endpoint is missing or is not protected.
    #[error("its `{0}` is missing or is no https address")]
    Endpoint(&'static str),
    /// It does not do what is asked of it.
    #[error("it does not support the authorization code flow")]
    Flow,
    /// Its tokens cannot be verified.
    #[error("it signs its ID tokens with no algorithm that is accepted here")]
    Algorithms,
}

impl Discovery {
    /// Reads the document of the provider that is called `issuer`.
    ///
    /// # Errors
    /// See [`DiscoveryError`].
    pub fn parse(octets: &[u8], issuer: &str) -> Result<Discovery, DiscoveryError> {
        if octets.len() > MAX_DISCOVERY {
            return Err(DiscoveryError::Form);
        }
        let document = parse_object(octets).map_err(|_| DiscoveryError::Form)?;
        if document.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err(DiscoveryError::Issuer);
        }
        let endpoint = |member: &'static str| {
            endpoint(&document, member).ok_or(DiscoveryError::Endpoint(member))
        };
        if list(&document, "response_types_supported").is_some_and(|types| !types.contains(&"code"))
        {
            return Err(DiscoveryError::Flow);
        }
        let algorithms: Vec<Algorithm> =
            match list(&document, "id_token_signing_alg_values_supported") {
                Some(names) => names.into_iter().filter_map(Algorithm::from_name).collect(),
                // Every provider has it (OpenID Connect Core 15.1).
                None => vec![Algorithm::Rs256],
            };
        if algorithms.is_empty() {
            return Err(DiscoveryError::Algorithms);
        }
        let methods = list(&document, "token_endpoint_auth_methods_supported");
        Ok(Discovery {
            authorization_endpoint: endpoint("authorization_endpoint")?,
            token_endpoint: endpoint("token_endpoint")?,
            jwks_uri: endpoint("jwks_uri")?,
            end_session_endpoint: endpoint("end_session_endpoint").ok(),
            algorithms,
            has_form_post: list(&document, "response_modes_supported")
                .is_some_and(|modes| modes.contains(&"form_post")),
            names_itself: document.get("authorization_response_iss_parameter_supported")
                == Some(&Value::Bool(true)),
            authentication_methods: methods
                .unwrap_or_default()
                .into_iter()
                .map(str::to_owned)
                .collect(),
        })
    }
}

fn list<'a>(document: &'a Map<String, Value>, member: &str) -> Option<Vec<&'a str>> {
    let values = document.get(member)?.as_array()?;
    Some(values.iter().filter_map(Value::as_str).collect())
}

fn endpoint(document: &Map<String, Value>, member: &str) -> Option<Url> {
    let url = Url::parse(document.get(member)?.as_str()?).ok()?;
    let plain = url.scheme() == "https"
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    plain.then_some(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "issuer": "https://op.test",
            "authorization_endpoint": "https://op.test/authorize?a=b",
            "token_endpoint": "https://op.test/token",
            "jwks_uri": "https://op.test/keys",
            "response_types_supported": ["id_token", "code"],
            "id_token_signing_alg_values_supported": ["none", "HS256", "ES256", "RS256"],
            "response_modes_supported": ["query", "form_post"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    fn parse(document: &Value) -> Result<Discovery, DiscoveryError> {
        Discovery::parse(document.to_string().as_bytes(), "https://op.test")
    }

    #[test]
    fn a_provider_is_taken_by_its_word_as_far_as_it_is_safe() {
        let found = parse(&document()).expect("a provider");
        assert_eq!(found.algorithms, [Algorithm::Es256, Algorithm::Rs256]);
        assert!(found.has_form_post && found.names_itself);
        assert_eq!(found.end_session_endpoint, None);
        for (member, value, refusal) in [
            ("issuer", json!("https://op.test/"), DiscoveryError::Issuer),
            ("issuer", json!(null), DiscoveryError::Issuer),
            (
                "token_endpoint",
                json!("http://op.test/token"),
                DiscoveryError::Endpoint("token_endpoint"),
            ),
            (
                "jwks_uri",
                json!("https://user@op.test/keys"),
                DiscoveryError::Endpoint("jwks_uri"),
            ),
            (
                "authorization_endpoint",
                json!("https://op.test/#a"),
                DiscoveryError::Endpoint("authorization_endpoint"),
            ),
            (
                "response_types_supported",
                json!(["id_token"]),
                DiscoveryError::Flow,
            ),
            (
                "id_token_signing_alg_values_supported",
                json!(["none", "HS256"]),
                DiscoveryError::Algorithms,
            ),
        ] {
            let mut changed = document();
            changed[member] = value;
            assert_eq!(parse(&changed).err(), Some(refusal), "{member}");
        }
    }
}
