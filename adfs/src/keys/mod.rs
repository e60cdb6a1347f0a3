//! Token-signing and token-decrypting certificates, and the seal of what travels through browsers or rests on disk
//! (spec security 4, spec passive-sign-in 9).
//!
//! One service key, in a file that only the service may read, stands above all: it seals the private keys in the key
//! folder and the state that browsers carry. It and the certificates are made at the first start.

mod certificate;
mod change;
mod error;
pub mod expiry;
mod files;
mod lab;
mod pair;
mod pkcs11;
mod plan;
mod rollover;
mod seal;
mod service_key;
mod set;
pub mod sightings;
mod token_keys;

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use time::{Duration, OffsetDateTime};

pub use certificate::{Certificate, CertificateType};
pub use change::{Change, RolledOver, RolloverEvent};
pub use error::{KeyError, SealError};
pub use plan::{Plan, PlannedCertificate};
pub use rollover::PlannedStep;
pub use token_keys::{ListedCertificate, TokenDecrypting, TokenKeys, TokenSigning};

use crate::clock::Clock;
use crate::config::{Configuration, Pkcs11Settings};
use pkcs11::Pkcs11Certificates;
use seal::Seal;
use service_key::ServiceKeys;
use set::Set;

/// Where keys are, and for which service.
#[derive(Debug, Clone)]
struct Settings {
    service_key: PathBuf,
    folder: PathBuf,
    host_name: String,
    lab: bool,
    /// Validity of new certificates.
    duration: Duration,
    /// Where the token-signing key is, if not in the folder.
    pkcs11: Option<Pkcs11Settings>,
}

impl Settings {
    fn of(configuration: &Configuration) -> Settings {
        Settings {
            service_key: configuration.keys.service_key.clone(),
            folder: configuration.keys.folder.clone(),
            host_name: configuration.service.host_name.clone(),
            lab: configuration.service.lab_keys,
            duration: configuration.properties.certificate_rollover.duration,
            pkcs11: configuration.keys.pkcs11.clone(),
        }
    }
}

/// The keys of a running server. What signs and decrypts can change while it runs.
#[derive(Debug)]
pub struct Keys {
    lab: bool,
    seal: Seal,
    settings: Settings,
    pkcs11: Option<Pkcs11Certificates>,
    current: ArcSwap<TokenKeys>,
}

impl Keys {
    /// Reads the keys that `configuration` names, and makes those that have never been there.
    ///
    /// # Errors
    /// [`KeyError`], which names the file and the remedy.
    pub fn load(configuration: &Configuration, clock: &Clock) -> Result<Keys, KeyError> {
        Keys::load_from(&Settings::of(configuration), clock.now())
    }

    /// Whether the keys that are there may serve under `configuration`. Makes nothing and opens no key.
    ///
    /// # Errors
    /// [`KeyError`], which names the file and the remedy.
    pub fn inspect(configuration: &Configuration) -> Result<(), KeyError> {
        let settings = Settings::of(configuration);
        let known = ServiceKeys::load(&settings.service_key)?;
        let lab = settings.lab || known.is_some_and(|keys| keys.are_lab_keys());
        lab::check(&settings.host_name, lab)
    }

    fn load_from(settings: &Settings, now: OffsetDateTime) -> Result<Keys, KeyError> {
        lab::check(&settings.host_name, settings.lab)?;
        let _lock = files::lock(&settings.folder)?;
        let service_keys = match ServiceKeys::load(&settings.service_key)? {
            Some(keys) => keys,
            None if pair::exists(&settings.folder) => {
                let (path, folder) = (settings.service_key.clone(), settings.folder.clone());
                return Err(KeyError::ServiceKeyMissing { path, folder });
            }
            None => ServiceKeys::make(&settings.service_key, settings.lab)?,
        };
        let lab = settings.lab || service_keys.are_lab_keys();
        lab::check(&settings.host_name, lab)?;
        let seal = Seal::new(service_keys)?;
        let pkcs11 = match &settings.pkcs11 {
            Some(settings) => Some(Pkcs11Certificates::open(settings)?),
            None => None,
        };
        let current = TokenKeys::load_or_make(settings, &seal, now, pkcs11.as_ref())?;
        Ok(Keys {
            pkcs11,
            lab,
            seal,
            settings: settings.clone(),
            current: ArcSwap::from_pointee(current),
        })
    }

    /// Whether these keys may go on serving under another configuration.
    ///
    /// # Errors
    /// [`KeyError::LabKeys`] when they are a lab's and the name no longer is; [`KeyError::Pkcs11Changed`] for another key
    /// in a token, which only a start opens.
    pub fn check(&self, configuration: &Configuration) -> Result<(), KeyError> {
        if self.settings.pkcs11 != configuration.keys.pkcs11 {
            return Err(KeyError::Pkcs11Changed);
        }
        lab::check(&configuration.service.host_name, self.lab)
    }

    /// Keys in an empty folder, for tests of what uses them.
    #[cfg(test)]
    pub(crate) fn in_folder(folder: &std::path::Path, now: OffsetDateTime) -> Keys {
        let settings = Settings {
            service_key: folder.join("service.key"),
            folder: folder.join("keys"),
            host_name: "sts.contoso.test".to_owned(),
            lab: false,
            duration: Duration::days(365),
            pkcs11: None,
        };
        Keys::load_from(&settings, now).expect("keys")
    }

    /// The certificates in the key folder, the primary one of each role first, read without any private key. For commands
    /// beside a running server.
    ///
    /// # Errors
    /// [`KeyError`]; most often that the server has not been started yet, so that there is none.
    pub fn certificates(
        configuration: &Configuration,
    ) -> Result<Vec<(CertificateType, Certificate)>, KeyError> {
        let listed = Keys::listed(configuration)?;
        let pairs = listed
            .into_iter()
            .map(|listed| (listed.role, listed.certificate));
        Ok(pairs.collect())
    }

    /// [`Keys::certificates`] with what is known of each.
    ///
    /// # Errors
    /// As [`Keys::certificates`].
    pub fn listed(configuration: &Configuration) -> Result<Vec<ListedCertificate>, KeyError> {
        let folder = &configuration.keys.folder;
        match &configuration.keys.pkcs11 {
            None => Keys::listed_in(folder, &CertificateType::ALL),
            Some(settings) => {
                let mut listed = pkcs11::listed(settings)?;
                listed.extend(Keys::listed_in(
                    folder,
                    &[CertificateType::TokenDecrypting],
                )?);
                Ok(listed)
            }
        }
    }

    fn listed_in(
        folder: &std::path::Path,
        roles: &[CertificateType],
    ) -> Result<Vec<ListedCertificate>, KeyError> {
        let set = Set::read(folder)?;
        let mut listed = Vec::new();
        for role in roles.iter().copied() {
            for (at, entry) in set.of(role).iter().enumerate() {
                let certificate = pair::certificate(folder, entry)?;
                listed.push(ListedCertificate::new(role, at, entry, certificate));
            }
        }
        Ok(listed)
    }

    /// The set in use, for what must not change within one answer.
    pub fn current(&self) -> Arc<TokenKeys> {
        self.current.load_full()
    }

    /// What tokens are signed with now.
    pub fn token_signing(&self) -> Arc<TokenSigning> {
        Arc::clone(self.current.load().token_signing())
    }

    /// All token-signing certificates, the primary one first: partners must know each of them.
    pub fn signing_certificates(&self) -> Vec<Certificate> {
        self.current
            .load()
            .signing_certificates()
            .cloned()
            .collect()
    }

    /// All token-decrypting certificates with their keys, the primary one first. Tokens for us may be encrypted to any;
    /// partners are told the first.
    pub fn decrypting_keys(&self) -> Vec<Arc<TokenDecrypting>> {
        self.current.load().decrypting_keys().to_vec()
    }

    /// Encrypts `plain` so that only this service can read it, and only for the same `purpose`. The result is letters,
    /// digits, `-` and `_`, fit for a cookie or a URL.
    ///
    /// # Errors
    /// [`SealError::TooLong`], or when the cryptographic library fails.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<String, SealError> {
        self.seal.seal(purpose, plain)
    }

    /// Opens what [`Keys::seal`] made for the same purpose.
    ///
    /// # Errors
    /// [`SealError::NotOurs`] for everything else, without saying what is wrong with it.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        self.seal.open(purpose, sealed)
    }

    /// A name of 32 octets for `data` that only this service can compute: the same for the same `purpose` and `data` as
    /// long as the oldest service key is kept.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn pseudonym(
        &self,
        purpose: &str,
        data: &[u8],
    ) -> Result<Vec<u8>, openssl::error::ErrorStack> {
        self.seal.pseudonym(purpose, data)
    }
}

#[cfg(test)]
mod pkcs11_tests;
#[cfg(test)]
mod rollover_tests;
#[cfg(test)]
mod tests;
