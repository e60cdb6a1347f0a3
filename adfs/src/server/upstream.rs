//! Sign-in at another organisation: away to its claims provider, and back with its answer.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use federation::assertion::Assertion;
use federation::xmlenc::decrypt::DecryptionKey;
use uuid::Uuid;

use super::exchange::Exchange;
use super::flow::session_cookies;
use super::headers::PagePolicy;
use super::parameters::Parameters;
use super::transaction::Transaction;
use super::{cookies, report};
use crate::authentication::{AssertionRefusal, Expectation, Proof, accept_assertion};
use crate::config::{ClaimsProviderProtocol, ClaimsProviderTrust, SamlProtocol};
use crate::pages::{AutoPostPage, with_explicit_port};
use crate::protocols::saml::Received;
use crate::protocols::upstream::openid::OpenIdError;
use crate::protocols::upstream::saml::{self, Carried};
use crate::protocols::upstream::{AnswerError, Pending, wsfed};
use crate::sign_in::{self, Refusal, SignInRequest};

/// Path that claims providers send their answers to.
const ENDPOINT: &str = "/adfs/ls/";

/// Sends the browser away. The question stays with it, sealed, until the answer comes.
pub(super) async fn leave(
    exchange: &Exchange<'_>,
    trust: &ClaimsProviderTrust,
    transaction: &Transaction,
    request: &SignInRequest,
    user_name: &str,
) -> Result<HttpResponse, Refusal> {
    let federation = exchange.federation;
    let mut pending = Pending::begin(trust, request, transaction.relative(), &federation.clock)
        .ok_or(Refusal::TooLarge)?;
    let carried = match &trust.protocol {
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
        )
        .map(Carried::Redirect)
        .ok_or(Refusal::UnknownClaimsProvider)?,
        ClaimsProviderProtocol::Saml { .. } => saml_request(exchange, trust, &pending, request)?,
        ClaimsProviderProtocol::OpenIdConnect(config) => Carried::Redirect(
            openid::request_address(exchange, trust, config, &mut pending, request, user_name)
                .await?,
        ),
        // Its users sign in here.
        ClaimsProviderProtocol::Ldap(_) => return Err(Refusal::UnknownClaimsProvider),
    };
    let sealed = pending.seal(&federation.keys).ok_or(Refusal::Issuance)?;
    let kept = cookies::context(pending.key(), &sealed).ok_or(Refusal::TooLarge)?;
    let set = kept
        .into_iter()
        .chain(cookies::surplus_contexts(&exchange.cookies));
    Ok(carry(exchange, &carried, set))
}

/// Sends a message through the browser, together with cookies.
fn carry(
    exchange: &Exchange<'_>,
    carried: &Carried,
    set: impl Iterator<Item = Cookie<'static>>,
) -> HttpResponse {
    match carried {
        Carried::Redirect(address) => {
            let mut response = exchange.redirect(StatusCode::FOUND, address);
            for cookie in set {
                response.cookie(cookie);
            }
            response.finish()
        }
        Carried::Post(form) => {
            let page = AutoPostPage::new(&form.action, &form.fields);
            let mut response = exchange.page(StatusCode::OK, &PagePolicy::auto_post(), &page);
            for cookie in set {
                response.response.cookie(cookie);
            }
            response.finish()
        }
    }
}

fn saml_request(
    exchange: &Exchange<'_>,
    trust: &ClaimsProviderTrust,
    pending: &Pending,
    request: &SignInRequest,
) -> Result<Carried, Refusal> {
    let configuration = &exchange.configuration;
    let endpoint = trust
        .saml_endpoint(SamlProtocol::SingleSignOn)
        .ok_or(Refusal::UnknownClaimsProvider)?;
    let sign =
        configuration.properties.sign_saml_authn_requests || trust.saml.signed_requests_required;
    let signing = exchange.federation.keys.token_signing();
    let question = saml::Question {
        trust,
        issuer: &configuration.service.identifier,
        id: &pending.request_id(),
        freshness: request.freshness,
        method: request.method,
        now: exchange.federation.clock.now(),
    };
    saml::sign_in_request(endpoint, &question, sign.then(|| signing.key())).map_err(|error| {
        tracing::error!(
            activity_id = %exchange.context.activity_id,
            claims_provider = %trust.name,
            %error,
            "a request to a claims provider could not be written"
        );
        Refusal::Issuance
    })
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
    let certificates = &trust.token_signing_certificates;
    let assertion = with_keys(exchange, |keys| {
        wsfed::read_answer(wresult, certificates, keys)
    })
    .map_err(|error| refused(exchange, &trust, &error))?;
    finish(exchange, &pending, &trust, &assertion, None).await
}

/// A POST with a SAML `Response`. The request that it answers must be one of this browser's, too: unsolicited responses
/// are refused (spec security SIG-13).
pub(super) async fn arrive_response(
    exchange: &Exchange<'_>,
    received: &Received,
) -> Result<HttpResponse, Refusal> {
    let message = received.xml();
    let request =
        saml::answered_request(message).map_err(|error| Refusal::SamlMessage(error.to_string()))?;
    let key = request.as_deref().and_then(Pending::key_of_request);
    let (pending, trust) = asked(exchange, key)?;
    let ClaimsProviderProtocol::Saml { .. } = trust.protocol else {
        return Err(Refusal::NoPendingSignIn);
    };
    let (request_id, recipients) = (pending.request_id(), recipients(exchange));
    let assertion = with_keys(exchange, |keys| {
        let expected = saml::Expected {
            trust: &trust,
            recipients: &recipients,
            request_id: &request_id,
            keys,
        };
        saml::read_answer(message, &expected)
    })
    .map_err(|error| refused(exchange, &trust, &error))?;
    finish(exchange, &pending, &trust, &assertion, Some(&request_id)).await
}

/// Reads with all token-decrypting keys, primary and secondary.
fn with_keys<T>(exchange: &Exchange<'_>, read: impl FnOnce(&[&dyn DecryptionKey]) -> T) -> T {
    let keys = exchange.federation.keys.decrypting_keys();
    let keys: Vec<&dyn DecryptionKey> = keys
        .iter()
        .map(|key| -> &dyn DecryptionKey { &**key })
        .collect();
    read(&keys)
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
    request_id: Option<&str>,
) -> Result<HttpResponse, Refusal> {
    let federation = exchange.federation;
    let configuration = &exchange.configuration;
    let mut audiences = configuration.properties.acceptable_identifiers.clone();
    audiences.push(configuration.service.identifier.clone());
    let expected = Expectation {
        trust,
        audiences: &audiences,
        recipients: &recipients(exchange),
        in_response_to: request_id,
        signed_in_since: pending.signed_in_since(),
        now: federation.clock.now(),
    };
    let proof = accept_assertion(&federation.store, &expected, assertion)
        .await
        .map_err(|error| refused(exchange, trust, &error.into()))?;
    accepted(exchange, pending, trust, &proof).await
}

/// Makes a session of what a claims provider said, and goes on where the question was asked.
async fn accepted(
    exchange: &Exchange<'_>,
    pending: &Pending,
    trust: &ClaimsProviderTrust,
    proof: &Proof,
) -> Result<HttpResponse, Refusal> {
    let federation = exchange.federation;
    let session = sign_in::vouched(federation, proof, pending.mark(), &exchange.context)?;
    report::vouched(exchange, trust, &session);
    let session = super::sign_out::replaced(exchange, session).await?;
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
        AnswerError::Status { .. } | AnswerError::OpenId(OpenIdError::Refused(_)) => {
            Refusal::ClaimsProviderRefused
        }
        AnswerError::OpenId(
            OpenIdError::Outbound(_)
            | OpenIdError::Status(..)
            | OpenIdError::Recovering(_)
            | OpenIdError::Timeout,
        ) => Refusal::Unavailable,
        _ => Refusal::ClaimsProviderToken,
    }
}

mod sign_out;

pub(super) use sign_out::{answered, onward};

pub(super) mod openid;
#[cfg(test)]
mod openid_tests;
#[cfg(test)]
mod saml_tests;
#[cfg(test)]
pub(super) mod tests;
