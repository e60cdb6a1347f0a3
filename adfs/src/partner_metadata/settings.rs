//! What a trust file takes from a relying party's metadata.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use federation::metadata::read::{RelyingPartyMetadata, SamlEndpoint};
use openssl::x509::X509;
use toml::{Table, Value};

use crate::config::SamlProtocol;
use crate::import::Setting;

/// The settings, in the order of a trust file. Certificates are DER in base64.
pub fn relying_party_settings(party: &RelyingPartyMetadata) -> Vec<Setting> {
    let texts = |texts: &[String]| {
        texts
            .iter()
            .map(|text| Value::from(text.as_str()))
            .collect()
    };
    let mut settings = vec![Setting::new(
        "identifiers",
        Value::Array(texts(&party.identifiers)),
    )];
    let mut add = |key: &str, value: Value| settings.push(Setting::new(key, value));
    if let Some((first, others)) = party.ws_federation_endpoints.split_first() {
        add("ws_fed_endpoint", first.as_str().into());
        if !others.is_empty() {
            let others = others.iter().map(|endpoint| endpoint.as_str().into());
            add("additional_ws_fed_endpoint", Value::Array(others.collect()));
        }
    }
    let endpoints = saml_endpoints(party);
    if !endpoints.is_empty() {
        add("saml_endpoints", Value::Array(endpoints));
    }
    let signing = certificates(&party.request_signing_certificates);
    if !signing.is_empty() {
        add("request_signing_certificate", Value::Array(signing));
    }
    if party.authn_requests_signed {
        add("signed_saml_requests_required", true.into());
    }
    if let Some(certificate) = certificates(&party.encryption_certificates)
        .into_iter()
        .next()
    {
        add("encryption_certificate", certificate);
    }
    settings
}

pub(super) fn certificates(certificates: &[X509]) -> Vec<Value> {
    let ders = certificates.iter().filter_map(|one| one.to_der().ok());
    ders.map(|der| STANDARD.encode(der).into()).collect()
}

/// Consumers keep their index where it is free; the others are numbered in their order.
fn saml_endpoints(party: &RelyingPartyMetadata) -> Vec<Value> {
    let mut written = Vec::new();
    let mut taken: BTreeSet<u16> = BTreeSet::new();
    let mut has_default = false;
    for endpoint in &party.assertion_consumers {
        let wanted = endpoint.index.filter(|index| !taken.contains(index));
        let free = || (0..=u16::MAX).find(|index| !taken.contains(index));
        let Some(index) = wanted.or_else(free) else {
            continue;
        };
        taken.insert(index);
        let is_default = endpoint.is_default && !has_default;
        has_default |= is_default;
        written.push(one(
            endpoint,
            SamlProtocol::AssertionConsumer,
            index,
            is_default,
        ));
    }
    for (protocol, endpoints) in [
        (SamlProtocol::Logout, &party.logout_endpoints),
        (SamlProtocol::ArtifactResolution, &party.artifact_resolution),
    ] {
        for (position, endpoint) in endpoints.iter().enumerate() {
            let index = endpoint.index.or_else(|| u16::try_from(position).ok());
            written.push(one(endpoint, protocol, index.unwrap_or_default(), false));
        }
    }
    written
}

/// An endpoint as a trust file has it.
pub(super) fn one(
    endpoint: &SamlEndpoint,
    protocol: SamlProtocol,
    index: u16,
    is_default: bool,
) -> Value {
    let mut table = Table::new();
    table.insert("binding".to_owned(), endpoint.binding.name().into());
    table.insert("protocol".to_owned(), protocol.name().into());
    table.insert("uri".to_owned(), endpoint.location.as_str().into());
    if let Some(response) = &endpoint.response_location {
        table.insert("response_uri".to_owned(), response.as_str().into());
    }
    table.insert("index".to_owned(), i64::from(index).into());
    if is_default {
        table.insert("is_default".to_owned(), true.into());
    }
    Value::Table(table)
}

#[cfg(test)]
mod tests {
    use federation::metadata::read::{Reading, read};
    use time::macros::datetime;

    use super::*;
    use crate::config::TrustCheck;
    use crate::import::TrustFile;

    const METADATA: &str = r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://sp.test/metadata">
<SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://sp.test/logout" ResponseLocation="https://sp.test/logged-out"/>
<AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.test/acs" index="1"/>
<AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.test/acs2" index="3" isDefault="true"/>
<AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="http://sp.test/plain" index="2"/>
</SPSSODescriptor></EntityDescriptor>"#;

    #[test]
    fn a_trust_file_of_metadata_loads_and_says_what_the_metadata_says() {
        let reading = Reading::at(datetime!(2026-11-25 12:00 UTC));
        let entity = read(METADATA, &reading).unwrap();
        let settings = relying_party_settings(entity.relying_party().unwrap());
        let text = TrustFile::new("sp", &settings).text;
        assert_eq!(
            text,
            "identifiers = [\"https://sp.test/metadata\"]\n\
             saml_endpoints = [{ binding = \"POST\", index = 1, protocol = \"SAMLAssertionConsumer\", uri = \"https://sp.test/acs\" }, \
             { binding = \"POST\", index = 3, is_default = true, protocol = \"SAMLAssertionConsumer\", uri = \"https://sp.test/acs2\" }, \
             { binding = \"Redirect\", index = 0, protocol = \"SAMLLogout\", response_uri = \"https://sp.test/logged-out\", uri = \"https://sp.test/logout\" }]\n"
        );
        let folder = tempfile::tempdir().unwrap();
        let check = TrustCheck::of(&folder.path().join("adfs.toml"));
        assert_eq!(check.problems(&folder.path().join("sp.toml"), &text), []);
    }
}
