//! The same as lines for PowerShell.

use super::DomainFederation;

/// A text in single quotes. PowerShell takes typographic quotes for single quotes, too, so all are doubled.
pub fn quote(text: &str) -> String {
    let mut quoted = String::from("'");
    for character in text.chars() {
        if matches!(
            character,
            '\'' | '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{201B}'
        ) {
            quoted.push(character);
        }
        quoted.push(character);
    }
    quoted.push('\'');
    quoted
}

/// The commands of Microsoft Graph PowerShell that look at the federation of a domain, make it, and change it.
pub fn commands(domain: &str, federation: &DomainFederation) -> Vec<String> {
    let parameters = parameters(federation);
    let domain = quote(domain);
    vec![
        "Connect-MgGraph -Scopes Domain.ReadWrite.All, Directory.AccessAsUser.All".to_owned(),
        format!("Get-MgDomainFederationConfiguration -DomainId {domain}"),
        format!("New-MgDomainFederationConfiguration -DomainId {domain} {parameters}"),
        format!(
            "Update-MgDomainFederationConfiguration -DomainId {domain} -InternalDomainFederationId \
             (Get-MgDomainFederationConfiguration -DomainId {domain}).Id {parameters}"
        ),
    ]
}

fn parameters(federation: &DomainFederation) -> String {
    let mut parameters = vec![
        ("DisplayName", federation.display_name.as_str()),
        ("IssuerUri", &federation.issuer_uri),
        ("PassiveSignInUri", &federation.passive_sign_in_uri),
        ("ActiveSignInUri", &federation.active_sign_in_uri),
        ("MetadataExchangeUri", &federation.metadata_exchange_uri),
        ("SignOutUri", &federation.sign_out_uri),
        ("SigningCertificate", &federation.signing_certificate),
    ];
    if let Some(next) = &federation.next_signing_certificate {
        parameters.push(("NextSigningCertificate", next));
    }
    parameters.extend([
        (
            "PreferredAuthenticationProtocol",
            federation.preferred_authentication_protocol,
        ),
        ("PromptLoginBehavior", federation.prompt_login_behavior),
        (
            "FederatedIdpMfaBehavior",
            federation.federated_idp_mfa_behavior,
        ),
    ]);
    let written = parameters
        .into_iter()
        .map(|(name, value)| format!("-{name} {}", quote(value)));
    written.collect::<Vec<_>>().join(" ")
}
