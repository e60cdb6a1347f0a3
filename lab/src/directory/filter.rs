//! Search filters (RFC 4511 4.5.1.7) as sent, and as prepared against a tree. Assertion values are bytes: a filter may
//! look for a binary objectGUID.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::dn::Dn;
use super::entry::{Attribute, Entry, EntryId, Key, asserted_key};
use super::schema::{self, AttributeType, Syntax};
use super::tree::Tree;

/// LDAP_MATCHING_RULE_BIT_AND (MS-ADTS 3.1.1.3.4.4.1).
const RULE_BIT_AND: &str = "1.2.840.113556.1.4.803";
/// LDAP_MATCHING_RULE_BIT_OR (MS-ADTS 3.1.1.3.4.4.2).
const RULE_BIT_OR: &str = "1.2.840.113556.1.4.804";
/// LDAP_MATCHING_RULE_TRANSITIVE_EVAL, "in chain" (MS-ADTS 3.1.1.3.4.4.3).
const RULE_IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

/// A filter as the client sent it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Equal(String, Vec<u8>),
    Substrings(String, Substrings),
    AtLeast(String, Vec<u8>),
    AtMost(String, Vec<u8>),
    Present(String),
    Approximate(String, Vec<u8>),
    Extensible(Extensible),
}

/// The pieces of a substrings assertion.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Substrings {
    pub(super) initial: Option<Vec<u8>>,
    pub(super) any: Vec<Vec<u8>>,
    pub(super) last: Option<Vec<u8>>,
}

/// An extensible match.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Extensible {
    pub(super) rule: Option<String>,
    pub(super) attribute: Option<String>,
    pub(super) value: Vec<u8>,
    pub(super) dn_attributes: bool,
}

/// A filter resolved against the schema and the tree, ready to meet many entries.
#[derive(Debug)]
pub(super) enum Predicate {
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    Equal(&'static AttributeType, Key),
    Pieces(&'static AttributeType, Pieces),
    AtLeast(&'static AttributeType, Key),
    AtMost(&'static AttributeType, Key),
    Present(&'static AttributeType),
    Bits {
        kind: &'static AttributeType,
        mask: i64,
        all: bool,
    },
    OneOf(BTreeSet<EntryId>),
    /// The server cannot tell: unknown or constructed attribute, unknown rule, malformed value.
    Undefined,
}

/// Substring pieces in comparable form.
#[derive(Debug)]
pub(super) struct Pieces {
    initial: Option<Vec<u8>>,
    any: Vec<Vec<u8>>,
    last: Option<Vec<u8>>,
}

/// LDAP's three truth values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    True,
    False,
    Undefined,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Truth {
        if value { Truth::True } else { Truth::False }
    }
}

/// Gives the attribute of an entry as it is now; some change while the server runs (badPwdCount).
pub(super) trait Attributes {
    fn attribute<'a>(
        &self,
        id: EntryId,
        entry: &'a Entry,
        kind: &'static AttributeType,
    ) -> Option<Cow<'a, Attribute>>;
}

impl Predicate {
    /// Resolves `filter`.
    pub(super) fn prepare(filter: &Filter, tree: &Tree) -> Predicate {
        let all = |filters: &[Filter]| {
            filters
                .iter()
                .map(|filter| Predicate::prepare(filter, tree))
                .collect::<Vec<_>>()
        };
        match filter {
            Filter::And(filters) => Predicate::And(all(filters)),
            Filter::Or(filters) => Predicate::Or(all(filters)),
            Filter::Not(filter) => Predicate::Not(Box::new(Predicate::prepare(filter, tree))),
            Filter::Equal(name, value) | Filter::Approximate(name, value) => {
                assertion(name, value, tree, Predicate::Equal)
            }
            Filter::AtLeast(name, value) => assertion(name, value, tree, Predicate::AtLeast),
            Filter::AtMost(name, value) => assertion(name, value, tree, Predicate::AtMost),
            Filter::Present(name) => known(name).map_or(Predicate::Undefined, Predicate::Present),
            Filter::Substrings(name, substrings) => prepare_substrings(name, substrings),
            Filter::Extensible(extensible) => prepare_extensible(extensible, tree),
        }
    }

    /// Entries among which every match is, when an index can tell; none means that all must be looked at.
    pub(super) fn candidates(&self, tree: &Tree) -> Option<BTreeSet<EntryId>> {
        match self {
            Predicate::Equal(kind, key) if kind.indexed => {
                Some(tree.lookup(kind, key).iter().copied().collect())
            }
            Predicate::OneOf(ids) => Some(ids.clone()),
            Predicate::Undefined => Some(BTreeSet::new()),
            Predicate::And(parts) => parts
                .iter()
                .filter_map(|part| part.candidates(tree))
                .min_by_key(BTreeSet::len),
            Predicate::Or(parts) => {
                let mut union = BTreeSet::new();
                for part in parts {
                    union.extend(part.candidates(tree)?);
                }
                Some(union)
            }
            _ => None,
        }
    }

    /// Whether the entry matches.
    pub(super) fn test(&self, id: EntryId, entry: &Entry, attributes: &dyn Attributes) -> Truth {
        let any = |kind: &'static AttributeType, test: &dyn Fn(&Key) -> bool| {
            let attribute = attributes.attribute(id, entry, kind);
            attribute
                .is_some_and(|a| a.values.iter().any(|value| test(&value.key)))
                .into()
        };
        match self {
            Predicate::And(parts) => fold_truth(
                parts.iter().map(|part| part.test(id, entry, attributes)),
                Truth::False,
                Truth::True,
            ),
            Predicate::Or(parts) => fold_truth(
                parts.iter().map(|part| part.test(id, entry, attributes)),
                Truth::True,
                Truth::False,
            ),
            Predicate::Not(part) => match part.test(id, entry, attributes) {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Undefined => Truth::Undefined,
            },
            Predicate::Equal(kind, key) => any(kind, &|value| value == key),
            Predicate::AtLeast(kind, key) => any(kind, &|value| {
                order(value, key).is_some_and(std::cmp::Ordering::is_ge)
            }),
            Predicate::AtMost(kind, key) => any(kind, &|value| {
                order(value, key).is_some_and(std::cmp::Ordering::is_le)
            }),
            Predicate::Present(kind) => attributes.attribute(id, entry, kind).is_some().into(),
            Predicate::Pieces(kind, pieces) => any(kind, &|value| pieces.fit(value)),
            Predicate::Bits { kind, mask, all } => any(kind, &|value| match value {
                Key::Integer(number) if *all => number & mask == *mask,
                Key::Integer(number) => number & mask != 0,
                _ => false,
            }),
            Predicate::OneOf(ids) => ids.contains(&id).into(),
            Predicate::Undefined => Truth::Undefined,
        }
    }
}

/// Combines parts: one `decisive` part decides; otherwise one undefined part makes the whole undefined.
fn fold_truth(parts: impl Iterator<Item = Truth>, decisive: Truth, neutral: Truth) -> Truth {
    let mut result = neutral;
    for part in parts {
        if part == decisive {
            return decisive;
        }
        if part == Truth::Undefined {
            result = Truth::Undefined;
        }
    }
    result
}

fn order(left: &Key, right: &Key) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Key::Text(left), Key::Text(right)) => Some(left.cmp(right)),
        (Key::Integer(left), Key::Integer(right)) => Some(left.cmp(right)),
        (Key::Octets(left), Key::Octets(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// The attribute that a filter may ask about.
fn known(name: &str) -> Option<&'static AttributeType> {
    schema::attribute(name).filter(|kind| !kind.constructed)
}

fn assertion(
    name: &str,
    value: &[u8],
    tree: &Tree,
    make: fn(&'static AttributeType, Key) -> Predicate,
) -> Predicate {
    known(name)
        .and_then(|kind| Some(make(kind, asserted_key(kind, value, tree.suffix())?)))
        .unwrap_or(Predicate::Undefined)
}

fn prepare_substrings(name: &str, substrings: &Substrings) -> Predicate {
    let Some(kind) = known(name) else {
        return Predicate::Undefined;
    };
    let piece = |bytes: &Vec<u8>| match kind.syntax {
        Syntax::Text => std::str::from_utf8(bytes)
            .ok()
            .map(|text| super::fold::fold(text).into_bytes()),
        Syntax::Octets | Syntax::Guid | Syntax::Sid => Some(bytes.clone()),
        // AD has no substring rule for numbers and names.
        Syntax::Integer | Syntax::Name => None,
    };
    let option = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(piece);
    let (initial, last) = (option(&substrings.initial), option(&substrings.last));
    let any: Option<Vec<Vec<u8>>> = substrings.any.iter().map(piece).collect();
    match (any, initial, last) {
        (Some(any), initial, last) if initial != Some(None) && last != Some(None) => {
            let pieces = Pieces {
                initial: initial.flatten(),
                any,
                last: last.flatten(),
            };
            Predicate::Pieces(kind, pieces)
        }
        _ => Predicate::Undefined,
    }
}

fn prepare_extensible(extensible: &Extensible, tree: &Tree) -> Predicate {
    // AD does not support dnAttributes, and needs an attribute (MS-ADTS 3.1.1.3.1.3.1).
    let attribute = extensible
        .attribute
        .as_deref()
        .filter(|_| !extensible.dn_attributes);
    let (Some(name), rule) = (attribute, extensible.rule.as_deref()) else {
        return Predicate::Undefined;
    };
    let Some(kind) = known(name) else {
        return Predicate::Undefined;
    };
    match (rule, kind.syntax) {
        (None, _) => assertion(name, &extensible.value, tree, Predicate::Equal),
        (Some(rule @ (RULE_BIT_AND | RULE_BIT_OR)), Syntax::Integer) => {
            match asserted_key(kind, &extensible.value, tree.suffix()) {
                Some(Key::Integer(mask)) => Predicate::Bits {
                    kind,
                    mask,
                    all: rule == RULE_BIT_AND,
                },
                _ => Predicate::Undefined,
            }
        }
        (Some(RULE_IN_CHAIN), Syntax::Name) => in_chain(kind, &extensible.value, tree),
        _ => Predicate::Undefined,
    }
}

fn in_chain(kind: &'static AttributeType, value: &[u8], tree: &Tree) -> Predicate {
    let target = std::str::from_utf8(value)
        .ok()
        .and_then(|text| Dn::parse(text).ok());
    let Some(target) = target else {
        return Predicate::Undefined;
    };
    let ids = match (kind.name, tree.by_name(&target)) {
        ("memberOf", Some(group)) => tree.members_in_chain(group),
        ("member", Some(member)) => tree.groups_in_chain(member),
        (_, None) => BTreeSet::new(),
        _ => return Predicate::Undefined,
    };
    Predicate::OneOf(ids)
}

impl Pieces {
    fn fit(&self, value: &Key) -> bool {
        let mut rest = match value {
            Key::Text(text) => text.as_bytes(),
            Key::Octets(bytes) => bytes.as_slice(),
            Key::Integer(_) | Key::Name(_) => return false,
        };
        if let Some(initial) = &self.initial {
            let Some(after) = rest.strip_prefix(initial.as_slice()) else {
                return false;
            };
            rest = after;
        }
        if let Some(last) = &self.last {
            let Some(before) = rest.strip_suffix(last.as_slice()) else {
                return false;
            };
            rest = before;
        }
        for piece in &self.any {
            let found = rest
                .windows(piece.len().max(1))
                .position(|window| window == piece);
            let Some(after) = found.and_then(|at| rest.get(at + piece.len()..)) else {
                return false;
            };
            rest = after;
        }
        true
    }
}
