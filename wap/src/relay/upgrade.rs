//! WebSocket connections (RFC 6455), for applications that have them enabled. Bytes flow only after the back end's own
//! 101 (spec security PRX-4).

use std::io;
use std::time::Duration;

use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, on};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{Body, RelayError};
use crate::request::clean_response;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const CHUNK: usize = 16 * 1024;

/// An end client that waits for another protocol.
pub(crate) struct Upgrade(OnUpgrade);

/// What the end client's request asks for, if it is a WebSocket.
pub(crate) fn wanted(request: &mut Request<Incoming>) -> Option<Upgrade> {
    let headers = request.headers();
    let mut connection = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let upgrades = connection.any(|value| {
        value
            .split(',')
            .any(|name| name.trim().eq_ignore_ascii_case("upgrade"))
    });
    let mut protocols = headers.get_all(UPGRADE).iter();
    let websocket = protocols.next().is_some_and(is_websocket) && protocols.next().is_none();
    let fits = request.version() == Version::HTTP_11 && request.method() == Method::GET;
    (upgrades && websocket && fits).then(|| Upgrade(on(request)))
}

/// Asks the back end for it.
pub(super) fn ask(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, WEBSOCKET);
}

impl Upgrade {
    /// Joins both sides after the back end's 101.
    pub(super) fn join(
        self,
        response: &mut Response<Incoming>,
        patience: Duration,
    ) -> Result<Response<Body>, RelayError> {
        if !response.headers().get(UPGRADE).is_some_and(is_websocket) {
            return Err(RelayError::Upgrade);
        }
        let mut headers = clean_response(response.headers());
        ask(&mut headers);
        let backend = on(response);
        tokio::spawn(async move {
            if let Ok((front, back)) = tokio::try_join!(self.0, backend) {
                let (front_read, front_write) = tokio::io::split(TokioIo::new(front));
                let (back_read, back_write) = tokio::io::split(TokioIo::new(back));
                // Whichever direction ends first ends both: a WebSocket has its own closing handshake.
                tokio::select! {
                    _ = copy(front_read, back_write, patience) => {}
                    _ = copy(back_read, front_write, patience) => {}
                }
            }
        });
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *answer.headers_mut() = headers;
        Ok(answer)
    }
}

fn is_websocket(value: &HeaderValue) -> bool {
    value.as_bytes().eq_ignore_ascii_case(b"websocket")
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    patience: Duration,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = tokio::time::timeout(patience, from.read(&mut buffer)).await??;
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return to.shutdown().await;
        };
        tokio::time::timeout(patience, to.write_all(bytes)).await??;
        to.flush().await?;
    }
}
