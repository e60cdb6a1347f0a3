//! The certificates and keys in use at one moment. A change makes another value and swaps it in whole.

use std::fmt;
use std::sync::Arc;
use std::thread;

use federation::signature::SigningKey;
use federation::xmlenc::decrypt::{DecryptionKey, KeyTransport};
use openssl::encrypt::Decrypter;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Padding;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::Settings;
use super::pair::Pair;
use super::pkcs11::Pkcs11Certificates;
use super::seal::Seal;
use super::set::{Entry, Set};
use super::{Certificate, CertificateType, KeyError};

/// The primary token-signing certificate with its key.
#[derive(Debug)]
pub struct TokenSigning {
    key: SigningKey,
    certificate: Certificate,
}

impl TokenSigning {
    pub(super) fn new(key: SigningKey, certificate: Certificate) -> TokenSigning {
        TokenSigning { key, certificate }
    }

    /// For signing.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// For relying parties.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

/// A token-decrypting certificate with its key, which cannot be taken out again.
pub struct TokenDecrypting {
    key: PKey<Private>,
    certificate: Certificate,
}

impl TokenDecrypting {
    /// For claims providers.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Opens a key that was encrypted to this certificate by RSA-OAEP (RFC 8017 section 7.1.2) with these digests of
    /// label and mask: SHA-1 for both is `rsa-oaep-mgf1p` of XML Encryption.
    ///
    /// PKCS#1 v1.5 is not offered: whoever can tell a wrong padding from a right one can decrypt with it.
    ///
    /// # Errors
    /// When `wrapped` was not encrypted to this key. Do not tell others why.
    pub fn unwrap_key(
        &self,
        wrapped: &[u8],
        digest: MessageDigest,
        mask_digest: MessageDigest,
    ) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let mut decrypter = Decrypter::new(&self.key)?;
        decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        decrypter.set_rsa_oaep_md(digest)?;
        decrypter.set_rsa_mgf1_md(mask_digest)?;
        let mut key = Zeroizing::new(vec![0; decrypter.decrypt_len(wrapped)?]);
        let length = decrypter.decrypt(wrapped, &mut key)?;
        key.truncate(length);
        Ok(key)
    }
}

impl DecryptionKey for TokenDecrypting {
    fn unwrap_key(&self, wrapped: &[u8], transport: KeyTransport) -> Option<Zeroizing<Vec<u8>>> {
        let (digest, mask) = (transport.digest, transport.mask);
        TokenDecrypting::unwrap_key(
            self,
            wrapped,
            digest.message_digest(),
            mask.message_digest(),
        )
        .ok()
    }
}

impl fmt::Debug for TokenDecrypting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TokenDecrypting")
            .field("certificate", &self.certificate.thumbprint())
            .finish_non_exhaustive()
    }
}

/// A certificate of the set in use.
#[derive(Debug, Clone)]
pub struct ListedCertificate {
    /// What it is for.
    pub role: CertificateType,
    /// Whether it is the primary one of its role.
    pub primary: bool,
    /// Since when partners can see it.
    pub published: OffsetDateTime,
    /// The certificate.
    pub certificate: Certificate,
}

impl ListedCertificate {
    pub(super) fn new(
        role: CertificateType,
        at: usize,
        entry: &Entry,
        certificate: Certificate,
    ) -> ListedCertificate {
        let published = entry
            .published
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        ListedCertificate {
            role,
            primary: at == 0,
            published: published.unwrap_or_else(|| certificate.not_before()),
            certificate,
        }
    }
}

/// The set in use.
#[derive(Debug)]
pub struct TokenKeys {
    pub(super) set: Set,
    token_signing: Arc<TokenSigning>,
    signing: Vec<ListedCertificate>,
    decrypting: Vec<Arc<TokenDecrypting>>,
}

impl TokenKeys {
    /// What tokens are signed with.
    pub fn token_signing(&self) -> &Arc<TokenSigning> {
        &self.token_signing
    }

    /// All token-signing certificates, the primary one first: what metadata publishes.
    pub fn signing_certificates(&self) -> impl ExactSizeIterator<Item = &Certificate> {
        self.signing.iter().map(|listed| &listed.certificate)
    }

    /// All token-decrypting certificates with their keys, the primary one first. Tokens for us may be encrypted to any.
    pub fn decrypting_keys(&self) -> &[Arc<TokenDecrypting>] {
        &self.decrypting
    }

    /// Reads the set; makes the first pair of a role where none has ever been.
    pub(super) fn load_or_make(
        settings: &Settings,
        seal: &Seal,
        now: OffsetDateTime,
        pkcs11: Option<&Pkcs11Certificates>,
    ) -> Result<TokenKeys, KeyError> {
        let Settings {
            folder,
            host_name,
            duration,
            ..
        } = settings;
        let set = Set::read(folder)?;
        let of = |role| -> Result<Vec<Pair>, KeyError> {
            let entries = set.of(role);
            let pairs = entries.iter().map(|entry| {
                if let Some(pair) = Pair::load(folder, role, &entry.file, seal)? {
                    return Ok(pair);
                }
                if *entries != [Entry::first(role)] {
                    return Err(super::pair::certificate(folder, entry)
                        .err()
                        .unwrap_or(KeyError::SelfTest));
                }
                let pair = Pair::new(role, host_name, now, *duration)?;
                pair.store(folder, role, &entry.file, seal, now)?;
                Ok(pair)
            });
            pairs.collect()
        };
        if let Some(pkcs11) = pkcs11 {
            let decrypting = of(CertificateType::TokenDecrypting)?;
            let token_signing = Arc::clone(&pkcs11.token_signing);
            return Ok(TokenKeys {
                set,
                token_signing,
                signing: pkcs11.listed.clone(),
                decrypting: decrypting_of(decrypting),
            });
        }
        // Both at the same time, since finding primes takes long.
        let (signing, decrypting) = thread::scope(|scope| {
            let decrypting = scope.spawn(|| of(CertificateType::TokenDecrypting));
            let signing = of(CertificateType::TokenSigning);
            let decrypting = decrypting
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok::<_, KeyError>((signing?, decrypting?))
        })?;
        TokenKeys::new(set, signing, decrypting)
    }

    fn new(set: Set, signing: Vec<Pair>, decrypting: Vec<Pair>) -> Result<TokenKeys, KeyError> {
        let role = CertificateType::TokenSigning;
        let listed = set.of(role).iter().zip(&signing).enumerate();
        let listed = listed.map(|(at, (entry, pair))| {
            ListedCertificate::new(role, at, entry, pair.certificate.clone())
        });
        let listed = listed.collect();
        // The set is never empty.
        let Pair { key, certificate } = signing.into_iter().next().ok_or(KeyError::SelfTest)?;
        let key = SigningKey::new(key, certificate.x509()).map_err(|source| KeyError::Signing {
            certificate: certificate.thumbprint().to_owned(),
            source,
        })?;
        Ok(TokenKeys {
            set,
            token_signing: Arc::new(TokenSigning { key, certificate }),
            signing: listed,
            decrypting: decrypting_of(decrypting),
        })
    }
}

fn decrypting_of(pairs: Vec<Pair>) -> Vec<Arc<TokenDecrypting>> {
    let keys = pairs.into_iter().map(|pair| {
        Arc::new(TokenDecrypting {
            key: pair.key,
            certificate: pair.certificate,
        })
    });
    keys.collect()
}
