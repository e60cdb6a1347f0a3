//! Renewal of the trust certificate (spec proxy-integration 2.2, 8.3): in time, unattended, and such that an
//! interruption at any step leaves a certificate that the server trusts.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::service::{FederationService, ServiceError};
use crate::state::State;
use crate::trust::{DEFAULT_LIFETIME_MINUTES, TrustIdentity};

/// How often the remaining life is looked at; the interval of Windows proxies.
const INTERVAL: Duration = Duration::from_secs(8 * 60 * 60);
/// How long after a failure the next try comes.
const RETRY: Duration = Duration::from_secs(5 * 60);

/// Whether less than two thirds of a certificate's life are left.
pub(crate) fn is_due(
    validity: Option<(OffsetDateTime, OffsetDateTime)>,
    now: OffsetDateTime,
) -> bool {
    validity.is_none_or(|(first, last)| (last - now) * 3 < (last - first) * 2)
}

/// Renews whenever it is due, until `stop`.
pub(crate) async fn run(state: Arc<State>, stop: CancellationToken) {
    loop {
        let pause = match step(&state, clock::now()).await {
            Ok(()) => INTERVAL,
            Err(error) => {
                tracing::warn!(
                    event_id = 394,
                    "the proxy trust could not be renewed: {error}"
                );
                RETRY
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One look, and one renewal if it is due.
pub(crate) async fn step(state: &State, now: OffsetDateTime) -> Result<(), ServiceError> {
    if let Some(successor) = state.folder.successor()? {
        // The server's answer to an earlier offer may have been lost; its word on the certificate itself decides.
        match check(state, &successor).await {
            Ok(()) => return adopt(state, successor),
            Err(ServiceError::TrustRefused) => state.folder.forget_successor()?,
            Err(error) => return Err(error),
        }
    }
    if !is_due(state.identity.load().validity(), now) {
        return Ok(());
    }
    let control = state.control.load_full();
    let hint = control
        .configuration()
        .await?
        .value
        .service_configuration
        .proxy_trust_certificate_lifetime;
    let minutes = if hint == 0 {
        DEFAULT_LIFETIME_MINUTES
    } else {
        hint
    };
    let name = state.proxy_name.clone();
    let making =
        tokio::task::spawn_blocking(move || TrustIdentity::make(&name, minutes, now)).await;
    let successor = making.map_err(|error| ServiceError::Internal(error.to_string()))??;
    state.folder.save_successor(&successor)?;
    control.renew_trust(&successor).await?;
    check(state, &successor).await?;
    adopt(state, successor)
}

async fn check(state: &State, identity: &TrustIdentity) -> Result<(), ServiceError> {
    let configuration = &state.configuration;
    let service = FederationService::new(
        &configuration.federation_service,
        &configuration.limits,
        Some(identity),
    )?;
    service.configuration().await.map(|_| ())
}

fn adopt(state: &State, successor: TrustIdentity) -> Result<(), ServiceError> {
    state.folder.save_identity(&successor)?;
    tracing::info!(
        event_id = 396,
        thumbprint = successor.thumbprint(),
        "the proxy trust was renewed"
    );
    state.adopt(successor)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_third_of_the_life_is_used_before_renewal() {
        let validity = Some((
            datetime!(2026-01-01 00:00 UTC),
            datetime!(2026-01-16 00:00 UTC),
        ));
        assert!(!is_due(validity, datetime!(2026-01-05 00:00 UTC)));
        assert!(is_due(validity, datetime!(2026-01-06 00:01 UTC)));
        assert!(is_due(validity, datetime!(2026-02-01 00:00 UTC)));
        assert!(is_due(None, datetime!(2026-01-01 00:00 UTC)));
    }
}
