//! The token in an answer of WS-Federation, of either kind (spec passive-sign-in 2.5, 2.6 and 2.9).

use federation::wsfed::TokenType;
use time::{Duration, OffsetDateTime};

use super::encryption::{encryption, for_recipient};
use super::{IssueError, IssueSaml20, Token, issue_saml11, issue_saml20};
use crate::claims::{Authentication, IssuedClaims};
use crate::config::RelyingPartyTrust;
use crate::keys::TokenSigning;

/// What the token is made of.
#[derive(Debug, Clone, Copy)]
pub struct IssueWsFederation<'a> {
    /// For whom.
    pub trust: &'a RelyingPartyTrust,
    /// Its kind.
    pub token_type: TokenType,
    /// About whom.
    pub claims: &'a IssuedClaims,
    /// How the user proved the identity.
    pub authentication: &'a Authentication,
    /// The relying party's identifier as the request named it.
    pub audience: &'a str,
    /// The federation service identifier, which an `issuerid` claim replaces.
    pub issuer: &'a str,
    /// Now.
    pub now: OffsetDateTime,
    /// The primary token-signing certificate with its key.
    pub signing: &'a TokenSigning,
}

/// Issues a token that is signed, and encrypted where the trust has an encryption certificate. It has a signature of its
/// own whatever SamlResponseSignature says, because there is no signed message around it.
///
/// # Errors
/// [`IssueError`]: claims that contradict each other or that the kind of token cannot carry, or failing cryptography.
pub fn issue_ws_federation(parts: &IssueWsFederation<'_>) -> Result<Token, IssueError> {
    let trust = parts.trust;
    let mut token = match parts.token_type {
        TokenType::Saml11 => issue_saml11(
            trust,
            parts.claims,
            parts.authentication,
            parts.audience,
            parts.issuer,
            parts.now,
            parts.signing,
        )?,
        TokenType::Saml20 => {
            let token = issue_saml20(&IssueSaml20 {
                trust,
                claims: parts.claims,
                authentication: parts.authentication,
                audience: parts.audience,
                issuer: parts.issuer,
                recipient: None,
                in_response_to: None,
                delivery_window: Duration::ZERO,
                now: parts.now,
                signing: parts.signing,
                sign_assertion: true,
                name_id_policy: None,
                // The whole is encrypted below, in the form that WS-Federation has for both kinds.
                encrypt_claims: None,
                encrypt_name: encryption(trust).filter(|_| trust.saml.encrypted_name_id_required),
            })?;
            Token {
                xml: token.assertion,
                id: token.id,
                created: token.created,
                expires: token.expires,
            }
        }
    };
    token.xml = for_recipient(trust, token.xml)?;
    Ok(token)
}
