//! `EncryptedAssertion` and `EncryptedID` around XML Encryption (SAML 2.0 Core 2.2.4 and 2.3.4).

use roxmltree::Node;

use super::MessageError;
use super::reading::child;
use crate::xml::Namespace;

/// XML Encryption.
const XENC: Namespace = Namespace::new("xenc", "http://www.w3.org/2001/04/xmlenc#");

/// The `EncryptedData` in an `EncryptedAssertion` or `EncryptedID`, as XML that stands alone.
pub(super) fn inner(element: Node<'_, '_>) -> Result<String, MessageError> {
    let data =
        child(element, XENC, "EncryptedData")?.ok_or(MessageError::Missing("EncryptedData"))?;
    Ok(super::reading::standalone(data))
}
