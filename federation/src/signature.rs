//! Enveloped XML signatures over what [`crate::xml`] wrote (spec passive-sign-in 2.8).
//!
//! The digest is taken over the text as it was written, so a signature costs one RSA operation and nothing else that can
//! be measured. Signatures of others are verified in [`crate::dsig`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::error::ErrorStack;
use openssl::hash::{Hasher, MessageDigest};
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::{Signer, Verifier};
use openssl::x509::X509;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use thiserror::Error;

use crate::IssueError;
use crate::xml::{self, Attribute, Fragment, Namespace, Unsigned, Writer};

/// XML Signature.
pub const DS: Namespace = Namespace::new("ds", "http://www.w3.org/2000/09/xmldsig#");

pub(crate) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
pub(crate) const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const MIN_RSA_BITS: u32 = 2048;

/// `SignatureAlgorithm` of a relying party trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SignatureAlgorithm {
    /// RSA with SHA-256, the default.
    #[default]
    RsaSha256,
    /// RSA with SHA-1, for relying parties that understand nothing better. Collisions of SHA-1 can be computed.
    RsaSha1,
}

impl SignatureAlgorithm {
    /// Its identifier in XML Signature.
    pub const fn uri(self) -> &'static str {
        match self {
            SignatureAlgorithm::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            SignatureAlgorithm::RsaSha1 => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        }
    }

    /// Identifier of the digest that goes with it.
    pub const fn digest_uri(self) -> &'static str {
        match self {
            SignatureAlgorithm::RsaSha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            SignatureAlgorithm::RsaSha1 => "http://www.w3.org/2000/09/xmldsig#sha1",
        }
    }

    /// The algorithm of this identifier. The spelling with `https:`, which Microsoft's pages show, is understood too
    /// (spec passive-sign-in 0.4).
    pub fn from_uri(uri: &str) -> Option<SignatureAlgorithm> {
        let rest = uri
            .strip_prefix("https://")
            .or_else(|| uri.strip_prefix("http://"))?;
        [SignatureAlgorithm::RsaSha256, SignatureAlgorithm::RsaSha1]
            .into_iter()
            .find(|algorithm| algorithm.uri().strip_prefix("http://") == Some(rest))
    }

    /// What stands before the digest in a `DigestInfo` (RFC 8017 section 9.2, note 1).
    const fn digest_info_head(self) -> &'static [u8] {
        match self {
            SignatureAlgorithm::RsaSha256 => &[
                0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                0x01, 0x05, 0x00, 0x04, 0x20,
            ],
            SignatureAlgorithm::RsaSha1 => &[
                0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04,
                0x14,
            ],
        }
    }

    fn digest(self) -> MessageDigest {
        match self {
            SignatureAlgorithm::RsaSha256 => MessageDigest::sha256(),
            SignatureAlgorithm::RsaSha1 => MessageDigest::sha1(),
        }
    }
}

impl Serialize for SignatureAlgorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.uri())
    }
}

impl<'de> Deserialize<'de> for SignatureAlgorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SignatureAlgorithm, D::Error> {
        let text = String::deserialize(deserializer)?;
        SignatureAlgorithm::from_uri(&text).ok_or_else(|| {
            let known = [
                SignatureAlgorithm::RsaSha256.uri(),
                SignatureAlgorithm::RsaSha1.uri(),
            ]
            .join(" or ");
            de::Error::custom(format!("{text:?} is no signature algorithm; use {known}"))
        })
    }
}

/// Why a key does not serve for signing.
#[derive(Debug, Error)]
pub enum SigningKeyError {
    /// Not RSA.
    #[error(
        "the signing key is no RSA key; tokens are signed with RSA keys of at least {MIN_RSA_BITS} bits"
    )]
    NotRsa,
    /// Too short.
    #[error("the signing key has {0} bits; RSA keys of at least {MIN_RSA_BITS} bits are accepted")]
    TooShort(u32),
    /// Key and certificate are not of one pair.
    #[error("the certificate belongs to another key than the signing key")]
    CertificateOfOtherKey,
    /// What it signs does not verify.
    #[error(
        "what the signing key signs does not verify; the cryptographic library cannot be trusted on this machine"
    )]
    SelfTest,
    /// The key is elsewhere and does not sign.
    #[error("the signing key cannot be used: {0}")]
    Remote(String),
    /// The cryptographic library.
    #[error("the signing key cannot be read: {0}")]
    Library(#[from] ErrorStack),
}

/// Signs with a key that is somewhere else, as in a hardware security module.
pub trait RemoteSigner: Send + Sync + fmt::Debug {
    /// The signature by RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.1) over a `DigestInfo` in DER (section 9.2), which holds
    /// algorithm and digest of the message. It may block.
    ///
    /// # Errors
    /// When the key cannot be reached or refuses.
    fn sign_digest_info(&self, digest_info: &[u8]) -> Result<Vec<u8>, RemoteSignerError>;
}

/// What a [`RemoteSigner`] says when it does not sign.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct RemoteSignerError(pub String);

/// Where a key is.
enum Place {
    Here(PKey<Private>),
    Elsewhere(Box<dyn RemoteSigner>),
}

/// A private key with its certificate. The key cannot be taken out again.
///
/// Reading a key costs more than a signature, so one value is made at start and shared.
pub struct SigningKey {
    key: Place,
    bits: u32,
    certificate: String,
}

impl SigningKey {
    /// Checks that key and certificate serve, and tries them out (spec security KEY-6).
    ///
    /// # Errors
    /// See [`SigningKeyError`].
    pub fn new(key: PKey<Private>, certificate: &X509) -> Result<SigningKey, SigningKeyError> {
        if key.id() != Id::RSA {
            return Err(SigningKeyError::NotRsa);
        }
        if key.bits() < MIN_RSA_BITS {
            return Err(SigningKeyError::TooShort(key.bits()));
        }
        if !certificate.public_key()?.public_eq(&key) {
            return Err(SigningKeyError::CertificateOfOtherKey);
        }
        SigningKey::tried(key.bits(), Place::Here(key), certificate)
    }

    /// For a key that is elsewhere; it is tried out, too.
    ///
    /// # Errors
    /// See [`SigningKeyError`].
    pub fn remote(
        signer: Box<dyn RemoteSigner>,
        certificate: &X509,
    ) -> Result<SigningKey, SigningKeyError> {
        let public = certificate.public_key()?;
        if public.id() != Id::RSA {
            return Err(SigningKeyError::NotRsa);
        }
        if public.bits() < MIN_RSA_BITS {
            return Err(SigningKeyError::TooShort(public.bits()));
        }
        SigningKey::tried(public.bits(), Place::Elsewhere(signer), certificate)
    }

    fn tried(bits: u32, key: Place, certificate: &X509) -> Result<SigningKey, SigningKeyError> {
        let is_remote = matches!(key, Place::Elsewhere(_));
        let signing = SigningKey {
            key,
            bits,
            certificate: STANDARD.encode(certificate.to_der()?),
        };
        let value = signing
            .sign_octets(b"self-test", SignatureAlgorithm::RsaSha256)
            .map_err(|error| match error {
                IssueError::Signature(error) => SigningKeyError::Library(error),
                other => SigningKeyError::Remote(other.to_string()),
            })?;
        let public = certificate.public_key()?;
        let mut verifier = Verifier::new(MessageDigest::sha256(), &public)?;
        if verifier.verify_oneshot(&value, b"self-test")? {
            Ok(signing)
        } else if is_remote {
            // It cannot be told from here which of the two is wrong; most often it is this.
            Err(SigningKeyError::CertificateOfOtherKey)
        } else {
            Err(SigningKeyError::SelfTest)
        }
    }

    /// The certificate's DER in base64, as `X509Certificate` holds it.
    pub fn certificate_base64(&self) -> &str {
        &self.certificate
    }

    /// Signs a written element at the place that [`Writer::signature`] marked in it.
    ///
    /// # Errors
    /// When no place was marked, or the cryptographic library fails.
    pub fn sign(
        &self,
        element: Unsigned,
        algorithm: SignatureAlgorithm,
    ) -> Result<Fragment, IssueError> {
        let (element, place) = element.into_parts();
        let place = place.ok_or(IssueError::Inconsistent("no place for the signature"))?;
        let mut hasher = Hasher::new(algorithm.digest())?;
        for piece in element.canonical() {
            hasher.update(piece.as_bytes())?;
        }
        let info = SignedInfo {
            reference: format!("#{}", place.id()),
            digest: STANDARD.encode(hasher.finish()?),
            algorithm,
        };
        let value = self.sign_octets(info.canonical()?.as_str().as_bytes(), algorithm)?;
        let signature = xml::write(DS.name("Signature"), &[], |writer| {
            writer.element(DS.name("SignedInfo"), &[], |writer| info.write(writer));
            writer.leaf(DS.name("SignatureValue"), &[], &STANDARD.encode(&value));
            key_info(writer, &self.certificate);
        })?;
        Ok(place.fill(element, &signature.into_fragment()))
    }

    /// The raw signature over `octets`: RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
    pub(crate) fn sign_octets(
        &self,
        octets: &[u8],
        algorithm: SignatureAlgorithm,
    ) -> Result<Vec<u8>, IssueError> {
        match &self.key {
            Place::Here(key) => {
                Ok(Signer::new(algorithm.digest(), key)?.sign_oneshot_to_vec(octets)?)
            }
            Place::Elsewhere(signer) => {
                let mut info = algorithm.digest_info_head().to_vec();
                info.extend_from_slice(&openssl::hash::hash(algorithm.digest(), octets)?);
                Ok(signer.sign_digest_info(&info)?)
            }
        }
    }

    /// The raw signature over a message that is sent beside it: RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign_detached(
        &self,
        message: &[u8],
        algorithm: SignatureAlgorithm,
    ) -> Result<Vec<u8>, IssueError> {
        self.sign_octets(message, algorithm)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("bits", &self.bits)
            .finish_non_exhaustive()
    }
}

/// `KeyInfo` with one certificate, in the default namespace as AD FS writes it. `certificate` is DER in base64.
pub(crate) fn key_info(writer: &mut Writer, certificate: &str) {
    let ds = DS.unprefixed();
    writer.element(ds.name("KeyInfo"), &[], |writer| {
        writer.element(ds.name("X509Data"), &[], |writer| {
            writer.leaf(ds.name("X509Certificate"), &[], certificate)
        });
    });
}

struct SignedInfo {
    reference: String,
    digest: String,
    algorithm: SignatureAlgorithm,
}

impl SignedInfo {
    /// What is signed. Canonicalised alone, the element declares `ds` itself; within the signature it inherits it.
    fn canonical(&self) -> Result<Fragment, IssueError> {
        Ok(xml::write(DS.name("SignedInfo"), &[], |writer| self.write(writer))?.into_fragment())
    }

    fn write(&self, writer: &mut Writer) {
        let method = |writer: &mut Writer, name, uri| {
            writer.leaf(DS.name(name), &[Attribute::new("Algorithm", uri)], "");
        };
        method(writer, "CanonicalizationMethod", EXCLUSIVE_C14N);
        method(writer, "SignatureMethod", self.algorithm.uri());
        writer.element(
            DS.name("Reference"),
            &[Attribute::new("URI", &self.reference)],
            |writer| {
                writer.element(DS.name("Transforms"), &[], |writer| {
                    method(writer, "Transform", ENVELOPED);
                    method(writer, "Transform", EXCLUSIVE_C14N);
                });
                method(writer, "DigestMethod", self.algorithm.digest_uri());
                writer.leaf(DS.name("DigestValue"), &[], &self.digest);
            },
        );
    }
}
