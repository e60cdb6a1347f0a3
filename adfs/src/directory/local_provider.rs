//! People of directories that are claims providers (local claims provider trusts): found by the one attribute that holds
//! their sign-in name, and known by whatever attributes the trust turns into claims. They are no accounts: nothing that
//! only Active Directory has is asked of them.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use openssl::sha::Sha256;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::entry::Entry;
use super::filter::Filter;
use super::name::SignInName;
use super::password::Password;
use super::realm::Realm;
use super::reason::Reason;
use super::{DirectoryError, SignInRefusal, finish};
use crate::clock::Clock;
use crate::config::{ClaimsProviderProtocol, ClaimsProviders, LdapProvider};

/// What names an entry for as long as it lives, in the order of preference (RFC 4530; [MS-ADA3] 2.44).
const LASTING_KEYS: [&str; 2] = ["objectGUID", "entryUUID"];
/// When the password was set, where the server has a password policy (draft-behera-ldap-password-policy 5.3.2).
const PASSWORD_CHANGED: &str = "pwdChangedTime";
/// When the account was locked; the value [`LOCKED_FOR_GOOD`] is an administrator's doing (the same, 5.3.3).
const LOCKED: &str = "pwdAccountLockedTime";
const LOCKED_FOR_GOOD: &str = "000001010000Z";
const GENERALIZED_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day][hour][minute][second]");

/// The directories of all local claims provider trusts, by the identifiers of the trusts.
#[derive(Debug)]
pub struct LocalProviders {
    all: ArcSwap<Vec<Arc<LocalProvider>>>,
    clock: Clock,
}

#[derive(Debug)]
struct LocalProvider {
    realm: Realm,
    config: LdapProvider,
    attributes: Arc<[String]>,
}

/// Somebody whom such a directory has now.
#[derive(Debug, Clone)]
pub struct LocalPerson {
    name: String,
    key: String,
    entry: Entry,
}

/// Whom a typed name means in such a directory, before a password is tried.
#[derive(Debug)]
pub struct LocalCandidate {
    provider: Arc<LocalProvider>,
    name: String,
    who: Result<Entry, Reason>,
    start: Instant,
}

impl LocalCandidate {
    /// Stands for the entry, if there is exactly one.
    pub fn digest(&self) -> Option<[u8; 32]> {
        let entry = self.who.as_ref().ok()?;
        let mut hash = Sha256::new();
        hash.update(b"local\0");
        hash.update(self.provider.realm.config.name.as_bytes());
        hash.update(b"\0");
        hash.update(lasting_key(entry).as_bytes());
        Some(hash.finish())
    }

    /// Waits until the attempt has taken as long as a refused one takes (spec security PWD-8).
    pub async fn wait_as_refused(self) {
        self.provider.realm.wait_as_refused(self.start).await;
    }
}

impl LocalPerson {
    /// The sign-in name, as the directory writes it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells the entry from a later one with the same name.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The values of an attribute of the trust's mappings that are text.
    pub fn texts(&self, attribute: &str) -> impl Iterator<Item = &str> {
        self.entry.texts(attribute)
    }
}

impl LocalProviders {
    /// Prepares the connections. No server needs to be up.
    ///
    /// # Errors
    /// When certificates of authorities cannot be read, or TLS cannot be set up.
    pub fn open(trusts: &ClaimsProviders, clock: Clock) -> Result<LocalProviders, DirectoryError> {
        let all = providers(trusts, &[], &clock)?;
        Ok(LocalProviders {
            all: ArcSwap::from_pointee(all),
            clock,
        })
    }

    /// Takes a new configuration. Directories that did not change keep their connections.
    ///
    /// # Errors
    /// As [`LocalProviders::open`]; the old configuration stays then.
    pub fn reload(&self, trusts: &ClaimsProviders) -> Result<(), DirectoryError> {
        let all = providers(trusts, &self.all.load(), &self.clock)?;
        self.all.store(Arc::new(all));
        Ok(())
    }

    /// Checks a password. `identifier` is that of the trust. An unknown user costs the same operations as a wrong
    /// password.
    ///
    /// # Errors
    /// See [`SignInRefusal`].
    pub async fn authenticate(
        &self,
        identifier: &str,
        name: &SignInName,
        password: &Password,
    ) -> Result<LocalPerson, SignInRefusal> {
        let candidate = self.candidate(identifier, name).await?;
        self.try_password(candidate, password).await
    }

    /// Finds whom a name means, for [`LocalProviders::try_password`]. Whoever counts attempts does so between the two.
    ///
    /// # Errors
    /// When the directory gives no answer. A name that nobody has is no error.
    pub async fn candidate(
        &self,
        identifier: &str,
        name: &SignInName,
    ) -> Result<LocalCandidate, DirectoryError> {
        let provider = self
            .find(identifier)
            .ok_or_else(|| DirectoryError::UnknownDomain(identifier.to_owned()))?;
        let name = name.to_string();
        finish(identifier.to_owned(), async move {
            let start = Instant::now();
            let attributes = Arc::clone(&provider.attributes);
            let who = provider
                .realm
                .find_one(provider.filter(&name), attributes)
                .await?;
            Ok(LocalCandidate {
                provider,
                name,
                who,
                start,
            })
        })
        .await?
    }

    /// Checks the password of a candidate. Where there is nobody the same work is done in vain.
    ///
    /// # Errors
    /// See [`SignInRefusal`].
    pub async fn try_password(
        &self,
        candidate: LocalCandidate,
        password: &Password,
    ) -> Result<LocalPerson, SignInRefusal> {
        let password = password.clone();
        let directory = candidate.provider.realm.config.name.clone();
        finish(directory, async move {
            let LocalCandidate {
                provider,
                name,
                who,
                start,
            } = candidate;
            let (entry, _) = provider.realm.check_password(who, &password, start).await?;
            provider
                .person(&name, entry)
                .ok_or(SignInRefusal::Incorrect(Reason::Unreadable))
        })
        .await?
    }

    /// Who signed in as `name` at `since`, as the directory has them now; `None` when the entry is gone, is another one,
    /// may not be used any more or has another password.
    ///
    /// # Errors
    /// When the directory gives no answer.
    pub async fn lookup(
        &self,
        identifier: &str,
        name: &str,
        key: &str,
        since: OffsetDateTime,
    ) -> Result<Option<LocalPerson>, DirectoryError> {
        let Some(provider) = self.find(identifier) else {
            return Ok(None);
        };
        let (name, key) = (name.to_owned(), key.to_owned());
        finish(identifier.to_owned(), async move {
            provider.lookup(&name, &key, since).await
        })
        .await?
    }

    fn find(&self, identifier: &str) -> Option<Arc<LocalProvider>> {
        let all = self.all.load();
        all.iter()
            .find(|provider| provider.realm.config.name == identifier)
            .cloned()
    }
}

fn providers(
    trusts: &ClaimsProviders,
    old: &[Arc<LocalProvider>],
    clock: &Clock,
) -> Result<Vec<Arc<LocalProvider>>, DirectoryError> {
    let mut all = Vec::new();
    for trust in trusts.iter().filter(|trust| trust.enabled) {
        let ClaimsProviderProtocol::Ldap(config) = &trust.protocol else {
            continue;
        };
        let same = |provider: &&Arc<LocalProvider>| {
            provider.config == **config && provider.realm.is_current(&config.directory)
        };
        all.push(match old.iter().find(same) {
            Some(provider) => Arc::clone(provider),
            None => Arc::new(LocalProvider::new(config, clock)?),
        });
    }
    Ok(all)
}

impl LocalProvider {
    fn new(config: &LdapProvider, clock: &Clock) -> Result<LocalProvider, DirectoryError> {
        let realm = Realm::new(&config.directory, clock)?;
        let mapped = config.mappings.iter().map(|mapping| &mapping.attribute);
        let mut attributes: Vec<String> = realm.person_attributes().to_vec();
        attributes.push(config.anchor.attribute.clone());
        attributes.extend(mapped.cloned());
        let operational = LASTING_KEYS.iter().chain([&PASSWORD_CHANGED, &LOCKED]);
        attributes.extend(operational.map(|name| (*name).to_owned()));
        attributes.sort_by_key(|name| name.to_lowercase());
        attributes.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
        Ok(LocalProvider {
            realm,
            config: config.clone(),
            attributes: attributes.into(),
        })
    }

    fn filter(&self, name: &str) -> Filter {
        Filter::equal(&self.config.anchor.attribute, name.as_bytes())
    }

    async fn lookup(
        &self,
        name: &str,
        key: &str,
        since: OffsetDateTime,
    ) -> Result<Option<LocalPerson>, DirectoryError> {
        let attributes = Arc::clone(&self.attributes);
        let entry = self
            .realm
            .entry_that_holds(self.filter(name), attributes, since)
            .await?;
        let person = entry
            .filter(|entry| holds_since(entry, since))
            .and_then(|entry| self.person(name, entry));
        Ok(person.filter(|person| person.key == key))
    }

    /// `None` when the directory found an entry by a name that it does not have: matching rules forgive more than case.
    fn person(&self, name: &str, entry: Entry) -> Option<LocalPerson> {
        let anchor = &self.config.anchor.attribute;
        let same = |known: &&str| known.to_lowercase() == name.to_lowercase();
        let name = entry.texts(anchor).find(same)?.to_owned();
        let key = lasting_key(&entry);
        Some(LocalPerson { name, key, entry })
    }
}

fn lasting_key(entry: &Entry) -> String {
    let lasting = LASTING_KEYS
        .iter()
        .find_map(|attribute| entry.octets(attribute).first())
        .map(|octets| STANDARD_NO_PAD.encode(octets));
    lasting.unwrap_or_else(|| entry.dn().to_owned())
}

/// What servers with a password policy say about a session that began at `since`. A time that cannot be read ends it.
fn holds_since(entry: &Entry, since: OffsetDateTime) -> bool {
    let changed_after = entry.text(PASSWORD_CHANGED).is_some_and(|changed| {
        let fraction_or_zone = changed.find(['.', 'Z']).unwrap_or(changed.len());
        let whole = changed.get(..fraction_or_zone).unwrap_or_default();
        PrimitiveDateTime::parse(whole, GENERALIZED_TIME)
            .map_or(true, |changed| changed.assume_utc() > since)
    });
    !changed_after && entry.text(LOCKED) != Some(LOCKED_FOR_GOOD)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_later_password_or_an_administrators_lock_ends_a_session() {
        let since = datetime!(2026-11-25 12:00 UTC);
        for (attribute, value, holds) in [
            ("pwdChangedTime", "20261125120000Z", true),
            ("pwdChangedTime", "20261125120001Z", false),
            ("pwdChangedTime", "20261125120001.5Z", false),
            ("pwdChangedTime", "20251125120001Z", true),
            ("pwdChangedTime", "yesterday", false),
            ("pwdAccountLockedTime", "000001010000Z", false),
            ("pwdAccountLockedTime", "20261125120000Z", true),
            ("mail", "x", true),
        ] {
            let entry = Entry::of("uid=a", &[(attribute, value.as_bytes())]);
            assert_eq!(holds_since(&entry, since), holds, "{attribute} {value}");
        }
    }
}
