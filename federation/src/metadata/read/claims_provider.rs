//! A claims provider: `fed:SecurityTokenServiceType` and `IDPSSODescriptor`.

use openssl::x509::X509;

use super::entity::Roles;
use super::role::{
    add_certificates, bounded_claim_types, claim_types, endpoints, keys, name_id_formats,
    passive_endpoints,
};
use super::values::{attribute, flag, named};
use super::{ClaimType, MetadataReadError, SamlEndpoint, Warning};
use crate::endpoints::ReplyUrl;
use crate::saml2::{ASSERTION, Binding};

/// What a claims provider trust takes from metadata (spec passive-sign-in 4.3).
#[derive(Debug, Clone, Default)]
pub struct ClaimsProviderMetadata {
    /// `ServiceDisplayName`, if a role has one.
    pub display_name: Option<String>,
    /// WS-Federation endpoints, WSFedEndpoint first.
    pub ws_federation_endpoints: Vec<ReplyUrl>,
    /// Single sign-on services; Redirect, POST or SOAP.
    pub sign_on_endpoints: Vec<SamlEndpoint>,
    /// Single logout services; Redirect, POST or SOAP.
    pub logout_endpoints: Vec<SamlEndpoint>,
    /// Artifact resolution services; SOAP.
    pub artifact_resolution: Vec<SamlEndpoint>,
    /// TokenSigningCertificate: any of them may have signed a token. Never empty.
    pub signing_certificates: Vec<X509>,
    /// Certificates to encrypt to, as for a `NameID` in a logout request.
    pub encryption_certificates: Vec<X509>,
    /// `WantAuthnRequestsSigned="true"`.
    pub want_authn_requests_signed: bool,
    /// `NameIDFormat`s that it issues, as URIs.
    pub name_id_formats: Vec<String>,
    /// Claims that it offers.
    pub claim_types: Vec<ClaimType>,
    /// What was left out.
    pub warnings: Vec<Warning>,
}

pub(super) fn read(roles: &Roles<'_, '_>) -> Result<ClaimsProviderMetadata, MetadataReadError> {
    let mut provider = ClaimsProviderMetadata {
        warnings: roles.warnings.clone(),
        ..ClaimsProviderMetadata::default()
    };
    if let Some(role) = roles.identity_provider {
        let warnings = &mut provider.warnings;
        let messages = [Binding::Redirect, Binding::Post, Binding::Soap];
        provider.sign_on_endpoints = endpoints(role, "SingleSignOnService", &messages, warnings)?;
        provider.logout_endpoints = endpoints(role, "SingleLogoutService", &messages, warnings)?;
        provider.artifact_resolution = endpoints(
            role,
            "ArtifactResolutionService",
            &[Binding::Soap],
            warnings,
        )?;
        let keys = keys(role, warnings)?;
        provider.signing_certificates = keys.signing;
        provider.encryption_certificates = keys.encryption;
        provider.want_authn_requests_signed = flag(role, "WantAuthnRequestsSigned")?;
        provider.name_id_formats = name_id_formats(role)?;
        let attributes = named(role, ASSERTION.uri(), "Attribute");
        provider.claim_types = bounded_claim_types(attributes.map(|node| {
            Ok(ClaimType {
                uri: attribute(node, "Name")?.ok_or(MetadataReadError::Missing("Name"))?,
                display_name: attribute(node, "FriendlyName")?,
                optional: true,
            })
        }))?;
    }
    if let Some(role) = roles.token_service {
        let warnings = &mut provider.warnings;
        provider.ws_federation_endpoints = passive_endpoints(role, warnings)?;
        add_certificates(
            &mut provider.signing_certificates,
            keys(role, warnings)?.signing,
        );
        provider.display_name = attribute(role, "ServiceDisplayName")?;
        for claim in claim_types(role, "ClaimTypesOffered")? {
            if !provider
                .claim_types
                .iter()
                .any(|known| known.uri == claim.uri)
            {
                provider.claim_types.push(claim);
            }
        }
    }
    if provider.sign_on_endpoints.is_empty() && provider.ws_federation_endpoints.is_empty() {
        return Err(MetadataReadError::NoClaimsProvider);
    }
    if provider.signing_certificates.is_empty() {
        return Err(MetadataReadError::NoSigningKey(
            "tokens of a claims provider are always signed",
        ));
    }
    Ok(provider)
}
