//! Steps that every reader of messages takes.

use roxmltree::Node;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{ASSERTION, MessageError, PROTOCOL};
use crate::signature::DS;
use crate::xml::{Namespace, XML, is_ncname, only_text, push_attribute};

/// Longest identifier, address or name in a message, in bytes.
const MAX_VALUE: usize = 2048;

/// What every request and response begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) id: String,
    pub(super) issuer: Option<String>,
    pub(super) issue_instant: OffsetDateTime,
    pub(super) destination: Option<String>,
    pub(super) is_signed: bool,
}

/// Checks that `root` is the message `name`, and reads what all messages have (SAML 2.0 Core 3.2.1 and 3.2.2). The
/// message holds no signature but its own.
pub(super) fn header(root: Node<'_, '_>, name: &'static str) -> Result<Header, MessageError> {
    let misplaced = |node: Node<'_, '_>| {
        node.has_tag_name((DS.uri(), "Signature")) && node.parent_element() != Some(root)
    };
    if root.descendants().any(misplaced) {
        return Err(MessageError::MisplacedSignature);
    }
    outer_header(root, name)
}

/// The same of a message that carries assertions, which have signatures of their own.
pub(super) fn outer_header(root: Node<'_, '_>, name: &'static str) -> Result<Header, MessageError> {
    if !root.has_tag_name((PROTOCOL.uri(), name)) {
        return Err(MessageError::Kind(name));
    }
    if root.attribute("Version") != Some("2.0") {
        return Err(MessageError::Version);
    }
    let id = attribute(root, "ID")?.ok_or(MessageError::Missing("ID"))?;
    if !is_ncname(&id) {
        return Err(MessageError::Value("ID"));
    }
    let issue_instant =
        instant(root, "IssueInstant")?.ok_or(MessageError::Missing("IssueInstant"))?;
    let issuer = match child(root, ASSERTION, "Issuer")? {
        None => None,
        Some(issuer) => Some(issuer_text(issuer)?),
    };
    Ok(Header {
        id,
        issuer,
        issue_instant,
        destination: attribute(root, "Destination")?,
        is_signed: child(root, DS, "Signature")?.is_some(),
    })
}

fn issuer_text(issuer: Node<'_, '_>) -> Result<String, MessageError> {
    const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";
    if issuer
        .attribute("Format")
        .is_some_and(|format| format != ENTITY)
    {
        return Err(MessageError::Value("Issuer"));
    }
    let text = text(issuer, "Issuer")?;
    if text.is_empty() {
        return Err(MessageError::Missing("Issuer"));
    }
    Ok(text)
}

/// The one child of this name, if there is one.
pub(super) fn child<'a, 'input>(
    parent: Node<'a, 'input>,
    namespace: Namespace,
    name: &'static str,
) -> Result<Option<Node<'a, 'input>>, MessageError> {
    let mut found = parent
        .children()
        .filter(|child| child.has_tag_name((namespace.uri(), name)));
    let first = found.next();
    match found.next() {
        None => Ok(first),
        Some(_) => Err(MessageError::Repeated(name)),
    }
}

/// An element's text, without white space around it.
pub(super) fn text(element: Node<'_, '_>, name: &'static str) -> Result<String, MessageError> {
    let text = only_text(element)?;
    bounded(text.trim(), name)
}

/// An attribute in no namespace.
pub(super) fn attribute(
    element: Node<'_, '_>,
    name: &'static str,
) -> Result<Option<String>, MessageError> {
    let value = element.attribute(name);
    value.map(|value| bounded(value, name)).transpose()
}

fn bounded(value: &str, name: &'static str) -> Result<String, MessageError> {
    if value.len() > MAX_VALUE {
        return Err(MessageError::TooLong(name));
    }
    if value.chars().any(char::is_control) {
        return Err(MessageError::Value(name));
    }
    Ok(value.to_owned())
}

/// `xs:boolean`; false where it is absent.
pub(super) fn flag(element: Node<'_, '_>, name: &'static str) -> Result<bool, MessageError> {
    match element.attribute(name) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(MessageError::Value(name)),
    }
}

/// `xs:dateTime` with a time zone, as SAML demands (SAML 2.0 Core 1.3.3).
pub(super) fn instant(
    element: Node<'_, '_>,
    name: &'static str,
) -> Result<Option<OffsetDateTime>, MessageError> {
    let read =
        |text: &str| OffsetDateTime::parse(text, &Rfc3339).map_err(|_| MessageError::Value(name));
    element.attribute(name).map(read).transpose()
}

/// A number that fits.
pub(super) fn number<T: std::str::FromStr>(
    element: Node<'_, '_>,
    name: &'static str,
) -> Result<Option<T>, MessageError> {
    let read = |text: &str| text.parse().map_err(|_| MessageError::Value(name));
    element.attribute(name).map(read).transpose()
}

/// An element as XML that stands alone: its own text, with the namespaces of all around it declared on it.
pub(crate) fn standalone(element: Node<'_, '_>) -> String {
    let text = element
        .document()
        .input_text()
        .get(element.range())
        .unwrap_or_default();
    // The start tag's name ends where something that is no part of a name begins.
    let after_name = text
        .find(|character: char| character.is_ascii_whitespace() || matches!(character, '/' | '>'))
        .unwrap_or(text.len());
    let (start, rest) = text.split_at(after_name);
    let own = attribute_names(rest);
    let mut out = start.to_owned();
    for namespace in element.namespaces() {
        let declaration = match namespace.name() {
            Some(prefix) => format!("xmlns:{prefix}"),
            None => "xmlns".to_owned(),
        };
        if namespace.uri() == XML.uri() || own.contains(&declaration.as_str()) {
            continue;
        }
        out.push(' ');
        out.push_str(&declaration);
        out.push_str("=\"");
        push_attribute(&mut out, namespace.uri());
        out.push('"');
    }
    out.push_str(rest);
    out
}

/// Names of the attributes of a start tag, as written. `rest` is well-formed XML from behind the tag's name on.
fn attribute_names(rest: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = rest;
    while let Some((name, value)) = rest.split_once('=') {
        if name.contains(['>', '/']) {
            break;
        }
        names.push(name.trim());
        let value = value.trim_start();
        let Some(quote) = value.chars().next() else {
            break;
        };
        rest = value
            .get(quote.len_utf8()..)
            .and_then(|value| value.split_once(quote))
            .map_or("", |(_, rest)| rest);
    }
    names
}
