//! The one place where XML text is made.

use std::fmt;
use std::ops::Range;

use super::XML;
use super::escape::{forbidden, push_attribute, push_text};
use super::name::{Attribute, AttributeName, Name, Namespace, Value};
use crate::IssueError;

/// Writes one element with its content. Elements close themselves, so whatever the content does, the result is well
/// formed; a fault on the way is kept and comes out here.
///
/// # Errors
/// [`IssueError::ForbiddenCharacter`], or [`IssueError::Inconsistent`] for a defect in the calling code.
pub fn write(
    name: Name,
    attributes: &[Attribute<'_>],
    content: impl FnOnce(&mut Writer),
) -> Result<Unsigned, IssueError> {
    let mut writer = Writer::default();
    writer.element(name, attributes, content);
    match writer.error {
        Some(error) => Err(error),
        None => Ok(Unsigned {
            fragment: writer.fragment,
            place: writer.place,
        }),
    }
}

/// A whole element. Its text without the [`excluded`](Fragment::canonical) parts is its exclusive canonical form.
#[derive(Debug, Clone, Default)]
pub struct Fragment {
    text: String,
    excluded: Vec<Range<usize>>,
    declared: Vec<Namespace>,
}

impl Fragment {
    /// The element as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The element as text.
    pub fn into_string(self) -> String {
        self.text
    }

    /// The exclusive canonical form, in pieces.
    ///
    /// The text holds one thing more than that form: declarations of prefixes that occur in values only, as in
    /// `xsi:type="xs:boolean"`. Exclusive canonicalisation leaves them out, since it cannot know that a value is a name.
    pub fn canonical(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.excluded.iter().map(|range| range.end));
        let ends = self
            .excluded
            .iter()
            .map(|range| range.start)
            .chain(std::iter::once(self.text.len()));
        starts
            .zip(ends)
            .filter_map(|(start, end)| self.text.get(start..end))
    }

    /// An element from text that is its exclusive canonical form. `declared` are the namespaces that the text declares
    /// and that something around it may have in scope.
    pub(crate) fn from_canonical(text: String, declared: Vec<Namespace>) -> Fragment {
        Fragment {
            text,
            excluded: Vec::new(),
            declared,
        }
    }

    fn insert(&mut self, at: usize, other: &Fragment) {
        self.text.insert_str(at, &other.text);
        let first_behind = self.excluded.partition_point(|range| range.start < at);
        for range in self.excluded.iter_mut().skip(first_behind) {
            *range = shifted(range, other.text.len());
        }
        self.excluded.splice(
            first_behind..first_behind,
            other.excluded.iter().map(|range| shifted(range, at)),
        );
        self.declared.extend_from_slice(&other.declared);
    }
}

impl fmt::Display for Fragment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn shifted(range: &Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

/// A written element that has no signature (yet).
#[derive(Debug)]
pub struct Unsigned {
    fragment: Fragment,
    place: Option<SignaturePlace>,
}

impl Unsigned {
    /// The element, for documents that are not signed.
    pub fn into_fragment(self) -> Fragment {
        self.fragment
    }

    pub(crate) fn into_parts(self) -> (Fragment, Option<SignaturePlace>) {
        (self.fragment, self.place)
    }
}

/// Where the enveloped signature goes, and the id that it refers to.
#[derive(Debug)]
pub(crate) struct SignaturePlace {
    at: usize,
    id: String,
}

impl SignaturePlace {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn fill(&self, mut signed: Fragment, signature: &Fragment) -> Fragment {
        signed.insert(self.at, signature);
        signed
    }
}

/// Adds to the element that is open.
///
/// A prefix is declared exactly where exclusive canonicalisation would declare it: on the outermost element that uses it
/// in its own name or in an attribute's, and not again below.
#[derive(Debug, Default)]
pub struct Writer {
    fragment: Fragment,
    scope: Vec<Namespace>,
    place: Option<SignaturePlace>,
    error: Option<IssueError>,
}

impl Writer {
    /// A child element.
    pub fn element(
        &mut self,
        name: Name,
        attributes: &[Attribute<'_>],
        content: impl FnOnce(&mut Writer),
    ) {
        let outer = self.scope.len();
        self.start_tag(name, attributes);
        content(self);
        self.fragment.text.push_str("</");
        self.push_name(name.namespace.prefix, name.local);
        self.fragment.text.push('>');
        self.scope.truncate(outer);
    }

    /// A child element that holds text alone, or nothing.
    pub fn leaf(&mut self, name: Name, attributes: &[Attribute<'_>], text: &str) {
        self.element(name, attributes, |writer| writer.text(name.local, text));
    }

    /// A whole element that was written before.
    pub fn fragment(&mut self, fragment: &Fragment) {
        // A prefix that is in scope here would not be declared again in the canonical form of the whole.
        let known = |declared: &Namespace| {
            self.scope
                .iter()
                .any(|outer| outer.prefix == declared.prefix)
        };
        if fragment.declared.iter().any(known) {
            self.fail("an embedded element declares a prefix that is in scope already");
        }
        self.fragment.insert(self.fragment.text.len(), fragment);
    }

    /// Marks this place for the enveloped signature of the outermost element, whose id attribute has the value `id`.
    pub fn signature(&mut self, id: &str) {
        if self.place.is_some() {
            self.fail("two places for one signature");
        }
        self.place = Some(SignaturePlace {
            at: self.fragment.text.len(),
            id: id.to_owned(),
        });
    }

    /// Character data. `place` names the element, for the error message.
    pub(crate) fn text(&mut self, place: &'static str, text: &str) {
        self.check(place, text);
        push_text(&mut self.fragment.text, text);
    }

    fn start_tag(&mut self, name: Name, attributes: &[Attribute<'_>]) {
        self.fragment.text.push('<');
        self.push_name(name.namespace.prefix, name.local);
        self.declare_used(name, attributes);
        self.declare_for_values(attributes);
        let sorted = |one: &Attribute<'_>, two: &Attribute<'_>| one.name.order() < two.name.order();
        if attributes.is_sorted_by(sorted) {
            attributes
                .iter()
                .for_each(|attribute| self.push_attribute(attribute));
        } else {
            let mut attributes: Vec<&Attribute<'_>> = attributes.iter().collect();
            attributes.sort_by_key(|attribute| attribute.name.order());
            if !attributes.is_sorted_by(|one, two| one.name.order() < two.name.order()) {
                self.fail("an element has the same attribute twice");
            }
            attributes
                .into_iter()
                .for_each(|attribute| self.push_attribute(attribute));
        }
        self.fragment.text.push('>');
    }

    /// Declares what the element's own name and its attributes' names use.
    fn declare_used(&mut self, name: Name, attributes: &[Attribute<'_>]) {
        let of_attributes = attributes
            .iter()
            .filter_map(|attribute| attribute.name.namespace);
        if of_attributes
            .clone()
            .any(|namespace| namespace.prefix.is_empty())
        {
            self.fail("an attribute's namespace has no prefix");
        }
        if name.namespace.prefix.is_empty() && name.namespace.uri.is_empty() {
            // Not written, and yet the element depends on what is around it.
            self.fragment.declared.push(name.namespace);
        }
        let mut missing: Vec<Namespace> = std::iter::once(name.namespace)
            .chain(of_attributes)
            .filter(|namespace| {
                namespace.uri != XML.uri && self.uri_of(namespace.prefix) != namespace.uri
            })
            .collect();
        missing.sort_by_key(|namespace| namespace.prefix);
        missing.dedup();
        for namespace in missing {
            self.push_declaration(namespace.prefix, namespace.uri);
            self.scope.push(namespace);
            self.fragment.declared.push(namespace);
        }
        let all = std::iter::once(name.namespace).chain(
            attributes
                .iter()
                .filter_map(|attribute| attribute.name.namespace),
        );
        if all.clone().any(|namespace| {
            namespace.uri != XML.uri && self.uri_of(namespace.prefix) != namespace.uri
        }) {
            self.fail("one prefix stands for two namespaces in one element");
        }
    }

    /// Declares what only values use. These declarations are no part of the canonical form, and children cannot rely on
    /// them there, so they do not enter the scope.
    fn declare_for_values(&mut self, attributes: &[Attribute<'_>]) {
        let mut done: Vec<&str> = Vec::new();
        for attribute in attributes {
            let Value::QName { prefix, uri, .. } = attribute.value else {
                continue;
            };
            if self.uri_of(prefix) == uri {
                continue;
            }
            if !self.uri_of(prefix).is_empty() || done.contains(&prefix) || prefix.is_empty() {
                self.fail("the prefix of a value is in use for something else");
                continue;
            }
            self.check(attribute.name.local, uri);
            let start = self.fragment.text.len();
            self.push_declaration(prefix, uri);
            self.fragment.excluded.push(start..self.fragment.text.len());
            done.push(prefix);
        }
    }

    fn push_declaration(&mut self, prefix: &str, uri: &str) {
        self.fragment.text.push_str(" xmlns");
        if !prefix.is_empty() {
            self.fragment.text.push(':');
            self.fragment.text.push_str(prefix);
        }
        self.fragment.text.push_str("=\"");
        push_attribute(&mut self.fragment.text, uri);
        self.fragment.text.push('"');
    }

    fn push_attribute(&mut self, attribute: &Attribute<'_>) {
        let AttributeName { namespace, local } = attribute.name;
        self.fragment.text.push(' ');
        self.push_name(namespace.map_or("", |namespace| namespace.prefix), local);
        self.fragment.text.push_str("=\"");
        match attribute.value {
            Value::Text(text) => {
                self.check(local, text);
                push_attribute(&mut self.fragment.text, text);
            }
            Value::QName {
                prefix,
                local: value,
                ..
            } => {
                self.check(local, value);
                self.fragment.text.push_str(prefix);
                self.fragment.text.push(':');
                push_attribute(&mut self.fragment.text, value);
            }
        }
        self.fragment.text.push('"');
    }

    fn push_name(&mut self, prefix: &str, local: &str) {
        if !prefix.is_empty() {
            self.fragment.text.push_str(prefix);
            self.fragment.text.push(':');
        }
        self.fragment.text.push_str(local);
    }

    /// What `prefix` stands for in the canonical form; empty when it stands for nothing.
    fn uri_of(&self, prefix: &str) -> &'static str {
        self.scope
            .iter()
            .rev()
            .find(|namespace| namespace.prefix == prefix)
            .map_or("", |namespace| namespace.uri)
    }

    fn check(&mut self, place: &'static str, text: &str) {
        if let Some(character) = forbidden(text) {
            self.error.get_or_insert(IssueError::ForbiddenCharacter {
                place,
                code: character.into(),
            });
        }
    }

    fn fail(&mut self, why: &'static str) {
        self.error.get_or_insert(IssueError::Inconsistent(why));
    }
}
