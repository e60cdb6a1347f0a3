//! `Response` as claims providers send it (SAML 2.0 Core 3.3.3).

use time::OffsetDateTime;

use super::reading::{attribute, child, outer_header};
use super::{ASSERTION, MessageError, Status};
use crate::xml::{self, Limits, is_ncname};

/// The outside of a response, as it came: well formed, and nothing about it checked. Whoever is vouched for is in the
/// assertion, which [`crate::dsig::authenticate_response`] hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// `ID`.
    pub id: String,
    /// `Issuer`; it may be absent where only the assertion is signed.
    pub issuer: Option<String>,
    /// `IssueInstant`.
    pub issue_instant: OffsetDateTime,
    /// `Destination`.
    pub destination: Option<String>,
    /// `InResponseTo`: the request's id; `None` when nobody asked.
    pub in_response_to: Option<String>,
    /// Outcome.
    pub status: Status,
    /// Whether there is an `EncryptedAssertion`.
    pub is_encrypted: bool,
}

impl Response {
    /// Reads a message.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn parse(message: &str) -> Result<Response, MessageError> {
        let document = xml::read(message.as_bytes(), &Limits::message())?;
        let root = document.root();
        let header = outer_header(root, "Response")?;
        let in_response_to = attribute(root, "InResponseTo")?;
        if !in_response_to.as_deref().is_none_or(is_ncname) {
            return Err(MessageError::Value("InResponseTo"));
        }
        // Checked once more where the signature is: more than one assertion could be two people.
        let assertion = child(root, ASSERTION, "Assertion")?;
        let encrypted = child(root, ASSERTION, "EncryptedAssertion")?;
        if assertion.is_some() && encrypted.is_some() {
            return Err(MessageError::Repeated("Assertion"));
        }
        Ok(Response {
            id: header.id,
            issuer: header.issuer,
            issue_instant: header.issue_instant,
            destination: header.destination,
            in_response_to,
            status: Status::read(root)?,
            is_encrypted: encrypted.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::saml2::tests::{NOW, assertion, name};
    use crate::saml2::{ResponseParts, encrypted_assertion, write_response};
    use crate::signature::SignatureAlgorithm;
    use crate::test_key::{CERTIFICATE, SIGNING};
    use crate::xmlenc::ContentEncryption;

    #[test]
    fn what_is_written_is_read_again() {
        let name = name();
        let key = (&*SIGNING, SignatureAlgorithm::RsaSha256);
        let signed = key
            .0
            .sign(assertion(&name, true).write().unwrap(), key.1)
            .unwrap();
        let encrypted =
            encrypted_assertion(&signed, &CERTIFICATE, ContentEncryption::Aes128Gcm).unwrap();
        for (content, is_encrypted) in [(&signed, false), (&encrypted, true)] {
            let (success, failure) = (Status::success(), Status::no_authn_context());
            for (status, content) in [(&success, Some(content)), (&failure, None)] {
                let message = write_response(&ResponseParts {
                    id: "_p1",
                    issue_instant: NOW,
                    destination: "https://sts.test/adfs/ls/",
                    in_response_to: Some("id-1"),
                    issuer: "http://idp.test",
                    status,
                    assertion: content,
                    sign: Some(key),
                });
                assert_eq!(
                    Response::parse(message.unwrap().as_str()).unwrap(),
                    Response {
                        id: "_p1".to_owned(),
                        issuer: Some("http://idp.test".to_owned()),
                        issue_instant: NOW,
                        destination: Some("https://sts.test/adfs/ls/".to_owned()),
                        in_response_to: Some("id-1".to_owned()),
                        status: status.clone(),
                        is_encrypted: is_encrypted && content.is_some(),
                    }
                );
            }
        }
    }

    #[test]
    fn what_is_no_response_is_refused() {
        let whole = "<p:Response xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol' \
                     xmlns='urn:oasis:names:tc:SAML:2.0:assertion' ID='_1' Version='2.0' IssueInstant='2026-11-25T12:00:00Z'>\
                     <p:Status><p:StatusCode Value='urn:x'/></p:Status></p:Response>";
        assert!(Response::parse(whole).is_ok());
        for (from, to, expected) in [
            ("Response", "LogoutResponse", MessageError::Kind("Response")),
            ("ID='_1'", "", MessageError::Missing("ID")),
            ("ID='_1'", "ID='1'", MessageError::Value("ID")),
            (
                "ID='_1'",
                "ID='_1' InResponseTo='a b'",
                MessageError::Value("InResponseTo"),
            ),
            ("'2.0'", "'1.1'", MessageError::Version),
            (
                "<p:StatusCode Value='urn:x'/>",
                "",
                MessageError::Missing("StatusCode"),
            ),
            (
                "<p:Status>",
                "<Assertion/><Assertion/><p:Status>",
                MessageError::Repeated("Assertion"),
            ),
            (
                "<p:Status>",
                "<Assertion/><EncryptedAssertion/><p:Status>",
                MessageError::Repeated("Assertion"),
            ),
        ] {
            assert_eq!(
                Response::parse(&whole.replace(from, to)),
                Err(expected),
                "{to}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(text in "(<|>|/|=|'|p:Response|ID|\\PC){0,40}") {
            let _ = Response::parse(&text);
        }
    }
}
