//! What Entra ID must know of this service, for each federated domain (spec cloud-scenario 6).

mod check;
mod powershell;
mod rules;

use serde::Serialize;

use crate::config::{Configuration, RelyingPartyTrust};
use crate::keys::{Certificate, CertificateType};

pub use check::{CheckError, Difference, compare, read_answer};
pub use powershell::{commands, quote};
pub use rules::issuance_transform_rules;

/// Identifier of Entra ID as a relying party.
pub const RELYING_PARTY: &str = "urn:federation:MicrosoftOnline";
/// The claim that becomes the issuer of a token.
const ISSUER_ID: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/issuerid";

/// How Entra ID treats the second factor of a federated domain (federatedIdpMfaBehavior).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
#[value(rename_all = "camelCase")]
pub enum MfaBehavior {
    /// Entra ID asks for it, whatever the token says.
    #[default]
    RejectMfaByFederatedIdp,
    /// Entra ID takes what the token says, and asks itself otherwise.
    AcceptIfMfaDoneByFederatedIdp,
    /// Entra ID sends people back here for it.
    EnforceMfaByFederatedIdp,
}

impl MfaBehavior {
    /// Its name in Microsoft Graph.
    pub const fn name(self) -> &'static str {
        match self {
            MfaBehavior::RejectMfaByFederatedIdp => "rejectMfaByFederatedIdp",
            MfaBehavior::AcceptIfMfaDoneByFederatedIdp => "acceptIfMfaDoneByFederatedIdp",
            MfaBehavior::EnforceMfaByFederatedIdp => "enforceMfaByFederatedIdp",
        }
    }
}

/// An `internalDomainFederation` of Microsoft Graph, as it is posted to `/domains/DOMAIN/federationConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainFederation {
    #[serde(rename = "@odata.type")]
    kind: &'static str,
    /// Name for people.
    pub display_name: String,
    /// Issuer of the tokens for the domain; no other domain of any tenant has it.
    pub issuer_uri: String,
    /// Where browsers go.
    pub passive_sign_in_uri: String,
    /// Where programs with a password go.
    pub active_sign_in_uri: String,
    /// Where programs learn about that.
    pub metadata_exchange_uri: String,
    /// Where browsers go to sign out.
    pub sign_out_uri: String,
    /// DER of the primary token-signing certificate in base64.
    pub signing_certificate: String,
    /// The same of the one that comes next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_signing_certificate: Option<String>,
    /// `wsFed`.
    pub preferred_authentication_protocol: &'static str,
    /// `nativeSupport`: `prompt=login` is understood here.
    pub prompt_login_behavior: &'static str,
    /// See [`MfaBehavior`].
    pub federated_idp_mfa_behavior: &'static str,
}

/// How the issuer of a token is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuer {
    /// It is the identifier of the federation service. Serves for one domain.
    Service,
    /// The rules make it of the user's domain (`-SupportMultipleDomain`).
    Domain,
}

impl Issuer {
    /// What the configured rules do, or need to do for so many domains.
    pub fn of(trust: Option<&RelyingPartyTrust>, domains: usize) -> Issuer {
        if domains > 1 || trust.is_some_and(issues_issuer) {
            Issuer::Domain
        } else {
            Issuer::Service
        }
    }

    /// The issuer of the tokens for a domain. The rules end theirs with a slash, the service its own without.
    pub fn uri(self, configuration: &Configuration, domain: &str) -> String {
        match self {
            Issuer::Service => configuration.service.identifier.clone(),
            Issuer::Domain => format!("http://{domain}/adfs/services/trust/"),
        }
    }
}

/// Whether the rules of a trust make the issuer.
fn issues_issuer(trust: &RelyingPartyTrust) -> bool {
    let rules = trust.issuance_transform_rules.syntax().to_string();
    rules.to_lowercase().contains(ISSUER_ID)
}

/// What to look after before the domains are federated; each a sentence.
pub fn remarks(configuration: &Configuration, domains: usize) -> Vec<String> {
    let mut remarks = Vec::new();
    match configuration.relying_parties.by_identifier(RELYING_PARTY) {
        None => remarks.push(format!(
            "There is no relying party trust {RELYING_PARTY}: add one with the rules below, or import it from AD FS."
        )),
        Some(trust) if !trust.enabled => {
            remarks.push(format!("The relying party trust {:?} is disabled.", trust.name));
        }
        Some(trust) if domains > 1 && !issues_issuer(&trust) => remarks.push(format!(
            "The rules of the relying party trust {:?} issue no issuerid claim, so tokens of all domains have one issuer and \
             Entra ID refuses them (AADSTS50107): take the rules below.",
            trust.name
        )),
        Some(_) => {}
    }
    remarks.push(
        "Keep a cloud-only administrator outside the federated domains: when this service is down, nobody else gets in."
            .to_owned(),
    );
    remarks.push(
        "Whoever holds the token-signing key can be any synchronised user of the tenant, also of other domains.".to_owned(),
    );
    remarks
}

/// What to enter for `domain`. `None` when there is no token-signing certificate.
pub fn federation(
    configuration: &Configuration,
    certificates: &[(CertificateType, Certificate)],
    issuer: Issuer,
    domain: &str,
    display_name: Option<&str>,
    mfa: MfaBehavior,
) -> Option<DomainFederation> {
    let base = configuration.service.base_url();
    let mut signing = certificates
        .iter()
        .filter(|(role, _)| *role == CertificateType::TokenSigning)
        .map(|(_, certificate)| certificate.base64().to_owned());
    Some(DomainFederation {
        kind: "#microsoft.graph.internalDomainFederation",
        display_name: display_name
            .unwrap_or(&configuration.service.display_name)
            .to_owned(),
        issuer_uri: issuer.uri(configuration, domain),
        passive_sign_in_uri: format!("{base}/adfs/ls/"),
        active_sign_in_uri: format!("{base}/adfs/services/trust/2005/usernamemixed"),
        metadata_exchange_uri: format!("{base}/adfs/services/trust/mex"),
        sign_out_uri: format!("{base}/adfs/ls/"),
        signing_certificate: signing.next()?,
        next_signing_certificate: signing.next(),
        preferred_authentication_protocol: "wsFed",
        prompt_login_behavior: "nativeSupport",
        federated_idp_mfa_behavior: mfa.name(),
    })
}

#[cfg(test)]
mod tests;
