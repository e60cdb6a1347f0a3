//! An ID token of a claims provider, in place of credentials. It was verified and is for us and this question; this module
//! decides whether it is what was demanded, and what it says.

use std::sync::Arc;

use claim_rules::Claim;
use federation::oidc::IdToken;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::claims_provider::may_assert;
use super::{AssertionRefusal, Identified, PASSWORD_PROTECTED_TRANSPORT, Proof};
use crate::claims::{AssertedIdentity, types};
use crate::config::{ClaimsProviderTrust, OpenIdProvider};

/// How far the clocks of the two servers may be apart (spec security 3.4).
const SKEW: Duration = Duration::seconds(60);
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified";
/// Names of RFC 8176.
const PASSWORD: &str = "pwd";
const SEVERAL: &str = "mfa";

/// What an ID token must fit.
#[derive(Debug, Clone, Copy)]
pub struct IdTokenDemand<'a> {
    /// The trust that was asked.
    pub trust: &'a ClaimsProviderTrust,
    /// How it is asked.
    pub provider: &'a OpenIdProvider,
    /// Oldest sign-in that will do.
    pub signed_in_since: Option<OffsetDateTime>,
    /// Now.
    pub now: OffsetDateTime,
}

/// Accepts an ID token.
///
/// # Errors
/// [`AssertionRefusal::NotFresh`]. A token that does not say when the user signed in serves no demand for freshness.
pub fn accept_id_token(
    demand: &IdTokenDemand<'_>,
    token: &IdToken,
) -> Result<Proof, AssertionRefusal> {
    let signed_in_at = token.signed_in_at;
    if let Some(since) = demand.signed_in_since
        && signed_in_at.is_none_or(|at| at.saturating_add(SKEW) < since)
    {
        return Err(AssertionRefusal::NotFresh);
    }
    let has = |method: &str| token.methods.iter().any(|known| known == method);
    let method = if has(PASSWORD) {
        PASSWORD_PROTECTED_TRANSPORT
    } else {
        UNSPECIFIED
    };
    let mut methods = vec![method.to_owned()];
    let stated = token.context.as_ref();
    let by_context = stated.is_some_and(|context| {
        context == types::MULTIPLE_AUTHENTICATION
            || demand.provider.mfa_acr_values.contains(context)
    });
    // The word of those who are not trusted with it must not lift our own demand.
    if (by_context || has(SEVERAL)) && demand.trust.supports_mfa {
        methods.push(types::MULTIPLE_AUTHENTICATION.to_owned());
    }
    Ok(Proof {
        who: Identified::Asserted(Arc::new(identity(demand, token))),
        method: method.to_owned(),
        methods,
        instant: signed_in_at.unwrap_or(token.issued_at).min(demand.now),
        ends: None,
        now: demand.now,
    })
}

fn identity(demand: &IdTokenDemand<'_>, token: &IdToken) -> AssertedIdentity {
    let trust = demand.trust;
    let rules = &trust.acceptance_transform_rules;
    let mut claims = Vec::new();
    for (member, claim_type) in &demand.provider.claim_types {
        // A provider that says that it never checked an address does not vouch for it.
        if member == "email" && !is_verified(token) {
            continue;
        }
        let values = token.claims.get(member).map(texts).unwrap_or_default();
        claims.extend(values.iter().map(|value| Claim::new(claim_type, value)));
    }
    claims.retain(|claim| rules.may_read(&claim.claim_type) && may_assert(trust, claim));
    let upn = claims.iter().find(|claim| claim.claim_type == types::UPN);
    let user = upn.map_or(&token.subject, |claim| &claim.value).clone();
    AssertedIdentity::new(&trust.identifier, &user, claims)
}

fn is_verified(token: &IdToken) -> bool {
    match token.claims.get("email_verified") {
        None => true,
        Some(Value::String(text)) => text == "true",
        Some(verified) => verified == &Value::Bool(true),
    }
}

/// Texts, numbers and truth values, alone or in a list. Objects become no claim.
fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    match value {
        Value::Array(list) => list.iter().filter_map(text).collect(),
        single => text(single).into_iter().collect(),
    }
}
