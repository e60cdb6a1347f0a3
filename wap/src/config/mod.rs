//! `wap.toml`: how to reach the federation service, where the trust lives, listeners and their certificates.
//! Published applications are not in here; they live in the federation server's store.

mod environment;
mod error;
mod names;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

pub use error::ConfigError;
pub use names::{ConnectAddress, HostName, HostPattern, Seconds};

/// The whole file, checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// The server that this proxy stands before.
    pub federation_service: FederationService,
    /// Where what must survive a restart lives.
    pub trust: Trust,
    /// Where end clients connect. At least one.
    pub listen: Vec<Listener>,
    /// What the listeners present, by host name. At least one.
    pub certificate: Vec<HostCertificate>,
    /// How this proxy names itself.
    #[serde(default)]
    pub proxy: Proxy,
    /// The load balancers' probe.
    #[serde(default)]
    pub probe: Option<Probe>,
    /// Applications' back ends in general.
    #[serde(default)]
    pub backends: Backends,
    /// Bounds of everything that strangers can send.
    #[serde(default)]
    pub limits: Limits,
    /// What is written to standard error.
    #[serde(default)]
    pub log: Log,
}

/// `[federation_service]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FederationService {
    /// Federation service name, for example `sts.contoso.com`. Its TLS certificate is checked against this name.
    pub name: HostName,
    /// Where to connect, `host:port`; the service name and port 443 when absent.
    #[serde(default)]
    pub connect: Option<ConnectAddress>,
    /// PEM file of the authorities that issue the service's TLS certificate; the system's when absent.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whether relayed requests carry the trust certificate too. The server believes client addresses only then.
    #[serde(default = "yes")]
    pub present_trust_certificate: bool,
    /// How long the service may take to begin its answer, in seconds.
    #[serde(default = "minute")]
    pub response_timeout: Seconds,
    /// How often the configuration and the published applications are looked up, in seconds.
    #[serde(default = "half_minute")]
    pub poll_interval: Seconds,
}

/// `[trust]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Folder of the trust certificate with its key and of the last good configuration.
    pub folder: PathBuf,
}

/// `[[listen]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Address and TCP port.
    pub address: SocketAddr,
    /// Port in the URLs that end clients use, when something in front changes it.
    #[serde(default)]
    pub public_port: Option<u16>,
}

/// `[[certificate]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostCertificate {
    /// Names that it is presented for; `*.contoso.com` stands for one label. An exact name wins.
    pub hosts: Vec<HostPattern>,
    /// PEM, the host's certificate first, then its chain.
    pub certificate_file: PathBuf,
    /// PEM, not encrypted.
    pub private_key_file: PathBuf,
}

/// `[proxy]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// What `X-MS-Proxy` and the trust certificate's subject say; the machine's name when absent.
    #[serde(default)]
    pub name: Option<HostName>,
}

/// `[probe]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Plain HTTP; answers `/adfs/probe` and nothing else.
    pub address: SocketAddr,
}

/// `[backends]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backends {
    /// PEM file of the authorities that issue back ends' TLS certificates; the system's when absent.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// `[limits]` (spec security 3.3)
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Fields in a request's header.
    pub header_fields: usize,
    /// Request line and header together, in bytes.
    pub header_bytes: usize,
    /// Request target, in bytes.
    pub target_bytes: usize,
    /// Time to send a header, and to finish a TLS handshake.
    pub header_timeout: Seconds,
    /// Time between two requests on a connection.
    pub keep_alive: Seconds,
    /// Time in which some of a body must move, from or to the end client.
    pub body_timeout: Seconds,
    /// Body of a request to the federation service, in bytes.
    pub service_body_bytes: u64,
    /// Body of a request to an application, in bytes, unless the application has its own.
    pub application_body_bytes: u64,
    /// Connections in all.
    pub connections: usize,
    /// Connections of one address.
    pub connections_per_address: usize,
    /// Concurrent requests of one HTTP/2 connection.
    pub streams: u32,
    /// Requests to the federation service under way; more are answered 503 at once.
    pub service_requests: usize,
    /// Time to connect to the service or a back end, TLS included.
    pub connect_timeout: Seconds,
    /// Time that requests under way get to end when the proxy stops.
    pub drain: Seconds,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            header_fields: 100,
            header_bytes: 32 * 1024,
            target_bytes: 16 * 1024,
            header_timeout: Seconds::of(10),
            keep_alive: Seconds::of(60),
            body_timeout: Seconds::of(30),
            service_body_bytes: 512 * 1024,
            application_body_bytes: 30_000_000,
            connections: 10_000,
            connections_per_address: 100,
            streams: 100,
            service_requests: 1_000,
            connect_timeout: Seconds::of(10),
            drain: Seconds::of(30),
        }
    }
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Directives as of the `tracing` crates: `info`, `wap=debug,info`.
    pub filter: String,
    /// One line of text or one JSON object an event.
    pub format: LogFormat,
}

/// `format` of `[log]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Default for Log {
    fn default() -> Log {
        Log {
            filter: "info".to_owned(),
            format: LogFormat::Text,
        }
    }
}

impl Configuration {
    /// Reads and checks a file, with the environment's overrides. Relative paths are relative to the file's folder.
    ///
    /// # Errors
    /// Names the file, the line, the key and what to do.
    pub fn load(path: &Path) -> Result<Configuration, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        // Variables that are not text cannot be ours.
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let (text, overrides) = environment::apply(&text, variables);
        Configuration::parse(&text, path)
            .map(|configuration| configuration.within(folder))
            .map_err(|error| error.of_override(&overrides))
    }

    /// Checks the text of a file; `path` is for messages.
    ///
    /// # Errors
    /// As [`Configuration::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Configuration, ConfigError> {
        let configuration: Configuration =
            toml::from_str(text).map_err(|error| ConfigError::from_toml(path, text, &error))?;
        let needs = |key: &'static str, remedy: &'static str| ConfigError::Missing {
            path: path.to_owned(),
            key,
            remedy,
        };
        if configuration.listen.is_empty() {
            return Err(needs(
                "listen",
                "add a [[listen]] section with address = \"0.0.0.0:443\"",
            ));
        }
        let no_host = |certificate: &HostCertificate| certificate.hosts.is_empty();
        if configuration.certificate.is_empty() || configuration.certificate.iter().any(no_host) {
            let remedy =
                "add a [[certificate]] section with hosts, certificate_file and private_key_file";
            return Err(needs("certificate.hosts", remedy));
        }
        Ok(configuration)
    }

    fn within(mut self, folder: &Path) -> Configuration {
        let optional = [
            &mut self.federation_service.ca_file,
            &mut self.backends.ca_file,
        ];
        let certificates = self.certificate.iter_mut();
        let files = certificates.flat_map(|c| [&mut c.certificate_file, &mut c.private_key_file]);
        let one = std::iter::once(&mut self.trust.folder);
        for path in optional.into_iter().flatten().chain(files).chain(one) {
            *path = folder.join(&*path);
        }
        self
    }

    /// What the proxy calls itself towards the server.
    pub fn proxy_name(&self) -> String {
        if let Some(name) = &self.proxy.name {
            return name.as_str().to_owned();
        }
        // The kernel's own file: no library call is needed, and containers have it too.
        std::fs::read_to_string("/proc/sys/kernel/hostname")
            .ok()
            .and_then(|name| HostName::parse(name.trim()).ok())
            .map_or_else(|| "proxy".to_owned(), |name| name.as_str().to_owned())
    }
}

impl FederationService {
    /// Where connections go.
    pub fn address(&self) -> ConnectAddress {
        self.connect.clone().unwrap_or_else(|| ConnectAddress {
            host: self.name.as_str().to_owned(),
            port: 443,
        })
    }
}

impl Listener {
    /// Port that end clients see when the socket has `bound`.
    pub fn outside_port(&self, bound: u16) -> u16 {
        self.public_port.unwrap_or(bound)
    }
}

impl Limits {
    /// Largest header that HTTP/2 peers may send; the type that the library wants.
    pub fn header_list_bytes(&self) -> u32 {
        u32::try_from(self.header_bytes).unwrap_or(u32::MAX)
    }
}

fn yes() -> bool {
    true
}

fn minute() -> Seconds {
    Seconds::of(60)
}

fn half_minute() -> Seconds {
    Seconds::of(30)
}

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Duration {
        seconds.get()
    }
}

#[cfg(test)]
mod tests;
