//! Paths of the control interface (MS-ADFSPIP 3.2.5, 3.4.5, 3.6.5, 3.8.5, 3.10.5, 3.12.5.1.5).

use super::store::StoreKey;

/// What a control path addresses. Paths are compared without case; writes also exist under a `PrimaryWriter` segment,
/// which addresses the same thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// `/adfs/proxy/EstablishTrust`
    EstablishTrust,
    /// `/adfs/proxy/RenewTrust`
    RenewTrust,
    /// `/adfs/proxy/GetConfiguration`
    Configuration,
    /// `/adfs/proxy/RelyingPartyTrusts`
    RelyingParties,
    /// `/adfs/proxy/RelyingPartyTrusts/{objectIdentifier}`
    RelyingParty(String),
    /// `/adfs/proxy/RelyingPartyTrusts/{objectIdentifier}/PublishedSettings`
    PublishedSettings(String),
    /// `/adfs/proxy/WebApplicationProxy/trust`
    ProxyRelyingParty,
    /// `/adfs/proxy/WebApplicationProxy/Store`
    Store,
    /// `/adfs/proxy/WebApplicationProxy/Store/{key}`
    StoreEntry(StoreKey),
    /// `/adfs/proxy/relyingpartytoken`
    RelyingPartyToken,
    /// `/adfs/backendproxytls`
    BackendProxyTls,
}

impl Resource {
    /// What `path` (no query, not percent-decoded) addresses, or nothing when it is no control path. The second value
    /// tells whether the path went through `PrimaryWriter`, whose callers authenticate as Windows users.
    pub fn parse(path: &str) -> Option<(Resource, bool)> {
        let mut segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        // `.../Store/` is the collection too.
        if segments.last().is_some_and(|last| last.is_empty()) {
            segments.pop();
        }
        let primary = segments
            .iter()
            .position(|segment| is(segment, "PrimaryWriter"));
        if let Some(at) = primary {
            segments.remove(at);
        }
        let resource = Resource::of_segments(&segments)?;
        match primary {
            Some(at) => (resource.primary_writer() == Some(at)).then_some((resource, true)),
            None => Some((resource, false)),
        }
    }

    fn of_segments(segments: &[&str]) -> Option<Resource> {
        let (adfs, rest) = segments.split_first()?;
        if !is(adfs, "adfs") {
            return None;
        }
        match rest {
            [tls] if is(tls, "backendproxytls") => Some(Resource::BackendProxyTls),
            [proxy, rest @ ..] if is(proxy, "proxy") => Resource::of_proxy(rest),
            _ => None,
        }
    }

    fn of_proxy(segments: &[&str]) -> Option<Resource> {
        match segments {
            [one] if is(one, "EstablishTrust") => Some(Resource::EstablishTrust),
            [one] if is(one, "RenewTrust") => Some(Resource::RenewTrust),
            [one] if is(one, "GetConfiguration") => Some(Resource::Configuration),
            [one] if is(one, "relyingpartytoken") => Some(Resource::RelyingPartyToken),
            [list] if is(list, "RelyingPartyTrusts") => Some(Resource::RelyingParties),
            [list, id] if is(list, "RelyingPartyTrusts") => Some(Resource::RelyingParty(guid(id)?)),
            // The document's examples put a segment between the GUID and the last one that its template does not have.
            [list, id, last] | [list, id, _, last]
                if is(list, "RelyingPartyTrusts") && is(last, "PublishedSettings") =>
            {
                Some(Resource::PublishedSettings(guid(id)?))
            }
            [wap, rest @ ..] if is(wap, "WebApplicationProxy") => match rest {
                [one] if is(one, "trust") => Some(Resource::ProxyRelyingParty),
                [store] if is(store, "Store") => Some(Resource::Store),
                [store, key] if is(store, "Store") => {
                    Some(Resource::StoreEntry(StoreKey::parse(key).ok()?))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Where the extra segment stands: behind `proxy`, but behind `WebApplicationProxy` for the proxies' relying party.
    fn primary_writer(&self) -> Option<usize> {
        match self {
            Resource::ProxyRelyingParty => Some(3),
            Resource::EstablishTrust
            | Resource::RenewTrust
            | Resource::PublishedSettings(_)
            | Resource::StoreEntry(_) => Some(2),
            _ => None,
        }
    }

    /// Its path, in documented case.
    pub fn path(&self) -> String {
        match self {
            Resource::EstablishTrust => "/adfs/proxy/EstablishTrust".to_owned(),
            Resource::RenewTrust => "/adfs/proxy/RenewTrust".to_owned(),
            Resource::Configuration => "/adfs/proxy/GetConfiguration".to_owned(),
            Resource::RelyingParties => "/adfs/proxy/RelyingPartyTrusts".to_owned(),
            Resource::RelyingParty(id) => format!("/adfs/proxy/RelyingPartyTrusts/{id}"),
            Resource::PublishedSettings(id) => {
                format!("/adfs/proxy/RelyingPartyTrusts/{id}/PublishedSettings")
            }
            Resource::ProxyRelyingParty => "/adfs/proxy/WebApplicationProxy/trust".to_owned(),
            Resource::Store => "/adfs/proxy/WebApplicationProxy/Store".to_owned(),
            Resource::StoreEntry(key) => format!("/adfs/proxy/WebApplicationProxy/Store/{key}"),
            Resource::RelyingPartyToken => "/adfs/proxy/relyingpartytoken".to_owned(),
            Resource::BackendProxyTls => "/adfs/backendproxytls".to_owned(),
        }
    }

    /// Whether requests must name an `api-version` (spec proxy-integration 2.0).
    pub fn needs_api_version(&self) -> bool {
        !matches!(
            self,
            Resource::EstablishTrust | Resource::RenewTrust | Resource::BackendProxyTls
        )
    }
}

fn is(segment: &str, name: &str) -> bool {
    segment.eq_ignore_ascii_case(name)
}

/// The id in the server's own spelling: lower case, no braces.
fn guid(segment: &str) -> Option<String> {
    let groups: Vec<&str> = segment.split('-').collect();
    let lengths_fit = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    let hex = groups
        .iter()
        .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    (lengths_fit && hex).then(|| segment.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "9f3c5e3e-0000-4000-8000-00000000000a";

    fn all() -> Vec<Resource> {
        vec![
            Resource::EstablishTrust,
            Resource::RenewTrust,
            Resource::Configuration,
            Resource::RelyingParties,
            Resource::RelyingParty(ID.to_owned()),
            Resource::PublishedSettings(ID.to_owned()),
            Resource::ProxyRelyingParty,
            Resource::Store,
            Resource::StoreEntry(StoreKey::parse("Key.1").unwrap()),
            Resource::RelyingPartyToken,
            Resource::BackendProxyTls,
        ]
    }

    #[test]
    fn each_path_addresses_its_resource_in_any_case() {
        for resource in all() {
            let path = resource.path();
            for spelling in [path.clone(), path.to_uppercase(), path.to_lowercase()] {
                assert_eq!(
                    Resource::parse(&spelling),
                    Some((resource.clone(), false)),
                    "{spelling}"
                );
            }
        }
    }

    #[test]
    fn documented_variants_are_understood() {
        let settings = Resource::PublishedSettings(ID.to_owned());
        let entry = Resource::StoreEntry(StoreKey::parse("k").unwrap());
        for (path, resource, primary) in [
            (
                format!("/adfs/proxy/relyingpartytrusts/{ID}/fedpassive/publishedsettings"),
                settings.clone(),
                false,
            ),
            (
                format!("/adfs/proxy/PrimaryWriter/RelyingPartyTrusts/{ID}/PublishedSettings"),
                settings,
                true,
            ),
            (
                "/adfs/proxy/primarywriter/webapplicationproxy/store/k".to_owned(),
                entry,
                true,
            ),
            (
                "/adfs/proxy/WebApplicationProxy/PrimaryWriter/trust".to_owned(),
                Resource::ProxyRelyingParty,
                true,
            ),
            (
                "/adfs/proxy/PrimaryWriter/EstablishTrust".to_owned(),
                Resource::EstablishTrust,
                true,
            ),
            (
                "/adfs/proxy/WebApplicationProxy/Store/".to_owned(),
                Resource::Store,
                false,
            ),
        ] {
            assert_eq!(Resource::parse(&path), Some((resource, primary)), "{path}");
        }
    }

    #[test]
    fn anything_else_is_no_control_path() {
        for path in [
            "",
            "/",
            "adfs/proxy/EstablishTrust",
            "/adfs/proxy",
            "/adfs/proxy/",
            "/adfs/proxy/EstablishTrust/x",
            "/adfs//proxy/EstablishTrust",
            "/adfs/ls",
            "/adfs/proxy/RelyingPartyTrusts/not-a-guid",
            "/adfs/proxy/RelyingPartyTrusts/{9f3c5e3e-0000-4000-8000-00000000000a}",
            "/adfs/proxy/WebApplicationProxy/Store/a%2fb",
            "/adfs/proxy/WebApplicationProxy/Store/k/x",
            "/adfs/proxy/PrimaryWriter/GetConfiguration",
            "/adfs/PrimaryWriter/proxy/RenewTrust",
            "/adfs/proxy/PrimaryWriter/PrimaryWriter/RenewTrust",
            "/adfs/proxy/PrimaryWriter/WebApplicationProxy/trust",
        ] {
            assert_eq!(Resource::parse(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_answered(path in "(/(adfs|proxy|PrimaryWriter|Store|.{0,5})){0,6}") {
            let _ = Resource::parse(&path);
        }
    }
}
