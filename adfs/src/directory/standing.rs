//! Whether an account may be used, judged by its attributes.
//!
//! Active Directory enforces these by itself when the user binds; servers that only store the attributes do not, and a
//! session that goes on without a bind has nothing but the attributes.

use time::OffsetDateTime;

use super::entry::Entry;
use super::file_time::FileTime;
use super::reason::Reason;
use crate::config::AttributeNames;

/// Flags of userAccountControl and msDS-User-Account-Control-Computed ([MS-ADTS] 2.2.16).
const ACCOUNT_DISABLE: i64 = 0x2;
const LOCKOUT: i64 = 0x10;
const DONT_EXPIRE_PASSWORD: i64 = 0x1_0000;
const PASSWORD_EXPIRED: i64 = 0x80_0000;

/// What the attributes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    disabled: bool,
    locked: bool,
    account_expires: FileTime,
    must_change: bool,
    password_expired: bool,
    pub(super) password_set: Option<OffsetDateTime>,
    pub(super) password_expires: Option<OffsetDateTime>,
}

impl Standing {
    /// Reads the attributes. Absent ones say nothing.
    ///
    /// # Errors
    /// [`Reason::Unreadable`] when one is there and cannot be understood: it may be what forbids the sign-in.
    pub(super) fn read(entry: &Entry, names: &AttributeNames) -> Result<Standing, Reason> {
        let flags = number(entry, &names.user_account_control)?.unwrap_or(0);
        let computed = number(entry, &names.user_account_control_computed)?;
        let lockout = time(entry, &names.lockout_time)?;
        let password_set = time(entry, &names.pwd_last_set)?;
        let password_expires = time(entry, &names.password_expires)?;
        let never_expires = flags & DONT_EXPIRE_PASSWORD != 0;
        Ok(Standing {
            disabled: flags & ACCOUNT_DISABLE != 0,
            // The time of a lockout stays after the lockout is over, and only a directory that computes the flag
            // knows its duration.
            locked: match computed {
                Some(computed) => computed & LOCKOUT != 0,
                None => matches!(lockout, Some(FileTime::At(_))),
            },
            account_expires: time(entry, &names.account_expires)?.unwrap_or(FileTime::Never),
            must_change: password_set == Some(FileTime::Never) && !never_expires,
            password_expired: computed.is_some_and(|computed| computed & PASSWORD_EXPIRED != 0),
            password_set: moment(password_set),
            password_expires: moment(password_expires).filter(|_| !never_expires),
        })
    }

    /// Why the account may not sign in now, though its password is right.
    pub(super) fn refusal(&self, now: OffsetDateTime) -> Option<Reason> {
        if self.disabled {
            Some(Reason::Disabled)
        } else if self.has_expired(now) {
            Some(Reason::AccountExpired)
        } else if self.locked {
            Some(Reason::Locked)
        } else if self.must_change {
            Some(Reason::MustChangePassword)
        } else if self.password_expired
            || self.password_expires.is_some_and(|expires| expires <= now)
        {
            Some(Reason::PasswordExpired)
        } else {
            None
        }
    }

    /// Whether a session that began at `signed_in_at` still holds. A lock does not end it: otherwise anybody could end
    /// it by guessing. A password that must be changed does: that is how a reset by an administrator looks.
    pub(super) fn holds_since(&self, signed_in_at: OffsetDateTime, now: OffsetDateTime) -> bool {
        let reset = self.must_change || self.password_set.is_some_and(|set| set > signed_in_at);
        !self.disabled && !self.has_expired(now) && !reset
    }

    fn has_expired(&self, now: OffsetDateTime) -> bool {
        matches!(self.account_expires, FileTime::At(expires) if expires <= now)
    }
}

fn moment(time: Option<FileTime>) -> Option<OffsetDateTime> {
    match time? {
        FileTime::At(instant) => Some(instant),
        FileTime::Never => None,
    }
}

fn number(entry: &Entry, attribute: &str) -> Result<Option<i64>, Reason> {
    single(entry, attribute)?
        .map(|text| text.parse().map_err(|_| Reason::Unreadable))
        .transpose()
}

fn time(entry: &Entry, attribute: &str) -> Result<Option<FileTime>, Reason> {
    single(entry, attribute)?
        .map(|text| FileTime::parse(text).ok_or(Reason::Unreadable))
        .transpose()
}

fn single<'e>(entry: &'e Entry, attribute: &str) -> Result<Option<&'e str>, Reason> {
    match entry.octets(attribute) {
        [] => Ok(None),
        [value] => std::str::from_utf8(value)
            .map(Some)
            .map_err(|_| Reason::Unreadable),
        _ => Err(Reason::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2024-01-01 00:00 UTC);
    const PAST: &str = "133485407990000000";
    const FUTURE: &str = "133485408010000000";

    fn names() -> AttributeNames {
        AttributeNames::default()
    }

    fn standing(attributes: &[(&str, &str)]) -> Result<Standing, Reason> {
        let attributes: Vec<(&str, &[u8])> = attributes
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect();
        Standing::read(&Entry::of("CN=a", &attributes), &names())
    }

    #[test]
    fn attributes_decide_who_may_sign_in() {
        for (attributes, refusal) in [
            (&[] as &[(&str, &str)], None),
            (&[("userAccountControl", "512")], None),
            (&[("userAccountControl", "0")], None),
            (&[("userAccountControl", "514")], Some(Reason::Disabled)),
            (&[("accountExpires", "0")], None),
            (&[("accountExpires", "9223372036854775807")], None),
            (&[("accountExpires", PAST)], Some(Reason::AccountExpired)),
            (&[("accountExpires", FUTURE)], None),
            (&[("lockoutTime", "0")], None),
            (&[("lockoutTime", PAST)], Some(Reason::Locked)),
            // The directory knows that the lock is over.
            (
                &[
                    ("lockoutTime", PAST),
                    ("msDS-User-Account-Control-Computed", "0"),
                ],
                None,
            ),
            (
                &[("msDS-User-Account-Control-Computed", "16")],
                Some(Reason::Locked),
            ),
            (
                &[("msDS-User-Account-Control-Computed", "8388608")],
                Some(Reason::PasswordExpired),
            ),
            (&[("pwdLastSet", "0")], Some(Reason::MustChangePassword)),
            (
                &[("pwdLastSet", "0"), ("userAccountControl", "66048")],
                None,
            ),
            (&[("pwdLastSet", PAST)], None),
            (
                &[("msDS-UserPasswordExpiryTimeComputed", PAST)],
                Some(Reason::PasswordExpired),
            ),
            (&[("msDS-UserPasswordExpiryTimeComputed", FUTURE)], None),
            (
                &[
                    ("msDS-UserPasswordExpiryTimeComputed", PAST),
                    ("userAccountControl", "66048"),
                ],
                None,
            ),
            (
                &[("pwdLastSet", "0"), ("userAccountControl", "514")],
                Some(Reason::Disabled),
            ),
        ] {
            assert_eq!(
                standing(attributes).expect("a standing").refusal(NOW),
                refusal,
                "{attributes:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_forbids() {
        for attribute in [
            ("userAccountControl", "x"),
            ("userAccountControl", ""),
            ("accountExpires", "-1"),
            ("accountExpires", "20240101000000Z"),
            ("lockoutTime", "1e3"),
            ("pwdLastSet", "99999999999999999999"),
            ("msDS-User-Account-Control-Computed", "0x10"),
        ] {
            assert_eq!(
                standing(&[attribute]),
                Err(Reason::Unreadable),
                "{attribute:?}"
            );
        }
    }

    #[test]
    fn sessions_end_with_the_account_or_the_password() {
        let before = NOW - time::Duration::hours(1);
        for (attributes, since, holds) in [
            (&[] as &[(&str, &str)], before, true),
            (&[("pwdLastSet", PAST)], NOW, true),
            (&[("pwdLastSet", PAST)], before, false),
            (&[("pwdLastSet", "0")], NOW, false),
            (
                &[("pwdLastSet", "0"), ("userAccountControl", "66048")],
                NOW,
                true,
            ),
            (&[("userAccountControl", "514")], NOW, false),
            (&[("accountExpires", PAST)], NOW, false),
            (&[("lockoutTime", PAST)], NOW, true),
        ] {
            assert_eq!(
                standing(attributes)
                    .expect("a standing")
                    .holds_since(since, NOW),
                holds,
                "{attributes:?}"
            );
        }
    }
}
