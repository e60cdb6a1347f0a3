//! Notes which relying parties fetch our metadata, and with it a certificate that is going to sign.

use actix_web::HttpRequest;

use super::context;
use crate::ids;
use crate::keys::TokenKeys;
use crate::state::Federation;
use crate::store::{CertificateSighting, StoreError};

/// After metadata that list the certificates of `keys` were given out. Only addresses that a trust names count, so that
/// strangers cannot fill the store.
pub(super) async fn note_fetch(request: &HttpRequest, federation: &Federation, keys: &TokenKeys) {
    if let Err(error) = note(request, federation, keys).await {
        tracing::warn!(%error, "it cannot be noted who has seen the token-signing certificates");
    }
}

async fn note(
    request: &HttpRequest,
    federation: &Federation,
    keys: &TokenKeys,
) -> Result<(), StoreError> {
    let configuration = federation.configuration.load_full();
    let trusts = configuration.relying_parties.iter();
    let mut readers = trusts
        .filter(|trust| !trust.metadata_readers.is_empty())
        .peekable();
    if readers.peek().is_none() {
        return Ok(());
    }
    let client = context::of(request, federation, ids::guid()).client_ip;
    let mut news = Vec::new();
    let seen = federation.clock.now();
    for trust in readers {
        if trust
            .metadata_readers
            .iter()
            .any(|range| range.contains(client))
        {
            news.extend(
                keys.signing_certificates()
                    .map(|certificate| CertificateSighting {
                        relying_party: trust.name.clone(),
                        thumbprint: certificate.thumbprint().to_owned(),
                        seen,
                        confirmed: false,
                    }),
            );
        }
    }
    if news.is_empty() {
        return Ok(());
    }
    // Reading is cheap, and most fetches bring nothing new.
    let known = federation.store.certificate_sightings().await?;
    news.retain(|one| {
        !known.iter().any(|known| {
            known.relying_party == one.relying_party && known.thumbprint == one.thumbprint
        })
    });
    for sighting in &news {
        federation.store.note_certificate_sighting(sighting).await?;
    }
    Ok(())
}
