//! What all connections share.

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use crate::config::{Configuration, HostName};
use crate::routing::Routes;
use crate::service::{FederationService, ServiceError, Upstream, UpstreamTls};
use crate::trust::{StateFolder, TrustIdentity};

/// Shared by the listeners and by those who keep it current.
pub(crate) struct State {
    pub(crate) configuration: Configuration,
    pub(crate) folder: StateFolder,
    pub(crate) proxy_name: String,
    /// Replaced as a whole; a request keeps the snapshot that it began with.
    pub(crate) routes: ArcSwap<Routes>,
    /// Connections that carry end clients' requests to the federation server.
    pub(crate) relay: ArcSwap<Upstream>,
    /// Connections of the control channel.
    pub(crate) control: ArcSwap<FederationService>,
    pub(crate) identity: ArcSwap<TrustIdentity>,
    /// Requests that may be under way to the federation server.
    pub(crate) service_slots: Semaphore,
}

impl State {
    pub(crate) fn new(
        configuration: Configuration,
        identity: TrustIdentity,
    ) -> Result<State, ServiceError> {
        let (relay, control) = connections(&configuration, &identity)?;
        Ok(State {
            folder: StateFolder::new(&configuration.trust.folder),
            proxy_name: configuration.proxy_name(),
            routes: ArcSwap::from_pointee(Routes::unknown(service_name(&configuration))),
            relay: ArcSwap::from_pointee(relay),
            control: ArcSwap::from_pointee(control),
            identity: ArcSwap::from_pointee(identity),
            service_slots: Semaphore::new(
                configuration
                    .limits
                    .service_requests
                    .min(Semaphore::MAX_PERMITS),
            ),
            configuration,
        })
    }

    /// Goes on with another trust certificate. Requests under way end on their old connections.
    pub(crate) fn adopt(&self, identity: TrustIdentity) -> Result<(), ServiceError> {
        let (relay, control) = connections(&self.configuration, &identity)?;
        self.relay.store(relay.into());
        self.control.store(control.into());
        self.identity.store(identity.into());
        Ok(())
    }
}

fn service_name(configuration: &Configuration) -> HostName {
    configuration.federation_service.name.clone()
}

fn connections(
    configuration: &Configuration,
    identity: &TrustIdentity,
) -> Result<(Upstream, FederationService), ServiceError> {
    let service = &configuration.federation_service;
    let tls = UpstreamTls {
        name: Some(service.name.as_str()),
        ca_file: service.ca_file.as_deref(),
        validate: true,
        identity: service.present_trust_certificate.then_some(identity),
    };
    let timeout = configuration.limits.connect_timeout.get();
    let relay = Upstream::new("https", &service.address().to_string(), &tls, timeout)?;
    let control = FederationService::new(service, &configuration.limits, Some(identity))?;
    Ok((relay, control))
}
