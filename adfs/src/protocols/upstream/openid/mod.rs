//! OpenID Connect towards a claims provider: the authorization code flow with PKCE (OpenID Connect Core 3.1, RFC 7636).

mod cache;
mod provider;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use federation::jose::JoseError;
use federation::oidc::{Discovery, DiscoveryError, IdTokenError, TokenResponseError};
use openssl::error::ErrorStack;
use openssl::sha::sha256;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;
use uuid::Uuid;

pub use provider::{Provider, Providers, Redemption};

use crate::config::{OpenIdProvider, ResponseMode};
use crate::ids;
use crate::outbound::OutboundError;
use crate::sign_in::{DemandedMethod, Freshness};

/// What binds an answer to its question, besides the key that both carry. It stays with the browser, sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Comes back within the ID token.
    nonce: String,
    /// Proves that whoever redeems the code asked for it.
    verifier: String,
}

impl Binding {
    /// A new one.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new() -> Result<Binding, ErrorStack> {
        let made = || Ok(URL_SAFE_NO_PAD.encode(ids::random::<32>()?));
        Ok(Binding {
            nonce: made()?,
            verifier: made()?,
        })
    }

    /// The nonce.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(sha256(self.verifier.as_bytes()))
    }
}

/// What is asked of the provider.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Comes back with the answer.
    pub key: Uuid,
    /// What binds the answer.
    pub binding: &'a Binding,
    /// Where the answer is to come.
    pub redirect_uri: &'a str,
    /// How fresh the sign-in must be.
    pub freshness: Freshness,
    /// How the user must sign in.
    pub method: DemandedMethod,
    /// Name that the user is known by, if any.
    pub user_name: &'a str,
    /// `domain_hint` of the application, if any.
    pub domain_hint: Option<&'a str>,
}

/// The provider's address with our request (OpenID Connect Core 3.1.2.1).
pub fn sign_in_address(
    config: &OpenIdProvider,
    discovery: &Discovery,
    question: &Question<'_>,
) -> Url {
    let by_itself = if discovery.has_form_post {
        ResponseMode::FormPost
    } else {
        ResponseMode::Query
    };
    let mode = config.response_mode.unwrap_or(by_itself);
    let mut address = discovery.authorization_endpoint.clone();
    let mut query = address.query_pairs_mut();
    query
        .append_pair("client_id", &config.client_id)
        .append_pair("response_type", "code")
        .append_pair("response_mode", mode.name())
        .append_pair("redirect_uri", question.redirect_uri)
        .append_pair("scope", &config.scopes.join(" "))
        .append_pair("state", &question.key.hyphenated().to_string())
        .append_pair("nonce", &question.binding.nonce)
        .append_pair("code_challenge", &question.binding.challenge())
        .append_pair("code_challenge_method", "S256");
    match question.freshness {
        Freshness::AnyAge => (),
        Freshness::AtMost(age) => {
            let seconds = age.whole_seconds().max(0).to_string();
            query.append_pair("max_age", &seconds);
        }
        // With `max_age` the answer must say when the user signed in (OpenID Connect Core 2, `auth_time`).
        Freshness::Now => {
            query
                .append_pair("prompt", "login")
                .append_pair("max_age", "0");
        }
    }
    if question.method == DemandedMethod::SecondFactor && !config.mfa_acr_values.is_empty() {
        query.append_pair("acr_values", &config.mfa_acr_values.join(" "));
    }
    if !question.user_name.is_empty() {
        query.append_pair("login_hint", question.user_name);
    }
    if let Some(domain) = question.domain_hint {
        query.append_pair("domain_hint", domain);
    }
    drop(query);
    address
}

/// What came back with the browser (RFC 6749 section 4.1.2, RFC 9207). Nothing of it is proven.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// The code.
    pub code: Option<&'a str>,
    /// The provider's refusal.
    pub error: Option<&'a str>,
    /// Who answers.
    pub issuer: Option<&'a str>,
}

/// Why an answer is not accepted, or a question cannot be put. For administrators only.
#[derive(Debug, Error)]
pub enum OpenIdError {
    /// A request to the provider.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The provider's endpoints.
    #[error("its configuration cannot be used: {0}")]
    Discovery(#[from] DiscoveryError),
    /// A document came with another status than 200.
    #[error("its {0} is answered with status {1}")]
    Status(&'static str, u16),
    /// A fetch failed moments ago; nothing was sent.
    #[error("its {0} could not be fetched moments ago")]
    Recovering(&'static str),
    /// The keys, or a token that none of them signed.
    #[error("its keys or the signature of its ID token: {0}")]
    Signature(#[from] JoseError),
    /// The ID token.
    #[error("its ID token was not accepted: {0}")]
    IdToken(#[from] IdTokenError),
    /// The token endpoint.
    #[error(transparent)]
    TokenResponse(#[from] TokenResponseError),
    /// The answer names another provider than the one that was asked: a mix-up (RFC 9207).
    #[error(
        "the answer came from another provider than the one that was asked, or does not say from whom"
    )]
    Issuer,
    /// Neither code nor error.
    #[error("the answer has no code")]
    NoCode,
    /// Several requests together took too long.
    #[error("it did not answer in time")]
    Timeout,
    /// The provider's own refusal; a code that the standards know, or `other`.
    #[error("it refused: {0}")]
    Refused(&'static str),
}

/// Codes of RFC 6749 section 4.1.2.1 and OpenID Connect Core 3.1.2.6.
const CODES: [&str; 14] = [
    "invalid_request",
    "unauthorized_client",
    "access_denied",
    "unsupported_response_type",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "interaction_required",
    "login_required",
    "account_selection_required",
    "consent_required",
    "invalid_request_object",
    "request_not_supported",
    "unmet_authentication_requirements",
];

impl Arrived<'_> {
    /// The code, if the answer is `issuer`'s and is one.
    ///
    /// # Errors
    /// See [`OpenIdError`].
    pub fn code(&self, issuer: &str, discovery: &Discovery) -> Result<&str, OpenIdError> {
        let is_from_issuer = match self.issuer {
            Some(named) => named == issuer,
            None => !discovery.names_itself,
        };
        if !is_from_issuer {
            return Err(OpenIdError::Issuer);
        }
        if let Some(error) = self.error {
            let known = CODES.into_iter().find(|code| *code == error);
            return Err(OpenIdError::Refused(known.unwrap_or("other")));
        }
        self.code
            .filter(|code| !code.is_empty())
            .ok_or(OpenIdError::NoCode)
    }
}
