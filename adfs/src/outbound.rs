//! Requests that this server makes to partners by itself: https only, without redirects and proxies, of bounded size and
//! time, and to public addresses unless a trust says otherwise (spec security on server-side requests).

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder};
use thiserror::Error;
use url::{Host, Url, form_urlencoded};
use zeroize::Zeroizing;

use crate::partner_metadata::is_public;

/// Longest time for a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest time for a whole request.
const TIME_LIMIT: Duration = Duration::from_secs(8);

/// Why there is no answer. No message holds anything that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OutboundError {
    /// The authorities' file.
    #[error("{path}: the authorities in it cannot be read ({why}); it must be PEM", path = path.display())]
    Authorities {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// TLS cannot be set up.
    #[error("requests to partners cannot be prepared: {0}")]
    Setup(String),
    /// Not an address that we go to.
    #[error("{0} is no https address, or one of this machine or of a private network")]
    Address(String),
    /// The transfer.
    #[error("{address} does not answer: {why}")]
    Transfer {
        /// Where.
        address: String,
        /// What happened.
        why: String,
    },
    /// Larger than any real one.
    #[error("the answer of {0} is larger than is accepted")]
    TooLarge(String),
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The whole body.
    pub body: Zeroizing<Vec<u8>>,
}

/// Makes requests for one partner and keeps its connections.
#[derive(Debug)]
pub struct Outbound {
    client: Client,
    allow_private_addresses: bool,
}

impl Outbound {
    /// Prepares; nothing is sent yet.
    ///
    /// # Errors
    /// When the authorities cannot be read.
    pub fn new(
        ca_file: Option<&Path>,
        allow_private_addresses: bool,
    ) -> Result<Outbound, OutboundError> {
        let mut builder = Client::builder()
            .https_only(true)
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(TIME_LIMIT)
            .dns_resolver(Resolver {
                allow_private_addresses,
            });
        if let Some(path) = ca_file {
            let refused = |why: String| OutboundError::Authorities {
                path: path.to_owned(),
                why,
            };
            let pem = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
            let authorities =
                Certificate::from_pem_bundle(&pem).map_err(|error| refused(error.to_string()))?;
            for authority in authorities {
                builder = builder.add_root_certificate(authority);
            }
        }
        let client = builder
            .build()
            .map_err(|error| OutboundError::Setup(error.to_string()))?;
        Ok(Outbound {
            client,
            allow_private_addresses,
        })
    }

    /// Gets a document of at most `limit` octets.
    ///
    /// # Errors
    /// See [`OutboundError`].
    pub async fn get(&self, url: &Url, limit: usize) -> Result<Answer, OutboundError> {
        self.send(url, self.client.get(url.clone()), limit).await
    }

    /// Posts a form, as the user and password of `basic` where there are any (RFC 6749 section 2.3.1).
    ///
    /// # Errors
    /// See [`OutboundError`].
    pub async fn post_form(
        &self,
        url: &Url,
        fields: &[(&str, &str)],
        basic: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Answer, OutboundError> {
        let mut request = self.client.post(url.clone()).form(fields);
        if let Some((user, password)) = basic {
            let encoded = |text: &str| -> String {
                form_urlencoded::byte_serialize(text.as_bytes()).collect()
            };
            request = request.basic_auth(encoded(user), Some(encoded(password)));
        }
        self.send(url, request, limit).await
    }

    async fn send(
        &self,
        url: &Url,
        request: RequestBuilder,
        limit: usize,
    ) -> Result<Answer, OutboundError> {
        // The query may hold what is nobody's business.
        let address = url.origin().ascii_serialization() + url.path();
        let allowed = |address: IpAddr| self.allow_private_addresses || is_public(address);
        let goes = match url.host() {
            Some(Host::Ipv4(ip)) => allowed(ip.into()),
            Some(Host::Ipv6(ip)) => allowed(ip.into()),
            // Names are looked at when they are resolved.
            Some(Host::Domain(_)) => true,
            None => false,
        };
        if !goes || url.scheme() != "https" {
            return Err(OutboundError::Address(address));
        }
        let failed = |error: reqwest::Error| OutboundError::Transfer {
            address: address.clone(),
            why: causes(&error),
        };
        let mut answer = request.send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > limit {
                return Err(OutboundError::TooLarge(address));
            }
        }
        Ok(Answer { status, body })
    }
}

/// Resolves names, and refuses those that lead where only this machine can go. The connection goes to what was checked.
#[derive(Debug, Clone, Copy)]
struct Resolver {
    allow_private_addresses: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private_addresses = self.allow_private_addresses;
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if !allow_private_addresses && found.iter().any(|found| !is_public(found.ip())) {
                return Err("its name has an address of a private network".into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// What went wrong and why, without the address, which may hold what is nobody's business.
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
    if error.is_timeout() {
        "no answer in time".to_owned()
    } else if text.is_empty() {
        "the connection failed".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn private_addresses_and_plain_http_are_refused_before_anything_is_sent() {
        let outbound = Outbound::new(None, false).expect("a client");
        for address in [
            "https://127.0.0.1:1/",
            "https://[::1]:1/",
            "https://169.254.169.254/latest/",
            "https://localhost:1/",
            "http://op.test/",
        ] {
            let url = Url::parse(address).expect("an address");
            let refused = outbound.get(&url, 100).await.expect_err(address);
            let text = refused.to_string();
            assert!(text.contains("private network"), "{address}: {text}");
        }
    }
}
