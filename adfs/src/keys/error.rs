//! What can be wrong with keys.

use std::io;
use std::path::PathBuf;

use federation::signature::SigningKeyError;
use openssl::error::ErrorStack;
use thiserror::Error;

/// Why keys cannot be used, which keeps the server from starting.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file system.
    #[error(
        "{path}: cannot {what} this key file: {source}; the service's user needs access to the key folder"
    )]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// Others can read or replace it.
    #[error(
        "{path}: others than its owner can {what}; take that away with `chmod {remedy}` and start again"
    )]
    Exposed {
        /// Which file or folder.
        path: PathBuf,
        /// What others can do.
        what: &'static str,
        /// Argument for `chmod`.
        remedy: &'static str,
    },
    /// Another user made it.
    #[error(
        "{path}: the file belongs to another user, who may know what is in it; restore it from a backup, or `chown` it to the user of this service if it was copied here"
    )]
    Owner {
        /// Which file.
        path: PathBuf,
    },
    /// The service key file holds something else.
    #[error(
        "{path}: line {line} is no service key; restore the file from a backup, since without it no stored key can be opened"
    )]
    ServiceKey {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// Keys, but not the one that opens them.
    #[error(
        "{path}: the service key is missing, and without it the keys in {folder} cannot be opened; restore it from a backup"
    )]
    ServiceKeyMissing {
        /// The file that is missing.
        path: PathBuf,
        /// The key folder.
        folder: PathBuf,
    },
    /// A certificate whose key file is missing.
    #[error(
        "{path}: the private key of {certificate} is missing; restore it from a backup, or remove the certificate to have a new \
         pair made, which every partner must then be told"
    )]
    KeyMissing {
        /// The file that is missing.
        path: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// A key that the service key does not open.
    #[error(
        "{path}: this private key was not sealed under the present service key, or was changed since; restore both from one backup"
    )]
    Sealed {
        /// Which file.
        path: PathBuf,
    },
    /// A file of another format.
    #[error("{path}: this is no certificate in PEM; restore the file from a backup")]
    Certificate {
        /// Which file.
        path: PathBuf,
    },
    /// The list of certificates holds something else.
    #[error("{path}: this is no list of token certificates; restore the key folder from a backup")]
    Set {
        /// Which file.
        path: PathBuf,
    },
    /// Certificates of later generations, but no list that says which of them are in use.
    #[error(
        "{path}: the list of token certificates is missing although certificates were replaced here before; restore it from a \
         backup of the key folder"
    )]
    SetMissing {
        /// The file that is missing.
        path: PathBuf,
    },
    /// A command names a certificate that is not there.
    #[error(
        "there is no {role} certificate with the thumbprint {thumbprint}; `adfs certificate list` shows those there are"
    )]
    Unknown {
        /// `CertificateType`.
        role: &'static str,
        /// As given.
        thumbprint: String,
    },
    /// The primary certificate cannot be removed.
    #[error(
        "{thumbprint} is the primary {role} certificate and cannot be removed; make another one primary first"
    )]
    Primary {
        /// `CertificateType`.
        role: &'static str,
        /// Which.
        thumbprint: String,
    },
    /// A role has as many certificates as it may have.
    #[error("there are {count} {role} certificates already; remove one first")]
    TooMany {
        /// `CertificateType`.
        role: &'static str,
        /// How many.
        count: usize,
    },
    /// A certificate was given twice.
    #[error("the {role} certificate {thumbprint} is there already")]
    Present {
        /// `CertificateType`.
        role: &'static str,
        /// Which.
        thumbprint: String,
    },
    /// A key that was given is none.
    #[error("the private key cannot be read: it must be PEM, not encrypted: {0}")]
    GivenKey(ErrorStack),
    /// A certificate that was given is none.
    #[error("the certificate cannot be read: it must be PEM: {0}")]
    GivenCertificate(ErrorStack),
    /// What was given does not serve.
    #[error("the certificate and key cannot be used: {0}")]
    Given(SigningKeyError),
    /// No certificate yet.
    #[error(
        "{path}: there is no such certificate yet; it is made when `adfs serve` starts for the first time"
    )]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// Key and certificate are not of one pair.
    #[error(
        "{path}: this certificate belongs to another key than the one beside it; restore both from one backup"
    )]
    Mismatch {
        /// The certificate's file.
        path: PathBuf,
    },
    /// The key does not serve for signing.
    #[error("the token-signing certificate {certificate} cannot be used: {source}")]
    Signing {
        /// Thumbprint.
        certificate: String,
        /// Why.
        source: SigningKeyError,
    },
    /// A PKCS#11 module.
    #[error("the PKCS#11 module {module} cannot {what}: {reason}")]
    Pkcs11 {
        /// Its file.
        module: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        reason: String,
    },
    /// A token of a PKCS#11 module.
    #[error(
        "{count} the label {label:?}; set keys.pkcs11.token_label to that of the token with the key"
    )]
    Pkcs11Token {
        /// What was looked for.
        label: String,
        /// How many there are.
        count: &'static str,
    },
    /// A change of certificates whose key is in a token.
    #[error(
        "the token-signing key is in a PKCS#11 token, so its certificates are yours: name them under [keys.pkcs11] and \
         restart the service"
    )]
    Pkcs11Manual,
    /// Another key while the server runs.
    #[error("[keys.pkcs11] has changed; restart the service to use that key")]
    Pkcs11Changed,
    /// Keys of a lab for a name that others could rely on.
    #[error(
        "these are the keys of a lab, and {host_name} is no lab's name; lab keys serve names below .localhost, .test, .example \
         and .invalid only. Set service.lab_keys to false and name an empty key folder and a new service key file"
    )]
    LabKeys {
        /// Federation service name.
        host_name: String,
    },
    /// The start-up self-test.
    #[error(
        "the seal does not open what it sealed; the cryptographic library cannot be trusted on this machine"
    )]
    SelfTest,
    /// The cryptographic library.
    #[error("the cryptographic library failed while making keys: {0}")]
    Library(#[from] ErrorStack),
}

/// Why something cannot be sealed or opened.
#[derive(Debug, Error)]
pub enum SealError {
    /// Tampered with, cut off, for another purpose or of another service.
    #[error("this value was not sealed here for this purpose")]
    NotOurs,
    /// More than can be sealed.
    #[error("{0} bytes are too much to be sealed")]
    TooLong(usize),
    /// The cryptographic library.
    #[error("the cryptographic library failed while sealing: {0}")]
    Library(#[from] ErrorStack),
}
