//! The load balancers' probe: plain HTTP, one path (spec proxy-integration 2.12).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

const PATH: &str = "/adfs/probe";
/// Load balancers need few connections; strangers get no more.
const CONNECTIONS: usize = 64;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Serves until `stop`. From then on connections are refused, so that load balancers turn elsewhere.
pub(crate) async fn run(listener: TcpListener, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        tokio::spawn(async move {
            let _slot = slot;
            let serving = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(TIMEOUT)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service_fn(answer));
            // Who does not take the answer in time loses the connection.
            let _ = tokio::time::timeout(TIMEOUT * 2, serving).await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let fits = request.uri().path().eq_ignore_ascii_case(PATH);
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = match (fits, reads) {
        (true, true) => StatusCode::OK,
        (true, false) => StatusCode::METHOD_NOT_ALLOWED,
        (false, _) => StatusCode::NOT_FOUND,
    };
    Ok(response)
}
