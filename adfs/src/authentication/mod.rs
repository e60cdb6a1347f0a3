//! The ways to prove who one is. Each ends in a [`Proof`], which only this module can make.

mod password;

use time::OffsetDateTime;

use crate::directory::AuthenticatedAccount;

pub use password::{Credentials, Mistake, PasswordFailure, verify_password};

/// Method URI of a password over TLS, as tokens name it (spec passive-sign-in 2.11).
pub const PASSWORD_PROTECTED_TRANSPORT: &str =
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

/// Somebody proved to be this account, just now.
#[derive(Debug)]
pub struct Proof {
    account: AuthenticatedAccount,
    method: &'static str,
    instant: OffsetDateTime,
}

impl Proof {
    /// Who.
    pub fn account(&self) -> &AuthenticatedAccount {
        &self.account
    }

    /// How, as a method URI.
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// When.
    pub fn instant(&self) -> OffsetDateTime {
        self.instant
    }
}
