//! Where a request comes from (spec proxy-integration 4.1).
//!
//! `X-MS-Proxy` from anyone makes a request extranet, which only makes policy stricter. Everything else that a proxy
//! says is believed only from a connection whose client certificate is a trusted proxy at the time of this request.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage as _, HttpRequest};
use url::Url;
use uuid::Uuid;

use super::PeerCertificate;
use crate::claims::{NetworkLocation, RequestContext};
use crate::state::Federation;

const PROXY: &str = "x-ms-proxy";
const FORWARDED_CLIENT_IP: &str = "x-ms-forwarded-client-ip";
const PROXY_CLIENT_IP: &str = "x-ms-adfs-proxy-client-ip";
const ENDPOINT_PATH: &str = "x-ms-endpoint-absolute-path";
/// What reverse proxies of other kinds add.
const RELAYED: [&str; 2] = ["forwarded", "x-forwarded-for"];
/// What an untrusted sender's proxy name becomes, so that no rule can be satisfied by inventing one.
const UNTRUSTED_PROXY: &str = "untrusted";
const MAX_HEADER: usize = 512;

/// Facts of the connection, without the request's own content.
#[derive(Debug, Clone)]
pub struct Origin {
    peer: IpAddr,
    trusted: bool,
    inside: bool,
    proxy: Option<String>,
    forwarded: Option<String>,
    proxy_client: Option<IpAddr>,
    endpoint: Option<String>,
}

impl Origin {
    /// Judges the connection and the proxy headers of `request`.
    pub fn of(request: &HttpRequest, federation: &Federation) -> Origin {
        let trusted = request
            .conn_data::<PeerCertificate>()
            .and_then(|peer| peer.0.as_deref())
            .is_some_and(|der| {
                federation
                    .proxy_trusts
                    .recognise(der, federation.clock.now())
                    .is_some()
            });
        let peer = request
            .peer_addr()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| {
                address.ip().to_canonical()
            });
        let configuration = federation.configuration.load();
        let mut networks = configuration.service.intranet_networks.iter();
        let inside = networks.any(|network| network.contains(peer));
        Origin::judge(peer, trusted, inside, request.headers())
    }

    /// `inside`: whether the peer's address is one of the corporate network.
    fn judge(peer: IpAddr, trusted: bool, inside: bool, headers: &HeaderMap) -> Origin {
        let text = |name: &str| -> Option<String> {
            let value = headers.get(name)?.to_str().ok()?;
            (value.len() <= MAX_HEADER && !value.is_empty()).then(|| value.to_owned())
        };
        let believed = |name: &str| if trusted { text(name) } else { None };
        let named = headers.contains_key(PROXY);
        let proxy = match (named, trusted) {
            (true, true) => Some(text(PROXY).unwrap_or_else(|| "proxy".to_owned())),
            (true, false) => Some(UNTRUSTED_PROXY.to_owned()),
            (false, _) => None,
        };
        Origin {
            peer,
            trusted,
            // Whoever adds such a header stands between us and somebody who may be anywhere.
            inside: inside && !RELAYED.iter().any(|name| headers.contains_key(*name)),
            proxy,
            forwarded: believed(FORWARDED_CLIENT_IP),
            proxy_client: believed(PROXY_CLIENT_IP).and_then(|value| address(&value)),
            endpoint: believed(ENDPOINT_PATH),
        }
    }

    /// Whether the request came through a proxy, so that unpublished endpoints are absent to it.
    pub fn through_proxy(&self) -> bool {
        self.proxy.is_some()
    }

    /// Whether the peer is a trusted proxy.
    pub fn trusted(&self) -> bool {
        self.trusted
    }

    /// The end user's address: what connected to the proxy, or to us.
    fn client(&self) -> IpAddr {
        let last = self
            .forwarded
            .as_deref()
            .and_then(|list| list.rsplit(',').next())
            .and_then(address);
        self.proxy_client.or(last).unwrap_or(self.peer)
    }

    fn location(&self) -> NetworkLocation {
        // A proxy that forgot the header is no reason to treat its users as inside.
        if self.inside && self.proxy.is_none() && !self.trusted {
            NetworkLocation::Intranet
        } else {
            NetworkLocation::Extranet
        }
    }
}

/// The context that claim rules and audit see.
pub fn of(request: &HttpRequest, federation: &Federation, activity_id: Uuid) -> RequestContext {
    let known = request.extensions().get::<Origin>().cloned();
    let origin = known.unwrap_or_else(|| Origin::of(request, federation));
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    RequestContext {
        activity_id,
        network_location: origin.location(),
        client_ip: origin.client(),
        peer_ip: origin.peer,
        endpoint_path: endpoint_path(request, origin.endpoint.as_deref()),
        forwarded_client_ip: origin.forwarded,
        proxy: origin.proxy,
        user_agent: header("user-agent"),
        relying_party_id: None,
    }
}

/// Proxies send a URL under a name that promises a path; rules in circulation take either.
fn endpoint_path(request: &HttpRequest, told: Option<&str>) -> String {
    let of_url = told
        .and_then(|url| Url::parse(url).ok())
        .map(|url| url.path().to_owned());
    let of_path = || {
        told.filter(|path| path.starts_with('/'))
            .and_then(|path| path.split('?').next())
            .map(str::to_owned)
    };
    of_url
        .or_else(of_path)
        .unwrap_or_else(|| request.path().to_owned())
}

/// An address as headers write it: bare, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.parse::<IpAddr>().ok();
    let bracketed = || {
        text.trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
            .ok()
    };
    let with_port = || {
        text.parse::<std::net::SocketAddr>()
            .ok()
            .map(|address| address.ip())
    };
    bare.or_else(with_port)
        .or_else(bracketed)
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9));

    fn judge(trusted: bool, headers: &[(&str, &str)]) -> Origin {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        Origin::judge(PEER, trusted, true, &map)
    }

    #[test]
    fn headers_of_strangers_only_make_the_request_extranet() {
        let origin = judge(
            false,
            &[
                (PROXY, "wap01"),
                (FORWARDED_CLIENT_IP, "192.0.2.1"),
                (PROXY_CLIENT_IP, "192.0.2.1"),
            ],
        );
        assert_eq!(origin.location(), NetworkLocation::Extranet);
        assert_eq!(origin.client(), PEER);
        assert_eq!(origin.proxy.as_deref(), Some(UNTRUSTED_PROXY));
        assert_eq!(origin.forwarded, None);
        let origin = judge(false, &[(FORWARDED_CLIENT_IP, "192.0.2.1")]);
        assert_eq!(origin.location(), NetworkLocation::Intranet);
        assert_eq!(origin.client(), PEER);
    }

    #[test]
    fn addresses_elsewhere_and_relayed_requests_are_outside() {
        let outside = Origin::judge(PEER, false, false, &HeaderMap::new());
        assert_eq!(outside.location(), NetworkLocation::Extranet);
        for name in RELAYED {
            let relayed = judge(false, &[(name, "10.0.0.1")]);
            assert_eq!(relayed.location(), NetworkLocation::Extranet, "{name}");
            assert_eq!(relayed.client(), PEER);
        }
        assert_eq!(judge(false, &[]).location(), NetworkLocation::Intranet);
    }

    #[test]
    fn a_trusted_proxy_tells_the_address_of_its_user() {
        let cases = [
            (
                vec![
                    (PROXY, "wap01"),
                    (FORWARDED_CLIENT_IP, "203.0.113.7, 192.0.2.1"),
                ],
                "192.0.2.1",
            ),
            (
                vec![
                    (PROXY, "wap01"),
                    (FORWARDED_CLIENT_IP, "203.0.113.7"),
                    (PROXY_CLIENT_IP, "198.51.100.2"),
                ],
                "198.51.100.2",
            ),
            (
                vec![(PROXY, "wap01"), (FORWARDED_CLIENT_IP, "[2001:db8::1]:443")],
                "2001:db8::1",
            ),
            (
                vec![(PROXY, "wap01"), (FORWARDED_CLIENT_IP, "nonsense")],
                "10.0.0.9",
            ),
        ];
        for (headers, client) in cases {
            let origin = judge(true, &headers);
            assert_eq!(origin.client().to_string(), client);
            assert_eq!(origin.proxy.as_deref(), Some("wap01"));
        }
    }

    #[test]
    fn a_trusted_proxy_without_its_header_is_still_outside() {
        assert_eq!(judge(true, &[]).location(), NetworkLocation::Extranet);
    }
}
