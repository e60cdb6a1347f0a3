//! Sign-in to this service itself, which no relying party waits for (spec passive-sign-in 3.9).

use std::sync::Arc;

use crate::config::{Configuration, RelyingPartyTrust};
use crate::sign_in::{DemandedMethod, Freshness, Refusal, SignInRequest};

/// The request. It passes through the same pipeline as all others, so that every policy of the service applies.
#[derive(Debug)]
pub struct LocalSignIn {
    /// For the pipeline.
    pub request: SignInRequest,
}

impl LocalSignIn {
    /// A sign-in of anybody who can. `transaction` recognises the request later.
    ///
    /// # Errors
    /// [`Refusal::Issuance`] when the service cannot stand for a relying party.
    pub fn new(
        configuration: &Configuration,
        transaction: [u8; 32],
    ) -> Result<LocalSignIn, Refusal> {
        let service = &configuration.service;
        let ourselves = RelyingPartyTrust::of_service(service).ok_or(Refusal::Issuance)?;
        Ok(LocalSignIn {
            request: SignInRequest {
                relying_party: Arc::new(ourselves),
                identifier: service.identifier.clone(),
                freshness: Freshness::AnyAge,
                method: DemandedMethod::Any,
                transaction,
            },
        })
    }
}
