//! What an acceptable signature looks like, before anything is computed (spec security 2.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use roxmltree::Node;

use super::SignatureError;
use super::algorithm::{Algorithm, digest};
use crate::signature::DS;
use crate::xml::only_text;

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// Longest list of prefixes in `InclusiveNamespaces`.
const MAX_PREFIXES: usize = 16;

/// A signed element, as its signature describes it.
pub(super) struct Signed {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    pub(super) digest: MessageDigest,
    pub(super) digest_value: Vec<u8>,
    /// `PrefixList` of the canonicalisation of the element.
    pub(super) prefixes: Vec<String>,
}

impl Signed {
    /// The outermost element and its own signature, the only one of the document.
    pub(super) fn root(root: Node<'_, '_>) -> Result<Signed, SignatureError> {
        let is_signature = |node: &Node<'_, '_>| node.has_tag_name((DS.uri(), "Signature"));
        let all = root.descendants().filter(is_signature).count();
        let mut own = root.children().filter(is_signature);
        let (Some(signature), None) = (own.next(), own.next()) else {
            return Err(SignatureError::NotSigned);
        };
        if all != 1 {
            return Err(SignatureError::Structure(
                "there is more than one signature",
            ));
        }
        Signed::of(root, signature)
    }

    fn of(element: Node<'_, '_>, signature: Node<'_, '_>) -> Result<Signed, SignatureError> {
        let id = element
            .attribute("ID")
            .filter(|id| !id.is_empty())
            .ok_or(SignatureError::Structure("the element has no ID"))?;
        let info = one(signature, "SignedInfo")?;
        if algorithm_of(one(info, "CanonicalizationMethod")?) != Some(EXCLUSIVE_C14N) {
            return Err(SignatureError::Algorithm);
        }
        let algorithm = algorithm_of(one(info, "SignatureMethod")?)
            .and_then(Algorithm::from_uri)
            .ok_or(SignatureError::Algorithm)?;
        let reference = one(info, "Reference")?;
        // An empty reference means the whole document, which is the same thing only until somebody wraps it.
        if reference
            .attribute("URI")
            .and_then(|uri| uri.strip_prefix('#'))
            != Some(id)
        {
            return Err(SignatureError::Structure(
                "its reference is not to the element around it",
            ));
        }
        let digest = algorithm_of(one(reference, "DigestMethod")?)
            .and_then(digest)
            .ok_or(SignatureError::Algorithm)?;
        let digest_value = only_text(one(reference, "DigestValue")?)?;
        let digest_value: String = digest_value.split_ascii_whitespace().collect();
        Ok(Signed {
            id: id.to_owned(),
            algorithm,
            digest,
            digest_value: STANDARD
                .decode(digest_value)
                .map_err(|_| SignatureError::Structure("its digest is not in base64"))?,
            prefixes: transforms(reference)?,
        })
    }
}

/// Enveloped signature, then exclusive canonicalisation without comments; the prefixes of the latter.
fn transforms(reference: Node<'_, '_>) -> Result<Vec<String>, SignatureError> {
    let all: Vec<Node<'_, '_>> = elements(one(reference, "Transforms")?).collect();
    let [enveloped, canonical] = all.as_slice() else {
        return Err(SignatureError::Structure(
            "it has other transforms than two",
        ));
    };
    if algorithm_of(*enveloped) != Some(ENVELOPED)
        || algorithm_of(*canonical) != Some(EXCLUSIVE_C14N)
    {
        return Err(SignatureError::Algorithm);
    }
    if elements(*enveloped).next().is_some() {
        return Err(SignatureError::Structure("a transform has parameters"));
    }
    let mut parameters = elements(*canonical);
    let Some(inclusive) = parameters.next() else {
        return Ok(Vec::new());
    };
    if !inclusive.has_tag_name((EXCLUSIVE_C14N, "InclusiveNamespaces"))
        || parameters.next().is_some()
    {
        return Err(SignatureError::Structure("a transform has parameters"));
    }
    let list = inclusive.attribute("PrefixList").unwrap_or_default();
    let prefixes: Vec<String> = list.split_ascii_whitespace().map(str::to_owned).collect();
    if prefixes.len() > MAX_PREFIXES {
        return Err(SignatureError::Structure("it names too many prefixes"));
    }
    Ok(prefixes)
}

fn elements<'a, 'input>(parent: Node<'a, 'input>) -> impl Iterator<Item = Node<'a, 'input>> {
    parent.children().filter(Node::is_element)
}

/// The one child of this name in the namespace of XML Signature.
fn one<'a, 'input>(
    parent: Node<'a, 'input>,
    name: &'static str,
) -> Result<Node<'a, 'input>, SignatureError> {
    let mut found = parent
        .children()
        .filter(|child| child.has_tag_name((DS.uri(), name)));
    match (found.next(), found.next()) {
        (Some(child), None) => Ok(child),
        _ => Err(SignatureError::Structure(
            "an element is missing or repeated",
        )),
    }
}

fn algorithm_of<'a>(method: Node<'a, '_>) -> Option<&'a str> {
    method.attribute("Algorithm")
}

/// The first certificate in the `KeyInfo` of the root's signature.
pub(super) fn own_certificate(root: Node<'_, '_>) -> Option<X509> {
    let signature = root
        .children()
        .find(|node| node.has_tag_name((DS.uri(), "Signature")))?;
    let certificate = signature
        .descendants()
        .find(|node| node.has_tag_name((DS.uri(), "X509Certificate")))?;
    let text = only_text(certificate).ok()?;
    let text: String = text.split_ascii_whitespace().collect();
    X509::from_der(&STANDARD.decode(text).ok()?).ok()
}
