//! A SAML 1.1 assertion as data. Read from canonical text only, which has no comments, no DTD and no foreign context.

use roxmltree::{Document, Node};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::SAML;
use crate::cloud::refusal::Refusal;

const BEARER: &str = "urn:oasis:names:tc:SAML:1.0:cm:bearer";
const IDENTITY_CLAIMS: &str = "http://schemas.xmlsoap.org/ws/2009/09/identity/claims";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assertion {
    /// `AssertionID`.
    pub(crate) id: String,
    /// `Issuer`.
    pub(crate) issuer: String,
    /// `Conditions/@NotBefore`.
    pub(crate) not_before: OffsetDateTime,
    /// `Conditions/@NotOnOrAfter`.
    pub(crate) not_on_or_after: OffsetDateTime,
    /// All audiences.
    pub(crate) audiences: Vec<String>,
    /// `NameIdentifier`, when the subject has one; the same in every statement.
    pub(crate) name_identifier: Option<String>,
    /// In the order of the token.
    pub(crate) attributes: Vec<Attribute>,
    /// `AuthenticationStatement/@AuthenticationMethod`.
    pub(crate) authentication_method: String,
    /// `AuthenticationStatement/@AuthenticationInstant`.
    pub(crate) authentication_instant: OffsetDateTime,
}

/// One claim type with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// Claim type: namespace and name joined by `/` again.
    pub(crate) claim_type: String,
    /// `OriginalIssuer`, when another than the issuer vouches for it.
    pub(crate) original_issuer: Option<String>,
    /// Values in order.
    pub(crate) values: Vec<String>,
}

impl Assertion {
    /// Reads canonical text.
    pub(super) fn read(text: &str) -> Result<Assertion, Refusal> {
        let document =
            Document::parse(text).map_err(|error| invalid(format!("cannot be read ({error})")))?;
        let root = document.root_element();
        if !root.has_tag_name((SAML, "Assertion")) {
            return Err(invalid("is not an assertion of SAML 1.1"));
        }
        let conditions = one(root, "Conditions")?;
        let mut name_identifier = None;
        let mut attributes = Vec::new();
        for (position, statement) in statements(root)?.into_iter().enumerate() {
            let name = subject(one(statement, "Subject")?)?;
            if position > 0 && name != name_identifier {
                return Err(invalid("has statements about different subjects"));
            }
            name_identifier = name;
            for attribute in children(statement, "Attribute") {
                attributes.push(read_attribute(attribute)?);
            }
        }
        let authentication = one(root, "AuthenticationStatement")?;
        Ok(Assertion {
            id: required(root, "AssertionID")?.to_owned(),
            issuer: required(root, "Issuer")?.to_owned(),
            not_before: instant(conditions, "NotBefore")?,
            not_on_or_after: instant(conditions, "NotOnOrAfter")?,
            audiences: audiences(conditions)?,
            name_identifier,
            attributes,
            authentication_method: required(authentication, "AuthenticationMethod")?.to_owned(),
            authentication_instant: instant(authentication, "AuthenticationInstant")?,
        })
    }

    /// All values of a claim type; types compare exactly.
    pub(crate) fn values<'a>(&'a self, claim_type: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes
            .iter()
            .filter(move |attribute| attribute.claim_type == claim_type)
            .flat_map(|attribute| attribute.values.iter().map(String::as_str))
    }
}

fn invalid(text: impl std::fmt::Display) -> Refusal {
    Refusal::invalid_token("content", format!("the assertion {text}"))
}

fn children<'a, 'i>(node: Node<'a, 'i>, name: &'a str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children()
        .filter(move |child| child.has_tag_name((SAML, name)))
}

fn one<'a, 'i>(node: Node<'a, 'i>, name: &'a str) -> Result<Node<'a, 'i>, Refusal> {
    let mut found = children(node, name);
    match (found.next(), found.next()) {
        (Some(child), None) => Ok(child),
        _ => Err(invalid(format!(
            "must hold exactly one {name} in {}",
            node.tag_name().name()
        ))),
    }
}

fn required<'a>(node: Node<'a, '_>, name: &str) -> Result<&'a str, Refusal> {
    node.attribute(name)
        .ok_or_else(|| invalid(format!("has no {name}")))
}

fn instant(node: Node<'_, '_>, name: &str) -> Result<OffsetDateTime, Refusal> {
    let text = required(node, name)?;
    // Tokens carry UTC; another offset would be read by some as local time.
    Some(text)
        .filter(|text| text.ends_with('Z'))
        .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
        .ok_or_else(|| invalid(format!("has a {name} that is not a UTC time")))
}

/// Attribute and authentication statements; a statement of another kind is not skipped but refused.
fn statements<'a, 'i>(root: Node<'a, 'i>) -> Result<Vec<Node<'a, 'i>>, Refusal> {
    let mut found = Vec::new();
    for child in root.children().filter(Node::is_element) {
        match (child.tag_name().namespace(), child.tag_name().name()) {
            (Some(SAML), "AttributeStatement" | "AuthenticationStatement") => found.push(child),
            (Some(SAML), "Conditions") => {}
            (_, name) => return Err(invalid(format!("holds a {name}, which is not understood"))),
        }
    }
    Ok(found)
}

fn audiences(conditions: Node<'_, '_>) -> Result<Vec<String>, Refusal> {
    for condition in conditions.children().filter(Node::is_element) {
        if !["AudienceRestrictionCondition", "DoNotCacheCondition"]
            .iter()
            .any(|name| condition.has_tag_name((SAML, *name)))
        {
            return Err(invalid(format!(
                "has the condition {}, which is not understood",
                condition.tag_name().name()
            )));
        }
    }
    let restriction = one(conditions, "AudienceRestrictionCondition")?;
    Ok(children(restriction, "Audience").map(text).collect())
}

fn subject(subject: Node<'_, '_>) -> Result<Option<String>, Refusal> {
    let confirmation = one(subject, "SubjectConfirmation")?;
    if text(one(confirmation, "ConfirmationMethod")?) != BEARER {
        return Err(invalid("is not confirmed by bearer"));
    }
    let mut names = children(subject, "NameIdentifier");
    match (names.next(), names.next()) {
        (name, None) => Ok(name.map(text)),
        _ => Err(invalid("names its subject twice")),
    }
}

fn read_attribute(attribute: Node<'_, '_>) -> Result<Attribute, Refusal> {
    let claim_type = format!(
        "{}/{}",
        required(attribute, "AttributeNamespace")?,
        required(attribute, "AttributeName")?
    );
    Ok(Attribute {
        claim_type,
        original_issuer: attribute
            .attribute((IDENTITY_CLAIMS, "OriginalIssuer"))
            .map(str::to_owned),
        values: children(attribute, "AttributeValue").map(text).collect(),
    })
}

/// All text of a node, so that markup inside a value cannot cut it short.
fn text(node: Node<'_, '_>) -> String {
    node.descendants()
        .filter(|node| node.is_text())
        .filter_map(|node| node.text())
        .collect()
}
