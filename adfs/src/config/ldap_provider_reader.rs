//! Reads `[ldap]` of a claims provider trust.

use serde::Deserialize;

use super::attribute_store_reader;
use super::ldap_provider::{LdapAttributeToClaim, LdapProvider};
use super::reader::Section;

const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
/// What can be read of an entry in one search.
const MAX_MAPPINGS: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mapping {
    ldap_attribute: String,
    claim_type: String,
}

/// The section; `None` when something in it is wrong, which is noted. `identifier` is that of the trust.
pub(super) fn ldap(mut section: Section<'_>, identifier: &str) -> Option<LdapProvider> {
    let directory = attribute_store_reader::ldap(identifier, &mut section, "user_container");
    let class = section
        .text(
            "user_object_class",
            "an object class such as \"inetOrgPerson\"",
        )
        .and_then(|found| {
            section.check(
                "user_object_class",
                found,
                "an object class such as \"inetOrgPerson\"",
                attribute_name,
            )
        })
        .map_or_else(|| "person".to_owned(), |found| found.value);
    let anchor_expected = "the attribute that holds the name that users type, such as \"mail\" or \"userPrincipalName\"";
    let anchor = section
        .required("anchor_claim_ldap_attribute", anchor_expected)
        .and_then(|found| {
            section.check(
                "anchor_claim_ldap_attribute",
                found,
                anchor_expected,
                attribute_name,
            )
        });
    let anchor_type = section
        .text("anchor_claim_type", "the type of a claim")
        .map_or_else(|| UPN.to_owned(), |found| found.value);
    let mappings = mappings(&mut section);
    section.finish();
    let mut directory = directory?;
    directory.user_filter = format!("(objectClass={class})");
    Some(LdapProvider {
        directory,
        anchor: LdapAttributeToClaim {
            attribute: anchor?.value,
            claim_type: anchor_type,
        },
        mappings: mappings?,
    })
}

fn mappings(section: &mut Section<'_>) -> Option<Vec<LdapAttributeToClaim>> {
    const KEY: &str = "ldap_attribute_to_claim_mapping";
    let expected = "a list such as [{ ldap_attribute = \"mail\", claim_type = \"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress\" }]";
    if !section.is_written(KEY) {
        return Some(Vec::new());
    }
    let found = section.find::<Vec<Mapping>>(KEY, expected)?;
    let checked = section.check(KEY, found, expected, |list| {
        if list.len() > MAX_MAPPINGS {
            return Err(format!("more than {MAX_MAPPINGS} mappings"));
        }
        list.into_iter()
            .map(|mapping| {
                if mapping.claim_type.is_empty() {
                    return Err(format!("{:?} has no claim type", mapping.ldap_attribute));
                }
                Ok(LdapAttributeToClaim {
                    attribute: attribute_name(mapping.ldap_attribute)?,
                    claim_type: mapping.claim_type,
                })
            })
            .collect()
    });
    checked.map(|found| found.value)
}

/// Names of attributes and object classes (RFC 4512 section 1.4, `keystring`).
fn attribute_name(text: String) -> Result<String, String> {
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if starts && text.bytes().all(fits) {
        Ok(text)
    } else {
        Err(format!("{text:?} cannot be the name of an attribute"))
    }
}
