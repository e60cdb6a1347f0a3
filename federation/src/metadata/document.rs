//! The document, role by role.

use super::read::{Contact, Organization};
use super::saml_roles::{IdentityProvider, ServiceProvider};
use super::{ClaimDescription, people};
use crate::IssueError;
use crate::signature::key_info;
use crate::wsfed::{ADDRESSING, TRUST_2005};
use crate::xml::{self, Attribute, Namespace, Unsigned, Writer, XSI, is_ncname};

pub(super) const MD: Namespace = Namespace::new("", "urn:oasis:names:tc:SAML:2.0:metadata");
const FED: Namespace = Namespace::new("fed", "http://docs.oasis-open.org/wsfed/federation/200706");
const AUTH: Namespace = Namespace::new(
    "auth",
    "http://docs.oasis-open.org/wsfed/authorization/200706",
);
const TRUST_13: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";

/// `protocolSupportEnumeration` of the WS-Federation roles.
pub const PROTOCOLS: [&str; 3] = [TRUST_13, TRUST_2005.uri(), FED.uri()];

/// What the document says of the service. Certificates are DER in base64.
#[derive(Debug, Clone)]
pub struct FederationService<'a> {
    /// Id of the document: an NCName, new for each document.
    pub id: &'a str,
    /// Federation service identifier.
    pub entity_id: &'a str,
    /// Roles, in the order in which AD FS lists them.
    pub roles: &'a [Role<'a>],
    /// Who runs the service.
    pub organization: Option<&'a Organization>,
    /// Whom to ask.
    pub contacts: &'a [Contact],
}

/// One thing that the service is to others. Each role is written only for a protocol that is spoken.
#[derive(Debug, Clone)]
pub enum Role<'a> {
    /// `fed:ApplicationServiceType`: accepts tokens of claims providers.
    ApplicationService {
        /// Farm display name.
        display_name: &'a str,
        /// Primary token-decrypting certificate.
        decrypting: &'a str,
        /// Claim descriptions; those that are accepted are listed.
        claims: &'a [ClaimDescription<'a>],
        /// Addresses and identifiers that tokens for us may name.
        target_scopes: &'a [&'a str],
        /// Absolute address of the passive endpoint.
        passive_endpoint: &'a str,
    },
    /// `fed:SecurityTokenServiceType`: issues tokens to relying parties.
    SecurityTokenService {
        /// Farm display name.
        display_name: &'a str,
        /// Token-signing certificates, primary first.
        signing: &'a [&'a str],
        /// Token types that it issues, as URIs.
        token_types: &'a [&'a str],
        /// Claim descriptions; those that are offered are listed.
        claims: &'a [ClaimDescription<'a>],
        /// Absolute address of the passive endpoint.
        passive_endpoint: &'a str,
    },
    /// `SPSSODescriptor`: accepts assertions of SAML 2.0 claims providers.
    ServiceProvider(ServiceProvider<'a>),
    /// `IDPSSODescriptor`: issues assertions to SAML 2.0 relying parties.
    IdentityProvider(IdentityProvider<'a>),
}

impl FederationService<'_> {
    /// Writes the document, with a place for its signature as the first child.
    ///
    /// # Errors
    /// [`IssueError::ForbiddenCharacter`] when a configured name cannot be written.
    pub fn write(&self) -> Result<Unsigned, IssueError> {
        if !is_ncname(self.id) {
            return Err(IssueError::Inconsistent(
                "the metadata document's id is no NCName",
            ));
        }
        let attributes = [
            Attribute::new("ID", self.id),
            Attribute::new("entityID", self.entity_id),
        ];
        xml::write(MD.name("EntityDescriptor"), &attributes, |writer| {
            writer.signature(self.id);
            self.roles.iter().for_each(|role| role.write(writer));
            if let Some(organization) = self.organization {
                people::organization(writer, organization);
            }
            for contact in self.contacts {
                people::contact(writer, contact);
            }
        })
    }
}

impl Role<'_> {
    fn write(&self, writer: &mut Writer) {
        match self {
            Role::ApplicationService {
                display_name,
                decrypting,
                claims,
                target_scopes,
                passive_endpoint,
            } => {
                role_descriptor(writer, "ApplicationServiceType", display_name, |writer| {
                    key_descriptor(writer, "encryption", decrypting);
                    claim_types(
                        writer,
                        "ClaimTypesRequested",
                        claims.iter().filter(|claim| claim.accepted),
                    );
                    writer.element(FED.name("TargetScopes"), &[], |writer| {
                        target_scopes
                            .iter()
                            .for_each(|address| endpoint_reference(writer, address));
                    });
                    endpoint(writer, "ApplicationServiceEndpoint", passive_endpoint);
                    endpoint(writer, "PassiveRequestorEndpoint", passive_endpoint);
                });
            }
            Role::SecurityTokenService {
                display_name,
                signing,
                token_types,
                claims,
                passive_endpoint,
            } => {
                role_descriptor(writer, "SecurityTokenServiceType", display_name, |writer| {
                    signing
                        .iter()
                        .for_each(|certificate| key_descriptor(writer, "signing", certificate));
                    writer.element(FED.name("TokenTypesOffered"), &[], |writer| {
                        for uri in *token_types {
                            writer.leaf(FED.name("TokenType"), &[Attribute::new("Uri", uri)], "");
                        }
                    });
                    claim_types(
                        writer,
                        "ClaimTypesOffered",
                        claims.iter().filter(|claim| claim.offered),
                    );
                    // The schema demands the element. Without WS-Trust there is no other address to give; Entra ID's own
                    // metadata does the same.
                    endpoint(writer, "SecurityTokenServiceEndpoint", passive_endpoint);
                    endpoint(writer, "PassiveRequestorEndpoint", passive_endpoint);
                });
            }
            Role::ServiceProvider(role) => role.write(writer),
            Role::IdentityProvider(role) => role.write(writer),
        }
    }
}

fn role_descriptor(
    writer: &mut Writer,
    role_type: &'static str,
    display_name: &str,
    content: impl FnOnce(&mut Writer),
) {
    let protocols = PROTOCOLS.join(" ");
    let attributes = [
        Attribute::new("ServiceDisplayName", display_name),
        Attribute::new("protocolSupportEnumeration", &protocols),
        Attribute::qname(XSI.name("type"), FED.prefix(), FED.uri(), role_type),
    ];
    writer.element(MD.name("RoleDescriptor"), &attributes, content);
}

pub(super) fn key_descriptor(writer: &mut Writer, used_for: &'static str, certificate: &str) {
    writer.element(
        MD.name("KeyDescriptor"),
        &[Attribute::new("use", used_for)],
        |writer| {
            key_info(writer, certificate);
        },
    );
}

fn claim_types<'a>(
    writer: &mut Writer,
    list: &'static str,
    claims: impl Iterator<Item = &'a ClaimDescription<'a>>,
) {
    writer.element(FED.name(list), &[], |writer| {
        for claim in claims {
            let attributes = [
                Attribute::new("Optional", "true"),
                Attribute::new("Uri", claim.uri),
            ];
            writer.element(AUTH.name("ClaimType"), &attributes, |writer| {
                writer.leaf(AUTH.name("DisplayName"), &[], claim.display_name);
                writer.leaf(AUTH.name("Description"), &[], claim.description);
            });
        }
    });
}

fn endpoint(writer: &mut Writer, name: &'static str, address: &str) {
    writer.element(FED.name(name), &[], |writer| {
        endpoint_reference(writer, address)
    });
}

fn endpoint_reference(writer: &mut Writer, address: &str) {
    let wsa = ADDRESSING.unprefixed();
    writer.element(wsa.name("EndpointReference"), &[], |writer| {
        writer.leaf(wsa.name("Address"), &[], address)
    });
}
