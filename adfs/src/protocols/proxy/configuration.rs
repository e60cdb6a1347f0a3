//! What proxies learn of the federation service (spec proxy-integration 2.4 and 3.3).

use federation::proxy::{
    Configuration, EndpointConfiguration, PublishedEndpoint, ServiceConfiguration,
};

use super::answer::{Refused, Reply};
use super::call::Call;
use crate::config;
use crate::server::endpoints::ENDPOINTS;

/// The behaviour level that is served: that of Windows Server 2019.
const BEHAVIOUR_LEVEL: u32 = 4;
const FARM_BEHAVIOUR: &str = "10.0";
/// Ports that nothing answers on here, but that the document must name.
const HTTP_PORT: u16 = 80;
const USER_TLS_PORT: u16 = 49443;

/// `GET GetConfiguration`. Versions 1 and 2 differ only by a host name for user certificates, which there is none of.
pub(super) fn get(call: &Call<'_>) -> Result<Reply, Refused> {
    Reply::json(&document(&call.federation.configuration.load()))
}

fn document(configuration: &config::Configuration) -> Configuration {
    let lifetime = configuration
        .properties
        .proxy_trust_token_lifetime
        .whole_minutes();
    // The table that requests are judged by, so a proxy relays exactly what answers.
    let published = ENDPOINTS.iter().filter(|endpoint| endpoint.answers(true));
    Configuration {
        service_configuration: ServiceConfiguration {
            service_host_name: configuration.service.host_name.clone(),
            http_port: HTTP_PORT,
            https_port: configuration.service.https_port_outside,
            https_port_for_user_tls_auth: USER_TLS_PORT,
            device_certificate_issuers: Vec::new(),
            proxy_trust_certificate_lifetime: u32::try_from(lifetime).unwrap_or(u32::MAX),
            discovered_upn_suffixes: Vec::new(),
            custom_upn_suffixes: Vec::new(),
            service_host_name_for_user_tls_auth: None,
        },
        endpoint_configuration: EndpointConfiguration {
            endpoints: published
                .map(|endpoint| PublishedEndpoint::https(endpoint.path))
                .collect(),
        },
        farm_behavior: FARM_BEHAVIOUR.to_owned(),
        ignore_token_binding: true,
        updated_farm_behavior_level: Some(BEHAVIOUR_LEVEL),
    }
}
