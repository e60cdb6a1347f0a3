//! Sign-in at a claims provider by OpenID Connect.

use actix_web::HttpResponse;
use actix_web::http::Method;
use time::Duration;
use uuid::Uuid;

use super::sign_out::{Onward, back};
use super::{accepted, asked, refused};
use crate::authentication::{AssertionRefusal, IdTokenDemand, accept_id_token};
use crate::config::{ClaimsProviderProtocol, ClaimsProviderTrust, OpenIdProvider};
use crate::protocols::upstream::openid::{self, Arrived, OpenIdError, Question, Redemption};
use crate::protocols::upstream::{AnswerError, Pending, PendingSignOut};
use crate::server::exchange::Exchange;
use crate::server::parameters::Parameters;
use crate::server::{cookies, report};
use crate::sign_in::{Refusal, SignInRequest};

/// Path of the redirect URI.
const ENDPOINT: &str = "/adfs/ls/oidc";
/// Longest time for all requests that an answer makes necessary.
const TIME_LIMIT: std::time::Duration = std::time::Duration::from_secs(15);
/// How long a question that was answered is remembered, which is longer than it lives.
const REMEMBERED: Duration = Duration::minutes(60);

/// Whether `path` is where answers come.
pub(in crate::server) fn is_endpoint(path: &str) -> bool {
    path.trim_end_matches('/').eq_ignore_ascii_case(ENDPOINT)
}

fn redirect_uri(exchange: &Exchange<'_>) -> String {
    format!("{}{ENDPOINT}", exchange.base)
}

/// The provider's address with our request. The question is bound to it.
pub(super) async fn request_address(
    exchange: &Exchange<'_>,
    trust: &ClaimsProviderTrust,
    config: &OpenIdProvider,
    pending: &mut Pending,
    request: &SignInRequest,
    user_name: &str,
) -> Result<String, Refusal> {
    let federation = exchange.federation;
    let failed = |error: OpenIdError| {
        report::not_vouched(exchange, trust, &error);
        Refusal::Unavailable
    };
    let provider = federation
        .openid_providers
        .get(&trust.identifier, config)
        .map_err(|error| failed(error.into()))?;
    let discovery = provider
        .discovery(federation.clock.now())
        .await
        .map_err(failed)?;
    let query = Parameters::decode(exchange.request.query_string().as_bytes()).unwrap_or_default();
    let domain_hint = query.one("domain_hint").ok().flatten();
    let (key, redirect_uri) = (pending.key(), redirect_uri(exchange));
    let binding = pending.bind().map_err(|_| Refusal::Issuance)?;
    let question = Question {
        key,
        binding,
        redirect_uri: &redirect_uri,
        freshness: request.freshness,
        method: request.method,
        user_name,
        domain_hint: domain_hint.filter(|hint| !hint.is_empty()),
    };
    Ok(openid::sign_in_address(config, &discovery, &question).into())
}

/// An answer, by GET in the address or by POST in a form. Its `state` must be of a question of this browser, whose code is
/// redeemed at the provider that the question was put to and at no other.
pub(in crate::server) async fn arrive(
    exchange: &Exchange<'_>,
    query: &Parameters,
    posted: &Parameters,
) -> Result<HttpResponse, Refusal> {
    let request = exchange.request;
    let parameters = match *request.method() {
        Method::GET => query,
        Method::POST => posted,
        // The answer would be used up.
        _ => return Ok(exchange.refuse_method("GET, POST")),
    };
    let field = |name: &str| parameters.one(name).map_err(|_| Refusal::Malformed);
    let key = field("state")?.and_then(|state| Uuid::try_parse(state).ok());
    let arrived = Arrived {
        code: field("code")?,
        error: field("error")?,
        issuer: field("iss")?,
    };
    if arrived.code.is_none()
        && arrived.error.is_none()
        && let Some(pending) = pending_sign_out(exchange, key)
    {
        return Ok(back(exchange, &pending, true));
    }
    let (pending, trust) = asked(exchange, key)?;
    let ClaimsProviderProtocol::OpenIdConnect(config) = &trust.protocol else {
        return Err(Refusal::NoPendingSignIn);
    };
    let answered = answer(exchange, &pending, &trust, config, &arrived);
    let proof = tokio::time::timeout(TIME_LIMIT, answered)
        .await
        .unwrap_or_else(|_| Err(OpenIdError::Timeout.into()))
        .map_err(|error| refused(exchange, &trust, &error))?;
    accepted(exchange, &pending, &trust, &proof).await
}

/// The provider's address for the end of its session (OpenID Connect RP-Initiated Logout 1.0), if it has one. Its session
/// is left as it is when it does not answer: that must not keep the user from signing out here.
pub(super) async fn sign_out(
    exchange: &Exchange<'_>,
    trust: &ClaimsProviderTrust,
    config: &OpenIdProvider,
    target: Option<&str>,
) -> Option<Onward> {
    let federation = exchange.federation;
    let known = federation
        .openid_providers
        .get(&trust.identifier, config)
        .ok()?;
    let discovery = known.discovery(federation.clock.now()).await;
    let discovery = discovery.inspect_err(|error| {
        tracing::warn!(
            activity_id = %exchange.context.activity_id,
            claims_provider = %trust.name,
            %error,
            "a claims provider could not be asked to sign out"
        );
    });
    let mut address = discovery.ok()?.end_session_endpoint.clone()?;
    let pending = PendingSignOut::begin(trust, target, &federation.clock);
    let cookies = cookies::context(pending.key(), &pending.seal(&federation.keys)?)?;
    address
        .query_pairs_mut()
        .append_pair("client_id", &config.client_id)
        .append_pair("post_logout_redirect_uri", &redirect_uri(exchange))
        .append_pair("state", &pending.key().hyphenated().to_string());
    Some(Onward {
        target: Some(address.into()),
        cookies,
    })
}

/// The sign-out of this browser that is away under `key`.
fn pending_sign_out(exchange: &Exchange<'_>, key: Option<Uuid>) -> Option<PendingSignOut> {
    let federation = exchange.federation;
    let sealed = exchange.cookies.context(key?)?;
    PendingSignOut::open(&federation.keys, &federation.clock, key?, &sealed)
}

async fn answer(
    exchange: &Exchange<'_>,
    pending: &Pending,
    trust: &ClaimsProviderTrust,
    config: &OpenIdProvider,
    arrived: &Arrived<'_>,
) -> Result<crate::authentication::Proof, AnswerError> {
    let federation = exchange.federation;
    let now = federation.clock.now();
    let binding = pending.binding().ok_or(OpenIdError::Issuer)?;
    let provider = federation
        .openid_providers
        .get(&trust.identifier, config)
        .map_err(OpenIdError::from)?;
    let discovery = provider.discovery(now).await?;
    let code = arrived.code(&trust.identifier, &discovery)?;
    // Before the code goes out: the provider is asked once for each question.
    let first = federation
        .store
        .consume_assertion(
            &trust.identifier,
            binding.nonce(),
            now.saturating_add(REMEMBERED),
        )
        .await
        .map_err(AssertionRefusal::from)?;
    if !first {
        return Err(AssertionRefusal::Replayed.into());
    }
    let redirect_uri = redirect_uri(exchange);
    let redemption = Redemption {
        code,
        redirect_uri: &redirect_uri,
        binding,
        now,
    };
    let token = provider.redeem(&discovery, &redemption).await?;
    let demand = IdTokenDemand {
        trust,
        provider: config,
        signed_in_since: pending.signed_in_since(),
        now,
    };
    Ok(accept_id_token(&demand, &token)?)
}
