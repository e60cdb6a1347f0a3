//! `Organization` and `ContactPerson` (SAML 2.0 Metadata 2.3.2.1 and 2.3.2.2): notes for the administrator.

use roxmltree::Node;

use super::MetadataReadError;
use super::values::{MD, attribute, named, text};
use crate::xml::XML;

const MAX_CONTACTS: usize = 32;

/// Who runs the partner. In English where the document has several languages, else in the first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Organization {
    /// `OrganizationName`.
    pub name: Option<String>,
    /// `OrganizationDisplayName`.
    pub display_name: Option<String>,
    /// `OrganizationURL`. A text that the partner wrote, not an address to follow.
    pub url: Option<String>,
}

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// `contactType`: technical, support, administrative, billing or other.
    pub contact_type: String,
    /// `Company`.
    pub company: Option<String>,
    /// `GivenName`.
    pub given_name: Option<String>,
    /// `SurName`.
    pub surname: Option<String>,
    /// `EmailAddress`, without `mailto:`.
    pub email_addresses: Vec<String>,
    /// `TelephoneNumber`.
    pub telephone_numbers: Vec<String>,
}

pub(super) fn organization(
    entity: Node<'_, '_>,
) -> Result<Option<Organization>, MetadataReadError> {
    let Some(node) = named(entity, MD, "Organization").next() else {
        return Ok(None);
    };
    Ok(Some(Organization {
        name: localized(node, "OrganizationName")?,
        display_name: localized(node, "OrganizationDisplayName")?,
        url: localized(node, "OrganizationURL")?,
    }))
}

pub(super) fn contacts(entity: Node<'_, '_>) -> Result<Vec<Contact>, MetadataReadError> {
    let contacts: Vec<Contact> = named(entity, MD, "ContactPerson")
        .take(MAX_CONTACTS + 1)
        .map(contact)
        .collect::<Result<_, _>>()?;
    if contacts.len() > MAX_CONTACTS {
        return Err(MetadataReadError::TooMany {
            what: "contacts",
            most: MAX_CONTACTS,
        });
    }
    Ok(contacts)
}

fn contact(node: Node<'_, '_>) -> Result<Contact, MetadataReadError> {
    let all = |name: &'static str| filled(node, name);
    let first = |name| Ok::<_, MetadataReadError>(filled(node, name)?.into_iter().next());
    let address = |text: String| match text.strip_prefix("mailto:") {
        Some(address) => address.to_owned(),
        None => text,
    };
    Ok(Contact {
        contact_type: attribute(node, "contactType")?
            .ok_or(MetadataReadError::Missing("contactType"))?,
        company: first("Company")?,
        given_name: first("GivenName")?,
        surname: first("SurName")?,
        email_addresses: all("EmailAddress")?.into_iter().map(address).collect(),
        telephone_numbers: all("TelephoneNumber")?,
    })
}

/// Texts of the children of this name. AD FS itself writes contacts with nothing in them.
fn filled(node: Node<'_, '_>, name: &'static str) -> Result<Vec<String>, MetadataReadError> {
    named(node, MD, name)
        .filter(|child| child.has_children())
        .take(MAX_CONTACTS)
        .map(|child| text(child, name))
        .collect()
}

fn localized(node: Node<'_, '_>, name: &'static str) -> Result<Option<String>, MetadataReadError> {
    let language = |child: &Node<'_, '_>| {
        child
            .attribute((XML.uri(), "lang"))
            .is_some_and(|language| language.starts_with("en"))
    };
    named(node, MD, name)
        .find(language)
        .or_else(|| named(node, MD, name).next())
        .filter(|child| child.has_children())
        .map(|child| text(child, name))
        .transpose()
}
