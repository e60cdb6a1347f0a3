//! What is refused, and what is left out.

use std::fmt;

use thiserror::Error;

use crate::dsig::SignatureError;
use crate::xml::ReadError;

/// Why metadata is refused. No message quotes the document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetadataReadError {
    /// Form, limits or signatures.
    #[error("the metadata is refused: {0}")]
    Document(#[from] SignatureError),
    /// The entity's part, read by itself.
    #[error("the metadata is refused: {0}")]
    Xml(#[from] ReadError),
    /// Past its `validUntil`.
    #[error("the metadata is no longer valid since {0}; ask the partner for a current document")]
    Expired(String),
    /// A required attribute or element.
    #[error("the metadata has no {0}")]
    Missing(&'static str),
    /// An attribute or element of another form than the schema gives it.
    #[error("the metadata has a {0} that cannot be used")]
    Value(&'static str),
    /// More than anybody has.
    #[error("the metadata has more than {most} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How much would be accepted.
        most: usize,
    },
    /// Nothing that a relying party has.
    #[error(
        "the metadata describes no relying party: it has neither an SPSSODescriptor for SAML 2.0 nor a WS-Federation role \
         with a usable endpoint"
    )]
    NoRelyingParty,
    /// Nothing that a claims provider has.
    #[error(
        "the metadata describes no claims provider: it has neither an IDPSSODescriptor for SAML 2.0 nor a security token \
         service with a usable endpoint"
    )]
    NoClaimsProvider,
    /// No key to verify with, where something must be verified (spec security SIG-10).
    #[error(
        "the metadata has no usable certificate to verify signatures with, although {0}; a certificate with an RSA key of \
         at least 2048 bits or an EC key is needed"
    )]
    NoSigningKey(&'static str),
}

/// Something of a document that was left out. It is for the administrator who imports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// An address that no browser is sent to.
    Endpoint {
        /// The element's name.
        element: &'static str,
        /// The address, cut to a sensible length.
        location: String,
        /// What is wrong with it.
        why: String,
    },
    /// A binding that is not spoken.
    Binding {
        /// The element's name.
        element: &'static str,
        /// The binding's identifier, cut to a sensible length.
        binding: String,
    },
    /// Two endpoints with one index; the first is kept.
    Index {
        /// The element's name.
        element: &'static str,
        /// The index.
        index: u16,
    },
    /// A key that is no certificate, or too weak.
    Key(&'static str),
    /// A role that is not spoken, or a second one of a kind.
    Role(&'static str),
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Endpoint {
                element,
                location,
                why,
            } => write!(formatter, "{element} {location:?} was left out: {why}"),
            Warning::Binding { element, binding } => write!(
                formatter,
                "{element} was left out: the binding {binding:?} is not supported"
            ),
            Warning::Index { element, index } => write!(
                formatter,
                "{element} was left out: another one before it has the index {index}"
            ),
            Warning::Key(why) => write!(formatter, "a KeyDescriptor was left out: {why}"),
            Warning::Role(why) => write!(formatter, "a role was left out: {why}"),
        }
    }
}
