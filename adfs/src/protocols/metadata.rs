//! Our `FederationMetadata.xml`: what partners must know of this service, signed (spec passive-sign-in 4.1).

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use federation::metadata::{ClaimDescription, FederationService, Role};
use federation::signature::SignatureAlgorithm;
use federation::{IssueError, saml11};

use crate::claims;
use crate::config::{Configuration, Service};
use crate::ids;
use crate::keys::{Certificate, TokenKeys};
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
        &configuration.service,
        &claims::descriptions(&configuration),
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

fn write(
    service: &Service,
    claims: &[ClaimDescription<'_>],
    keys: &TokenKeys,
) -> Result<String, MetadataError> {
    let passive_endpoint = format!("{}/adfs/ls/", service.base_url());
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
            claims,
            target_scopes: &[&passive_endpoint, &service.identifier],
            passive_endpoint: &passive_endpoint,
        },
        Role::SecurityTokenService {
            display_name: &service.display_name,
            signing: &signing,
            token_types: &[saml11::TOKEN_TYPE],
            claims,
            passive_endpoint: &passive_endpoint,
        },
    ];
    let document = FederationService {
        id: &id,
        entity_id: &service.identifier,
        roles: &roles,
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
        let document = write(&service, &BUILT_IN_CLAIM_DESCRIPTIONS, &current).expect("written");
        for part in [
            "entityID=\"http://sts.contoso.test/adfs/services/trust\"",
            "ServiceDisplayName=\"Contoso &amp; Co\"",
            "<Address>https://sts.contoso.test:8443/adfs/ls/</Address>",
        ] {
            assert!(document.contains(part), "{part}");
        }
        // Once in the signature and once as the key of the token service.
        assert_eq!(document.matches(signing.certificate().base64()).count(), 2);
        assert_eq!(
            document.matches(decrypting.certificate().base64()).count(),
            1
        );
        assert!(
            !document.contains("https://schemas."),
            "claim types have their http spelling"
        );
    }
}
