//! An entity whose document was accepted.

use openssl::x509::X509;
use roxmltree::Node;
use time::OffsetDateTime;

use super::people::{contacts, organization};
use super::values::{FED, MD, attribute, instant, named};
use super::{
    ClaimsProviderMetadata, Contact, MetadataReadError, Organization, RelyingPartyMetadata,
    Warning, claims_provider, relying_party,
};
use crate::dsig;
use crate::saml2::PROTOCOL;
use crate::xml::{self, Limits, XSI};

/// What one entity says of itself, signatures and validity checked.
#[derive(Debug, Clone)]
pub struct Entity {
    /// `entityID`.
    pub entity_id: String,
    /// Earliest `validUntil` of all that cover it: the groups around it, itself and its roles.
    pub valid_until: Option<OffsetDateTime>,
    /// Whose key signed it, or a group around it. Only if the caller named the certificates does that mean anything but
    /// that the document is whole.
    pub signer: Option<X509>,
    /// `Organization`.
    pub organization: Option<Organization>,
    /// `ContactPerson`.
    pub contacts: Vec<Contact>,
    relying_party: Result<RelyingPartyMetadata, MetadataReadError>,
    claims_provider: Result<ClaimsProviderMetadata, MetadataReadError>,
}

impl Entity {
    pub(super) fn of(
        found: dsig::metadata::Entity,
        now: OffsetDateTime,
    ) -> Result<Entity, MetadataReadError> {
        // The canonical text can be longer than the document, whose size has been checked.
        let limits = Limits {
            bytes: found.text.len(),
            ..Limits::metadata()
        };
        let document = xml::read(found.text.as_bytes(), &limits)?;
        let root = document.root();
        let entity_id =
            attribute(root, "entityID")?.ok_or(MetadataReadError::Missing("entityID"))?;
        let mut valid_until = Vec::new();
        for text in &found.valid_until {
            valid_until.push(instant(text)?);
        }
        for node in std::iter::once(root).chain(root.children().filter(Node::is_element)) {
            if let Some(text) = node.attribute("validUntil") {
                valid_until.push(instant(text)?);
            }
        }
        let valid_until = valid_until.into_iter().min();
        if let Some(end) = valid_until
            && end <= now
        {
            return Err(MetadataReadError::Expired(crate::timestamp(end)));
        }
        let roles = Roles::of(root);
        Ok(Entity {
            relying_party: relying_party::read(&entity_id, &roles),
            claims_provider: claims_provider::read(&roles),
            entity_id,
            valid_until,
            signer: found.signer,
            organization: organization(root)?,
            contacts: contacts(root)?,
        })
    }

    /// What a relying party trust takes from it.
    ///
    /// # Errors
    /// [`MetadataReadError::NoRelyingParty`], or what is wrong with the roles of a relying party.
    pub fn relying_party(&self) -> Result<&RelyingPartyMetadata, MetadataReadError> {
        self.relying_party.as_ref().map_err(Clone::clone)
    }

    /// What a claims provider trust takes from it.
    ///
    /// # Errors
    /// [`MetadataReadError::NoClaimsProvider`], or what is wrong with the roles of a claims provider.
    pub fn claims_provider(&self) -> Result<&ClaimsProviderMetadata, MetadataReadError> {
        self.claims_provider.as_ref().map_err(Clone::clone)
    }
}

/// The roles that we know, one of each.
pub(super) struct Roles<'a, 'input> {
    pub(super) application: Option<Node<'a, 'input>>,
    pub(super) token_service: Option<Node<'a, 'input>>,
    pub(super) service_provider: Option<Node<'a, 'input>>,
    pub(super) identity_provider: Option<Node<'a, 'input>>,
    /// Second ones of a kind.
    pub(super) warnings: Vec<Warning>,
}

impl<'a, 'input> Roles<'a, 'input> {
    fn of(entity: Node<'a, 'input>) -> Roles<'a, 'input> {
        let mut warnings = Vec::new();
        let mut one = |mut found: Vec<Node<'a, 'input>>, second| {
            if found.len() > 1 {
                warnings.push(Warning::Role(second));
            }
            found.truncate(1);
            found.pop()
        };
        let of_type = |name: &str| -> Vec<Node<'a, 'input>> {
            named(entity, MD, "RoleDescriptor")
                .filter(|role| is_of_type(*role, name))
                .collect()
        };
        let speaks = |name: &'static str| -> Vec<Node<'a, 'input>> {
            named(entity, MD, name)
                .filter(|role| speaks_saml2(*role))
                .collect()
        };
        Roles {
            application: one(
                of_type("ApplicationServiceType"),
                "a second role of the type ApplicationServiceType",
            ),
            token_service: one(
                of_type("SecurityTokenServiceType"),
                "a second role of the type SecurityTokenServiceType",
            ),
            service_provider: one(speaks("SPSSODescriptor"), "a second SPSSODescriptor"),
            identity_provider: one(speaks("IDPSSODescriptor"), "a second IDPSSODescriptor"),
            warnings,
        }
    }
}

/// Whether `xsi:type` names this type of WS-Federation. Exclusive canonicalisation drops the declaration of a prefix that
/// only a value uses, so it may be unknown; nothing that an attacker can change is read from it then.
fn is_of_type(role: Node<'_, '_>, name: &str) -> bool {
    let Some(value) = role.attribute((XSI.uri(), "type")) else {
        return false;
    };
    match value.trim().split_once(':') {
        Some((prefix, local)) => {
            local == name
                && role
                    .lookup_namespace_uri(Some(prefix))
                    .is_none_or(|uri| uri == FED)
        }
        None => value.trim() == name && role.lookup_namespace_uri(None) == Some(FED),
    }
}

fn speaks_saml2(role: Node<'_, '_>) -> bool {
    role.attribute("protocolSupportEnumeration")
        .is_some_and(|list| {
            list.split_ascii_whitespace()
                .any(|protocol| protocol == PROTOCOL.uri())
        })
}
