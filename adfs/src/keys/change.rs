//! Changes of the set of certificates: by rollover or by an administrator's command.
//!
//! Every change happens under the lock of the key folder, on what is on disk then, so several processes on one folder
//! never undo each other's. Files come first and the list that names them last; see [`super::set`].

use federation::signature::SigningKey;
use openssl::pkey::PKey;
use openssl::x509::X509;
use time::OffsetDateTime;

use super::pair::{self, Pair};
use super::rollover::{self, Life, Step};
use super::set::{self, Entry, MAX_CERTIFICATES, Set};
use super::{Certificate, CertificateType, KeyError, Keys, ListedCertificate, TokenKeys, files};
use crate::config::CertificateRollover;

/// More steps than a rollover that is long overdue takes.
const MAX_STEPS: usize = 2 * MAX_CERTIFICATES;

/// What an administrator asks for.
pub enum Change<'a> {
    /// Make a successor of the primary certificate now, unless there is one (Update-AdfsCertificate).
    Announce(CertificateType),
    /// Make a new certificate the primary one at once, and forget all but the one before it
    /// (Update-AdfsCertificate -Urgent). Done twice, a key that others know is out of use.
    Urgent(CertificateType),
    /// Take a certificate that was made elsewhere (Add-AdfsCertificate).
    Add {
        /// For what.
        role: CertificateType,
        /// PEM.
        certificate: &'a [u8],
        /// PEM, not encrypted.
        private_key: &'a [u8],
        /// Whether it is to be the primary one.
        primary: bool,
    },
    /// Make a secondary certificate the primary one (Set-AdfsCertificate -IsPrimary).
    SetPrimary(CertificateType, &'a str),
    /// Forget a secondary certificate and its key (Remove-AdfsCertificate).
    Remove(CertificateType, &'a str),
}

impl Change<'_> {
    const fn role(&self) -> CertificateType {
        match *self {
            Change::Announce(role)
            | Change::Urgent(role)
            | Change::Add { role, .. }
            | Change::SetPrimary(role, _)
            | Change::Remove(role, _) => role,
        }
    }
}

/// What happened to a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledOver {
    /// What the certificate is for.
    pub role: CertificateType,
    /// Which.
    pub thumbprint: String,
    /// What happened.
    pub event: RolloverEvent,
}

/// See [`RolledOver`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolloverEvent {
    /// It is published as secondary certificate.
    Published,
    /// It is the primary certificate now.
    Promoted {
        /// Whether partners had too little time to learn of it.
        urgent: bool,
    },
    /// It is no longer published.
    Retired,
}

impl Keys {
    /// Does what is due at `now`, and takes what other processes did. `is_held` says whether the token-signing certificate
    /// with a thumbprint must not become primary yet. Finding primes takes long: call it where it is allowed to block.
    ///
    /// # Errors
    /// [`KeyError`]. What was done before the error stays done, and what was in use stays usable.
    pub fn roll_over(
        &self,
        rollover: &CertificateRollover,
        now: OffsetDateTime,
        is_held: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<RolledOver>, KeyError> {
        self.edit(|draft| {
            let mut events = Vec::new();
            if !rollover.automatic || draft.keys.pkcs11.is_some() {
                return Ok(events);
            }
            for role in CertificateType::ALL {
                for _ in 0..MAX_STEPS {
                    let lives = draft.lives(role)?;
                    let held = role == CertificateType::TokenSigning
                        && match rollover::successor_of(&lives) {
                            Some(at) => is_held(&draft.thumbprint(role, at)?),
                            None => false,
                        };
                    let Some(step) = rollover::next_step(&lives, rollover, now, held) else {
                        break;
                    };
                    events.push(draft.take_step(role, step, rollover, now)?);
                }
            }
            Ok(events)
        })
    }

    /// Does what an administrator asks for. A running server takes it by [`Keys::refresh`].
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn change(
        &self,
        change: &Change<'_>,
        rollover: &CertificateRollover,
        now: OffsetDateTime,
    ) -> Result<Vec<RolledOver>, KeyError> {
        if self.pkcs11.is_some() && change.role() == CertificateType::TokenSigning {
            return Err(KeyError::Pkcs11Manual);
        }
        self.edit(|draft| draft.change(change, rollover, now))
    }

    /// Takes the set on disk, if it is another one. True when it was.
    ///
    /// # Errors
    /// [`KeyError`]; the old set stays in use then.
    pub fn refresh(&self, now: OffsetDateTime) -> Result<bool, KeyError> {
        if Set::read(&self.settings.folder)? == self.current.load().set {
            return Ok(false);
        }
        let _lock = files::lock(&self.settings.folder)?;
        self.take(now).map(|()| true)
    }

    /// Makes changes on disk and takes the result, also when one of several failed.
    fn edit<T>(
        &self,
        edit: impl FnOnce(&mut Draft<'_>) -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        let _lock = files::lock(&self.settings.folder)?;
        let mut draft = Draft {
            keys: self,
            set: Set::read(&self.settings.folder)?,
        };
        let outcome = edit(&mut draft);
        if draft.set != self.current.load().set {
            self.take(OffsetDateTime::UNIX_EPOCH)?;
        }
        outcome
    }

    /// Needs the lock. Only a first start makes anything, so the time hardly matters.
    fn take(&self, now: OffsetDateTime) -> Result<(), KeyError> {
        let settings = &self.settings;
        let current = TokenKeys::load_or_make(settings, &self.seal, now, self.pkcs11.as_ref())?;
        self.current.store(std::sync::Arc::new(current));
        Ok(())
    }
}

/// The set on disk while the lock is held.
struct Draft<'k> {
    keys: &'k Keys,
    set: Set,
}

impl Draft<'_> {
    fn listed(&self, role: CertificateType) -> Result<Vec<ListedCertificate>, KeyError> {
        let entries = self.set.of(role).iter().enumerate();
        let listed = entries.map(|(at, entry)| {
            let certificate = pair::certificate(&self.keys.settings.folder, entry)?;
            Ok(ListedCertificate::new(role, at, entry, certificate))
        });
        listed.collect()
    }

    fn lives(&self, role: CertificateType) -> Result<Vec<Life>, KeyError> {
        let listed = self.listed(role)?;
        Ok(listed.iter().map(Life::of).collect())
    }

    fn take_step(
        &mut self,
        role: CertificateType,
        step: Step,
        rollover: &CertificateRollover,
        now: OffsetDateTime,
    ) -> Result<RolledOver, KeyError> {
        match step {
            Step::Generate => self.generate(role, rollover, now),
            Step::Promote { at, urgent } => self.promote(role, at, urgent),
            Step::Retire { at } => self.retire(role, at),
        }
    }

    fn change(
        &mut self,
        change: &Change<'_>,
        rollover: &CertificateRollover,
        now: OffsetDateTime,
    ) -> Result<Vec<RolledOver>, KeyError> {
        match *change {
            Change::Announce(role) => {
                let lives = self.lives(role)?;
                let newest = lives.iter().map(|life| life.not_after).max();
                let has_successor = lives.first().map(|life| life.not_after) < newest;
                if has_successor {
                    return Ok(Vec::new());
                }
                Ok(vec![self.generate(role, rollover, now)?])
            }
            Change::Urgent(role) => {
                let mut events = Vec::new();
                let unwanted: Vec<Entry> = self.set.of(role).iter().skip(1).cloned().collect();
                for _ in &unwanted {
                    events.push(self.retire(role, 1)?);
                }
                self.generate(role, rollover, now)?;
                events.push(self.promote(role, 1, true)?);
                for entry in &unwanted {
                    pair::remove(&self.keys.settings.folder, &entry.file)?;
                }
                Ok(events)
            }
            Change::Add {
                role,
                certificate,
                private_key,
                primary,
            } => {
                let pair = given(certificate, private_key)?;
                let added = self.add(role, &pair, now)?;
                if !primary {
                    return Ok(vec![added]);
                }
                let last = self.set.of(role).len().saturating_sub(1);
                Ok(vec![self.promote(role, last, true)?])
            }
            Change::SetPrimary(role, thumbprint) => match self.find(role, thumbprint)? {
                0 => Ok(Vec::new()),
                at => Ok(vec![self.promote(role, at, false)?]),
            },
            Change::Remove(role, thumbprint) => {
                let at = self.find(role, thumbprint)?;
                if at == 0 {
                    return Err(KeyError::Primary {
                        role: role.name(),
                        thumbprint: thumbprint.to_owned(),
                    });
                }
                let file = self.set.of(role).get(at).map(|entry| entry.file.clone());
                let retired = self.retire(role, at)?;
                if let Some(file) = file {
                    pair::remove(&self.keys.settings.folder, &file)?;
                }
                Ok(vec![retired])
            }
        }
    }

    fn generate(
        &mut self,
        role: CertificateType,
        rollover: &CertificateRollover,
        now: OffsetDateTime,
    ) -> Result<RolledOver, KeyError> {
        self.check_room(role)?;
        let host_name = &self.keys.settings.host_name;
        let pair = Pair::new(role, host_name, now, rollover.duration)?;
        self.add(role, &pair, now)
    }

    fn check_room(&self, role: CertificateType) -> Result<(), KeyError> {
        match self.set.of(role).len() {
            count if count < MAX_CERTIFICATES => Ok(()),
            count => Err(KeyError::TooMany {
                role: role.name(),
                count,
            }),
        }
    }

    /// Publishes a pair as the last secondary one.
    fn add(
        &mut self,
        role: CertificateType,
        pair: &Pair,
        now: OffsetDateTime,
    ) -> Result<RolledOver, KeyError> {
        self.check_room(role)?;
        let thumbprint = pair.certificate.thumbprint();
        let mut listed = self.listed(role)?.into_iter();
        if listed.any(|listed| listed.certificate.thumbprint() == thumbprint) {
            return Err(KeyError::Present {
                role: role.name(),
                thumbprint: thumbprint.to_owned(),
            });
        }
        let folder = &self.keys.settings.folder;
        // From now on a folder without a list is a damaged one, so there must be one before the new pair is.
        if !set::path(folder).exists() {
            self.set.write(folder)?;
        }
        let entry = Entry::later(role, thumbprint, now);
        // What an earlier change left behind here was never listed or no longer is.
        pair::remove(folder, &entry.file)?;
        pair.store(folder, role, &entry.file, &self.keys.seal, now)?;
        self.write(|set| set.of_mut(role).push(entry))?;
        Ok(RolledOver {
            role,
            thumbprint: thumbprint.to_owned(),
            event: RolloverEvent::Published,
        })
    }

    fn promote(
        &mut self,
        role: CertificateType,
        at: usize,
        urgent: bool,
    ) -> Result<RolledOver, KeyError> {
        let thumbprint = self.thumbprint(role, at)?;
        self.write(|set| {
            // Those before it keep their order behind it.
            if let Some(head) = set.of_mut(role).get_mut(..=at) {
                head.rotate_right(1);
            }
        })?;
        Ok(RolledOver {
            role,
            thumbprint,
            event: RolloverEvent::Promoted { urgent },
        })
    }

    /// Takes a certificate off the list. Its files stay, sealed, in case the clock was wrong.
    fn retire(&mut self, role: CertificateType, at: usize) -> Result<RolledOver, KeyError> {
        let thumbprint = self.thumbprint(role, at)?;
        self.write(|set| {
            set.of_mut(role).remove(at);
        })?;
        Ok(RolledOver {
            role,
            thumbprint,
            event: RolloverEvent::Retired,
        })
    }

    fn write(&mut self, change: impl FnOnce(&mut Set)) -> Result<(), KeyError> {
        let mut changed = self.set.clone();
        change(&mut changed);
        changed.write(&self.keys.settings.folder)?;
        self.set = changed;
        Ok(())
    }

    fn thumbprint(&self, role: CertificateType, at: usize) -> Result<String, KeyError> {
        let listed = self.listed(role)?;
        let listed = listed.get(at).ok_or_else(|| KeyError::Unknown {
            role: role.name(),
            thumbprint: format!("at place {at}"),
        })?;
        Ok(listed.certificate.thumbprint().to_owned())
    }

    fn find(&self, role: CertificateType, thumbprint: &str) -> Result<usize, KeyError> {
        let listed = self.listed(role)?;
        let at = listed.iter().position(|listed| {
            listed
                .certificate
                .thumbprint()
                .eq_ignore_ascii_case(thumbprint)
        });
        at.ok_or_else(|| KeyError::Unknown {
            role: role.name(),
            thumbprint: thumbprint.to_owned(),
        })
    }
}

/// Checks that a pair from elsewhere serves before it is taken.
fn given(certificate: &[u8], private_key: &[u8]) -> Result<Pair, KeyError> {
    let x509 = X509::from_pem(certificate).map_err(KeyError::GivenCertificate)?;
    // No passphrase: the library would ask for one on the terminal.
    let key =
        PKey::private_key_from_pem_callback(private_key, |_| Ok(0)).map_err(KeyError::GivenKey)?;
    SigningKey::new(key.clone(), &x509).map_err(KeyError::Given)?;
    Ok(Pair {
        key,
        certificate: Certificate::new(x509)?,
    })
}
