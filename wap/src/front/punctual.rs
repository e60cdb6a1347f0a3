//! Deadlines for what a peer must send without being asked: the beginning of its connection, and the whole head of a
//! request once that has begun. The HTTP library has one timer for HTTP/1 heads, which counts idle time too, and none
//! for the HTTP/2 preface.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::connection::Connection;

/// `PRI * HTTP/2.0 …` (RFC 9113 section 3.4).
const PREFACE: usize = 24;

/// A connection whose reads fail when its peer is late.
pub(super) struct Punctual<S> {
    inner: S,
    connection: Arc<Connection>,
    within: Duration,
    awaited: Awaited,
    timer: Pin<Box<Sleep>>,
}

enum Awaited {
    /// So many bytes of the HTTP/2 preface; with none left, nothing ever again.
    Preface(usize),
    /// The head of the request after so many.
    Head(u64),
    /// HTTP/1 between requests.
    FirstByte,
}

impl<S> Punctual<S> {
    pub(super) fn http1(inner: S, connection: Arc<Connection>, within: Duration) -> Punctual<S> {
        let requests = connection.requests();
        Punctual::new(inner, connection, within, Awaited::Head(requests))
    }

    pub(super) fn http2(inner: S, connection: Arc<Connection>, within: Duration) -> Punctual<S> {
        Punctual::new(inner, connection, within, Awaited::Preface(PREFACE))
    }

    fn new(inner: S, connection: Arc<Connection>, within: Duration, awaited: Awaited) -> Self {
        Punctual {
            inner,
            connection,
            within,
            awaited,
            timer: Box::pin(tokio::time::sleep(within)),
        }
    }

    /// Whether the timer counts.
    fn is_waiting(&mut self) -> bool {
        match self.awaited {
            Awaited::Preface(left) => left > 0,
            Awaited::Head(before) => {
                let waiting = self.connection.requests() == before;
                if !waiting {
                    self.awaited = Awaited::FirstByte;
                }
                waiting
            }
            Awaited::FirstByte => false,
        }
    }

    fn came(&mut self, bytes: usize) {
        let begins = !self.is_waiting() && bytes > 0;
        match &mut self.awaited {
            Awaited::Preface(left) => *left = left.saturating_sub(bytes),
            // What comes while a request is under way is its body, or a WebSocket.
            Awaited::FirstByte if begins && !self.connection.is_busy() => {
                self.awaited = Awaited::Head(self.connection.requests());
                self.timer.as_mut().reset(Instant::now() + self.within);
            }
            Awaited::FirstByte | Awaited::Head(_) => {}
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Punctual<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let done = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.came(buffer.filled().len().saturating_sub(before));
        if done.is_pending() && self.is_waiting() {
            ready!(self.timer.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        done
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Punctual<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::{sleep, timeout};

    use super::super::connection::tests::connection;
    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);
    const LONG: Duration = Duration::from_secs(3600);

    /// Reads until there is nothing for `LONG` (none), or it fails (after so many seconds).
    async fn failed<S: AsyncRead + Unpin>(stream: &mut Punctual<S>) -> Option<u64> {
        let start = Instant::now();
        let mut buffer = [0; 64];
        loop {
            match timeout(LONG, stream.read(&mut buffer)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                    return Some(start.elapsed().as_secs());
                }
                Err(_) => return None,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_half_a_preface_end_a_connection() {
        for (sent, ends) in [
            (&b""[..], Some(10)),
            (b"PRI * HTTP/2.0\r\n", Some(10)),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
        ] {
            let (near, mut far) = tokio::io::duplex(64);
            let mut stream = Punctual::http2(near, connection(), WITHIN);
            far.write_all(sent).await.unwrap();
            assert_eq!(failed(&mut stream).await, ends, "{sent:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_late_from_its_first_byte_and_idle_time_is_free() {
        let (near, mut far) = tokio::io::duplex(64);
        let connection = connection();
        let mut stream = Punctual::http1(near, connection.clone(), WITHIN);
        let mut buffer = [0; 4];
        far.write_all(b"head").await.unwrap();
        stream.read_exact(&mut buffer).await.unwrap();
        let request = connection.begin();
        sleep(LONG).await;
        far.write_all(b"body").await.unwrap();
        stream.read_exact(&mut buffer).await.unwrap();
        assert!(timeout(LONG, stream.read(&mut buffer)).await.is_err());
        drop(request);
        assert!(timeout(LONG, stream.read(&mut buffer)).await.is_err());
        far.write_all(b"G").await.unwrap();
        let trickle = tokio::spawn(async move {
            while far.write_all(b"E").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        });
        assert_eq!(failed(&mut stream).await, Some(10));
        trickle.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_request_may_not_wait_either() {
        let (near, _far) = tokio::io::duplex(64);
        let mut stream = Punctual::http1(near, connection(), WITHIN);
        assert_eq!(failed(&mut stream).await, Some(10));
    }
}
