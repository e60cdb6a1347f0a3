//! `Organization` and `ContactPerson`, written. Their order of children is the schema's.

use super::document::MD;
use super::read::{Contact, Organization};
use crate::xml::{Attribute, Writer, XML};

pub(super) fn organization(writer: &mut Writer, organization: &Organization) {
    let english = [Attribute::qualified(XML.name("lang"), "en")];
    let parts = [
        ("OrganizationName", &organization.name),
        ("OrganizationDisplayName", &organization.display_name),
        ("OrganizationURL", &organization.url),
    ];
    writer.element(MD.name("Organization"), &[], |writer| {
        for (name, value) in parts {
            if let Some(value) = value {
                writer.leaf(MD.name(name), &english, value);
            }
        }
    });
}

pub(super) fn contact(writer: &mut Writer, contact: &Contact) {
    let attributes = [Attribute::new("contactType", &contact.contact_type)];
    let names = [
        ("Company", &contact.company),
        ("GivenName", &contact.given_name),
        ("SurName", &contact.surname),
    ];
    writer.element(MD.name("ContactPerson"), &attributes, |writer| {
        for (name, value) in names {
            if let Some(value) = value {
                writer.leaf(MD.name(name), &[], value);
            }
        }
        for address in &contact.email_addresses {
            // The schema's type is anyURI (SAML 2.0 Metadata 2.3.2.2).
            writer.leaf(MD.name("EmailAddress"), &[], &format!("mailto:{address}"));
        }
        for number in &contact.telephone_numbers {
            writer.leaf(MD.name("TelephoneNumber"), &[], number);
        }
    });
}
