//! Who got an assertion in a session, and by which name (spec passive-sign-in 6.1, `SamlSession`).

use federation::saml2::NameId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::config::RelyingPartyTrust;
use crate::keys::Keys;
use crate::sign_in::Session;

/// Binds the sealed value to this use.
const PURPOSE: &str = "SamlSession";
const VERSION: u8 = 1;
/// Most participants of one session.
const MAX_PARTICIPANTS: usize = 32;
/// Most assertions of one participant that are told apart.
const MAX_INDEXES: usize = 5;
/// One cookie holds them all, and the request's header has to hold others too.
const MAX_SEALED: usize = 3500;
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

/// A relying party that knows the user by one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Participant {
    /// Its identifier, as in the assertion's audience.
    #[serde(rename = "p")]
    pub relying_party: String,
    /// The name in the assertion. Without one it cannot be told whose session is over.
    #[serde(rename = "n")]
    pub name: Option<NameId>,
    /// `SessionIndex` of its assertions, the newest last.
    #[serde(rename = "i")]
    pub session_indexes: Vec<String>,
    /// Whether it got more assertions than those.
    #[serde(rename = "m", default)]
    pub more: bool,
}

/// The participants of one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Participants {
    version: u8,
    session: Uuid,
    #[serde(with = "time::serde::timestamp")]
    expires: OffsetDateTime,
    list: Vec<Participant>,
    /// Whether there were more than fit.
    incomplete: bool,
}

impl Participants {
    /// Nobody yet.
    pub fn of(session: &Session) -> Participants {
        Participants {
            version: VERSION,
            session: session.id(),
            expires: session.expires(),
            list: Vec::new(),
            incomplete: false,
        }
    }

    /// Opens what a browser brought. Tampered, foreign and expired values are none.
    pub fn open(keys: &Keys, now: OffsetDateTime, sealed: &str) -> Option<Participants> {
        let found: Participants = super::open(keys, PURPOSE, sealed)?;
        (found.version == VERSION && now < found.expires).then_some(found)
    }

    /// What the browser is to carry. The oldest stay behind when not all of them fit; that is remembered, so that
    /// nobody is later told that all were signed out.
    pub fn seal(&mut self, keys: &Keys) -> Option<String> {
        loop {
            let sealed = super::seal(keys, PURPOSE, self);
            if let Some(sealed) = sealed
                && sealed.len() <= MAX_SEALED
            {
                return Some(sealed);
            }
            self.drop_oldest()?;
        }
    }

    fn drop_oldest(&mut self) -> Option<()> {
        if self.list.is_empty() {
            return None;
        }
        self.list.remove(0);
        self.incomplete = true;
        Some(())
    }

    /// Adds one that just got an assertion.
    pub fn add(&mut self, participant: Participant) {
        let known = self.list.iter().position(|known| {
            known.relying_party == participant.relying_party && known.name == participant.name
        });
        let mut newest = match known {
            Some(place) => self.list.remove(place),
            None => Participant {
                session_indexes: Vec::new(),
                ..participant.clone()
            },
        };
        newest.session_indexes.extend(participant.session_indexes);
        let surplus = newest.session_indexes.len().saturating_sub(MAX_INDEXES);
        newest.session_indexes.drain(..surplus);
        newest.more |= surplus > 0;
        self.list.push(newest);
        if self.list.len() > MAX_PARTICIPANTS {
            self.drop_oldest();
        }
    }

    /// Id of the session.
    pub fn session(&self) -> Uuid {
        self.session
    }

    /// When the session ends by itself.
    pub fn expires(&self) -> OffsetDateTime {
        self.expires
    }

    /// The same participants in the session that goes on with the same user.
    #[must_use]
    pub fn carried_over(self, session: &Session) -> Participants {
        Participants {
            session: session.id(),
            expires: session.expires(),
            ..self
        }
    }

    /// Whether some did not fit and so cannot be told.
    pub fn are_incomplete(&self) -> bool {
        self.incomplete
    }

    /// Whether `trust` knows somebody of this session by `name`, in one of the sessions `indexes`; in any, if there are
    /// none (SAML 2.0 Core 3.7.1). `issuer` is our own identifier.
    pub fn include(
        &self,
        trust: &RelyingPartyTrust,
        name: &NameId,
        indexes: &[String],
        issuer: &str,
    ) -> bool {
        self.list.iter().any(|participant| {
            let named = participant.name.as_ref();
            trust.identifiers.contains(&participant.relying_party)
                && named.is_some_and(|known| is_same(known, name, trust, issuer))
                && (indexes.is_empty()
                    || participant.more
                    || indexes
                        .iter()
                        .any(|index| participant.session_indexes.contains(index)))
        })
    }

    /// All but those of `initiator`.
    pub fn into_others(self, initiator: Option<&RelyingPartyTrust>) -> Vec<Participant> {
        let mut others = self.list;
        others.retain(|participant| {
            initiator.is_none_or(|trust| !trust.identifiers.contains(&participant.relying_party))
        });
        others
    }
}

/// Whether two names are the same one. What is left out means what it would say by default: no stated format, our
/// qualifier, and the relying party's (SAML 2.0 Core 2.2.2 and 8.3.7).
fn is_same(one: &NameId, other: &NameId, trust: &RelyingPartyTrust, issuer: &str) -> bool {
    let normal = |name: &NameId| {
        let stated = |text: &Option<String>, default: &dyn Fn(&str) -> bool| {
            text.clone().filter(|text| !default(text))
        };
        (
            name.value.clone(),
            stated(&name.format, &|text| text == UNSPECIFIED),
            stated(&name.name_qualifier, &|text| text == issuer),
            stated(&name.sp_name_qualifier, &|text| {
                trust.identifiers.iter().any(|known| known == text)
            }),
        )
    };
    normal(one) == normal(other)
}
