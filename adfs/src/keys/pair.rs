//! A certificate and its private key on disk: `token-signing.pem` beside `token-signing.key`, the key sealed.

use std::path::{Path, PathBuf};
use std::thread;

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::certificate::{self, Certificate, CertificateType};
use super::files::{self, Readers};
use super::seal::Seal;
use super::{KeyError, SealError};

/// One pair.
pub(super) struct Pair {
    pub(super) key: PKey<Private>,
    pub(super) certificate: Certificate,
}

/// Both pairs. Those that are missing are made at the same time, since finding primes takes long.
pub(super) fn load_or_make(
    folder: &Path,
    host_name: &str,
    seal: &Seal,
    now: OffsetDateTime,
) -> Result<(Pair, Pair), KeyError> {
    let one = |role| match load(folder, role, seal)? {
        Some(pair) => Ok(pair),
        None => make(folder, role, host_name, seal, now),
    };
    thread::scope(|scope| {
        let decrypting = scope.spawn(|| one(CertificateType::TokenDecrypting));
        let signing = one(CertificateType::TokenSigning)?;
        let decrypting = decrypting
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((signing, decrypting))
    })
}

/// Whether a certificate was made here before.
pub(super) fn exists(folder: &Path) -> bool {
    CertificateType::ALL
        .into_iter()
        .any(|role| certificate_path(folder, role).exists())
}

/// The certificate alone.
pub(super) fn certificate(folder: &Path, role: CertificateType) -> Result<Certificate, KeyError> {
    let path = certificate_path(folder, role);
    read_certificate(&path)?.ok_or(KeyError::NoCertificate { path })
}

fn load(folder: &Path, role: CertificateType, seal: &Seal) -> Result<Option<Pair>, KeyError> {
    let certificate_path = certificate_path(folder, role);
    // The key is written first, so a key without a certificate has never been used.
    let Some(certificate) = read_certificate(&certificate_path)? else {
        return Ok(None);
    };
    let path = key_path(folder, role);
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

fn make(
    folder: &Path,
    role: CertificateType,
    host_name: &str,
    seal: &Seal,
    now: OffsetDateTime,
) -> Result<Pair, KeyError> {
    let (key, x509) = certificate::make(role, host_name, now)?;
    let der = Zeroizing::new(key.private_key_to_pkcs8()?);
    let sealed = seal
        .seal(&purpose(role), &der)
        .map_err(|error| match error {
            SealError::Library(error) => KeyError::Library(error),
            SealError::NotOurs | SealError::TooLong(_) => KeyError::SelfTest,
        })?;
    let certificate = Certificate::new(x509)?;
    // A key whose certificate is gone may still be wanted: its certificate can come back from a backup.
    if let Some(aside) = files::move_aside(&key_path(folder, role), now)? {
        tracing::error!(
            key = %aside.display(),
            "the certificate of a key is missing; the key was put aside and a new pair made, which partners do not know"
        );
    }
    tracing::warn!(certificate = %certificate_path(folder, role).display(), "a key pair was made");
    files::create(
        &key_path(folder, role),
        &format!("{sealed}\n"),
        Readers::Owner,
    )?;
    files::create(
        &certificate_path(folder, role),
        &certificate.to_pem()?,
        Readers::Everyone,
    )?;
    Ok(Pair { key, certificate })
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

fn certificate_path(folder: &Path, role: CertificateType) -> PathBuf {
    folder.join(role.file_stem()).with_extension("pem")
}

fn key_path(folder: &Path, role: CertificateType) -> PathBuf {
    folder.join(role.file_stem()).with_extension("key")
}

/// A key that was put in the other's file does not open.
fn purpose(role: CertificateType) -> String {
    format!("private key of {}", role.file_stem())
}
