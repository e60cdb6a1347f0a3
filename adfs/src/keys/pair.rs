//! A certificate and its private key on disk: `NAME.pem` beside `NAME.key`, the key sealed.

use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::certificate::{self, Certificate, CertificateType};
use super::files::{self, Readers};
use super::seal::Seal;
use super::set::Entry;
use super::{KeyError, SealError};

/// End of the name of a certificate's file.
pub(super) const CERTIFICATE_SUFFIX: &str = ".pem";
const KEY_SUFFIX: &str = ".key";

/// One pair.
pub(super) struct Pair {
    pub(super) key: PKey<Private>,
    pub(super) certificate: Certificate,
}

impl Pair {
    /// A new one, nowhere but in memory.
    pub(super) fn new(
        role: CertificateType,
        host_name: &str,
        now: OffsetDateTime,
        duration: Duration,
    ) -> Result<Pair, KeyError> {
        let (key, x509) = certificate::make(role, host_name, now, duration)?;
        Ok(Pair {
            key,
            certificate: Certificate::new(x509)?,
        })
    }

    /// Reads the pair `name`; `None` when there is no such certificate.
    pub(super) fn load(
        folder: &Path,
        role: CertificateType,
        name: &str,
        seal: &Seal,
    ) -> Result<Option<Pair>, KeyError> {
        let certificate_path = certificate_path(folder, name);
        // The key is written first, so a key without a certificate has never been used.
        let Some(certificate) = read_certificate(&certificate_path)? else {
            return Ok(None);
        };
        let path = key_path(folder, name);
        let Some(sealed) = files::read(&path, Readers::Owner)? else {
            return Err(KeyError::KeyMissing {
                path,
                certificate: certificate_path,
            });
        };
        let opened = seal
            .open(&purpose(role), sealed.trim_end())
            .map(Zeroizing::new);
        let key = opened
            .ok()
            .and_then(|der| PKey::private_key_from_pkcs8(&der).ok())
            .ok_or(KeyError::Sealed { path })?;
        if !certificate.x509().public_key()?.public_eq(&key) {
            return Err(KeyError::Mismatch {
                path: certificate_path,
            });
        }
        Ok(Some(Pair { key, certificate }))
    }

    /// Writes both files: first the key, then the certificate that makes it count.
    pub(super) fn store(
        &self,
        folder: &Path,
        role: CertificateType,
        name: &str,
        seal: &Seal,
        now: OffsetDateTime,
    ) -> Result<(), KeyError> {
        let der = Zeroizing::new(self.key.private_key_to_pkcs8()?);
        let sealed = seal
            .seal(&purpose(role), &der)
            .map_err(|error| match error {
                SealError::Library(error) => KeyError::Library(error),
                SealError::NotOurs | SealError::TooLong(_) => KeyError::SelfTest,
            })?;
        // A key whose certificate is gone may still be wanted: its certificate can come back from a backup.
        if let Some(aside) = files::move_aside(&key_path(folder, name), now)? {
            tracing::error!(
                key = %aside.display(),
                "the certificate of a key is missing; the key was put aside and a new pair made, which partners do not know"
            );
        }
        tracing::warn!(certificate = %certificate_path(folder, name).display(), "a key pair was made");
        files::create(
            &key_path(folder, name),
            &format!("{sealed}\n"),
            Readers::Owner,
        )?;
        files::create(
            &certificate_path(folder, name),
            &self.certificate.to_pem()?,
            Readers::Everyone,
        )
    }
}

/// Whether certificates were made here before.
pub(super) fn exists(folder: &Path) -> bool {
    CertificateType::ALL
        .into_iter()
        .any(|role| certificate_path(folder, role.file_stem()).exists())
        || super::set::path(folder).exists()
}

/// The certificate alone.
pub(super) fn certificate(folder: &Path, entry: &Entry) -> Result<Certificate, KeyError> {
    let path = certificate_path(folder, &entry.file);
    read_certificate(&path)?.ok_or(KeyError::NoCertificate { path })
}

/// Removes both files, the certificate first, so that what a crash leaves is a key that counts for nothing.
pub(super) fn remove(folder: &Path, name: &str) -> Result<(), KeyError> {
    files::remove(&certificate_path(folder, name))?;
    files::remove(&key_path(folder, name))
}

fn read_certificate(path: &Path) -> Result<Option<Certificate>, KeyError> {
    let Some(pem) = files::read(path, Readers::Everyone)? else {
        return Ok(None);
    };
    let certificate = X509::from_pem(pem.as_bytes()).and_then(Certificate::new);
    certificate
        .map(Some)
        .map_err(|_: ErrorStack| KeyError::Certificate {
            path: path.to_owned(),
        })
}

fn certificate_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}{CERTIFICATE_SUFFIX}"))
}

fn key_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}{KEY_SUFFIX}"))
}

/// A key that was put in the other role's file does not open.
fn purpose(role: CertificateType) -> String {
    format!("private key of {}", role.file_stem())
}
