#![forbid(unsafe_code)]
//! Wire formats that federation servers and proxies share. Nothing in here opens a socket or reads a clock.
//!
//! What we issue goes through [`xml::Writer`], which writes canonical text in the first place, so that [`signature`]
//! can digest exactly what it wrote; on that rest [`saml11`], [`saml2`], [`wsfed`] and [`metadata`]. What others send goes
//! through [`xml::read`] and its limits; [`dsig`] hands on no more of it than what a known key has signed. [`jose`] does
//! the same for signed JSON, on which [`oidc`] rests.

pub mod assertion;
pub mod dsig;
pub mod endpoints;
pub mod jose;
pub mod metadata;
pub mod oidc;
pub mod proxy;
pub mod saml11;
pub mod saml2;
pub mod signature;
pub mod soap11;
pub mod wsfed;
pub mod xml;
pub mod xmlenc;

mod error;
mod json;
#[cfg(test)]
mod test_key;
mod timestamp;

pub use error::IssueError;
pub use timestamp::timestamp;
