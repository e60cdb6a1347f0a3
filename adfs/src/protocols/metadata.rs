//! Our `FederationMetadata.xml`: what partners must know of this service, signed (spec passive-sign-in 4.1).

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use federation::metadata::{
    ClaimDescription, Contact, FederationService, IdentityProvider, Organization, Role,
    ServiceProvider,
};
use federation::saml2::{self, Binding};
use federation::signature::SignatureAlgorithm;
use federation::{IssueError, saml11};

use crate::claims;
use crate::config::{Configuration, Service};
use crate::ids;
use crate::keys::{Certificate, TokenKeys};
use crate::protocols::saml::resolution;
use crate::state::Federation;

/// Why the document cannot be written: a configured name that XML cannot carry, or a failing signature.
pub type MetadataError = IssueError;

/// Remembers the document. Anybody may ask for it, and a signature each time would be a gift to those who want to keep
/// the server busy.
#[derive(Debug, Default)]
pub struct Cache(ArcSwapOption<Cached>);

#[derive(Debug)]
struct Cached {
    configuration: Arc<Configuration>,
    keys: Arc<TokenKeys>,
    document: Arc<str>,
}

/// The document for the configuration and keys in force.
///
/// # Errors
/// [`MetadataError`].
pub fn document(federation: &Federation) -> Result<Arc<str>, MetadataError> {
    let configuration = federation.configuration.load_full();
    let keys = federation.keys.current();
    if let Some(cached) = federation.metadata.0.load_full() {
        let same_configuration = Arc::ptr_eq(&cached.configuration, &configuration);
        if same_configuration && Arc::ptr_eq(&cached.keys, &keys) {
            return Ok(Arc::clone(&cached.document));
        }
    }
    let document: Arc<str> = write(
        &Publication::of(&configuration, &claims::descriptions(&configuration)),
        &keys,
    )?
    .into();
    let cached = Cached {
        configuration,
        keys,
        document: Arc::clone(&document),
    };
    federation.metadata.0.store(Some(Arc::new(cached)));
    Ok(document)
}

/// What the configuration has to say in the document.
struct Publication<'a> {
    service: &'a Service,
    claims: &'a [ClaimDescription<'a>],
    organization: Option<&'a Organization>,
    contact: Option<&'a Contact>,
    signed_requests_required: bool,
}

impl<'a> Publication<'a> {
    fn of(configuration: &'a Configuration, claims: &'a [ClaimDescription<'a>]) -> Publication<'a> {
        Publication {
            service: &configuration.service,
            claims,
            organization: configuration.organization.as_ref(),
            contact: configuration.contact.as_ref(),
            signed_requests_required: configuration.properties.signed_saml_requests_required,
        }
    }
}

fn write(publication: &Publication<'_>, keys: &TokenKeys) -> Result<String, MetadataError> {
    let service = publication.service;
    let passive_endpoint = format!("{}/adfs/ls/", service.base_url());
    let artifact_resolution = format!("{}{}", service.base_url(), resolution::PATH);
    let id = format!("_{}", ids::guid());
    let signing: Vec<&str> = keys
        .signing_certificates()
        .map(Certificate::base64)
        .collect();
    // Claims providers need one certificate to encrypt to: the primary one. All are tried when a token comes.
    let decrypting = keys
        .decrypting_keys()
        .first()
        .ok_or(IssueError::Inconsistent("no token-decrypting certificate"))?
        .certificate()
        .base64();
    let roles = [
        Role::ApplicationService {
            display_name: &service.display_name,
            decrypting,
            claims: publication.claims,
            target_scopes: &[&passive_endpoint, &service.identifier],
            passive_endpoint: &passive_endpoint,
        },
        Role::SecurityTokenService {
            display_name: &service.display_name,
            signing: &signing,
            token_types: &[saml2::TOKEN_TYPE, saml11::TOKEN_TYPE],
            claims: publication.claims,
            passive_endpoint: &passive_endpoint,
        },
        Role::ServiceProvider(ServiceProvider {
            decrypting,
            signing: &signing,
            passive_endpoint: &passive_endpoint,
            consumers: &[Binding::Post, Binding::Artifact, Binding::Redirect],
            authn_requests_signed: false,
        }),
        Role::IdentityProvider(IdentityProvider {
            decrypting,
            signing: &signing,
            artifact_resolution: Some(&artifact_resolution),
            passive_endpoint: &passive_endpoint,
            claims: publication.claims,
            want_authn_requests_signed: publication.signed_requests_required,
        }),
    ];
    let document = FederationService {
        id: &id,
        entity_id: &service.identifier,
        roles: &roles,
        organization: publication.organization,
        contacts: publication.contact.map_or(&[], std::slice::from_ref),
    }
    .write()?;
    Ok(keys
        .token_signing()
        .key()
        .sign(document, SignatureAlgorithm::RsaSha256)?
        .into_string())
}

#[cfg(test)]
mod tests {
    use federation::metadata::BUILT_IN_CLAIM_DESCRIPTIONS;
    use time::macros::datetime;

    use super::*;
    use crate::keys::Keys;

    #[test]
    fn the_document_names_this_service_and_the_certificates_in_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = Keys::in_folder(folder.path(), datetime!(2026-11-25 12:00 UTC));
        let service = Service {
            host_name: "sts.contoso.test".to_owned(),
            display_name: "Contoso & Co".to_owned(),
            identifier: "http://sts.contoso.test/adfs/services/trust".to_owned(),
            https_port_outside: 8443,
            lab_keys: false,
            intranet_networks: Vec::new(),
        };
        let current = keys.current();
        let (signing, decrypting) = (current.token_signing(), &current.decrypting_keys()[0]);
        let publication = Publication {
            service: &service,
            claims: &BUILT_IN_CLAIM_DESCRIPTIONS,
            organization: Some(&Organization {
                name: Some("Contoso".to_owned()),
                display_name: Some("Contoso & Co".to_owned()),
                url: Some("https://www.contoso.test/".to_owned()),
            }),
            contact: None,
            signed_requests_required: true,
        };
        let document = write(&publication, &current).expect("written");
        for part in [
            "entityID=\"http://sts.contoso.test/adfs/services/trust\"",
            "ServiceDisplayName=\"Contoso &amp; Co\"",
            "<Address>https://sts.contoso.test:8443/adfs/ls/</Address>",
            "<IDPSSODescriptor WantAuthnRequestsSigned=\"true\" ",
            "<OrganizationDisplayName xml:lang=\"en\">Contoso &amp; Co</OrganizationDisplayName>",
        ] {
            assert!(document.contains(part), "{part}");
        }
        // Once in the signature and once as the key of each role that signs: token service and both of SAML.
        assert_eq!(document.matches(signing.certificate().base64()).count(), 4);
        // Of each role that takes tokens or messages.
        assert_eq!(
            document.matches(decrypting.certificate().base64()).count(),
            3
        );
        assert!(
            !document.contains("https://schemas."),
            "claim types have their http spelling"
        );
    }
}
