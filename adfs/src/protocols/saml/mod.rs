//! SAML 2.0 as an identity provider: messages in, a form with a `Response` out (spec passive-sign-in 3).
//!
//! A message passes through types: [`Received`] is what a binding brought, [`Admitted`] is of a registered relying party
//! and signed as it has to be, and [`CheckedSignIn`] has an answer's address among the registered ones. Only the last
//! can be answered, with a token or with a refusal.

mod artifact;
mod consumer;
mod demand;
pub mod idp_initiated;
pub mod logout;
pub mod pending;
mod received;
pub mod resolution;
mod respond;
mod sealing;
mod sign_in;

pub use received::{MessageName, Received};
pub use respond::{SamlError, respond, tell};
pub use sign_in::{Admitted, Arrival, CheckedSignIn};
