//! What a protocol adapter asks of the pipeline.

use std::sync::Arc;

use time::Duration;

use crate::config::RelyingPartyTrust;

/// How old the proof of identity may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// As old as the session lives.
    AnyAge,
    /// At most this old.
    AtMost(Duration),
    /// Made for this very transaction.
    Now,
}

/// How the user must have proved the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DemandedMethod {
    /// Any method that policy allows.
    Any,
    /// User name and password.
    Password,
    /// A second factor besides the first.
    SecondFactor,
}

/// A checked request: the relying party exists, is enabled, and may be answered where the adapter will answer it.
#[derive(Debug, Clone)]
pub struct SignInRequest {
    /// Who asks.
    pub relying_party: Arc<RelyingPartyTrust>,
    /// By which of its identifiers; becomes the audience.
    pub identifier: String,
    /// Demanded freshness.
    pub freshness: Freshness,
    /// Demanded method.
    pub method: DemandedMethod,
    /// Recognises the transaction when the browser comes back with fresh credentials.
    pub transaction: [u8; 32],
}
