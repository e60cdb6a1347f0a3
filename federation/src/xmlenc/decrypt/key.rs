//! Unwrapping of the content's key (XML Encryption 1.1 section 5.5.2).

use openssl::encrypt::Decrypter;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Padding;
use zeroize::Zeroizing;

use super::DecryptionError;

/// A digest within RSA-OAEP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OaepDigest {
    /// SHA-1, whose weakness does not matter here.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl OaepDigest {
    /// The digest of `DigestMethod`.
    pub(super) fn from_uri(uri: &str) -> Result<OaepDigest, DecryptionError> {
        Ok(match uri {
            "http://www.w3.org/2000/09/xmldsig#sha1" => OaepDigest::Sha1,
            "http://www.w3.org/2001/04/xmlenc#sha256" => OaepDigest::Sha256,
            "http://www.w3.org/2001/04/xmldsig-more#sha384"
            | "http://www.w3.org/2001/04/xmlenc#sha384" => OaepDigest::Sha384,
            "http://www.w3.org/2001/04/xmlenc#sha512" => OaepDigest::Sha512,
            _ => return Err(unknown_digest()),
        })
    }

    /// The digest of `MGF`.
    pub(super) fn from_mask_uri(uri: &str) -> Result<OaepDigest, DecryptionError> {
        Ok(match uri {
            "http://www.w3.org/2009/xmlenc11#mgf1sha1" => OaepDigest::Sha1,
            "http://www.w3.org/2009/xmlenc11#mgf1sha256" => OaepDigest::Sha256,
            "http://www.w3.org/2009/xmlenc11#mgf1sha384" => OaepDigest::Sha384,
            "http://www.w3.org/2009/xmlenc11#mgf1sha512" => OaepDigest::Sha512,
            _ => return Err(unknown_digest()),
        })
    }

    /// The same for the library, for keys elsewhere.
    pub fn message_digest(self) -> MessageDigest {
        match self {
            OaepDigest::Sha1 => MessageDigest::sha1(),
            OaepDigest::Sha256 => MessageDigest::sha256(),
            OaepDigest::Sha384 => MessageDigest::sha384(),
            OaepDigest::Sha512 => MessageDigest::sha512(),
        }
    }
}

fn unknown_digest() -> DecryptionError {
    DecryptionError::Algorithm("RSA-OAEP must use SHA-1, SHA-256, SHA-384 or SHA-512")
}

/// RSA-OAEP with an empty label, the only transport that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyTransport {
    /// The digest of the label.
    pub digest: OaepDigest,
    /// The digest of the mask generation function MGF1.
    pub mask: OaepDigest,
}

/// A token-decrypting key. The key itself may be in another process or device.
pub trait DecryptionKey: Send + Sync {
    /// The key that was wrapped; `None` for every failure alike.
    fn unwrap_key(&self, wrapped: &[u8], transport: KeyTransport) -> Option<Zeroizing<Vec<u8>>>;
}

/// An RSA key in this process.
pub struct PrivateKey(PKey<Private>);

impl PrivateKey {
    /// `None` for a key that is not RSA.
    pub fn new(key: PKey<Private>) -> Option<PrivateKey> {
        (key.id() == Id::RSA).then_some(PrivateKey(key))
    }

    fn try_unwrap(
        &self,
        wrapped: &[u8],
        transport: KeyTransport,
    ) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let mut decrypter = Decrypter::new(&self.0)?;
        decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        decrypter.set_rsa_oaep_md(transport.digest.message_digest())?;
        decrypter.set_rsa_mgf1_md(transport.mask.message_digest())?;
        let mut out = Zeroizing::new(vec![0; decrypter.decrypt_len(wrapped)?]);
        let length = decrypter.decrypt(wrapped, &mut out)?;
        out.truncate(length);
        Ok(out)
    }
}

impl DecryptionKey for PrivateKey {
    fn unwrap_key(&self, wrapped: &[u8], transport: KeyTransport) -> Option<Zeroizing<Vec<u8>>> {
        self.try_unwrap(wrapped, transport).ok()
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PrivateKey")
            .field("bits", &self.0.bits())
            .finish_non_exhaustive()
    }
}
