//! Sign-in at another organisation: away to its claims provider, and back with its answer.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use federation::assertion::Assertion;
use uuid::Uuid;

use super::exchange::Exchange;
use super::flow::session_cookies;
use super::parameters::Parameters;
use super::transaction::Transaction;
use super::{cookies, report, sign_out};
use crate::authentication::{AssertionRefusal, Expectation, accept_assertion};
use crate::config::{ClaimsProviderProtocol, ClaimsProviderTrust};
use crate::pages::with_explicit_port;
use crate::protocols::upstream::{AnswerError, Pending, wsfed};
use crate::sign_in::{self, Refusal, SignInRequest};

/// Path that claims providers send their answers to.
const ENDPOINT: &str = "/adfs/ls/";

/// Sends the browser away. The question stays with it, sealed, until the answer comes.
pub(super) fn leave(
    exchange: &Exchange<'_>,
    trust: &ClaimsProviderTrust,
    transaction: &Transaction,
    request: &SignInRequest,
    user_name: &str,
) -> Result<HttpResponse, Refusal> {
    let federation = exchange.federation;
    let pending = Pending::begin(trust, request, transaction.relative(), &federation.clock)
        .ok_or(Refusal::TooLarge)?;
    let sealed = pending.seal(&federation.keys).ok_or(Refusal::Issuance)?;
    let address = match &trust.protocol {
        ClaimsProviderProtocol::WsFederation { endpoint } => wsfed::sign_in_address(
            endpoint.as_str(),
            &wsfed::Question {
                realm: &exchange.configuration.service.identifier,
                key: pending.key(),
                freshness: request.freshness,
                method: request.method,
                user_name,
                now: federation.clock.now(),
            },
        ),
        ClaimsProviderProtocol::Saml { .. } => return Err(Refusal::ProtocolUnavailable),
    };
    let address = address.ok_or(Refusal::UnknownClaimsProvider)?;
    let mut response = exchange.redirect(StatusCode::FOUND, &address);
    let kept = cookies::context(pending.key(), &sealed).ok_or(Refusal::TooLarge)?;
    for cookie in kept {
        response.cookie(cookie);
    }
    for cookie in cookies::surplus_contexts(&exchange.cookies) {
        response.cookie(cookie);
    }
    Ok(response.finish())
}

/// A POST with `wresult`: an answer by WS-Federation. One that this browser did not ask for is refused: nothing says who
/// put it there, and the session would be somebody else's.
pub(super) async fn arrive(
    exchange: &Exchange<'_>,
    posted: &Parameters,
) -> Result<HttpResponse, Refusal> {
    let field = |name: &str| posted.one(name).map_err(|_| Refusal::Malformed);
    let wresult = field("wresult")?.ok_or(Refusal::Malformed)?;
    let key = field("wctx")?.and_then(|wctx| Uuid::try_parse(wctx).ok());
    let (pending, trust) = asked(exchange, key)?;
    let ClaimsProviderProtocol::WsFederation { .. } = trust.protocol else {
        return Err(Refusal::NoPendingSignIn);
    };
    let assertion = wsfed::read_answer(wresult, &trust.token_signing_certificates)
        .map_err(|error| refused(exchange, &trust, &error))?;
    finish(exchange, &pending, &trust, &assertion).await
}

/// The question that an answer names, and the trust that it was put to.
fn asked(
    exchange: &Exchange<'_>,
    key: Option<Uuid>,
) -> Result<(Pending, Arc<ClaimsProviderTrust>), Refusal> {
    let federation = exchange.federation;
    let pending = key
        .and_then(|key| {
            let sealed = exchange.cookies.context(key)?;
            Pending::open(&federation.keys, &federation.clock, key, &sealed)
        })
        .ok_or(Refusal::NoPendingSignIn)?;
    let trust = exchange
        .configuration
        .claims_providers
        .by_identifier(pending.provider())
        .filter(|trust| trust.enabled)
        .ok_or(Refusal::UnknownClaimsProvider)?;
    Ok((pending, trust))
}

async fn finish(
    exchange: &Exchange<'_>,
    pending: &Pending,
    trust: &Arc<ClaimsProviderTrust>,
    assertion: &Assertion,
) -> Result<HttpResponse, Refusal> {
    let federation = exchange.federation;
    let configuration = &exchange.configuration;
    let mut audiences = configuration.properties.acceptable_identifiers.clone();
    audiences.push(configuration.service.identifier.clone());
    let expected = Expectation {
        trust,
        audiences: &audiences,
        recipients: &recipients(exchange),
        in_response_to: None,
        signed_in_since: pending.signed_in_since(),
        now: federation.clock.now(),
    };
    let proof = accept_assertion(&federation.store, &expected, assertion)
        .await
        .map_err(|error| refused(exchange, trust, &error.into()))?;
    let session = sign_in::vouched(federation, &proof, pending.mark(), &exchange.context)?;
    report::vouched(exchange, trust, &session);
    sign_out::replaced(exchange, &session).await?;
    let mut response = exchange.redirect(StatusCode::FOUND, pending.target());
    for cookie in session_cookies(exchange, &session)? {
        response.cookie(cookie);
    }
    for cookie in cookies::without_context(&exchange.cookies, pending.key()) {
        response.cookie(cookie);
    }
    Ok(response.finish())
}

/// Our address in the spellings that others use.
fn recipients(exchange: &Exchange<'_>) -> Vec<String> {
    let plain = format!("{}{ENDPOINT}", exchange.base);
    let with_port = url::Url::parse(&plain).map(|url| with_explicit_port(&url));
    let mut all = vec![plain];
    all.extend(with_port);
    let bare: Vec<String> = all
        .iter()
        .map(|address| address.trim_end_matches('/').to_owned())
        .collect();
    all.extend(bare);
    all
}

fn refused(exchange: &Exchange<'_>, trust: &ClaimsProviderTrust, error: &AnswerError) -> Refusal {
    report::not_vouched(exchange, trust, error);
    match error {
        AnswerError::Refused(AssertionRefusal::Store(_)) => Refusal::Unavailable,
        _ => Refusal::ClaimsProviderToken,
    }
}

#[cfg(test)]
mod tests;
