//! What the protocols that browsers speak have in common, so that one flow serves them all.

use thiserror::Error;

use super::{LocalSignIn, saml, wsfed};
use crate::sign_in::{Permit, Refusal, SignInRequest};
use crate::state::Federation;

/// A form that the browser posts by itself: hidden fields for one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoPost {
    /// The relying party's address, its port written out.
    pub action: String,
    /// Names and values in order.
    pub fields: Vec<(&'static str, String)>,
}

/// A message for the browser to carry, to an address that is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// By a redirect to this address.
    Redirect(String),
    /// By a form.
    Post(AutoPost),
}

/// A token on its way to the relying party.
#[derive(Debug)]
pub struct Issued {
    /// How it gets there.
    pub outgoing: Outgoing,
    /// The registered address, without anything secret.
    pub endpoint: String,
    /// Id of the assertion, for the audit.
    pub token_id: String,
    /// Who takes part in single logout from now on, where the protocol has it.
    pub participant: Option<saml::logout::Participant>,
}

/// Why no answer could be made of a permit.
#[derive(Debug, Error)]
pub enum RespondError {
    /// WS-Federation.
    #[error(transparent)]
    WsFed(#[from] wsfed::WsFedError),
    /// SAML 2.0.
    #[error(transparent)]
    Saml(#[from] saml::SamlError),
    /// A sign-in here has no answer for anybody.
    #[error("no relying party waits for a token of this sign-in")]
    NobodyWaits,
}

impl RespondError {
    /// What the browser, or the relying party, is told. The rest is for the log.
    pub fn refusal(&self) -> Refusal {
        match self {
            RespondError::WsFed(_) | RespondError::NobodyWaits => Refusal::Issuance,
            RespondError::Saml(error) => error.refusal(),
        }
    }
}

/// A sign-in request of whichever protocol that may be answered: the relying party is registered, and so is the address
/// that the answer goes to.
#[derive(Debug)]
pub enum CheckedSignIn {
    /// WS-Federation passive.
    WsFed(wsfed::CheckedSignIn),
    /// SAML 2.0.
    Saml(saml::CheckedSignIn),
    /// No protocol: the user wants to be signed in here.
    Local(LocalSignIn),
}

impl CheckedSignIn {
    /// For the pipeline.
    pub fn request(&self) -> &SignInRequest {
        match self {
            CheckedSignIn::WsFed(checked) => &checked.request,
            CheckedSignIn::Saml(checked) => &checked.request,
            CheckedSignIn::Local(checked) => &checked.request,
        }
    }

    /// For the form's user name field; empty without a hint.
    pub fn user_name(&self) -> &str {
        match self {
            CheckedSignIn::WsFed(checked) => &checked.user_name,
            CheckedSignIn::Saml(checked) => &checked.user_name,
            CheckedSignIn::Local(_) => "",
        }
    }

    /// Claims providers that the message names, the most wanted first (SAML 2.0 Core 3.4.1.2, `IDPList`).
    pub fn identity_providers(&self) -> &[String] {
        match self {
            CheckedSignIn::WsFed(_) | CheckedSignIn::Local(_) => &[],
            CheckedSignIn::Saml(checked) => &checked.identity_providers,
        }
    }

    /// Whether the user may be asked nothing, so that instead of a page the relying party is told.
    pub fn is_passive(&self) -> bool {
        match self {
            CheckedSignIn::WsFed(_) | CheckedSignIn::Local(_) => false,
            CheckedSignIn::Saml(checked) => checked.is_passive,
        }
    }

    /// What already stands against the request, for the relying party to know.
    pub fn unmet(&self) -> Option<&Refusal> {
        match self {
            CheckedSignIn::WsFed(_) | CheckedSignIn::Local(_) => None,
            CheckedSignIn::Saml(checked) => checked.unmet.as_ref(),
        }
    }

    /// The answer to a permitted sign-in.
    ///
    /// # Errors
    /// When the claims cannot be written as the protocol demands, or signing fails.
    pub async fn respond(
        &self,
        federation: &Federation,
        permit: &Permit,
    ) -> Result<Issued, RespondError> {
        match self {
            CheckedSignIn::WsFed(checked) => Ok(wsfed::respond(federation, checked, permit)?),
            CheckedSignIn::Saml(checked) => Ok(saml::respond(federation, checked, permit).await?),
            CheckedSignIn::Local(_) => Err(RespondError::NobodyWaits),
        }
    }

    /// How the relying party is told of a refusal, where its protocol does that instead of a page for the user.
    pub async fn tell(&self, federation: &Federation, refusal: &Refusal) -> Option<Outgoing> {
        match self {
            // There is no message for it, or nobody to tell.
            CheckedSignIn::WsFed(_) | CheckedSignIn::Local(_) => None,
            CheckedSignIn::Saml(checked) => saml::tell(federation, checked, refusal).await,
        }
    }
}
