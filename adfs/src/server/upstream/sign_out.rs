//! Sign-out at the claims provider that the user came by (spec passive-sign-in 2.12).

use actix_web::HttpResponse;
use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use url::form_urlencoded;

use super::{ENDPOINT, openid, recipients};
use crate::config::{ClaimsProviderProtocol, ClaimsProviderTrust};
use crate::pages::SignedOut;
use crate::protocols::saml::Received;
use crate::protocols::upstream::{PendingSignOut, saml, wsfed};
use crate::server::exchange::Exchange;
use crate::server::{cookies, sign_out};
use crate::sign_in::{Session, SessionSubject};

/// Where the browser goes after a sign-out here.
#[derive(Debug, Default)]
pub(in crate::server) struct Onward {
    /// The address: the claims provider's, or the one that was asked for.
    pub(in crate::server) target: Option<String>,
    /// Cookies that recognise the claims provider's answer.
    pub(in crate::server) cookies: Vec<Cookie<'static>>,
}

/// By way of the claims provider, if the user of this browser's session came by one that can be asked. `target` is the
/// registered address to go to in the end.
pub(in crate::server) async fn onward(exchange: &Exchange<'_>, target: Option<String>) -> Onward {
    let session = exchange.session();
    let trust = session.as_ref().and_then(|session| {
        let providers = &exchange.configuration.claims_providers;
        let trust = providers.by_identifier(session.claims_provider()?);
        trust.filter(|trust| trust.enabled)
    });
    let asked = match session.zip(trust) {
        Some((session, trust)) => ask(exchange, &session, &trust, target.as_deref()).await,
        None => None,
    };
    asked.unwrap_or(Onward {
        target,
        cookies: Vec::new(),
    })
}

async fn ask(
    exchange: &Exchange<'_>,
    session: &Session,
    trust: &ClaimsProviderTrust,
    target: Option<&str>,
) -> Option<Onward> {
    let issuer = &exchange.configuration.service.identifier;
    match &trust.protocol {
        ClaimsProviderProtocol::WsFederation { endpoint } => {
            // WS-Federation has no answer; the browser may be sent back here, where there is no session any more.
            let mut reply =
                form_urlencoded::Serializer::new(format!("{}{ENDPOINT}?", exchange.base));
            reply.append_pair("wa", "wsignout1.0");
            if let Some(target) = target {
                reply.append_pair("wreply", target);
            }
            let address = wsfed::sign_out_address(endpoint.as_str(), issuer, &reply.finish());
            address.map(|address| Onward {
                target: Some(address),
                cookies: Vec::new(),
            })
        }
        ClaimsProviderProtocol::OpenIdConnect(config) => {
            openid::sign_out(exchange, trust, config, target).await
        }
        // It has no sessions.
        ClaimsProviderProtocol::Ldap(_) => None,
        ClaimsProviderProtocol::Saml { .. } => {
            let endpoint = trust.logout_by_redirect()?;
            let SessionSubject::Asserted(identity) = session.subject() else {
                return None;
            };
            let (keys, clock) = (&exchange.federation.keys, &exchange.federation.clock);
            let pending = PendingSignOut::begin(trust, target, clock);
            let kept = cookies::context(pending.key(), &pending.seal(keys)?)?;
            let id = pending.request_id();
            let request = saml::SignOut {
                issuer,
                session: identity.session()?,
                id: &id,
                now: clock.now(),
            };
            let signing = keys.token_signing();
            let address = saml::sign_out_address(endpoint, trust, &request, signing.key());
            let address = address.inspect_err(|error| {
                tracing::error!(
                    activity_id = %exchange.context.activity_id,
                    claims_provider = %trust.name,
                    %error,
                    "a claims provider could not be asked to sign out"
                );
            });
            Some(Onward {
                target: Some(address.ok()?),
                cookies: kept,
            })
        }
    }
}

/// The answer of a claims provider that was asked to sign out; `None` when `received` is no such answer.
pub(in crate::server) fn answered(
    exchange: &Exchange<'_>,
    received: &Received,
) -> Option<HttpResponse> {
    let federation = exchange.federation;
    let key = PendingSignOut::key_of_answer(received)?;
    let sealed = exchange.cookies.context(key)?;
    let pending = PendingSignOut::open(&federation.keys, &federation.clock, key, &sealed)?;
    let trust = exchange
        .configuration
        .claims_providers
        .by_identifier(pending.provider());
    let done = trust.is_some_and(|trust| {
        pending
            .is_done(received, &trust, &recipients(exchange))
            .unwrap_or_else(|error| {
                tracing::warn!(
                    activity_id = %exchange.context.activity_id,
                    claims_provider = %trust.name,
                    %error,
                    "the answer to a sign-out was not accepted"
                );
                false
            })
    });
    Some(back(exchange, &pending, done))
}

/// Goes on after a sign-out that was away at a claims provider. `done` is whether it signed the user out, too.
pub(super) fn back(exchange: &Exchange<'_>, pending: &PendingSignOut, done: bool) -> HttpResponse {
    let gone = cookies::without_context(&exchange.cookies, pending.key());
    let target = pending.target();
    if let (true, Some(target)) = (done, target) {
        let mut response = exchange.redirect(StatusCode::FOUND, target);
        for cookie in gone {
            response.cookie(cookie);
        }
        return response.finish();
    }
    let signed_out = if done {
        SignedOut::Everywhere
    } else {
        SignedOut::NotEverywhere
    };
    let mut page = sign_out::page(exchange, StatusCode::OK, signed_out, target, &[]);
    for cookie in gone {
        page.response.cookie(cookie);
    }
    page.finish()
}
