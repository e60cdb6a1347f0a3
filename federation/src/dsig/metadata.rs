//! One entity out of a metadata document, with its signatures checked.
//!
//! Metadata is the one kind of document whose signature may be made with a key of its own: that shows that it is whole,
//! and where it was fetched from has to show whose it is (spec passive-sign-in 4.3).

use openssl::x509::X509;

use super::tree::{Node, Tree};
use super::verify::{self, Signers};
use super::{AcceptedAlgorithms, METADATA, SignatureError, place};
use crate::xml::Limits;

/// An `EntityDescriptor` as its canonical text, whether it is signed or not.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    /// The element, a whole document.
    pub(crate) text: String,
    /// `validUntil` of the groups around it, as written.
    pub(crate) valid_until: Vec<String>,
    /// Whose key signed the entity, or a group around it.
    pub(crate) signer: Option<X509>,
}

/// Finds the entity, the only one of the document unless `wanted` names it, and verifies every signature that covers it:
/// with one of `anchors`, or without anchors with the key that the signature itself names.
///
/// # Errors
/// [`SignatureError::NotSigned`] when there are anchors and nothing that covers the entity is signed.
pub(crate) fn entity(
    document: &str,
    wanted: Option<&str>,
    anchors: Option<&[X509]>,
    accepted: &AcceptedAlgorithms,
    limits: &Limits,
) -> Result<Entity, SignatureError> {
    let tree = verify::parse(document, limits)?;
    let root = tree.root()?;
    let descriptors: Vec<Node> = tree
        .elements(root)
        .filter(|node| is_entity(&tree, *node) || is_group(&tree, *node))
        .collect();
    verify::signed(&tree, &descriptors)?;
    let entity = find(&tree, &descriptors, wanted)?;
    let around = groups(&tree, entity)?;
    let mut signer = None;
    let mut prefixes = Vec::new();
    for element in std::iter::once(entity).chain(around.iter().copied()) {
        if place::signature(&tree, element).is_none() {
            continue;
        }
        let own = || verify::verify(&tree, element, Signers::Itself, accepted);
        let verified = match anchors {
            None => own()?,
            Some(anchors) => match verify::verify(&tree, element, Signers::Of(anchors), accepted) {
                Ok(verified) => verified,
                // A federation's operator signs the group, and a member may have signed itself before.
                Err(error @ (SignatureError::Invalid | SignatureError::UnfitKeys(_))) => {
                    match own() {
                        Ok(_) => continue,
                        Err(SignatureError::NoCertificate) => return Err(error),
                        Err(other) => return Err(other),
                    }
                }
                Err(error) => return Err(error),
            },
        };
        if signer.is_none() {
            signer = Some(verified.authentic.signer().clone());
            prefixes = verified.inclusive_prefixes;
        }
    }
    if anchors.is_some() && signer.is_none() {
        let any = std::iter::once(&entity).chain(&around);
        let signed = any
            .into_iter()
            .any(|node| place::signature(&tree, *node).is_some());
        return Err(if signed {
            SignatureError::Invalid
        } else {
            SignatureError::NotSigned
        });
    }
    Ok(Entity {
        text: tree.canonical(entity, place::signature(&tree, entity), &prefixes)?,
        valid_until: around
            .iter()
            .filter_map(|group| tree.attribute(*group, "validUntil"))
            .map(str::to_owned)
            .collect(),
        signer,
    })
}

fn is_entity(tree: &Tree<'_>, node: Node) -> bool {
    tree.is(node, METADATA, "EntityDescriptor")
}

fn is_group(tree: &Tree<'_>, node: Node) -> bool {
    tree.is(node, METADATA, "EntitiesDescriptor")
}

fn find(
    tree: &Tree<'_>,
    descriptors: &[Node],
    wanted: Option<&str>,
) -> Result<Node, SignatureError> {
    let mut found = descriptors.iter().copied().filter(|node| {
        let chosen = wanted.is_none_or(|id| tree.attribute(*node, "entityID") == Some(id));
        is_entity(tree, *node) && chosen
    });
    match (found.next(), found.next()) {
        (Some(entity), None) => Ok(entity),
        (Some(_), Some(_)) if wanted.is_none() => Err(SignatureError::Form(
            "the metadata of one entity; name which one by its entityID",
        )),
        (Some(_), Some(_)) => Err(SignatureError::Form("metadata that has each entity once")),
        (None, _) => Err(SignatureError::Form(
            "metadata of the entity that was asked for",
        )),
    }
}

/// All that is around the entity, which must be groups and nothing else.
fn groups(tree: &Tree<'_>, entity: Node) -> Result<Vec<Node>, SignatureError> {
    let mut around = Vec::new();
    let mut node = entity;
    while node != tree.root()? {
        node = tree
            .parent(node)
            .filter(|parent| is_group(tree, *parent))
            .ok_or(SignatureError::Form(
                "metadata, which has entities only directly in groups of entities",
            ))?;
        around.push(node);
    }
    Ok(around)
}
