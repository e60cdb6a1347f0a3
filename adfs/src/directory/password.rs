//! A password on its way to a bind.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use zeroize::Zeroizing;

/// What the 128 characters that the page takes can need in UTF-8.
const MAX_OCTETS: usize = 512;

/// A password that may be sent. Directories take a bind with an empty password for an anonymous one and let it succeed
/// (RFC 4513 section 5.1.2), so such a value cannot be made. It cannot be printed, and its memory is overwritten when
/// the last clone is dropped.
#[derive(Clone)]
pub struct Password(Arc<Zeroizing<String>>);

/// Why a text may not be sent as a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Nothing, or white space alone.
    #[error("the password is empty")]
    Empty,
    /// Some servers end a password at U+0000 and would take the rest for an empty one.
    #[error("the password holds U+0000")]
    Nul,
    /// Longer than any real one.
    #[error("the password is longer than {MAX_OCTETS} octets")]
    TooLong,
}

impl Password {
    /// Takes a password.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub fn new(text: String) -> Result<Password, PasswordError> {
        let text = Zeroizing::new(text);
        if text.trim().is_empty() {
            return Err(PasswordError::Empty);
        }
        if text.contains('\0') {
            return Err(PasswordError::Nul);
        }
        if text.len() > MAX_OCTETS {
            return Err(PasswordError::TooLong);
        }
        Ok(Password(Arc::new(text)))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_a_directory_could_misread_cannot_be_made() {
        let refusal = |text: &str| Password::new(text.to_owned()).err();
        for text in ["", " ", "\t\u{a0}\u{3000}"] {
            assert_eq!(refusal(text), Some(PasswordError::Empty), "{text:?}");
        }
        assert_eq!(refusal("a\0b"), Some(PasswordError::Nul));
        assert_eq!(
            refusal(&"a".repeat(MAX_OCTETS + 1)),
            Some(PasswordError::TooLong)
        );
        let password = Password::new(" Pass@word1 ".to_owned()).expect("a password");
        assert_eq!(password.expose(), " Pass@word1 ");
        assert_eq!(format!("{password:?}"), "Password(..)");
    }
}
