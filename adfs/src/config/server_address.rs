//! Addresses of directory servers, and how connections to them are protected.

use std::net::IpAddr;

use url::Url;

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TLS from the first octet.
    Ldaps,
    /// TLS after a StartTLS operation; nothing is said before it.
    StartTls,
    /// None, to this very machine only.
    PlainLoopback,
}

/// A server. That a plain one is on this machine was checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    host: String,
    port: u16,
    transport: Transport,
}

impl ServerAddress {
    /// Reads `ldaps://host[:port]` or `ldap://host[:port]`.
    ///
    /// # Errors
    /// Says why the address does not serve, most often because passwords would travel unprotected.
    pub fn parse(text: &str, start_tls: bool, allow_plain: bool) -> Result<ServerAddress, String> {
        let url =
            Url::parse(text).map_err(|error| format!("{text:?} is not an address ({error})"))?;
        let bare =
            matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(format!(
                "{text:?} holds more than a scheme, a host and a port"
            ));
        }
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| format!("{text:?} names no host"))?;
        let transport = match (url.scheme(), start_tls) {
            ("ldaps", false) => Transport::Ldaps,
            ("ldaps", true) => {
                return Err(format!(
                    "{text:?} is protected already and cannot use StartTLS"
                ));
            }
            ("ldap", true) => Transport::StartTls,
            ("ldap", false) if allow_plain && is_this_machine(host) => Transport::PlainLoopback,
            ("ldap", false) => {
                return Err(format!("passwords would travel to {text:?} unprotected"));
            }
            (scheme, _) => return Err(format!("{scheme:?} is not a way to reach a directory")),
        };
        let port = url.port().unwrap_or(if transport == Transport::Ldaps {
            636
        } else {
            389
        });
        Ok(ServerAddress {
            host: host.to_owned(),
            port,
            transport,
        })
    }

    /// Name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Protection.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// As a URL.
    pub fn url(&self) -> String {
        let scheme = if self.transport == Transport::Ldaps {
            "ldaps"
        } else {
            "ldap"
        };
        format!("{scheme}://{}:{}", self.host, self.port)
    }
}

pub(super) fn is_this_machine(host: &str) -> bool {
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    address.map_or_else(|_| host == "localhost", |address| address.is_loopback())
}
