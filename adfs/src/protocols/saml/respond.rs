//! From a permit, or a refusal that the relying party is told of, to a `Response` (spec passive-sign-in 3.7 and 3.8).

use federation::saml2::{ResponseParts, Status, post, write_response};
use federation::xml::Fragment;
use thiserror::Error;
use time::OffsetDateTime;
use url::Url;

use super::CheckedSignIn;
use super::artifact::{self, ArtifactError};
use super::logout::Participant;
use crate::ids;
use crate::pages::with_explicit_port;
use crate::protocols::{AutoPost, Issued, Outgoing};
use crate::sign_in::{Permit, Refusal};
use crate::state::Federation;
use crate::tokens::{self, IssueSaml20, encryption, issue_saml20};

/// Why no response could be made.
#[derive(Debug, Error)]
pub enum SamlError {
    /// The assertion.
    #[error(transparent)]
    Token(#[from] tokens::IssueError),
    /// The message around it.
    #[error("the response around the assertion cannot be written: {0}")]
    Response(#[from] federation::IssueError),
    /// The message cannot be left for the relying party to fetch.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The name is to be encrypted for somebody unknown.
    #[error(
        "relying party trust {0:?} has encrypted_name_id_required and no encryption_certificate; add the certificate"
    )]
    NoEncryptionCertificate(String),
}

impl SamlError {
    /// What the browser, or the relying party, is told.
    pub fn refusal(&self) -> Refusal {
        match self {
            SamlError::Token(tokens::IssueError::NameIdPolicy { .. }) => Refusal::NameIdPolicy,
            _ => Refusal::Issuance,
        }
    }
}

/// Issues the assertion and puts it into a response.
///
/// # Errors
/// [`SamlError`].
pub async fn respond(
    federation: &Federation,
    checked: &CheckedSignIn,
    permit: &Permit,
) -> Result<Issued, SamlError> {
    let configuration = federation.configuration.load_full();
    let trust = &checked.request.relying_party;
    let encrypt = encryption(trust);
    if trust.saml.encrypted_name_id_required && encrypt.is_none() {
        return Err(SamlError::NoEncryptionCertificate(trust.name.clone()));
    }
    // The confirmation ends exactly one delivery window after the message was issued.
    let now = federation.clock.now();
    let token = issue_saml20(&IssueSaml20 {
        trust,
        claims: permit.claims(),
        authentication: permit.authentication(),
        audience: &checked.request.identifier,
        issuer: &configuration.service.identifier,
        recipient: Some(checked.consumer.location.as_str()),
        in_response_to: checked.in_response_to.as_deref(),
        delivery_window: configuration.properties.saml_message_delivery_window,
        now,
        signing: &federation.keys.token_signing(),
        sign_assertion: trust.saml.response_signature.signs_assertion(),
        name_id_policy: checked.name_id_policy.as_ref(),
        encrypt_claims: encrypt,
        encrypt_name: encrypt.filter(|_| trust.saml.encrypted_name_id_required),
    })?;
    let outgoing = response(
        federation,
        checked,
        &Status::success(),
        Some(&token.assertion),
        now,
    )
    .await?;
    let participant = Participant {
        relying_party: checked.request.identifier.clone(),
        name: token.name_id,
        session_indexes: vec![token.id.clone()],
        more: false,
    };
    Ok(Issued {
        outgoing,
        endpoint: checked.consumer.location.to_string(),
        token_id: token.id,
        participant: Some(participant),
    })
}

/// The response that tells of `refusal`, if it is one to tell of: only demands of the request that cannot be met, and
/// anything but a loop where no page may be shown.
pub async fn tell(
    federation: &Federation,
    checked: &CheckedSignIn,
    refusal: &Refusal,
) -> Option<Outgoing> {
    let status = match refusal {
        Refusal::Passive => Status::no_passive(),
        Refusal::MethodNotSupported | Refusal::SecondFactorUnavailable => {
            Status::no_authn_context()
        }
        Refusal::NameIdPolicy => Status::invalid_name_id_policy(),
        // To answer would feed the circle.
        Refusal::Loop => return None,
        _ if checked.is_passive => Status::responder(),
        _ => return None,
    };
    response(federation, checked, &status, None, federation.clock.now())
        .await
        .inspect_err(|error| tracing::error!(%error, "a SAML error response cannot be written"))
        .ok()
}

async fn response(
    federation: &Federation,
    checked: &CheckedSignIn,
    status: &Status,
    assertion: Option<&Fragment>,
    issue_instant: OffsetDateTime,
) -> Result<Outgoing, SamlError> {
    let configuration = federation.configuration.load_full();
    let trust = &checked.request.relying_party;
    let signing = federation.keys.token_signing();
    let sign = trust.saml.response_signature.signs_message();
    let destination = checked.consumer.location.as_str();
    let id = format!("_{}", ids::guid());
    let message = write_response(&ResponseParts {
        id: &id,
        issue_instant,
        destination,
        in_response_to: checked.in_response_to.as_deref(),
        issuer: &configuration.service.identifier,
        status,
        assertion,
        sign: sign.then(|| (signing.key(), trust.signature_algorithm)),
    })?;
    if checked.consumer.by_artifact {
        let relay_state = checked.relay_state.as_deref();
        let address = artifact::send(
            federation,
            &configuration,
            trust,
            destination,
            relay_state,
            &message,
        )
        .await?;
        return Ok(Outgoing::Redirect(address));
    }
    let mut fields = vec![("SAMLResponse", post::encode(message.as_str()))];
    if let Some(relay_state) = &checked.relay_state {
        fields.push(("RelayState", relay_state.clone()));
    }
    let action = Url::parse(destination)
        .map_or_else(|_| destination.to_owned(), |url| with_explicit_port(&url));
    Ok(Outgoing::Post(AutoPost { action, fields }))
}
