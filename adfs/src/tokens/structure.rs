//! What SAML assertions of both versions have in common: some claims have a place of their own, and an assertion has a
//! life (spec passive-sign-in 2.6, 2.9 and 2.10).

use claim_rules::Claim;
use federation::signature::SignatureAlgorithm;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::IssueError;
use crate::claims::Authentication;
use crate::config::RelyingPartyTrust;

pub(super) const NAME_IDENTIFIER: &str =
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier";
pub(super) const AUTHENTICATION_METHOD: &str =
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/authenticationmethod";
pub(super) const AUTHENTICATION_INSTANT: &str =
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/authenticationinstant";
pub(super) const ISSUER_ID: &str =
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/issuerid";
pub(super) const FORMAT: &str =
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claimproperties/format";
pub(super) const NAME_QUALIFIER: &str =
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claimproperties/namequalifier";

/// What `TokenLifetime` 0 stands for.
const DEFAULT_LIFETIME: Duration = Duration::minutes(60);

/// From when until when an assertion is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: OffsetDateTime,
    pub(super) not_on_or_after: OffsetDateTime,
}

impl Validity {
    pub(super) fn from(
        now: OffsetDateTime,
        skew: Duration,
        lifetime: Duration,
    ) -> Result<Validity, IssueError> {
        let lifetime = if lifetime.is_positive() {
            lifetime
        } else {
            DEFAULT_LIFETIME
        };
        Ok(Validity {
            not_before: now.checked_sub(skew.abs()).ok_or(IssueError::Lifetime)?,
            not_on_or_after: now.checked_add(lifetime).ok_or(IssueError::Lifetime)?,
        })
    }
}

/// The claims, sorted into the places that an assertion has for some of them.
#[derive(Debug)]
pub(super) struct Structure<'a> {
    pub(super) issuer: &'a str,
    pub(super) name: Option<&'a Claim>,
    pub(super) method: &'a str,
    pub(super) instant: OffsetDateTime,
    /// What has no place of its own.
    pub(super) attributes: Vec<&'a Claim>,
}

impl<'a> Structure<'a> {
    /// `issuer` is the federation service identifier, which an `issuerid` claim replaces.
    pub(super) fn of(
        claims: &'a [Claim],
        authentication: &'a Authentication,
        issuer: &'a str,
    ) -> Result<Structure<'a>, IssueError> {
        // Of these two the first is consumed. Further ones stay attributes, as rules for Entra ID issue them (spec 2.10).
        let method = claims
            .iter()
            .find(|claim| claim.claim_type == AUTHENTICATION_METHOD);
        let instant = claims
            .iter()
            .find(|claim| claim.claim_type == AUTHENTICATION_INSTANT);
        let is_consumed = |claim: &&Claim| {
            [NAME_IDENTIFIER, ISSUER_ID].contains(&claim.claim_type.as_str())
                || [method, instant]
                    .into_iter()
                    .flatten()
                    .any(|consumed| std::ptr::eq(consumed, *claim))
        };
        Ok(Structure {
            issuer: issuer_id(claims)?.unwrap_or(issuer),
            name: name(claims)?,
            method: method.map_or(&authentication.method_uri, |claim| &claim.value),
            instant: match instant {
                Some(claim) => OffsetDateTime::parse(&claim.value, &Rfc3339)
                    .map_err(|_| IssueError::AuthenticationInstant)?,
                None => authentication.instant,
            },
            attributes: claims.iter().filter(|claim| !is_consumed(claim)).collect(),
        })
    }
}

fn name(claims: &[Claim]) -> Result<Option<&Claim>, IssueError> {
    let mut names = claims
        .iter()
        .filter(|claim| claim.claim_type == NAME_IDENTIFIER);
    let first = names.next();
    match names.count() {
        0 => Ok(first),
        more => Err(IssueError::NameIdentifiers(1 + more)),
    }
}

fn issuer_id(claims: &[Claim]) -> Result<Option<&str>, IssueError> {
    let mut ids = claims
        .iter()
        .filter(|claim| claim.claim_type == ISSUER_ID)
        .map(|claim| claim.value.as_str());
    let Some(id) = ids.next() else {
        return Ok(None);
    };
    if id.trim().is_empty() || ids.any(|other| other != id) {
        return Err(IssueError::IssuerId);
    }
    Ok(Some(id))
}

/// The administrator is to know at every use (spec security SIG-8).
pub(super) fn warn_of_sha1(trust: &RelyingPartyTrust) {
    if trust.signature_algorithm == SignatureAlgorithm::RsaSha1 {
        tracing::warn!(
            trust = %trust.name,
            "a token was signed with RSA-SHA1, which can be forged with effort; move the relying party to RSA-SHA256"
        );
    }
}
