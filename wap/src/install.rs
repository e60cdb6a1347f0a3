//! Establishing trust with the federation server (spec proxy-integration 8.1).

use std::time::Duration;

use crate::clock;
use crate::config::Configuration;
use crate::service::{Credentials, FederationService, ServiceError};
use crate::trust::{DEFAULT_LIFETIME_MINUTES, StateFolder, TrustIdentity};

/// How long other nodes of a farm may take to learn of the new trust (spec proxy-integration 1.2 and 9.2 no. 40).
pub const SYNCHRONISATION: Duration = Duration::from_secs(5 * 60);
const PAUSE: Duration = Duration::from_secs(2);

/// What an installation did.
#[derive(Debug)]
pub struct Installed {
    /// SHA-256 of the trust certificate.
    pub thumbprint: String,
    /// Endpoints that the server lists.
    pub endpoints: usize,
    /// Whether the trust was there already, and only checked.
    pub already: bool,
}

/// Makes a key and a certificate, has the server trust it, and saves it. When the trust that is saved still holds,
/// nothing is changed.
///
/// # Errors
/// When the server refuses or cannot be reached; then nothing is saved.
pub async fn install(
    configuration: &Configuration,
    credentials: &Credentials,
    patience: Duration,
) -> Result<Installed, ServiceError> {
    let folder = StateFolder::new(&configuration.trust.folder);
    folder.make()?;
    if let Ok(identity) = folder.identity() {
        let service = FederationService::new(
            &configuration.federation_service,
            &configuration.limits,
            Some(&identity),
        )?;
        match service.configuration().await {
            Ok(fetched) => {
                let endpoints = fetched.value.endpoint_configuration.endpoints.len();
                return Ok(Installed {
                    thumbprint: identity.thumbprint(),
                    endpoints,
                    already: true,
                });
            }
            Err(ServiceError::TrustRefused) => {
                tracing::info!("the saved trust does not hold any more; a new one is made")
            }
            Err(error) => return Err(error),
        }
    }
    let name = configuration.proxy_name();
    let making = tokio::task::spawn_blocking(move || {
        TrustIdentity::make(&name, DEFAULT_LIFETIME_MINUTES, clock::now())
    })
    .await;
    let identity = making.map_err(|error| ServiceError::Internal(error.to_string()))??;
    let anonymous = FederationService::new(
        &configuration.federation_service,
        &configuration.limits,
        None,
    )?;
    anonymous.establish_trust(credentials, &identity).await?;
    let trusted = FederationService::new(
        &configuration.federation_service,
        &configuration.limits,
        Some(&identity),
    )?;
    let fetched = wait(&trusted, patience).await?;
    folder.save_identity(&identity)?;
    folder.save_configuration(&fetched.json)?;
    let endpoints = fetched.value.endpoint_configuration.endpoints.len();
    Ok(Installed {
        thumbprint: identity.thumbprint(),
        endpoints,
        already: false,
    })
}

async fn wait(
    service: &FederationService,
    patience: Duration,
) -> Result<crate::service::Fetched<federation::proxy::Configuration>, ServiceError> {
    let end = tokio::time::Instant::now() + patience;
    loop {
        match service.configuration().await {
            Err(ServiceError::TrustRefused) if tokio::time::Instant::now() < end => {
                tracing::info!("the trust is being synchronised across the farm");
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}
