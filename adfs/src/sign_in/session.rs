//! The single sign-on session, as the browser carries it: sealed, absolute in its life, bound to one purpose
//! (spec security 2.6).

use std::sync::Arc;

use openssl::sha::sha256;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{FRESH_FOR, Refusal};
use crate::authentication::{Identified, Proof};
use crate::claims::AssertedIdentity;
use crate::config::Properties;
use crate::directory::SubjectId;
use crate::ids;
use crate::state::Federation;

/// Binds the sealed value to this use; no other sealed value of this server opens as a session.
const PURPOSE: &str = "MSISAuth";
const VERSION: u8 = 3;
/// Transactions of other windows that a session is also fresh for.
const MAX_OTHER_MARKS: usize = 4;
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
    /// Newest first.
    marks: Vec<Mark>,
}

/// Credentials were given for this transaction, which demanded fresh ones, at this time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    transaction: [u8; 32],
    #[serde(with = "time::serde::timestamp::milliseconds")]
    at: OffsetDateTime,
}

impl Mark {
    // A claims provider's clock is not ours, so what counts here is when the session was made.
    fn is_fresh(&self, now: OffsetDateTime) -> bool {
        now - self.at <= FRESH_FOR
    }
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

    /// Names the person where an end of all the sessions is noted. A digest: the note needs nothing that tells who it is.
    pub fn digest(&self) -> [u8; 32] {
        match self {
            SessionSubject::Account(subject) => digest(&json!(["account", subject])),
            SessionSubject::Asserted(identity) => {
                asserted_digest(identity.provider(), identity.user())
            }
        }
    }
}

/// [`SessionSubject::digest`] of somebody whom a claims provider knows by this name.
pub fn asserted_digest(claims_provider: &str, user: &str) -> [u8; 32] {
    digest(&json!(["asserted", claims_provider, user]))
}

fn digest(named: &Value) -> [u8; 32] {
    sha256(named.to_string().as_bytes())
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
        let kept = keep && properties.offers_to_stay_signed_in();
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
            marks: mark
                .map(|transaction| Mark {
                    transaction,
                    at: proof.given_at(),
                })
                .into_iter()
                .collect(),
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

    /// Whether it was made for this transaction, which demanded fresh credentials, and a short while ago.
    pub fn is_made_for(&self, transaction: &[u8; 32], now: OffsetDateTime) -> bool {
        let mut marks = self.0.marks.iter();
        marks.any(|mark| mark.transaction == *transaction && mark.is_fresh(now))
    }

    /// The same session, made for this transaction no more: the next demand for fresh credentials asks again. `None` when
    /// it was not made for it.
    pub fn used_up_by(&self, transaction: &[u8; 32]) -> Option<Session> {
        let is_other = |mark: &&Mark| mark.transaction != *transaction;
        let marks: Vec<Mark> = self.0.marks.iter().filter(is_other).cloned().collect();
        (marks.len() < self.0.marks.len()).then(|| {
            Session(Content {
                marks,
                ..self.0.clone()
            })
        })
    }

    /// This session in place of `earlier`, one of the same person, whose transactions in other windows may not have come
    /// to their end.
    #[must_use]
    pub fn in_place_of(mut self, earlier: &Session, now: OffsetDateTime) -> Session {
        if self.subject().is_same(earlier.subject()) {
            let open = earlier.0.marks.iter().filter(|mark| mark.is_fresh(now));
            self.0.marks.extend(open.take(MAX_OTHER_MARKS).cloned());
        }
        self
    }

    /// A session that the user asked to keep dies when that is no longer offered, and with the cut-off of its kind (spec
    /// passive-sign-in 6.2).
    pub(super) fn is_allowed_by(&self, properties: &Properties) -> bool {
        let cut_off = properties
            .persistent_sso_cutoff_time
            .is_some_and(|cutoff| self.0.begun < cutoff);
        !self.0.kept || (properties.offers_to_stay_signed_in() && !cut_off)
    }
}
