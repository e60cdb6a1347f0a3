//! WS-Federation passive: `wa` requests in, the form with `wresult` out (spec passive-sign-in 2).

mod demand;
mod respond;

use federation::endpoints::ReplyUrl;
use federation::wsfed::{
    PassiveRequest, RequestError, SignInRequest as Wire, SignOutRequest, TokenType,
    requested_token_type,
};

pub use respond::{WsFedError, respond};

use crate::config::{Configuration, RelyingPartyTrust};
use crate::sign_in::{Freshness, Refusal, SignInRequest};

/// Longest name that is put into the form for the user.
const MAX_USER_NAME: usize = 256;

/// What a `wa` asks for.
#[derive(Debug)]
pub enum Message {
    /// `wsignin1.0`.
    SignIn(SignInMessage),
    /// `wsignout1.0`.
    SignOut(SignOutRequest),
    /// `wsignoutcleanup1.0`.
    Cleanup,
}

/// A sign-in request as it came: well formed, and nothing about it checked.
#[derive(Debug)]
pub struct SignInMessage(Box<Wire>);

/// A sign-in request that may be answered.
#[derive(Debug)]
pub struct CheckedSignIn {
    /// For the pipeline.
    pub request: SignInRequest,
    /// For the form.
    pub user_name: String,
    reply: ReplyUrl,
    wctx: Option<String>,
    /// The kind of token that `wreq` wishes for.
    token_type: Option<TokenType>,
}

/// Reads the decoded parameters of a request that has a `wa`.
///
/// # Errors
/// [`Refusal::NoHandler`] for a `wa` that is not ours, [`Refusal::Malformed`] for repeated or contradicting parameters.
pub fn read(parameters: &[(String, String)]) -> Result<Message, Refusal> {
    match PassiveRequest::parse(parameters) {
        Ok(PassiveRequest::SignIn(message)) => {
            Ok(Message::SignIn(SignInMessage(Box::new(message))))
        }
        Ok(PassiveRequest::SignOut(message)) => Ok(Message::SignOut(message)),
        Ok(PassiveRequest::SignOutCleanup(_)) => Ok(Message::Cleanup),
        Err(RequestError::UnknownAction) => Err(Refusal::NoHandler),
        Err(_) => Err(Refusal::Malformed),
    }
}

impl SignInMessage {
    /// Finds the relying party and decides where the answer may go. `transaction` recognises the request later.
    ///
    /// # Errors
    /// [`Refusal::UnknownRelyingParty`], [`Refusal::ReplyNotRegistered`], [`Refusal::MethodNotSupported`] or
    /// [`Refusal::Malformed`].
    pub fn check(
        self,
        configuration: &Configuration,
        transaction: [u8; 32],
    ) -> Result<CheckedSignIn, Refusal> {
        let wire = *self.0;
        let identifier = wire
            .wtrealm
            .filter(|realm| !realm.is_empty())
            .ok_or(Refusal::UnknownRelyingParty)?;
        let relying_party = configuration
            .relying_parties
            .by_identifier(&identifier)
            .filter(|trust| trust.enabled && trust.protocol_profile.allows_ws_federation())
            .ok_or(Refusal::UnknownRelyingParty)?;
        let reply = reply_address(&relying_party, wire.wreply.as_deref())?;
        let asked = demand::freshness(wire.wfresh.as_deref(), wire.prompt.as_deref())?;
        let freshness = if configuration.always_requires_authentication(&relying_party) {
            Freshness::Now
        } else {
            asked
        };
        let method = demand::method(wire.wauth.as_deref())?;
        let hint = wire.username.or(wire.login_hint).unwrap_or_default();
        let usable = hint.chars().count() <= MAX_USER_NAME && !hint.chars().any(char::is_control);
        Ok(CheckedSignIn {
            request: SignInRequest {
                relying_party,
                identifier,
                freshness,
                method,
                transaction,
            },
            user_name: if usable { hint } else { String::new() },
            reply,
            wctx: wire.wctx,
            token_type: wire.wreq.as_deref().and_then(requested_token_type),
        })
    }
}

/// The one function that decides where a token goes (spec security RED-1): a hint selects below a registered endpoint
/// and never adds one.
fn reply_address(trust: &RelyingPartyTrust, wreply: Option<&str>) -> Result<ReplyUrl, Refusal> {
    // A trust that is for other protocols only has nowhere to send this answer.
    let main = trust
        .ws_fed_endpoint
        .as_ref()
        .ok_or(Refusal::ReplyNotRegistered)?;
    let Some(wreply) = wreply else {
        return Ok(main.clone());
    };
    registered(trust, wreply).ok_or(Refusal::ReplyNotRegistered)
}

/// `address`, if it is an endpoint of `trust` or below one.
pub fn registered(trust: &RelyingPartyTrust, address: &str) -> Option<ReplyUrl> {
    let address = ReplyUrl::parse(address).ok()?;
    let mut endpoints = trust
        .ws_fed_endpoint
        .iter()
        .chain(&trust.additional_ws_fed_endpoint);
    endpoints
        .any(|endpoint| address.is_at_or_below(endpoint))
        .then_some(address)
}
