//! What the server tells its proxies about itself (MS-ADFSPIP 2.2.2.4 and 2.2.2.12 to 2.2.2.15).

use serde::{Deserialize, Serialize};

use super::json::{Document, lenient};
use super::trust::SerializedCertificate;

/// Value of [`PublishedEndpoint::authentication_schemes`]: anonymous, the usual one.
pub const AUTHENTICATION_ANONYMOUS: i64 = 32768;
/// Value of [`PublishedEndpoint::authentication_schemes`]: Basic.
pub const AUTHENTICATION_BASIC: i64 = 8;

/// Gives an enumeration its integers on the wire.
macro_rules! wire_integers {
    ($name:ident { $($variant:ident = $value:literal),+ }) => {
        impl From<$name> for i64 {
            fn from(value: $name) -> i64 {
                match value { $($name::$variant => $value),+ }
            }
        }
        impl TryFrom<i64> for $name {
            type Error = String;
            fn try_from(value: i64) -> Result<$name, String> {
                match value {
                    $($value => Ok($name::$variant),)+
                    other => Err(format!("{other} is no {}", stringify!($name))),
                }
            }
        }
    };
}

/// Which of the service's ports (MS-ADFSPIP 2.2.2.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "i64")]
pub enum PortType {
    /// [`ServiceConfiguration::http_port`].
    Http,
    /// [`ServiceConfiguration::https_port`].
    Https,
    /// [`ServiceConfiguration::https_port_for_user_tls_auth`].
    HttpsForUserTlsAuth,
}
wire_integers!(PortType { Http = 0, Https = 1, HttpsForUserTlsAuth = 2 });

/// Whether the proxy asks the end client for a certificate (MS-ADFSPIP 2.2.2.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "i64")]
pub enum ClientCertificateQueryMode {
    /// Never.
    None,
    /// Asks, and goes on without one.
    QueryAndAccept,
    /// Asks, and tells the server when there was none.
    QueryAndRequire,
}
wire_integers!(ClientCertificateQueryMode { None = 0, QueryAndAccept = 1, QueryAndRequire = 2 });

/// How the proxy judges an end client's certificate (MS-ADFSPIP 2.2.2.15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "i64")]
pub enum CertificateValidation {
    /// Not at all.
    None,
    /// Whole chain, as a user certificate.
    Ssl,
    /// Issued by one of [`ServiceConfiguration::device_certificate_issuers`].
    IssuedByDrs,
}
wire_integers!(CertificateValidation { None = 0, Ssl = 1, IssuedByDrs = 2 });

/// Answer of `GET /adfs/proxy/GetConfiguration` (MS-ADFSPIP 2.2.2.4, "Configuration").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Configuration {
    /// Names, ports and lifetimes.
    pub service_configuration: ServiceConfiguration,
    /// What the proxy relays.
    pub endpoint_configuration: EndpointConfiguration,
    /// `"6.3"` for behaviour level 1 (2012 R2), `"10.0"` for later ones.
    #[serde(default = "oldest_farm", skip_serializing_if = "String::is_empty")]
    pub farm_behavior: String,
    /// Whether proxies leave token binding alone.
    #[serde(default = "yes", deserialize_with = "lenient::truth")]
    pub ignore_token_binding: bool,
    /// The true behaviour level, 1 to 4.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_level"
    )]
    pub updated_farm_behavior_level: Option<u32>,
}

/// Names, ports and lifetimes of the federation service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceConfiguration {
    /// Federation service name, a DNS name.
    pub service_host_name: String,
    /// TCP port of HTTP.
    #[serde(default = "http", deserialize_with = "lenient::number")]
    pub http_port: u16,
    /// TCP port of HTTPS.
    #[serde(default = "https", deserialize_with = "lenient::number")]
    pub https_port: u16,
    /// TCP port of HTTPS with user certificates.
    #[serde(default = "user_tls", deserialize_with = "lenient::number")]
    pub https_port_for_user_tls_auth: u16,
    /// Issuers accepted by [`CertificateValidation::IssuedByDrs`].
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub device_certificate_issuers: Vec<SerializedCertificate>,
    /// How long the server would like a proxy's certificate to live, in minutes.
    #[serde(default = "fifteen_days", deserialize_with = "lenient::number")]
    pub proxy_trust_certificate_lifetime: u32,
    /// UPN suffixes found in the directory; each has an `EnterpriseRegistration.<suffix>` host.
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub discovered_upn_suffixes: Vec<String>,
    /// UPN suffixes that the administrator added.
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub custom_upn_suffixes: Vec<String>,
    /// Another name for user certificates on the ordinary port. Only with `api-version=2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_host_name_for_user_tls_auth: Option<String>,
}

/// Holder of the endpoint list; older editions printed the bare list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EndpointConfiguration {
    /// What the proxy relays, and nothing else.
    pub endpoints: Vec<PublishedEndpoint>,
}

/// One endpoint that is enabled on proxies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PublishedEndpoint {
    /// Path at the proxy; requests equal to or below it are relayed.
    pub path: String,
    /// Port at the proxy.
    #[serde(deserialize_with = "enumeration")]
    pub port_type: PortType,
    /// .NET `AuthenticationSchemes` flags; [`AUTHENTICATION_ANONYMOUS`] as a rule.
    #[serde(default = "anonymous", deserialize_with = "lenient::number")]
    pub authentication_schemes: i64,
    /// Whether end clients are asked for a certificate.
    #[serde(default = "no_query", deserialize_with = "enumeration")]
    pub client_certificate_query_mode: ClientCertificateQueryMode,
    /// How their certificate is judged.
    #[serde(default = "no_validation", deserialize_with = "enumeration")]
    pub certificate_validation: CertificateValidation,
    /// Whether Negotiate is downgraded to NTLM at this endpoint.
    #[serde(default, deserialize_with = "lenient::truth")]
    pub supports_ntlm: bool,
    /// Path at the server, which may differ from `path`.
    pub service_path: String,
    /// Port at the server.
    #[serde(deserialize_with = "enumeration")]
    pub service_port_type: PortType,
}

impl PublishedEndpoint {
    /// An endpoint of ordinary HTTPS without client certificates, the same path inside and outside.
    pub fn https(path: &str) -> PublishedEndpoint {
        PublishedEndpoint {
            path: path.to_owned(),
            port_type: PortType::Https,
            authentication_schemes: AUTHENTICATION_ANONYMOUS,
            client_certificate_query_mode: ClientCertificateQueryMode::None,
            certificate_validation: CertificateValidation::None,
            supports_ntlm: false,
            service_path: path.to_owned(),
            service_port_type: PortType::Https,
        }
    }
}

impl<'de> Deserialize<'de> for EndpointConfiguration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Holder {
                #[serde(rename = "Endpoints")]
                endpoints: Vec<serde_json::Value>,
            },
            Bare(Vec<serde_json::Value>),
        }
        let (Form::Holder { endpoints } | Form::Bare(endpoints)) = Form::deserialize(deserializer)?;
        let endpoints = endpoints
            .into_iter()
            .map(|endpoint| serde_json::from_value(endpoint).map_err(serde::de::Error::custom))
            .collect::<Result<_, _>>()?;
        Ok(EndpointConfiguration { endpoints })
    }
}

impl Document for Configuration {
    const NAME: &'static str = "configuration";
    const MEMBERS: &'static [&'static str] = &[
        "ServiceConfiguration",
        "EndpointConfiguration",
        "FarmBehavior",
        "IgnoreTokenBinding",
        "UpdatedFarmBehaviorLevel",
        "ServiceHostName",
        "HttpPort",
        "HttpsPort",
        "HttpsPortForUserTlsAuth",
        "DeviceCertificateIssuers",
        "ProxyTrustCertificateLifetime",
        "DiscoveredUpnSuffixes",
        "CustomUpnSuffixes",
        "ServiceHostNameForUserTlsAuth",
        "Endpoints",
        "Path",
        "PortType",
        "AuthenticationSchemes",
        "ClientCertificateQueryMode",
        "CertificateValidation",
        "SupportsNtlm",
        "ServicePath",
        "ServicePortType",
    ];
}

fn enumeration<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: TryFrom<i64, Error = String>,
{
    let number: i64 = lenient::number(deserializer)?;
    T::try_from(number).map_err(serde::de::Error::custom)
}

fn optional_level<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u32>, D::Error> {
    lenient::number(deserializer).map(Some)
}

fn oldest_farm() -> String {
    "6.3".to_owned()
}

fn yes() -> bool {
    true
}

fn http() -> u16 {
    80
}

fn https() -> u16 {
    443
}

fn user_tls() -> u16 {
    49443
}

fn fifteen_days() -> u32 {
    21600
}

fn anonymous() -> i64 {
    AUTHENTICATION_ANONYMOUS
}

fn no_query() -> ClientCertificateQueryMode {
    ClientCertificateQueryMode::None
}

fn no_validation() -> CertificateValidation {
    CertificateValidation::None
}

#[cfg(test)]
mod tests {
    use super::super::json::{read, write};
    use super::*;

    const DOCUMENTED: &str = r#"{"ServiceConfiguration":{"ServiceHostName":"sts.contoso.com","HttpPort":80,"HttpsPort":443,"HttpsPortForUserTlsAuth":49443,"DeviceCertificateIssuers":["MIL/"],"ProxyTrustCertificateLifetime":21600,"DiscoveredUpnSuffixes":["contoso.com"],"CustomUpnSuffixes":[],"ServiceHostNameForUserTlsAuth":"certauth.sts.contoso.com"},"EndpointConfiguration":{"Endpoints":[{"Path":"/adfs/ls/","PortType":1,"AuthenticationSchemes":32768,"ClientCertificateQueryMode":0,"CertificateValidation":2,"SupportsNtlm":false,"ServicePath":"/adfs/ls/","ServicePortType":1}]},"FarmBehavior":"10.0","IgnoreTokenBinding":true,"UpdatedFarmBehaviorLevel":4}"#;

    #[test]
    fn the_documented_form_is_read_and_written_back_byte_for_byte() {
        let configuration: Configuration = read(DOCUMENTED.as_bytes()).unwrap();
        assert_eq!(
            String::from_utf8(write(&configuration).unwrap()).unwrap(),
            DOCUMENTED
        );
    }

    #[test]
    fn every_member_is_known_in_any_case() {
        let upper = DOCUMENTED
            .split('"')
            .map(|part| {
                let member = Configuration::MEMBERS.contains(&part);
                if member {
                    part.to_uppercase()
                } else {
                    part.to_owned()
                }
            })
            .collect::<Vec<_>>()
            .join("\"");
        assert_ne!(upper, DOCUMENTED);
        let expected: Configuration = read(DOCUMENTED.as_bytes()).unwrap();
        assert_eq!(read::<Configuration>(upper.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn an_old_server_leaves_out_what_is_optional() {
        let json = r#"{"EndpointConfiguration":[{"Path":"/adfs/ls","PortType":"1","ServicePath":"/adfs/ls","ServicePortType":"1"}],
            "ServiceConfiguration":{"ServiceHostName":"sts","HttpsPort":"8443","CustomUpnSuffixes":null}}"#;
        let configuration: Configuration = read(json.as_bytes()).unwrap();
        assert_eq!(configuration.farm_behavior, "6.3");
        assert!(configuration.ignore_token_binding);
        assert_eq!(configuration.service_configuration.https_port, 8443);
        assert_eq!(
            configuration.endpoint_configuration.endpoints,
            vec![PublishedEndpoint::https("/adfs/ls")]
        );
    }

    #[test]
    fn unknown_enumeration_values_are_refused() {
        for (from, to) in [
            (r#""PortType":1"#, r#""PortType":3"#),
            (
                r#""CertificateValidation":2"#,
                r#""CertificateValidation":9"#,
            ),
            (r#""HttpsPort":443"#, r#""HttpsPort":70000"#),
        ] {
            let json = DOCUMENTED.replacen(from, to, 1);
            assert!(read::<Configuration>(json.as_bytes()).is_err(), "{to}");
        }
    }
}
