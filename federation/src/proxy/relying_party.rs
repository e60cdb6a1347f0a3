//! Relying parties as proxies see them, and what a proxy publishes (MS-ADFSPIP 2.2.2.5 to 2.2.2.7).

use serde::{Deserialize, Serialize};

use super::json::{Document, lenient};

/// One item of `GET /adfs/proxy/RelyingPartyTrusts` (MS-ADFSPIP 2.2.2.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelyingPartySummary {
    /// GUID that never changes; the only name a proxy uses towards the server.
    pub object_identifier: String,
    /// Unique name.
    pub name: String,
    /// Whether proxy tokens may be issued for it. Always equal to "has a proxy-trusted endpoint".
    #[serde(default, deserialize_with = "lenient::truth")]
    pub published_through_proxy: bool,
    /// Whether it takes no tokens itself.
    #[serde(default, deserialize_with = "lenient::truth")]
    pub non_claims_aware: bool,
    /// Whether it is enabled.
    #[serde(default, deserialize_with = "lenient::truth")]
    pub enabled: bool,
}

const SUMMARY_MEMBERS: &[&str] = &[
    "objectIdentifier",
    "name",
    "publishedThroughProxy",
    "nonClaimsAware",
    "enabled",
];

impl Document for Vec<RelyingPartySummary> {
    const NAME: &'static str = "relying party trust list";
    const MEMBERS: &'static [&'static str] = SUMMARY_MEMBERS;
    const MAX_BYTES: usize = 8 * 1024 * 1024;
}

/// Answer of `GET /adfs/proxy/RelyingPartyTrusts/{id}` (MS-ADFSPIP 2.2.2.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelyingParty {
    /// What the list says of it.
    #[serde(flatten)]
    pub summary: RelyingPartySummary,
    /// Its identifiers, URIs.
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub identifiers: Vec<String>,
    /// URLs at the proxy to which proxy tokens may go.
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub proxy_trusted_endpoints: Vec<String>,
    /// Internal URLs and the external ones that stand for them.
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub proxy_endpoint_mappings: Vec<EndpointMapping>,
}

impl Document for RelyingParty {
    const NAME: &'static str = "relying party trust";
    const MEMBERS: &'static [&'static str] = &[
        "objectIdentifier",
        "name",
        "publishedThroughProxy",
        "nonClaimsAware",
        "enabled",
        "identifiers",
        "proxyTrustedEndpoints",
        "proxyEndpointMappings",
        "Key",
        "Value",
    ];
}

/// One item of [`RelyingParty::proxy_endpoint_mappings`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointMapping {
    /// URL inside.
    #[serde(rename = "Key")]
    pub internal_url: String,
    /// URL at the proxy.
    #[serde(rename = "Value")]
    pub external_url: String,
}

/// Body of POST and DELETE on `PublishedSettings` (MS-ADFSPIP 2.2.2.7). Which members must be there depends on the
/// method (spec proxy-integration 2.6), so all are optional here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishingSettings {
    /// URL at the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_url: Option<String>,
    /// URL inside. Absent in DELETE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_url: Option<String>,
    /// URL at the proxy to which proxy tokens may go; as a rule `external_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_trusted_endpoint: Option<String>,
}

impl Document for PublishingSettings {
    const NAME: &'static str = "publishing settings";
    const MEMBERS: &'static [&'static str] =
        &["externalUrl", "internalUrl", "proxyTrustedEndpoint"];
    // Editions before September 2024 and the published test suite spell it so.
    const RENAMED: &'static [(&'static str, &'static str)] =
        &[("proxyTrustedEndpointUrl", "proxyTrustedEndpoint")];
}

#[cfg(test)]
mod tests {
    use super::super::json::{read, write};
    use super::*;

    #[test]
    fn a_relying_party_has_the_documented_members() {
        let json = r#"{"objectIdentifier":"9f3c5e3e-0000-4000-8000-000000000001","name":"App","publishedThroughProxy":true,"nonClaimsAware":false,"enabled":true,"identifiers":["urn:app"],"proxyTrustedEndpoints":["https://app.contoso.com/"],"proxyEndpointMappings":[{"Key":"https://app.corp/","Value":"https://app.contoso.com/"}]}"#;
        let party: RelyingParty = read(json.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(write(&party).unwrap()).unwrap(), json);
        let upper = json
            .split('"')
            .map(|part| {
                let member = RelyingParty::MEMBERS.contains(&part);
                if member {
                    part.to_uppercase()
                } else {
                    part.to_owned()
                }
            })
            .collect::<Vec<_>>()
            .join("\"");
        assert_eq!(read::<RelyingParty>(upper.as_bytes()).unwrap(), party);
        let list = format!("[{json}]");
        let summaries: Vec<RelyingPartySummary> = read(list.as_bytes()).unwrap();
        assert_eq!(summaries, vec![party.summary]);
    }

    #[test]
    fn the_old_name_of_the_trusted_endpoint_is_understood() {
        let expected = PublishingSettings {
            external_url: Some("https://a/".to_owned()),
            proxy_trusted_endpoint: Some("https://a/".to_owned()),
            ..PublishingSettings::default()
        };
        for name in ["proxyTrustedEndpoint", "ProxyTrustedEndpointUrl"] {
            let json = format!(r#"{{"externalUrl":"https:\/\/a\/","{name}":"https:\/\/a\/"}}"#);
            assert_eq!(
                read::<PublishingSettings>(json.as_bytes()).unwrap(),
                expected,
                "{name}"
            );
        }
    }
}
