//! A sign-out on its way through the participants.

use std::collections::VecDeque;

use federation::saml2::{Binding, Status};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::outgoing::Sender;
use super::{Order, Outgoing, Participant, Participants, Report};
use crate::config::{Configuration, RelyingPartyTrust};
use crate::ids;
use crate::keys::Keys;
use crate::protocols::saml::sign_in::relying_party;
use crate::sign_in::Refusal;
use crate::state::Federation;

const PURPOSE: &str = "SAML logout chain";
const VERSION: u8 = 1;
/// How long the whole way may take. Nobody types anything on it.
const LIFE: Duration = Duration::minutes(10);

/// The state. Our own session has ended before there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    version: u8,
    id: Uuid,
    #[serde(with = "time::serde::timestamp")]
    expires: OffsetDateTime,
    initiator: Option<Initiator>,
    /// Address of WS-Federation to go on to.
    target: Option<String>,
    waiting: VecDeque<Participant>,
    asked: Option<Asked>,
    partial: bool,
    /// Identifiers of relying parties whose sessions end in frames.
    visited: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Initiator {
    relying_party: String,
    request: String,
    relay_state: Option<String>,
    by_redirect: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    relying_party: String,
    request: String,
}

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With the answer to the relying party that began.
    Answer(Outgoing),
    /// On our page, and from there to the registered address of WS-Federation, if there is one.
    Page(Option<String>),
}

impl Chain {
    fn new(now: OffsetDateTime) -> Chain {
        Chain {
            version: VERSION,
            id: ids::guid(),
            expires: now + LIFE,
            initiator: None,
            target: None,
            waiting: VecDeque::new(),
            asked: None,
            partial: false,
            visited: Vec::new(),
        }
    }

    /// The answer to `order`.
    pub fn ordered(order: Order, now: OffsetDateTime) -> Chain {
        Chain {
            initiator: Some(Initiator {
                relying_party: order.relying_party,
                request: order.id,
                relay_state: order.relay_state,
                by_redirect: order.by_redirect,
            }),
            ..Chain::new(now)
        }
    }

    /// A sign-out that ends on our page, or at `target`, which must be registered.
    pub fn to_page(target: Option<String>, now: OffsetDateTime) -> Chain {
        Chain {
            target,
            ..Chain::new(now)
        }
    }

    /// The same with those who still have to hear of it: all but `initiator` of the participants, and the visited
    /// relying parties of WS-Federation by their identifiers.
    #[must_use]
    pub fn through(
        mut self,
        participants: Option<Participants>,
        initiator: Option<&RelyingPartyTrust>,
        visited: Vec<String>,
    ) -> Chain {
        if let Some(participants) = participants {
            self.partial |= participants.are_incomplete();
            self.waiting.extend(participants.into_others(initiator));
        }
        self.visited = visited;
        self
    }

    /// Opens what a browser brought. Anything but our own, and in time, is nothing.
    pub fn open(keys: &Keys, now: OffsetDateTime, sealed: &str) -> Option<Chain> {
        let chain: Chain = super::open(keys, PURPOSE, sealed)?;
        (chain.version == VERSION && now < chain.expires).then_some(chain)
    }

    /// What the browser is to keep.
    pub fn seal(&self, keys: &Keys) -> Option<String> {
        super::seal(keys, PURPOSE, self)
    }

    /// Names it.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Identifiers of the visited relying parties of WS-Federation.
    pub fn visited(&self) -> &[String] {
        &self.visited
    }

    /// Whether somebody could not be signed out.
    pub fn is_partial(&self) -> bool {
        self.partial
    }

    /// Whether everybody has been asked and has answered.
    pub fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.asked.is_none()
    }

    /// Identifier of the relying party that began, if one did.
    pub fn initiator(&self) -> Option<&str> {
        let initiator = self.initiator.as_ref()?;
        Some(&initiator.relying_party)
    }

    /// Asks the next participant that can be asked; `None` when none is left.
    pub fn ask_next(
        &mut self,
        federation: &Federation,
        configuration: &Configuration,
    ) -> Option<Outgoing> {
        let sender = Sender {
            federation,
            configuration,
            now: federation.clock.now(),
        };
        while let Some(participant) = self.waiting.pop_front() {
            let identifier = &participant.relying_party;
            // It may have been disabled since.
            let Ok(trust) = relying_party(configuration, identifier) else {
                self.partial = true;
                continue;
            };
            match sender.ask(&trust, &participant) {
                Ok((message, request)) => {
                    self.asked = Some(Asked {
                        relying_party: participant.relying_party,
                        request,
                    });
                    return Some(message);
                }
                Err(error) => {
                    tracing::warn!(trust = %trust.name, %error, "a relying party cannot be told of a sign-out");
                    self.partial = true;
                }
            }
        }
        None
    }

    /// Takes the answer of the one that was asked last.
    ///
    /// # Errors
    /// [`Refusal::NoPendingSignOut`] for the answer of anybody else, or to anything else.
    pub fn take(&mut self, report: &Report, configuration: &Configuration) -> Result<(), Refusal> {
        let asked = self.asked.as_ref().ok_or(Refusal::NoPendingSignOut)?;
        let trust = relying_party(configuration, &report.relying_party)?;
        let is_answer = report.in_response_to == asked.request
            && trust.identifiers.contains(&asked.relying_party);
        if !is_answer {
            return Err(Refusal::NoPendingSignOut);
        }
        self.asked = None;
        if !report.done {
            tracing::warn!(trust = %trust.name, "a relying party says that it could not sign the user out");
            self.partial = true;
        }
        Ok(())
    }

    /// Where it ends, once everybody has answered.
    ///
    /// # Errors
    /// [`Refusal::Issuance`] when the answer cannot be written or signed.
    pub fn ending(
        &self,
        federation: &Federation,
        configuration: &Configuration,
    ) -> Result<Ending, Refusal> {
        let Some(initiator) = &self.initiator else {
            return Ok(Ending::Page(self.target.clone()));
        };
        let Ok(trust) = relying_party(configuration, &initiator.relying_party) else {
            return Ok(Ending::Page(None));
        };
        let sender = Sender {
            federation,
            configuration,
            now: federation.clock.now(),
        };
        let asked_by = if initiator.by_redirect {
            Binding::Redirect
        } else {
            Binding::Post
        };
        let status = if self.partial {
            Status::partial_logout()
        } else {
            Status::success()
        };
        let relay_state = initiator.relay_state.as_deref();
        let answer = sender.answer(&trust, asked_by, &initiator.request, relay_state, status);
        match answer {
            Ok(Some(answer)) => Ok(Ending::Answer(answer)),
            Ok(None) => Ok(Ending::Page(None)),
            Err(error) => {
                tracing::error!(trust = %trust.name, %error, "a LogoutResponse cannot be written");
                Err(Refusal::Issuance)
            }
        }
    }
}
