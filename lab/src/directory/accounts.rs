//! Simple binds as Active Directory decides them: names, account states, the count of wrong passwords and lockout.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use super::dn::Dn;
use super::entry::{Entry, EntryId};
use super::identifiers::filetime;
use super::tree::Tree;

/// userAccountControl bits (MS-ADTS 2.2.16).
pub(super) mod control {
    pub(in super::super) const DISABLED: i64 = 0x2;
    pub(in super::super) const LOCKED: i64 = 0x10;
    pub(in super::super) const PASSWORD_NEVER_EXPIRES: i64 = 0x1_0000;
    pub(in super::super) const PASSWORD_EXPIRED: i64 = 0x80_0000;
}

/// accountExpires and the domain's intervals use this for "never", besides 0.
const NEVER: i64 = i64::MAX;

/// Why AD refuses a bind, with the `data` code of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Wrong password or unknown name: AD does not tell them apart to a simple bind.
    Credentials = 0x52e,
    LogonHours = 0x530,
    Workstation = 0x531,
    PasswordExpired = 0x532,
    Disabled = 0x533,
    AccountExpired = 0x701,
    MustChangePassword = 0x773,
    LockedOut = 0x775,
}

/// What the directory counts about the sign-ins of one account. Instants are FILETIME; 0 is never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogonState {
    /// badPwdCount: wrong passwords in the present observation window.
    pub bad_password_count: i64,
    /// badPasswordTime: when the last wrong password came.
    pub bad_password_time: i64,
    /// lockoutTime: when the account was locked; 0 when it is not.
    pub lockout_time: i64,
    /// lastLogon: when the last bind succeeded.
    pub last_logon: i64,
}

/// The domain's password and lockout policy, from attributes of the domain's entry. Intervals are in 100 ns units; none
/// means "for ever".
#[derive(Debug, Clone, Copy)]
struct Policy {
    lockout_threshold: i64,
    observation_window: Option<i64>,
    lockout_duration: Option<i64>,
    max_password_age: Option<i64>,
}

/// The accounts' changing state.
#[derive(Debug)]
pub(super) struct Accounts {
    policy: Policy,
    host: String,
    states: Mutex<HashMap<EntryId, LogonState>>,
}

impl Accounts {
    /// Takes the policy from the domain's entry; `lockout_threshold` overrides its number of wrong passwords. `host` is
    /// the computer that userWorkstations must name.
    pub(super) fn new(tree: &Tree, lockout_threshold: Option<u32>, host: &str) -> Accounts {
        // AD stores intervals as negative numbers; 0 and the smallest number mean that they do not end.
        let interval = |name: &str| {
            let value = tree
                .domain()
                .and_then(|domain| domain.integer(name))
                .unwrap_or(0);
            Some(value)
                .filter(|value| *value < 0 && *value != i64::MIN)
                .map(i64::saturating_neg)
        };
        let stored = tree
            .domain()
            .and_then(|domain| domain.integer("lockoutThreshold"));
        Accounts {
            policy: Policy {
                lockout_threshold: lockout_threshold.map_or(stored.unwrap_or(0), i64::from),
                observation_window: interval("lockOutObservationWindow"),
                lockout_duration: interval("lockoutDuration"),
                max_password_age: interval("maxPwdAge"),
            },
            host: host.to_owned(),
            states: Mutex::new(HashMap::new()),
        }
    }

    /// The present state of an account.
    pub(super) fn state(&self, id: EntryId, entry: &Entry) -> LogonState {
        self.lock()
            .get(&id)
            .copied()
            .unwrap_or_else(|| initial(entry))
    }

    /// Forgets wrong passwords and unlocks, as an administrator would.
    pub(super) fn unlock(&self, id: EntryId, entry: &Entry) {
        let last_logon = self.state(id, entry).last_logon;
        self.lock().insert(
            id,
            LogonState {
                last_logon,
                ..LogonState::default()
            },
        );
    }

    /// Checks a name and a password that is not empty.
    pub(super) fn authenticate(
        &self,
        tree: &Tree,
        name: &str,
        password: &[u8],
        now: OffsetDateTime,
    ) -> Result<EntryId, Refusal> {
        let id = resolve(tree, name).ok_or(Refusal::Credentials)?;
        let entry = tree.entry(id).ok_or(Refusal::Credentials)?;
        let known = entry.password.as_ref().ok_or(Refusal::Credentials)?;
        let instant = filetime(now);
        let mut states = self.lock();
        let state = states.entry(id).or_insert_with(|| initial(entry));
        if self.is_locked(*state, instant) {
            return Err(Refusal::LockedOut);
        }
        if !known.matches(password) {
            self.count_wrong_password(state, instant);
            return Err(Refusal::Credentials);
        }
        if let Some(refusal) = self.restriction(entry, now, instant) {
            return Err(refusal);
        }
        *state = LogonState {
            last_logon: instant,
            ..LogonState::default()
        };
        Ok(id)
    }

    fn count_wrong_password(&self, state: &mut LogonState, instant: i64) {
        let window = self.policy.observation_window.unwrap_or(NEVER);
        if instant.saturating_sub(state.bad_password_time) > window {
            state.bad_password_count = 0;
        }
        state.bad_password_count = state.bad_password_count.saturating_add(1);
        state.bad_password_time = instant;
        state.lockout_time = 0;
        let threshold = self.policy.lockout_threshold;
        if threshold > 0 && state.bad_password_count >= threshold {
            state.lockout_time = instant;
        }
    }

    fn is_locked(&self, state: LogonState, instant: i64) -> bool {
        let duration = self.policy.lockout_duration.unwrap_or(NEVER);
        state.lockout_time != 0 && instant < state.lockout_time.saturating_add(duration)
    }

    /// The first restriction that stops an account whose password was right, in AD's order.
    fn restriction(&self, entry: &Entry, now: OffsetDateTime, instant: i64) -> Option<Refusal> {
        let flags = entry.integer("userAccountControl").unwrap_or(0);
        let expires = entry.integer("accountExpires").unwrap_or(0);
        if flags & control::DISABLED != 0 {
            Some(Refusal::Disabled)
        } else if expires != 0 && expires != NEVER && expires <= instant {
            Some(Refusal::AccountExpired)
        } else if !self.workstation_allowed(entry) {
            Some(Refusal::Workstation)
        } else if !hour_allowed(entry, now) {
            Some(Refusal::LogonHours)
        } else if self.must_change(entry) {
            Some(Refusal::MustChangePassword)
        } else if self
            .password_expiry(entry)
            .is_some_and(|expiry| expiry <= instant)
        {
            Some(Refusal::PasswordExpired)
        } else {
            None
        }
    }

    /// A simple bind counts as a sign-in at the domain controller itself, so that a list of workstations without it
    /// refuses every bind.
    fn workstation_allowed(&self, entry: &Entry) -> bool {
        let Some(list) = entry.text("userWorkstations") else {
            return true;
        };
        list.split(',')
            .any(|name| name.trim().eq_ignore_ascii_case(&self.host))
    }

    fn must_change(&self, entry: &Entry) -> bool {
        let flags = entry.integer("userAccountControl").unwrap_or(0);
        flags & control::PASSWORD_NEVER_EXPIRES == 0 && entry.integer("pwdLastSet") == Some(0)
    }

    /// When the password expires (FILETIME); none when it never does.
    pub(super) fn password_expiry(&self, entry: &Entry) -> Option<i64> {
        let flags = entry.integer("userAccountControl").unwrap_or(0);
        if flags & control::PASSWORD_NEVER_EXPIRES != 0 {
            return None;
        }
        match entry.integer("pwdLastSet")? {
            0 => Some(0),
            set => Some(set.saturating_add(self.policy.max_password_age?)),
        }
    }

    /// The bits of msDS-User-Account-Control-Computed: locked, password expired (MS-ADTS 3.1.1.4.5.17).
    pub(super) fn computed_control(&self, id: EntryId, entry: &Entry, now: OffsetDateTime) -> i64 {
        let instant = filetime(now);
        let mut bits = 0;
        if self.is_locked(self.state(id, entry), instant) {
            bits |= control::LOCKED;
        }
        if self
            .password_expiry(entry)
            .is_some_and(|expiry| expiry <= instant)
        {
            bits |= control::PASSWORD_EXPIRED;
        }
        bits
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EntryId, LogonState>> {
        // Every change is one assignment, so a panic elsewhere cannot have left a state half-written.
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn initial(entry: &Entry) -> LogonState {
    let number = |name| entry.integer(name).unwrap_or(0);
    LogonState {
        bad_password_count: number("badPwdCount"),
        bad_password_time: number("badPasswordTime"),
        lockout_time: number("lockoutTime"),
        last_logon: number("lastLogon"),
    }
}

/// logonHours holds one bit for each hour of the week, from Sunday 00:00 UTC, lowest bit first.
fn hour_allowed(entry: &Entry, now: OffsetDateTime) -> bool {
    let Some(hours) = entry.octets("logonHours") else {
        return true;
    };
    let hour = usize::from(now.weekday().number_days_from_sunday()) * 24 + usize::from(now.hour());
    hours
        .get(hour / 8)
        .is_some_and(|byte| byte >> (hour % 8) & 1 == 1)
}

/// Finds the account that a bind names, in the forms that AD takes (MS-ADTS 5.1.1.1.1): DN, userPrincipalName,
/// `sAMAccountName@domain`, `DOMAIN\sAMAccountName`.
pub(super) fn resolve(tree: &Tree, name: &str) -> Option<EntryId> {
    // A DN comes first: its escapes look like the separator of `DOMAIN\name`.
    let by_dn = Dn::parse(name)
        .ok()
        .filter(|dn| dn.depth() > 0)
        .and_then(|dn| tree.by_name(&dn));
    by_dn
        .or_else(|| tree.lookup_text("userPrincipalName", name))
        .or_else(|| {
            let (domain, account) = match name.split_once('\\') {
                Some(parts) => parts,
                None => name
                    .rsplit_once('@')
                    .map(|(account, domain)| (domain, account))?,
            };
            is_domain(tree, domain).then(|| tree.lookup_text("sAMAccountName", account))?
        })
}

fn is_domain(tree: &Tree, name: &str) -> bool {
    name.eq_ignore_ascii_case(&tree.netbios_domain())
        || name.eq_ignore_ascii_case(&tree.dns_domain())
}
