//! The federation service's metadata, as those read it that trust the service.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::x509::X509;
use roxmltree::{Document, Node};
use url::Url;

use crate::http::{Answer, Client};
use crate::token::DSIG;

/// SAML 2.0 metadata.
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const TYPE: (&str, &str) = ("http://www.w3.org/2001/XMLSchema-instance", "type");

/// The document.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// The answer that carried it.
    pub answer: Answer,
}

/// Gets the document from a service.
///
/// # Errors
/// When it is not there.
pub async fn metadata_of(client: &Client, service: &Url) -> Result<Metadata> {
    let answer = client
        .get(&service.join("/FederationMetadata/2007-06/FederationMetadata.xml")?)
        .await?;
    ensure!(answer.status == 200, "no metadata: {}", answer.summary());
    Ok(Metadata { answer })
}

impl Metadata {
    /// Its text.
    pub fn text(&self) -> &str {
        &self.answer.body
    }

    /// The first signing certificate of the role that .NET's WS-Federation reads.
    ///
    /// # Errors
    /// When there is none.
    pub fn signing_certificate(&self) -> Result<X509> {
        let document = Document::parse(self.text()).context("the metadata is not XML")?;
        let role = document
            .root_element()
            .children()
            .find(|node| role_type(*node) == Some("SecurityTokenServiceType"));
        let key = role
            .context("no role SecurityTokenServiceType")?
            .children()
            .find(|node| {
                node.has_tag_name((METADATA, "KeyDescriptor"))
                    && node.attribute("use") == Some("signing")
            })
            .context("the role has no signing key")?;
        let text = crate::token::descendant(key, DSIG, "X509Certificate")?
            .text()
            .unwrap_or_default();
        let der = STANDARD
            .decode(text.trim())
            .context("the certificate is not base64")?;
        X509::from_der(&der).context("the certificate cannot be read")
    }
}

/// The local part of a role's `xsi:type`.
pub fn role_type<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let written = node.attribute(TYPE)?;
    Some(written.rsplit(':').next().unwrap_or(written))
}
