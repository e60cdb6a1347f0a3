//! What the cloud gives the federation service to carry back: `estsrequest`, sealed so that it can be neither read nor altered.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::error::ErrorStack;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::parameters::Parameters;
use super::refusal::Refusal;
use crate::random;

/// How long a person may take on the federation service's pages.
const LIFETIME: Duration = Duration::minutes(15);
const MAX_WCTX: usize = 8 * 1024;
const PURPOSE: &[u8] = b"estsrequest 1";
const NONCE: usize = 12;
const TAG: usize = 16;

/// One sign-in under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignInRequest {
    /// `client-request-id` of the whole run.
    pub(crate) id: Uuid,
    /// The user who was named at the start, if any.
    pub(crate) login_hint: Option<String>,
    /// Who waits for the outcome; without it only a session is made.
    pub(crate) application: Option<CodeRequest>,
    /// Ties the answer to the browser that asked (its cookie holds the same value).
    pub(crate) browser: String,
    /// When it began.
    #[serde(with = "time::serde::timestamp")]
    pub(crate) began: OffsetDateTime,
}

/// An application's authorization request, after its client id and redirect URI were checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CodeRequest {
    /// Registered client.
    pub(crate) client_id: String,
    /// Registered for that client.
    pub(crate) redirect_uri: String,
    /// Echoed.
    pub(crate) state: Option<String>,
    /// `response_mode=fragment`.
    pub(crate) fragment: bool,
    /// PKCE, S256.
    pub(crate) code_challenge: Option<String>,
}

/// Seals requests with a key that lives as long as the cloud runs.
#[derive(Debug)]
pub(crate) struct Seal {
    key: [u8; 32],
}

impl Seal {
    /// With a fresh key.
    ///
    /// # Errors
    /// When there is no randomness.
    pub(crate) fn new() -> Result<Seal, ErrorStack> {
        Ok(Seal {
            key: random::bytes()?,
        })
    }

    /// The `wctx` for a request.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub(crate) fn wctx(&self, request: &SignInRequest) -> Result<String, ErrorStack> {
        let plain = serde_json::to_vec(request).unwrap_or_default();
        let nonce: [u8; NONCE] = random::bytes()?;
        let mut tag = [0; TAG];
        let sealed = encrypt_aead(
            Cipher::aes_256_gcm(),
            &self.key,
            Some(&nonce),
            PURPOSE,
            &plain,
            &mut tag,
        )?;
        let blob = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &tag, &sealed].concat());
        Ok(format!("estsredirect=2&estsrequest={blob}"))
    }

    /// The request inside a `wctx` that came back.
    ///
    /// # Errors
    /// 50089 when it was altered, is not ours or is too old.
    pub(crate) fn open(&self, wctx: &str, now: OffsetDateTime) -> Result<SignInRequest, Refusal> {
        let foreign = || {
            Refusal::stale_request(
                "estsrequest_altered",
                "The sign-in state came back altered or is not ours.",
            )
        };
        if wctx.len() > MAX_WCTX {
            return Err(foreign());
        }
        let parameters = Parameters::parse(wctx).map_err(|_| foreign())?;
        let blob = parameters.get("estsrequest").ok_or_else(foreign)?;
        let bytes = URL_SAFE_NO_PAD.decode(blob).map_err(|_| foreign())?;
        let (nonce, rest) = bytes.split_at_checked(NONCE).ok_or_else(foreign)?;
        let (tag, sealed) = rest.split_at_checked(TAG).ok_or_else(foreign)?;
        let plain = decrypt_aead(
            Cipher::aes_256_gcm(),
            &self.key,
            Some(nonce),
            PURPOSE,
            sealed,
            tag,
        )
        .map_err(|_| foreign())?;
        let request: SignInRequest = serde_json::from_slice(&plain).map_err(|_| foreign())?;
        if now >= request.began.saturating_add(LIFETIME) {
            return Err(Refusal::stale_request(
                "estsrequest_expired",
                "The sign-in took too long.",
            ));
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn request() -> SignInRequest {
        SignInRequest {
            id: Uuid::from_u128(5),
            login_hint: Some("zoë@contoso.test".to_owned()),
            application: None,
            browser: "b".to_owned(),
            began: datetime!(2026-01-01 12:00 UTC),
        }
    }

    #[test]
    fn comes_back_as_it_went_even_with_login_options_before_it() {
        let seal = Seal::new().unwrap();
        let wctx = seal.wctx(&request()).unwrap();
        let now = datetime!(2026-01-01 12:14:59 UTC);
        assert_eq!(seal.open(&wctx, now), Ok(request()));
        assert_eq!(
            seal.open(&format!("LoginOptions=3&{wctx}"), now),
            Ok(request())
        );
        assert!(!wctx.contains("contoso"), "it must not be readable");
    }

    #[test]
    fn refuses_old_altered_and_foreign() {
        let seal = Seal::new().unwrap();
        let wctx = seal.wctx(&request()).unwrap();
        let began = datetime!(2026-01-01 12:00 UTC);
        assert_eq!(
            seal.open(&wctx, began + LIFETIME).unwrap_err().sub,
            Some("estsrequest_expired")
        );
        let mut altered = wctx.clone().into_bytes();
        let last = altered.len() - 5;
        altered[last] ^= 1;
        let altered = String::from_utf8(altered).unwrap();
        let other = Seal::new().unwrap().wctx(&request()).unwrap();
        let long = format!("estsrequest={}", "A".repeat(MAX_WCTX));
        for bad in [
            "",
            "estsrequest=",
            "estsrequest=AAAA",
            "other=1",
            &altered,
            &other,
            &long,
        ] {
            assert_eq!(
                seal.open(bad, began).unwrap_err().sub,
                Some("estsrequest_altered"),
                "{bad}"
            );
        }
    }
}
