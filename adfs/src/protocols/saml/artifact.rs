//! Messages that go by artifact: the browser carries a name, and the relying party fetches the message (spec
//! passive-sign-in 3.11, SAML 2.0 Bindings 3.6).

use federation::saml2::{Artifact, StoredMessage};
use federation::xml::Fragment;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;
use uuid::Uuid;

use super::sealing;
use crate::config::{Configuration, RelyingPartyTrust};
use crate::ids;
use crate::state::Federation;
use crate::store::StoreError;

/// Index of the one artifact resolution service in our metadata.
const ENDPOINT_INDEX: u16 = 0;
const PURPOSE: &str = "SAML message by artifact";

/// Why a message cannot be kept.
#[derive(Debug, Error)]
pub enum ArtifactError {
    /// It cannot be put into an answer later.
    #[error("the message cannot be kept for the artifact binding: {0}")]
    Message(#[from] federation::IssueError),
    /// It is too large.
    #[error(
        "the message is too large to be kept for the artifact binding; let the relying party's rules issue less"
    )]
    TooLarge,
    /// Too many wait.
    #[error(
        "too many messages wait to be fetched by artifact; do the relying parties reach the artifact resolution service?"
    )]
    Full,
    /// No random octets.
    #[error("no artifact can be made: {0}")]
    Random(#[from] openssl::error::ErrorStack),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The registered address.
    #[error("the address of the relying party's artifact consumer is none")]
    Address,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    relying_party: Uuid,
    message: String,
}

/// Keeps `message` for the delivery window. The result is the address that the browser goes to.
pub(super) async fn send(
    federation: &Federation,
    configuration: &Configuration,
    trust: &RelyingPartyTrust,
    consumer: &str,
    relay_state: Option<&str>,
    message: &Fragment,
) -> Result<String, ArtifactError> {
    let mut address = Url::parse(consumer).map_err(|_| ArtifactError::Address)?;
    let kept = Kept {
        relying_party: trust.object_identifier,
        message: StoredMessage::text(message)?.to_owned(),
    };
    let sealed = sealing::seal(&federation.keys, PURPOSE, &kept).ok_or(ArtifactError::TooLarge)?;
    let artifact = Artifact::new(
        &configuration.service.identifier,
        ENDPOINT_INDEX,
        ids::random()?,
    );
    let now = federation.clock.now();
    let expires = now + configuration.properties.saml_message_delivery_window;
    let kept = federation
        .store
        .keep_artifact(
            artifact.handle(),
            trust.object_identifier,
            &sealed,
            now,
            expires,
        )
        .await?;
    if !kept {
        return Err(ArtifactError::Full);
    }
    let mut query = address.query_pairs_mut();
    query.append_pair("SAMLart", &artifact.encode());
    if let Some(relay_state) = relay_state {
        query.append_pair("RelayState", relay_state);
    }
    drop(query);
    Ok(address.into())
}

/// Gives out the message of `artifact` to the relying party that it was made for, once. `None` for everything else (SAML
/// 2.0 Core 3.5.3 keeps the reasons to itself).
pub(super) async fn take(
    federation: &Federation,
    configuration: &Configuration,
    trust: &RelyingPartyTrust,
    artifact: &str,
) -> Result<Option<StoredMessage>, StoreError> {
    let Ok(artifact) = Artifact::parse(artifact) else {
        return Ok(None);
    };
    let ours = artifact.is_of(&configuration.service.identifier)
        && artifact.endpoint_index() == ENDPOINT_INDEX;
    if !ours {
        return Ok(None);
    }
    let party = trust.object_identifier;
    let sealed = federation
        .store
        .take_artifact(artifact.handle(), party, federation.clock.now())
        .await?;
    // What is sealed names the relying party too, so that a row moved within the store opens nothing.
    Ok(sealed
        .and_then(|sealed| sealing::open::<Kept>(&federation.keys, PURPOSE, &sealed))
        .filter(|kept| kept.relying_party == party)
        .and_then(|kept| StoredMessage::restore(kept.message).ok()))
}
