//! `Response` as AD FS writes it (spec passive-sign-in 3.7 and 3.8).

use time::OffsetDateTime;

use super::{ASSERTION, CONSENT, PROTOCOL, Status};
use crate::signature::{SignatureAlgorithm, SigningKey};
use crate::xml::{self, Attribute, Fragment, Writer, is_ncname};
use crate::{IssueError, timestamp};

/// Everything a response says.
#[derive(Debug)]
pub struct ResponseParts<'a> {
    /// `ID`, an NCName, unpredictable.
    pub id: &'a str,
    /// `IssueInstant`.
    pub issue_instant: OffsetDateTime,
    /// `Destination`: where it goes.
    pub destination: &'a str,
    /// `InResponseTo`: the request's id; `None` when nobody asked.
    pub in_response_to: Option<&'a str>,
    /// `Issuer`: the federation service identifier.
    pub issuer: &'a str,
    /// Outcome.
    pub status: &'a Status,
    /// An `Assertion` or an `EncryptedAssertion`, as it was signed.
    pub assertion: Option<&'a Fragment>,
    /// Key for the message's own signature, if it gets one.
    pub sign: Option<(&'a SigningKey, SignatureAlgorithm)>,
}

/// Writes a response.
///
/// # Errors
/// A value that XML cannot carry, or a failing signature.
pub fn write_response(parts: &ResponseParts<'_>) -> Result<Fragment, IssueError> {
    message(parts.sign, |place| {
        let head = Head {
            id: parts.id,
            issue_instant: parts.issue_instant,
            destination: Some(parts.destination),
            in_response_to: parts.in_response_to,
            issuer: parts.issuer,
        };
        head.write("Response", &[], place, |writer| {
            parts.status.write(writer);
            if let Some(assertion) = parts.assertion {
                writer.fragment(assertion);
            }
        })
    })
}

/// What every message that we send begins with.
pub(super) struct Head<'a> {
    pub(super) id: &'a str,
    pub(super) issue_instant: OffsetDateTime,
    pub(super) destination: Option<&'a str>,
    pub(super) in_response_to: Option<&'a str>,
    pub(super) issuer: &'a str,
}

impl Head<'_> {
    /// Writes the message `name` with a place for its signature behind `Issuer`, if it is to have one.
    pub(super) fn write(
        &self,
        name: &'static str,
        more: &[Attribute<'_>],
        place: bool,
        content: impl FnOnce(&mut Writer),
    ) -> Result<xml::Unsigned, IssueError> {
        self.write_as(PROTOCOL.name(name), more, place, content)
    }

    /// The same for a message that is written with another prefix.
    pub(super) fn write_as(
        &self,
        name: xml::Name,
        more: &[Attribute<'_>],
        place: bool,
        content: impl FnOnce(&mut Writer),
    ) -> Result<xml::Unsigned, IssueError> {
        if !is_ncname(self.id) || !self.in_response_to.is_none_or(is_ncname) {
            return Err(IssueError::Inconsistent("a message's id is no NCName"));
        }
        let issued = timestamp(self.issue_instant);
        let mut attributes = vec![
            Attribute::new("Consent", CONSENT),
            Attribute::new("ID", self.id),
            Attribute::new("IssueInstant", &issued),
            Attribute::new("Version", "2.0"),
        ];
        let optional = [
            ("Destination", self.destination),
            ("InResponseTo", self.in_response_to),
        ];
        attributes.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some(Attribute::new(name, value?))),
        );
        attributes.extend_from_slice(more);
        xml::write(name, &attributes, |writer| {
            writer.leaf(ASSERTION.name("Issuer"), &[], self.issuer);
            if place {
                writer.signature(self.id);
            }
            content(writer);
        })
    }
}

/// Writes and signs, or only writes. `write` is told whether to leave a place for the signature.
pub(super) fn message(
    sign: Option<(&SigningKey, SignatureAlgorithm)>,
    write: impl FnOnce(bool) -> Result<xml::Unsigned, IssueError>,
) -> Result<Fragment, IssueError> {
    let written = write(sign.is_some())?;
    match sign {
        Some((key, algorithm)) => key.sign(written, algorithm),
        None => Ok(written.into_fragment()),
    }
}
