//! A relying party: `fed:ApplicationServiceType` and `SPSSODescriptor`.

use openssl::x509::X509;

use super::entity::Roles;
use super::role::{
    add_certificates, bounded_claim_types, claim_types, endpoints, keys, name_id_formats,
    passive_endpoints, references,
};
use super::values::{MD, attribute, flag, named};
use super::{ClaimType, MetadataReadError, SamlEndpoint, Warning};
use crate::endpoints::ReplyUrl;
use crate::saml2::Binding;

/// What a relying party trust takes from metadata (spec passive-sign-in 4.3).
#[derive(Debug, Clone, Default)]
pub struct RelyingPartyMetadata {
    /// Identifiers: `entityID` first, then what `TargetScopes` adds.
    pub identifiers: Vec<String>,
    /// `ServiceDisplayName`, if a role has one.
    pub display_name: Option<String>,
    /// WS-Federation endpoints: WSFedEndpoint first, then AdditionalWSFedEndpoint.
    pub ws_federation_endpoints: Vec<ReplyUrl>,
    /// Assertion consumer services; POST, Artifact or Redirect.
    pub assertion_consumers: Vec<SamlEndpoint>,
    /// Single logout services; Redirect, POST or SOAP.
    pub logout_endpoints: Vec<SamlEndpoint>,
    /// Artifact resolution services; SOAP.
    pub artifact_resolution: Vec<SamlEndpoint>,
    /// RequestSigningCertificate: any of them may have signed a request.
    pub request_signing_certificates: Vec<X509>,
    /// Candidates for EncryptionCertificate, the preferred one first.
    pub encryption_certificates: Vec<X509>,
    /// `AuthnRequestsSigned="true"`: SignedSamlRequestsRequired.
    pub authn_requests_signed: bool,
    /// `NameIDFormat`s that it understands, as URIs.
    pub name_id_formats: Vec<String>,
    /// Claims that it asks for.
    pub claim_types: Vec<ClaimType>,
    /// What was left out.
    pub warnings: Vec<Warning>,
}

impl RelyingPartyMetadata {
    /// The assertion consumer for requests that name none: the default one, else the one of the lowest index
    /// (spec passive-sign-in 3.3).
    pub fn default_assertion_consumer(&self) -> Option<&SamlEndpoint> {
        self.assertion_consumers
            .iter()
            .find(|endpoint| endpoint.is_default)
            .or_else(|| {
                self.assertion_consumers
                    .iter()
                    .min_by_key(|endpoint| endpoint.index)
            })
    }
}

pub(super) fn read(
    entity_id: &str,
    roles: &Roles<'_, '_>,
) -> Result<RelyingPartyMetadata, MetadataReadError> {
    let mut party = RelyingPartyMetadata {
        identifiers: vec![entity_id.to_owned()],
        warnings: roles.warnings.clone(),
        ..RelyingPartyMetadata::default()
    };
    if let Some(role) = roles.service_provider {
        let warnings = &mut party.warnings;
        party.assertion_consumers = endpoints(
            role,
            "AssertionConsumerService",
            &[Binding::Post, Binding::Artifact, Binding::Redirect],
            warnings,
        )?;
        party.logout_endpoints = endpoints(
            role,
            "SingleLogoutService",
            &[Binding::Redirect, Binding::Post, Binding::Soap],
            warnings,
        )?;
        party.artifact_resolution = endpoints(
            role,
            "ArtifactResolutionService",
            &[Binding::Soap],
            warnings,
        )?;
        let keys = keys(role, warnings)?;
        party.request_signing_certificates = keys.signing;
        party.encryption_certificates = keys.encryption;
        party.authn_requests_signed = flag(role, "AuthnRequestsSigned")?;
        party.name_id_formats = name_id_formats(role)?;
        let attributes = named(role, MD, "AttributeConsumingService")
            .flat_map(|service| named(service, MD, "RequestedAttribute"));
        party.claim_types = bounded_claim_types(attributes.map(|node| {
            Ok(ClaimType {
                uri: attribute(node, "Name")?.ok_or(MetadataReadError::Missing("Name"))?,
                display_name: attribute(node, "FriendlyName")?,
                optional: !flag(node, "isRequired")?,
            })
        }))?;
    }
    if let Some(role) = roles.application {
        let warnings = &mut party.warnings;
        party.ws_federation_endpoints = passive_endpoints(role, warnings)?;
        for scope in references(role, "TargetScopes")? {
            if !party.identifiers.contains(&scope) {
                party.identifiers.push(scope);
            }
        }
        add_certificates(
            &mut party.encryption_certificates,
            keys(role, warnings)?.encryption,
        );
        party.display_name = attribute(role, "ServiceDisplayName")?;
        for claim in claim_types(role, "ClaimTypesRequested")? {
            if !party.claim_types.iter().any(|known| known.uri == claim.uri) {
                party.claim_types.push(claim);
            }
        }
    }
    if party.assertion_consumers.is_empty() && party.ws_federation_endpoints.is_empty() {
        return Err(MetadataReadError::NoRelyingParty);
    }
    if party.authn_requests_signed && party.request_signing_certificates.is_empty() {
        return Err(MetadataReadError::NoSigningKey(
            "it says that its requests are signed",
        ));
    }
    Ok(party)
}
