//! Clixml, the XML that `Export-Clixml` writes (MS-PSRP section 2.2.5), as the same values that JSON gives.
//!
//! Document types, and with them entities, are refused by the reader below. What is left to blow a document up are
//! references to earlier objects, so every value counts, also one that is reached again.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use federation::xml::{self, Limits};
use roxmltree::Node;
use serde_json::{Map, Value};

use super::{ImportError, MAX_BYTES, MAX_VALUES};

const NAMESPACE: &str = "http://schemas.microsoft.com/powershell/2004/04";
/// Objects within each other.
const MAX_DEPTH: usize = 32;

const LIMITS: Limits = Limits {
    bytes: MAX_BYTES,
    depth: 3 * MAX_DEPTH,
    elements: MAX_VALUES,
    attributes: 8,
    namespaces: 4,
    namespaces_in_scope: 8,
    attribute_bytes: 8 * 1024,
    text_bytes: 1024 * 1024,
};

/// Whether `text` looks like XML.
pub(super) fn is_xml(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

/// Reads a document: the list of its objects.
///
/// # Errors
/// [`ImportError::Xml`] or [`ImportError::Clixml`].
pub(super) fn read(text: &str) -> Result<Value, ImportError> {
    // The text is decoded already, so what it says about its encoding is of no interest.
    let text = text.trim_start();
    let text = match text.strip_prefix("<?xml ") {
        Some(rest) => rest.split_once("?>").map_or("", |(_, rest)| rest),
        None => text,
    };
    let document = xml::read(text.as_bytes(), &LIMITS)?;
    let root = document.root();
    if !is(root, "Objs") {
        return Err(refused(
            root,
            "the outermost element is not Objs of Export-Clixml",
        ));
    }
    let mut reader = Reader {
        objects: HashMap::new(),
        left: MAX_VALUES,
    };
    for node in root.descendants().filter(|node| is(*node, "Obj")) {
        if let Some(id) = node.attribute("RefId")
            && reader.objects.insert(id.to_owned(), node).is_some()
        {
            return Err(refused(node, "a RefId stands twice"));
        }
    }
    let values = elements(root).map(|node| reader.value(node, 0));
    Ok(Value::Array(values.collect::<Result<_, _>>()?))
}

struct Reader<'d, 'i> {
    objects: HashMap<String, Node<'d, 'i>>,
    left: usize,
}

impl<'d, 'i> Reader<'d, 'i> {
    fn value(&mut self, node: Node<'d, 'i>, depth: usize) -> Result<Value, ImportError> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| refused(node, "there are too many values"))?;
        if depth > MAX_DEPTH {
            return Err(refused(node, "objects stand too deep within each other"));
        }
        match node.tag_name().name() {
            _ if node.tag_name().namespace() != Some(NAMESPACE) => Err(refused(
                node,
                "an element is not in the namespace of Clixml",
            )),
            "Nil" => Ok(Value::Null),
            "B" => match text(node)?.as_str() {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err(refused(node, "a Boolean is neither true nor false")),
            },
            "By" | "SB" | "I16" | "U16" | "I32" | "U32" | "I64" | "C" => {
                let number = text(node)?.parse::<i64>();
                number
                    .map(Value::from)
                    .map_err(|_| refused(node, "a whole number is none"))
            }
            "S" | "URI" | "G" | "DT" | "TS" | "U64" | "D" | "Db" | "Sg" | "Version" | "SBK"
            | "XD" => unescape(&text(node)?)
                .map(Value::String)
                .ok_or_else(|| refused(node, "a text holds half a character")),
            // Checked, and left as text: certificates are base64 everywhere else, too.
            "BA" => {
                let octets: String = text(node)?.split_ascii_whitespace().collect();
                STANDARD
                    .decode(&octets)
                    .map_err(|_| refused(node, "a byte array is not base64"))?;
                Ok(Value::String(octets))
            }
            "Ref" => {
                let target = node.attribute("RefId").and_then(|id| self.objects.get(id));
                let target = *target.ok_or_else(|| refused(node, "a Ref leads to no object"))?;
                self.value(target, depth + 1)
            }
            "Obj" => self.object(node, depth),
            _ => Err(refused(node, "this element is not read here")),
        }
    }

    fn object(&mut self, node: Node<'d, 'i>, depth: usize) -> Result<Value, ImportError> {
        let mut properties = None;
        let mut plain = None;
        let mut printed = None;
        for child in elements(node) {
            match child.tag_name().name() {
                "TN" | "TNRef" => {}
                "ToString" => printed = Some(self.printed(child)?),
                "Props" | "MS" => {
                    let object = properties.get_or_insert_with(Map::new);
                    for property in elements(child) {
                        let value = self.value(property, depth + 1)?;
                        insert(object, property, name(property)?, value)?;
                    }
                }
                "LST" | "IE" | "STK" | "QUE" => {
                    let values = elements(child).map(|item| self.value(item, depth + 1));
                    plain = Some(Value::Array(values.collect::<Result<_, _>>()?));
                }
                "DCT" => plain = Some(self.dictionary(child, depth)?),
                _ => plain = Some(self.value(child, depth + 1)?),
            }
        }
        // A list or an enumeration may carry properties of its own, such as its length; its value is what counts.
        Ok(match (plain, properties, printed) {
            (Some(value), ..) => value,
            (None, Some(object), _) => Value::Object(object),
            (None, None, Some(text)) => Value::String(text),
            (None, None, None) => Value::Null,
        })
    }

    fn printed(&self, node: Node<'d, 'i>) -> Result<String, ImportError> {
        unescape(&text(node)?).ok_or_else(|| refused(node, "a text holds half a character"))
    }

    fn dictionary(&mut self, node: Node<'d, 'i>, depth: usize) -> Result<Value, ImportError> {
        let mut object = Map::new();
        for entry in elements(node) {
            let of =
                |wanted: &str| elements(entry).find(|child| child.attribute("N") == Some(wanted));
            let (Some(key), Some(value)) = (of("Key"), of("Value")) else {
                return Err(refused(
                    entry,
                    "an entry of a dictionary has no key or no value",
                ));
            };
            let Value::String(key) = self.value(key, depth + 1)? else {
                return Err(refused(entry, "a key of a dictionary is no text"));
            };
            let value = self.value(value, depth + 1)?;
            insert(&mut object, entry, key, value)?;
        }
        Ok(Value::Object(object))
    }
}

fn insert(
    object: &mut Map<String, Value>,
    at: Node<'_, '_>,
    name: String,
    value: Value,
) -> Result<(), ImportError> {
    if object.insert(name, value).is_some() {
        return Err(refused(at, "a name stands twice in an object"));
    }
    Ok(())
}

fn name(node: Node<'_, '_>) -> Result<String, ImportError> {
    let name = node.attribute("N").and_then(unescape);
    name.ok_or_else(|| refused(node, "a property has no name"))
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.has_tag_name((NAMESPACE, name))
}

fn elements<'d, 'i>(node: Node<'d, 'i>) -> impl Iterator<Item = Node<'d, 'i>> {
    node.children().filter(Node::is_element)
}

fn text(node: Node<'_, '_>) -> Result<String, ImportError> {
    Ok(xml::only_text(node)?)
}

fn refused(node: Node<'_, '_>, what: &'static str) -> ImportError {
    let position = node.document().text_pos_at(node.range().start);
    ImportError::Clixml {
        line: position.row,
        what,
    }
}

/// `_xHHHH_` stands for a UTF-16 code unit, for line ends and for what XML cannot hold (MS-PSRP 2.2.5.3.2). `None` when
/// the units are no text.
fn unescape(text: &str) -> Option<String> {
    if !text.contains("_x") {
        return Some(text.to_owned());
    }
    let mut units = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let (before, escape) = rest.split_at(at);
        units.extend(before.encode_utf16());
        let digits = escape
            .get(2..6)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .filter(|_| escape.as_bytes().get(6) == Some(&b'_'));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        match unit {
            Some(unit) => {
                units.push(unit);
                rest = escape.get(7..)?;
            }
            None => {
                units.extend("_x".encode_utf16());
                rest = escape.get(2..)?;
            }
        }
    }
    units.extend(rest.encode_utf16());
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn document(content: &str) -> String {
        format!(r#"<Objs Version="1.1.0.1" xmlns="{NAMESPACE}">{content}</Objs>"#)
    }

    #[test]
    fn every_kind_of_value() {
        let content = r#"
<Obj RefId="0"><TN RefId="0"><T>Microsoft.IdentityServer.Management.Resources.RelyingPartyTrust</T></TN>
 <ToString>RelyingPartyTrust</ToString>
 <Props>
  <S N="Name">Pay_x000D__x000A_roll _x005F_x0041_ _x12</S><B N="Enabled">true</B><I32 N="TokenLifetime">60</I32><Nil N="Notes" />
  <URI N="MetadataUrl">https://a.test/x</URI><DT N="LastUpdateTime">2023-11-14T22:13:20Z</DT>
  <Obj N="Identifier" RefId="1"><TN RefId="1"><T>System.String[]</T></TN><LST><S>a</S><S>_xD83D__xDE00_</S></LST></Obj>
  <Obj N="AllowedClientTypes" RefId="2"><ToString>Public, Confidential</ToString><I32>6</I32></Obj>
  <Obj N="Parameters" RefId="3"><DCT><En><S N="Key">Group</S><Obj N="Value" RefId="4"><LST /></Obj></En></DCT></Obj>
  <Ref N="Again" RefId="1" />
  <Obj N="Certificate" RefId="5"><Props><BA N="RawData">AQID
BA==</BA></Props></Obj>
 </Props></Obj>"#;
        let expected = json!([{
            "Name": "Pay\r\nroll _x0041_ _x12", "Enabled": true, "TokenLifetime": 60, "Notes": null,
            "MetadataUrl": "https://a.test/x", "LastUpdateTime": "2023-11-14T22:13:20Z",
            "Identifier": ["a", "\u{1F600}"], "AllowedClientTypes": 6, "Parameters": {"Group": []},
            "Again": ["a", "\u{1F600}"], "Certificate": {"RawData": "AQIDBA=="},
        }]);
        assert_eq!(read(&document(content)).unwrap(), expected);
        let declared = format!(
            "<?xml version=\"1.0\" encoding=\"utf-16\"?>\r\n{}",
            document(content)
        );
        assert_eq!(read(&declared).unwrap(), expected);
    }

    #[test]
    fn hostile_documents_are_refused() {
        let bomb = format!(
            "<!DOCTYPE Objs [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>{}",
            document("<S>&b;</S>")
        );
        let doubling: String = (1..40)
            .map(|id| {
                format!(
                    r#"<Obj RefId="{id}"><LST><Ref RefId="{0}" /><Ref RefId="{0}" /></LST></Obj>"#,
                    id - 1
                )
            })
            .collect();
        let doubling = document(&format!(r#"<Obj RefId="0"><LST /></Obj>{doubling}"#));
        let deep = document(&format!(
            "{}{}",
            "<Obj><LST>".repeat(40),
            "</LST></Obj>".repeat(40)
        ));
        let bottomless = document(&"<Obj><LST>".repeat(100_000));
        for (text, what) in [
            (bomb, "document type"),
            (doubling, "too"),
            (deep, "too deep"),
            (bottomless, "at most"),
            (
                document(r#"<Obj RefId="0"><LST><Ref RefId="0" /></LST></Obj>"#),
                "too deep",
            ),
            (document(r#"<Ref RefId="9" />"#), "leads to no object"),
            (document(r#"<S>_xD83D_</S>"#), "half a character"),
            (document("<SS>secret</SS>"), "not read here"),
            (document("<B>yes</B>"), "neither true nor false"),
            (document("<I32>1x</I32>"), "whole number"),
            (
                document(r#"<Obj><MS><S N="a">1</S><S N="a">2</S></MS></Obj>"#),
                "twice",
            ),
            (document(r#"<Obj><MS><S>1</S></MS></Obj>"#), "no name"),
            (document("<BA>***</BA>"), "base64"),
            ("<Objs />".to_owned(), "outermost element"),
            (document("<S xmlns=\"urn:x\">a</S>"), "namespace"),
        ] {
            let refused = read(&text).unwrap_err().to_string();
            assert!(refused.contains(what), "{what}: {refused}");
        }
    }

    fn escape(text: &str) -> String {
        text.encode_utf16()
            .map(|unit| format!("_x{unit:04X}_"))
            .collect()
    }

    proptest! {
        #[test]
        fn every_text_survives_its_escapes(text in "\\PC{0,30}|[_x0-9A-F\r\n\t]{0,30}") {
            prop_assert_eq!(unescape(&escape(&text)), Some(text.clone()));
            let partly = text.replace("_x", "_x005F_x").replace('\r', "_x000D_").replace('\n', "_x000A_");
            prop_assert_eq!(unescape(&partly), Some(text));
        }

        #[test]
        fn no_document_makes_it_panic(content in "(<(Obj|LST|MS|S|Ref) (N|RefId)=\"[ab]\">|</(Obj|LST|MS|S|Ref)>|_x00[4D]|a){0,12}") {
            let _ = read(&document(&content));
        }
    }
}
