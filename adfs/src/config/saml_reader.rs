//! Reads the SAML side of a trust (spec passive-sign-in 3.1 and 7.2).

use std::collections::HashSet;

use federation::endpoints::ReplyUrl;
use federation::saml2::Binding;
use federation::signature::SignatureAlgorithm;
use federation::wsfed::TokenType;
use serde::Deserialize;

use super::certificate_reader::certificates;
use super::claims_provider::ClaimsProviderSaml;
use super::reader::Section;
use super::saml::{
    ContentEncryption, ProtocolProfile, SamlEndpoint, SamlProtocol, SamlResponseSignature,
    SamlSettings,
};

const ENDPOINTS: &str = "saml_endpoints";
/// Most endpoints that one trust may have.
const MAX_ENDPOINTS: usize = 200;

/// An endpoint as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    binding: String,
    protocol: String,
    uri: ReplyUrl,
    #[serde(default)]
    response_uri: Option<ReplyUrl>,
    #[serde(default)]
    index: u16,
    #[serde(default)]
    is_default: bool,
}

/// The settings of a relying party.
pub(super) fn settings(section: &mut Section<'_>) -> SamlSettings {
    SamlSettings {
        endpoints: endpoints(section),
        request_signing_certificates: certificates(section, "request_signing_certificate"),
        signed_requests_required: section.flag("signed_saml_requests_required", false),
        response_signature: response_signature(section),
        encrypted_name_id_required: section.flag("encrypted_name_id_required", false),
        allowed_authentication_class_references: section
            .find::<Vec<String>>(
                "allowed_authentication_class_references",
                "a list of URIs, for example [\"https://refeds.org/profile/mfa\"]",
            )
            .map(|found| found.value)
            .unwrap_or_default(),
    }
}

/// The settings of a claims provider.
pub(super) fn claims_provider(section: &mut Section<'_>) -> ClaimsProviderSaml {
    let mut uri = |key| {
        let expected =
            "a URI, for example \"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\"";
        section.text(key, expected).map(|found| found.value)
    };
    let request_name_id_format = uri("saml_authn_request_name_id_format");
    let required_name_id_format = uri("required_name_id_format");
    let custom_mfa_uri = uri("custom_mfa_uri");
    let signature_algorithm = section.find::<SignatureAlgorithm>(
        "signature_algorithm",
        "\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\" or remove it",
    );
    let index = section.find::<u16>(
        "saml_authn_request_index",
        "the index of an assertion consumer in this service's metadata, for example 0",
    );
    ClaimsProviderSaml {
        signed_requests_required: section.flag("signed_saml_requests_required", false),
        signature_algorithm: signature_algorithm
            .map(|found| found.value)
            .unwrap_or_default(),
        request_name_id_format,
        required_name_id_format,
        request_index: index.map(|found| found.value),
        allow_create: section.flag("allow_create", true),
        custom_mfa_uri,
    }
}

/// `saml_endpoints`, sorted by index.
pub(super) fn endpoints(section: &mut Section<'_>) -> Vec<SamlEndpoint> {
    let expected = "a list of endpoints, for example [{ binding = \"POST\", protocol = \"SAMLAssertionConsumer\", \
                    uri = \"https://app.example/acs\", index = 0, is_default = true }]";
    let Some(found) = section.find::<Vec<Written>>(ENDPOINTS, expected) else {
        return Vec::new();
    };
    let refuse = |message: String| {
        section.complain(ENDPOINTS, &found.at, message, format!("write {expected}"));
    };
    if found.value.len() > MAX_ENDPOINTS {
        refuse(format!("there are more than {MAX_ENDPOINTS} endpoints"));
        return Vec::new();
    }
    let mut endpoints = Vec::new();
    let mut numbers = HashSet::new();
    for written in &found.value {
        let binding = Binding::ALL
            .into_iter()
            .find(|binding| binding.name().eq_ignore_ascii_case(&written.binding));
        let protocol = [
            SamlProtocol::AssertionConsumer,
            SamlProtocol::Logout,
            SamlProtocol::SingleSignOn,
            SamlProtocol::ArtifactResolution,
        ]
        .into_iter()
        .find(|protocol| protocol.name().eq_ignore_ascii_case(&written.protocol));
        let (Some(binding), Some(protocol)) = (binding, protocol) else {
            refuse(format!(
                "there is no endpoint of binding {:?} and protocol {:?}; bindings are POST, Redirect, Artifact and SOAP, protocols \
                 SAMLAssertionConsumer, SAMLLogout, SAMLSingleSignOn and SAMLArtifactResolution",
                written.binding, written.protocol
            ));
            continue;
        };
        if protocol == SamlProtocol::AssertionConsumer && !numbers.insert(written.index) {
            refuse(format!(
                "two assertion consumers have the index {}",
                written.index
            ));
        }
        endpoints.push(SamlEndpoint {
            binding,
            protocol,
            location: written.uri.clone(),
            response_location: written.response_uri.clone(),
            index: written.index,
            is_default: written.is_default,
        });
    }
    let defaults = endpoints.iter().filter(|endpoint| {
        endpoint.protocol == SamlProtocol::AssertionConsumer && endpoint.is_default
    });
    if defaults.count() > 1 {
        refuse("more than one assertion consumer is the default".to_owned());
    }
    endpoints.sort_by_key(|endpoint| endpoint.index);
    endpoints
}

fn response_signature(section: &mut Section<'_>) -> SamlResponseSignature {
    named(
        section,
        "saml_response_signature",
        &[
            ("AssertionOnly", SamlResponseSignature::AssertionOnly),
            (
                "MessageAndAssertion",
                SamlResponseSignature::MessageAndAssertion,
            ),
            ("MessageOnly", SamlResponseSignature::MessageOnly),
        ],
    )
}

/// `protocol_profile`.
pub(super) fn protocol_profile(section: &mut Section<'_>) -> ProtocolProfile {
    named(
        section,
        "protocol_profile",
        &[
            ("WsFed-SAML", ProtocolProfile::WsFedSaml),
            ("WSFederation", ProtocolProfile::WsFederation),
            ("SAML", ProtocolProfile::Saml),
        ],
    )
}

/// `ws_fed_token_type`, which AD FS does not have: there the request's `wreq` alone chooses.
pub(super) fn ws_fed_token_type(section: &mut Section<'_>) -> TokenType {
    named(
        section,
        "ws_fed_token_type",
        &[
            ("SAML 1.1", TokenType::Saml11),
            ("SAML 2.0", TokenType::Saml20),
        ],
    )
}

/// `content_encryption`, which AD FS does not have: its only value is the default.
pub(super) fn content_encryption(section: &mut Section<'_>) -> ContentEncryption {
    named(
        section,
        "content_encryption",
        &[
            ("aes256-cbc", ContentEncryption::Aes256Cbc),
            ("aes128-gcm", ContentEncryption::Aes128Gcm),
            ("aes256-gcm", ContentEncryption::Aes256Gcm),
        ],
    )
}

/// One of a few names; the default where the setting is absent or wrong, which is noted.
fn named<T: Copy + Default>(
    section: &mut Section<'_>,
    key: &'static str,
    names: &[(&str, T)],
) -> T {
    let quoted: Vec<String> = names.iter().map(|(name, _)| format!("{name:?}")).collect();
    let expected = format!("one of {}, or remove it", quoted.join(", "));
    let Some(found) = section.find::<String>(key, &expected) else {
        return T::default();
    };
    let wanted = found.value.as_str();
    match names
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
    {
        Some((_, value)) => *value,
        None => {
            let message = format!("{wanted:?} is not known");
            section.complain(key, &found.at, message, format!("write {expected}"));
            T::default()
        }
    }
}
