//! From a permit to the form that the browser posts.

use federation::wsfed::request_security_token_response;
use thiserror::Error;
use url::Url;

use super::CheckedSignIn;
use crate::pages::with_explicit_port;
use crate::protocols::{AutoPost, Issued, Outgoing};
use crate::sign_in::Permit;
use crate::state::Federation;
use crate::tokens::{self, IssueWsFederation, issue_ws_federation};

/// Why no token could be made of a permit.
#[derive(Debug, Error)]
pub enum WsFedError {
    /// The assertion.
    #[error(transparent)]
    Token(#[from] tokens::IssueError),
    /// The envelope around it.
    #[error("the response around the token cannot be written: {0}")]
    Response(#[from] federation::IssueError),
}

/// Issues the token and wraps it (spec 2.4 and 2.5). `wctx` goes back exactly as it came, or not at all.
///
/// # Errors
/// When a claim cannot be written in the kind of token, or signing or encrypting fails.
pub fn respond(
    federation: &Federation,
    checked: &CheckedSignIn,
    permit: &Permit,
) -> Result<Issued, WsFedError> {
    let trust = &checked.request.relying_party;
    let configuration = federation.configuration.load();
    let token_type = checked.token_type.unwrap_or(trust.ws_fed_token_type);
    let token = issue_ws_federation(&IssueWsFederation {
        trust,
        token_type,
        claims: permit.claims(),
        authentication: permit.authentication(),
        audience: &checked.request.identifier,
        issuer: &configuration.service.identifier,
        now: federation.clock.now(),
        signing: &federation.keys.token_signing(),
    })?;
    let wresult = request_security_token_response(
        &token.xml,
        token_type,
        token.created,
        token.expires,
        &checked.request.identifier,
    )?;
    let mut fields = vec![("wa", "wsignin1.0".to_owned()), ("wresult", wresult)];
    if let Some(wctx) = &checked.wctx {
        fields.push(("wctx", wctx.clone()));
    }
    let reply = checked.reply.as_str();
    let action =
        Url::parse(reply).map_or_else(|_| reply.to_owned(), |url| with_explicit_port(&url));
    Ok(Issued {
        endpoint: action.clone(),
        outgoing: Outgoing::Post(AutoPost { action, fields }),
        token_id: token.id,
        participant: None,
    })
}
