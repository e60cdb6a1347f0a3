//! Moves messages between a socket and a session, within limits of size and time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::LdapMsg;
use openssl::ssl::{Ssl, SslAcceptor};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_openssl::SslStream;
use tokio_util::codec::Encoder as _;

use super::ber::{RequestError, message_length};
use super::request;
use super::session::{Directory, Next, Session, disconnection};

/// What one client may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest request, in bytes.
    pub message_bytes: usize,
    /// The most connections at once; more are closed at once.
    pub connections: usize,
    /// How long a connection may be silent between requests. AD's MaxConnIdleTime is 15 minutes.
    pub idle: Duration,
    /// How long one message, or a TLS handshake, may take to come in or go out.
    pub transfer: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message_bytes: 64 * 1024,
            connections: 256,
            idle: Duration::from_secs(15 * 60),
            transfer: Duration::from_secs(30),
        }
    }
}

/// Why a connection ended before its client ended it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error("network: {0}")]
    Io(#[from] io::Error),
    #[error("TLS: {0}")]
    Tls(#[from] openssl::ssl::Error),
    #[error("TLS set-up: {0}")]
    TlsSetUp(#[from] openssl::error::ErrorStack),
    #[error("request: {0}")]
    Request(#[from] RequestError),
    #[error("too slow, or silent for too long")]
    TimedOut,
    #[error("data after StartTLS, before the handshake")]
    StartTlsInjection,
}

impl From<tokio::time::error::Elapsed> for ConnectionError {
    fn from(_: tokio::time::error::Elapsed) -> ConnectionError {
        ConnectionError::TimedOut
    }
}

/// Serves a connection that begins in clear.
pub(super) async fn serve_clear(
    mut stream: TcpStream,
    directory: Arc<Directory>,
    acceptor: Option<SslAcceptor>,
    limits: Limits,
) -> Result<(), ConnectionError> {
    let end = converse(&mut stream, directory.clone(), false, limits).await?;
    match (end, acceptor) {
        (Next::StartTls, Some(acceptor)) => serve_tls(stream, directory, &acceptor, limits).await,
        _ => Ok(()),
    }
}

/// Serves a connection that begins with a TLS handshake.
pub(super) async fn serve_tls(
    stream: TcpStream,
    directory: Arc<Directory>,
    acceptor: &SslAcceptor,
    limits: Limits,
) -> Result<(), ConnectionError> {
    let mut stream = SslStream::new(Ssl::new(acceptor.context())?, stream)?;
    timeout(limits.transfer, Pin::new(&mut stream).accept()).await??;
    converse(&mut stream, directory, true, limits).await?;
    // The client may be gone already; it got all its answers.
    let _ = timeout(limits.transfer, stream.shutdown()).await;
    Ok(())
}

/// Answers requests until the client ends, or wants StartTLS.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    directory: Arc<Directory>,
    tls: bool,
    limits: Limits,
) -> Result<Next, ConnectionError> {
    let delay = directory.answer_delay;
    let mut session = Session::new(directory, tls);
    let mut buffer = BytesMut::new();
    loop {
        let message = match next_message(stream, &mut buffer, limits).await {
            Ok(Some(bytes)) => request::decode(&bytes).map_err(ConnectionError::from),
            Ok(None) => return Ok(Next::Close),
            Err(error) => Err(error),
        };
        let message = match message {
            Ok(message) => message,
            Err(ConnectionError::Request(error)) => {
                send(stream, vec![disconnection(&error.to_string())], limits).await?;
                return Err(error.into());
            }
            Err(error) => return Err(error),
        };
        let (answers, next) = session.answer(message);
        // Bytes that came in clear must not be read as if they had come through TLS (security PWD-4).
        if next == Next::StartTls && !buffer.is_empty() {
            return Err(ConnectionError::StartTlsInjection);
        }
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        send(stream, answers, limits).await?;
        if next != Next::Continue {
            return Ok(next);
        }
    }
}

/// The bytes of the next whole message; none when the client ended the connection.
async fn next_message<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut BytesMut,
    limits: Limits,
) -> Result<Option<BytesMut>, ConnectionError> {
    if buffer.is_empty() && timeout(limits.idle, stream.read_buf(buffer)).await?? == 0 {
        return Ok(None);
    }
    timeout(limits.transfer, async {
        loop {
            match message_length(buffer, limits.message_bytes)? {
                Some(length) if buffer.len() >= length => return Ok(Some(buffer.split_to(length))),
                _ if stream.read_buf(buffer).await? == 0 => return Ok(None),
                _ => {}
            }
        }
    })
    .await?
}

async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    messages: Vec<LdapMsg>,
    limits: Limits,
) -> Result<(), ConnectionError> {
    let mut bytes = BytesMut::new();
    let mut codec = LdapCodec::default();
    for message in messages {
        codec.encode(message, &mut bytes)?;
    }
    timeout(limits.transfer, async {
        stream.write_all(&bytes).await?;
        stream.flush().await
    })
    .await??;
    Ok(())
}
