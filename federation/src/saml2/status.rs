//! Outcomes (SAML 2.0 Core 3.2.2.2, spec passive-sign-in 3.8).

use roxmltree::Node;

use super::reading::{attribute, child};
use super::{MessageError, PROTOCOL};
use crate::xml::{Attribute, Writer};

macro_rules! status {
    ($name:literal) => {
        concat!("urn:oasis:names:tc:SAML:2.0:status:", $name)
    };
}

/// `Status`: who is at fault, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// First-level code, a URI.
    pub code: String,
    /// Second-level code, a URI.
    pub detail: Option<String>,
}

impl Status {
    fn of(code: &str, detail: Option<&str>) -> Status {
        Status {
            code: code.to_owned(),
            detail: detail.map(str::to_owned),
        }
    }

    /// All is well.
    pub fn success() -> Status {
        Status::of(status!("Success"), None)
    }

    /// The request asks for what cannot be done.
    pub fn request_unsupported() -> Status {
        Status::of(status!("Requester"), Some(status!("RequestUnsupported")))
    }

    /// The request itself is at fault.
    pub fn requester() -> Status {
        Status::of(status!("Requester"), None)
    }

    /// No name of the demanded format was issued.
    pub fn invalid_name_id_policy() -> Status {
        Status::of(status!("Requester"), Some(status!("InvalidNameIDPolicy")))
    }

    /// The demanded way to authenticate is not available.
    pub fn no_authn_context() -> Status {
        Status::of(status!("Responder"), Some(status!("NoAuthnContext")))
    }

    /// The user would have to be asked.
    pub fn no_passive() -> Status {
        Status::of(status!("Responder"), Some(status!("NoPassive")))
    }

    /// We are at fault.
    pub fn responder() -> Status {
        Status::of(status!("Responder"), None)
    }

    /// The session has ended here, and not everywhere.
    pub fn partial_logout() -> Status {
        Status::of(status!("Success"), Some(status!("PartialLogout")))
    }

    /// Whether the first level says success.
    pub fn is_success(&self) -> bool {
        self.code == status!("Success")
    }

    pub(super) fn read(message: Node<'_, '_>) -> Result<Status, MessageError> {
        let element = child(message, PROTOCOL, "Status")?.ok_or(MessageError::Missing("Status"))?;
        let code =
            child(element, PROTOCOL, "StatusCode")?.ok_or(MessageError::Missing("StatusCode"))?;
        let detail = match child(code, PROTOCOL, "StatusCode")? {
            Some(detail) => attribute(detail, "Value")?,
            None => None,
        };
        Ok(Status {
            code: attribute(code, "Value")?.ok_or(MessageError::Missing("StatusCode"))?,
            detail,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.element(PROTOCOL.name("Status"), &[], |writer| {
            let code = [Attribute::new("Value", &self.code)];
            writer.element(PROTOCOL.name("StatusCode"), &code, |writer| {
                if let Some(detail) = &self.detail {
                    let detail = [Attribute::new("Value", detail)];
                    writer.leaf(PROTOCOL.name("StatusCode"), &detail, "");
                }
            });
        });
    }
}
