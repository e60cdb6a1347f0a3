//! Entries as a search returns them.

use ldap3::asn1::{PL, StructureTag, TagClass};

/// SearchResultEntry (RFC 4511 section 4.5.2).
const SEARCH_RESULT_ENTRY: u64 = 4;
/// A larger entry is taken for a fault; the largest real values, photographs, are not asked for.
const MAX_OCTETS: usize = 2 * 1024 * 1024;

/// An entry: its name and the attributes that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    dn: String,
    attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// Reads what came over the wire; `None` when it is not as RFC 4511 says, or too large.
    ///
    /// The client library's own reader ends the program on such input.
    pub(super) fn read(tag: StructureTag) -> Option<Entry> {
        if tag.class != TagClass::Application || tag.id != SEARCH_RESULT_ENTRY {
            return None;
        }
        let [name, attributes] = constructed(tag)?.try_into().ok()?;
        let dn = text(name)?;
        let mut size = 0;
        let attributes: Option<Vec<(String, Vec<Vec<u8>>)>> = constructed(attributes)?
            .into_iter()
            .map(|attribute| {
                let [name, values] = constructed(attribute)?.try_into().ok()?;
                let values: Vec<Vec<u8>> = constructed(values)?
                    .into_iter()
                    .map(primitive)
                    .collect::<Option<_>>()?;
                size += values.iter().map(Vec::len).sum::<usize>();
                Some((text(name)?, values))
            })
            .collect();
        (size <= MAX_OCTETS).then_some(Entry {
            dn,
            attributes: attributes?,
        })
    }

    /// Distinguished name.
    pub fn dn(&self) -> &str {
        &self.dn
    }

    /// The values of an attribute as octets, whatever the case of its name; none when it is absent.
    pub fn octets(&self, attribute: &str) -> &[Vec<u8>] {
        let found = self
            .attributes
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(attribute));
        found
            .map(|(_, values)| values.as_slice())
            .unwrap_or_default()
    }

    /// The values that are text.
    pub fn texts(&self, attribute: &str) -> impl Iterator<Item = &str> {
        self.octets(attribute)
            .iter()
            .filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// The first value, when it is text.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        std::str::from_utf8(self.octets(attribute).first()?).ok()
    }

    #[cfg(test)]
    pub(super) fn of(dn: &str, attributes: &[(&str, &[u8])]) -> Entry {
        let attributes = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), vec![value.to_vec()]));
        Entry {
            dn: dn.to_owned(),
            attributes: attributes.collect(),
        }
    }
}

fn constructed(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(children) => Some(children),
        PL::P(_) => None,
    }
}

fn primitive(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(octets) => Some(octets),
        PL::C(_) => None,
    }
}

fn text(tag: StructureTag) -> Option<String> {
    String::from_utf8(primitive(tag)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(value: &[u8]) -> StructureTag {
        StructureTag {
            class: TagClass::Universal,
            id: 4,
            payload: PL::P(value.to_vec()),
        }
    }

    fn sequence(children: Vec<StructureTag>) -> StructureTag {
        StructureTag {
            class: TagClass::Universal,
            id: 16,
            payload: PL::C(children),
        }
    }

    fn result(children: Vec<StructureTag>) -> StructureTag {
        StructureTag {
            class: TagClass::Application,
            id: 4,
            payload: PL::C(children),
        }
    }

    #[test]
    fn an_entry_is_read() {
        let guid = sequence(vec![
            octets(b"objectGUID"),
            sequence(vec![octets(&[255, 0])]),
        ]);
        let mail = sequence(vec![
            octets(b"mail"),
            sequence(vec![octets(b"a@b"), octets(&[255]), octets(b"c@d")]),
        ]);
        let entry = Entry::read(result(vec![octets(b"CN=a"), sequence(vec![guid, mail])]))
            .expect("an entry");
        assert_eq!(entry.dn(), "CN=a");
        assert_eq!(entry.octets("OBJECTguid"), [vec![255, 0]]);
        assert_eq!(entry.text("objectGUID"), None);
        assert_eq!(entry.text("mail"), Some("a@b"));
        assert_eq!(entry.texts("Mail").collect::<Vec<_>>(), ["a@b", "c@d"]);
        assert!(entry.octets("absent").is_empty());
    }

    #[test]
    fn what_is_no_entry_is_refused_without_a_panic() {
        let large = sequence(vec![
            octets(b"photo"),
            sequence(vec![octets(&vec![0; MAX_OCTETS + 1])]),
        ]);
        for broken in [
            octets(b""),
            result(vec![]),
            result(vec![octets(b"CN=a")]),
            result(vec![octets(&[255]), sequence(vec![])]),
            result(vec![sequence(vec![]), sequence(vec![])]),
            result(vec![octets(b"CN=a"), octets(b"")]),
            result(vec![octets(b"CN=a"), sequence(vec![octets(b"mail")])]),
            result(vec![
                octets(b"CN=a"),
                sequence(vec![sequence(vec![octets(b"mail")])]),
            ]),
            result(vec![
                octets(b"CN=a"),
                sequence(vec![sequence(vec![octets(b"mail"), octets(b"a")])]),
            ]),
            result(vec![octets(b"CN=a"), sequence(vec![large])]),
        ] {
            assert_eq!(Entry::read(broken), None);
        }
    }
}
