//! Metadata of anybody: what is accepted has what a trust needs.

use federation::metadata::read::{Reading, SamlEndpoint, read};
use time::macros::datetime;

pub(crate) fn check(document: &str) {
    let now = datetime!(2026-11-25 12:00 UTC);
    let Ok(entity) = read(document, &Reading::at(now)) else {
        return;
    };
    assert!(document.len() <= 1024 * 1024);
    assert!(!entity.entity_id.is_empty());
    assert!(entity.valid_until.is_none_or(|end| end > now));
    let usable = |endpoints: &[SamlEndpoint]| {
        endpoints
            .iter()
            .all(|endpoint| endpoint.location.as_str().starts_with("https://"))
    };
    if let Ok(party) = entity.relying_party() {
        assert_eq!(party.identifiers.first(), Some(&entity.entity_id));
        assert!(!party.assertion_consumers.is_empty() || !party.ws_federation_endpoints.is_empty());
        assert!(usable(&party.assertion_consumers) && usable(&party.logout_endpoints));
        assert!(!party.authn_requests_signed || !party.request_signing_certificates.is_empty());
    }
    if let Ok(provider) = entity.claims_provider() {
        assert!(!provider.signing_certificates.is_empty());
        assert!(usable(&provider.sign_on_endpoints) && usable(&provider.logout_endpoints));
    }
}
