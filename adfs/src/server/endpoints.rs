//! The endpoint table: what exists, and what a proxy may publish (spec passive-sign-in 1).
//!
//! Routing and the proxies' configuration read the same table, so a proxy learns of exactly the endpoints that answer.

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// Path prefix in its documented case. Ends in `/` when everything below belongs to it; such an entry also answers
    /// without that last slash.
    pub path: &'static str,
    /// Whether it answers at all.
    pub enabled: bool,
    /// Whether it answers requests that came through a proxy; to those it is absent otherwise.
    pub proxy: bool,
}

/// Every endpoint of this server.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        path: "/adfs/ls/",
        enabled: true,
        proxy: true,
    },
    // Windows integrated sign-in of AD FS 2012 R2 and later, and of AD FS 2.0.
    Endpoint {
        path: "/adfs/ls/wia/",
        enabled: false,
        proxy: false,
    },
    Endpoint {
        path: "/adfs/ls/auth/integrated/",
        enabled: false,
        proxy: false,
    },
    Endpoint {
        path: "/adfs/portal/",
        enabled: true,
        proxy: true,
    },
    Endpoint {
        path: "/adfs/portal/updatepassword/",
        enabled: false,
        proxy: false,
    },
    // Relying parties anywhere must reach it. AD FS ships it unpublished; here it answers nobody without a signature.
    Endpoint {
        path: "/adfs/services/trust/artifactresolution",
        enabled: true,
        proxy: true,
    },
    Endpoint {
        path: "/adfs/probe",
        enabled: true,
        proxy: false,
    },
    Endpoint {
        path: "/FederationMetadata/2007-06/",
        enabled: true,
        proxy: true,
    },
    Endpoint {
        path: "/adfs/proxy/",
        enabled: true,
        proxy: false,
    },
    Endpoint {
        path: "/adfs/backendproxytls",
        enabled: true,
        proxy: false,
    },
];

impl Endpoint {
    fn owns(&self, path: &str) -> bool {
        let starts = |prefix: &str| {
            path.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        match self.path.strip_suffix('/') {
            Some(bare) => starts(self.path) || path.eq_ignore_ascii_case(bare),
            None => path.eq_ignore_ascii_case(self.path),
        }
    }

    /// Whether it answers a request of this origin.
    pub fn answers(&self, through_proxy: bool) -> bool {
        self.enabled && (self.proxy || !through_proxy)
    }
}

/// The entry that a path belongs to: the longest that owns it.
pub fn find(path: &str) -> Option<&'static Endpoint> {
    ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.owns(path))
        .max_by_key(|endpoint| endpoint.path.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_any_case_and_with_or_without_the_last_slash() {
        let cases = [
            ("/adfs/ls", Some("/adfs/ls/")),
            ("/ADFS/LS/", Some("/adfs/ls/")),
            ("/adfs/ls/IdpInitiatedSignOn.aspx", Some("/adfs/ls/")),
            ("/adfs/lsx", None),
            ("/adfs/l", None),
            (
                "/federationmetadata/2007-06/federationmetadata.XML",
                Some("/FederationMetadata/2007-06/"),
            ),
            ("/adfs/probe", Some("/adfs/probe")),
            ("/adfs/probe/x", None),
            (
                "/adfs/portal/updatepassword",
                Some("/adfs/portal/updatepassword/"),
            ),
            ("/adfs/pröxy", None),
        ];
        for (path, expected) in cases {
            assert_eq!(find(path).map(|endpoint| endpoint.path), expected, "{path}");
        }
    }

    #[test]
    fn the_proxy_control_channel_and_disabled_pages_are_absent_through_a_proxy() {
        for path in ["/adfs/proxy/EstablishTrust", "/adfs/portal/updatepassword/"] {
            assert!(
                !find(path).is_some_and(|endpoint| endpoint.answers(true)),
                "{path}"
            );
        }
        assert!(find("/adfs/proxy/EstablishTrust").is_some_and(|endpoint| endpoint.answers(false)));
        assert!(
            !find("/adfs/portal/updatepassword/").is_some_and(|endpoint| endpoint.answers(false))
        );
    }
}
