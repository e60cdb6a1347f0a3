//! The running proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use openssl::ssl::SslAcceptor;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Configuration;
use crate::follow::Follower;
use crate::front::{self, Front, TlsError};
use crate::service::ServiceError;
use crate::state::State;
use crate::trust::{StateFolder, TrustError};
use crate::{Refresh, probe, refresh, renewal};

/// Why the proxy does not start.
#[derive(Debug, Error)]
pub enum ServeError {
    /// No trust.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Connections to the federation server cannot be prepared.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Certificates of the listeners.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An address.
    #[error(
        "{address} cannot be listened on ({source}); check that nothing else uses it and that this user may"
    )]
    Listen {
        /// Address of `[[listen]]` or `[probe]`.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A proxy whose listeners are bound.
pub struct Server {
    state: Arc<State>,
    acceptor: Arc<ArcSwap<SslAcceptor>>,
    fronts: Vec<(TcpListener, u16)>,
    probe: Option<TcpListener>,
    refresh: Refresh,
}

impl Server {
    /// Loads trust and certificates, and binds the listeners. The federation server need not be there.
    ///
    /// # Errors
    /// Says what is absent and what to do.
    pub async fn bind(configuration: Configuration) -> Result<Server, ServeError> {
        let identity = StateFolder::new(&configuration.trust.folder).identity()?;
        let acceptor = ArcSwap::from_pointee(front::acceptor(&configuration.certificate)?);
        let mut fronts = Vec::new();
        for listener in &configuration.listen {
            let socket = bind(listener.address).await?;
            let bound = socket.local_addr().map_err(|source| ServeError::Listen {
                address: listener.address,
                source,
            })?;
            fronts.push((socket, listener.outside_port(bound.port())));
        }
        let probe = match &configuration.probe {
            Some(probe) => Some(bind(probe.address).await?),
            None => None,
        };
        let state = Arc::new(State::new(configuration, identity)?);
        Ok(Server {
            state,
            acceptor: Arc::new(acceptor),
            fronts,
            probe,
            refresh: Refresh::new(),
        })
    }

    /// Addresses of the listeners, in the order of the configuration.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.fronts
            .iter()
            .filter_map(|(listener, _)| listener.local_addr().ok())
            .collect()
    }

    /// Address of the probe's listener.
    pub fn probe_address(&self) -> Option<SocketAddr> {
        self.probe
            .as_ref()
            .and_then(|listener| listener.local_addr().ok())
    }

    /// Asks this proxy, once it runs, to look at its files and at the federation server at once.
    pub fn refresh(&self) -> Refresh {
        self.refresh.clone()
    }

    /// Serves until `stop`, then drains.
    pub async fn run(self, stop: CancellationToken) {
        let limits = &self.state.configuration.limits;
        let slots = front::slots(limits.connections);
        let addresses = front::addresses(limits.connections_per_address);
        let mut tasks = JoinSet::new();
        let follower = Follower::new(self.state.clone());
        for (listener, outside_port) in self.fronts {
            let front = Front {
                state: self.state.clone(),
                acceptor: self.acceptor.clone(),
                outside_port,
                slots: slots.clone(),
                addresses: addresses.clone(),
            };
            if let Ok(address) = listener.local_addr() {
                tracing::info!(%address, outside_port, "listening");
            }
            tasks.spawn(front::run(front, listener, stop.clone()));
        }
        if let Some(listener) = self.probe {
            tasks.spawn(probe::run(listener, stop.clone()));
        }
        tasks.spawn(follower.run(self.refresh.asked(), stop.clone()));
        tasks.spawn(refresh::certificates(
            self.state.configuration.certificate.clone(),
            self.acceptor,
            self.refresh.asked(),
            stop.clone(),
        ));
        tasks.spawn(renewal::run(self.state.clone(), stop.clone()));
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!("a part of the proxy failed: {error}");
            }
        }
        tracing::info!("stopped");
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen { address, source })
}
