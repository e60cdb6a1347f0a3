//! Names of elements and attributes.

/// A namespace together with the prefix that we write for it; an empty prefix makes it the default namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Namespace {
    pub(super) prefix: &'static str,
    pub(super) uri: &'static str,
}

impl Namespace {
    /// A namespace. `prefix` is an NCName or empty.
    pub const fn new(prefix: &'static str, uri: &'static str) -> Namespace {
        Namespace { prefix, uri }
    }

    /// An element or attribute name in it.
    pub const fn name(self, local: &'static str) -> Name {
        Name {
            namespace: self,
            local,
        }
    }

    /// The same namespace, written as the default one.
    pub const fn unprefixed(self) -> Namespace {
        Namespace {
            prefix: "",
            uri: self.uri,
        }
    }

    /// The prefix that we write for it.
    pub const fn prefix(self) -> &'static str {
        self.prefix
    }

    /// Its identifier.
    pub const fn uri(self) -> &'static str {
        self.uri
    }
}

/// An element's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name {
    pub(super) namespace: Namespace,
    pub(super) local: &'static str,
}

impl Name {
    /// Its namespace.
    pub const fn namespace(self) -> Namespace {
        self.namespace
    }

    /// Its local part.
    pub const fn local(self) -> &'static str {
        self.local
    }
}

/// One attribute of an element that is being written.
#[derive(Debug, Clone, Copy)]
pub struct Attribute<'a> {
    pub(super) name: AttributeName,
    pub(super) value: Value<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AttributeName {
    pub(super) namespace: Option<Namespace>,
    pub(super) local: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    QName {
        prefix: &'static str,
        uri: &'a str,
        local: &'a str,
    },
}

impl<'a> Attribute<'a> {
    /// An attribute in no namespace, as most are.
    pub const fn new(local: &'static str, value: &'a str) -> Attribute<'a> {
        Attribute {
            name: AttributeName {
                namespace: None,
                local,
            },
            value: Value::Text(value),
        }
    }

    /// An attribute in a namespace, which must have a prefix.
    pub const fn qualified(name: Name, value: &'a str) -> Attribute<'a> {
        Attribute {
            name: AttributeName {
                namespace: Some(name.namespace),
                local: name.local,
            },
            value: Value::Text(value),
        }
    }

    /// An attribute whose value is itself a qualified name, such as `xsi:type`. The value's prefix is declared beside
    /// it, if it must be.
    pub const fn qname(
        name: Name,
        prefix: &'static str,
        uri: &'a str,
        local: &'a str,
    ) -> Attribute<'a> {
        Attribute {
            name: AttributeName {
                namespace: Some(name.namespace),
                local: name.local,
            },
            value: Value::QName { prefix, uri, local },
        }
    }
}

impl AttributeName {
    /// The order of attributes in canonical XML 1.0 (section 2.3): by namespace URI, then by local name.
    pub(super) fn order(&self) -> (&'static str, &'static str) {
        (
            self.namespace.map_or("", |namespace| namespace.uri),
            self.local,
        )
    }
}

/// Whether `text` is an NCName of Namespaces in XML 1.0, of ASCII letters, digits, `.`, `-` and `_` alone. Ids and type
/// names in our formats need no more, and a narrower set cannot be misread.
pub fn is_ncname(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ncnames_start_with_a_letter_or_underscore() {
        for good in ["a", "_1", "date-Time.2_x"] {
            assert!(is_ncname(good), "{good}");
        }
        for bad in ["", "1a", "-a", "a b", "a:b", "é", "a>"] {
            assert!(!is_ncname(bad), "{bad}");
        }
    }
}
