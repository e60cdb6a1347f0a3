//! Verification of one element's signature.

use openssl::hash::hash;
use openssl::memcmp;
use openssl::x509::X509;

use super::shape::Shape;
use super::tree::{Node, Tree};
use super::{AcceptedAlgorithms, Authentic, SignatureError, place};
use crate::signature::DS;
use crate::xml::{self, Limits, is_ncname};

/// Which certificates may have signed.
#[derive(Clone, Copy)]
pub(super) enum Signers<'a> {
    /// These and no others.
    Of(&'a [X509]),
    /// The one that the signature itself names. It proves that the document is whole and not whose it is.
    Itself,
}

/// Reads a document for verification: the strict reader first, then the tree that is verified.
pub(super) fn parse<'a>(document: &'a str, limits: &Limits) -> Result<Tree<'a>, SignatureError> {
    xml::read(document.as_bytes(), limits)?;
    let tree = Tree::parse(document)?;
    if tree.has_comment_in_text(tree.root()?) {
        return Err(SignatureError::Comment);
    }
    Ok(tree)
}

/// Refuses a signature elsewhere than in one of `elements` (spec security SIG-2). Whether there is any.
pub(super) fn signed(tree: &Tree<'_>, elements: &[Node]) -> Result<bool, SignatureError> {
    let mut any = false;
    for node in tree.elements(tree.root()?) {
        if !tree.is(node, DS.uri(), "Signature") {
            continue;
        }
        any = true;
        let expected = tree
            .parent(node)
            .filter(|parent| elements.contains(parent))
            .and_then(|parent| place::signature(tree, parent));
        if expected != Some(node) {
            return Err(SignatureError::Misplaced);
        }
    }
    Ok(any)
}

/// An element that was verified, and what its canonical form took over from around it.
pub(super) struct Verified {
    pub(super) authentic: Authentic,
    pub(super) inclusive_prefixes: Vec<String>,
}

/// Verifies the signature of `element`, or says that it has none.
pub(super) fn verify(
    tree: &Tree<'_>,
    element: Node,
    signers: Signers<'_>,
    accepted: &AcceptedAlgorithms,
) -> Result<Verified, SignatureError> {
    let signature = place::signature(tree, element).ok_or(SignatureError::NotSigned)?;
    let shape = Shape::of(tree, signature, accepted)?;
    let id = place::id(tree, element).unwrap_or_default();
    // An id that is no name could be an XPointer to something else.
    let refers = is_ncname(id) && shape.uri.strip_prefix('#') == Some(id);
    if !refers || tree.count_of_id(id)? != 1 {
        return Err(SignatureError::Reference);
    }
    let content = tree.canonical(element, Some(signature), &shape.content_prefixes)?;
    let digest = hash(shape.digest.message_digest(), content.as_bytes())
        .map_err(|_| SignatureError::Library)?;
    if digest.len() != shape.digest_value.len() || !memcmp::eq(&digest, &shape.digest_value) {
        return Err(SignatureError::Digest);
    }
    let info = tree.canonical(shape.signed_info, None, &shape.info_prefixes)?;
    let embedded;
    let certificates = match signers {
        Signers::Of(certificates) => certificates,
        Signers::Itself => {
            embedded = shape
                .certificates
                .iter()
                .map(|der| X509::from_der(der))
                .collect::<Result<Vec<X509>, _>>()
                .map_err(|_| SignatureError::NoCertificate)?;
            &embedded
        }
    };
    let signer = shape
        .algorithm
        .verify(certificates, info.as_bytes(), &shape.value)?;
    Ok(Verified {
        authentic: Authentic::new(content, id, shape.algorithm, signer.clone()),
        inclusive_prefixes: shape.content_prefixes,
    })
}
