//! One directory: its servers, and what is asked of them.

use std::sync::Arc;
use std::time::Instant;

use ldap3::Scope;
use native_tls::{Certificate, Protocol, TlsConnector};
use time::OffsetDateTime;

use super::account::{Account, AccountState, AuthenticatedAccount, FoundAccount};
use super::connection::{Connector, Fault, Found, Search};
use super::entry::Entry;
use super::filter::{Filter, is_attribute};
use super::name::SignInName;
use super::pace::Pace;
use super::password::Password;
use super::reason::Reason;
use super::server::{Server, UserBind};
use super::servers::Servers;
use super::sid::Sid;
use super::standing::Standing;
use super::subject::{SubjectId, SubjectKey};
use super::{DirectoryError, SignInRefusal};
use crate::clock::Clock;
use crate::config::DirectoryConfig;
use crate::ids;

/// A sign-in name must belong to one entry; a second one is enough to see that it does not.
const SIGN_IN_LIMIT: usize = 2;
/// Most entries that a claim rule may find.
const QUERY_LIMIT: usize = 1000;
/// Most attributes that it may ask for.
const MAX_ATTRIBUTES: usize = 100;

/// A directory.
#[derive(Debug)]
pub(super) struct Realm {
    pub(super) config: DirectoryConfig,
    authorities: Vec<u8>,
    servers: Servers,
    user_filter: Filter,
    person_attributes: Arc<[String]>,
    clock: Clock,
    pace: Pace,
}

impl Realm {
    /// Prepares the connections; none is made yet.
    pub(super) fn new(config: &DirectoryConfig, clock: &Clock) -> Result<Realm, DirectoryError> {
        let setup = |reason: String| DirectoryError::Setup {
            directory: config.name.clone(),
            reason,
        };
        let authorities = authorities(config)?;
        let tls = tls_connector(config, &authorities)?;
        let mut servers = Vec::with_capacity(config.servers.len());
        for address in &config.servers {
            let connector = Connector::new(
                address.clone(),
                &tls,
                config.connect_timeout,
                config.operation_timeout,
            )
            .map_err(|error| setup(error.to_string()))?;
            servers
                .push(Server::new(&connector, config).map_err(|error| setup(error.to_string()))?);
        }
        Ok(Realm {
            authorities,
            servers: Servers::new(&config.name, servers),
            user_filter: Filter::parse(&config.user_filter)?,
            person_attributes: person_attributes(config),
            clock: clock.clone(),
            pace: Pace::default(),
            config: config.clone(),
        })
    }

    /// Whether a realm made of `config` now would be the same.
    pub(super) fn is_current(&self, config: &DirectoryConfig) -> bool {
        self.config == *config && authorities(config).is_ok_and(|octets| octets == self.authorities)
    }

    /// Whether `DOMAIN\` or a DNS name means this directory.
    pub(super) fn has_domain(&self, domain: &str) -> bool {
        let domain = domain.to_lowercase();
        domain == self.config.net_bios_name.to_lowercase() || domain == self.config.dns_name
    }

    /// Whether it claims the suffix of a UPN.
    pub(super) fn claims_suffix(&self, suffix: &str) -> bool {
        self.config.upn_suffixes.contains(&suffix.to_lowercase())
    }

    /// The account with this name. `belongs`: whether the name's domain is this directory's; if not, the same search is
    /// done and nobody is found.
    pub(super) async fn find_candidate(
        &self,
        name: &SignInName,
        belongs: bool,
    ) -> Result<Result<Entry, Reason>, DirectoryError> {
        let attributes = Arc::clone(&self.person_attributes);
        let found = self.find_one(self.name_filter(name), attributes).await?;
        Ok(if belongs {
            found
        } else {
            Err(Reason::UnknownDomain)
        })
    }

    /// The one entry that `filter` means, with these attributes.
    pub(super) async fn find_one(
        &self,
        filter: Filter,
        attributes: Arc<[String]>,
    ) -> Result<Result<Entry, Reason>, DirectoryError> {
        let filter = filter.and(&self.user_filter);
        let mut found = self.find_entries(filter, attributes, SIGN_IN_LIMIT).await?;
        Ok(match found.entries.pop() {
            None => Err(Reason::UnknownUser),
            Some(entry) if found.entries.is_empty() && !found.more => Ok(entry),
            Some(_) => Err(Reason::Ambiguous),
        })
    }

    /// What a session remembers of the account of `entry`; `None` when it has no identifier that can be read.
    pub(super) fn subject_of(&self, entry: &Entry) -> Option<SubjectId> {
        let octets = entry.octets(&self.config.attributes.object_guid).first()?;
        Some(SubjectId {
            directory: self.config.name.clone(),
            key: SubjectKey::new(octets)?,
        })
    }

    /// Binds as the account of an attempt that began at `start`, or does the same work for nobody.
    pub(super) async fn try_password(
        &self,
        who: Result<Entry, Reason>,
        password: &Password,
        start: Instant,
    ) -> Result<AuthenticatedAccount, SignInRefusal> {
        let (entry, standing) = self.check_password(who, password, start).await?;
        Ok(Account::read(&entry, &standing, &self.config)?.authenticated())
    }

    /// The same for an entry that is no account of Active Directory.
    pub(super) async fn check_password(
        &self,
        who: Result<Entry, Reason>,
        password: &Password,
        start: Instant,
    ) -> Result<(Entry, Standing), SignInRefusal> {
        let answer = self.prove(who, password, start).await;
        if matches!(answer, Err(SignInRefusal::Incorrect(_))) {
            self.pace.wait(start).await;
        }
        answer
    }

    pub(super) async fn wait_as_refused(&self, start: Instant) {
        self.pace.wait(start).await;
    }

    async fn prove(
        &self,
        who: Result<Entry, Reason>,
        password: &Password,
        start: Instant,
    ) -> Result<(Entry, Standing), SignInRefusal> {
        let entry = match who {
            Ok(entry) => entry,
            Err(reason) => {
                self.bind_as_nobody().await?;
                return Err(SignInRefusal::Incorrect(reason));
            }
        };
        let result = self
            .servers
            .run(&UserBind {
                dn: entry.dn(),
                password,
            })
            .await?;
        self.pace.learn(start.elapsed());
        if result.rc != 0 {
            let reason = Reason::of_bind(&result).ok_or_else(|| {
                self.servers
                    .error(&Fault::Answer(result), &self.config.name)
            })?;
            return Err(SignInRefusal::of(reason));
        }
        let standing =
            Standing::read(&entry, &self.config.attributes).map_err(SignInRefusal::Incorrect)?;
        if let Some(reason) = standing.refusal(self.clock.now()) {
            return Err(SignInRefusal::of(reason));
        }
        Ok((entry, standing))
    }

    /// The one entry that `filter` means, if a session of it that began at `since` still holds.
    pub(super) async fn entry_that_holds(
        &self,
        filter: Filter,
        attributes: Arc<[String]>,
        since: OffsetDateTime,
    ) -> Result<Option<Entry>, DirectoryError> {
        let filter = filter.and(&self.user_filter);
        let mut found = self.find_entries(filter, attributes, SIGN_IN_LIMIT).await?;
        let entry = found.entries.pop();
        let only_one = found.entries.is_empty() && !found.more;
        Ok(entry.filter(|entry| {
            let standing = Standing::read(entry, &self.config.attributes);
            only_one && standing.is_ok_and(|it| it.holds_since(since, self.clock.now()))
        }))
    }

    pub(super) fn person_attributes(&self) -> &[String] {
        &self.person_attributes
    }

    /// Costs what a wrong password costs, so that the time does not tell that nobody has a name (spec security PWD-8).
    async fn bind_as_nobody(&self) -> Result<(), DirectoryError> {
        let dn = format!("CN={},{}", ids::guid(), self.config.base_dn);
        // No password is sent that somebody typed for another account.
        let Ok(password) = Password::new(ids::guid().to_string()) else {
            return Ok(());
        };
        self.servers
            .run(&UserBind {
                dn: &dn,
                password: &password,
            })
            .await
            .map(drop)
    }

    /// The account with this name, for dry runs.
    pub(super) async fn find(
        &self,
        name: &SignInName,
    ) -> Result<Result<FoundAccount, Reason>, DirectoryError> {
        let filter = self.name_filter(name).and(&self.user_filter);
        let found = self.find_people(filter, SIGN_IN_LIMIT).await?;
        let entry = match found.entries.as_slice() {
            [entry] if !found.more => entry,
            [] => return Ok(Err(Reason::UnknownUser)),
            _ => return Ok(Err(Reason::Ambiguous)),
        };
        let standing = match Standing::read(entry, &self.config.attributes) {
            Ok(standing) => standing,
            Err(reason) => return Ok(Err(reason)),
        };
        let account = Account::read(entry, &standing, &self.config)?;
        let refusal = standing.refusal(self.clock.now());
        Ok(Ok(FoundAccount::new(account, refusal)))
    }

    /// The account of a session as it is now.
    pub(super) async fn lookup(&self, subject: &SubjectId) -> Result<AccountState, DirectoryError> {
        let filter = Filter::equal(&self.config.attributes.object_guid, subject.key.octets())
            .and(&self.user_filter);
        let found = self.find_people(filter, SIGN_IN_LIMIT).await?;
        let [entry] = found.entries.as_slice() else {
            return Ok(AccountState::gone());
        };
        let Ok(standing) = Standing::read(entry, &self.config.attributes) else {
            return Ok(AccountState::gone());
        };
        let account = Account::read(entry, &standing, &self.config)?;
        Ok(AccountState::present(account, standing, self.clock.now()))
    }

    /// Groups of an account, nested ones too.
    pub(super) async fn group_sids(&self, dn: &str) -> Result<Vec<Sid>, DirectoryError> {
        let attribute = &self.config.attributes.token_groups;
        let search = Search {
            base: dn.to_owned(),
            scope: Scope::Base,
            filter: Filter::parse("(objectClass=*)")?,
            attributes: Arc::new([attribute.clone()]),
            limit: 1,
        };
        let found = self.servers.run(&search).await?;
        let octets = found
            .entries
            .iter()
            .flat_map(|entry| entry.octets(attribute));
        Ok(octets
            .filter_map(|octets| Sid::from_octets(octets))
            .collect())
    }

    /// A query of a claim rule.
    pub(super) async fn query(
        &self,
        user: &str,
        filter: Option<&str>,
        attributes: &[String],
    ) -> Result<Vec<Entry>, DirectoryError> {
        if let Some(wrong) = attributes.iter().find(|name| !is_attribute(name)) {
            return Err(DirectoryError::Attribute(wrong.clone()));
        }
        let attributes: Arc<[String]> = match attributes {
            // An empty list would ask for every attribute there is (RFC 4511 section 4.5.1.8).
            [] => Arc::new(["1.1".to_owned()]),
            list if list.len() <= MAX_ATTRIBUTES => list.into(),
            _ => {
                return Err(DirectoryError::Attribute(format!(
                    "more than {MAX_ATTRIBUTES} names"
                )));
            }
        };
        let filter = match filter {
            Some(text) => Filter::parse(text)?,
            None => Filter::equal(&self.config.attributes.sam_account_name, user.as_bytes())
                .and(&self.user_filter),
        };
        let base = self.config.base_dn.clone();
        let found = self
            .servers
            .run(&Search {
                base,
                scope: Scope::Subtree,
                filter,
                attributes,
                limit: QUERY_LIMIT,
            })
            .await?;
        // A part of the answer could be the part without the group that denies.
        if found.more {
            Err(DirectoryError::TooManyEntries { limit: QUERY_LIMIT })
        } else {
            Ok(found.entries)
        }
    }

    fn name_filter(&self, name: &SignInName) -> Filter {
        let names = &self.config.attributes;
        match name.upn() {
            Some(upn) => Filter::equal(&names.user_principal_name, upn.as_bytes()),
            None => Filter::equal(&names.sam_account_name, name.user().as_bytes()),
        }
    }

    async fn find_people(&self, filter: Filter, limit: usize) -> Result<Found, DirectoryError> {
        let attributes = Arc::clone(&self.person_attributes);
        self.find_entries(filter, attributes, limit).await
    }

    async fn find_entries(
        &self,
        filter: Filter,
        attributes: Arc<[String]>,
        limit: usize,
    ) -> Result<Found, DirectoryError> {
        let base = self.config.base_dn.clone();
        self.servers
            .run(&Search {
                base,
                scope: Scope::Subtree,
                filter,
                attributes,
                limit,
            })
            .await
    }
}

fn authorities(config: &DirectoryConfig) -> Result<Vec<u8>, DirectoryError> {
    let Some(path) = &config.ca_file else {
        return Ok(Vec::new());
    };
    std::fs::read(path).map_err(|error| DirectoryError::Authorities {
        directory: config.name.clone(),
        path: path.clone(),
        reason: error.to_string(),
    })
}

fn tls_connector(
    config: &DirectoryConfig,
    authorities: &[u8],
) -> Result<TlsConnector, DirectoryError> {
    let mut builder = TlsConnector::builder();
    builder.min_protocol_version(Some(Protocol::Tlsv12));
    if let Some(path) = &config.ca_file {
        let refused = |reason: String| DirectoryError::Authorities {
            directory: config.name.clone(),
            path: path.clone(),
            reason,
        };
        let certificates =
            Certificate::stack_from_pem(authorities).map_err(|error| refused(error.to_string()))?;
        if certificates.is_empty() {
            return Err(refused("there is no certificate in it".to_owned()));
        }
        // Whoever names the authorities does not mean those of the whole Internet besides.
        builder.disable_built_in_roots(true);
        for certificate in certificates {
            builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|error| DirectoryError::Setup {
        directory: config.name.clone(),
        reason: error.to_string(),
    })
}

fn person_attributes(config: &DirectoryConfig) -> Arc<[String]> {
    let names = &config.attributes;
    [
        &names.user_principal_name,
        &names.sam_account_name,
        &names.object_guid,
        &names.object_sid,
        &names.display_name,
        &names.mail,
        &names.primary_group_id,
        &names.user_account_control,
        &names.user_account_control_computed,
        &names.account_expires,
        &names.lockout_time,
        &names.pwd_last_set,
        &names.password_expires,
    ]
    .into_iter()
    .cloned()
    .collect()
}
