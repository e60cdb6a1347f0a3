//! What a trust file takes from a claims provider's metadata.

use federation::metadata::read::ClaimsProviderMetadata;
use toml::Value;

use super::settings::{certificates, one};
use crate::config::SamlProtocol;
use crate::import::Setting;

/// The settings, in the order of a trust file. Certificates are DER in base64.
pub fn claims_provider_settings(provider: &ClaimsProviderMetadata) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut add = |key: &str, value: Value| settings.push(Setting::new(key, value));
    if let Some(endpoint) = provider.ws_federation_endpoints.first() {
        add("ws_fed_endpoint", endpoint.as_str().into());
    }
    let mut endpoints = Vec::new();
    for (protocol, of_protocol) in [
        (SamlProtocol::SingleSignOn, &provider.sign_on_endpoints),
        (SamlProtocol::Logout, &provider.logout_endpoints),
        (
            SamlProtocol::ArtifactResolution,
            &provider.artifact_resolution,
        ),
    ] {
        for (position, endpoint) in of_protocol.iter().enumerate() {
            let index = endpoint.index.or_else(|| u16::try_from(position).ok());
            endpoints.push(one(endpoint, protocol, index.unwrap_or_default(), false));
        }
    }
    if !endpoints.is_empty() {
        add("saml_endpoints", Value::Array(endpoints));
    }
    add(
        "token_signing_certificate",
        Value::Array(certificates(&provider.signing_certificates)),
    );
    if provider.want_authn_requests_signed {
        add("signed_saml_requests_required", true.into());
    }
    settings
}
