//! SAML 2.0: protocol messages, assertions and the bindings that carry them (spec passive-sign-in 3).

mod artifact;
mod artifact_resolution;
mod assertion;
mod authn_request;
mod authn_request_writer;
mod encrypted;
mod error;
mod logout;
mod name_id;
pub mod post;
mod reading;
pub mod redirect;
mod response;
mod response_reader;
mod status;
#[cfg(test)]
mod tests;

pub use artifact::{Artifact, ArtifactError};
pub use artifact_resolution::{
    ArtifactResolve, ArtifactResponseParts, StoredMessage, write_artifact_resolve,
    write_artifact_response,
};
pub use assertion::{Assertion, Claim, Subject, SubjectName};
pub use authn_request::{
    AuthnRequest, Comparison, ConsumerChoice, NameIdPolicy, RequestedAuthnContext, Scoping,
};
pub use authn_request_writer::write_authn_request;
pub use encrypted::encrypted_assertion;
pub use error::{DecodeError, MessageError};
pub use logout::{
    LogoutRequest, LogoutResponse, LogoutSubject, write_logout_request, write_logout_response,
};
pub use name_id::NameId;
pub(crate) use reading::standalone;
pub use redirect::MessageKind;
pub use response::{ResponseParts, write_response};
pub use response_reader::Response;
pub use status::Status;

use crate::xml::Namespace;

/// Protocol messages.
pub const PROTOCOL: Namespace = Namespace::new("samlp", "urn:oasis:names:tc:SAML:2.0:protocol");
/// Assertions, written as the default namespace (spec passive-sign-in 3.7).
pub const ASSERTION: Namespace = Namespace::new("", TOKEN_TYPE);
/// `TokenType` of an assertion in WS-Trust and in metadata.
pub const TOKEN_TYPE: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// `Consent` of every message of AD FS.
pub(crate) const CONSENT: &str = "urn:oasis:names:tc:SAML:2.0:consent:unspecified";

/// How a message travels (SAML 2.0 Bindings 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binding {
    /// In the query, compressed.
    Redirect,
    /// In a form.
    Post,
    /// By reference.
    Artifact,
    /// Between servers.
    Soap,
}

impl Binding {
    /// All that are known.
    pub const ALL: [Binding; 4] = [
        Binding::Redirect,
        Binding::Post,
        Binding::Artifact,
        Binding::Soap,
    ];

    /// Its identifier.
    pub const fn uri(self) -> &'static str {
        match self {
            Binding::Redirect => "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
            Binding::Post => "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
            Binding::Artifact => "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact",
            Binding::Soap => "urn:oasis:names:tc:SAML:2.0:bindings:SOAP",
        }
    }

    /// The binding of this identifier.
    pub fn from_uri(uri: &str) -> Option<Binding> {
        Binding::ALL
            .into_iter()
            .find(|binding| binding.uri() == uri)
    }

    /// Its name in AD FS's cmdlets (New-AdfsSamlEndpoint -Binding).
    pub const fn name(self) -> &'static str {
        match self {
            Binding::Redirect => "Redirect",
            Binding::Post => "POST",
            Binding::Artifact => "Artifact",
            Binding::Soap => "SOAP",
        }
    }
}
