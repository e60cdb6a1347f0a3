//! HTTP/1.1 or HTTP/2, as the handshake chose.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::handle;
use super::patient::Patient;
use super::punctual::Punctual;
use crate::config::Limits;
use crate::relay::Body;
use crate::state::State;

/// HTTP/2 pings this often, and ends connections that do not answer as long.
const PING: Duration = Duration::from_secs(20);
/// The HTTP library takes no smaller one.
const MIN_BUFFER: usize = 8192;

/// Serves requests until the peer leaves, or is idle for too long, or `stop`.
pub(super) async fn serve(
    state: Arc<State>,
    connection: Arc<Connection>,
    stream: SslStream<Patient<TcpStream>>,
    stop: &CancellationToken,
) -> hyper::Result<()> {
    let limits = state.configuration.limits.clone();
    let within = limits.header_timeout.get();
    let speaks_http2 = stream.ssl().selected_alpn_protocol() == Some(b"h2");
    let known = connection.clone();
    let service = service_fn(move |request| answer(state.clone(), known.clone(), request));
    if speaks_http2 {
        let stream = TokioIo::new(Punctual::http2(stream, connection.clone(), within));
        let serving = http2_builder(&limits).serve_connection(stream, service);
        // A peer that answers pings and asks for nothing would stay for ever.
        let idle = |span| connection.idle(span);
        let close = http2::Connection::graceful_shutdown;
        drive(serving, close, idle, limits.keep_alive.get(), stop).await
    } else {
        let stream = TokioIo::new(Punctual::http1(stream, connection, within));
        let serving = http1_builder(&limits).serve_connection(stream, service);
        let serving = serving.with_upgrades();
        let close = http1::UpgradeableConnection::graceful_shutdown;
        // Here the library counts idle time itself.
        let idle = |_| std::future::pending();
        drive(serving, close, idle, limits.keep_alive.get(), stop).await
    }
}

async fn answer(
    state: Arc<State>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let under_way = connection.begin();
    let response = handle::handle(&state, &connection, request).await?;
    Ok(response.map(|body| body.holding(under_way)))
}

/// Polls a connection to its end, which is asked for when it is idle for `span`, or at `stop`.
async fn drive<C: Future<Output = hyper::Result<()>>, I: Future<Output = ()>>(
    serving: C,
    close: impl FnOnce(Pin<&mut C>),
    idle: impl Fn(Duration) -> I,
    span: Duration,
    stop: &CancellationToken,
) -> hyper::Result<()> {
    let mut serving = pin!(serving);
    tokio::select! {
        ended = serving.as_mut() => return ended,
        () = stop.cancelled() => {}
        () = idle(span) => {}
    }
    close(serving.as_mut());
    // The library waits for the peer's consent, but a request may have crossed the farewell.
    let reluctant = async {
        tokio::time::sleep(PING).await;
        idle(PING).await;
    };
    tokio::select! {
        ended = serving => ended,
        () = reluctant => Ok(()),
    }
}

fn http1_builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // Idle time counts here; what begins has less (`Punctual`).
        .header_read_timeout(limits.keep_alive.get().max(limits.header_timeout.get()))
        .max_headers(limits.header_fields)
        .max_buf_size(limits.header_bytes.max(MIN_BUFFER));
    builder
}

fn http2_builder(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use tokio::time::{Instant, sleep};

    use super::*;

    const SPAN: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn an_idle_peer_that_ignores_the_farewell_is_left() {
        let start = Instant::now();
        let closed = Cell::new(0);
        let close = |_: Pin<&mut _>| closed.set(start.elapsed().as_secs());
        let stop = CancellationToken::new();
        drive(pending(), close, sleep, SPAN, &stop).await.unwrap();
        assert_eq!(closed.get(), 60);
        assert_eq!(start.elapsed(), SPAN + 2 * PING);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_with_requests_is_not() {
        let start = Instant::now();
        let stop = CancellationToken::new();
        stop.cancel();
        let long = async {
            sleep(Duration::from_secs(3600)).await;
            Ok(())
        };
        drive(long, |_| {}, |_| pending(), SPAN, &stop)
            .await
            .unwrap();
        assert_eq!(start.elapsed().as_secs(), 3600);
    }
}
