//! Logout messages, from what a binding brought to what may be acted on.

use std::sync::Arc;

use federation::saml2::{LogoutRequest, LogoutResponse, LogoutSubject, NameId};
use federation::xmlenc::decrypt::{DecryptionKey, Integrity, decrypt};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::config::{Configuration, RelyingPartyTrust};
use crate::protocols::saml::MessageName;
use crate::protocols::saml::received::{Received, Trusted, unreadable};
use crate::protocols::saml::sign_in::{SKEW, is_ours, is_timely, relying_party};
use crate::sign_in::Refusal;
use crate::state::Federation;

/// The parameter that carries a sealed [`LogoutMessage`].
pub const PARAMETER: &str = "MSISLogout";
const PURPOSE: &str = "SAML logout message";
const VERSION: u8 = 1;
/// A posted message goes on at once, so that its sealed form need not live long.
const LIFE: Duration = Duration::minutes(5);
/// Longest `RelayState` that is carried to the end, in bytes. SAML 2.0 Bindings 3.4.3 allows 80.
const MAX_RELAY_STATE: usize = 2048;

/// A message that may be acted on: its relying party is registered and signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogoutMessage {
    /// Somebody wants a session to end.
    Order(Order),
    /// Somebody who was asked answers.
    Report(Report),
    /// Our own page is done with the frames of a chain, named here; its answer can go.
    Cleaned(Uuid),
}

/// A verified `LogoutRequest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Who asks: the message's issuer.
    pub relying_party: String,
    /// `ID`.
    pub id: String,
    /// Whose session.
    pub name: NameId,
    /// Which of them; all, if empty.
    pub session_indexes: Vec<String>,
    /// To be handed back with the answer.
    pub relay_state: Option<String>,
    /// Whether the message came by the Redirect binding, and not by POST.
    pub by_redirect: bool,
}

/// A verified `LogoutResponse`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Who answers: the message's issuer.
    pub relying_party: String,
    /// `InResponseTo`.
    pub in_response_to: String,
    /// Whether its session has ended.
    pub done: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    version: u8,
    #[serde(with = "time::serde::timestamp")]
    at: OffsetDateTime,
    message: LogoutMessage,
}

/// What both messages say of themselves.
struct Claimed<'a> {
    issuer: &'a str,
    is_signed: bool,
}

/// The trust of the issuer, and what its signature covers. Logout messages must be signed on both bindings
/// (spec passive-sign-in 3.10).
fn authenticate(
    received: &Received,
    configuration: &Configuration,
    claimed: &Claimed<'_>,
) -> Result<Trusted, Refusal> {
    let trust = relying_party(configuration, claimed.issuer)?;
    let trusted = received.authenticate(&trust, claimed.is_signed)?;
    if trusted.signed {
        Ok(trusted)
    } else {
        Err(Refusal::LogoutNotSigned)
    }
}

/// Checks that the parts of a verified message which say from whom, to whom and when fit.
fn check(
    configuration: &Configuration,
    now: OffsetDateTime,
    (claimed, verified): (&str, &str),
    destination: Option<&str>,
    issued: OffsetDateTime,
) -> Result<(), Refusal> {
    // The signature may cover something that says it is somebody else's.
    if claimed != verified {
        return Err(Refusal::SignatureInvalid);
    }
    if !is_ours(configuration, destination) {
        return Err(Refusal::Destination);
    }
    if !is_timely(configuration, issued, now) {
        return Err(Refusal::MessageTime);
    }
    Ok(())
}

impl LogoutMessage {
    /// Verifies a message that came by a binding.
    ///
    /// # Errors
    /// One refusal for each check.
    pub fn read(
        received: &Received,
        federation: &Federation,
        configuration: &Configuration,
    ) -> Result<LogoutMessage, Refusal> {
        match received.name()? {
            MessageName::LogoutRequest => {
                Order::read(received, federation, configuration).map(LogoutMessage::Order)
            }
            MessageName::LogoutResponse => {
                Report::read(received, federation, configuration).map(LogoutMessage::Report)
            }
            MessageName::AuthnRequest | MessageName::Response => Err(Refusal::SamlMessage(
                "the message is none of single logout".to_owned(),
            )),
        }
    }

    /// The value of [`PARAMETER`]. Only what was verified is in it.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`].
    pub fn seal(&self, federation: &Federation) -> Result<String, Refusal> {
        let sealed = Sealed {
            version: VERSION,
            at: federation.clock.now(),
            message: self.clone(),
        };
        super::seal(&federation.keys, PURPOSE, &sealed).ok_or(Refusal::TooLarge)
    }

    /// The message in a value of [`PARAMETER`].
    ///
    /// # Errors
    /// [`Refusal::NoPendingSignOut`] for a value that is not ours or too old.
    pub fn open(federation: &Federation, sealed: &str) -> Result<LogoutMessage, Refusal> {
        let sealed: Sealed =
            super::open(&federation.keys, PURPOSE, sealed).ok_or(Refusal::NoPendingSignOut)?;
        let age = federation.clock.now() - sealed.at;
        // Sealed to the second, so that it may seem to come from the last one.
        let lives = age >= -Duration::SECOND && age <= LIFE;
        if sealed.version == VERSION && lives {
            Ok(sealed.message)
        } else {
            Err(Refusal::NoPendingSignOut)
        }
    }
}

impl Order {
    /// The trust of who asks.
    ///
    /// # Errors
    /// [`Refusal::UnknownRelyingParty`] when it has been removed or disabled since.
    pub fn trust(&self, configuration: &Configuration) -> Result<Arc<RelyingPartyTrust>, Refusal> {
        relying_party(configuration, &self.relying_party)
    }

    fn read(
        received: &Received,
        federation: &Federation,
        configuration: &Configuration,
    ) -> Result<Order, Refusal> {
        let now = federation.clock.now();
        let parse = |text: &str| LogoutRequest::parse(text).map_err(|error| unreadable(&error));
        let claimed = parse(received.xml())?;
        let who = Claimed {
            issuer: &claimed.issuer,
            is_signed: claimed.is_signed,
        };
        let wire = parse(&authenticate(received, configuration, &who)?.xml)?;
        let issuers = (claimed.issuer.as_str(), wire.issuer.as_str());
        let destination = wire.destination.as_deref();
        check(configuration, now, issuers, destination, wire.issue_instant)?;
        if wire.not_on_or_after.is_some_and(|end| now >= end + SKEW) {
            return Err(Refusal::MessageTime);
        }
        let relay_state = received.relay_state().map(str::to_owned);
        if relay_state
            .as_ref()
            .is_some_and(|text| text.len() > MAX_RELAY_STATE)
        {
            return Err(Refusal::TooLarge);
        }
        let name = match wire.subject {
            LogoutSubject::Name(name) => name,
            LogoutSubject::Encrypted(encrypted) => decrypted(&encrypted, federation)?,
        };
        Ok(Order {
            relying_party: wire.issuer,
            id: wire.id,
            name,
            session_indexes: wire.session_indexes,
            relay_state,
            by_redirect: received.is_redirect(),
        })
    }
}

/// The name in an `EncryptedID` of a message whose signature was verified: it covers the ciphertext (spec security
/// SIG-14).
fn decrypted(encrypted: &str, federation: &Federation) -> Result<NameId, Refusal> {
    let keys = federation.keys.decrypting_keys();
    let keys: Vec<&dyn DecryptionKey> = keys
        .iter()
        .map(|key| key.as_ref() as &dyn DecryptionKey)
        .collect();
    let plain = decrypt(encrypted, &keys, Integrity::Verified);
    let plain = plain.map_err(|error| unreadable(&error))?;
    NameId::parse(&plain).map_err(|error| unreadable(&error))
}

impl Report {
    fn read(
        received: &Received,
        federation: &Federation,
        configuration: &Configuration,
    ) -> Result<Report, Refusal> {
        let now = federation.clock.now();
        let parse = |text: &str| LogoutResponse::parse(text).map_err(|error| unreadable(&error));
        let claimed = parse(received.xml())?;
        let who = Claimed {
            issuer: &claimed.issuer,
            is_signed: claimed.is_signed,
        };
        let wire = parse(&authenticate(received, configuration, &who)?.xml)?;
        let issuers = (claimed.issuer.as_str(), wire.issuer.as_str());
        let destination = wire.destination.as_deref();
        check(configuration, now, issuers, destination, wire.issue_instant)?;
        Ok(Report {
            relying_party: wire.issuer,
            in_response_to: wire.in_response_to.ok_or(Refusal::NoPendingSignOut)?,
            // Where it could not tell others in turn, something of the session may live on.
            done: wire.status.is_success() && wire.status.detail.is_none(),
        })
    }
}
