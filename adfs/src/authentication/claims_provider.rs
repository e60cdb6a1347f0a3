//! A claims provider's word for somebody, in place of credentials (spec passive-sign-in 7.4, security SIG-13).
//!
//! What comes here was authenticated: a signature by a certificate of the trust covers every value of the assertion.
//! This module decides whether the assertion is for us, for now, for this request, and for the first time.

use std::sync::Arc;

use claim_rules::Claim;
use federation::assertion::{Assertion, AuthenticationStatement, Confirmation};
use federation::saml2::NameId;
use thiserror::Error;
use time::{Duration, OffsetDateTime};

use super::{Identified, Proof};
use crate::claims::{AssertedIdentity, ProviderSession, types};
use crate::config::ClaimsProviderTrust;
use crate::store::{Store, StoreError};

/// How far the clocks of the two servers may be apart (spec security 3.4).
const SKEW: Duration = Duration::minutes(5);
/// Longest validity of an assertion as issued (spec security SIG-13).
const LONGEST: Duration = Duration::hours(24);
/// Shortest time that the use of an assertion is remembered (spec security 3.4).
const REMEMBERED: Duration = Duration::minutes(60);
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified";
/// What a name of no stated format has (SAML 2.0 Core 2.2.2).
const NAME_UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
const NAME_IDENTIFIER: &str =
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier";
const CLAIM_PROPERTIES: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claimproperties/";
/// Types whose values name an account together with the organisation that has it.
const ACCOUNT_NAMES: [&str; 3] = [
    types::UPN,
    types::IMPLICIT_UPN,
    "http://schemas.xmlsoap.org/claims/UPN",
];

/// Why an assertion is not accepted. For administrators only.
#[derive(Debug, Error)]
pub enum AssertionRefusal {
    /// Another issuer than the trust's.
    #[error("its issuer is not the identifier of the claims provider trust")]
    Issuer,
    /// It is for somebody else, or for everybody.
    #[error("none of this service's identifiers is in its audience")]
    Audience,
    /// It has no end, or one more than 24 hours after its beginning.
    #[error("it does not say until when it is valid, or is valid for more than 24 hours")]
    Unbounded,
    /// Not yet.
    #[error("it is not valid yet; compare the clocks of the two servers")]
    NotYetValid,
    /// No more.
    #[error("it is not valid any more; compare the clocks of the two servers")]
    Expired,
    /// No bearer confirmation holds.
    #[error(
        "no bearer confirmation in it holds: it is for another address, answers another request, or came too late"
    )]
    Confirmation,
    /// Web browser sign-on needs a statement about the sign-in.
    #[error("it does not say how and when the user signed in")]
    NoAuthentication,
    /// Fresh credentials were demanded.
    #[error(
        "the relying party demands a fresh sign-in, and the claims provider answered with an old one"
    )]
    NotFresh,
    /// A name of another format than the trust demands.
    #[error(
        "its name has another format than the required_name_id_format of the claims provider trust"
    )]
    NameIdFormat,
    /// Neither name nor claims.
    #[error("it names nobody")]
    Nobody,
    /// Used before.
    #[error("it was used before")]
    Replayed,
    /// Whether it was used before cannot be told.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an assertion must fit.
#[derive(Debug)]
pub struct Expectation<'a> {
    /// The trust whose certificates verified it.
    pub trust: &'a Arc<ClaimsProviderTrust>,
    /// Identifiers of this service.
    pub audiences: &'a [String],
    /// Our address that got it, in every spelling.
    pub recipients: &'a [String],
    /// The request that it must answer, in protocols whose assertions say which.
    pub in_response_to: Option<&'a str>,
    /// Oldest sign-in that will do.
    pub signed_in_since: Option<OffsetDateTime>,
    /// Now.
    pub now: OffsetDateTime,
}

/// Accepts an authenticated assertion, once.
///
/// # Errors
/// See [`AssertionRefusal`].
pub async fn accept_assertion(
    store: &Store,
    expected: &Expectation<'_>,
    assertion: &Assertion,
) -> Result<Proof, AssertionRefusal> {
    let checked = check(expected, assertion)?;
    // Last, so that an assertion that is refused for something else is not used up.
    let end = checked.end.saturating_add(SKEW);
    let end = end.max(expected.now.saturating_add(REMEMBERED));
    let first = store
        .consume_assertion(&assertion.issuer, &assertion.id, end)
        .await?;
    if first {
        Ok(checked.proof)
    } else {
        Err(AssertionRefusal::Replayed)
    }
}

#[derive(Debug)]
struct Checked {
    proof: Proof,
    /// From when on it would be refused for its age.
    end: OffsetDateTime,
}

fn check(expected: &Expectation<'_>, assertion: &Assertion) -> Result<Checked, AssertionRefusal> {
    let (now, trust) = (expected.now, expected.trust);
    if assertion.issuer != trust.identifier {
        return Err(AssertionRefusal::Issuer);
    }
    let for_us = |audiences: &Vec<String>| {
        let ours = |audience: &String| expected.audiences.contains(audience);
        audiences.iter().any(ours)
    };
    if assertion.audiences.is_empty() || !assertion.audiences.iter().all(for_us) {
        return Err(AssertionRefusal::Audience);
    }
    let end = check_time(assertion, now)?;
    let confirmed = assertion
        .confirmations
        .iter()
        .any(|confirmation| holds(confirmation, expected));
    if !confirmed {
        return Err(AssertionRefusal::Confirmation);
    }
    let statement = assertion.authentication.as_ref();
    if expected.in_response_to.is_some() && statement.is_none() {
        return Err(AssertionRefusal::NoAuthentication);
    }
    // Without a statement the sign-in is as old as anybody likes to think, so it serves no demand for freshness.
    let instant = statement.map(|statement| statement.instant);
    if let Some(since) = expected.signed_in_since
        && instant.is_none_or(|instant| instant.saturating_add(SKEW) < since)
    {
        return Err(AssertionRefusal::NotFresh);
    }
    let ends = statement.and_then(|statement| statement.session_not_on_or_after);
    if ends.is_some_and(|ends| ends <= now) {
        return Err(AssertionRefusal::Expired);
    }
    if let Some(required) = &trust.saml.required_name_id_format {
        let name = assertion.name.as_ref();
        let format = name.map(|name| name.format.as_deref().unwrap_or(NAME_UNSPECIFIED));
        if format != Some(required.as_str()) {
            return Err(AssertionRefusal::NameIdFormat);
        }
    }
    let (method, methods) = methods(trust, assertion, statement);
    Ok(Checked {
        proof: Proof {
            who: Identified::Asserted(Arc::new(identity(trust, assertion)?)),
            method,
            methods,
            // A clock that is ahead of ours must not put the sign-in into the future.
            instant: instant.unwrap_or(assertion.issued_at).min(now),
            ends,
            now,
        },
        end,
    })
}

/// The window of the conditions; returns its end.
fn check_time(
    assertion: &Assertion,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, AssertionRefusal> {
    let bearer_ends = assertion
        .confirmations
        .iter()
        .filter_map(|confirmation| confirmation.not_on_or_after)
        .max();
    let start = assertion.not_before.unwrap_or(assertion.issued_at);
    let end = assertion
        .not_on_or_after
        .or(bearer_ends)
        .filter(|end| *end - start <= LONGEST)
        .ok_or(AssertionRefusal::Unbounded)?;
    if now.saturating_add(SKEW) < start.max(assertion.issued_at) {
        return Err(AssertionRefusal::NotYetValid);
    }
    if now >= end.saturating_add(SKEW) {
        return Err(AssertionRefusal::Expired);
    }
    Ok(end)
}

/// Whether a confirmation says that whoever brings the assertion here, now and in answer to that request, is its subject
/// (SAML 2.0 Profiles 4.1.4.3). WS-Federation has none of the three facts in its assertions; there the state that the
/// browser brings stands in for them.
fn holds(confirmation: &Confirmation, expected: &Expectation<'_>) -> bool {
    let now = expected.now;
    let in_time = match confirmation.not_on_or_after {
        Some(end) => now < end.saturating_add(SKEW),
        None => expected.in_response_to.is_none(),
    };
    let here = match &confirmation.recipient {
        Some(recipient) => expected.recipients.contains(recipient),
        None => expected.in_response_to.is_none(),
    };
    let early = confirmation
        .not_before
        .is_some_and(|start| now.saturating_add(SKEW) < start);
    let answers = match expected.in_response_to {
        Some(request) => confirmation.in_response_to.as_deref() == Some(request),
        None => true,
    };
    confirmation.bearer && in_time && here && !early && answers
}

/// How the user signed in. A second factor counts only from claims providers that are trusted with it (SupportsMFA); the
/// word of the others must not lift our own demand for one.
fn methods(
    trust: &ClaimsProviderTrust,
    assertion: &Assertion,
    statement: Option<&AuthenticationStatement>,
) -> (String, Vec<String>) {
    let stated = statement.and_then(|statement| statement.method.as_deref());
    let means_several = |method: &str| {
        method == types::MULTIPLE_AUTHENTICATION
            || trust.saml.custom_mfa_uri.as_deref() == Some(method)
    };
    let referenced = assertion
        .claims
        .iter()
        .any(|claim| claim.claim_type == types::METHODS_REFERENCES && means_several(&claim.value));
    let several = stated.is_some_and(means_several) || referenced;
    let method = stated
        .filter(|method| !means_several(method))
        .unwrap_or(UNSPECIFIED);
    let mut methods = vec![method.to_owned()];
    if several && trust.supports_mfa {
        methods.push(types::MULTIPLE_AUTHENTICATION.to_owned());
    }
    (method.to_owned(), methods)
}

fn identity(
    trust: &ClaimsProviderTrust,
    assertion: &Assertion,
) -> Result<AssertedIdentity, AssertionRefusal> {
    let rules = &trust.acceptance_transform_rules;
    let mut claims = Vec::new();
    if let Some(name) = &assertion.name {
        let mut claim = Claim::new(NAME_IDENTIFIER, &name.value);
        let properties = [
            ("format", &name.format),
            ("namequalifier", &name.name_qualifier),
            ("spnamequalifier", &name.sp_name_qualifier),
        ];
        for (property, value) in properties {
            if let Some(value) = value {
                claim = claim.with_property(format!("{CLAIM_PROPERTIES}{property}"), value);
            }
        }
        claims.push(claim);
    }
    claims.extend(assertion.claims.iter().map(|attribute| {
        let mut claim = Claim::new(&attribute.claim_type, &attribute.value);
        if let Some(value_type) = &attribute.value_type {
            claim = claim.with_value_type(value_type);
        }
        if let Some(issuer) = &attribute.original_issuer {
            claim = claim.originally_issued_by(issuer);
        }
        if let Some(format) = &attribute.name_format {
            claim = claim.with_property(format!("{CLAIM_PROPERTIES}attributename"), format);
        }
        claim
    }));
    let user = claims
        .iter()
        .find(|claim| claim.claim_type == types::UPN)
        .or(claims.first())
        .map(|claim| claim.value.clone())
        .ok_or(AssertionRefusal::Nobody)?;
    // What no acceptance rule could ever see is not carried from page to page.
    claims.retain(|claim| rules.may_read(&claim.claim_type) && may_assert(trust, claim));
    let identity = AssertedIdentity::new(&trust.identifier, &user, claims);
    Ok(identity.with_session(provider_session(trust, assertion)))
}

/// What sign-out at the claims provider will need, where there is one by SAML 2.0.
fn provider_session(trust: &ClaimsProviderTrust, assertion: &Assertion) -> Option<ProviderSession> {
    trust.logout_by_redirect()?;
    let name = assertion.name.as_ref()?;
    let statement = assertion.authentication.as_ref();
    Some(ProviderSession {
        name: NameId {
            value: name.value.clone(),
            format: name.format.clone(),
            name_qualifier: name.name_qualifier.clone(),
            sp_name_qualifier: name.sp_name_qualifier.clone(),
            sp_provided_id: None,
        },
        index: statement.and_then(|statement| statement.session_index.clone()),
    })
}

/// A claims provider names accounts only below its own suffixes, where the trust lists any (spec security CLM-4).
pub(super) fn may_assert(trust: &ClaimsProviderTrust, claim: &Claim) -> bool {
    let suffixes = &trust.organizational_account_suffixes;
    if suffixes.is_empty() || !ACCOUNT_NAMES.contains(&claim.claim_type.as_str()) {
        return true;
    }
    let suffix = claim.value.rsplit_once('@').map(|(_, suffix)| suffix);
    suffix.is_some_and(|suffix| {
        suffixes
            .iter()
            .any(|own| own.trim_start_matches('@').eq_ignore_ascii_case(suffix))
    })
}

#[cfg(test)]
mod tests;
