//! SAML single logout at `/adfs/ls/`: from a verified message, or a sign-out that starts here, through the participants
//! of the session to the answer (spec passive-sign-in 3.10).

use actix_web::HttpResponse;
use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use time::Duration;
use url::form_urlencoded;

use super::exchange::{Exchange, HttpResponseBuilderWithBody};
use super::{cookies, guard, report, sign_out};
use crate::pages::SignedOut;
use crate::protocols::saml::Received;
use crate::protocols::saml::logout::{
    Chain, Ending, LogoutMessage, Order, PARAMETER, Participant, Participants,
};
use crate::sign_in::{Refusal, Session};

/// How long a request is remembered, so that it ends no later session. Longer than it would be taken for timely.
const REMEMBERED: Duration = Duration::hours(1);

/// A message of the POST binding. It comes from another site, mostly without our cookies: then what was verified of it
/// goes on by GET, with which they come along (spec security SES-5).
pub(super) async fn posted(
    exchange: &Exchange<'_>,
    received: &Received,
) -> Result<HttpResponse, Refusal> {
    let message = LogoutMessage::read(received, exchange.federation, &exchange.configuration)?;
    let cookies = &exchange.cookies;
    let came_along = cookies.session().is_some()
        || cookies.saml_session().is_some()
        || cookies.logout().is_some();
    if came_along {
        return act(exchange, message).await;
    }
    let address = address_of(exchange, &message)?;
    Ok(exchange.redirect(StatusCode::SEE_OTHER, &address).finish())
}

/// A message of the Redirect binding.
pub(super) async fn redirected(
    exchange: &Exchange<'_>,
    received: &Received,
) -> Result<HttpResponse, Refusal> {
    let message = LogoutMessage::read(received, exchange.federation, &exchange.configuration)?;
    act(exchange, message).await
}

/// A message that was verified before.
pub(super) async fn continued(
    exchange: &Exchange<'_>,
    sealed: &str,
) -> Result<HttpResponse, Refusal> {
    let message = LogoutMessage::open(exchange.federation, sealed)?;
    act(exchange, message).await
}

/// Our own address that goes on with `message`.
fn address_of(exchange: &Exchange<'_>, message: &LogoutMessage) -> Result<String, Refusal> {
    let path = format!("{}?", exchange.request.path());
    let start = path.len();
    let address = form_urlencoded::Serializer::for_suffix(path, start)
        .append_pair(PARAMETER, &message.seal(exchange.federation)?)
        .append_pair(
            "client-request-id",
            &exchange.context.activity_id.hyphenated().to_string(),
        )
        .finish();
    if address.len() > guard::MAX_TARGET {
        return Err(Refusal::TooLarge);
    }
    Ok(address)
}

async fn act(exchange: &Exchange<'_>, message: LogoutMessage) -> Result<HttpResponse, Refusal> {
    match message {
        LogoutMessage::Order(order) => obey(exchange, order).await,
        LogoutMessage::Report(answer) => {
            let mut chain = pending(exchange)?;
            chain.take(&answer, &exchange.configuration)?;
            go_on(exchange, chain, false)
        }
        LogoutMessage::Cleaned(id) => {
            let chain = pending(exchange)?;
            if chain.id() != id || !chain.is_over() {
                return Err(Refusal::NoPendingSignOut);
            }
            match chain.ending(exchange.federation, &exchange.configuration)? {
                Ending::Answer(answer) => Ok(finish(exchange, exchange.send(&answer), false)),
                Ending::Page(_) => Err(Refusal::NoPendingSignOut),
            }
        }
    }
}

/// The sign-out that this browser is in.
fn pending(exchange: &Exchange<'_>) -> Result<Chain, Refusal> {
    let federation = exchange.federation;
    let sealed = exchange.cookies.logout();
    sealed
        .and_then(|sealed| Chain::open(&federation.keys, federation.clock.now(), &sealed))
        .ok_or(Refusal::NoPendingSignOut)
}

/// Ends the session that `order` is about, if this browser has it. Where it has not there is nothing left to end, and the
/// answer is success all the same.
async fn obey(exchange: &Exchange<'_>, order: Order) -> Result<HttpResponse, Refusal> {
    let federation = exchange.federation;
    let configuration = &exchange.configuration;
    let now = federation.clock.now();
    let trust = order.trust(configuration)?;
    let first = federation
        .store
        .consume_assertion(&order.relying_party, &order.id, now + REMEMBERED)
        .await
        .map_err(|error| {
            tracing::error!(activity_id = %exchange.context.activity_id, %error, "a logout request cannot be noted");
            Refusal::Unavailable
        })?;
    if !first {
        return Err(Refusal::Replayed);
    }
    let issuer = &configuration.service.identifier;
    let named = participants(exchange).await?.filter(|participants| {
        participants.include(&trust, &order.name, &order.session_indexes, issuer)
    });
    let chain = Chain::ordered(order, now);
    let Some(named) = named else {
        let ends_here = matches!(chain.ending(federation, configuration)?, Ending::Page(_));
        // The page would say that the user is signed out, which is not so.
        if ends_here && exchange.session().is_some() {
            return Err(Refusal::NotSignedOut);
        }
        return go_on(exchange, chain, false);
    };
    sign_out::end_session(exchange, Some(&named), chain.initiator()).await?;
    let visited = cookies::visited(&exchange.cookies);
    go_on(
        exchange,
        chain.through(Some(named), Some(&trust), visited),
        true,
    )
}

/// Those who take part in the session of this browser. They still have sessions of their own where ours has been lost or
/// is over by itself, but not where it was signed out.
///
/// # Errors
/// [`Refusal::Unavailable`] when the store cannot say so.
pub(super) async fn participants(exchange: &Exchange<'_>) -> Result<Option<Participants>, Refusal> {
    let Some(found) = brought(exchange) else {
        return Ok(None);
    };
    let session = exchange.session();
    if session.is_some_and(|session| session.id() != found.session()) {
        return Ok(None);
    }
    let store = &exchange.federation.store;
    let signed_out = store.is_signed_out(found.session()).await.map_err(|error| {
        tracing::error!(activity_id = %exchange.context.activity_id, %error, "a session cannot be checked");
        Refusal::Unavailable
    })?;
    Ok((!signed_out).then_some(found))
}

fn brought(exchange: &Exchange<'_>) -> Option<Participants> {
    let federation = exchange.federation;
    let sealed = exchange.cookies.saml_session()?;
    Participants::open(&federation.keys, federation.clock.now(), sealed)
}

/// The cookie with one more participant of `session`.
pub(super) fn joined(
    exchange: &Exchange<'_>,
    session: &Session,
    participant: Participant,
) -> Option<Cookie<'static>> {
    let mut participants = brought(exchange)
        .filter(|participants| participants.session() == session.id())
        .unwrap_or_else(|| Participants::of(session));
    participants.add(participant);
    let sealed = participants.seal(&exchange.federation.keys);
    if sealed.is_none() {
        tracing::warn!("a relying party cannot be kept for single logout");
    }
    Some(cookies::saml_session(&sealed?))
}

/// The cookie for the new session of the same user: whoever got an assertion before is still signed in. `None` when
/// nothing changes.
pub(super) fn carried_over(exchange: &Exchange<'_>, session: &Session) -> Option<Cookie<'static>> {
    let before = exchange.session()?;
    if before.id() == session.id() || !before.subject().is_same(session.subject()) {
        return None;
    }
    let participants = brought(exchange)?;
    if participants.session() != before.id() {
        return None;
    }
    let mut participants = participants.carried_over(session);
    Some(cookies::saml_session(
        &participants.seal(&exchange.federation.keys)?,
    ))
}

/// Asks the next participant, or ends the sign-out. `ended` tells whether our own session has just ended.
pub(super) fn go_on(
    exchange: &Exchange<'_>,
    mut chain: Chain,
    ended: bool,
) -> Result<HttpResponse, Refusal> {
    let federation = exchange.federation;
    let configuration = &exchange.configuration;
    if let Some(question) = chain.ask_next(federation, configuration) {
        return keep(exchange, &chain, exchange.send(&question), ended);
    }
    if chain.is_partial() {
        report::partly_signed_out(exchange, chain.initiator());
    }
    let addresses = sign_out::clean_up_addresses(exchange, chain.visited());
    let signed_out = if chain.is_partial() {
        SignedOut::NotEverywhere
    } else {
        SignedOut::Everywhere
    };
    let page = |target: Option<&str>| {
        sign_out::page(exchange, StatusCode::OK, signed_out, target, &addresses)
    };
    match chain.ending(federation, configuration)? {
        Ending::Answer(answer) if addresses.is_empty() => {
            Ok(finish(exchange, exchange.send(&answer), ended))
        }
        // The frames first, for which it takes a page; from there the answer is sent.
        Ending::Answer(_) => {
            let target = address_of(exchange, &LogoutMessage::Cleaned(chain.id()))?;
            keep(exchange, &chain, page(Some(&target)), ended)
        }
        Ending::Page(Some(target)) if addresses.is_empty() => {
            let redirect = exchange.redirect(StatusCode::FOUND, &target);
            Ok(finish(exchange, redirect.into(), ended))
        }
        Ending::Page(target) => Ok(finish(exchange, page(target.as_deref()), ended)),
    }
}

/// The answer of a step that others follow.
fn keep(
    exchange: &Exchange<'_>,
    chain: &Chain,
    mut response: HttpResponseBuilderWithBody,
    ended: bool,
) -> Result<HttpResponse, Refusal> {
    let sealed = chain.seal(&exchange.federation.keys);
    let kept = sealed.and_then(|sealed| cookies::logout(&sealed, &exchange.cookies));
    for cookie in kept.ok_or(Refusal::TooLarge)? {
        response.response.cookie(cookie);
    }
    Ok(without_session(exchange, response, ended))
}

/// The answer of the last step.
fn finish(
    exchange: &Exchange<'_>,
    mut response: HttpResponseBuilderWithBody,
    ended: bool,
) -> HttpResponse {
    for cookie in cookies::without_logout(&exchange.cookies) {
        response.response.cookie(cookie);
    }
    without_session(exchange, response, ended)
}

fn without_session(
    exchange: &Exchange<'_>,
    mut response: HttpResponseBuilderWithBody,
    ended: bool,
) -> HttpResponse {
    if ended {
        for cookie in cookies::signed_out(&exchange.cookies) {
            response.response.cookie(cookie);
        }
    }
    response.finish()
}

#[cfg(test)]
mod tests;
