//! `AuthnRequest`, from the first look to a request that may be answered (spec passive-sign-in 3.2).

use std::sync::Arc;

use federation::saml2::{AuthnRequest, NameIdPolicy};
use time::{Duration, OffsetDateTime};
use url::Url;

use super::consumer::{self, Consumer};
use super::demand;
use super::received::{Received, Trusted, unreadable};
use crate::config::{Configuration, RelyingPartyTrust};
use crate::sign_in::{Freshness, Refusal, SignInRequest};

/// Longest name that is put into the form for the user.
const MAX_USER_NAME: usize = 256;
/// How far clocks may be apart.
pub(super) const SKEW: Duration = Duration::minutes(5);
/// How long somebody may sit before the form.
const AT_THE_FORM: Duration = Duration::hours(1);

/// Where in its life a request of the Redirect binding is seen: it stays in the query to the end, and people need longer
/// to sign in than messages need to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// A browser brings it, and this is when its session began.
    Browser(Option<OffsetDateTime>),
    /// Our own form brings it back.
    Form,
}

/// A request of a known relying party that came in time and is signed as it has to be.
#[derive(Debug)]
pub struct Admitted {
    trust: Arc<RelyingPartyTrust>,
    wire: AuthnRequest,
    trusted: Trusted,
    relay_state: Option<String>,
}

/// A sign-in that may be answered.
#[derive(Debug)]
pub struct CheckedSignIn {
    /// For the pipeline.
    pub request: SignInRequest,
    /// For the form.
    pub user_name: String,
    /// `IsPassive`: no page may be shown.
    pub is_passive: bool,
    /// What already stands against it and is for the relying party to know.
    pub unmet: Option<Refusal>,
    /// `IDPList`: claims providers that the message names, the most wanted first.
    pub identity_providers: Vec<String>,
    pub(super) in_response_to: Option<String>,
    pub(super) consumer: Consumer,
    pub(super) relay_state: Option<String>,
    pub(super) name_id_policy: Option<NameIdPolicy>,
}

/// A trust that may sign in its users by SAML.
pub(super) fn relying_party(
    configuration: &Configuration,
    identifier: &str,
) -> Result<Arc<RelyingPartyTrust>, Refusal> {
    configuration
        .relying_parties
        .by_identifier(identifier)
        .filter(|trust| trust.enabled && trust.protocol_profile.allows_saml())
        .ok_or(Refusal::UnknownRelyingParty)
}

/// Whether `destination` is the address that takes messages of browsers.
pub(super) fn is_ours(configuration: &Configuration, destination: Option<&str>) -> bool {
    is_at(configuration, "/adfs/ls", destination)
}

/// Whether `destination`, if there is one, is the endpoint of this service at `path`, written without a slash at its end.
pub(super) fn is_at(configuration: &Configuration, path: &str, destination: Option<&str>) -> bool {
    let Some(destination) = destination else {
        return true;
    };
    let Ok(ours) = Url::parse(&configuration.service.base_url()) else {
        return false;
    };
    Url::parse(destination).is_ok_and(|url| {
        let named = url.path();
        url.origin() == ours.origin()
            && url.query().is_none()
            && named
                .strip_suffix('/')
                .unwrap_or(named)
                .eq_ignore_ascii_case(path)
    })
}

/// Whether a message of this time may arrive now.
pub(super) fn is_timely(
    configuration: &Configuration,
    issued: OffsetDateTime,
    now: OffsetDateTime,
) -> bool {
    let window = configuration.properties.saml_message_delivery_window + SKEW;
    (now - issued).abs() <= window
}

impl Admitted {
    /// Checks 1 to 6 of the specification, on a message that came by a binding.
    ///
    /// # Errors
    /// One refusal for each check.
    pub fn read(
        received: &Received,
        configuration: &Configuration,
        now: OffsetDateTime,
        arrival: Arrival,
    ) -> Result<Admitted, Refusal> {
        let claimed = AuthnRequest::parse(received.xml()).map_err(|error| unreadable(&error))?;
        let trust = relying_party(configuration, &claimed.issuer)?;
        if !is_ours(configuration, claimed.destination.as_deref()) {
            return Err(Refusal::Destination);
        }
        let age = now - claimed.issue_instant;
        let timely = is_timely(configuration, claimed.issue_instant, now);
        let continued = match arrival {
            Arrival::Form => !age.is_negative() && age <= AT_THE_FORM,
            Arrival::Browser(signed_in) => signed_in.is_some_and(|at| {
                at >= claimed.issue_instant
                    && age <= AT_THE_FORM
                    && is_timely(configuration, at, now)
            }),
        };
        if !timely && !continued {
            return Err(Refusal::MessageTime);
        }
        let trusted = received.authenticate(&trust, claimed.is_signed)?;
        let relay_state = received.relay_state().map(str::to_owned);
        let admitted = Admitted::again(trusted, relay_state, configuration)?;
        // The signature may cover something that says it is somebody else's.
        if admitted.wire.issuer == claimed.issuer {
            Ok(admitted)
        } else {
            Err(Refusal::SignatureInvalid)
        }
    }

    /// A request that was admitted before, under the configuration of now.
    pub(super) fn again(
        trusted: Trusted,
        relay_state: Option<String>,
        configuration: &Configuration,
    ) -> Result<Admitted, Refusal> {
        let wire = AuthnRequest::parse(&trusted.xml).map_err(|error| unreadable(&error))?;
        let trust = relying_party(configuration, &wire.issuer)?;
        let required = trust.saml.signed_requests_required
            || configuration.properties.signed_saml_requests_required;
        if required && !trusted.signed {
            return Err(Refusal::SignatureRequired);
        }
        Ok(Admitted {
            trust,
            wire,
            trusted,
            relay_state,
        })
    }

    pub(super) fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    pub(super) fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }

    /// Checks 8 to 10: where the answer goes, and what is demanded. `transaction` recognises the request later.
    ///
    /// # Errors
    /// [`Refusal::ConsumerNotRegistered`].
    pub fn check(
        self,
        configuration: &Configuration,
        transaction: [u8; 32],
    ) -> Result<CheckedSignIn, Refusal> {
        let Admitted {
            trust,
            wire,
            relay_state,
            ..
        } = self;
        let consumer = consumer::choose(&trust, &wire.consumer)?;
        let method = demand::method(
            wire.requested_authn_context.as_ref(),
            &configuration.properties.authentication_context_order,
            &trust.saml.allowed_authentication_class_references,
        );
        let fresh = wire.force_authn || configuration.always_requires_authentication(&trust);
        let hint = wire.subject_hint.unwrap_or_default();
        let usable = hint.chars().count() <= MAX_USER_NAME && !hint.chars().any(char::is_control);
        Ok(CheckedSignIn {
            unmet: method.as_ref().err().cloned(),
            request: SignInRequest {
                relying_party: trust,
                identifier: wire.issuer,
                freshness: freshness(fresh),
                method: method.unwrap_or(crate::sign_in::DemandedMethod::Any),
                transaction,
            },
            user_name: if usable { hint } else { String::new() },
            is_passive: wire.is_passive,
            identity_providers: wire
                .scoping
                .map(|scoping| scoping.identity_providers)
                .unwrap_or_default(),
            in_response_to: Some(wire.id),
            consumer,
            relay_state,
            name_id_policy: wire.name_id_policy,
        })
    }
}

fn freshness(fresh: bool) -> Freshness {
    if fresh {
        Freshness::Now
    } else {
        Freshness::AnyAge
    }
}

impl CheckedSignIn {
    /// A sign-in that nobody asked for by a message: the user starts here (spec 3.9).
    ///
    /// # Errors
    /// [`Refusal::UnknownRelyingParty`] or [`Refusal::ConsumerNotRegistered`].
    pub fn unsolicited(
        configuration: &Configuration,
        identifier: &str,
        relay_state: Option<String>,
        transaction: [u8; 32],
    ) -> Result<CheckedSignIn, Refusal> {
        let trust = relying_party(configuration, identifier)?;
        let consumer = consumer::choose(&trust, &Default::default())?;
        Ok(CheckedSignIn {
            request: SignInRequest {
                freshness: freshness(configuration.always_requires_authentication(&trust)),
                relying_party: trust,
                identifier: identifier.to_owned(),
                method: crate::sign_in::DemandedMethod::Any,
                transaction,
            },
            user_name: String::new(),
            is_passive: false,
            unmet: None,
            identity_providers: Vec::new(),
            in_response_to: None,
            consumer,
            relay_state,
            name_id_policy: None,
        })
    }
}
