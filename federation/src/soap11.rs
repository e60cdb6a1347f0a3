//! SOAP 1.1 envelopes around one message, as the SOAP binding of SAML has them (SAML 2.0 Bindings 3.2).

use roxmltree::Node;
use thiserror::Error;

use crate::IssueError;
use crate::saml2::standalone;
use crate::xml::{self, Fragment, Limits, Namespace, ReadError};

const SOAP: Namespace = Namespace::new("soap", "http://schemas.xmlsoap.org/soap/envelope/");

/// Why an envelope is refused. No message quotes it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// The XML itself.
    #[error(transparent)]
    Xml(#[from] ReadError),
    /// An envelope of another version, or none.
    #[error("the message is no envelope of SOAP 1.1")]
    Version,
    /// A header that must be understood and is not.
    #[error("the SOAP envelope has a header that must be understood and is not")]
    MustUnderstand,
    /// Other content than one body with one element.
    #[error("the SOAP envelope does not hold exactly one message in one body")]
    Content,
}

impl EnvelopeError {
    /// `faultcode` that tells of it (SOAP 1.1, 4.4.1).
    pub fn fault_code(&self) -> FaultCode {
        match self {
            EnvelopeError::Version => FaultCode::VersionMismatch,
            EnvelopeError::MustUnderstand => FaultCode::MustUnderstand,
            EnvelopeError::Xml(_) | EnvelopeError::Content => FaultCode::Client,
        }
    }
}

/// Who is at fault (SOAP 1.1, 4.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultCode {
    /// The namespace of the envelope.
    VersionMismatch,
    /// A header.
    MustUnderstand,
    /// The sender.
    Client,
    /// We.
    Server,
}

/// The one message in an envelope, as XML that stands alone. Nothing else of the envelope counts for anything.
///
/// # Errors
/// [`EnvelopeError`].
pub fn read(envelope: &[u8]) -> Result<String, EnvelopeError> {
    let document = xml::read(envelope, &Limits::message())?;
    let root = document.root();
    if !is(root, "Envelope") {
        return Err(EnvelopeError::Version);
    }
    let mut parts: Vec<Node<'_, '_>> = elements(root).collect();
    if parts.first().is_some_and(|first| is(*first, "Header")) {
        let header = parts.remove(0);
        let must = |entry: Node<'_, '_>| {
            matches!(
                entry
                    .attribute((SOAP.uri(), "mustUnderstand"))
                    .map(str::trim),
                Some("1" | "true")
            )
        };
        if elements(header).any(must) {
            return Err(EnvelopeError::MustUnderstand);
        }
    }
    let [body] = parts.as_slice() else {
        return Err(EnvelopeError::Content);
    };
    let mut messages = elements(*body);
    match (is(*body, "Body"), messages.next(), messages.next()) {
        (true, Some(message), None) => Ok(standalone(message)),
        _ => Err(EnvelopeError::Content),
    }
}

fn is(node: Node<'_, '_>, local: &'static str) -> bool {
    node.has_tag_name((SOAP.uri(), local))
}

fn elements<'a, 'input>(parent: Node<'a, 'input>) -> impl Iterator<Item = Node<'a, 'input>> {
    parent.children().filter(Node::is_element)
}

/// An envelope around `message`.
///
/// # Errors
/// [`IssueError::Inconsistent`] for a message that declares the envelope's prefix itself.
pub fn envelope(message: &Fragment) -> Result<String, IssueError> {
    let written = xml::write(SOAP.name("Envelope"), &[], |writer| {
        writer.element(SOAP.name("Body"), &[], |writer| writer.fragment(message));
    })?;
    Ok(written.into_fragment().into_string())
}

/// An envelope around a fault. `text` is for people.
///
/// # Errors
/// [`IssueError::ForbiddenCharacter`] in `text`.
pub fn fault(code: FaultCode, text: &str) -> Result<String, IssueError> {
    let code = match code {
        FaultCode::VersionMismatch => "soap:VersionMismatch",
        FaultCode::MustUnderstand => "soap:MustUnderstand",
        FaultCode::Client => "soap:Client",
        FaultCode::Server => "soap:Server",
    };
    // Children of Fault are in no namespace (SOAP 1.1, 4.4).
    let none = Namespace::new("", "");
    let written = xml::write(SOAP.name("Envelope"), &[], |writer| {
        writer.element(SOAP.name("Body"), &[], |writer| {
            writer.element(SOAP.name("Fault"), &[], |writer| {
                writer.leaf(none.name("faultcode"), &[], code);
                writer.leaf(none.name("faultstring"), &[], text);
            });
        });
    })?;
    Ok(written.into_fragment().into_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrapped(content: &str) -> String {
        format!(
            "<s:Envelope xmlns:s=\"{}\" xmlns:m=\"urn:m\">{content}</s:Envelope>",
            SOAP.uri()
        )
    }

    #[test]
    fn the_message_comes_out_with_the_namespaces_around_it() {
        for header in [
            "",
            "<s:Header/>",
            "<s:Header><m:h s:mustUnderstand=\"0\"/></s:Header>",
        ] {
            let text = wrapped(&format!("{header}<s:Body> <m:x a=\"1\">y</m:x> </s:Body>"));
            let message = read(text.as_bytes()).unwrap();
            let document = roxmltree::Document::parse(&message).unwrap();
            assert!(document.root_element().has_tag_name(("urn:m", "x")));
            assert_eq!(document.root_element().text(), Some("y"));
        }
    }

    #[test]
    fn what_is_no_envelope_around_one_message_is_refused() {
        let must = "<s:Header><m:h s:mustUnderstand=\"1\"/></s:Header><s:Body><m:x/></s:Body>";
        for (text, error) in [
            (wrapped(""), EnvelopeError::Content),
            (wrapped("<s:Body/>"), EnvelopeError::Content),
            (
                wrapped("<s:Body><m:x/><m:y/></s:Body>"),
                EnvelopeError::Content,
            ),
            (
                wrapped("<s:Body><m:x/></s:Body><s:Body><m:x/></s:Body>"),
                EnvelopeError::Content,
            ),
            (
                wrapped("<s:Body><m:x/></s:Body><m:more/>"),
                EnvelopeError::Content,
            ),
            (wrapped("<m:Body><m:x/></m:Body>"), EnvelopeError::Content),
            (wrapped(must), EnvelopeError::MustUnderstand),
            ("<Envelope/>".to_owned(), EnvelopeError::Version),
            (
                "<Envelope xmlns=\"http://www.w3.org/2003/05/soap-envelope\"/>".to_owned(),
                EnvelopeError::Version,
            ),
        ] {
            assert_eq!(read(text.as_bytes()), Err(error), "{text}");
        }
        let dtd = format!("<!DOCTYPE x>{}", wrapped("<s:Body><m:x/></s:Body>"));
        assert!(matches!(read(dtd.as_bytes()), Err(EnvelopeError::Xml(_))));
    }

    #[test]
    fn faults_are_in_the_form_of_soap() {
        let text = fault(FaultCode::Client, "a < b").unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        let word = |name: &str| {
            document
                .descendants()
                .find(|node| node.has_tag_name(name))
                .and_then(|node| node.text())
        };
        assert_eq!(word("faultcode"), Some("soap:Client"));
        assert_eq!(word("faultstring"), Some("a < b"));
    }

    proptest! {
        #[test]
        fn no_input_panics(content in ".{0,120}") {
            let _ = read(content.as_bytes());
            let _ = read(wrapped(&content).as_bytes());
        }
    }
}
