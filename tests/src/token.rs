//! What the federation service issued: the page that posts itself, the response in it, the assertion in that.

use anyhow::{Context as _, Result, ensure};
use roxmltree::{Document, Node};
use url::Url;

use crate::http::Answer;

/// SAML 1.1 assertions.
pub const SAML: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
/// WS-Trust of February 2005.
pub const TRUST: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust";
/// XML signatures.
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// The page that posts itself.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Where it posts to.
    pub action: Url,
    /// Its fields in their order.
    pub fields: Vec<(String, String)>,
}

/// An attribute statement's attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// `AttributeNamespace/AttributeName`.
    pub claim_type: String,
    /// Values in their order.
    pub values: Vec<String>,
    /// `OriginalIssuer`.
    pub original_issuer: Option<String>,
}

impl Issued {
    /// Reads the page.
    ///
    /// # Errors
    /// When the answer is not such a page.
    pub fn read(answer: &Answer) -> Result<Issued> {
        ensure!(answer.status == 200, "no token: {}", answer.summary());
        let page = answer.page();
        let form = page
            .hidden_form()
            .with_context(|| format!("no form that posts itself: {}", answer.summary()))?;
        let fields = form.fields();
        Ok(Issued {
            action: answer.url.join(&form.action)?,
            fields,
        })
    }

    /// A field's value.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The same page with another value in a field.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: &str) -> Issued {
        for (known, old) in &mut self.fields {
            if known == name {
                value.clone_into(old);
            }
        }
        self
    }

    /// The text of the response.
    ///
    /// # Errors
    /// When the page has none.
    pub fn response(&self) -> Result<&str> {
        self.field("wresult").context("the page has no wresult")
    }

    /// The text of the assertion alone, cut out of the response octet for octet.
    ///
    /// # Errors
    /// When the response is not XML or holds no assertion.
    pub fn assertion(&self) -> Result<String> {
        let response = self.response()?;
        let document = Document::parse(response).context("wresult is not XML")?;
        let node = descendant(document.root_element(), SAML, "Assertion")?;
        response
            .get(node.range())
            .map(str::to_owned)
            .context("the assertion lies outside the text")
    }

    /// All attributes of the assertion.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn attributes(&self) -> Result<Vec<Attribute>> {
        let text = self.assertion()?;
        let document = Document::parse(&text)?;
        let attributes = document
            .descendants()
            .filter(|node| node.has_tag_name((SAML, "Attribute")));
        attributes.map(attribute).collect()
    }

    /// The values of a claim type, in their order; empty when it was not issued.
    ///
    /// # Errors
    /// When the assertion cannot be read.
    pub fn claim(&self, claim_type: &str) -> Result<Vec<String>> {
        let attributes = self
            .attributes()?
            .into_iter()
            .filter(|attribute| attribute.claim_type == claim_type);
        Ok(attributes.flat_map(|attribute| attribute.values).collect())
    }
}

fn attribute(node: Node<'_, '_>) -> Result<Attribute> {
    let name = node
        .attribute("AttributeName")
        .context("an attribute without AttributeName")?;
    let namespace = node
        .attribute("AttributeNamespace")
        .context("an attribute without AttributeNamespace")?;
    let original_issuer = node.attribute((
        "http://schemas.xmlsoap.org/ws/2009/09/identity/claims",
        "OriginalIssuer",
    ));
    let values = node
        .children()
        .filter(|child| child.has_tag_name((SAML, "AttributeValue")));
    Ok(Attribute {
        claim_type: format!("{namespace}/{name}"),
        values: values
            .map(|value| value.text().unwrap_or_default().to_owned())
            .collect(),
        original_issuer: original_issuer.map(str::to_owned),
    })
}

/// The one descendant with this name.
///
/// # Errors
/// When there is none, or more than one.
pub fn descendant<'a, 'input>(
    node: Node<'a, 'input>,
    namespace: &str,
    name: &str,
) -> Result<Node<'a, 'input>> {
    let mut found = node
        .descendants()
        .filter(|node| node.has_tag_name((namespace, name)));
    match (found.next(), found.next()) {
        (Some(node), None) => Ok(node),
        (None, _) => anyhow::bail!("there is no element {name} of {namespace}"),
        (Some(_), Some(_)) => anyhow::bail!("there is more than one element {name} of {namespace}"),
    }
}

/// The names of the element children, in their order, with their namespaces.
pub fn children<'a>(node: Node<'a, '_>) -> Vec<(&'a str, &'a str)> {
    let elements = node.children().filter(Node::is_element);
    elements
        .map(|child| {
            (
                child.tag_name().namespace().unwrap_or_default(),
                child.tag_name().name(),
            )
        })
        .collect()
}
