//! ID tokens (OpenID Connect Core 2 and 3.1.3.7).

use openssl::memcmp;
use serde_json::{Map, Value};
use thiserror::Error;
use time::{Duration, OffsetDateTime};

use crate::jose::{Verified, base64url};

/// How far the clocks may be apart (spec security 3.4).
const SKEW: Duration = Duration::seconds(60);
/// Longest life.
const LONGEST: Duration = Duration::hours(24);
/// Longest `sub`, in characters (OpenID Connect Core 2).
const MAX_SUBJECT: usize = 255;

/// What an ID token must fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The provider that was asked.
    pub issuer: &'a str,
    /// Our client id there.
    pub client_id: &'a str,
    /// What was sent along with the question.
    pub nonce: &'a str,
    /// The access token that came with it.
    pub access_token: Option<&'a str>,
    /// Now.
    pub now: OffsetDateTime,
}

/// Whom an accepted ID token speaks of.
#[derive(Debug, Clone)]
pub struct IdToken {
    /// Names the user at this provider for ever.
    pub subject: String,
    /// When it was made.
    pub issued_at: OffsetDateTime,
    /// When the user signed in, where it says so.
    pub signed_in_at: Option<OffsetDateTime>,
    /// `acr`: the kind of sign-in, in the provider's words.
    pub context: Option<String>,
    /// `amr`: the methods (RFC 8176).
    pub methods: Vec<String>,
    /// Everything that it says.
    pub claims: Map<String, Value>,
}

/// Why an ID token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdTokenError {
    /// `typ` says that it is something else, such as an access token.
    #[error("it is a token of another type")]
    Type,
    /// Another issuer.
    #[error("its issuer is not the identifier of the claims provider trust")]
    Issuer,
    /// It is for somebody else.
    #[error("its audience or authorized party is not this service's client id")]
    Audience,
    /// It names nobody.
    #[error("it has no usable subject")]
    Subject,
    /// Times are missing or make no sense.
    #[error("it does not say when it was issued or when it ends, or lives longer than 24 hours")]
    Times,
    /// Not yet.
    #[error("it is not valid yet; compare the clocks of the two servers")]
    NotYetValid,
    /// No more.
    #[error("it is not valid any more; compare the clocks of the two servers")]
    Expired,
    /// It answers another question.
    #[error("it answers another request: its nonce is not the one that was sent")]
    Nonce,
    /// The access token is not the one that it was made with.
    #[error("the access token beside it is another one than it was issued with")]
    AccessToken,
}

impl IdToken {
    /// Checks what was verified.
    ///
    /// # Errors
    /// See [`IdTokenError`].
    pub fn accept(verified: &Verified, expected: &Expected<'_>) -> Result<IdToken, IdTokenError> {
        let claims = verified.claims();
        let text = |member: &str| claims.get(member).and_then(Value::as_str);
        if verified
            .token_type()
            .is_some_and(|kind| !kind.eq_ignore_ascii_case("JWT"))
        {
            return Err(IdTokenError::Type);
        }
        if text("iss") != Some(expected.issuer) {
            return Err(IdTokenError::Issuer);
        }
        check_audience(claims, expected.client_id)?;
        let subject = text("sub")
            .filter(|subject| !subject.is_empty() && subject.chars().count() <= MAX_SUBJECT)
            .ok_or(IdTokenError::Subject)?;
        let issued_at = check_times(claims, expected.now)?;
        let nonce = text("nonce").ok_or(IdTokenError::Nonce)?;
        if !is_same(nonce.as_bytes(), expected.nonce.as_bytes()) {
            return Err(IdTokenError::Nonce);
        }
        if let Some(at_hash) = claims.get("at_hash") {
            let given = at_hash.as_str().and_then(base64url);
            let made = expected
                .access_token
                .and_then(|token| verified.algorithm().half_hash(token));
            let same = given
                .zip(made)
                .is_some_and(|(given, made)| is_same(&given, &made));
            if !same {
                return Err(IdTokenError::AccessToken);
            }
        }
        let signed_in_at = match claims.get("auth_time") {
            None | Some(Value::Null) => None,
            Some(_) => Some(moment(claims, "auth_time").ok_or(IdTokenError::Times)?),
        };
        if signed_in_at.is_some_and(|at| at > expected.now.saturating_add(SKEW)) {
            return Err(IdTokenError::NotYetValid);
        }
        let methods = claims.get("amr").and_then(Value::as_array);
        Ok(IdToken {
            subject: subject.to_owned(),
            issued_at,
            signed_in_at,
            context: text("acr").map(str::to_owned),
            methods: methods
                .into_iter()
                .flatten()
                .filter_map(|method| method.as_str().map(str::to_owned))
                .collect(),
            claims: claims.clone(),
        })
    }
}

/// We must be among the audience, and where others are too, it must say that it was made for us.
fn check_audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), IdTokenError> {
    let others = match claims.get("aud") {
        Some(Value::String(audience)) if audience == client_id => false,
        Some(Value::Array(list)) if list.iter().any(|audience| audience == client_id) => {
            list.len() > 1
        }
        _ => return Err(IdTokenError::Audience),
    };
    match claims.get("azp") {
        Some(party) if party == client_id => Ok(()),
        None if !others => Ok(()),
        _ => Err(IdTokenError::Audience),
    }
}

/// Gives back when it was issued.
fn check_times(
    claims: &Map<String, Value>,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, IdTokenError> {
    let required = |member: &str| moment(claims, member).ok_or(IdTokenError::Times);
    let (issued_at, end) = (required("iat")?, required("exp")?);
    if end - issued_at > LONGEST {
        return Err(IdTokenError::Times);
    }
    let begin = match claims.get("nbf") {
        None => issued_at,
        Some(_) => required("nbf")?.max(issued_at),
    };
    if begin > now.saturating_add(SKEW) {
        return Err(IdTokenError::NotYetValid);
    }
    if now >= end.saturating_add(SKEW) {
        return Err(IdTokenError::Expired);
    }
    Ok(issued_at)
}

/// A NumericDate (RFC 7519 section 2). Fractions of a second are dropped.
fn moment(claims: &Map<String, Value>, member: &str) -> Option<OffsetDateTime> {
    let number = claims.get(member)?.as_number()?;
    let seconds = number.as_i64().or_else(|| {
        let seconds = number.as_f64()?.trunc();
        // Within these, the conversion is exact, and no real date is outside.
        let is_real = (0.0..=1e11).contains(&seconds);
        is_real.then(|| format!("{seconds:.0}").parse().ok())?
    })?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && memcmp::eq(one, other)
}
