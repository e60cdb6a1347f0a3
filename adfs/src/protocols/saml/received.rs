//! SAML messages as a binding brought them, and what is left of them once their signature is judged.

use federation::dsig::{self, AcceptedAlgorithms, SignatureError};
use federation::saml2::redirect::{self, RedirectMessage};
use federation::saml2::{MessageKind, post};
use federation::xml::{self, Limits};
use openssl::x509::X509;

use crate::config::RelyingPartyTrust;
use crate::sign_in::Refusal;

/// A message that nothing is known of but its text.
#[derive(Debug)]
pub struct Received {
    kind: MessageKind,
    xml: String,
    relay_state: Option<String>,
    query: Option<RedirectMessage>,
}

/// Which message it is, by its outermost element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageName {
    /// `AuthnRequest`.
    AuthnRequest,
    /// `LogoutRequest`.
    LogoutRequest,
    /// `LogoutResponse`.
    LogoutResponse,
    /// `Response`, the answer of another identity provider.
    Response,
}

/// What of a message may be used: all of it when it is not signed, else exactly what the signature covers.
#[derive(Debug, Clone)]
pub(super) struct Trusted {
    pub(super) xml: String,
    pub(super) signed: bool,
}

/// Refuses what cannot be read. The errors of the wire formats never quote the input.
pub(super) fn unreadable(error: &impl ToString) -> Refusal {
    Refusal::SamlMessage(error.to_string())
}

impl Received {
    /// From the query of the Redirect binding, as it was sent.
    ///
    /// # Errors
    /// [`Refusal::SamlMessage`].
    pub fn from_query(raw_query: &str) -> Result<Received, Refusal> {
        let message = redirect::decode(raw_query).map_err(|error| unreadable(&error))?;
        Ok(Received {
            kind: message.kind(),
            xml: message.xml().to_owned(),
            relay_state: message.relay_state().map(str::to_owned),
            query: Some(message),
        })
    }

    /// From the decoded fields of the POST binding.
    ///
    /// # Errors
    /// [`Refusal::SamlMessage`].
    pub fn from_form(fields: &[(String, String)]) -> Result<Received, Refusal> {
        let one = |name: &str| {
            let mut values = fields.iter().filter(|(field, _)| field == name);
            match (values.next(), values.next()) {
                (found, None) => Ok(found.map(|(_, value)| value.as_str())),
                _ => Err(Refusal::SamlMessage(format!(
                    "the field {name} comes twice"
                ))),
            }
        };
        let (kind, field) = match (one("SAMLRequest")?, one("SAMLResponse")?) {
            (Some(field), None) => (MessageKind::Request, field),
            (None, Some(field)) => (MessageKind::Response, field),
            _ => {
                let text = "the form holds no SAML message, or more than one";
                return Err(Refusal::SamlMessage(text.to_owned()));
            }
        };
        Ok(Received {
            kind,
            xml: post::decode(field).map_err(|error| unreadable(&error))?,
            relay_state: one("RelayState")?.map(str::to_owned),
            query: None,
        })
    }

    /// A request of another server, from the body of an envelope.
    pub(super) fn from_body(xml: String) -> Received {
        Received {
            kind: MessageKind::Request,
            xml,
            relay_state: None,
            query: None,
        }
    }

    /// Which message it says to be.
    ///
    /// # Errors
    /// [`Refusal::SamlMessage`], also for a request where the parameter says response, and the other way round.
    pub fn name(&self) -> Result<MessageName, Refusal> {
        let document = xml::read(self.xml.as_bytes(), &Limits::message())
            .map_err(|error| unreadable(&error))?;
        match (self.kind, document.root().tag_name().name()) {
            (MessageKind::Request, "AuthnRequest") => Ok(MessageName::AuthnRequest),
            (MessageKind::Request, "LogoutRequest") => Ok(MessageName::LogoutRequest),
            (MessageKind::Response, "LogoutResponse") => Ok(MessageName::LogoutResponse),
            (MessageKind::Response, "Response") => Ok(MessageName::Response),
            _ => Err(Refusal::SamlMessage(
                "the message is none that is taken here".to_owned(),
            )),
        }
    }

    /// The message, of which nothing is known.
    pub fn xml(&self) -> &str {
        &self.xml
    }

    pub(super) fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }

    /// Whether the message came in a query, where following a link suffices to send it again.
    pub fn is_redirect(&self) -> bool {
        self.query.is_some()
    }

    /// What one of `certificates` signed of the message, with SHA-2. A message that is not signed is refused.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verified_by(&self, certificates: &[X509]) -> Result<String, SignatureError> {
        let accepted = AcceptedAlgorithms::default();
        match &self.query {
            Some(query) => {
                let algorithm = query.verify(certificates)?;
                accepted.signature(algorithm.uri())?;
                Ok(self.xml.clone())
            }
            None => dsig::authenticate_root(&self.xml, certificates, &accepted)
                .map(|authentic| authentic.element().to_owned()),
        }
    }

    /// Judges the signature with the certificates of `trust` (spec passive-sign-in 3.2, checks 5 and 6). `enveloped`
    /// tells whether the message itself holds one.
    pub(super) fn authenticate(
        &self,
        trust: &RelyingPartyTrust,
        enveloped: bool,
    ) -> Result<Trusted, Refusal> {
        // What the Redirect binding signs is the query; a second opinion within it is somebody's trick (security SIG-12).
        if self.query.is_some() && enveloped {
            return Err(Refusal::SamlMessage(
                "a message of the Redirect binding holds a signature of its own".to_owned(),
            ));
        }
        let certificates = &trust.saml.request_signing_certificates;
        let query = self.query.as_ref().filter(|query| query.is_signed());
        if query.is_none() && !enveloped {
            return Ok(Trusted {
                xml: self.xml.clone(),
                signed: false,
            });
        }
        if certificates.is_empty() {
            return Err(Refusal::NoSigningCertificate);
        }
        let verified = match query {
            Some(query) => query
                .verify(certificates)
                .map(|algorithm| (self.xml.clone(), algorithm)),
            None => {
                dsig::authenticate_root(&self.xml, certificates, &trust.signature_algorithm.into())
                    .map(|authentic| (authentic.element().to_owned(), authentic.algorithm()))
            }
        };
        let (xml, algorithm) = verified.map_err(|error| match error {
            SignatureError::Algorithm => Refusal::SignatureAlgorithm,
            _ => Refusal::SignatureInvalid,
        })?;
        if algorithm.fits(trust.signature_algorithm) {
            Ok(Trusted { xml, signed: true })
        } else {
            Err(Refusal::SignatureAlgorithm)
        }
    }
}
