//! For whom what a relying party alone may read is encrypted, and how.

use federation::xml::Fragment;
use federation::xmlenc;
use openssl::x509::X509;

use super::IssueError;
use crate::config::{ContentEncryption, RelyingPartyTrust};

/// The certificate to encrypt to and the cipher, where the trust has an encryption certificate and EncryptClaims is on.
pub fn encryption(trust: &RelyingPartyTrust) -> Option<(&X509, xmlenc::ContentEncryption)> {
    let content = match trust.content_encryption {
        ContentEncryption::Aes256Cbc => xmlenc::ContentEncryption::Aes256Cbc,
        ContentEncryption::Aes128Gcm => xmlenc::ContentEncryption::Aes128Gcm,
        ContentEncryption::Aes256Gcm => xmlenc::ContentEncryption::Aes256Gcm,
    };
    let certificate = trust.encryption_certificate.as_ref()?;
    Some((certificate, content))
}

/// A signed assertion as WS-Federation carries it: `EncryptedData` in its place when the trust wants it encrypted (spec
/// passive-sign-in 2.9), else itself.
///
/// # Errors
/// [`IssueError::Write`] for a certificate that cannot serve. The assertion is never handed back in the clear instead.
pub(super) fn for_recipient(
    trust: &RelyingPartyTrust,
    signed: Fragment,
) -> Result<Fragment, IssueError> {
    match encryption(trust) {
        Some((recipient, content)) => {
            Ok(xmlenc::encrypt(&signed, recipient, content)?.to_fragment()?)
        }
        None => Ok(signed),
    }
}
