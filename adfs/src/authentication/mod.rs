//! The ways to prove who one is. Each ends in a [`Proof`], which only this module can make.

mod claims_provider;
mod id_token;
mod local_provider;
mod lockout;
mod password;

use std::sync::Arc;

use time::OffsetDateTime;

use crate::claims::AssertedIdentity;
use crate::directory::AuthenticatedAccount;

pub use claims_provider::{AssertionRefusal, Expectation, accept_assertion};
pub use id_token::{IdTokenDemand, accept_id_token};
pub use local_provider::{local_identity, verify_password_at};
pub use lockout::key as account_key;
pub use password::{Credentials, Mistake, PasswordFailure, verify_password};

/// Method URI of a password over TLS, as tokens name it (spec passive-sign-in 2.11).
pub const PASSWORD_PROTECTED_TRANSPORT: &str =
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

/// Somebody proved the identity, or a claims provider vouches for it.
#[derive(Debug)]
pub struct Proof {
    who: Identified,
    method: String,
    methods: Vec<String>,
    instant: OffsetDateTime,
    ends: Option<OffsetDateTime>,
    now: OffsetDateTime,
}

/// Who proved it.
#[derive(Debug, Clone)]
pub enum Identified {
    /// The owner of a directory account.
    Account(AuthenticatedAccount),
    /// Somebody whom a claims provider knows.
    Asserted(Arc<AssertedIdentity>),
}

impl Proof {
    /// Of the owner of an account, just now.
    fn of_account(account: AuthenticatedAccount, method: &str, now: OffsetDateTime) -> Proof {
        Proof {
            who: Identified::Account(account),
            method: method.to_owned(),
            methods: vec![method.to_owned()],
            instant: now,
            ends: None,
            now,
        }
    }

    /// Who.
    pub fn who(&self) -> &Identified {
        &self.who
    }

    /// How, as a method URI.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Every method that counts, the first among them.
    pub fn methods(&self) -> &[String] {
        &self.methods
    }

    /// When the user signed in. With a claims provider that may have been long ago.
    pub fn instant(&self) -> OffsetDateTime {
        self.instant
    }

    /// When the session at the claims provider ends, where it says so; ours must not outlive it.
    pub fn ends(&self) -> Option<OffsetDateTime> {
        self.ends
    }

    /// When the proof was given to us.
    pub fn given_at(&self) -> OffsetDateTime {
        self.now
    }
}
