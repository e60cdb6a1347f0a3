//! Accounts: finds them by LDAP, checks passwords by binding as them, and says whether sessions still hold.
//!
//! Several directories can be configured; the suffix of a UPN or the domain before the backslash says which one is
//! meant. Each has its servers, pools and health. A directory that is down makes no other wait, recovers by itself, and
//! is never mistaken for a wrong password.

mod account;
mod candidate;
mod connection;
mod entry;
mod error;
mod file_time;
mod filter;
mod health;
mod local_provider;
mod name;
mod pace;
mod password;
mod realm;
mod reason;
mod server;
mod servers;
mod sid;
mod standing;
mod subject;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::time::timeout;

pub use account::{Account, AccountState, AuthenticatedAccount, FoundAccount};
pub use candidate::Candidate;
pub use entry::Entry;
pub use error::DirectoryError;
pub use local_provider::{LocalCandidate, LocalPerson, LocalProviders};
pub use name::{SignInName, SignInNameError};
pub use password::{Password, PasswordError};
pub use reason::Reason;
pub use sid::Sid;
pub use subject::SubjectId;

use realm::Realm;

use crate::clock::Clock;
use crate::config::DirectoryConfig;

/// Longest time for a whole request, whatever number of servers and operations it takes.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);

/// Why a sign-in fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInRefusal {
    /// No such user, wrong password, or an account that may not be used. The reason is for the audit only.
    Incorrect(Reason),
    /// The password was right and must be changed first.
    MustChangePassword(Reason),
    /// The directory gave no answer; nothing was learned about the user or the password.
    Unavailable(DirectoryError),
}

impl SignInRefusal {
    fn of(reason: Reason) -> SignInRefusal {
        if reason.is_about_an_old_password() {
            SignInRefusal::MustChangePassword(reason)
        } else {
            SignInRefusal::Incorrect(reason)
        }
    }
}

impl From<DirectoryError> for SignInRefusal {
    fn from(error: DirectoryError) -> SignInRefusal {
        SignInRefusal::Unavailable(error)
    }
}

/// The directories of the service.
#[derive(Debug)]
pub struct Directory {
    realms: ArcSwap<Vec<Arc<Realm>>>,
    clock: Clock,
}

impl Directory {
    /// Prepares the connections. No server needs to be up; `clock` tells whether accounts have expired.
    ///
    /// # Errors
    /// When certificates of authorities cannot be read, or TLS cannot be set up.
    pub fn open(
        directories: &[DirectoryConfig],
        clock: Clock,
    ) -> Result<Directory, DirectoryError> {
        let realms: Result<Vec<Arc<Realm>>, DirectoryError> = directories
            .iter()
            .map(|config| Ok(Arc::new(Realm::new(config, &clock)?)))
            .collect();
        Ok(Directory {
            realms: ArcSwap::from_pointee(realms?),
            clock,
        })
    }

    /// Takes a new configuration. Directories that did not change keep their connections; requests that are under way
    /// finish with what they began with.
    ///
    /// # Errors
    /// As [`Directory::open`]; the old configuration stays then.
    pub fn reload(&self, directories: &[DirectoryConfig]) -> Result<(), DirectoryError> {
        let old = self.realms.load_full();
        let realms: Result<Vec<Arc<Realm>>, DirectoryError> = directories
            .iter()
            .map(
                |config| match old.iter().find(|realm| realm.is_current(config)) {
                    Some(realm) => Ok(Arc::clone(realm)),
                    None => Ok(Arc::new(Realm::new(config, &self.clock)?)),
                },
            )
            .collect();
        self.realms.store(Arc::new(realms?));
        Ok(())
    }

    /// Checks a password.
    ///
    /// An unknown user costs the same operations as a wrong password.
    ///
    /// # Errors
    /// See [`SignInRefusal`].
    pub async fn authenticate(
        &self,
        name: &SignInName,
        password: &Password,
    ) -> Result<AuthenticatedAccount, SignInRefusal> {
        let candidate = self.candidate(name).await?;
        self.try_password(candidate, password).await
    }

    /// Finds whom a name means, for [`Directory::try_password`]. Whoever counts attempts does so between the two.
    ///
    /// # Errors
    /// When the directory gives no answer. A name that nobody has is no error.
    pub async fn candidate(&self, name: &SignInName) -> Result<Candidate, DirectoryError> {
        let (realm, belongs) = self.realm_of(name)?;
        let name = name.clone();
        let directory = realm.config.name.clone();
        finish(directory, async move {
            let start = Instant::now();
            let who = realm.find_candidate(&name, belongs).await?;
            Ok(Candidate { realm, who, start })
        })
        .await?
    }

    /// Checks the password of a candidate. Where there is nobody the same work is done in vain.
    ///
    /// # Errors
    /// See [`SignInRefusal`].
    pub async fn try_password(
        &self,
        candidate: Candidate,
        password: &Password,
    ) -> Result<AuthenticatedAccount, SignInRefusal> {
        let password = password.clone();
        let directory = candidate.realm.config.name.clone();
        finish(directory, async move {
            let Candidate { realm, who, start } = candidate;
            realm.try_password(who, &password, start).await
        })
        .await?
    }

    /// Waits until an attempt that began at `start` has taken as long as a refused one takes, for whoever refuses a right
    /// password and must not tell it from a wrong one (spec security PWD-8).
    pub async fn wait_as_refused(&self, name: &SignInName, start: Instant) {
        if let Ok((realm, _)) = self.realm_of(name) {
            realm.wait_as_refused(start).await;
        }
    }

    /// The account of a session, as it is now. Asked at every use of a session, so that a disabled account or a changed
    /// password takes effect at once.
    ///
    /// # Errors
    /// When the directory gives no answer.
    pub async fn lookup(&self, subject: &SubjectId) -> Result<AccountState, DirectoryError> {
        let Some(realm) = self.realm_named(subject.directory()) else {
            return Ok(AccountState::gone());
        };
        let subject = subject.clone();
        let directory = realm.config.name.clone();
        finish(directory, async move { realm.lookup(&subject).await }).await?
    }

    /// The account with this name, found with the service's own rights. For dry runs: it is no
    /// [`AuthenticatedAccount`], and nothing here makes one of it.
    ///
    /// # Errors
    /// The reason when no single account has the name; otherwise when the directory gives no answer.
    pub async fn find(
        &self,
        name: &SignInName,
    ) -> Result<Result<FoundAccount, Reason>, DirectoryError> {
        let (realm, belongs) = self.realm_of(name)?;
        if !belongs {
            return Ok(Err(Reason::UnknownDomain));
        }
        let name = name.clone();
        let directory = realm.config.name.clone();
        finish(directory, async move { realm.find(&name).await }).await?
    }

    /// SIDs of the groups that an account is in, nested ones too, as `S-1-...`; those that the directory computes for
    /// the access token of the account (`tokenGroups`: security groups only).
    ///
    /// # Errors
    /// When the directory gives no answer.
    pub async fn group_sids(&self, account: &Account) -> Result<Vec<String>, DirectoryError> {
        let Some(realm) = self.realm_named(account.directory()) else {
            return Err(DirectoryError::UnknownDomain(
                account.directory().to_owned(),
            ));
        };
        let dn = account.dn().to_owned();
        let directory = realm.config.name.clone();
        let sids = finish(directory, async move { realm.group_sids(&dn).await }).await??;
        Ok(sids.iter().map(ToString::to_string).collect())
    }

    /// Answers a query of a claim rule (spec claim-rules 4.2).
    ///
    /// `account` is `DOMAIN\user`. Its domain chooses the directory; its user is the one to find when there is no
    /// `filter`. Values within `filter` must have been escaped before they were put there. Only `attributes` are
    /// returned.
    ///
    /// # Errors
    /// When the domain is unknown, the filter or an attribute's name is malformed, too much is found, or the directory
    /// gives no answer.
    pub async fn query(
        &self,
        account: &str,
        filter: Option<String>,
        attributes: &[String],
    ) -> Result<Vec<Entry>, DirectoryError> {
        let unknown = || DirectoryError::UnknownDomain(account.chars().take(256).collect());
        let (domain, user) = account.split_once('\\').ok_or_else(unknown)?;
        let realms = self.realms.load();
        let realm = realms
            .iter()
            .find(|realm| realm.has_domain(domain))
            .cloned()
            .ok_or_else(unknown)?;
        let (user, attributes) = (user.to_owned(), attributes.to_vec());
        let directory = realm.config.name.clone();
        finish(directory, async move {
            realm.query(&user, filter.as_deref(), &attributes).await
        })
        .await?
    }

    /// Whether a directory has this name.
    pub fn has(&self, name: &str) -> bool {
        self.realm_named(name).is_some()
    }

    /// Answers a query of a claim rule to the directory with a name (spec claim-rules 4.3); otherwise as
    /// [`Directory::query`].
    ///
    /// # Errors
    /// As [`Directory::query`].
    pub async fn search(
        &self,
        name: &str,
        filter: String,
        attributes: &[String],
    ) -> Result<Vec<Entry>, DirectoryError> {
        let unknown = || DirectoryError::UnknownDomain(name.chars().take(256).collect());
        let realm = self.realm_named(name).ok_or_else(unknown)?;
        let attributes = attributes.to_vec();
        finish(name.to_owned(), async move {
            realm.query("", Some(&filter), &attributes).await
        })
        .await?
    }

    fn realm_named(&self, name: &str) -> Option<Arc<Realm>> {
        self.realms
            .load()
            .iter()
            .find(|realm| realm.config.name == name)
            .cloned()
    }

    /// The directory that a name means. A name that means none gets the first one, with the remark that it does not
    /// belong there, so that the answer takes as long.
    fn realm_of(&self, name: &SignInName) -> Result<(Arc<Realm>, bool), DirectoryError> {
        let realms = self.realms.load();
        let domain = name.domain();
        let found = match name.upn() {
            None => realms.iter().find(|realm| realm.has_domain(domain)),
            Some(_) => realms
                .iter()
                .find(|realm| realm.claims_suffix(domain))
                .or_else(|| {
                    realms
                        .iter()
                        .find(|realm| realm.config.upn_suffixes.is_empty())
                }),
        };
        match (found, realms.first()) {
            (Some(realm), _) => Ok((Arc::clone(realm), true)),
            (None, Some(first)) => Ok((Arc::clone(first), false)),
            (None, None) => Err(DirectoryError::NoDirectory),
        }
    }
}

/// Lets a request run to its end or its time limit in a task of its own. Whoever asked may go away in the middle: the
/// operation under way still ends properly. And if an answer makes the client library panic, only the task ends.
async fn finish<T: Send + 'static>(
    directory: String,
    request: impl Future<Output = T> + Send + 'static,
) -> Result<T, DirectoryError> {
    let task = tokio::spawn(timeout(REQUEST_TIMEOUT, request));
    match task.await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(DirectoryError::Timeout { directory }),
        Err(_) => {
            let reason = "a server's answer is not LDAP".to_owned();
            Err(DirectoryError::Unavailable { directory, reason })
        }
    }
}
