//! The one form of a signature that is accepted (spec security SIG-3, SIG-5 and SIG-8). Everything else is refused by
//! its name, before anything is computed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::algorithm::{Algorithm, Digest};
use super::tree::{Node, Tree};
use super::{AcceptedAlgorithms, SignatureError};
use crate::signature::{DS, ENVELOPED, EXCLUSIVE_C14N};
use crate::xml::is_ncname;

/// Certificates in `KeyInfo` (spec security 3.4).
const MOST_CERTIFICATES: usize = 5;
/// Names in a `PrefixList`.
const MOST_PREFIXES: usize = 32;

/// What a `ds:Signature` says.
pub(super) struct Shape {
    pub(super) signed_info: Node,
    /// `PrefixList` of `CanonicalizationMethod`.
    pub(super) info_prefixes: Vec<String>,
    /// `PrefixList` of the transform.
    pub(super) content_prefixes: Vec<String>,
    /// `URI` of the reference.
    pub(super) uri: String,
    pub(super) algorithm: Algorithm,
    pub(super) digest: Digest,
    pub(super) digest_value: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// DER of the certificates in `KeyInfo`. Not to be trusted: whoever signs can write them.
    pub(super) certificates: Vec<Vec<u8>>,
}

impl Shape {
    pub(super) fn of(
        tree: &Tree<'_>,
        signature: Node,
        accepted: &AcceptedAlgorithms,
    ) -> Result<Shape, SignatureError> {
        let (signed_info, value, key_info) = match *tree.only_children(signature)? {
            [info, value] => (info, value, None),
            [info, value, keys] => (info, value, Some(keys)),
            _ => {
                return Err(SignatureError::Structure(
                    "other parts than SignedInfo, SignatureValue and KeyInfo",
                ));
            }
        };
        named(tree, signed_info, "SignedInfo")?;
        named(tree, value, "SignatureValue")?;
        let certificates = match key_info {
            Some(keys) => certificates(tree, keys)?,
            None => Vec::new(),
        };
        let [c14n_method, method, reference] = *tree.only_children(signed_info)? else {
            return Err(SignatureError::Structure(
                "another number of references than one",
            ));
        };
        named(tree, c14n_method, "CanonicalizationMethod")?;
        named(tree, method, "SignatureMethod")?;
        named(tree, reference, "Reference")?;
        let [transforms, digest_method, digest_value] = *tree.only_children(reference)? else {
            return Err(SignatureError::Structure("a reference of another form"));
        };
        named(tree, transforms, "Transforms")?;
        named(tree, digest_method, "DigestMethod")?;
        named(tree, digest_value, "DigestValue")?;
        let [first, second] = *tree.only_children(transforms)? else {
            return Err(SignatureError::Structure(
                "other transforms than enveloped-signature and then exclusive canonicalization",
            ));
        };
        named(tree, first, "Transform")?;
        named(tree, second, "Transform")?;
        plain(tree, first)?;
        if algorithm(tree, first)? != ENVELOPED {
            return Err(SignatureError::Algorithm);
        }
        plain(tree, method)?;
        plain(tree, digest_method)?;
        Ok(Shape {
            signed_info,
            info_prefixes: exclusive(tree, c14n_method)?,
            content_prefixes: exclusive(tree, second)?,
            uri: tree
                .attribute(reference, "URI")
                .ok_or(SignatureError::Reference)?
                .to_owned(),
            algorithm: accepted.signature(algorithm(tree, method)?)?,
            digest: accepted.digest(algorithm(tree, digest_method)?)?,
            digest_value: octets(tree, digest_value)?,
            value: octets(tree, value)?,
            certificates,
        })
    }
}

fn named(tree: &Tree<'_>, node: Node, local: &str) -> Result<(), SignatureError> {
    if tree.is(node, DS.uri(), local) {
        Ok(())
    } else {
        Err(SignatureError::Structure("an unexpected element"))
    }
}

fn algorithm<'t>(tree: &'t Tree<'_>, node: Node) -> Result<&'t str, SignatureError> {
    tree.attribute(node, "Algorithm")
        .ok_or(SignatureError::Structure("a method without an algorithm"))
}

/// A method without parameters: no length of a MAC, no stylesheet, no path.
fn plain(tree: &Tree<'_>, node: Node) -> Result<(), SignatureError> {
    if tree.only_children(node)?.is_empty() {
        Ok(())
    } else {
        Err(SignatureError::Structure("a method with parameters"))
    }
}

/// The `PrefixList` of an exclusive canonicalisation without comments.
fn exclusive(tree: &Tree<'_>, node: Node) -> Result<Vec<String>, SignatureError> {
    if algorithm(tree, node)? != EXCLUSIVE_C14N {
        return Err(SignatureError::Algorithm);
    }
    let list = match *tree.only_children(node)? {
        [] => return Ok(Vec::new()),
        [parameter] if tree.is(parameter, EXCLUSIVE_C14N, "InclusiveNamespaces") => {
            plain(tree, parameter)?;
            tree.attribute(parameter, "PrefixList").unwrap_or_default()
        }
        _ => {
            return Err(SignatureError::Structure(
                "a canonicalization with unknown parameters",
            ));
        }
    };
    let prefixes: Vec<String> = list.split_ascii_whitespace().map(str::to_owned).collect();
    let sound = |prefix: &String| prefix == "#default" || is_ncname(prefix);
    if prefixes.len() <= MOST_PREFIXES && prefixes.iter().all(sound) {
        Ok(prefixes)
    } else {
        Err(SignatureError::Structure(
            "a list of prefixes that cannot be used",
        ))
    }
}

/// Looks through `KeyInfo`. References to keys elsewhere are refused, so that nothing can be made to follow them.
fn certificates(tree: &Tree<'_>, keys: Node) -> Result<Vec<Vec<u8>>, SignatureError> {
    named(tree, keys, "KeyInfo")?;
    let mut found = Vec::new();
    for child in tree.only_children(keys)? {
        let known = ["KeyName", "KeyValue", "X509Data"];
        if !known.iter().any(|local| tree.is(child, DS.uri(), local)) {
            return Err(SignatureError::Structure(
                "a KeyInfo with something else than names, keys and certificates",
            ));
        }
        for part in tree.elements(child) {
            if tree.is(part, DS.uri(), "X509Certificate") {
                found.push(octets(tree, part)?);
            }
        }
    }
    if found.len() <= MOST_CERTIFICATES {
        Ok(found)
    } else {
        Err(SignatureError::Structure("too many certificates"))
    }
}

/// Base64 with white space anywhere, as XML Schema allows it.
fn octets(tree: &Tree<'_>, node: Node) -> Result<Vec<u8>, SignatureError> {
    let mut text = tree.only_text(node)?;
    text.retain(|character| !character.is_ascii_whitespace());
    STANDARD
        .decode(text)
        .map_err(|_| SignatureError::Structure("a value that is no base64"))
}
