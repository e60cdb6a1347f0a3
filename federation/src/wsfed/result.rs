//! `wresult` as a claims provider sends it: the token within a `RequestSecurityTokenResponse`.

use std::collections::BTreeSet;

use roxmltree::Node;
use thiserror::Error;

use super::response::TRUST_2005;
use crate::xml::{self, Limits, ReadError};

const TRUST_13: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
const SAML_20: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SAML_11: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";

/// Why there is no token. No message quotes what came.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum ResultError {
    /// The XML.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Another document.
    #[error("wresult is no RequestSecurityTokenResponse of WS-Trust 2005 or 1.3")]
    NoResponse,
    /// None, or several.
    #[error("wresult does not hold exactly one security token")]
    NoToken,
    /// Of a kind that is not read.
    #[error("the security token in wresult is no SAML assertion")]
    UnknownToken,
}

/// The token of a response, as a document of its own. Nothing around it counts for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResultToken {
    /// A SAML 1.1 or 2.0 assertion, to be authenticated.
    Assertion(String),
    /// An encrypted one: `EncryptedAssertion`, or bare `EncryptedData`.
    Encrypted(String),
}

/// Takes the token out.
///
/// # Errors
/// See [`ResultError`].
pub fn read_result(wresult: &str) -> Result<ResultToken, ResultError> {
    let document = xml::read(wresult.as_bytes(), &Limits::message())?;
    let root = document.root();
    let trust = root
        .tag_name()
        .namespace()
        .filter(|namespace| *namespace == TRUST_2005.uri() || *namespace == TRUST_13)
        .ok_or(ResultError::NoResponse)?;
    let response = match root.tag_name().name() {
        "RequestSecurityTokenResponse" => root,
        "RequestSecurityTokenResponseCollection" => only(root, |child| {
            is(child, trust, "RequestSecurityTokenResponse")
        })?,
        _ => return Err(ResultError::NoResponse),
    };
    let requested = only(response, |child| is(child, trust, "RequestedSecurityToken"))?;
    let token = only(requested, |_| true)?;
    let name = token.tag_name();
    match (name.namespace(), name.name()) {
        (Some(SAML_11 | SAML_20), "Assertion") => Ok(ResultToken::Assertion(alone(token))),
        (Some(SAML_20), "EncryptedAssertion") | (Some(XENC), "EncryptedData") => {
            Ok(ResultToken::Encrypted(alone(token)))
        }
        _ => Err(ResultError::UnknownToken),
    }
}

fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.tag_name().namespace() == Some(namespace) && node.tag_name().name() == name
}

/// The one child element that is wanted.
fn only<'a, 'input>(
    parent: Node<'a, 'input>,
    wanted: impl Fn(Node<'a, 'input>) -> bool,
) -> Result<Node<'a, 'input>, ResultError> {
    let mut found = parent
        .children()
        .filter(|child| child.is_element() && wanted(*child));
    match (found.next(), found.next()) {
        (Some(child), None) => Ok(child),
        _ => Err(ResultError::NoToken),
    }
}

/// The element's own text, with the namespaces that it takes from around it declared on itself. Exclusive
/// canonicalisation, the only one that signatures on tokens may use, gives the same octets for both.
fn alone(element: Node<'_, '_>) -> String {
    let document = element.document();
    let text = document
        .input_text()
        .get(element.range())
        .unwrap_or_default();
    let end = text
        .find(|next: char| next.is_ascii_whitespace() || matches!(next, '>' | '/'))
        .unwrap_or(text.len());
    let (start, rest) = text.split_at(end);
    let own = declared(rest);
    let mut alone = start.to_owned();
    for namespace in element.namespaces() {
        let name = match namespace.name() {
            Some("xml") => continue,
            Some(prefix) => format!("xmlns:{prefix}"),
            None => "xmlns".to_owned(),
        };
        if !own.contains(name.as_str()) {
            let uri = namespace.uri().replace('&', "&amp;").replace('<', "&lt;");
            alone.push_str(&format!(" {name}=\"{}\"", uri.replace('"', "&quot;")));
        }
    }
    alone.push_str(rest);
    alone
}

/// Names of the attributes of a start tag, from behind the element's name on. The text is known to be well formed.
fn declared(mut rest: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    loop {
        rest = rest.trim_start();
        let Some((name, behind)) = rest.split_once('=') else {
            return names;
        };
        if rest.starts_with(['>', '/']) {
            return names;
        }
        let behind = behind.trim_start();
        let Some(quote) = behind.chars().next() else {
            return names;
        };
        names.insert(name.trim_end());
        rest = behind
            .get(1..)
            .and_then(|value| value.split_once(quote))
            .map_or("", |(_, rest)| rest);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RESPONSE: &str = r#"<t:RequestSecurityTokenResponse xmlns:t="http://schemas.xmlsoap.org/ws/2005/02/trust" xmlns:s="urn:oasis:names:tc:SAML:1.0:assertion" xmlns:u="urn:a&amp;b"><t:RequestedSecurityToken><s:Assertion a="1>xmlns:u='2'" AssertionID = '_1'><x u:y=""/></s:Assertion></t:RequestedSecurityToken></t:RequestSecurityTokenResponse>"#;

    #[test]
    fn a_token_stands_alone_with_the_namespaces_around_it() {
        let ResultToken::Assertion(token) = read_result(RESPONSE).expect("a token") else {
            panic!("an assertion")
        };
        let document = xml::read(token.as_bytes(), &Limits::message()).expect(&token);
        assert_eq!(document.root().tag_name().namespace(), Some(SAML_11));
        let inner = document.root().first_element_child().expect("a child");
        assert_eq!(inner.attribute(("urn:a&b", "y")), Some(""));
    }

    #[test]
    fn both_versions_and_collections_are_read_and_nothing_else() {
        let version_13 = RESPONSE.replace("http://schemas.xmlsoap.org/ws/2005/02/trust", TRUST_13);
        let inner = version_13.replace(
            "<t:RequestSecurityTokenResponse ",
            "<t:RequestSecurityTokenResponse z='' ",
        );
        let collection = format!(
            "<t:RequestSecurityTokenResponseCollection xmlns:t=\"{TRUST_13}\">{inner}</t:RequestSecurityTokenResponseCollection>"
        );
        for text in [RESPONSE, &version_13, &collection] {
            assert!(
                matches!(read_result(text), Ok(ResultToken::Assertion(_))),
                "{text}"
            );
        }
        let cases = [
            (
                RESPONSE.replace("2005/02", "2004/02"),
                ResultError::NoResponse,
            ),
            (
                RESPONSE
                    .replace("<s:Assertion", "<s:Other")
                    .replace("</s:Assertion", "</s:Other"),
                ResultError::UnknownToken,
            ),
            (
                RESPONSE.replace(
                    "</s:Assertion>",
                    "</s:Assertion><s:Assertion AssertionID='_2'/>",
                ),
                ResultError::NoToken,
            ),
            (
                RESPONSE.replace(
                    "</t:RequestedSecurityToken>",
                    "</t:RequestedSecurityToken><t:RequestedSecurityToken/>",
                ),
                ResultError::NoToken,
            ),
            (
                format!("<!DOCTYPE a>{RESPONSE}"),
                ResultError::Read(ReadError::DocumentType),
            ),
        ];
        for (text, error) in cases {
            assert_eq!(read_result(&text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn changed_responses_never_panic_and_what_comes_out_is_xml(at in any::<prop::sample::Index>(), with in "[<>&\"'=a-z: /]{0,4}") {
            let at = at.index(RESPONSE.len());
            let changed = format!("{}{with}{}", &RESPONSE[..at], &RESPONSE[at..]);
            if let Ok(ResultToken::Assertion(token)) = read_result(&changed) {
                prop_assert!(xml::read(token.as_bytes(), &Limits::message()).is_ok(), "{}", token);
            }
        }
    }
}
