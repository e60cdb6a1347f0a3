//! Endpoints of the federation server (spec proxy-integration 7).

use federation::proxy::{ClientCertificateQueryMode, PortType, PublishedEndpoint};

use crate::request::{Target, TargetError};

/// Paths that are the server's own business, whatever it lists: our connections carry the trust certificate, so a
/// stranger who reached these would speak as the proxy (spec security PRX-14).
const NEVER: &[&str] = &["/adfs/proxy", "/adfs/backendproxytls", "/adfs/probe"];

/// One that is relayed.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    outside: Target,
    inside: Target,
}

impl Endpoint {
    pub(super) fn new(published: &PublishedEndpoint) -> Result<Endpoint, String> {
        if published.port_type != PortType::Https || published.service_port_type != PortType::Https
        {
            return Err("only the ordinary HTTPS port is served".to_owned());
        }
        if published.client_certificate_query_mode == ClientCertificateQueryMode::QueryAndRequire {
            return Err("it needs client certificates, which are not there yet".to_owned());
        }
        let parse =
            |path: &str| Target::parse(path, None).map_err(|error: TargetError| error.to_string());
        let endpoint = Endpoint {
            outside: parse(&published.path)?,
            inside: parse(&published.service_path)?,
        };
        if is_forbidden(&endpoint.outside) || is_forbidden(&endpoint.inside) {
            return Err("it belongs to the control channel".to_owned());
        }
        Ok(endpoint)
    }

    pub(super) fn covers(&self, target: &Target) -> Option<usize> {
        target.below(&self.outside)
    }

    /// The target at the server, unless it would be a path that is never relayed.
    pub(super) fn inside(&self, target: &Target) -> Option<Target> {
        let moved = target.moved(self.covers(target)?, &self.inside);
        (!is_forbidden(target) && !is_forbidden(&moved)).then_some(moved)
    }
}

fn is_forbidden(target: &Target) -> bool {
    let below = |path: &&str| {
        Target::parse(path, None).is_ok_and(|forbidden| target.below(&forbidden).is_some())
    };
    NEVER.iter().any(below)
}
