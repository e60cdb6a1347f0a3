//! The single sign-on session, as the browser carries it: sealed, absolute in its life, bound to one purpose
//! (spec security 2.6).

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::authentication::Proof;
use crate::config::Properties;
use crate::directory::SubjectId;
use crate::ids;
use crate::state::Federation;

/// Binds the sealed value to this use; no other sealed value of this server opens as a session.
const PURPOSE: &str = "MSISAuth";
const VERSION: u8 = 1;

/// A session. Values of this type were made from a proof or opened from a seal of ours, and had not expired then.
/// Whether the account and the session still hold is asked at every use, see [`super::resume`].
#[derive(Debug, Clone)]
pub struct Session(Content);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u8,
    id: Uuid,
    subject: SubjectId,
    user: String,
    method: String,
    methods: Vec<String>,
    #[serde(with = "time::serde::timestamp::milliseconds")]
    at: OffsetDateTime,
    #[serde(with = "time::serde::timestamp")]
    expires: OffsetDateTime,
    extranet: bool,
    kept: bool,
    mark: Option<[u8; 32]>,
}

impl Session {
    /// A new session, with an id of its own (spec security SES-2).
    ///
    /// `keep` outlives the browser, where the service allows it. `mark` is the transaction that demanded fresh
    /// credentials, if one did.
    pub(super) fn begin(
        proof: &Proof,
        properties: &Properties,
        extranet: bool,
        keep: bool,
        mark: Option<[u8; 32]>,
    ) -> Session {
        let kept = keep && properties.kmsi_enabled;
        let life = if kept {
            properties.kmsi_lifetime
        } else {
            properties.sso_lifetime
        };
        Session(Content {
            version: VERSION,
            id: ids::guid(),
            subject: proof.account().subject(),
            user: proof.account().windows_account_name(),
            method: proof.method().to_owned(),
            methods: vec![proof.method().to_owned()],
            at: proof.instant(),
            expires: proof.instant() + life,
            extranet,
            kept,
            mark,
        })
    }

    /// Opens what a browser brought. Tampered, foreign and expired values are no session; nothing says which.
    pub fn open(federation: &Federation, sealed: &str) -> Option<Session> {
        let plain = federation.keys.open(PURPOSE, sealed).ok()?;
        let content: Content = serde_json::from_slice(&plain).ok()?;
        let now = federation.clock.now();
        (content.version == VERSION && now < content.expires && content.at <= now)
            .then_some(Session(content))
    }

    /// What the browser is to carry.
    pub fn seal(&self, federation: &Federation) -> Option<String> {
        let plain = serde_json::to_vec(&self.0).ok()?;
        federation.keys.seal(PURPOSE, &plain).ok()
    }

    /// Names the session where it must be counted once: when it is signed out.
    pub fn id(&self) -> Uuid {
        self.0.id
    }

    /// Whose it is.
    pub fn subject(&self) -> &SubjectId {
        &self.0.subject
    }

    /// Account name at sign-in, as `DOMAIN\user`; for the audit only, it may have changed since.
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// When the user proved the identity.
    pub fn authenticated_at(&self) -> OffsetDateTime {
        self.0.at
    }

    /// When it ends.
    pub fn expires(&self) -> OffsetDateTime {
        self.0.expires
    }

    /// Method URI of the first factor.
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// Every method URI.
    pub fn methods(&self) -> &[String] {
        &self.0.methods
    }

    /// Remaining life, when it outlives the browser.
    pub fn persistent_for(&self, now: OffsetDateTime) -> Option<Duration> {
        self.0.kept.then(|| self.0.expires - now)
    }

    /// Whether it outlives the browser.
    pub fn is_persistent(&self) -> bool {
        self.0.kept
    }

    /// Whether it was made for a transaction that demanded fresh credentials.
    pub fn is_marked(&self) -> bool {
        self.0.mark.is_some()
    }

    /// The same session without that mark.
    #[must_use]
    pub fn unmarked(&self) -> Session {
        Session(Content {
            mark: None,
            ..self.0.clone()
        })
    }

    pub(super) fn is_marked_for(&self, transaction: &[u8; 32]) -> bool {
        self.0.mark.as_ref() == Some(transaction)
    }

    /// A session that the user asked to keep dies when that is no longer offered (spec passive-sign-in 6.2).
    pub(super) fn is_allowed_by(&self, properties: &Properties) -> bool {
        !self.0.kept || properties.kmsi_enabled
    }
}
