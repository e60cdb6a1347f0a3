//! The writer's text is its own exclusive canonical form, by the judgement of two canonicalisers that are not ours.

use std::io::Write;

use bergshamra::c14n::{C14nMode, canonicalize};
use federation::xml::{self, Attribute, Fragment, Name, Namespace, Writer, XML, XSI};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::support::tool;

const NAMESPACES: [Namespace; 5] = [
    Namespace::new("", ""),
    Namespace::new("", "urn:default"),
    Namespace::new("a", "urn:a"),
    Namespace::new("b", "urn:b"),
    Namespace::new("saml", "urn:oasis:names:tc:SAML:1.0:assertion"),
];
const LOCALS: [&str; 3] = ["One", "two", "_3"];

#[derive(Debug, Clone)]
struct Element {
    name: Name,
    attributes: Vec<(Name, String)>,
    type_name: Option<String>,
    children: Vec<Node>,
}

#[derive(Debug, Clone)]
enum Node {
    Element(Element),
    Text(&'static str, String),
}

/// Text with everything in it that needs care.
fn text() -> impl Strategy<Value = String> {
    "([a-z &<>\"'\t\n\r\u{85}é\u{2028}\u{10000}]|\\]\\]>|&amp;|\u{fffd}){0,6}"
}

fn name() -> impl Strategy<Value = Name> {
    (0..NAMESPACES.len(), 0..LOCALS.len())
        .prop_map(|(namespace, local)| NAMESPACES[namespace].name(LOCALS[local]))
}

fn attribute() -> impl Strategy<Value = (Name, String)> {
    let unprefixed = Namespace::new("", "");
    let names: Vec<Name> = [unprefixed, NAMESPACES[2], NAMESPACES[3], XML]
        .into_iter()
        .flat_map(|namespace| LOCALS.map(|local| namespace.name(local)))
        .collect();
    (prop::sample::select(names), text())
}

fn element() -> impl Strategy<Value = Element> {
    let with = |children: BoxedStrategy<Vec<Node>>| {
        let attributes = prop::collection::vec(attribute(), 0..4);
        (name(), attributes, prop::option::of("[a-z]{1,4}"), children).prop_map(
            |(name, mut attributes, type_name, children)| {
                attributes.sort_by_key(|(name, _)| format!("{name:?}"));
                attributes.dedup_by_key(|(name, _)| *name);
                // The writer sorts; give it something to sort.
                attributes.reverse();
                Element {
                    name,
                    attributes,
                    type_name,
                    children,
                }
            },
        )
    };
    let leaf =
        with(prop::collection::vec(text().prop_map(|text| Node::Text("x", text)), 0..2).boxed());
    leaf.prop_recursive(4, 24, 4, move |inner| {
        with(prop::collection::vec(inner.prop_map(Node::Element), 0..4).boxed())
    })
}

fn write(element: &Element) -> Fragment {
    with_attributes(element, |attributes| {
        xml::write(element.name, attributes, |writer| children(writer, element))
            .expect("writable")
            .into_fragment()
    })
}

fn children(writer: &mut Writer, element: &Element) {
    for child in &element.children {
        match child {
            Node::Element(child) => with_attributes(child, |attributes| {
                writer.element(child.name, attributes, |writer| children(writer, child));
            }),
            Node::Text(local, text) => writer.leaf(NAMESPACES[2].name(local), &[], text),
        }
    }
}

fn with_attributes<T>(element: &Element, use_them: impl FnOnce(&[Attribute<'_>]) -> T) -> T {
    let mut attributes: Vec<Attribute<'_>> = element
        .attributes
        .iter()
        .map(|(name, value)| match name.namespace().prefix() {
            "" => Attribute::new(name.local(), value),
            _ => Attribute::qualified(*name, value),
        })
        .collect();
    if let Some(type_name) = &element.type_name {
        attributes.push(Attribute::qname(
            XSI.name("type"),
            "xs",
            "http://www.w3.org/2001/XMLSchema",
            type_name,
        ));
    }
    use_them(&attributes)
}

fn same_tree(node: roxmltree::Node<'_, '_>, element: &Element) {
    assert_eq!(node.tag_name().name(), element.name.local());
    assert_eq!(
        node.tag_name().namespace().unwrap_or(""),
        element.name.namespace().uri()
    );
    for (name, value) in &element.attributes {
        let found = match name.namespace().uri() {
            "" => node.attribute(name.local()),
            uri => node.attribute((uri, name.local())),
        };
        assert_eq!(found, Some(value.as_str()));
    }
    if let Some(type_name) = &element.type_name {
        let (prefix, local) = node
            .attribute((XSI.uri(), "type"))
            .and_then(|found| found.split_once(':'))
            .expect("a QName");
        assert_eq!(
            node.lookup_namespace_uri(Some(prefix)),
            Some("http://www.w3.org/2001/XMLSchema")
        );
        assert_eq!(local, type_name);
    }
    let found: Vec<_> = node.children().collect();
    assert_eq!(found.len(), element.children.len());
    for (node, child) in found.into_iter().zip(&element.children) {
        match child {
            Node::Element(child) => same_tree(node, child),
            Node::Text(_, text) => assert_eq!(node.text().unwrap_or(""), text),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn text_is_canonical_and_means_what_was_written(element in element()) {
        let written = write(&element);
        let ours: String = written.canonical().collect();
        let theirs = canonicalize(written.as_str(), C14nMode::Exclusive, None, &[] as &[&str]).expect("canonical");
        prop_assert_eq!(&ours, std::str::from_utf8(&theirs).expect("UTF-8"), "{}", written);
        // The form without what is excluded is stable, too.
        let again = canonicalize(&ours, C14nMode::Exclusive, None, &[] as &[&str]).expect("canonical");
        prop_assert_eq!(again, theirs);
        let document = roxmltree::Document::parse(written.as_str()).expect("well formed");
        same_tree(document.root_element(), &element);
    }
}

#[test]
fn xmllint_agrees() {
    let Some(mut xmllint) = tool("xmllint") else {
        return;
    };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let folder = tempfile::tempdir().expect("a folder");
    let mut expected = Vec::new();
    let strategy = element();
    for number in 0..100 {
        let element = strategy
            .new_tree(&mut runner)
            .expect("an element")
            .current();
        let written = write(&element);
        let path = folder.path().join(number.to_string());
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(written.as_str().as_bytes()))
            .expect("written");
        expected.push((path, written.canonical().collect::<String>()));
    }
    // xmllint prints one canonical document after the other, with nothing between them.
    let output = xmllint
        .arg("--exc-c14n")
        .args(expected.iter().map(|(path, _)| path))
        .output()
        .expect("xmllint runs");
    let all: String = expected.into_iter().map(|(_, text)| text).collect();
    assert_eq!(String::from_utf8_lossy(&output.stdout), all);
}

#[test]
fn contradictions_of_the_calling_code_are_errors() {
    let [none, default, a, ..] = NAMESPACES;
    let other_a = Namespace::new("a", "urn:other");
    let write =
        |content: &dyn Fn(&mut Writer)| xml::write(a.name("One"), &[], |writer| content(writer));
    let same_twice = [Attribute::new("x", "1"), Attribute::new("x", "2")];
    let two_meanings = [Attribute::qualified(other_a.name("x"), "1")];
    let no_prefix = [Attribute::qualified(default.name("x"), "1")];
    let taken = [Attribute::qname(XSI.name("type"), "a", "urn:other", "x")];
    for attributes in [same_twice.as_slice(), &two_meanings, &no_prefix, &taken] {
        assert!(
            write(&|writer| writer.leaf(a.name("two"), attributes, "")).is_err(),
            "{attributes:?}"
        );
    }
    let fragment = xml::write(a.name("One"), &[], |_| {})
        .expect("writable")
        .into_fragment();
    let plain = xml::write(none.name("One"), &[], |_| {})
        .expect("writable")
        .into_fragment();
    assert!(
        write(&|writer| writer.fragment(&fragment)).is_err(),
        "its declaration would be left out of the whole"
    );
    assert!(write(&|writer| writer.fragment(&plain)).is_ok());
    let inside_default = xml::write(default.name("One"), &[], |writer| writer.fragment(&plain));
    assert!(
        inside_default.is_err(),
        "it would fall into the default namespace"
    );
    assert!(
        write(&|writer| {
            writer.signature("_1");
            writer.signature("_1");
        })
        .is_err()
    );
}

#[test]
fn characters_that_xml_cannot_carry_end_the_writing() {
    let a = NAMESPACES[2];
    for bad in ["\0", "a\u{b}", "\u{ffff}"] {
        assert!(xml::write(a.name("One"), &[Attribute::new("x", bad)], |_| {}).is_err());
        let error = xml::write(a.name("One"), &[], |writer| {
            writer.leaf(a.name("two"), &[], bad)
        })
        .expect_err("refused");
        assert!(
            error
                .to_string()
                .starts_with("the text of two holds the character U+"),
            "{error}"
        );
    }
}
