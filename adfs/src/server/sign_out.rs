//! Sign-out by WS-Federation (spec passive-sign-in 2.12), and what every sign-out has in common.
//!
//! A GET ends the session at once, as AD FS does. Another site can only bring it about by navigating the whole window
//! here: the cookies are `Lax`, so a hidden image or frame carries no session and its answer can remove none.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use federation::wsfed::SignOutRequest;
use url::Url;

use super::cookies;
use super::exchange::{Exchange, HttpResponseBuilderWithBody};
use super::headers::{self, FormTargets, PagePolicy};
use super::{report, saml_logout, upstream};
use crate::pages::{SignedOut, SignedOutPage};
use crate::protocols::saml::logout::{Chain, Participants};
use crate::protocols::wsfed;
use crate::sign_in::{Refusal, Session};

/// `wsignout1.0`: ends our session, and has each visited application end its own.
pub(super) async fn end(
    exchange: &Exchange<'_>,
    message: &SignOutRequest,
) -> Result<HttpResponse, Refusal> {
    let target = message
        .wreply
        .as_deref()
        .and_then(|wreply| registered_anywhere(exchange, wreply));
    let visited = cookies::visited(&exchange.cookies);
    let onward = upstream::onward(exchange, target).await;
    match end_all(exchange).await {
        Ok(participants) => {
            let now = exchange.federation.clock.now();
            let chain = Chain::to_page(onward.target, now).through(participants, None, visited);
            let mut response = saml_logout::go_on(exchange, chain, true)?;
            for cookie in onward.cookies {
                response
                    .add_cookie(&cookie)
                    .map_err(|_| Refusal::Issuance)?;
            }
            Ok(response)
        }
        // The browser's copy goes all the same; a copy elsewhere would still work, and the user must know.
        Err(_) => {
            let addresses = clean_up_addresses(exchange, &visited);
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let mut page = page(exchange, status, SignedOut::ThisBrowser, None, &addresses);
            for cookie in cookies::signed_out(&exchange.cookies) {
                page.response.cookie(cookie);
            }
            Ok(page.finish())
        }
    }
}

/// Ends our session and nobody else's, and leads to `target` on this site.
pub(super) async fn end_here(
    exchange: &Exchange<'_>,
    target: &str,
) -> Result<HttpResponse, Refusal> {
    let ended = end_session(exchange, None, None).await;
    let mut response: HttpResponseBuilderWithBody = match ended {
        Ok(()) => exchange.redirect(StatusCode::FOUND, target).into(),
        Err(_) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            page(exchange, status, SignedOut::ThisBrowser, None, &[])
        }
    };
    for cookie in cookies::signed_out_here(&exchange.cookies) {
        response.response.cookie(cookie);
    }
    Ok(response.finish())
}

/// Ends the session, and tells who took part in it by SAML.
async fn end_all(exchange: &Exchange<'_>) -> Result<Option<Participants>, Refusal> {
    let participants = saml_logout::participants(exchange).await;
    let known = participants.as_ref().ok().and_then(Option::as_ref);
    end_session(exchange, known, None).await?;
    participants
}

/// The page after sign-out, with a frame for each of `addresses`.
pub(super) fn page(
    exchange: &Exchange<'_>,
    status: StatusCode,
    signed_out: SignedOut,
    target: Option<&str>,
    addresses: &[String],
) -> HttpResponseBuilderWithBody {
    let mut policy = PagePolicy::interactive(FormTargets::Nowhere);
    policy.frames = addresses
        .iter()
        .filter_map(|address| Url::parse(address).ok())
        .map(|url| headers::origin(&url))
        .collect();
    policy.frames.sort();
    policy.frames.dedup();
    let page = SignedOutPage {
        frame: exchange.frame(),
        signed_out,
        target,
        cleanup: addresses,
    };
    exchange.page(status, &policy, &page)
}

/// `wsignoutcleanup1.0`: the same without a page, for a frame of an upstream provider.
pub(super) async fn clean_up(exchange: &Exchange<'_>) -> Result<HttpResponse, Refusal> {
    let (status, text) = match end_session(exchange, None, None).await {
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
    let Some(before) = exchange.session() else {
        return Ok(by);
    };
    if !before.subject().is_same(by.subject()) {
        end_session(exchange, None, None).await?;
        return Ok(by);
    }
    Ok(by.in_place_of(&before, exchange.federation.clock.now()))
}

/// Ends the session on the server, so that a copy of the cookie is worth nothing (spec security SES-8). Where the browser
/// has lost the session, its participants still tell which it was. `relying_party` asks for it, if one does.
pub(super) async fn end_session(
    exchange: &Exchange<'_>,
    participants: Option<&Participants>,
    relying_party: Option<&str>,
) -> Result<(), Refusal> {
    let session = exchange.session();
    let named = session
        .as_ref()
        .map(|session| (session.id(), session.expires()))
        .or_else(|| participants.map(|found| (found.session(), found.expires())));
    let Some((id, expires)) = named else {
        return Ok(());
    };
    let ended = exchange.federation.store.sign_out(id, expires).await;
    report::signed_out(exchange, session.as_ref(), relying_party, ended.is_ok());
    ended.map_err(|error| {
        tracing::error!(activity_id = %exchange.context.activity_id, %error, "a session could not be ended in the store");
        Refusal::Unavailable
    })
}

/// Addresses of the hidden frames for relying parties by their identifiers. The browser only names trusts; the addresses
/// are the registered ones.
pub(super) fn clean_up_addresses(exchange: &Exchange<'_>, visited: &[String]) -> Vec<String> {
    let relying_parties = &exchange.configuration.relying_parties;
    let mut addresses: Vec<String> = visited
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
