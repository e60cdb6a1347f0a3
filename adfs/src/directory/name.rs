//! Names that people type to sign in.

use std::fmt;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// Longest name, in characters after normalisation (spec security PWD-2).
const MAX_CHARACTERS: usize = 256;
/// What Windows allows in no sAMAccountName, so a name with it belongs to nobody ([MS-SAMR] 3.1.1.6).
const NEVER_IN_ACCOUNT_NAME: [char; 14] = [
    '"', '/', '\\', '[', ']', ':', ';', '|', '=', ',', '+', '?', '<', '>',
];

/// A name in one of the two forms that AD FS takes: `user@suffix` or `DOMAIN\user`. In Unicode form NFKC, without
/// control characters, of bounded length.
#[derive(Clone, PartialEq, Eq)]
pub struct SignInName {
    domain: String,
    user: String,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Upn,
    DownLevel,
}

/// Why a text is no sign-in name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignInNameError {
    /// Longer than any name.
    #[error("the name is longer than {MAX_CHARACTERS} characters")]
    TooLong,
    /// A character that no name has.
    #[error("the name holds a control character")]
    ControlCharacter,
    /// Neither form.
    #[error("the name is neither user@domain nor DOMAIN\\user")]
    Form,
}

impl SignInName {
    /// Reads what was typed.
    ///
    /// # Errors
    /// See [`SignInNameError`].
    pub fn parse(text: &str) -> Result<SignInName, SignInNameError> {
        // A character gives at most 18 in NFKC; this bounds the work before the real bound is checked.
        if text.len() > MAX_CHARACTERS * 4 {
            return Err(SignInNameError::TooLong);
        }
        let name: String = text.nfkc().collect();
        if name.chars().count() > MAX_CHARACTERS {
            return Err(SignInNameError::TooLong);
        }
        if name.chars().any(char::is_control) {
            return Err(SignInNameError::ControlCharacter);
        }
        let (domain, user, form) = match name.split_once('\\') {
            Some((domain, user)) => (domain, user, Form::DownLevel),
            // The suffix is a domain name and has no `@`; what stands before it may.
            None => name
                .rsplit_once('@')
                .map(|(user, suffix)| (suffix, user, Form::Upn))
                .ok_or(SignInNameError::Form)?,
        };
        let fits = match form {
            Form::DownLevel => !user.contains(NEVER_IN_ACCOUNT_NAME) && !domain.contains('@'),
            Form::Upn => true,
        };
        if domain.trim().is_empty() || user.trim().is_empty() || !fits {
            return Err(SignInNameError::Form);
        }
        Ok(SignInName {
            domain: domain.to_owned(),
            user: user.to_owned(),
            form,
        })
    }

    /// The part that says which directory: the UPN's suffix, or what stands before the backslash.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The part that says which account of it.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The whole name, when it is a UPN.
    pub fn upn(&self) -> Option<String> {
        (self.form == Form::Upn).then(|| self.to_string())
    }
}

/// As it was typed, after normalisation.
impl fmt::Display for SignInName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.form {
            Form::Upn => write!(formatter, "{}@{}", self.user, self.domain),
            Form::DownLevel => write!(formatter, "{}\\{}", self.domain, self.user),
        }
    }
}

impl fmt::Debug for SignInName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SignInName({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_are_read() {
        for (text, domain, user, upn) in [
            ("alice@contoso.test", "contoso.test", "alice", true),
            ("CONTOSO\\alice", "CONTOSO", "alice", false),
            ("contoso.test\\o'brien", "contoso.test", "o'brien", false),
            ("a@b@contoso.test", "contoso.test", "a@b", true),
            ("ｚｏë@contoso.test", "contoso.test", "zoë", true),
            ("*)(uid=*@contoso.test", "contoso.test", "*)(uid=*", true),
        ] {
            let name = SignInName::parse(text).expect(text);
            assert_eq!(
                (name.domain(), name.user(), name.upn().is_some()),
                (domain, user, upn),
                "{text}"
            );
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let long = format!("{}@contoso.test", "a".repeat(MAX_CHARACTERS));
        // U+FDFA becomes 18 characters.
        let growing = format!("{}@c", "\u{fdfa}".repeat(20));
        for (text, error) in [
            ("", SignInNameError::Form),
            ("alice", SignInNameError::Form),
            ("@contoso.test", SignInNameError::Form),
            ("alice@", SignInNameError::Form),
            (" @ ", SignInNameError::Form),
            ("\\alice", SignInNameError::Form),
            ("CONTOSO\\", SignInNameError::Form),
            ("CONTOSO\\a\\b", SignInNameError::Form),
            ("CONTOSO\\a,b", SignInNameError::Form),
            ("a@b\\c", SignInNameError::Form),
            ("al\0ice@contoso.test", SignInNameError::ControlCharacter),
            ("alice@contoso.test\n", SignInNameError::ControlCharacter),
            (long.as_str(), SignInNameError::TooLong),
            (growing.as_str(), SignInNameError::TooLong),
        ] {
            assert_eq!(SignInName::parse(text), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_what_it_prints(text in "\\PC{0,40}[@\\\\]\\PC{0,40}") {
            if let Ok(name) = SignInName::parse(&text) {
                prop_assert_eq!(SignInName::parse(&name.to_string()), Ok(name.clone()));
                prop_assert!(!name.user().chars().any(char::is_control));
                prop_assert!(name.to_string().chars().count() <= MAX_CHARACTERS);
            }
        }
    }
}
