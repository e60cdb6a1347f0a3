//! The compact serialisation of signed content (RFC 7515 section 7.1).

use serde_json::{Map, Value};

use super::{Algorithm, JoseError, JwkSet, base64url, parse_object};

/// Largest token, in bytes (spec security 3.4).
pub const MAX_TOKEN: usize = 16 * 1024;
/// Largest header, in bytes of JSON.
const MAX_HEADER: usize = 2 * 1024;
/// Header members of encrypted or compressed tokens (RFC 7516), and of those that demand an understanding of more
/// (RFC 7515 section 4.1.11).
const REFUSED: [&str; 4] = ["crit", "enc", "zip", "b64"];
/// Most keys of one id that are tried.
const MAX_TRIES: usize = 4;

/// What a key of the issuer signed. Nothing else of the token can be seen.
#[derive(Debug, Clone)]
pub struct Verified {
    algorithm: Algorithm,
    token_type: Option<String>,
    claims: Map<String, Value>,
}

impl Verified {
    /// By which algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `typ` of the header, if there is one.
    pub fn token_type(&self) -> Option<&str> {
        self.token_type.as_deref()
    }

    /// The content: a JSON object.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

struct Header {
    algorithm: Algorithm,
    key: Option<String>,
    token_type: Option<String>,
}

impl Header {
    fn read(octets: &[u8], accepted: &[Algorithm]) -> Result<Header, JoseError> {
        if octets.len() > MAX_HEADER {
            return Err(JoseError::TooLarge);
        }
        let header = parse_object(octets)?;
        let nested = header
            .get("cty")
            .and_then(Value::as_str)
            .is_some_and(|content| content.eq_ignore_ascii_case("JWT"));
        if nested || REFUSED.iter().any(|member| header.contains_key(*member)) {
            return Err(JoseError::Header);
        }
        let text = |member: &str| match header.get(member) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(JoseError::Header),
        };
        let algorithm = text("alg")?
            .and_then(|name| Algorithm::from_name(&name))
            .filter(|algorithm| accepted.contains(algorithm))
            .ok_or(JoseError::Algorithm)?;
        Ok(Header {
            algorithm,
            key: text("kid")?,
            token_type: text("typ")?,
        })
    }
}

/// Reads `token` if one of `keys` signed it by one of `accepted`. `keys` are those of the one issuer that the token must
/// be from.
///
/// # Errors
/// [`JoseError`]; with [`JoseError::UnknownKey`] newer keys of the issuer may help.
pub fn verify(token: &str, keys: &JwkSet, accepted: &[Algorithm]) -> Result<Verified, JoseError> {
    if token.len() > MAX_TOKEN {
        return Err(JoseError::TooLarge);
    }
    let (content, signature) = token.rsplit_once('.').ok_or(JoseError::Form)?;
    let (header, payload) = content.split_once('.').ok_or(JoseError::Form)?;
    if payload.contains('.') {
        return Err(JoseError::Form);
    }
    let decoded = |part: &str| base64url(part).ok_or(JoseError::Form);
    let header = Header::read(&decoded(header)?, accepted)?;
    let (payload, signature) = (decoded(payload)?, decoded(signature)?);
    let algorithm = header.algorithm;
    let named: Vec<_> = match &header.key {
        Some(id) => keys.iter().filter(|key| key.id() == Some(id)).collect(),
        // Without an id there must be no choice (OpenID Connect Core 10.1).
        None => {
            let fitting: Vec<_> = keys.iter().filter(|key| key.is_for(algorithm)).collect();
            if fitting.len() > 1 {
                return Err(JoseError::UnknownKey);
            }
            fitting
        }
    };
    if named.is_empty() {
        return Err(JoseError::UnknownKey);
    }
    let mut fitting = named
        .into_iter()
        .filter(|key| key.is_for(algorithm))
        .take(MAX_TRIES)
        .peekable();
    if fitting.peek().is_none() {
        return Err(JoseError::KeyAlgorithm);
    }
    if !fitting.any(|key| algorithm.verifies(key.key(), content.as_bytes(), &signature)) {
        return Err(JoseError::Signature);
    }
    // Only now is what it says looked at.
    Ok(Verified {
        algorithm,
        token_type: header.token_type,
        claims: parse_object(&payload)?,
    })
}
