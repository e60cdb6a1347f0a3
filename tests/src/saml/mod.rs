//! SAML 2.0 as a service provider speaks it, written for the tests alone: nothing of the product makes these messages or
//! reads the answers. Signatures and encryption are xmlsec1's.

pub mod answer;
pub mod deflate;
pub mod request;
pub mod service_provider;
pub mod xmlsec;

/// Protocol messages.
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// Assertions.
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// Prefix of the bindings' names.
pub const BINDINGS: &str = "urn:oasis:names:tc:SAML:2.0:bindings:";
/// The top-level status of a success.
pub const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
