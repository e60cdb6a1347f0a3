//! Sign-out by WS-Federation (spec passive-sign-in 2.12).
//!
//! A GET ends the session at once, as AD FS does. Another site can only bring it about by navigating the whole window
//! here: the cookies are `Lax`, so a hidden image or frame carries no session and its answer can remove none.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use federation::wsfed::SignOutRequest;
use url::Url;

use super::cookies;
use super::exchange::Exchange;
use super::headers::{self, FormTargets, PagePolicy};
use super::report;
use crate::pages::SignedOutPage;
use crate::protocols::wsfed;
use crate::sign_in::{Refusal, Session};

/// `wsignout1.0`: ends our session and has each visited application end its own.
pub(super) async fn end(
    exchange: &Exchange<'_>,
    message: &SignOutRequest,
) -> Result<HttpResponse, Refusal> {
    let stored = end_session(exchange).await;
    let cleanup = clean_up_addresses(exchange);
    let target = message
        .wreply
        .as_deref()
        .and_then(|wreply| registered_anywhere(exchange, wreply));
    let mut policy = PagePolicy::interactive(FormTargets::Nowhere);
    policy.frames = cleanup
        .iter()
        .filter_map(|address| Url::parse(address).ok())
        .map(|url| headers::origin(&url))
        .collect();
    policy.frames.sort();
    policy.frames.dedup();
    // The browser's copy goes either way; a copy elsewhere would still work if the store has failed, and then the user
    // must know.
    let (status, complete) = match &stored {
        Ok(()) => (StatusCode::OK, true),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, false),
    };
    let target = target.filter(|_| complete);
    let mut response = match &target {
        Some(target) if cleanup.is_empty() => {
            let mut redirect = exchange.redirect(StatusCode::FOUND, target);
            for cookie in cookies::signed_out(&exchange.cookies) {
                redirect.cookie(cookie);
            }
            return Ok(redirect.finish());
        }
        _ => exchange.page(
            status,
            &policy,
            &SignedOutPage {
                frame: exchange.frame(),
                complete,
                target: target.as_deref(),
                cleanup: &cleanup,
            },
        ),
    };
    for cookie in cookies::signed_out(&exchange.cookies) {
        response.response.cookie(cookie);
    }
    Ok(response.finish())
}

/// `wsignoutcleanup1.0`: the same without a page, for a frame of an upstream provider.
pub(super) async fn clean_up(exchange: &Exchange<'_>) -> Result<HttpResponse, Refusal> {
    let (status, text) = match end_session(exchange).await {
        Ok(()) => (StatusCode::OK, "signed out"),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "signed out of this browser only",
        ),
    };
    let mut response = HttpResponse::build(status);
    headers::common(&mut response);
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"));
    for cookie in cookies::signed_out(&exchange.cookies) {
        response.cookie(cookie);
    }
    Ok(response.body(text))
}

/// The session that follows the browser's earlier one, if it has one. Somebody else's ends, so that nobody goes on in
/// another's name (spec security MFA-9); the same person's hands over what other windows are waiting for.
pub(super) async fn replaced(exchange: &Exchange<'_>, by: Session) -> Result<Session, Refusal> {
    let before = exchange
        .cookies
        .session()
        .and_then(|sealed| Session::open(exchange.federation, &sealed));
    let Some(before) = before else {
        return Ok(by);
    };
    if !before.subject().is_same(by.subject()) {
        end_session(exchange).await?;
        return Ok(by);
    }
    Ok(by.in_place_of(&before, exchange.federation.clock.now()))
}

/// Ends the session on the server, so that a copy of the cookie is worth nothing (spec security SES-8).
async fn end_session(exchange: &Exchange<'_>) -> Result<(), Refusal> {
    let federation = exchange.federation;
    let Some(session) = exchange
        .cookies
        .session()
        .and_then(|sealed| Session::open(federation, &sealed))
    else {
        return Ok(());
    };
    let ended = federation
        .store
        .sign_out(session.id(), session.expires())
        .await;
    report::signed_out(exchange, &session, ended.is_ok());
    ended.map_err(|error| {
        tracing::error!(activity_id = %exchange.context.activity_id, %error, "a session could not be ended in the store");
        Refusal::Unavailable
    })
}

/// Addresses of the hidden frames. The cookie only names trusts; the addresses are the registered ones.
fn clean_up_addresses(exchange: &Exchange<'_>) -> Vec<String> {
    let relying_parties = &exchange.configuration.relying_parties;
    let mut addresses: Vec<String> = cookies::visited(&exchange.cookies)
        .iter()
        .filter_map(|identifier| relying_parties.by_identifier(identifier))
        .filter_map(|trust| {
            trust
                .ws_fed_endpoint
                .as_ref()
                .and_then(|endpoint| Url::parse(endpoint.as_str()).ok())
        })
        .map(|mut url| {
            url.query_pairs_mut()
                .append_pair("wa", "wsignoutcleanup1.0");
            url.into()
        })
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

/// Sign-out requests often name no relying party, so the return address may be any enabled one's.
fn registered_anywhere(exchange: &Exchange<'_>, wreply: &str) -> Option<String> {
    exchange
        .configuration
        .relying_parties
        .iter()
        .filter(|trust| trust.enabled)
        .find_map(|trust| wsfed::registered(trust, wreply))
        .map(|address| address.as_str().to_owned())
}
