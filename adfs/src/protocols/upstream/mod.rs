//! Sign-in at claims providers: our requests to them out, their answers in (spec passive-sign-in 7.4).

mod pending;
pub mod wsfed;

use federation::assertion::AssertionError;
use federation::dsig::SignatureError;
use federation::wsfed::ResultError;
use thiserror::Error;

pub use pending::{MAX_TARGET, Pending};

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
    /// Encrypted tokens.
    #[error(
        "its token is encrypted, which this server does not read; switch encryption off for this service at the claims provider"
    )]
    Encrypted,
    /// It is not for us, not for now, or not for this.
    #[error("its assertion was not accepted: {0}")]
    Refused(#[from] AssertionRefusal),
}
