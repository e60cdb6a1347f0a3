//! From a configuration to a running server, and its life until a signal ends it.

use std::any::Any;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_tls::accept::openssl::TlsStream;
use actix_web::dev::{Extensions, Server};
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::follow_configuration::{self, Reloader};
use super::{
    CertificateFiles, PeerCertificate, SignInRate, TlsError, TlsIdentity, rollover, routes,
    watch_metadata,
};
use crate::clock::Clock;
use crate::config::Configuration;
use crate::state::{Federation, StartError};

/// First byte to last header (spec security 3.3); the handshake may take as long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// After this, requests still running are cut off at shutdown.
const SHUTDOWN_SECONDS: u64 = 10;
const BACKLOG: i32 = 1024;
/// Of one worker.
const MAX_CONNECTIONS: usize = 10_000;
const SPARE_DESCRIPTORS: usize = 256;
const UPKEEP: Duration = Duration::from_secs(60 * 60);

/// Why the server did not start or stopped.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Configuration, keys or store.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Certificate or key of the listener.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address}: {reason}; is another program using it, or may this user not open the port?"
    )]
    Listen {
        /// From the configuration.
        address: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// The system ended it.
    #[error("the server stopped: {0}")]
    Stopped(#[from] io::Error),
}

/// Serves until SIGTERM or SIGINT. SIGHUP, and a change of the configuration on disk, reload.
///
/// # Errors
/// When it cannot start, or a listener fails.
pub async fn serve(config: &Path) -> Result<(), ServeError> {
    // Looked at before it is read, so that no change falls between the two.
    let fingerprint = follow_configuration::fingerprint(config).await;
    let digest = follow_configuration::digest(config).await;
    let federation = Federation::open(config, Clock::system()).await?;
    let configuration = federation.configuration.load_full();
    let files = certificate_files(&configuration);
    let identity = TlsIdentity::load(&files)?;
    let stop = CancellationToken::new();

    let https = https_server(&federation, &configuration, &identity, &files, &stop)?;
    let probe = probe_server(&configuration, &stop)?;
    let upkeep = tokio::spawn(upkeep(Arc::clone(&federation)));
    let certificates = tokio::spawn(rollover::follow(Arc::clone(&federation)));
    let metadata = tokio::spawn(watch_metadata::follow(Arc::clone(&federation)));
    let reloader = Reloader::new(federation, identity, config, digest.unwrap_or_default()).await;
    let reloader = Arc::new(reloader);
    let signals = tokio::spawn(follow_signals(Arc::clone(&reloader), stop.clone()));
    let files = tokio::spawn(async move { reloader.follow_files(fingerprint).await });

    let ended = match probe {
        Some(probe) => tokio::try_join!(https, probe).map(|_| ()),
        None => https.await,
    };
    stop.cancel();
    signals.abort();
    files.abort();
    upkeep.abort();
    certificates.abort();
    metadata.abort();
    tracing::info!("stopped");
    Ok(ended?)
}

pub(super) fn certificate_files(configuration: &Configuration) -> CertificateFiles {
    CertificateFiles::new(
        &configuration.https.certificate,
        &configuration.https.private_key,
    )
}

fn https_server(
    federation: &Arc<Federation>,
    configuration: &Configuration,
    identity: &TlsIdentity,
    files: &CertificateFiles,
    stop: &CancellationToken,
) -> Result<Server, ServeError> {
    let federation = Data::from(Arc::clone(federation));
    let rate = Data::new(SignInRate::default());
    let connections = connection_limit();
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(federation.clone())
            .app_data(rate.clone())
            .configure(routes::configure)
    })
    .on_connect(remember_peer)
    // Without it answers wait for acknowledgements that clients delay by 40 ms.
    .tcp_nodelay(true)
    .max_connections(connections)
    .keep_alive(IDLE_TIMEOUT)
    .client_request_timeout(HEAD_TIMEOUT)
    .tls_handshake_timeout(HEAD_TIMEOUT)
    .disable_signals()
    .shutdown_signal(stop.clone().cancelled_owned())
    .shutdown_timeout(SHUTDOWN_SECONDS);
    for address in &configuration.https.listen {
        let listener = listener(*address)?;
        let bound = listener.local_addr().unwrap_or(*address);
        server = server
            .listen_openssl(listener, identity.acceptor(files)?)
            .map_err(|reason| ServeError::Listen {
                address: *address,
                reason,
            })?;
        tracing::info!(address = %bound, service = %configuration.service.host_name, "listening");
    }
    Ok(server.run())
}

/// Connections for each worker. Descriptors for everything else (directory, store, files) must be left, or strangers who
/// only connect could stop sign-ins that are under way.
fn connection_limit() -> usize {
    let limits = getrlimit(Resource::Nofile);
    // The soft limit is a relic of select(); nothing here uses that.
    let raised = Rlimit {
        current: limits.maximum,
        maximum: limits.maximum,
    };
    let descriptors = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limits.maximum,
        Err(_) => limits.current,
    };
    let descriptors = descriptors.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    (descriptors.saturating_sub(SPARE_DESCRIPTORS) / workers).clamp(64, MAX_CONNECTIONS)
}

/// Plain HTTP for load balancers: the probe and nothing else.
fn probe_server(
    configuration: &Configuration,
    stop: &CancellationToken,
) -> Result<Option<Server>, ServeError> {
    let addresses = &configuration.probe.listen;
    if addresses.is_empty() {
        return Ok(None);
    }
    let mut server = HttpServer::new(|| {
        App::new()
            .service(routes::probe())
            .default_service(web::to(HttpResponse::NotFound))
    })
    .workers(1)
    .tcp_nodelay(true)
    .keep_alive(Duration::from_secs(15))
    .client_request_timeout(HEAD_TIMEOUT)
    .disable_signals()
    .shutdown_signal(stop.clone().cancelled_owned())
    .shutdown_timeout(1);
    for address in addresses {
        server = server
            .listen(listener(*address)?)
            .map_err(|reason| ServeError::Listen {
                address: *address,
                reason,
            })?;
    }
    Ok(Some(server.run()))
}

fn listener(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let open = || -> io::Result<TcpListener> {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM,
            Some(socket2::Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    open().map_err(|reason| ServeError::Listen { address, reason })
}

fn remember_peer(connection: &dyn Any, data: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() {
        let certificate = stream
            .ssl()
            .peer_certificate()
            .and_then(|certificate| certificate.to_der().ok());
        data.insert(PeerCertificate(certificate));
    }
}

async fn follow_signals(reloader: Arc<Reloader>, stop: CancellationToken) {
    let streams = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    );
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = streams else {
        tracing::error!("signals cannot be followed; the server stops only when it is killed");
        return;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => reloader.reload().await,
        }
    }
    // First the deed: whatever reads the log may be gone.
    stop.cancel();
    tracing::info!("stopping");
}

/// Forgets what has expired in the store, at the start and every hour.
async fn upkeep(federation: Arc<Federation>) {
    let mut hours = tokio::time::interval(UPKEEP);
    loop {
        hours.tick().await;
        match federation.store.prune(federation.clock.now()).await {
            Ok(forgotten) => {
                tracing::debug!(forgotten, "expired entries of the store are forgotten")
            }
            Err(error) => {
                tracing::warn!(%error, "expired entries stay in the store until the next try in an hour")
            }
        }
    }
}
