//! Accounts of people.

use std::ops::Deref;
use std::sync::Arc;

use time::OffsetDateTime;

use super::DirectoryError;
use super::entry::Entry;
use super::reason::Reason;
use super::sid::Sid;
use super::standing::Standing;
use super::subject::{SubjectId, SubjectKey};
use crate::config::DirectoryConfig;

/// An account whose owner proved to be it, or whose session was found to hold. Only this module makes one.
#[derive(Debug, Clone)]
pub struct AuthenticatedAccount(Arc<Account>);

/// What an entry says about a person. Proves nothing: whoever reads entries has it of anybody, so that no session can be
/// made of it. It does not even tell the [`SubjectId`] by which one could be looked up.
#[derive(Debug)]
pub struct Account {
    subject: SubjectId,
    dn: String,
    net_bios_name: String,
    dns_name: String,
    upn: Option<String>,
    sam_account_name: String,
    display_name: Option<String>,
    mail: Option<String>,
    sid: Option<Sid>,
    primary_group: Option<Sid>,
    password_set: Option<OffsetDateTime>,
    password_expires: Option<OffsetDateTime>,
}

impl Account {
    /// Reads an entry.
    ///
    /// # Errors
    /// When nothing tells it from other entries. Without a name of its own after `DOMAIN\\`, claim rules could find
    /// somebody else's attributes for it.
    pub(super) fn read(
        entry: &Entry,
        standing: &Standing,
        config: &DirectoryConfig,
    ) -> Result<Account, DirectoryError> {
        let names = &config.attributes;
        let missing = |attribute: &str| DirectoryError::NoIdentifier {
            directory: config.name.clone(),
            dn: entry.dn().to_owned(),
            attribute: attribute.to_owned(),
        };
        let identifier = entry
            .octets(&names.object_guid)
            .first()
            .and_then(|octets| SubjectKey::new(octets));
        let key = identifier.ok_or_else(|| missing(&names.object_guid))?;
        let text = |attribute: &str| {
            entry
                .text(attribute)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let sid = entry
            .octets(&names.object_sid)
            .first()
            .and_then(|octets| Sid::from_octets(octets));
        let primary = entry
            .text(&names.primary_group_id)
            .and_then(|text| text.parse().ok());
        Ok(Account {
            subject: SubjectId {
                directory: config.name.clone(),
                key,
            },
            dn: entry.dn().to_owned(),
            net_bios_name: config.net_bios_name.clone(),
            dns_name: config.dns_name.clone(),
            upn: text(&names.user_principal_name),
            sam_account_name: text(&names.sam_account_name)
                .ok_or_else(|| missing(&names.sam_account_name))?,
            display_name: text(&names.display_name),
            mail: text(&names.mail),
            primary_group: sid
                .as_ref()
                .zip(primary)
                .and_then(|(sid, primary)| sid.sibling(primary)),
            sid,
            password_set: standing.password_set,
            password_expires: standing.password_expires,
        })
    }

    pub(super) fn authenticated(self) -> AuthenticatedAccount {
        AuthenticatedAccount(Arc::new(self))
    }
}

impl AuthenticatedAccount {
    /// What a session remembers.
    pub fn subject(&self) -> SubjectId {
        self.0.subject.clone()
    }
}

impl Deref for AuthenticatedAccount {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.0
    }
}

impl Account {
    /// Section of the configuration that the account's directory has.
    pub fn directory(&self) -> &str {
        self.subject.directory()
    }

    /// Distinguished name.
    pub fn dn(&self) -> &str {
        &self.dn
    }

    /// userPrincipalName.
    pub fn upn(&self) -> Option<&str> {
        self.upn.as_deref()
    }

    /// sAMAccountName.
    pub fn sam_account_name(&self) -> &str {
        &self.sam_account_name
    }

    /// NetBIOS name of the account's domain.
    pub fn net_bios_name(&self) -> &str {
        &self.net_bios_name
    }

    /// DNS name of the account's domain.
    pub fn dns_name(&self) -> &str {
        &self.dns_name
    }

    /// `DOMAIN\user`.
    pub fn windows_account_name(&self) -> String {
        format!("{}\\{}", self.net_bios_name, self.sam_account_name)
    }

    /// displayName.
    pub fn display_name(&self) -> Option<&str> {
        self.display_name.as_deref()
    }

    /// mail.
    pub fn mail(&self) -> Option<&str> {
        self.mail.as_deref()
    }

    /// objectSid as `S-1-...`.
    pub fn object_sid(&self) -> Option<String> {
        self.sid.as_ref().map(Sid::to_string)
    }

    /// SID of the primary group as `S-1-...`.
    pub fn primary_group_sid(&self) -> Option<String> {
        self.primary_group.as_ref().map(Sid::to_string)
    }

    /// objectGUID: 16 octets in Active Directory's order, of which the base64 form is Entra's ImmutableID. Other
    /// directories' identifiers may be of another length.
    pub fn object_guid(&self) -> &[u8] {
        self.subject.key.octets()
    }

    /// When the password was set.
    pub fn password_set(&self) -> Option<OffsetDateTime> {
        self.password_set
    }

    /// When the password expires; `None` when it never does or the directory does not say.
    pub fn password_expires(&self) -> Option<OffsetDateTime> {
        self.password_expires
    }
}

/// An account that somebody else than its owner asked for, to try what a sign-in would come to.
#[derive(Debug)]
pub struct FoundAccount {
    account: Account,
    refusal: Option<Reason>,
}

impl FoundAccount {
    pub(super) fn new(account: Account, refusal: Option<Reason>) -> FoundAccount {
        FoundAccount { account, refusal }
    }

    /// What the directory says about it.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// What a session of this account remembers.
    pub fn subject(&self) -> SubjectId {
        self.account.subject.clone()
    }

    /// Why a sign-in would be refused even with the right password; `None` when it would not be.
    pub fn refusal(&self) -> Option<Reason> {
        self.refusal
    }
}

/// An account as the directory has it now.
#[derive(Debug, Clone)]
pub struct AccountState(Option<Present>);

#[derive(Debug, Clone)]
struct Present {
    account: AuthenticatedAccount,
    standing: Standing,
    now: OffsetDateTime,
}

impl AccountState {
    pub(super) fn gone() -> AccountState {
        AccountState(None)
    }

    pub(super) fn present(
        account: Account,
        standing: Standing,
        now: OffsetDateTime,
    ) -> AccountState {
        AccountState(Some(Present {
            account: account.authenticated(),
            standing,
            now,
        }))
    }

    /// The account, if a session of it that began at `signed_in_at` still holds: it is there, enabled, not expired, and
    /// its password is the one of that time (spec security SES-4).
    pub fn holds_since(&self, signed_in_at: OffsetDateTime) -> Option<AuthenticatedAccount> {
        let present = self.0.as_ref()?;
        present
            .standing
            .holds_since(signed_in_at, present.now)
            .then(|| present.account.clone())
    }
}
