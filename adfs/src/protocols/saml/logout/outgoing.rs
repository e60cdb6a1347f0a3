//! Our own logout messages, signed and on their way to a registered address.

use federation::saml2::{
    Binding, LogoutRequest, LogoutResponse, LogoutSubject, MessageKind, Status, post, redirect,
    write_logout_request, write_logout_response,
};
use federation::signature::{SignatureAlgorithm, SigningKey};
use federation::xml::Fragment;
use thiserror::Error;
use time::OffsetDateTime;

use super::Participant;
use crate::config::{Configuration, RelyingPartyTrust, SamlEndpoint, SamlProtocol};
use crate::ids;
use crate::protocols::{AutoPost, Outgoing};
use crate::state::Federation;
use crate::tokens::encryption;

/// `Reason` of every request of ours (SAML 2.0 Core 3.7.3).
const BY_USER: &str = "urn:oasis:names:tc:SAML:2.0:logout:user";

/// Why a participant cannot be asked.
#[derive(Debug, Error)]
pub(super) enum AskError {
    #[error("it has no SAMLLogout endpoint for Redirect or POST")]
    NoEndpoint,
    #[error("its assertion named nobody")]
    NoName,
    #[error("it has encrypted_name_id_required and no encryption_certificate")]
    NoEncryptionCertificate,
    #[error("the message cannot be written: {0}")]
    Write(#[from] federation::IssueError),
}

/// Its endpoint for logout: one of the binding `preferred` if there is one, else the default or the first.
pub(super) fn endpoint(
    trust: &RelyingPartyTrust,
    preferred: Option<Binding>,
) -> Option<&SamlEndpoint> {
    trust
        .saml
        .endpoints_for(SamlProtocol::Logout)
        .filter(|endpoint| matches!(endpoint.binding, Binding::Redirect | Binding::Post))
        .min_by_key(|endpoint| {
            let other = preferred.is_some_and(|binding| binding != endpoint.binding);
            (other, !endpoint.is_default, endpoint.index)
        })
}

/// What all messages of ours are written with.
pub(super) struct Sender<'a> {
    pub(super) federation: &'a Federation,
    pub(super) configuration: &'a Configuration,
    pub(super) now: OffsetDateTime,
}

impl Sender<'_> {
    /// Asks `participant` to end its session. Also tells the id of the message.
    pub(super) fn ask(
        &self,
        trust: &RelyingPartyTrust,
        participant: &Participant,
    ) -> Result<(Outgoing, String), AskError> {
        let endpoint = endpoint(trust, None).ok_or(AskError::NoEndpoint)?;
        let name = participant.name.clone().ok_or(AskError::NoName)?;
        let encrypt = encryption(trust).filter(|_| trust.saml.encrypted_name_id_required);
        if trust.saml.encrypted_name_id_required && encrypt.is_none() {
            return Err(AskError::NoEncryptionCertificate);
        }
        let destination = endpoint.location.as_str();
        let window = self.configuration.properties.saml_message_delivery_window;
        let request = LogoutRequest {
            id: format!("_{}", ids::guid()),
            issuer: self.configuration.service.identifier.clone(),
            issue_instant: self.now,
            destination: Some(destination.to_owned()),
            subject: LogoutSubject::Name(name),
            // Where we do not know all of its sessions, naming some would leave the others alive.
            session_indexes: if participant.more {
                Vec::new()
            } else {
                participant.session_indexes.clone()
            },
            not_on_or_after: self.now.checked_add(window),
            reason: Some(BY_USER.to_owned()),
            is_signed: false,
        };
        let sent = self.send(
            trust,
            endpoint.binding,
            destination,
            MessageKind::Request,
            None,
            |sign| write_logout_request(&request, encrypt, sign),
        )?;
        Ok((sent, request.id))
    }

    /// Answers the one who began. `None` when it has no endpoint for that.
    pub(super) fn answer(
        &self,
        trust: &RelyingPartyTrust,
        asked_by: Binding,
        in_response_to: &str,
        relay_state: Option<&str>,
        status: Status,
    ) -> Result<Option<Outgoing>, federation::IssueError> {
        let Some(endpoint) = endpoint(trust, Some(asked_by)) else {
            return Ok(None);
        };
        let location = endpoint.response_location.as_ref();
        let destination = location.unwrap_or(&endpoint.location).as_str();
        let response = LogoutResponse {
            id: format!("_{}", ids::guid()),
            issuer: self.configuration.service.identifier.clone(),
            issue_instant: self.now,
            destination: Some(destination.to_owned()),
            in_response_to: Some(in_response_to.to_owned()),
            status,
            is_signed: false,
        };
        self.send(
            trust,
            endpoint.binding,
            destination,
            MessageKind::Response,
            relay_state,
            |sign| write_logout_response(&response, sign),
        )
        .map(Some)
    }

    fn send(
        &self,
        trust: &RelyingPartyTrust,
        binding: Binding,
        destination: &str,
        kind: MessageKind,
        relay_state: Option<&str>,
        write: impl FnOnce(
            Option<(&SigningKey, SignatureAlgorithm)>,
        ) -> Result<Fragment, federation::IssueError>,
    ) -> Result<Outgoing, federation::IssueError> {
        let signing = self.federation.keys.token_signing();
        let sign = Some((signing.key(), trust.signature_algorithm));
        if binding == Binding::Redirect {
            let message = write(None)?;
            let address = redirect::encode(destination, kind, message.as_str(), relay_state, sign)?;
            return Ok(Outgoing::Redirect(address));
        }
        let mut fields = vec![(kind.parameter(), post::encode(write(sign)?.as_str()))];
        if let Some(relay_state) = relay_state {
            fields.push(("RelayState", relay_state.to_owned()));
        }
        Ok(Outgoing::Post(AutoPost {
            action: destination.to_owned(),
            fields,
        }))
    }
}
