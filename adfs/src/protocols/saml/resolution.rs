//! The artifact resolution service: SOAP 1.1 in and out (spec passive-sign-in 3.11, SAML 2.0 Core 3.5).
//!
//! Only a message that a registered relying party signed gets an answer of ours; everything else gets a fault, for which
//! nothing is signed.

use std::sync::Arc;

use federation::saml2::{
    ArtifactResolve, ArtifactResponseParts, Status, StoredMessage, write_artifact_response,
};
use federation::soap11::{self, EnvelopeError, FaultCode};
use thiserror::Error;

use super::artifact;
use super::received::{Received, unreadable};
use super::sign_in::{is_at, is_timely, relying_party};
use crate::config::{Configuration, RelyingPartyTrust};
use crate::ids;
use crate::sign_in::Refusal;
use crate::state::Federation;
use crate::store::StoreError;

/// The path of the service.
pub const PATH: &str = "/adfs/services/trust/artifactresolution";

/// Why there is a fault instead of an answer.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// The envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The message in it.
    #[error("the ArtifactResolve is refused: {0}")]
    Refused(Refusal),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Our own answer.
    #[error("the ArtifactResponse cannot be written: {0}")]
    Write(#[from] federation::IssueError),
}

impl ResolveError {
    /// The SOAP fault that the sender gets. What went wrong here stays here.
    ///
    /// # Errors
    /// When the text cannot be written.
    pub fn fault(&self) -> Result<String, federation::IssueError> {
        match self {
            ResolveError::Envelope(error) => soap11::fault(error.fault_code(), &error.to_string()),
            ResolveError::Refused(_) => soap11::fault(FaultCode::Client, &self.to_string()),
            ResolveError::Store(_) | ResolveError::Write(_) => {
                soap11::fault(FaultCode::Server, "the artifact cannot be resolved now")
            }
        }
    }
}

/// Answers an envelope with an envelope. A message is given to the relying party that its artifact was made for, once;
/// who asks for anything else learns only that there is nothing (SAML 2.0 Core 3.5.3).
///
/// # Errors
/// [`ResolveError`].
pub async fn resolve(federation: &Federation, envelope: &[u8]) -> Result<String, ResolveError> {
    let configuration = federation.configuration.load_full();
    let message = soap11::read(envelope)?;
    let (request, trust) =
        authentic(federation, &configuration, message).map_err(ResolveError::Refused)?;
    let found = artifact::take(federation, &configuration, &trust, &request.artifact).await?;
    if found.is_none() {
        tracing::warn!(
            trust = %trust.name,
            "a relying party asked for an artifact that is unknown, used up, too old or not for it"
        );
    }
    answer(federation, &configuration, &trust, &request, found.as_ref())
}

/// A request that a registered relying party signed, and whose parts fit.
fn authentic(
    federation: &Federation,
    configuration: &Configuration,
    message: String,
) -> Result<(ArtifactResolve, Arc<RelyingPartyTrust>), Refusal> {
    let parse = |xml: &str| ArtifactResolve::parse(xml).map_err(|error| unreadable(&error));
    let claimed = parse(&message)?;
    let trust = relying_party(configuration, &claimed.issuer)?;
    let trusted = Received::from_body(message).authenticate(&trust, claimed.is_signed)?;
    if !trusted.signed {
        return Err(Refusal::SignatureRequired);
    }
    // From here on only what the signature covers.
    let request = parse(&trusted.xml)?;
    if request.issuer != claimed.issuer {
        return Err(Refusal::SignatureInvalid);
    }
    if !is_at(configuration, PATH, request.destination.as_deref()) {
        return Err(Refusal::Destination);
    }
    if !is_timely(configuration, request.issue_instant, federation.clock.now()) {
        return Err(Refusal::MessageTime);
    }
    Ok((request, trust))
}

fn answer(
    federation: &Federation,
    configuration: &Configuration,
    trust: &RelyingPartyTrust,
    request: &ArtifactResolve,
    message: Option<&StoredMessage>,
) -> Result<String, ResolveError> {
    let signing = federation.keys.token_signing();
    let written = write_artifact_response(&ArtifactResponseParts {
        id: &format!("_{}", ids::guid()),
        issue_instant: federation.clock.now(),
        in_response_to: &request.id,
        issuer: &configuration.service.identifier,
        status: &Status::success(),
        message,
        sign: (signing.key(), trust.signature_algorithm),
    })?;
    Ok(soap11::envelope(&written)?)
}
