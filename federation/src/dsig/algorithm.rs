//! Signature algorithms that we accept from others (spec security 2.3).

use openssl::hash::MessageDigest;
use openssl::pkey::Id;
use openssl::sign::Verifier;
use openssl::x509::X509;

use super::SignatureError;
use crate::signature::SignatureAlgorithm;

/// Keys below this are not keys any more.
const MIN_RSA_BITS: u32 = 2048;

/// RSASSA-PKCS1-v1_5 with a digest (RFC 9231 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// SHA-1, which only a trust that says so may use.
    RsaSha1,
    /// SHA-256.
    RsaSha256,
    /// SHA-384.
    RsaSha384,
    /// SHA-512.
    RsaSha512,
}

impl Algorithm {
    const ALL: [Algorithm; 4] = [
        Algorithm::RsaSha1,
        Algorithm::RsaSha256,
        Algorithm::RsaSha384,
        Algorithm::RsaSha512,
    ];

    /// Its identifier in XML Signature.
    pub const fn uri(self) -> &'static str {
        match self {
            Algorithm::RsaSha1 => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            Algorithm::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Algorithm::RsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Algorithm::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
        }
    }

    /// The algorithm of this identifier, if it is accepted at all.
    pub fn from_uri(uri: &str) -> Option<Algorithm> {
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.uri() == uri)
    }

    /// Whether a trust of this `SignatureAlgorithm` may use it: SHA-1 where the trust says SHA-1, and SHA-2 where it
    /// says SHA-256 (MSIS7093, spec passive-sign-in 3.2).
    pub fn fits(self, configured: SignatureAlgorithm) -> bool {
        (self == Algorithm::RsaSha1) == (configured == SignatureAlgorithm::RsaSha1)
    }

    fn digest(self) -> MessageDigest {
        match self {
            Algorithm::RsaSha1 => MessageDigest::sha1(),
            Algorithm::RsaSha256 => MessageDigest::sha256(),
            Algorithm::RsaSha384 => MessageDigest::sha384(),
            Algorithm::RsaSha512 => MessageDigest::sha512(),
        }
    }

    /// Verifies a bare signature over `octets`, as the Redirect binding has it.
    ///
    /// # Errors
    /// [`SignatureError::NoCertificate`] or [`SignatureError::Invalid`].
    pub fn verify(
        self,
        certificates: &[X509],
        octets: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        if certificates.is_empty() {
            return Err(SignatureError::NoCertificate);
        }
        let holds = |certificate: &X509| {
            let key = certificate.public_key().ok()?;
            if key.id() != Id::RSA || key.bits() < MIN_RSA_BITS {
                return None;
            }
            let mut verifier = Verifier::new(self.digest(), &key).ok()?;
            verifier.verify_oneshot(signature, octets).ok()
        };
        if certificates.iter().any(|one| holds(one) == Some(true)) {
            Ok(())
        } else {
            Err(SignatureError::Invalid)
        }
    }
}

/// The digest of this identifier, if it is accepted at all.
pub(super) fn digest(uri: &str) -> Option<MessageDigest> {
    Some(match uri {
        "http://www.w3.org/2000/09/xmldsig#sha1" => MessageDigest::sha1(),
        "http://www.w3.org/2001/04/xmlenc#sha256" => MessageDigest::sha256(),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => MessageDigest::sha384(),
        "http://www.w3.org/2001/04/xmlenc#sha512" => MessageDigest::sha512(),
        _ => return None,
    })
}
