//! A token-signing key in a hardware security module, by PKCS#11 2.40. The key never leaves it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use federation::signature::{RemoteSigner, RemoteSignerError, SigningKey};
use openssl::x509::X509;

use super::{Certificate, CertificateType, KeyError, ListedCertificate, TokenSigning};
use crate::config::Pkcs11Settings;

/// Sessions that wait for the next signature. More are opened when more sign at once.
const MAX_IDLE: usize = 16;

/// The token-signing certificates of a configuration whose key is in a token.
#[derive(Debug, Clone)]
pub(super) struct Pkcs11Certificates {
    pub(super) token_signing: Arc<TokenSigning>,
    pub(super) listed: Vec<ListedCertificate>,
}

impl Pkcs11Certificates {
    /// Opens the token and tries the key out.
    pub(super) fn open(settings: &Pkcs11Settings) -> Result<Pkcs11Certificates, KeyError> {
        let listed = listed(settings)?;
        let certificate = listed.first().map(|one| one.certificate.clone());
        let certificate = certificate.ok_or(KeyError::SelfTest)?;
        let key = Pkcs11Key::open(settings)?;
        let key = SigningKey::remote(Box::new(key), certificate.x509()).map_err(|source| {
            KeyError::Signing {
                certificate: certificate.thumbprint().to_owned(),
                source,
            }
        })?;
        Ok(Pkcs11Certificates {
            token_signing: Arc::new(TokenSigning::new(key, certificate)),
            listed,
        })
    }
}

/// The certificates that the settings name, the primary one first. Needs neither the token nor its PIN.
pub(super) fn listed(settings: &Pkcs11Settings) -> Result<Vec<ListedCertificate>, KeyError> {
    let files = std::iter::once(&settings.certificate).chain(&settings.secondary_certificates);
    let mut listed = Vec::new();
    for (at, path) in files.enumerate() {
        let octets = std::fs::read(path).map_err(|source| KeyError::File {
            path: path.clone(),
            what: "read",
            source,
        })?;
        let x509 = X509::from_pem(&octets).or_else(|_| X509::from_der(&octets));
        let certificate = x509
            .and_then(Certificate::new)
            .map_err(|_| KeyError::Certificate { path: path.clone() })?;
        listed.push(ListedCertificate {
            role: CertificateType::TokenSigning,
            primary: at == 0,
            published: certificate.not_before(),
            certificate,
        });
    }
    Ok(listed)
}

/// The key. Sessions are not shared: each signature takes one for itself.
struct Pkcs11Key {
    context: Pkcs11,
    slot: Slot,
    settings: Pkcs11Settings,
    idle: Mutex<Vec<Ready>>,
    /// Modules lock a PIN after a few wrong ones, so a wrong one is tried once.
    pin_refused: AtomicBool,
}

/// A session that has found the key.
struct Ready {
    session: Session,
    key: ObjectHandle,
}

impl Pkcs11Key {
    fn open(settings: &Pkcs11Settings) -> Result<Pkcs11Key, KeyError> {
        let failed = |what| {
            let module = settings.module.clone();
            move |error: Error| KeyError::Pkcs11 {
                module,
                what,
                reason: error.to_string(),
            }
        };
        let context = Pkcs11::new(&settings.module).map_err(failed("load the module"))?;
        match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // Another key of this process has done so.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed("start the module")(error)),
        }
        let slots = context
            .get_slots_with_token()
            .map_err(failed("list the tokens"))?;
        let mut found = None;
        for slot in slots {
            let info = context
                .get_token_info(slot)
                .map_err(failed("look at a token"))?;
            if info.label().trim_end() == settings.token_label {
                if found.is_some() {
                    return Err(KeyError::Pkcs11Token {
                        label: settings.token_label.clone(),
                        count: "several tokens have",
                    });
                }
                found = Some(slot);
            }
        }
        let slot = found.ok_or_else(|| KeyError::Pkcs11Token {
            label: settings.token_label.clone(),
            count: "no token has",
        })?;
        let key = Pkcs11Key {
            context,
            slot,
            settings: settings.clone(),
            idle: Mutex::new(Vec::new()),
            pin_refused: AtomicBool::new(false),
        };
        let ready = key.ready().map_err(|error| KeyError::Pkcs11 {
            module: settings.module.clone(),
            what: "open the key",
            reason: error.to_string(),
        })?;
        key.give_back(ready);
        Ok(key)
    }

    /// A new session that is logged in and has found the key.
    fn ready(&self) -> Result<Ready, RemoteSignerError> {
        if self.pin_refused.load(Ordering::Relaxed) {
            return Err(RemoteSignerError(
                "the token has refused the PIN; correct it and restart the service".to_owned(),
            ));
        }
        let session = self.context.open_ro_session(self.slot).map_err(failed)?;
        let pin = AuthPin::new(self.settings.pin.expose().into());
        match session.login(UserType::User, Some(&pin)) {
            // All sessions of a process are logged in at once.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => {
                if matches!(
                    error,
                    Error::Pkcs11(RvError::PinIncorrect | RvError::PinLocked, _)
                ) {
                    self.pin_refused.store(true, Ordering::Relaxed);
                }
                return Err(failed(error));
            }
        }
        let wanted = [
            Attribute::Class(ObjectClass::PRIVATE_KEY),
            Attribute::Label(self.settings.key_label.as_bytes().to_vec()),
        ];
        let found = session.find_objects(&wanted).map_err(failed)?;
        match found.as_slice() {
            [key] => Ok(Ready { key: *key, session }),
            keys => Err(RemoteSignerError(format!(
                "the token has {} private keys with the label {:?}, where one is needed",
                keys.len(),
                self.settings.key_label
            ))),
        }
    }

    fn idle(&self) -> Option<Ready> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop()
    }

    fn give_back(&self, ready: Ready) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(ready);
        }
    }

    fn sign_with(&self, ready: Ready, digest_info: &[u8]) -> Result<Vec<u8>, RemoteSignerError> {
        let signature = ready
            .session
            .sign(&Mechanism::RsaPkcs, ready.key, digest_info)
            .map_err(failed)?;
        self.give_back(ready);
        Ok(signature)
    }
}

impl RemoteSigner for Pkcs11Key {
    fn sign_digest_info(&self, digest_info: &[u8]) -> Result<Vec<u8>, RemoteSignerError> {
        if let Some(ready) = self.idle()
            && let Ok(signature) = self.sign_with(ready, digest_info)
        {
            return Ok(signature);
        }
        // A session that had waited may have been ended by the module; those that wait are of the same age.
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.sign_with(self.ready()?, digest_info)
    }
}

fn failed(error: Error) -> RemoteSignerError {
    RemoteSignerError(error.to_string())
}

impl fmt::Debug for Pkcs11Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pkcs11Key")
            .field("token", &self.settings.token_label)
            .field("key", &self.settings.key_label)
            .finish_non_exhaustive()
    }
}
