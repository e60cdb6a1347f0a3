//! User name and password against the directory.

use super::lockout;
use super::{PASSWORD_PROTECTED_TRANSPORT, Proof};
use crate::claims::RequestContext;
use crate::directory::{Password, SignInName, SignInRefusal};
use crate::state::Federation;
use crate::store::StoreError;

/// Longest password that the page takes, in characters (spec passive-sign-in 5.2, `maxPasswordLength`).
const MAX_PASSWORD_CHARACTERS: usize = 128;

/// A typing mistake that needs no directory to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// Neither `domain\user` nor `user@domain`.
    UserName,
    /// No password, or only white space.
    PasswordEmpty,
    /// More than 128 characters.
    PasswordTooLong,
}

/// A name and a password that may be sent to the directory. A password that a directory would take for an anonymous
/// bind cannot be in here.
#[derive(Debug)]
pub struct Credentials {
    pub(super) name: SignInName,
    pub(super) password: Password,
}

impl Credentials {
    /// Checks what was typed.
    ///
    /// # Errors
    /// The first mistake.
    pub fn read(name: &str, password: &str) -> Result<Credentials, Mistake> {
        let name = SignInName::parse(name.trim()).map_err(|_| Mistake::UserName)?;
        if password.trim().is_empty() {
            return Err(Mistake::PasswordEmpty);
        }
        if password.chars().count() > MAX_PASSWORD_CHARACTERS {
            return Err(Mistake::PasswordTooLong);
        }
        // What is left that the directory's own type refuses (U+0000) cannot be any account's password either.
        let password = Password::new(password.to_owned()).map_err(|_| Mistake::PasswordEmpty)?;
        Ok(Credentials { name, password })
    }

    /// The name, for the audit.
    pub fn name(&self) -> &SignInName {
        &self.name
    }
}

/// Why there is no proof.
#[derive(Debug)]
pub enum PasswordFailure {
    /// Wrong credentials, an expired password after a right one, or no answer of the directory.
    Refused(SignInRefusal),
    /// The attempt could not be counted, so the directory was not asked (spec security LOCK-7).
    Uncounted(StoreError),
}

/// Asks the directory, within the limits of extranet lockout.
///
/// # Errors
/// See [`PasswordFailure`].
pub async fn verify_password(
    federation: &Federation,
    credentials: &Credentials,
    context: &RequestContext,
) -> Result<Proof, PasswordFailure> {
    let directory = &federation.directory;
    let candidate = directory
        .candidate(&credentials.name)
        .await
        .map_err(|error| PasswordFailure::Refused(error.into()))?;
    let account = lockout::within(
        federation,
        &credentials.name,
        context,
        candidate,
        async |candidate| {
            directory
                .try_password(candidate, &credentials.password)
                .await
        },
    )
    .await?;
    let now = federation.clock.now();
    Ok(Proof::of_account(
        account,
        PASSWORD_PROTECTED_TRANSPORT,
        now,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_seen_before_the_directory_is_asked() {
        let long = "x".repeat(129);
        let cases = [
            ("", "p", Mistake::UserName),
            ("alice", "p", Mistake::UserName),
            ("alice@contoso.test", "", Mistake::PasswordEmpty),
            ("alice@contoso.test", " \t ", Mistake::PasswordEmpty),
            ("alice@contoso.test", &long, Mistake::PasswordTooLong),
        ];
        for (name, password, mistake) in cases {
            assert_eq!(
                Credentials::read(name, password).err(),
                Some(mistake),
                "{name}"
            );
        }
        assert!(Credentials::read(" CONTOSO\\o'brien ", "Pass@word1").is_ok());
    }
}
