//! Which algorithms exist for us, and which of them one caller accepts (spec security SIG-8).

use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use openssl::x509::X509;

use super::SignatureError;
use crate::signature::SignatureAlgorithm;

const MIN_RSA_BITS: u32 = 2048;

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Digest {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    fn from_uri(uri: &str) -> Option<Digest> {
        Some(match uri {
            "http://www.w3.org/2000/09/xmldsig#sha1" => Digest::Sha1,
            "http://www.w3.org/2001/04/xmlenc#sha256" => Digest::Sha256,
            "http://www.w3.org/2001/04/xmldsig-more#sha384" => Digest::Sha384,
            "http://www.w3.org/2001/04/xmlenc#sha512" => Digest::Sha512,
            _ => return None,
        })
    }

    pub(super) fn message_digest(self) -> MessageDigest {
        match self {
            Digest::Sha1 => MessageDigest::sha1(),
            Digest::Sha256 => MessageDigest::sha256(),
            Digest::Sha384 => MessageDigest::sha384(),
            Digest::Sha512 => MessageDigest::sha512(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Rsa,
    RsaPss,
    Ecdsa,
}

/// A signature algorithm that this program can verify. There are no message authentication codes among them: with a
/// public key for a secret, anybody can compute one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-1, for partners that the administrator exempts.
    RsaSha1,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaSha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaSha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaSha512,
    /// RSASSA-PSS with SHA-256 and MGF1 of the same (RFC 6931 section 2.3.10).
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384.
    RsaPssSha384,
    /// RSASSA-PSS with SHA-512.
    RsaPssSha512,
    /// ECDSA with SHA-256.
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
    /// ECDSA with SHA-512.
    EcdsaSha512,
}

impl Algorithm {
    const ALL: [Algorithm; 10] = [
        Algorithm::RsaSha1,
        Algorithm::RsaSha256,
        Algorithm::RsaSha384,
        Algorithm::RsaSha512,
        Algorithm::RsaPssSha256,
        Algorithm::RsaPssSha384,
        Algorithm::RsaPssSha512,
        Algorithm::EcdsaSha256,
        Algorithm::EcdsaSha384,
        Algorithm::EcdsaSha512,
    ];

    /// Its identifier in XML Signature and in `SigAlg` of the redirect binding (RFC 6931).
    pub const fn uri(self) -> &'static str {
        match self {
            Algorithm::RsaSha1 => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            Algorithm::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Algorithm::RsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Algorithm::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            Algorithm::RsaPssSha256 => "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
            Algorithm::RsaPssSha384 => "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1",
            Algorithm::RsaPssSha512 => "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1",
            Algorithm::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Algorithm::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
            Algorithm::EcdsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
        }
    }

    /// The algorithm of this identifier. Whether it is accepted is another question.
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

    fn digest(self) -> Digest {
        match self {
            Algorithm::RsaSha1 => Digest::Sha1,
            Algorithm::RsaSha256 | Algorithm::RsaPssSha256 | Algorithm::EcdsaSha256 => {
                Digest::Sha256
            }
            Algorithm::RsaSha384 | Algorithm::RsaPssSha384 | Algorithm::EcdsaSha384 => {
                Digest::Sha384
            }
            Algorithm::RsaSha512 | Algorithm::RsaPssSha512 | Algorithm::EcdsaSha512 => {
                Digest::Sha512
            }
        }
    }

    fn family(self) -> Family {
        match self {
            Algorithm::RsaSha1
            | Algorithm::RsaSha256
            | Algorithm::RsaSha384
            | Algorithm::RsaSha512 => Family::Rsa,
            Algorithm::RsaPssSha256 | Algorithm::RsaPssSha384 | Algorithm::RsaPssSha512 => {
                Family::RsaPss
            }
            Algorithm::EcdsaSha256 | Algorithm::EcdsaSha384 | Algorithm::EcdsaSha512 => {
                Family::Ecdsa
            }
        }
    }

    /// Whether `key` is of this algorithm's family and long enough.
    fn takes(self, key: &PKey<Public>) -> bool {
        match self.family() {
            Family::Rsa | Family::RsaPss => key.id() == Id::RSA && key.bits() >= MIN_RSA_BITS,
            Family::Ecdsa => key.ec_key().is_ok_and(|key| {
                matches!(
                    key.group().curve_name(),
                    Some(Nid::X9_62_PRIME256V1 | Nid::SECP384R1 | Nid::SECP521R1)
                )
            }),
        }
    }

    /// The first of `certificates` whose key verifies `signature` over `octets`.
    ///
    /// Validity and revocation of a certificate are the caller's: a trust may pin an expired one.
    ///
    /// # Errors
    /// [`SignatureError::NoCertificate`], [`SignatureError::UnfitKeys`] or [`SignatureError::Invalid`].
    pub fn verify<'a>(
        self,
        certificates: &'a [X509],
        octets: &[u8],
        signature: &[u8],
    ) -> Result<&'a X509, SignatureError> {
        if certificates.is_empty() {
            return Err(SignatureError::NoCertificate);
        }
        let mut fitting = 0;
        for certificate in certificates {
            let Ok(key) = certificate.public_key() else {
                continue;
            };
            if !self.takes(&key) {
                continue;
            }
            fitting += 1;
            // What the library takes for malformed does not verify; there is nothing to tell apart.
            if self.verify_with(&key, octets, signature).unwrap_or(false) {
                return Ok(certificate);
            }
        }
        Err(match fitting {
            0 => SignatureError::UnfitKeys(certificates.len()),
            _ => SignatureError::Invalid,
        })
    }

    fn verify_with(
        self,
        key: &PKey<Public>,
        octets: &[u8],
        signature: &[u8],
    ) -> Result<bool, ErrorStack> {
        let digest = self.digest().message_digest();
        let mut verifier = Verifier::new(digest, key)?;
        match self.family() {
            Family::Rsa => verifier.verify_oneshot(signature, octets),
            Family::RsaPss => {
                verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
                verifier.set_rsa_mgf1_md(digest)?;
                verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
                verifier.verify_oneshot(signature, octets)
            }
            Family::Ecdsa => {
                // XML Signature has both numbers side by side, each as long as the curve's order (RFC 6931 section 2.3.6).
                let half = usize::try_from(key.bits().div_ceil(8)).unwrap_or(0);
                let Some((r, s)) = signature.split_at_checked(half) else {
                    return Ok(false);
                };
                if s.len() != half {
                    return Ok(false);
                }
                let pair = EcdsaSig::from_private_components(
                    BigNum::from_slice(r)?,
                    BigNum::from_slice(s)?,
                )?;
                verifier.verify_oneshot(&pair.to_der()?, octets)
            }
        }
    }
}

/// What one caller accepts. The default is RSA (PKCS #1) and ECDSA, each with SHA-256, SHA-384 or SHA-512.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedAlgorithms(Vec<Algorithm>);

impl Default for AcceptedAlgorithms {
    fn default() -> AcceptedAlgorithms {
        AcceptedAlgorithms(vec![
            Algorithm::RsaSha256,
            Algorithm::RsaSha384,
            Algorithm::RsaSha512,
            Algorithm::EcdsaSha256,
            Algorithm::EcdsaSha384,
            Algorithm::EcdsaSha512,
        ])
    }
}

impl From<SignatureAlgorithm> for AcceptedAlgorithms {
    /// What a trust of this `SignatureAlgorithm` accepts (see [`Algorithm::fits`]).
    fn from(configured: SignatureAlgorithm) -> AcceptedAlgorithms {
        match configured {
            SignatureAlgorithm::RsaSha256 => AcceptedAlgorithms::default(),
            SignatureAlgorithm::RsaSha1 => AcceptedAlgorithms::only(&[Algorithm::RsaSha1]),
        }
    }
}

impl AcceptedAlgorithms {
    /// These and no others.
    pub fn only(algorithms: &[Algorithm]) -> AcceptedAlgorithms {
        AcceptedAlgorithms(algorithms.to_vec())
    }

    /// These too. SHA-1 is for one trust whose administrator asked for it, and never for tokens of claims providers.
    #[must_use]
    pub fn and(mut self, algorithm: Algorithm) -> AcceptedAlgorithms {
        self.0.push(algorithm);
        self
    }

    /// The algorithm of this identifier, if it is accepted.
    ///
    /// # Errors
    /// [`SignatureError::Algorithm`].
    pub fn signature(&self, uri: &str) -> Result<Algorithm, SignatureError> {
        Algorithm::from_uri(uri)
            .filter(|algorithm| self.0.contains(algorithm))
            .ok_or(SignatureError::Algorithm)
    }

    /// A digest as strong as the signatures that are accepted.
    pub(super) fn digest(&self, uri: &str) -> Result<Digest, SignatureError> {
        Digest::from_uri(uri)
            .filter(|digest| *digest != Digest::Sha1 || self.0.contains(&Algorithm::RsaSha1))
            .ok_or(SignatureError::Algorithm)
    }
}
