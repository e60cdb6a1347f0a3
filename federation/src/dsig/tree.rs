//! The tree that signatures are checked on, and its canonical form.
//!
//! The one place that knows the parser and the canonicaliser. The text has passed [`crate::xml::read`] before: limits,
//! document types, processing instructions and duplicate ids are settled there.

use bergshamra_c14n::C14nSink;
use bergshamra_c14n::exclusive::canonicalize_to;
use bergshamra_xml::NodeSet;
use uppsala::{Document, NodeId, NodeKind, Parser};

use super::SignatureError;

/// An element of a [`Tree`].
pub(super) type Node = NodeId;

/// How much larger than its document a canonical form may be. Every element may have to declare its namespaces anew.
const MOST_GROWTH: usize = 8;
/// What a canonical form may have, however short the document is.
const SMALL: usize = 64 * 1024;

/// A parsed document.
pub(super) struct Tree<'a> {
    document: Document<'a>,
    most_bytes: usize,
}

impl<'a> Tree<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Tree<'a>, SignatureError> {
        // The parser knows no byte order mark in text that is decoded already.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let document = Parser::new()
            .with_forbid_dtd(true)
            .with_max_depth(256)
            .parse(text)
            .map_err(|_| SignatureError::Unreadable)?;
        Ok(Tree {
            document,
            most_bytes: text.len().saturating_mul(MOST_GROWTH).max(SMALL),
        })
    }

    pub(super) fn root(&self) -> Result<Node, SignatureError> {
        self.document
            .document_element()
            .ok_or(SignatureError::Unreadable)
    }

    pub(super) fn parent(&self, node: Node) -> Option<Node> {
        self.document.parent(node)
    }

    pub(super) fn is(&self, node: Node, namespace: &str, local: &str) -> bool {
        self.document
            .element(node)
            .is_some_and(|element| element.matches_name_ns(namespace, local))
    }

    /// Namespace, empty when there is none, and local name.
    pub(super) fn name(&self, node: Node) -> (&str, &str) {
        self.document.element(node).map_or(("", ""), |element| {
            (
                element.name.namespace_uri.as_deref().unwrap_or(""),
                &element.name.local_name,
            )
        })
    }

    /// An attribute in no namespace.
    pub(super) fn attribute(&self, node: Node, local: &str) -> Option<&str> {
        self.document
            .element(node)?
            .attributes
            .iter()
            .find(|attribute| {
                attribute.name.namespace_uri.is_none() && attribute.name.local_name == local
            })
            .map(|attribute| &*attribute.value)
    }

    /// The child elements, whatever stands between them.
    pub(super) fn children(&self, node: Node) -> Vec<Node> {
        self.document
            .children_iter(node)
            .filter(|child| self.document.element(*child).is_some())
            .collect()
    }

    /// All elements at and below `node`, in document order.
    pub(super) fn elements(&self, node: Node) -> impl Iterator<Item = Node> + '_ {
        std::iter::once(node)
            .chain(self.document.descendants(node))
            .filter(|node| self.document.element(*node).is_some())
    }

    /// The child elements of an element that holds nothing else but white space.
    pub(super) fn only_children(&self, node: Node) -> Result<Vec<Node>, SignatureError> {
        let mut children = Vec::new();
        for child in self.document.children_iter(node) {
            match self.document.node_kind(child) {
                Some(NodeKind::Element(_)) => children.push(child),
                Some(NodeKind::Text(text)) if is_blank(text) => {}
                _ => {
                    return Err(SignatureError::Structure(
                        "text or a comment between elements",
                    ));
                }
            }
        }
        Ok(children)
    }

    /// The text of an element that holds nothing else.
    pub(super) fn only_text(&self, node: Node) -> Result<String, SignatureError> {
        let mut whole = String::new();
        for child in self.document.children_iter(node) {
            match self.document.node_kind(child) {
                Some(NodeKind::Text(text) | NodeKind::CData(text)) => whole.push_str(text),
                _ => {
                    return Err(SignatureError::Structure(
                        "a comment or an element within a value",
                    ));
                }
            }
        }
        Ok(whole)
    }

    /// Whether a comment stands where it could change what a text means: within text, or in an element without elements
    /// (spec security XML-6). Canonicalisation takes comments out, so nobody would see it afterwards.
    pub(super) fn has_comment_in_text(&self, node: Node) -> bool {
        self.elements(node).any(|element| {
            let (mut comment, mut elements, mut text) = (false, false, false);
            for child in self.document.children_iter(element) {
                match self.document.node_kind(child) {
                    Some(NodeKind::Comment(_)) => comment = true,
                    Some(NodeKind::Element(_)) => elements = true,
                    Some(NodeKind::Text(found)) => text |= !is_blank(found),
                    _ => text = true,
                }
            }
            comment && (text || !elements)
        })
    }

    /// How many elements carry `value` in an attribute that any schema could type as ID.
    pub(super) fn count_of_id(&self, value: &str) -> Result<usize, SignatureError> {
        const NAMES: [&str; 4] = ["id", "assertionid", "responseid", "requestid"];
        let root = self.root()?;
        Ok(self
            .elements(root)
            .filter_map(|node| self.document.element(node))
            .flat_map(|element| &element.attributes)
            .filter(|attribute| {
                attribute.value == value
                    && NAMES
                        .iter()
                        .any(|name| attribute.name.local_name.eq_ignore_ascii_case(name))
            })
            .count())
    }

    /// The exclusive canonical form without comments of one element, without the subtree `without`.
    pub(super) fn canonical(
        &self,
        node: Node,
        without: Option<Node>,
        inclusive_prefixes: &[String],
    ) -> Result<String, SignatureError> {
        let mut visible = NodeSet::tree_without_comments(node, &self.document);
        if let Some(without) = without {
            visible = visible.subtract(&NodeSet::tree_with_comments(without, &self.document));
        }
        let mut out = Bounded {
            bytes: Vec::new(),
            limit: self.most_bytes,
            overflow: false,
        };
        canonicalize_to(
            &self.document,
            false,
            Some(&visible),
            inclusive_prefixes,
            &mut out,
        )
        .map_err(|_| SignatureError::Canonical)?;
        // An empty form would be the digest of nothing (spec security SIG-7).
        if out.overflow || out.bytes.is_empty() {
            return Err(SignatureError::Canonical);
        }
        String::from_utf8(out.bytes).map_err(|_| SignatureError::Canonical)
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// Keeps what fits and remembers that something did not.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    overflow: bool,
}

impl C14nSink for Bounded {
    fn write(&mut self, bytes: &[u8]) {
        if self.overflow || bytes.len() > self.limit - self.bytes.len() {
            self.overflow = true;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }
}
