//! Verification of XML signatures that others made (spec security 2.2).
//!
//! What is verified is what is used: each function gives back an [`Authentic`], which holds the signed octets, and the
//! caller reads from those alone. A signature has one accepted form: one reference, to the element that directly holds
//! the signature where the schema has it, through enveloped-signature and exclusive canonicalisation. Keys come from the
//! caller. `KeyInfo` decides nothing.
//!
//! A document passes the strict reader ([`crate::xml::read`]) first. A second parser then makes the tree that is checked
//! and canonicalised; nothing of the first reading is used further, so the two cannot be played off against each other.

mod algorithm;
mod authentic;
mod error;
pub(crate) mod metadata;
mod place;
mod shape;
mod tree;
mod verify;

#[cfg(test)]
mod tests;

use openssl::x509::X509;

pub use algorithm::{AcceptedAlgorithms, Algorithm};
pub use authentic::Authentic;
pub use error::SignatureError;
use tree::{Node, Tree};
use verify::Signers;

use crate::wsfed::TRUST_2005;
use crate::xml::Limits;

const SAML2: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SAML2_PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const SAML1: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
const SAML1_PROTOCOL: &str = "urn:oasis:names:tc:SAML:1.0:protocol";
/// WS-Trust 1.3.
const TRUST_13: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

/// Verifies a document whose outermost element is signed and has no other signature in it: a SAML request or a logout
/// message, or a decrypted assertion.
///
/// `certificates` are those of the one trust that the message says it comes from (spec security SIG-9). Afterwards the
/// caller reads the issuer again, from the result, and compares.
///
/// # Errors
/// [`SignatureError::NotSigned`] when there is no signature at all, which may be acceptable to the caller. Every other
/// error means that the document must be refused.
pub fn authenticate_root(
    document: &str,
    certificates: &[X509],
    accepted: &AcceptedAlgorithms,
) -> Result<Authentic, SignatureError> {
    let tree = verify::parse(document, &Limits::message())?;
    let root = tree.root()?;
    one(&tree, root, certificates, accepted)
}

/// What is authentic of a SAML 2.0 response.
#[derive(Debug, Clone)]
pub struct AuthenticResponse {
    message: Option<Authentic>,
    assertion: Option<Authentic>,
}

impl AuthenticResponse {
    /// The whole response, if it is signed itself. Everything in it is authentic, an `EncryptedAssertion` included.
    pub fn message(&self) -> Option<&Authentic> {
        self.message.as_ref()
    }

    /// Its one assertion, if that is signed, or in a signed response. An encrypted one is not here: decrypt it, then
    /// [`authenticate_root`] it.
    pub fn assertion(&self) -> Option<&Authentic> {
        self.assertion.as_ref()
    }
}

/// Verifies a SAML 2.0 response that is signed as a whole, in its assertion, or both; every signature that is there
/// must hold. There is at least one of the two in the result.
///
/// # Errors
/// [`SignatureError::NotSigned`] when there is no signature at all, as in a response whose assertion is encrypted.
/// [`SignatureError::Form`] when there is more than one assertion, or one elsewhere than in the response itself.
pub fn authenticate_response(
    document: &str,
    certificates: &[X509],
    accepted: &AcceptedAlgorithms,
) -> Result<AuthenticResponse, SignatureError> {
    let tree = verify::parse(document, &Limits::message())?;
    let root = tree.root()?;
    let assertion = assertion_of_response(&tree, root)?;
    let places: Vec<Node> = std::iter::once(root).chain(assertion).collect();
    if !verify::signed(&tree, &places)? {
        return Err(SignatureError::NotSigned);
    }
    let checked =
        |element| match verify::verify(&tree, element, Signers::Of(certificates), accepted) {
            Ok(verified) => Ok(Some(verified)),
            Err(SignatureError::NotSigned) => Ok(None),
            Err(error) => Err(error),
        };
    let message = checked(root)?;
    let signed_assertion = assertion.map(checked).transpose()?.flatten();
    let assertion = match (signed_assertion, assertion, &message) {
        (Some(verified), _, _) => Some(verified.authentic),
        (None, Some(element), Some(message)) => {
            let text = tree.canonical(element, None, &message.inclusive_prefixes)?;
            let id = place::id(&tree, element).unwrap_or_default();
            Some(message.authentic.part(text, id))
        }
        (None, ..) => None,
    };
    Ok(AuthenticResponse {
        message: message.map(|verified| verified.authentic),
        assertion,
    })
}

/// Verifies the one assertion, SAML 1.1 or 2.0, in a `RequestSecurityTokenResponse` of WS-Trust 2005 or 1.3, as a
/// claims provider posts it in `wresult`.
///
/// # Errors
/// [`SignatureError::NotSigned`] when there is no signature at all, as around an encrypted token.
/// [`SignatureError::Form`] when there is another number of tokens than one.
pub fn authenticate_issued_token(
    document: &str,
    certificates: &[X509],
    accepted: &AcceptedAlgorithms,
) -> Result<Authentic, SignatureError> {
    let tree = verify::parse(document, &Limits::message())?;
    let token = issued_token(&tree)?;
    one(&tree, token, certificates, accepted)
}

/// The element and nothing else of the document must be signed.
fn one(
    tree: &Tree<'_>,
    element: Node,
    certificates: &[X509],
    accepted: &AcceptedAlgorithms,
) -> Result<Authentic, SignatureError> {
    if !verify::signed(tree, &[element])? {
        return Err(SignatureError::NotSigned);
    }
    Ok(verify::verify(tree, element, Signers::Of(certificates), accepted)?.authentic)
}

/// The assertion directly in the response; none when it is encrypted or the response reports a failure.
fn assertion_of_response(tree: &Tree<'_>, root: Node) -> Result<Option<Node>, SignatureError> {
    let malformed = SignatureError::Form("a SAML 2.0 response with at most one assertion");
    if !tree.is(root, SAML2_PROTOCOL, "Response") {
        return Err(malformed);
    }
    let carries = |node: &Node| {
        tree.is(*node, SAML2, "Assertion") || tree.is(*node, SAML2, "EncryptedAssertion")
    };
    let all = tree.elements(root).filter(carries).count();
    let direct: Vec<Node> = tree.children(root).into_iter().filter(carries).collect();
    match *direct {
        [] if all == 0 => Ok(None),
        [only] if all == 1 => Ok(Some(only).filter(|node| tree.is(*node, SAML2, "Assertion"))),
        _ => Err(malformed),
    }
}

/// The content of the one `RequestedSecurityToken`.
fn issued_token(tree: &Tree<'_>) -> Result<Node, SignatureError> {
    let malformed = || SignatureError::Form("a WS-Trust answer with exactly one token");
    let only_child = |parent: Node, local: &str| {
        let children = tree.children(parent);
        let mut named = children
            .into_iter()
            .filter(|child| trust(tree, *child, local));
        named
            .next()
            .filter(|_| named.next().is_none())
            .ok_or_else(malformed)
    };
    let root = tree.root()?;
    let answer = if trust(tree, root, "RequestSecurityTokenResponseCollection") {
        only_child(root, "RequestSecurityTokenResponse")?
    } else if trust(tree, root, "RequestSecurityTokenResponse") {
        root
    } else {
        return Err(malformed());
    };
    let requested = only_child(answer, "RequestedSecurityToken")?;
    let assertions = tree
        .elements(root)
        .filter(|node| tree.is(*node, SAML1, "Assertion") || tree.is(*node, SAML2, "Assertion"))
        .count();
    match *tree.children(requested) {
        [token] if assertions <= 1 => Ok(token),
        _ => Err(malformed()),
    }
}

fn trust(tree: &Tree<'_>, node: Node, local: &str) -> bool {
    tree.is(node, TRUST_2005.uri(), local) || tree.is(node, TRUST_13, local)
}
