//! Listeners: TLS by server name, bounded connections, HTTP/1.1 and HTTP/2.

mod address_count;
mod handle;
mod patient;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use openssl::ssl::{Ssl, SslAcceptor};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_openssl::SslStream;
use tokio_util::sync::CancellationToken;

use crate::routing::Arrival;
use crate::state::State;
use address_count::AddressCount;
use patient::Patient;
pub use tls::TlsError;
pub(crate) use tls::acceptor;

/// HTTP/2 pings this often, and ends connections that do not answer as long.
const PING: Duration = Duration::from_secs(20);
/// Accepting fails when descriptors run out; trying at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One listener and what it shares with the others.
pub(crate) struct Front {
    pub(crate) state: Arc<State>,
    /// Replaced when the certificate files are read again.
    pub(crate) acceptor: Arc<ArcSwap<SslAcceptor>>,
    pub(crate) outside_port: u16,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) addresses: AddressCount,
}

/// Connections of all listeners.
pub(crate) fn slots(limit: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)))
}

/// Counts connections by address, for all listeners.
pub(crate) fn addresses(limit: usize) -> AddressCount {
    AddressCount::new(limit)
}

/// Serves until `stop`, then gives what is under way its time to end.
pub(crate) async fn run(front: Front, listener: TcpListener, stop: CancellationToken) {
    let front = Arc::new(front);
    let drain = front.state.configuration.limits.drain.get();
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let client = peer.ip().to_canonical();
        // Over a limit the connection is closed before it costs a handshake.
        let Some(counted) = front.addresses.enter(client) else {
            tracing::warn!(%client, "a connection is refused: its address has too many");
            continue;
        };
        let Ok(slot) = front.slots.clone().try_acquire_owned() else {
            tracing::warn!(%client, "a connection is refused: there are too many");
            continue;
        };
        let (front, watcher) = (front.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _held = (counted, slot);
            serve(&front, stream, client, watcher).await;
        });
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            seconds = drain.as_secs(),
            "requests that did not end in time are cut off"
        );
    }
}

async fn serve(front: &Front, stream: TcpStream, client: std::net::IpAddr, watcher: Watcher) {
    let limits = &front.state.configuration.limits;
    let _ = stream.set_nodelay(true);
    let patient = Patient::new(stream, limits.body_timeout.get());
    let handshake = async {
        let ssl = Ssl::new(front.acceptor.load().context()).map_err(openssl::ssl::Error::from)?;
        let mut stream = SslStream::new(ssl, patient)?;
        std::pin::Pin::new(&mut stream).accept().await?;
        Ok::<_, openssl::ssl::Error>(stream)
    };
    let stream = match tokio::time::timeout(limits.header_timeout.get(), handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%client, "a TLS handshake failed: {error}"),
        Err(_) => return tracing::debug!(%client, "a TLS handshake took too long"),
    };
    let name = stream.ssl().servername(openssl::ssl::NameType::HOST_NAME);
    let Some(server_name) = name.map(str::to_ascii_lowercase) else {
        return;
    };
    let arrival = Arrival {
        server_name,
        outside_port: front.outside_port,
    };
    let shared = Arc::new((front.state.clone(), arrival));
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { handle::handle(&shared.0, client, &shared.1, request).await }
    });
    let builder = builder(limits);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%client, "a connection ended: {error}");
    }
}

fn builder(limits: &crate::config::Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout.get())
        .max_headers(limits.header_fields)
        .max_buf_size(limits.header_bytes.max(MIN_BUFFER));
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_list_bytes())
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(100)
        .initial_stream_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .max_send_buf_size(256 * 1024);
    builder
}

/// The HTTP library takes no smaller one.
const MIN_BUFFER: usize = 8192;
