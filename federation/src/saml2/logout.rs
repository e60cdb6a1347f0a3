//! `LogoutRequest` and `LogoutResponse` (SAML 2.0 Core 3.7, spec passive-sign-in 3.10).

use openssl::x509::X509;
use time::OffsetDateTime;

use super::authn_request::texts;
use super::reading::{attribute, child, header, instant};
use super::response::{Head, message};
use super::{ASSERTION, MessageError, NameId, PROTOCOL, Status};
use crate::signature::{SignatureAlgorithm, SigningKey};
use crate::xml::{self, Attribute, Fragment, Limits, is_ncname};
use crate::xmlenc::ContentEncryption;
use crate::{IssueError, timestamp};

/// A request to end a session, as it came or as it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// `ID`.
    pub id: String,
    /// `Issuer`.
    pub issuer: String,
    /// `IssueInstant`.
    pub issue_instant: OffsetDateTime,
    /// `Destination`.
    pub destination: Option<String>,
    /// Whose session.
    pub subject: LogoutSubject,
    /// `SessionIndex`: which of the subject's sessions; all, if empty.
    pub session_indexes: Vec<String>,
    /// `NotOnOrAfter`.
    pub not_on_or_after: Option<OffsetDateTime>,
    /// `Reason`, a URI.
    pub reason: Option<String>,
    /// Whether the message itself has a signature. Of no meaning when writing.
    pub is_signed: bool,
}

/// Whose session is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogoutSubject {
    /// `NameID`.
    Name(NameId),
    /// `EncryptedID`: its `EncryptedData` as XML that stands alone. The name within is read by [`NameId::parse`].
    Encrypted(String),
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutResponse {
    /// `ID`.
    pub id: String,
    /// `Issuer`.
    pub issuer: String,
    /// `IssueInstant`.
    pub issue_instant: OffsetDateTime,
    /// `Destination`.
    pub destination: Option<String>,
    /// `InResponseTo`: the request's id.
    pub in_response_to: Option<String>,
    /// Outcome.
    pub status: Status,
    /// Whether the message itself has a signature. Of no meaning when writing.
    pub is_signed: bool,
}

impl LogoutRequest {
    /// Reads a message.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn parse(message: &str) -> Result<LogoutRequest, MessageError> {
        let document = xml::read(message.as_bytes(), &Limits::message())?;
        let root = document.root();
        let header = header(root, "LogoutRequest")?;
        let name = child(root, ASSERTION, "NameID")?;
        let encrypted = child(root, ASSERTION, "EncryptedID")?;
        let subject = match (name, encrypted) {
            (Some(name), None) => LogoutSubject::Name(NameId::read(name)?),
            (None, Some(encrypted)) => {
                LogoutSubject::Encrypted(super::encrypted::inner(encrypted)?)
            }
            (None, None) => return Err(MessageError::Missing("NameID")),
            (Some(_), Some(_)) => return Err(MessageError::Repeated("NameID")),
        };
        Ok(LogoutRequest {
            id: header.id,
            issuer: header.issuer.ok_or(MessageError::Missing("Issuer"))?,
            issue_instant: header.issue_instant,
            destination: header.destination,
            subject,
            session_indexes: texts(root, PROTOCOL, "SessionIndex")?,
            not_on_or_after: instant(root, "NotOnOrAfter")?,
            reason: attribute(root, "Reason")?,
            is_signed: header.is_signed,
        })
    }
}

impl LogoutResponse {
    /// Reads a message.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn parse(message: &str) -> Result<LogoutResponse, MessageError> {
        let document = xml::read(message.as_bytes(), &Limits::message())?;
        let root = document.root();
        let header = header(root, "LogoutResponse")?;
        let in_response_to = attribute(root, "InResponseTo")?;
        if !in_response_to.as_deref().is_none_or(is_ncname) {
            return Err(MessageError::Value("InResponseTo"));
        }
        Ok(LogoutResponse {
            id: header.id,
            issuer: header.issuer.ok_or(MessageError::Missing("Issuer"))?,
            issue_instant: header.issue_instant,
            destination: header.destination,
            in_response_to,
            status: Status::read(root)?,
            is_signed: header.is_signed,
        })
    }
}

/// Writes a request. For the Redirect binding the signature is in the query, so `sign` is `None` there. With `encrypt` the
/// name goes as an `EncryptedID`.
///
/// # Errors
/// A value that XML cannot carry, a subject that is encrypted already, a certificate that cannot serve, or a failing
/// signature.
pub fn write_logout_request(
    request: &LogoutRequest,
    encrypt: Option<(&X509, ContentEncryption)>,
    sign: Option<(&SigningKey, SignatureAlgorithm)>,
) -> Result<Fragment, IssueError> {
    let LogoutSubject::Name(name) = &request.subject else {
        return Err(IssueError::Inconsistent(
            "the subject of a logout request is encrypted already",
        ));
    };
    let encrypted = match encrypt {
        Some((recipient, content)) => Some(name.encrypt(recipient, content)?),
        None => None,
    };
    let head = Head {
        id: &request.id,
        issue_instant: request.issue_instant,
        destination: request.destination.as_deref(),
        in_response_to: None,
        issuer: &request.issuer,
    };
    let until = request.not_on_or_after.map(timestamp);
    let more: Vec<Attribute<'_>> = [
        ("NotOnOrAfter", until.as_deref()),
        ("Reason", request.reason.as_deref()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(Attribute::new(name, value?)))
    .collect();
    message(sign, |place| {
        head.write("LogoutRequest", &more, place, |writer| {
            match &encrypted {
                None => name.write(writer),
                Some(encrypted) => {
                    let element = ASSERTION.name("EncryptedID");
                    writer.element(element, &[], |writer| encrypted.write(writer));
                }
            }
            for index in &request.session_indexes {
                writer.leaf(PROTOCOL.name("SessionIndex"), &[], index);
            }
        })
    })
}

/// Writes an answer. For the Redirect binding the signature is in the query, so `sign` is `None` there.
///
/// # Errors
/// A value that XML cannot carry, or a failing signature.
pub fn write_logout_response(
    response: &LogoutResponse,
    sign: Option<(&SigningKey, SignatureAlgorithm)>,
) -> Result<Fragment, IssueError> {
    let head = Head {
        id: &response.id,
        issue_instant: response.issue_instant,
        destination: response.destination.as_deref(),
        in_response_to: response.in_response_to.as_deref(),
        issuer: &response.issuer,
    };
    message(sign, |place| {
        head.write("LogoutResponse", &[], place, |writer| {
            response.status.write(writer)
        })
    })
}
