//! Tokens out of claims that policy has let through.

mod encryption;
mod saml11;
mod saml20;
mod structure;
mod ws_federation;

use federation::xml::Fragment;
use thiserror::Error;
use time::OffsetDateTime;

pub use encryption::encryption;
use saml11::issue_saml11;
pub use saml20::{IssueSaml20, Saml20Token, issue_saml20};
pub use ws_federation::{IssueWsFederation, issue_ws_federation};

/// A signed token.
#[derive(Debug)]
pub struct Token {
    /// The token as XML: an assertion, or `EncryptedData` in its place.
    pub xml: Fragment,
    /// Its id.
    pub id: String,
    /// From when it is valid.
    pub created: OffsetDateTime,
    /// Until when, exclusively.
    pub expires: OffsetDateTime,
}

/// Why no token can be made of the claims. All but the last are for the administrator to mend, in the relying party's
/// rules.
#[derive(Debug, Error)]
pub enum IssueError {
    /// A subject has one name.
    #[error(
        "the relying party's rules issued {0} name identifiers, and a token has room for one; let only one rule issue it"
    )]
    NameIdentifiers(usize),
    /// A token has one issuer.
    #[error(
        "the relying party's rules issued an issuerid claim that is empty, or several of different values; let one rule issue one"
    )]
    IssuerId,
    /// The claim is to become an XML date and time.
    #[error(
        "the relying party's rules issued an authenticationinstant that is no date and time such as 2026-01-31T09:05:00.000Z; \
         pass the incoming claim through"
    )]
    AuthenticationInstant,
    /// The request wants a name that the rules did not issue.
    #[error(
        "MSIS7070: the request wants a name identifier of format {wanted}, and the relying party's rules issued {}; let a \
         rule issue a name identifier of that format",
        issued.as_deref().unwrap_or("none of a stated format")
    )]
    NameIdPolicy {
        /// Format in the request.
        wanted: String,
        /// Format of the issued name, if there is one.
        issued: Option<String>,
    },
    /// An end beyond the calendar.
    #[error("the relying party trust's token lifetime leads beyond the year 9999; shorten it")]
    Lifetime,
    /// Writing or signing.
    #[error(transparent)]
    Write(#[from] federation::IssueError),
}
