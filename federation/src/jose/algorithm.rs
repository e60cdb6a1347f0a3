//! The signature algorithms of RFC 7518 section 3.1 and RFC 8037 that use a public key.

use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, PKeyRef, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};

/// An algorithm. None of them takes a shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// The same with SHA-384.
    Rs384,
    /// The same with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256, and a salt as long as the digest.
    Ps256,
    /// The same with SHA-384.
    Ps384,
    /// The same with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 10] = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::EdDsa,
    ];

    /// Its name in `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Rs384 => "RS384",
            Algorithm::Rs512 => "RS512",
            Algorithm::Ps256 => "PS256",
            Algorithm::Ps384 => "PS384",
            Algorithm::Ps512 => "PS512",
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::Es512 => "ES512",
            Algorithm::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this name; names are case-sensitive.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    fn digest(self) -> MessageDigest {
        match self {
            Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => MessageDigest::sha256(),
            Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 => MessageDigest::sha384(),
            // Ed25519 uses SHA-512 within, which is also what `at_hash` takes for it.
            Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Es512 | Algorithm::EdDsa => {
                MessageDigest::sha512()
            }
        }
    }

    /// The left half of the digest of `text`, as `at_hash` has it (OpenID Connect Core 3.1.3.6).
    pub(crate) fn half_hash(self, text: &str) -> Option<Vec<u8>> {
        let whole = hash(self.digest(), text.as_bytes()).ok()?;
        whole.get(..whole.len() / 2).map(<[u8]>::to_vec)
    }

    /// Whether keys like this one are for it.
    pub(crate) fn fits(self, key: &PKeyRef<Public>) -> bool {
        let curve = |nid: Nid| {
            key.ec_key()
                .is_ok_and(|key| key.group().curve_name() == Some(nid))
        };
        match self {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => key.id() == Id::RSA,
            Algorithm::Es256 => curve(Nid::X9_62_PRIME256V1),
            Algorithm::Es384 => curve(Nid::SECP384R1),
            Algorithm::Es512 => curve(Nid::SECP521R1),
            Algorithm::EdDsa => key.id() == Id::ED25519,
        }
    }

    /// Whether `signature` over `content` is of `key`, which must fit.
    pub(crate) fn verifies(self, key: &PKey<Public>, content: &[u8], signature: &[u8]) -> bool {
        if !self.fits(key) {
            return false;
        }
        let verified = match self {
            Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => {
                self.verify_rsa(key, content, signature, Padding::PKCS1)
            }
            Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => {
                self.verify_rsa(key, content, signature, Padding::PKCS1_PSS)
            }
            Algorithm::Es256 => self.verify_ecdsa(key, content, signature, 32),
            Algorithm::Es384 => self.verify_ecdsa(key, content, signature, 48),
            Algorithm::Es512 => self.verify_ecdsa(key, content, signature, 66),
            Algorithm::EdDsa => Verifier::new_without_digest(key)
                .and_then(|mut verifier| verifier.verify_oneshot(signature, content)),
        };
        verified.unwrap_or(false)
    }

    fn verify_rsa(
        self,
        key: &PKey<Public>,
        content: &[u8],
        signature: &[u8],
        padding: Padding,
    ) -> Result<bool, ErrorStack> {
        let mut verifier = Verifier::new(self.digest(), key)?;
        verifier.set_rsa_padding(padding)?;
        if padding == Padding::PKCS1_PSS {
            verifier.set_rsa_mgf1_md(self.digest())?;
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        verifier.verify_oneshot(signature, content)
    }

    /// The two numbers stand side by side, each as long as the curve (RFC 7518 section 3.4), not in DER.
    fn verify_ecdsa(
        self,
        key: &PKey<Public>,
        content: &[u8],
        signature: &[u8],
        octets: usize,
    ) -> Result<bool, ErrorStack> {
        let (r, s) = match signature.split_at_checked(octets) {
            Some((r, s)) if s.len() == octets => (r, s),
            _ => return Ok(false),
        };
        let numbers =
            EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
        let digest = hash(self.digest(), content)?;
        let key = key.ec_key()?;
        numbers.verify(&digest, &key)
    }
}
