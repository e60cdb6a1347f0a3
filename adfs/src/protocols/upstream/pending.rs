//! A sign-in that is away at a claims provider. The browser keeps it, sealed, under a random key that the claims
//! provider sends back: whoever brings an answer must also bring the question (spec passive-sign-in 6.1, `MSISContext`).

use openssl::error::ErrorStack;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::openid::Binding;
use crate::clock::Clock;
use crate::config::ClaimsProviderTrust;
use crate::ids;
use crate::keys::Keys;
use crate::sign_in::{Freshness, SignInRequest};

/// Binds the sealed value to this use.
const PURPOSE: &str = "MSISContext";
const VERSION: u8 = 1;
/// An `ID` must not begin with a digit.
const REQUEST_ID: &str = "id-";
/// How long a sign-in may be away.
const LIFE: Duration = Duration::minutes(10);
/// Longest address to come back to, in bytes. A browser must be able to keep it.
pub const MAX_TARGET: usize = 4 * 1024;

/// The question.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    version: u8,
    key: Uuid,
    provider: String,
    target: String,
    #[serde(with = "time::serde::timestamp::option")]
    since: Option<OffsetDateTime>,
    mark: Option<[u8; 32]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binding: Option<Binding>,
    #[serde(with = "time::serde::timestamp")]
    expires: OffsetDateTime,
}

impl Pending {
    /// A new one. `target` is our own path and query to come back to; `None` when it is too long to keep.
    pub fn begin(
        trust: &ClaimsProviderTrust,
        request: &SignInRequest,
        target: &str,
        clock: &Clock,
    ) -> Option<Pending> {
        let now = clock.now();
        let since = match request.freshness {
            Freshness::AnyAge => None,
            Freshness::AtMost(age) => Some(now.saturating_sub(age)),
            Freshness::Now => Some(now),
        };
        (target.len() <= MAX_TARGET).then(|| Pending {
            version: VERSION,
            key: ids::guid(),
            provider: trust.identifier.clone(),
            target: target.to_owned(),
            since,
            mark: (request.freshness != Freshness::AnyAge).then_some(request.transaction),
            binding: None,
            expires: now + LIFE,
        })
    }

    /// Opens what a browser brought under `key`. Anything but our own, in time and under its own key, is nothing.
    pub fn open(keys: &Keys, clock: &Clock, key: Uuid, sealed: &str) -> Option<Pending> {
        let plain = keys.open(PURPOSE, sealed).ok()?;
        let pending: Pending = serde_json::from_slice(&plain).ok()?;
        let holds =
            pending.version == VERSION && pending.key == key && clock.now() < pending.expires;
        holds.then_some(pending)
    }

    /// What the browser is to keep.
    pub fn seal(&self, keys: &Keys) -> Option<String> {
        keys.seal(PURPOSE, &serde_json::to_vec(self).ok()?).ok()
    }

    /// Names it towards browser and claims provider. Tells nothing by itself.
    pub fn key(&self) -> Uuid {
        self.key
    }

    /// `ID` of the request that asks the question by SAML 2.0.
    pub fn request_id(&self) -> String {
        format!("{REQUEST_ID}{}", self.key.hyphenated())
    }

    /// The key of the question that an answer by SAML 2.0 names. Tells nothing by itself.
    pub fn key_of_request(in_response_to: &str) -> Option<Uuid> {
        Uuid::try_parse(in_response_to.strip_prefix(REQUEST_ID)?).ok()
    }

    /// Binds the answer to the question by secrets besides the key, for OpenID Connect.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn bind(&mut self) -> Result<&Binding, ErrorStack> {
        let binding = Binding::new()?;
        Ok(self.binding.insert(binding))
    }

    /// These secrets.
    pub fn binding(&self) -> Option<&Binding> {
        self.binding.as_ref()
    }

    /// Identifier of the claims provider that was asked.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Our path and query to go on with.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Oldest sign-in that will do, where the relying party cares.
    pub fn signed_in_since(&self) -> Option<OffsetDateTime> {
        self.since
    }

    /// The transaction that demanded fresh credentials, if one did.
    pub fn mark(&self) -> Option<[u8; 32]> {
        self.mark
    }
}
