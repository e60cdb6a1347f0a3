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
use tokio::sync::watch;

use super::{Body, RelayError};
use crate::front::UnderWay;
use crate::request::clean_response;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const CHUNK: usize = 16 * 1024;

/// An end client that waits for another protocol.
pub(crate) struct Upgrade {
    front: OnUpgrade,
    /// The connection counts against the limits, and is no idle one, for as long as the WebSocket lasts.
    under_way: UnderWay,
}

/// What the end client's request asks for, if it is a WebSocket.
pub(crate) fn wanted(request: &mut Request<Incoming>, under_way: UnderWay) -> Option<Upgrade> {
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
    (upgrades && websocket && fits).then(|| Upgrade {
        front: on(request),
        under_way,
    })
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
            let _under_way = self.under_way;
            if let Ok((front, back)) = tokio::try_join!(self.front, backend) {
                join(TokioIo::new(front), TokioIo::new(back), patience).await;
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

/// Carries bytes both ways until one side ends, or nothing has moved in either direction for `patience`: one may be
/// quiet for hours while the other is not.
async fn join(
    front: impl AsyncRead + AsyncWrite,
    back: impl AsyncRead + AsyncWrite,
    patience: Duration,
) {
    let (front_read, front_write) = tokio::io::split(front);
    let (back_read, back_write) = tokio::io::split(back);
    let moved = watch::Sender::new(());
    let mut seen = moved.subscribe();
    let stillness =
        async { while let Ok(Ok(())) = tokio::time::timeout(patience, seen.changed()).await {} };
    // Whichever direction ends first ends both: a WebSocket has its own closing handshake.
    tokio::select! {
        _ = copy(front_read, back_write, &moved) => {}
        _ = copy(back_read, front_write, &moved) => {}
        () = stillness => {}
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    moved: &watch::Sender<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = from.read(&mut buffer).await?;
        let Some(mut bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return to.shutdown().await;
        };
        moved.send_replace(());
        while !bytes.is_empty() {
            if to.write_buf(&mut bytes).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            moved.send_replace(());
        }
        to.flush().await?;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn one_direction_may_be_quiet_while_the_other_is_not() {
        for front_speaks in [true, false] {
            let (mut browser, front) = tokio::io::duplex(64);
            let (mut server, back) = tokio::io::duplex(64);
            let start = Instant::now();
            let joined = tokio::spawn(join(front, back, PATIENCE));
            let (speaker, listener) = match front_speaks {
                true => (&mut browser, &mut server),
                false => (&mut server, &mut browser),
            };
            for _ in 0..10 {
                sleep(PATIENCE - Duration::from_secs(1)).await;
                speaker.write_all(b"tick").await.unwrap();
                let mut heard = [0; 4];
                listener.read_exact(&mut heard).await.unwrap();
                assert_eq!(&heard, b"tick");
            }
            joined.await.unwrap();
            assert_eq!(start.elapsed().as_secs(), 100, "then both are quiet");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_reads_nothing_does_not_hold_the_other_for_ever() {
        let (mut browser, front) = tokio::io::duplex(64);
        let (_server, back) = tokio::io::duplex(64);
        let joined = tokio::spawn(join(front, back, PATIENCE));
        let wrote = browser.write_all(&[0; 64 * 1024]).await;
        assert_eq!(wrote.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        joined.await.unwrap();
    }
}
