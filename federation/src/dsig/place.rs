//! Where the schemas have an element's signature, and what its id is called (spec security SIG-2 and SIG-4).

use super::tree::{Node, Tree};
use super::{METADATA, SAML1, SAML1_PROTOCOL, SAML2, SAML2_PROTOCOL};
use crate::signature::DS;

/// The element's signature, if it has one where the schema has it.
pub(super) fn signature(tree: &Tree<'_>, element: Node) -> Option<Node> {
    let children = tree.children(element);
    let place = match tree.name(element) {
        (SAML2, "Assertion") => children
            .first()
            .filter(|first| tree.is(**first, SAML2, "Issuer"))
            .and(children.get(1)),
        (SAML2_PROTOCOL, _) => match children.first() {
            Some(first) if tree.is(*first, SAML2, "Issuer") => children.get(1),
            first => first,
        },
        (METADATA, _) | (SAML1_PROTOCOL, _) => children.first(),
        (SAML1, "Assertion") => children.last(),
        _ => None,
    }?;
    Some(*place).filter(|node| tree.is(*node, DS.uri(), "Signature"))
}

/// The element's id.
pub(super) fn id<'t>(tree: &'t Tree<'_>, element: Node) -> Option<&'t str> {
    let attribute = match tree.name(element) {
        (SAML1, "Assertion") => "AssertionID",
        (SAML1_PROTOCOL, "Response") => "ResponseID",
        (SAML1_PROTOCOL, _) => "RequestID",
        _ => "ID",
    };
    tree.attribute(element, attribute)
}
