//! Responses: what they say, and that others verify them.

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::x509::X509;
use roxmltree::{Document, Node};

use super::xmlsec;
use super::{ASSERTION, PROTOCOL};
use crate::http::{Answer, Client};
use crate::token::{DSIG, Issued};

/// More than any chain of sign-outs in the tests.
const MAX_STEPS: usize = 12;

/// A page that posts a `SAMLResponse`.
#[derive(Debug, Clone)]
pub struct Response {
    /// The page.
    pub page: Issued,
    /// The message.
    pub xml: String,
}

/// Goes on as a browser with scripts does: redirects, and pages that post themselves, until something else comes.
///
/// # Errors
/// When an answer does not come, or the way has no end.
pub async fn go_on(client: &Client, mut answer: Answer) -> Result<Answer> {
    for _ in 0..MAX_STEPS {
        answer = client.follow(answer).await?;
        let page = answer.page();
        let Some(form) = page.forms.iter().find(|form| {
            ["SAMLRequest", "SAMLResponse"]
                .iter()
                .any(|name| form.value(name).is_some())
        }) else {
            return Ok(answer);
        };
        answer = client.submit(&answer, &form.action, &form.fields()).await?;
    }
    bail!("more than {MAX_STEPS} steps, the last at {}", answer.url)
}

/// What an assertion says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assertion {
    /// `ID`.
    pub id: String,
    /// `NameID`: value and format.
    pub name_id: Option<(String, Option<String>)>,
    /// The element `NameID` as written, its namespace declared.
    pub name_id_xml: String,
    /// Attributes with their values.
    pub attributes: Vec<(String, Vec<String>)>,
    /// Whether one of them has a `NameFormat` or `FriendlyName`.
    pub attributes_are_formatted: bool,
    /// `Audience`.
    pub audience: String,
    /// `InResponseTo` of the confirmation.
    pub in_response_to: Option<String>,
    /// `Recipient`.
    pub recipient: String,
    /// `NotOnOrAfter` of the confirmation.
    pub delivered_before: String,
    /// `AuthnInstant`.
    pub authn_instant: String,
    /// `SessionIndex`.
    pub session_index: String,
    /// `AuthnContextClassRef`.
    pub context_class: String,
    /// Local names of the children in their order.
    pub children: Vec<String>,
}

impl Response {
    /// Reads the page.
    ///
    /// # Errors
    /// When there is no response on it.
    pub fn read(answer: &Answer) -> Result<Response> {
        let page = Issued::read(answer)?;
        let field = page
            .field("SAMLResponse")
            .with_context(|| format!("no SAMLResponse: {}", answer.summary()))?;
        let octets = STANDARD
            .decode(field)
            .context("SAMLResponse is not base64")?;
        let xml = String::from_utf8(octets).context("SAMLResponse is not UTF-8")?;
        Ok(Response { page, xml })
    }

    /// `RelayState`.
    pub fn relay_state(&self) -> Option<&str> {
        self.page.field("RelayState")
    }

    /// An attribute of the message.
    ///
    /// # Errors
    /// When it is not XML.
    pub fn attribute(&self, name: &str) -> Result<Option<String>> {
        let read = Document::parse(&self.xml)?;
        Ok(read.root_element().attribute(name).map(str::to_owned))
    }

    /// The status codes, outer first, without the part that all begin with.
    ///
    /// # Errors
    /// When it is not XML.
    pub fn status(&self) -> Result<Vec<String>> {
        let read = Document::parse(&self.xml)?;
        Ok(read
            .descendants()
            .filter(|node| node.has_tag_name((PROTOCOL, "StatusCode")))
            .filter_map(|node| node.attribute("Value"))
            .map(|value| {
                value
                    .trim_start_matches("urn:oasis:names:tc:SAML:2.0:status:")
                    .to_owned()
            })
            .collect())
    }

    /// Ids of the elements that carry a signature, outer first.
    ///
    /// # Errors
    /// When it is not XML.
    pub fn signed(&self) -> Result<Vec<String>> {
        let read = Document::parse(&self.xml)?;
        Ok(signed(&read))
    }

    /// Verifies every signature with the one certificate, by xmlsec1. There must be at least one.
    ///
    /// # Errors
    /// When one does not hold.
    pub fn verify(&self, certificate: &X509) -> Result<()> {
        let ids = self.signed()?;
        ensure!(!ids.is_empty(), "nothing is signed:\n{}", self.xml);
        for id in ids {
            xmlsec::verify(&self.xml, &id, certificate)?;
        }
        Ok(())
    }

    /// The same with its assertion decrypted by xmlsec1.
    ///
    /// # Errors
    /// When the key does not open it.
    pub fn decrypted(&self, key_pem: &[u8]) -> Result<Response> {
        Ok(Response {
            page: self.page.clone(),
            xml: xmlsec::decrypt(&self.xml, key_pem)?,
        })
    }

    /// What the assertion says; there must be exactly one.
    ///
    /// # Errors
    /// When there is none or something is missing in it.
    pub fn assertion(&self) -> Result<Assertion> {
        let read = Document::parse(&self.xml)?;
        let all: Vec<Node<'_, '_>> = read
            .descendants()
            .filter(|node| node.has_tag_name((ASSERTION, "Assertion")))
            .collect();
        ensure!(all.len() == 1, "{} assertions in {}", all.len(), self.xml);
        let node = *all.first().context("no assertion")?;
        let find = |name: &str| {
            node.descendants()
                .find(|inner| inner.has_tag_name((ASSERTION, name)))
        };
        let text = |name: &str| {
            find(name)
                .and_then(|inner| inner.text())
                .unwrap_or_default()
                .to_owned()
        };
        let confirmation = find("SubjectConfirmationData").context("no SubjectConfirmationData")?;
        let statement = find("AuthnStatement").context("no AuthnStatement")?;
        let written =
            |inner: Node<'_, '_>, name: &str| inner.attribute(name).unwrap_or_default().to_owned();
        let attributes: Vec<Node<'_, '_>> = node
            .descendants()
            .filter(|inner| inner.has_tag_name((ASSERTION, "Attribute")))
            .collect();
        let name_id = find("NameID");
        Ok(Assertion {
            id: written(node, "ID"),
            name_id: name_id.map(|inner| {
                (
                    inner.text().unwrap_or_default().to_owned(),
                    inner.attribute("Format").map(str::to_owned),
                )
            }),
            name_id_xml: name_id.map(name_id_again).unwrap_or_default(),
            attributes: attributes
                .iter()
                .map(|inner| {
                    let values = inner
                        .children()
                        .filter(|value| value.has_tag_name((ASSERTION, "AttributeValue")))
                        .map(|value| value.text().unwrap_or_default().to_owned());
                    (written(*inner, "Name"), values.collect())
                })
                .collect(),
            attributes_are_formatted: attributes.iter().any(|inner| {
                inner.attribute("NameFormat").is_some() || inner.attribute("FriendlyName").is_some()
            }),
            audience: text("Audience"),
            in_response_to: confirmation.attribute("InResponseTo").map(str::to_owned),
            recipient: written(confirmation, "Recipient"),
            delivered_before: written(confirmation, "NotOnOrAfter"),
            authn_instant: written(statement, "AuthnInstant"),
            session_index: written(statement, "SessionIndex"),
            context_class: text("AuthnContextClassRef"),
            children: node
                .children()
                .filter(Node::is_element)
                .map(|child| child.tag_name().name().to_owned())
                .collect(),
        })
    }
}

impl Assertion {
    /// The values of one attribute.
    pub fn values(&self, name: &str) -> &[String] {
        self.attributes
            .iter()
            .find(|(known, _)| known == name)
            .map_or(&[], |(_, values)| values.as_slice())
    }
}

fn signed(read: &Document<'_>) -> Vec<String> {
    read.descendants()
        .filter(|node| node.has_tag_name((DSIG, "Signature")))
        .filter_map(|signature| signature.parent_element()?.attribute("ID"))
        .map(str::to_owned)
        .collect()
}

/// As an SP sends it back in a `LogoutRequest`.
fn name_id_again(node: Node<'_, '_>) -> String {
    let attributes: String = node
        .attributes()
        .map(|attribute| {
            format!(
                " {}=\"{}\"",
                attribute.name(),
                super::request::escape(attribute.value())
            )
        })
        .collect();
    format!(
        "<saml:NameID{attributes}>{}</saml:NameID>",
        super::request::escape(node.text().unwrap_or_default())
    )
}
