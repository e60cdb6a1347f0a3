//! Listeners, TLS, routes, limits and security headers.

mod artifact_resolution;
mod body;
mod certificate_sightings;
pub mod context;
mod cookies;
pub mod endpoints;
mod exchange;
mod failure;
mod flow;
mod follow_configuration;
mod guard;
mod headers;
mod home_realm;
mod idp_initiated;
mod listen;
mod metadata;
mod parameters;
mod passive;
mod rate;
mod report;
mod rollover;
#[cfg(test)]
mod rollover_tests;
pub mod routes;
pub mod running;
mod saml;
mod saml_logout;
#[cfg(test)]
mod saml_tests;
mod sign_out;
mod static_files;
mod tls;
mod transaction;
mod upstream;
mod watch_metadata;
#[cfg(test)]
mod watch_metadata_tests;

pub use listen::{ServeError, serve};
pub use rate::SignInRate;
pub use tls::{CertificateFiles, TlsError, TlsIdentity};

/// The client certificate of a connection, DER; in connection data (`HttpRequest::conn_data`).
///
/// It is what the client sent and could prove the key of, nothing more: ask `ProxyTrusts::recognise` at every request
/// whether it means anything.
#[derive(Debug, Clone)]
pub struct PeerCertificate(pub Option<Vec<u8>>);
