//! `EncryptedAssertion` and `EncryptedID` around XML Encryption (SAML 2.0 Core 2.2.4 and 2.3.4).

use openssl::x509::X509;
use roxmltree::Node;

use super::reading::{child, standalone};
use super::{ASSERTION, MessageError};
use crate::IssueError;
use crate::xml::{self, Fragment};
use crate::xmlenc::{self, ContentEncryption, XENC};

/// `EncryptedAssertion` in place of an assertion that is signed already.
///
/// # Errors
/// A certificate that cannot serve, or a failing library.
pub fn encrypted_assertion(
    assertion: &Fragment,
    recipient: &X509,
    content: ContentEncryption,
) -> Result<Fragment, IssueError> {
    let encrypted = xmlenc::encrypt(assertion, recipient, content)?;
    let written = xml::write(ASSERTION.name("EncryptedAssertion"), &[], |writer| {
        encrypted.write(writer);
    })?;
    Ok(written.into_fragment())
}

/// The `EncryptedData` in an `EncryptedAssertion` or `EncryptedID`, as XML that stands alone.
pub(super) fn inner(element: Node<'_, '_>) -> Result<String, MessageError> {
    let data = child(element, XENC, "EncryptedData")?;
    data.map(standalone)
        .ok_or(MessageError::Missing("EncryptedData"))
}
