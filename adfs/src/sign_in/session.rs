//! The single sign-on session, as the browser carries it: sealed, absolute in its life, bound to one purpose
//! (spec security 2.6).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::Refusal;
use crate::authentication::{Identified, Proof};
use crate::claims::AssertedIdentity;
use crate::config::Properties;
use crate::directory::SubjectId;
use crate::ids;
use crate::state::Federation;

/// Binds the sealed value to this use; no other sealed value of this server opens as a session.
const PURPOSE: &str = "MSISAuth";
const VERSION: u8 = 2;
/// Most octets of a session before it is sealed: four cookies hold them, and leave room in the request's header for the
/// other cookies (spec passive-sign-in 6.1).
const MAX_OCTETS: usize = 7 * 1024;

/// Whose a session is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum SessionSubject {
    /// A directory account's.
    #[serde(rename = "a")]
    Account(SubjectId),
    /// Somebody's whom a claims provider knows, with all that it said.
    #[serde(rename = "c")]
    Asserted(Arc<AssertedIdentity>),
}

/// A session. Values of this type were made from a proof or opened from a seal of ours, and had not expired then.
/// Whether the account and the session still hold is asked at every use, see [`super::resume`].
#[derive(Debug, Clone)]
pub struct Session(Content);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u8,
    id: Uuid,
    subject: SessionSubject,
    user: String,
    method: String,
    methods: Vec<String>,
    #[serde(with = "time::serde::timestamp::milliseconds")]
    at: OffsetDateTime,
    #[serde(with = "time::serde::timestamp::milliseconds")]
    begun: OffsetDateTime,
    #[serde(with = "time::serde::timestamp")]
    expires: OffsetDateTime,
    extranet: bool,
    kept: bool,
    mark: Option<[u8; 32]>,
}

impl SessionSubject {
    /// Whether both are surely the same person.
    pub fn is_same(&self, other: &SessionSubject) -> bool {
        match (self, other) {
            (SessionSubject::Account(one), SessionSubject::Account(other)) => one == other,
            // Claims change from one sign-in to the next; the name that the provider gave does not.
            (SessionSubject::Asserted(one), SessionSubject::Asserted(other)) => {
                (one.provider(), one.user()) == (other.provider(), other.user())
            }
            _ => false,
        }
    }
}

impl Session {
    /// A new session, with an id of its own (spec security SES-2).
    ///
    /// `keep` outlives the browser, where the service allows it. `mark` is the transaction that demanded fresh
    /// credentials, if one did.
    ///
    /// # Errors
    /// [`Refusal::TooManyClaims`] when a claims provider said more than a browser can carry.
    pub(super) fn begin(
        proof: &Proof,
        properties: &Properties,
        extranet: bool,
        keep: bool,
        mark: Option<[u8; 32]>,
    ) -> Result<Session, Refusal> {
        let kept = keep && properties.kmsi_enabled;
        let life = if kept {
            properties.kmsi_lifetime
        } else {
            properties.sso_lifetime
        };
        let (subject, user) = match proof.who() {
            Identified::Account(account) => (
                SessionSubject::Account(account.subject()),
                account.windows_account_name(),
            ),
            Identified::Asserted(identity) => (
                SessionSubject::Asserted(Arc::clone(identity)),
                identity.user().to_owned(),
            ),
        };
        let expires = proof.given_at() + life;
        let session = Session(Content {
            version: VERSION,
            id: ids::guid(),
            subject,
            user,
            method: proof.method().to_owned(),
            methods: proof.methods().to_vec(),
            at: proof.instant(),
            begun: proof.given_at(),
            expires: proof.ends().map_or(expires, |ends| ends.min(expires)),
            extranet,
            kept,
            mark,
        });
        let octets = serde_json::to_vec(&session.0).map_err(|_| Refusal::TooManyClaims)?;
        if octets.len() > MAX_OCTETS {
            return Err(Refusal::TooManyClaims);
        }
        Ok(session)
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
    pub fn subject(&self) -> &SessionSubject {
        &self.0.subject
    }

    /// Account name at sign-in, as `DOMAIN\user`, or the name that a claims provider gave; for the audit only, it may have changed since.
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// Identifier of the claims provider trust that the user came by, if it was not the directory.
    pub fn claims_provider(&self) -> Option<&str> {
        match &self.0.subject {
            SessionSubject::Account(_) => None,
            SessionSubject::Asserted(identity) => Some(identity.provider()),
        }
    }

    /// When the session began. The user may have signed in at a claims provider long before.
    pub fn begun_at(&self) -> OffsetDateTime {
        self.0.begun
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
