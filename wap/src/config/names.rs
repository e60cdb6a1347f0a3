//! Values of the configuration that carry their own rules, so that a wrong one is found at its line.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

/// A DNS name in lower case, without a last dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct HostName(String);

impl HostName {
    /// Checks a name: labels of letters, digits, `-` and `_`, 253 characters in all.
    ///
    /// # Errors
    /// Says what a name looks like.
    pub fn parse(text: &str) -> Result<HostName, String> {
        let label = |label: &str| {
            let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            (1..=63).contains(&label.len())
                && label.bytes().all(inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let address = text.parse::<std::net::IpAddr>().is_ok();
        if text.len() > 253 || address || !text.split('.').all(label) {
            return Err(format!(
                "{text:?} is no host name; write one such as \"sts.contoso.com\""
            ));
        }
        Ok(HostName(text.to_ascii_lowercase()))
    }

    /// The name, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HostName {
    type Error = String;

    fn try_from(text: String) -> Result<HostName, String> {
        HostName::parse(&text)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A host name, or `*.` and a host name for every name with one label more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum HostPattern {
    /// This name.
    Exact(HostName),
    /// One label before this name.
    Below(HostName),
}

impl HostPattern {
    /// Checks a pattern.
    ///
    /// # Errors
    /// As [`HostName::parse`].
    pub fn parse(text: &str) -> Result<HostPattern, String> {
        match text.strip_prefix("*.") {
            Some(parent) => HostName::parse(parent).map(HostPattern::Below),
            None => HostName::parse(text).map(HostPattern::Exact),
        }
    }

    /// Whether a host in lower case is meant.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            HostPattern::Exact(name) => name.as_str() == host,
            HostPattern::Below(parent) => host
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest == parent.as_str()),
        }
    }

    /// Whether it names one host only.
    pub fn is_exact(&self) -> bool {
        matches!(self, HostPattern::Exact(_))
    }
}

impl TryFrom<String> for HostPattern {
    type Error = String;

    fn try_from(text: String) -> Result<HostPattern, String> {
        HostPattern::parse(&text)
    }
}

/// `host:port`, where the host may be a name, an IPv4 address or an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ConnectAddress {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl TryFrom<String> for ConnectAddress {
    type Error = String;

    fn try_from(text: String) -> Result<ConnectAddress, String> {
        let wrong = || {
            format!(
                "{text:?} is no address; write host:port, such as \"adfs.corp.contoso.com:443\""
            )
        };
        if let Ok(address) = text.parse::<std::net::SocketAddr>() {
            let host = address.ip().to_string();
            return Ok(ConnectAddress {
                host,
                port: address.port(),
            });
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let host = HostName::parse(host).map_err(|_| wrong())?;
        Ok(ConnectAddress { host: host.0, port })
    }
}

impl fmt::Display for ConnectAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

/// A time span in whole seconds, 1 to 86 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct Seconds(u32);

impl Seconds {
    /// A span known when the program was written.
    pub const fn of(seconds: u32) -> Seconds {
        Seconds(seconds)
    }

    /// The span.
    pub fn get(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }
}

impl TryFrom<u64> for Seconds {
    type Error = String;

    fn try_from(seconds: u64) -> Result<Seconds, String> {
        match u32::try_from(seconds) {
            Ok(seconds @ 1..=86_400) => Ok(Seconds(seconds)),
            _ => Err(format!(
                "{seconds} is out of range; write seconds from 1 to 86400"
            )),
        }
    }
}
