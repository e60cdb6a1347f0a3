//! One connection to one server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchOptions, StdStream,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::entry::Entry;
use super::filter::Filter;
use crate::config::{ServerAddress, Transport};

/// Notices a peer that went away without a word while a connection waits in the pool.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Result of a search that found more than it was to return (RFC 4511 section 4.5.3).
const SIZE_LIMIT_EXCEEDED: u32 = 4;
const NO_SUCH_OBJECT: u32 = 32;

/// Why an operation has no result that says anything about an account.
#[derive(Debug)]
pub(super) enum Fault {
    /// Every connection is in use.
    Busy,
    /// No connection could be made.
    Connect(String),
    /// The connection broke, or what came over it was not LDAP.
    Lost(String),
    /// No answer in time.
    Timeout,
    /// The server does not take the service account.
    ServiceAccount(LdapResult),
    /// The server answered with an error.
    Answer(LdapResult),
}

/// Results by which a server says that it cannot serve now: operationsError, busy, unavailable.
const OUT_OF_ORDER: [u32; 3] = [1, 51, 52];

impl Fault {
    /// A result that is an answer, or a fault if it says that the server is out of order.
    pub(super) fn unless_served(result: LdapResult) -> Result<LdapResult, Fault> {
        if OUT_OF_ORDER.contains(&result.rc) {
            Err(Fault::Answer(result))
        } else {
            Ok(result)
        }
    }

    /// Whether another server may do better.
    pub(super) fn is_the_servers(&self) -> bool {
        match self {
            Fault::Answer(result) => OUT_OF_ORDER.contains(&result.rc),
            Fault::Busy
            | Fault::Connect(_)
            | Fault::Lost(_)
            | Fault::Timeout
            | Fault::ServiceAccount(_) => true,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Busy => formatter.write_str("every connection is in use"),
            Fault::Connect(reason) | Fault::Lost(reason) => formatter.write_str(reason),
            Fault::Timeout => formatter.write_str("no answer in time"),
            Fault::ServiceAccount(result) | Fault::Answer(result) => {
                write!(
                    formatter,
                    "LDAP result {}: {}",
                    result.rc,
                    printable(&result.text)
                )
            }
        }
    }
}

/// A server's own words, without what could disturb a log.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(300)
        .collect()
}

/// How to reach one server. The TLS side is prepared once: preparing it costs twenty times a handshake.
pub(super) struct Connector {
    pub(super) address: ServerAddress,
    url: Url,
    settings: LdapConnSettings,
    connect_timeout: Duration,
    operation_timeout: Duration,
}

impl Connector {
    pub(super) fn new(
        address: ServerAddress,
        tls: &native_tls::TlsConnector,
        connect_timeout: Duration,
        operation_timeout: Duration,
    ) -> Result<Arc<Connector>, url::ParseError> {
        let settings = LdapConnSettings::new()
            .set_connector(tls.clone())
            .set_starttls(address.transport() == Transport::StartTls);
        let url = Url::parse(&address.url())?;
        Ok(Arc::new(Connector {
            address,
            url,
            settings,
            connect_timeout,
            operation_timeout,
        }))
    }

    /// A new connection, protected as configured and bound to nobody.
    pub(super) async fn connect(&self) -> Result<Connection, Fault> {
        match timeout(self.connect_timeout, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err(Fault::Connect("no connection in time".to_owned())),
        }
    }

    async fn open(&self) -> Result<Connection, Fault> {
        let refused = |error: std::io::Error| Fault::Connect(error.to_string());
        let host = self
            .address
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let stream = TcpStream::connect((host, self.address.port()))
            .await
            .map_err(refused)?;
        if self.address.transport() == Transport::PlainLoopback {
            // The name was checked when the configuration was read; this is where it led.
            let peer = stream.peer_addr().map_err(refused)?;
            if !peer.ip().is_loopback() {
                return Err(Fault::Connect(format!(
                    "{peer} is not this machine, and passwords would be unprotected"
                )));
            }
        }
        stream.set_nodelay(true).map_err(refused)?;
        SockRef::from(&stream)
            .set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))
            .map_err(refused)?;
        let stream = StdStream::Tcp(stream.into_std().map_err(refused)?);
        let settings = self.settings.clone().set_std_stream(stream);
        let opened = LdapConnAsync::from_url_with_settings(settings, &self.url).await;
        let (driver, ldap) = opened.map_err(|error| Fault::Connect(error.to_string()))?;
        tokio::spawn(async move {
            if let Err(error) = driver.drive().await {
                tracing::debug!(%error, "a connection to a directory ended");
            }
        });
        Ok(Connection {
            ldap,
            operation_timeout: self.operation_timeout,
            usable: true,
        })
    }
}

/// A search.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) base: String,
    pub(super) scope: Scope,
    pub(super) filter: Filter,
    pub(super) attributes: Arc<[String]>,
    pub(super) limit: usize,
}

/// What a search found: at most the limit, and whether there is more.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) entries: Vec<Entry>,
    pub(super) more: bool,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection {
    ldap: Ldap,
    operation_timeout: Duration,
    /// False from the start of an operation to its proper end, so that one that was cut short is never used again.
    usable: bool,
}

impl Connection {
    pub(super) fn is_usable(&mut self) -> bool {
        self.usable && !self.ldap.is_closed()
    }

    /// A simple bind. Whoever was bound before is not any more, whatever the result (RFC 4511 section 4.2.1).
    pub(super) async fn bind(&mut self, dn: &str, password: &str) -> Result<LdapResult, Fault> {
        // An empty name or password would ask for an anonymous bind, which succeeds (RFC 4513 section 5.1).
        if dn.is_empty() || password.is_empty() {
            return Err(Fault::Lost(
                "a bind without a name or a password is never sent".to_owned(),
            ));
        }
        self.usable = false;
        let result = timeout(self.operation_timeout, self.ldap.simple_bind(dn, password)).await;
        let result = result.map_err(|_| Fault::Timeout)?.map_err(lost)?;
        self.usable = true;
        Ok(result)
    }

    /// A search. Referrals are not followed: they could lead a password anywhere (spec security PWD-5).
    pub(super) async fn search(&mut self, search: &Search) -> Result<Found, Fault> {
        self.usable = false;
        let found = timeout(self.operation_timeout, self.collect(search))
            .await
            .map_err(|_| Fault::Timeout)??;
        self.usable = true;
        Ok(found)
    }

    async fn collect(&mut self, search: &Search) -> Result<Found, Fault> {
        let limit = i32::try_from(search.limit).unwrap_or(i32::MAX);
        let seconds = i32::try_from(self.operation_timeout.as_secs()).unwrap_or(i32::MAX);
        let options = SearchOptions::new().sizelimit(limit).timelimit(seconds);
        let mut stream = self
            .ldap
            .with_search_options(options)
            .streaming_search(
                &search.base,
                search.scope,
                search.filter.as_str(),
                search.attributes.to_vec(),
            )
            .await
            .map_err(lost)?;
        let mut entries = Vec::new();
        while let Some(item) = stream.next().await.map_err(lost)? {
            if item.is_ref() || item.is_intermediate() {
                continue;
            }
            if entries.len() == search.limit {
                return Err(Fault::Lost(
                    "the server returns more entries than it was asked for".to_owned(),
                ));
            }
            let entry = Entry::read(item.0)
                .ok_or_else(|| Fault::Lost("the server returns a broken entry".to_owned()))?;
            entries.push(entry);
        }
        let result = stream.finish().await;
        match result.rc {
            0 => Ok(Found {
                entries,
                more: false,
            }),
            SIZE_LIMIT_EXCEEDED => Ok(Found {
                entries,
                more: true,
            }),
            NO_SUCH_OBJECT => Ok(Found {
                entries: Vec::new(),
                more: false,
            }),
            _ => Err(Fault::Answer(result)),
        }
    }
}

fn lost(error: LdapError) -> Fault {
    match error {
        LdapError::LdapResult { result } => Fault::Answer(result),
        other => Fault::Lost(other.to_string()),
    }
}
