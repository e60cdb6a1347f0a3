#![forbid(unsafe_code)]
//! What the end-to-end tests and the bench have in common: a lab of their own, clients that behave as browsers and as
//! scrapers do, other people's verifiers, and ways to break things.
//!
//! Nothing in here uses the product's crates. It knows the programs only from outside: their commands, `lab.json`, and
//! what goes over the wire.

pub mod browser;
pub mod clock;
pub mod contract;
pub mod cost;
pub mod fixtures;
pub mod form;
pub mod http;
pub mod lab;
pub mod logs;
pub mod mellon;
pub mod metadata;
pub mod passive;
pub mod paths;
pub mod ports;
pub mod process;
pub mod pysaml2;
pub mod pysaml2_idp;
pub mod raw;
pub mod relay;
pub mod saml;
pub mod separate;
pub mod token;
pub mod verifiers;

pub use metadata::metadata_of;
