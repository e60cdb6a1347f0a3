//! Listeners: TLS by server name, bounded connections, HTTP/1.1 and HTTP/2.

mod address_count;
mod connection;
mod handle;
mod patient;
mod protocol;
mod punctual;
mod tls;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use openssl::ssl::{Ssl, SslAcceptor};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_openssl::SslStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::routing::Arrival;
use crate::state::State;
use address_count::AddressCount;
pub(crate) use connection::UnderWay;
use connection::{Connection, Place};
use patient::Patient;
pub use tls::TlsError;
pub(crate) use tls::acceptor;

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
    let connections = TaskTracker::new();
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
        let place = Place {
            _of_address: counted,
            _of_all: slot,
        };
        connections.spawn(serve(front.clone(), stream, client, place, stop.clone()));
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(drain, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            seconds = drain.as_secs(),
            "requests that did not end in time are cut off"
        );
    }
}

/// One connection, from its handshake on.
async fn serve(
    front: Arc<Front>,
    stream: TcpStream,
    client: IpAddr,
    place: Place,
    stop: CancellationToken,
) {
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
    let connection = Connection::new(client, arrival, place);
    if let Err(error) = protocol::serve(front.state.clone(), connection, stream, &stop).await {
        tracing::debug!(%client, "a connection ended: {error}");
    }
}
