//! The issuance transform rules that go with a federation.

use claim_rules::entra::{DomainError, default_rules};

use super::{ISSUER_ID, Issuer};

/// The rules that Entra Connect writes for these domains. Those of issuerid are left out where the service itself is the
/// issuer.
///
/// # Errors
/// When a text is no domain.
pub fn issuance_transform_rules(
    issuer: Issuer,
    domains: &[&str],
    sub_domains: &[&str],
) -> Result<String, DomainError> {
    let all = default_rules(domains, sub_domains)?;
    Ok(match issuer {
        Issuer::Domain => all,
        // Blank lines stand between the rules and nowhere else.
        Issuer::Service => {
            let others = all.split("\n\n").filter(|rule| !rule.contains(ISSUER_ID));
            others.collect::<Vec<_>>().join("\n\n")
        }
    })
}
