//! The two roles of SAML 2.0, with their children in the order of AD FS and of the schema (spec passive-sign-in 4.1).

use super::ClaimDescription;
use super::document::{MD, key_descriptor};
use crate::saml2::{ASSERTION, Binding, PROTOCOL};
use crate::xml::{Attribute, Writer};

/// How claims are named as attributes: by URI.
const NAME_FORMAT: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";
/// Formats that AD FS lists; which of them a trust gets is for its rules.
const NAME_ID_FORMATS: [&str; 3] = [
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
];

/// `SPSSODescriptor`: the service as a relying party of SAML 2.0 claims providers. Certificates are DER in base64.
#[derive(Debug, Clone)]
pub struct ServiceProvider<'a> {
    /// Primary token-decrypting certificate.
    pub decrypting: &'a str,
    /// Token-signing certificates, primary first.
    pub signing: &'a [&'a str],
    /// Absolute address of the passive endpoint, which takes every message.
    pub passive_endpoint: &'a str,
    /// Bindings of assertion consumers by index; the first is the default one.
    pub consumers: &'a [Binding],
    /// Whether requests to claims providers are signed (SignSamlAuthnRequests).
    pub authn_requests_signed: bool,
}

/// `IDPSSODescriptor`: the service as a claims provider of SAML 2.0 relying parties. Certificates are DER in base64.
#[derive(Debug, Clone)]
pub struct IdentityProvider<'a> {
    /// Primary token-decrypting certificate.
    pub decrypting: &'a str,
    /// Token-signing certificates, primary first.
    pub signing: &'a [&'a str],
    /// Absolute address of the artifact resolution service, if it is enabled.
    pub artifact_resolution: Option<&'a str>,
    /// Absolute address of the passive endpoint, which takes every message.
    pub passive_endpoint: &'a str,
    /// Claim descriptions; those that are offered are listed.
    pub claims: &'a [ClaimDescription<'a>],
    /// Whether requests of relying parties must be signed (SignedSamlRequestsRequired).
    pub want_authn_requests_signed: bool,
}

impl ServiceProvider<'_> {
    pub(super) fn write(&self, writer: &mut Writer) {
        let mut attributes = vec![
            Attribute::new("WantAssertionsSigned", "true"),
            Attribute::new("protocolSupportEnumeration", PROTOCOL.uri()),
        ];
        if self.authn_requests_signed {
            attributes.push(Attribute::new("AuthnRequestsSigned", "true"));
        }
        writer.element(MD.name("SPSSODescriptor"), &attributes, |writer| {
            keys(writer, self.decrypting, self.signing);
            messages(writer, "SingleLogoutService", self.passive_endpoint);
            name_id_formats(writer);
            for (index, binding) in self.consumers.iter().enumerate() {
                let number = index.to_string();
                let mut attributes = vec![
                    Attribute::new("Binding", binding.uri()),
                    Attribute::new("Location", self.passive_endpoint),
                    Attribute::new("index", &number),
                ];
                if index == 0 {
                    attributes.push(Attribute::new("isDefault", "true"));
                }
                writer.leaf(MD.name("AssertionConsumerService"), &attributes, "");
            }
        });
    }
}

impl IdentityProvider<'_> {
    pub(super) fn write(&self, writer: &mut Writer) {
        let mut attributes = vec![Attribute::new("protocolSupportEnumeration", PROTOCOL.uri())];
        if self.want_authn_requests_signed {
            attributes.push(Attribute::new("WantAuthnRequestsSigned", "true"));
        }
        writer.element(MD.name("IDPSSODescriptor"), &attributes, |writer| {
            keys(writer, self.decrypting, self.signing);
            if let Some(location) = self.artifact_resolution {
                let attributes = [
                    Attribute::new("Binding", Binding::Soap.uri()),
                    Attribute::new("Location", location),
                    Attribute::new("index", "0"),
                ];
                writer.leaf(MD.name("ArtifactResolutionService"), &attributes, "");
            }
            messages(writer, "SingleLogoutService", self.passive_endpoint);
            name_id_formats(writer);
            messages(writer, "SingleSignOnService", self.passive_endpoint);
            for claim in self.claims.iter().filter(|claim| claim.offered) {
                let attributes = [
                    Attribute::new("FriendlyName", claim.display_name),
                    Attribute::new("Name", claim.uri),
                    Attribute::new("NameFormat", NAME_FORMAT),
                ];
                writer.leaf(ASSERTION.name("Attribute"), &attributes, "");
            }
        });
    }
}

fn keys(writer: &mut Writer, decrypting: &str, signing: &[&str]) {
    key_descriptor(writer, "encryption", decrypting);
    signing
        .iter()
        .for_each(|certificate| key_descriptor(writer, "signing", certificate));
}

/// One service for messages by redirect and by POST.
fn messages(writer: &mut Writer, service: &'static str, location: &str) {
    for binding in [Binding::Redirect, Binding::Post] {
        let attributes = [
            Attribute::new("Binding", binding.uri()),
            Attribute::new("Location", location),
        ];
        writer.leaf(MD.name(service), &attributes, "");
    }
}

fn name_id_formats(writer: &mut Writer) {
    for format in NAME_ID_FORMATS {
        writer.leaf(MD.name("NameIDFormat"), &[], format);
    }
}
