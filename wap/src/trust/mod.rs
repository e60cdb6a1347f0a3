//! The trust certificate: by it the federation server knows this proxy (spec proxy-integration 1.4).

mod certificate;
mod files;

use std::io;
use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use thiserror::Error;
use time::OffsetDateTime;

pub use files::StateFolder;

/// Life of a certificate that is made before the server could tell its wish: its default, 15 days, in minutes.
pub const DEFAULT_LIFETIME_MINUTES: u32 = 21_600;

/// Why there is no trust certificate.
#[derive(Debug, Error)]
pub enum TrustError {
    /// A file does not serve.
    #[error("{}: {doing} failed ({source}); check that the folder exists and belongs to the user that runs wap", path.display())]
    File {
        /// File.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The file has something else in it.
    #[error("{}: no private key and certificate that belong together ({reason}); run `wap install` again", path.display())]
    Damaged {
        /// File.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Nothing is there.
    #[error("{}: there is no trust with the federation service yet; run `wap install` first", path.display())]
    Absent {
        /// File.
        path: PathBuf,
    },
    /// The cryptographic library failed.
    #[error("a trust certificate cannot be made: {0}")]
    Library(#[from] ErrorStack),
}

/// Key and certificate.
#[derive(Clone)]
pub struct TrustIdentity {
    key: PKey<Private>,
    certificate: X509,
}

impl TrustIdentity {
    /// Makes a new key and a self-signed certificate for client authentication, with a life of `minutes` from `now`.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn make(
        machine: &str,
        minutes: u32,
        now: OffsetDateTime,
    ) -> Result<TrustIdentity, TrustError> {
        Ok(certificate::make(machine, minutes, now)?)
    }

    /// Reads PEM with both parts.
    ///
    /// # Errors
    /// Says which part is absent or wrong.
    pub fn from_pem(pem: &[u8]) -> Result<TrustIdentity, String> {
        let key = PKey::private_key_from_pem(pem).map_err(|_| "it holds no private key")?;
        let certificate = X509::from_pem(pem).map_err(|_| "it holds no certificate")?;
        let public = certificate
            .public_key()
            .map_err(|_| "the certificate has no public key")?;
        if !public.public_eq(&key) {
            return Err("the key is not the certificate's".to_owned());
        }
        Ok(TrustIdentity { key, certificate })
    }

    /// Key and certificate as one PEM text, so that both are replaced at once. Holds the private key.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn to_pem(&self) -> Result<zeroize::Zeroizing<Vec<u8>>, TrustError> {
        let mut pem = zeroize::Zeroizing::new(self.key.private_key_to_pem_pkcs8()?);
        pem.extend_from_slice(&self.certificate.to_pem()?);
        Ok(pem)
    }

    /// DER of the certificate.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn der(&self) -> Result<Vec<u8>, TrustError> {
        Ok(self.certificate.to_der()?)
    }

    /// The certificate.
    pub fn certificate(&self) -> &X509 {
        &self.certificate
    }

    /// Its key.
    pub fn key(&self) -> &PKey<Private> {
        &self.key
    }

    /// First and last moment of its life.
    pub fn validity(&self) -> Option<(OffsetDateTime, OffsetDateTime)> {
        let first = certificate::moment(self.certificate.not_before())?;
        Some((first, certificate::moment(self.certificate.not_after())?))
    }

    /// SHA-256 of the certificate, in hexadecimal, for people.
    pub fn thumbprint(&self) -> String {
        let digest = self
            .certificate
            .digest(openssl::hash::MessageDigest::sha256());
        digest
            .map(|octets| octets.iter().map(|octet| format!("{octet:02x}")).collect())
            .unwrap_or_default()
    }
}

impl std::fmt::Debug for TrustIdentity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("TrustIdentity")
            .field("thumbprint", &self.thumbprint())
            .finish_non_exhaustive()
    }
}

fn file_error(path: &Path, doing: &'static str, source: io::Error) -> TrustError {
    TrustError::File {
        path: path.to_owned(),
        doing,
        source,
    }
}
