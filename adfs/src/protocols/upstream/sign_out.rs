//! A sign-out that is away at a claims provider. The browser keeps it, sealed, as it keeps a sign-in.

use federation::saml2::LogoutResponse;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::AnswerError;
use crate::clock::Clock;
use crate::config::ClaimsProviderTrust;
use crate::ids;
use crate::keys::Keys;
use crate::protocols::saml::Received;

/// Binds the sealed value to this use.
const PURPOSE: &str = "MSISContext sign-out";
const VERSION: u8 = 1;
/// Tells our requests for sign-out from others. An `ID` must not begin with a digit.
const REQUEST_ID: &str = "out-";
/// How long a sign-out may be away.
const LIFE: Duration = Duration::minutes(10);

/// The request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingSignOut {
    version: u8,
    key: Uuid,
    provider: String,
    target: Option<String>,
    #[serde(with = "time::serde::timestamp")]
    expires: OffsetDateTime,
}

impl PendingSignOut {
    /// A new one. `target` is the registered address to go on to afterwards.
    pub fn begin(trust: &ClaimsProviderTrust, target: Option<&str>, clock: &Clock) -> Self {
        PendingSignOut {
            version: VERSION,
            key: ids::guid(),
            provider: trust.identifier.clone(),
            target: target.map(str::to_owned),
            expires: clock.now() + LIFE,
        }
    }

    /// Opens what a browser brought under `key`. Anything but our own, in time and under its own key, is nothing.
    pub fn open(keys: &Keys, clock: &Clock, key: Uuid, sealed: &str) -> Option<Self> {
        let plain = keys.open(PURPOSE, sealed).ok()?;
        let pending: PendingSignOut = serde_json::from_slice(&plain).ok()?;
        let holds =
            pending.version == VERSION && pending.key == key && clock.now() < pending.expires;
        holds.then_some(pending)
    }

    /// What the browser is to keep.
    pub fn seal(&self, keys: &Keys) -> Option<String> {
        keys.seal(PURPOSE, &serde_json::to_vec(self).ok()?).ok()
    }

    /// Names it towards the browser.
    pub fn key(&self) -> Uuid {
        self.key
    }

    /// `ID` of the request that asks for it.
    pub fn request_id(&self) -> String {
        format!("{REQUEST_ID}{}", self.key.hyphenated())
    }

    /// The key of the request that a `LogoutResponse` says to answer, if that may be one of these. Nothing is known of
    /// the message yet.
    pub fn key_of_answer(received: &Received) -> Option<Uuid> {
        let answer = LogoutResponse::parse(received.xml()).ok()?;
        Uuid::try_parse(answer.in_response_to?.strip_prefix(REQUEST_ID)?).ok()
    }

    /// Identifier of the claims provider that was asked.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Address to go on to.
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// Whether the claims provider says that its session has ended, and everything else with it. `trust` is the one that
    /// was asked, `recipients` are our own addresses.
    ///
    /// # Errors
    /// An answer that is not authentic, or is another's.
    pub fn is_done(
        &self,
        received: &Received,
        trust: &ClaimsProviderTrust,
        recipients: &[String],
    ) -> Result<bool, AnswerError> {
        let verified = received.verified_by(&trust.token_signing_certificates)?;
        let answer = LogoutResponse::parse(&verified)?;
        if answer.issuer != trust.identifier {
            return Err(AnswerError::Response("Issuer"));
        }
        if !answer
            .destination
            .is_some_and(|destination| recipients.contains(&destination))
        {
            return Err(AnswerError::Response("Destination"));
        }
        if answer.in_response_to.as_deref() != Some(self.request_id().as_str()) {
            return Err(AnswerError::Response("InResponseTo"));
        }
        Ok(answer.status.is_success() && answer.status.detail.is_none())
    }
}
