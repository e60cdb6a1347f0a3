//! Gets a metadata document from a file or from an https address.
//!
//! An address is somebody else's text: the names in it are resolved once, every address that this machine alone can
//! reach is refused, and the connection goes to what was checked (spec security on server-side requests).

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use thiserror::Error;
use url::{Host, Url};

use crate::config::MetadataSource;

/// Metadata of a whole federation may be this large.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// For everything from the look-up of the name to the last byte.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// Where a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// An https address.
    Url(Url),
}

impl Source {
    /// An address if it has a scheme with `//`, else a file.
    ///
    /// # Errors
    /// [`FetchError::Address`] for addresses other than https ones.
    pub fn parse(text: &str) -> Result<Source, FetchError> {
        if !text.contains("://") {
            return Ok(Source::File(PathBuf::from(text)));
        }
        let refused = || FetchError::Address(text.to_owned());
        let url = Url::parse(text).map_err(|_| refused())?;
        let plain =
            url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
        if plain && url.host().is_some() {
            Ok(Source::Url(url))
        } else {
            Err(refused())
        }
    }
}

/// How to get it.
#[derive(Debug, Clone, Default)]
pub struct Fetch {
    /// Whether the address may be one of this machine or of a private network.
    pub allow_private_addresses: bool,
    /// Authorities in PEM to believe besides those of the system.
    pub ca_file: Option<PathBuf>,
}

/// Why there is no document.
#[derive(Debug, Error)]
pub enum FetchError {
    /// Not an address that we go to.
    #[error(
        "{0:?} is no https address without a user name; metadata that others could alter on the way is not taken"
    )]
    Address(String),
    /// A file.
    #[error("{path}: {error}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The name.
    #[error(
        "the host of {0} cannot be found; check its name, or save the document and give the file"
    )]
    Host(Url),
    /// Where the name leads.
    #[error(
        "the host of {url} has the address {address}, which is not a public one; if that is meant, pass --allow-private-addresses or set `metadata_allow_private_addresses = true` in the trust"
    )]
    Private {
        /// The address of the document.
        url: Url,
        /// Where its host is.
        address: IpAddr,
    },
    /// The certificate authorities.
    #[error("{path} holds no certificate in PEM: {error}", path = path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why.
        error: reqwest::Error,
    },
    /// The transfer.
    #[error("{url} cannot be fetched: {why}")]
    Transfer {
        /// The address.
        url: Url,
        /// What happened.
        why: String,
    },
    /// The answer.
    #[error("{url} answers with status {status}; metadata is expected with 200, without redirects")]
    Status {
        /// The address.
        url: Url,
        /// What came.
        status: u16,
    },
    /// Larger than any real one.
    #[error("the document has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// Not UTF-8.
    #[error("the document is not in UTF-8")]
    Text,
}

impl Fetch {
    /// As a trust says.
    pub fn of(source: &MetadataSource) -> Fetch {
        Fetch {
            allow_private_addresses: source.allow_private_addresses,
            ca_file: source.ca_file.clone(),
        }
    }

    /// Gets the document.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn document(&self, source: &Source) -> Result<String, FetchError> {
        let octets = match source {
            Source::File(path) => {
                let mut octets = Vec::new();
                let limit = u64::try_from(MAX_BYTES)
                    .unwrap_or(u64::MAX)
                    .saturating_add(1);
                File::open(path)
                    .and_then(|file| file.take(limit).read_to_end(&mut octets))
                    .map_err(|error| FetchError::File {
                        path: path.clone(),
                        error,
                    })?;
                octets
            }
            Source::Url(url) => tokio::time::timeout(TIME_LIMIT, self.get(url))
                .await
                .map_err(|_| FetchError::Transfer {
                    url: url.clone(),
                    why: format!("it takes longer than {} s", TIME_LIMIT.as_secs()),
                })??,
        };
        if octets.len() > MAX_BYTES {
            return Err(FetchError::TooLarge);
        }
        String::from_utf8(octets).map_err(|_| FetchError::Text)
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let failed = |error: reqwest::Error| FetchError::Transfer {
            url: url.clone(),
            why: causes(&error),
        };
        let addresses = self.resolve(url).await?;
        let mut client = Client::builder()
            .https_only(true)
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIME_LIMIT);
        if let Some(Host::Domain(name)) = url.host() {
            client = client.resolve_to_addrs(name, &addresses);
        }
        if let Some(path) = &self.ca_file {
            let pem = std::fs::read(path).map_err(|error| FetchError::File {
                path: path.clone(),
                error,
            })?;
            let authorities =
                Certificate::from_pem_bundle(&pem).map_err(|error| FetchError::Authority {
                    path: path.clone(),
                    error,
                })?;
            for authority in authorities {
                client = client.add_root_certificate(authority);
            }
        }
        let client = client.build().map_err(failed)?;
        let mut answer = client.get(url.clone()).send().await.map_err(failed)?;
        if answer.status() != 200 {
            return Err(FetchError::Status {
                url: url.clone(),
                status: answer.status().as_u16(),
            });
        }
        let mut octets = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            octets.extend_from_slice(&chunk);
            if octets.len() > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
        }
        Ok(octets)
    }

    /// Addresses of the host, all of which are allowed.
    async fn resolve(&self, url: &Url) -> Result<Vec<SocketAddr>, FetchError> {
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses: Vec<SocketAddr> = match url.host() {
            Some(Host::Ipv4(address)) => vec![SocketAddr::new(address.into(), port)],
            Some(Host::Ipv6(address)) => vec![SocketAddr::new(address.into(), port)],
            Some(Host::Domain(name)) => tokio::net::lookup_host((name, port))
                .await
                .map_err(|_| FetchError::Host(url.clone()))?
                .collect(),
            None => Vec::new(),
        };
        if addresses.is_empty() {
            return Err(FetchError::Host(url.clone()));
        }
        let private = addresses.iter().find(|address| !is_public(address.ip()));
        match private {
            Some(address) if !self.allow_private_addresses => Err(FetchError::Private {
                url: url.clone(),
                address: address.ip(),
            }),
            _ => Ok(addresses),
        }
    }
}

/// What went wrong and why, without the address, which the message has already.
fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if text.is_empty() {
        text.push_str("the connection failed");
    }
    text
}

/// Whether an address is one of the public internet (RFC 6890).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, third, _] = address.octets();
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_multicast()
                || first == 0
                || first >= 240
                || (first == 100 && (64..128).contains(&second))
                || (first == 198 && (18..20).contains(&second))
                || (first == 192 && second == 0 && third == 0))
        }
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public(IpAddr::V4(mapped));
    }
    let [first, second, ..] = address.segments();
    // Only 2000::/3 is given out; within it, translated, tunnelled and documentation addresses lead elsewhere.
    first & 0xe000 == 0x2000
        && first != 0x2002
        && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_of_private_networks_are_not_public() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "192.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "2001:db8::1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "::127.0.0.1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in [
            "8.8.8.8",
            "1.1.1.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn only_https_addresses_and_files_are_sources() {
        assert_eq!(
            Source::parse("sp/metadata.xml").unwrap(),
            Source::File(PathBuf::from("sp/metadata.xml"))
        );
        assert!(matches!(
            Source::parse("https://sp.test/metadata"),
            Ok(Source::Url(_))
        ));
        for wrong in [
            "http://sp.test/",
            "ftp://sp.test/",
            "https://user@sp.test/",
            "https://",
            "file:///etc/passwd",
        ] {
            assert!(
                matches!(Source::parse(wrong), Err(FetchError::Address(_))),
                "{wrong}"
            );
        }
    }

    #[tokio::test]
    async fn a_private_address_is_refused_before_anything_is_sent() {
        let fetch = Fetch::default();
        for address in [
            "https://127.0.0.1:1/",
            "https://[::1]:1/",
            "https://localhost:1/",
            "https://[::ffff:10.0.0.1]/",
        ] {
            let source = Source::parse(address).unwrap();
            let refused = fetch.document(&source).await;
            assert!(
                matches!(refused, Err(FetchError::Private { .. })),
                "{refused:?}"
            );
        }
    }
}
