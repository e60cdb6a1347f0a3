//! What metadata say of a trust, setting by setting, as lines that people can compare.

use std::collections::{BTreeMap, BTreeSet};

use openssl::hash::MessageDigest;
use openssl::x509::X509;

use super::Partner;
use crate::config::{
    ClaimsProviderProtocol, ClaimsProviderTrust, RelyingPartyTrust, SamlEndpoint, SamlProtocol,
};

/// The lines of each setting of a trust file. A setting without lines says nothing.
pub(super) type Facts = BTreeMap<&'static str, BTreeSet<String>>;

/// Settings that follow the metadata of a relying party (spec passive-sign-in 4.3).
const RELYING_PARTY: [&str; 7] = [
    "identifiers",
    "ws_fed_endpoint",
    "additional_ws_fed_endpoint",
    "saml_endpoints",
    "request_signing_certificate",
    "signed_saml_requests_required",
    "encryption_certificate",
];

impl Partner {
    /// The settings of its trust file that follow its metadata. A claims provider is asked by the protocol that the trust
    /// names, so that of its endpoints alone counts.
    pub(super) fn followed(&self) -> Vec<&'static str> {
        match self {
            Partner::RelyingParty(_) => RELYING_PARTY.to_vec(),
            Partner::ClaimsProvider(trust) => vec![
                "identifier",
                match trust.protocol {
                    ClaimsProviderProtocol::WsFederation { .. } => "ws_fed_endpoint",
                    ClaimsProviderProtocol::Saml { .. } => "saml_endpoints",
                    // These have no such metadata.
                    ClaimsProviderProtocol::Ldap(_) | ClaimsProviderProtocol::OpenIdConnect(_) => {
                        return Vec::new();
                    }
                },
                "token_signing_certificate",
                "signed_saml_requests_required",
            ],
        }
    }

    /// What the trust says in these settings.
    pub(super) fn facts(&self) -> Facts {
        match self {
            Partner::RelyingParty(trust) => relying_party(trust),
            Partner::ClaimsProvider(trust) => claims_provider(trust),
        }
    }
}

fn relying_party(trust: &RelyingPartyTrust) -> Facts {
    let addresses = trust.ws_fed_endpoint.iter().map(ToString::to_string);
    let additional = trust.additional_ws_fed_endpoint.iter();
    let encryption = trust.encryption_certificate.iter();
    Facts::from([
        ("identifiers", trust.identifiers.iter().cloned().collect()),
        ("ws_fed_endpoint", addresses.collect()),
        (
            "additional_ws_fed_endpoint",
            additional.map(ToString::to_string).collect(),
        ),
        ("saml_endpoints", endpoints(&trust.saml.endpoints)),
        (
            "request_signing_certificate",
            certificates(&trust.saml.request_signing_certificates),
        ),
        (
            "signed_saml_requests_required",
            flag(trust.saml.signed_requests_required),
        ),
        (
            "encryption_certificate",
            encryption.map(certificate).collect(),
        ),
    ])
}

fn claims_provider(trust: &ClaimsProviderTrust) -> Facts {
    let (address, endpoints) = match &trust.protocol {
        ClaimsProviderProtocol::WsFederation { endpoint } => {
            (BTreeSet::from([endpoint.to_string()]), BTreeSet::new())
        }
        ClaimsProviderProtocol::Saml {
            endpoints: written, ..
        } => (BTreeSet::new(), endpoints(written)),
        ClaimsProviderProtocol::Ldap(_) | ClaimsProviderProtocol::OpenIdConnect(_) => {
            return Facts::new();
        }
    };
    Facts::from([
        ("identifier", BTreeSet::from([trust.identifier.clone()])),
        ("ws_fed_endpoint", address),
        ("saml_endpoints", endpoints),
        (
            "token_signing_certificate",
            certificates(&trust.token_signing_certificates),
        ),
        (
            "signed_saml_requests_required",
            flag(trust.saml.signed_requests_required),
        ),
    ])
}

fn flag(is_set: bool) -> BTreeSet<String> {
    is_set.then(|| "true".to_owned()).into_iter().collect()
}

fn endpoints(endpoints: &[SamlEndpoint]) -> BTreeSet<String> {
    endpoints.iter().map(endpoint).collect()
}

/// Only consumers are chosen by their number or as the default one.
fn endpoint(endpoint: &SamlEndpoint) -> String {
    let mut line = format!(
        "{} {} {}",
        endpoint.protocol.name(),
        endpoint.binding.name(),
        endpoint.location
    );
    if let Some(response) = &endpoint.response_location {
        line.push_str(&format!(" answers {response}"));
    }
    if endpoint.protocol == SamlProtocol::AssertionConsumer {
        line.push_str(&format!(" index {}", endpoint.index));
        if endpoint.is_default {
            line.push_str(" default");
        }
    }
    line
}

fn certificates(certificates: &[X509]) -> BTreeSet<String> {
    certificates.iter().map(certificate).collect()
}

/// The SHA-256 of a certificate tells it from every other, its end is for people.
fn certificate(certificate: &X509) -> String {
    let digest = certificate.digest(MessageDigest::sha256());
    let digest: String = match &digest {
        Ok(digest) => digest.iter().map(|octet| format!("{octet:02X}")).collect(),
        Err(_) => "?".to_owned(),
    };
    format!("SHA-256 {digest} until {}", certificate.not_after())
}
