//! What both versions of SAML have in common.

use roxmltree::Node;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::AssertionError;
use crate::xml::{XSI, only_text};

const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";
const CLAIMS_2009: &str = "http://schemas.xmlsoap.org/ws/2009/09/identity/claims";

/// The child elements.
pub(super) fn elements<'a, 'input>(
    parent: Node<'a, 'input>,
) -> impl Iterator<Item = Node<'a, 'input>> {
    parent.children().filter(Node::is_element)
}

/// Whether it is the element `name` of `namespace`.
pub(super) fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.tag_name().namespace() == Some(namespace) && node.tag_name().name() == name
}

/// The children of that name.
pub(super) fn named<'a, 'input: 'a>(
    parent: Node<'a, 'input>,
    namespace: &'a str,
    name: &'a str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    elements(parent).filter(move |node| is(*node, namespace, name))
}

/// The one child of that name, if there is any.
pub(super) fn optional<'a, 'input: 'a>(
    parent: Node<'a, 'input>,
    namespace: &'a str,
    name: &'static str,
) -> Result<Option<Node<'a, 'input>>, AssertionError> {
    let mut found = named(parent, namespace, name);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(AssertionError::Missing(name)),
        (found, None) => Ok(found),
    }
}

/// The attribute without a namespace, not empty.
pub(super) fn required(node: Node<'_, '_>, name: &'static str) -> Result<String, AssertionError> {
    attribute(node, name).ok_or(AssertionError::Missing(name))
}

/// The attribute without a namespace, where it is not empty.
pub(super) fn attribute(node: Node<'_, '_>, name: &str) -> Option<String> {
    let value = node.attribute(name)?;
    (!value.is_empty()).then(|| value.to_owned())
}

/// An attribute that is a time, where it is there.
pub(super) fn time(
    node: Node<'_, '_>,
    name: &'static str,
) -> Result<Option<OffsetDateTime>, AssertionError> {
    match node.attribute(name) {
        None => Ok(None),
        Some(text) => parse_time(text)
            .map(Some)
            .ok_or(AssertionError::Value(name)),
    }
}

/// `xs:dateTime`. SAML times are in UTC whether they say so or not (SAML 2.0 Core 1.3.3).
fn parse_time(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    if text.len() > 40 {
        return None;
    }
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
        .ok()
}

/// Text of an element that must have some, without white space around it.
pub(super) fn text(node: Node<'_, '_>, what: &'static str) -> Result<String, AssertionError> {
    let text = only_text(node)?;
    let text = text.trim();
    if text.is_empty() {
        return Err(AssertionError::Missing(what));
    }
    Ok(text.to_owned())
}

/// The text of an attribute value; `None` for a null or a structure, which no claim can hold.
pub(super) fn claim_value(node: Node<'_, '_>) -> Result<Option<String>, AssertionError> {
    let null = node.attribute((XSI.uri(), "nil"));
    if matches!(null, Some("true" | "1")) || elements(node).next().is_some() {
        return Ok(None);
    }
    Ok(Some(only_text(node)?))
}

/// `xsi:type`, where it names a type of XML Schema.
pub(super) fn value_type(node: Node<'_, '_>) -> Option<String> {
    let name = node.attribute((XSI.uri(), "type"))?;
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) => (Some(prefix), local),
        None => (None, name),
    };
    (node.lookup_namespace_uri(prefix) == Some(SCHEMA)).then(|| format!("{SCHEMA}#{local}"))
}

/// `OriginalIssuer` of an attribute.
pub(super) fn original_issuer(node: Node<'_, '_>) -> Option<String> {
    node.attribute((CLAIMS_2009, "OriginalIssuer"))
        .or_else(|| node.attribute("OriginalIssuer"))
        .filter(|issuer| !issuer.is_empty())
        .map(str::to_owned)
}
