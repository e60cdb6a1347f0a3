//! Sign-in at claims providers: our requests to them out, their answers in (spec passive-sign-in 7.4).

pub mod openid;
mod pending;
pub mod saml;
mod sign_out;
pub mod wsfed;

use federation::assertion::AssertionError;
use federation::dsig::SignatureError;
use federation::saml2::MessageError;
use federation::wsfed::ResultError;
use federation::xmlenc::decrypt::DecryptionError;
use thiserror::Error;

pub use pending::{MAX_TARGET, Pending};
pub use sign_out::PendingSignOut;

use crate::authentication::AssertionRefusal;

/// Why a claims provider's answer is not accepted. For the log: the user learns only that it was not.
#[derive(Debug, Error)]
pub enum AnswerError {
    /// The envelope.
    #[error(transparent)]
    Envelope(#[from] ResultError),
    /// Unsigned, signed by somebody else, or changed.
    #[error("its signature was not accepted: {0}")]
    Signature(#[from] SignatureError),
    /// The assertion cannot be read.
    #[error(transparent)]
    Assertion(#[from] AssertionError),
    /// A SAML message that cannot be read.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Encrypted, and not for us or not as we accept it.
    #[error(transparent)]
    Encrypted(#[from] DecryptionError),
    /// A response for another place, from another place, or without what a signed one must say.
    #[error("its response has another {0} than it should, or none")]
    Response(&'static str),
    /// A response that reports success and holds no assertion.
    #[error("its response holds no assertion")]
    NoAssertion,
    /// The claims provider's own refusal.
    #[error("it refused, with the status {code:?} and the detail {detail:?}")]
    Status {
        /// First-level code, as it came.
        code: String,
        /// Second-level code, as it came.
        detail: Option<String>,
    },
    /// By OpenID Connect.
    #[error(transparent)]
    OpenId(#[from] openid::OpenIdError),
    /// It is not for us, not for now, or not for this.
    #[error("its assertion was not accepted: {0}")]
    Refused(#[from] AssertionRefusal),
}
