//! Entries and their attributes in comparable form.

use super::dn::Dn;
use super::fold::fold;
use super::identifiers::{guid_bytes, sid_bytes};
use super::schema::{AttributeType, Syntax, category_of_class};

/// Says which entry of the tree is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct EntryId(pub(super) usize);

/// What a value is compared by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Text(String),
    Integer(i64),
    Octets(Vec<u8>),
    Name(Dn),
}

/// One value: its bytes on the wire and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) bytes: Vec<u8>,
    pub(super) key: Key,
}

/// One attribute of an entry; it has at least one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) kind: &'static AttributeType,
    pub(super) values: Vec<Value>,
}

/// An entry. Its password is not among the attributes, so that no answer, filter or log line can hold it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) dn: String,
    pub(super) name: Dn,
    pub(super) attributes: Vec<Attribute>,
    pub(super) password: Option<Password>,
}

impl Entry {
    pub(super) fn attribute(&self, kind: &AttributeType) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|attribute| attribute.kind.name == kind.name)
    }

    fn first(&self, name: &str) -> Option<&Value> {
        self.attributes
            .iter()
            .find(|attribute| attribute.kind.name == name)?
            .values
            .first()
    }

    /// The first value of a string attribute, by its lDAPDisplayName.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(&self.first(name)?.bytes).ok()
    }

    /// All values of a string attribute.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let attribute = self
            .attributes
            .iter()
            .find(|attribute| attribute.kind.name == name);
        let values = attribute
            .map(|attribute| attribute.values.as_slice())
            .unwrap_or_default();
        values
            .iter()
            .map(|value| String::from_utf8_lossy(&value.bytes).into_owned())
            .collect()
    }

    /// The first value of a number attribute.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        match self.first(name)?.key {
            Key::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// The first value of a binary attribute.
    pub(super) fn octets(&self, name: &str) -> Option<&[u8]> {
        self.first(name).map(|value| value.bytes.as_slice())
    }

    /// Whether the entry is of a class, `user` for one.
    pub(super) fn has_class(&self, class: &str) -> bool {
        self.texts("objectClass")
            .iter()
            .any(|known| known.eq_ignore_ascii_case(class))
    }
}

/// A password of the lab's directory. It has no `Display`, and its `Debug` shows nothing.
pub(super) struct Password(Vec<u8>);

impl Password {
    pub(super) fn new(bytes: Vec<u8>) -> Password {
        Password(bytes)
    }

    /// Compares in constant time for equal lengths.
    pub(super) fn matches(&self, given: &[u8]) -> bool {
        self.0.len() == given.len() && openssl::memcmp::eq(&self.0, given)
    }

    /// The text, for `lab.json`, which shows everyone's password on purpose.
    pub(super) fn reveal(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

/// The key of a stored value; none when the bytes do not fit the syntax.
pub(super) fn stored_key(syntax: Syntax, bytes: &[u8]) -> Option<Key> {
    match syntax {
        Syntax::Text => std::str::from_utf8(bytes)
            .ok()
            .map(|text| Key::Text(fold(text))),
        Syntax::Integer => std::str::from_utf8(bytes)
            .ok()?
            .parse()
            .ok()
            .map(Key::Integer),
        Syntax::Octets => Some(Key::Octets(bytes.to_vec())),
        Syntax::Guid => (bytes.len() == 16).then(|| Key::Octets(bytes.to_vec())),
        Syntax::Sid => super::identifiers::sid_text(bytes).map(|_| Key::Octets(bytes.to_vec())),
        Syntax::Name => {
            let text = std::str::from_utf8(bytes).ok()?;
            Dn::parse(text).ok().map(Key::Name)
        }
    }
}

/// The key of a value that a client wrote in a filter, which may use the text forms that AD takes for GUIDs, SIDs and
/// object categories. None makes the filter item undefined.
pub(super) fn asserted_key(kind: &AttributeType, bytes: &[u8], suffix: &str) -> Option<Key> {
    let text = std::str::from_utf8(bytes).ok();
    match (kind.syntax, text) {
        (Syntax::Guid, Some(text)) if bytes.len() == 36 => {
            guid_bytes(text).map(|guid| Key::Octets(guid.to_vec()))
        }
        (Syntax::Sid, Some(text)) if text.starts_with(['S', 's']) => {
            sid_bytes(text).map(Key::Octets)
        }
        (Syntax::Name, Some(class)) if kind.name == "objectCategory" && !class.contains('=') => {
            let category = category_of_class(class)?;
            let dn = format!("CN={category},CN=Schema,CN=Configuration,{suffix}");
            Dn::parse(&dn).ok().map(Key::Name)
        }
        _ => stored_key(kind.syntax, bytes),
    }
}
