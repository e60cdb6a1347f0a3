//! Single values of a document.

use roxmltree::Node;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::MetadataReadError;
use crate::xml::only_text;

pub(super) const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub(super) const FED: &str = "http://docs.oasis-open.org/wsfed/federation/200706";
pub(super) const AUTH: &str = "http://docs.oasis-open.org/wsfed/authorization/200706";
pub(super) const WSA: &str = "http://www.w3.org/2005/08/addressing";
/// Longest name or identifier, in bytes. `entityID` has 1024 characters at most (SAML 2.0 Metadata 2.3.2).
const MAX_TEXT: usize = 2048;
/// How much of a document a warning shows, in characters.
const MAX_QUOTE: usize = 200;

/// The child elements of this name.
pub(super) fn named<'a, 'input: 'a>(
    parent: Node<'a, 'input>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    parent
        .children()
        .filter(move |child| child.has_tag_name((namespace, name)))
}

/// An element's text without white space around it.
pub(super) fn text(node: Node<'_, '_>, what: &'static str) -> Result<String, MetadataReadError> {
    bounded(only_text(node)?.trim(), what)
}

/// An attribute in no namespace, unless it is empty.
pub(super) fn attribute(
    node: Node<'_, '_>,
    name: &'static str,
) -> Result<Option<String>, MetadataReadError> {
    node.attribute(name)
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .map(|value| bounded(value, name))
        .transpose()
}

/// A name or identifier: some characters, not too many, no control character.
fn bounded(value: &str, what: &'static str) -> Result<String, MetadataReadError> {
    if value.is_empty() || value.len() > MAX_TEXT || value.chars().any(char::is_control) {
        Err(MetadataReadError::Value(what))
    } else {
        Ok(value.to_owned())
    }
}

/// `xs:boolean`; false where it is absent.
pub(super) fn flag(node: Node<'_, '_>, name: &'static str) -> Result<bool, MetadataReadError> {
    match node.attribute(name).map(str::trim) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(MetadataReadError::Value(name)),
    }
}

/// `xs:dateTime` in UTC, whether it says so or not (SAML 2.0 Core 1.3.3).
pub(super) fn instant(value: &str) -> Result<OffsetDateTime, MetadataReadError> {
    let value = value.trim();
    if value.len() > 40 {
        return Err(MetadataReadError::Value("validUntil"));
    }
    OffsetDateTime::parse(value, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{value}Z"), &Rfc3339))
        .map_err(|_| MetadataReadError::Value("validUntil"))
}

/// Something of the document for a person to read.
pub(super) fn quoted(value: &str) -> String {
    value.chars().take(MAX_QUOTE).collect()
}
