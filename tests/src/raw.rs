//! Octets over TLS, for requests that no well-behaved client can be made to send.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::X509;
use url::Url;

/// Longer than any time limit for a header or body of the programs under test.
const SILENCE_LIMIT: Duration = Duration::from_secs(45);
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// What came back until the peer closed or one answer was complete.
#[derive(Debug, Clone)]
pub struct RawAnswer {
    /// Status of the first answer; none when the peer closed without one.
    pub status: Option<u16>,
    /// Header of the first answer, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body of the first answer, as it came.
    pub body: String,
    /// Number of answers on the connection.
    pub answers: usize,
}

impl RawAnswer {
    /// A header of the first answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Sends `octets` to the host and port of `server`, and reads until the peer closes.
///
/// The request should ask for the connection to be closed; a peer that keeps it open is waited for in vain.
///
/// # Errors
/// When there is no connection, or the peer keeps silent too long.
pub fn exchange(server: &Url, ca_file: &Path, octets: &[u8]) -> Result<RawAnswer> {
    let mut stream = connect(server, ca_file)?;
    // A peer that refuses early may close before it has read everything, which is an answer too.
    let _ = stream.write_all(octets).and_then(|()| stream.flush());
    let mut answer = Vec::new();
    let mut buffer = [0_u8; 16 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => answer.extend(buffer.iter().take(length)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                bail!(
                    "{server} keeps the connection open and silent; until now came:\n{}",
                    String::from_utf8_lossy(&answer)
                )
            }
            // Reset, or closed without the TLS farewell: what came before is the answer.
            Err(_) => break,
        }
        if answer.len() > MAX_ANSWER {
            bail!("{server} answers with more than {MAX_ANSWER} bytes");
        }
    }
    Ok(parse(&answer))
}

/// The certificate that a server presents for the name in `server`.
///
/// # Errors
/// When there is no TLS connection.
pub fn certificate(server: &Url, ca_file: &Path) -> Result<X509> {
    connect(server, ca_file)?
        .ssl()
        .peer_certificate()
        .context("the server presented no certificate")
}

fn connect(server: &Url, ca_file: &Path) -> Result<SslStream<TcpStream>> {
    let host = server.host_str().context("an address without host")?;
    let port = server
        .port_or_known_default()
        .context("an address without port")?;
    let mut connector = SslConnector::builder(SslMethod::tls_client())?;
    connector
        .set_ca_file(ca_file)
        .with_context(|| format!("cannot read {}", ca_file.display()))?;
    connector.set_verify(SslVerifyMode::PEER);
    // HTTP/1.1 by its name, so that no server takes the octets for HTTP/2.
    connector.set_alpn_protos(b"\x08http/1.1")?;
    let tcp = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .with_context(|| format!("no connection to {server}"))?;
    tcp.set_read_timeout(Some(SILENCE_LIMIT))?;
    tcp.set_write_timeout(Some(SILENCE_LIMIT))?;
    connector
        .build()
        .connect(host, tcp)
        .map_err(|error| anyhow::anyhow!("no TLS with {server}: {error}"))
}

fn parse(answer: &[u8]) -> RawAnswer {
    let text = String::from_utf8_lossy(answer);
    let answers = text
        .match_indices("HTTP/1.")
        .filter(|(at, _)| *at == 0 || text[..*at].ends_with(['\n', '>', '}']))
        .count();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    RawAnswer {
        status,
        headers,
        body: body.to_owned(),
        answers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_and_the_first_is_read() {
        let answer =
            parse(b"HTTP/1.1 400 Bad Request\r\nX-A: 1\r\n\r\n<p>no</p>HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!((answer.status, answer.answers), (Some(400), 2));
        assert_eq!(answer.header("x-a"), Some("1"));
        assert_eq!(parse(b"").status, None);
        assert_eq!(parse(b"").answers, 0);
    }
}
