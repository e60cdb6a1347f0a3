//! `[organization]` and `[contact]`: who runs the service and whom to ask, for partners who read our metadata
//! (OrganizationInfo and ContactPerson of Set-AdfsProperties).

use federation::metadata::{Contact, Organization};

use super::reader::Section;

/// `[organization]`. The schema of metadata wants all three texts.
pub(super) fn organization(mut section: Section<'_>) -> Option<Organization> {
    if !section.is_present() {
        return None;
    }
    let name = section.required("name", "the organisation's name");
    let display_name = section.text("display_name", "its name for people");
    let url = section.required(
        "url",
        "the address of its pages, for example \"https://www.contoso.com/\"",
    );
    section.finish();
    let name = name?.value;
    Some(Organization {
        display_name: Some(display_name.map_or_else(|| name.clone(), |found| found.value)),
        name: Some(name),
        url: Some(url?.value),
    })
}

/// `[contact]`: the people who support partners.
pub(super) fn contact(mut section: Section<'_>) -> Option<Contact> {
    if !section.is_present() {
        return None;
    }
    let text = |section: &mut Section<'_>, key, expected| {
        section.text(key, expected).map(|found| found.value)
    };
    let list = |section: &mut Section<'_>, key, expected| {
        section
            .find::<Vec<String>>(key, expected)
            .map(|found| found.value)
            .unwrap_or_default()
    };
    let contact = Contact {
        contact_type: "support".to_owned(),
        company: text(&mut section, "company", "the company's name"),
        given_name: text(&mut section, "given_name", "a given name"),
        surname: text(&mut section, "surname", "a family name"),
        email_addresses: list(
            &mut section,
            "email_addresses",
            "a list of addresses, for example [\"help@contoso.com\"]",
        ),
        telephone_numbers: list(
            &mut section,
            "telephone_numbers",
            "a list of numbers, for example [\"+49 30 123456\"]",
        ),
    };
    section.finish();
    Some(contact)
}
