//! Why a sign-in is refused: what the directory said, for the audit and never for the person at the keyboard.

use std::fmt;

use ldap3::LdapResult;

/// The inner reason of a refusal. To the outside all of them look the same (spec security WEB-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No account has the name.
    UnknownUser,
    /// No directory has the domain.
    UnknownDomain,
    /// More than one account has the name.
    Ambiguous,
    /// The password is wrong.
    WrongPassword,
    /// Outside the account's logon hours.
    LogonHours,
    /// Not from this machine.
    Workstation,
    /// The password is right and has expired.
    PasswordExpired,
    /// The account is disabled.
    Disabled,
    /// The account has expired.
    AccountExpired,
    /// The password is right and must be changed first.
    MustChangePassword,
    /// The account is locked.
    Locked,
    /// The directory was not asked: too many wrong passwords came from outside (extranet lockout).
    ExtranetLockout,
    /// The directory was not asked: the address is banned.
    BannedAddress,
    /// An attribute that decides about the account cannot be read.
    Unreadable,
    /// The directory gives another reason.
    Other {
        /// LDAP result code.
        result: u32,
        /// Windows error code from the diagnostic text, or 0.
        code: u32,
    },
}

/// Result codes of a bind that are about the account (RFC 4511 appendix A).
const INVALID_CREDENTIALS: u32 = 49;
const NO_SUCH_OBJECT: u32 = 32;
const CONSTRAINT_VIOLATION: u32 = 19;
const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;
const UNWILLING_TO_PERFORM: u32 = 53;

impl Reason {
    /// What a failed bind says about the account; `None` when it says something about the server instead.
    pub(super) fn of_bind(result: &LdapResult) -> Option<Reason> {
        match result.rc {
            INVALID_CREDENTIALS => Some(match windows_code(&result.text) {
                None | Some(0x52e) => Reason::WrongPassword,
                Some(0x525) => Reason::UnknownUser,
                Some(0x530) => Reason::LogonHours,
                Some(0x531) => Reason::Workstation,
                Some(0x532) => Reason::PasswordExpired,
                Some(0x533) => Reason::Disabled,
                Some(0x701) => Reason::AccountExpired,
                Some(0x773) => Reason::MustChangePassword,
                Some(0x775) => Reason::Locked,
                Some(code) => Reason::Other {
                    result: result.rc,
                    code,
                },
            }),
            // Some servers answer so for an account that was removed, locked or made inactive.
            NO_SUCH_OBJECT
            | CONSTRAINT_VIOLATION
            | INAPPROPRIATE_AUTHENTICATION
            | INSUFFICIENT_ACCESS_RIGHTS
            | UNWILLING_TO_PERFORM => Some(Reason::Other {
                result: result.rc,
                code: 0,
            }),
            _ => None,
        }
    }

    /// Whether the person may go on with a new password.
    pub(super) fn is_about_an_old_password(self) -> bool {
        matches!(self, Reason::PasswordExpired | Reason::MustChangePassword)
    }
}

/// The `data XXX` of Active Directory's diagnostic text, a Windows error code in hexadecimal.
fn windows_code(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("AcceptSecurityContext error, data ")?;
    let end = rest
        .find(|character: char| !character.is_ascii_hexdigit())
        .unwrap_or(rest.len());
    u32::from_str_radix(rest.get(..end)?, 16).ok()
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Reason::UnknownUser => "unknown user",
            Reason::UnknownDomain => "unknown domain",
            Reason::Ambiguous => "more than one account has the name",
            Reason::WrongPassword => "wrong password",
            Reason::LogonHours => "outside the account's logon hours",
            Reason::Workstation => "not allowed from this machine",
            Reason::PasswordExpired => "the password has expired",
            Reason::Disabled => "the account is disabled",
            Reason::AccountExpired => "the account has expired",
            Reason::MustChangePassword => "the password must be changed",
            Reason::Locked => "the account is locked",
            Reason::ExtranetLockout => {
                "extranet lockout: too many wrong passwords, the directory was not asked"
            }
            Reason::BannedAddress => "the address is banned, the directory was not asked",
            Reason::Unreadable => "the state of the account cannot be read",
            Reason::Other { result, code } => {
                return write!(formatter, "LDAP result {result}, data {code:x}");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(rc: u32, text: &str) -> LdapResult {
        LdapResult {
            rc,
            matched: String::new(),
            text: text.to_owned(),
            refs: Vec::new(),
            ctrls: Vec::new(),
        }
    }

    #[test]
    fn the_codes_of_active_directory() {
        for (data, reason) in [
            ("525", Reason::UnknownUser),
            ("52e", Reason::WrongPassword),
            ("52E", Reason::WrongPassword),
            ("530", Reason::LogonHours),
            ("531", Reason::Workstation),
            ("532", Reason::PasswordExpired),
            ("533", Reason::Disabled),
            ("701", Reason::AccountExpired),
            ("773", Reason::MustChangePassword),
            ("775", Reason::Locked),
            (
                "568",
                Reason::Other {
                    result: 49,
                    code: 0x568,
                },
            ),
            ("fffffffff", Reason::WrongPassword),
            ("", Reason::WrongPassword),
        ] {
            for end in [", v4563\0", ""] {
                let text = format!(
                    "80090308: LdapErr: DSID-0C09042F, comment: AcceptSecurityContext error, data {data}{end}"
                );
                assert_eq!(Reason::of_bind(&result(49, &text)), Some(reason), "{text}");
            }
        }
        assert_eq!(
            Reason::of_bind(&result(49, "data 773")),
            Some(Reason::WrongPassword)
        );
    }

    #[test]
    fn what_is_about_the_server_is_no_reason() {
        for code in [1, 2, 3, 7, 8, 10, 11, 13, 51, 52, 80] {
            assert_eq!(Reason::of_bind(&result(code, "")), None, "{code}");
        }
        assert_eq!(
            Reason::of_bind(&result(53, "")),
            Some(Reason::Other {
                result: 53,
                code: 0
            })
        );
    }
}
