//! Names of subjects (SAML 2.0 Core 2.2.3).

use openssl::x509::X509;
use roxmltree::Node;

use super::reading::{attribute, text};
use super::{ASSERTION, MessageError};
use crate::IssueError;
use crate::xml::{self, Attribute, Limits, Writer};
use crate::xmlenc::{self, ContentEncryption, EncryptedElement};

/// `NameID`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct NameId {
    /// The name.
    pub value: String,
    /// `Format`, a URI.
    pub format: Option<String>,
    /// `NameQualifier`.
    pub name_qualifier: Option<String>,
    /// `SPNameQualifier`.
    pub sp_name_qualifier: Option<String>,
    /// `SPProvidedID`.
    pub sp_provided_id: Option<String>,
}

impl NameId {
    /// A name of no stated format.
    pub fn new(value: &str) -> NameId {
        NameId {
            value: value.to_owned(),
            ..NameId::default()
        }
    }

    /// Reads a `NameID` that stands alone, as an `EncryptedID` holds it.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn parse(element: &str) -> Result<NameId, MessageError> {
        let document = xml::read(element.as_bytes(), &Limits::message())?;
        let root = document.root();
        if !root.has_tag_name((ASSERTION.uri(), "NameID")) {
            return Err(MessageError::Kind("NameID"));
        }
        NameId::read(root)
    }

    pub(super) fn read(element: Node<'_, '_>) -> Result<NameId, MessageError> {
        let value = text(element, "NameID")?;
        if value.is_empty() {
            return Err(MessageError::Missing("NameID"));
        }
        Ok(NameId {
            value,
            format: attribute(element, "Format")?,
            name_qualifier: attribute(element, "NameQualifier")?,
            sp_name_qualifier: attribute(element, "SPNameQualifier")?,
            sp_provided_id: attribute(element, "SPProvidedID")?,
        })
    }

    /// Encrypts the name, for an `EncryptedID`.
    ///
    /// # Errors
    /// A value that XML cannot carry, or a certificate that cannot serve.
    pub fn encrypt(
        &self,
        recipient: &X509,
        content: ContentEncryption,
    ) -> Result<EncryptedElement, IssueError> {
        let written = xml::write(ASSERTION.name("NameID"), &self.attributes(), |writer| {
            writer.text("NameID", &self.value);
        })?;
        xmlenc::encrypt(&written.into_fragment(), recipient, content)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.leaf(ASSERTION.name("NameID"), &self.attributes(), &self.value);
    }

    fn attributes(&self) -> Vec<Attribute<'_>> {
        [
            ("Format", &self.format),
            ("NameQualifier", &self.name_qualifier),
            ("SPNameQualifier", &self.sp_name_qualifier),
            ("SPProvidedID", &self.sp_provided_id),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(Attribute::new(name, value.as_deref()?)))
        .collect()
    }
}
