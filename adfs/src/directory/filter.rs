//! Search filters (RFC 4515), built from parts of which no value can become syntax.

use std::fmt::Write;

use super::DirectoryError;

/// A longer filter is a mistake.
const MAX_OCTETS: usize = 16 * 1024;
/// Deeper ones could exhaust the stack of whoever parses them.
const MAX_DEPTH: usize = 32;

/// A filter that can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter(String);

impl Filter {
    /// `attribute` has `value`. Every octet that is not a plain letter or digit is escaped.
    pub(super) fn equal(attribute: &str, value: &[u8]) -> Filter {
        let mut text = String::with_capacity(attribute.len() + value.len() * 3 + 3);
        text.push('(');
        text.push_str(attribute);
        text.push('=');
        for octet in value {
            match octet {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'@' => {
                    text.push(char::from(*octet))
                }
                // Writing to a string cannot fail.
                other => {
                    let _ = write!(text, "\\{other:02x}");
                }
            }
        }
        text.push(')');
        Filter(text)
    }

    /// Both.
    pub(super) fn and(self, other: &Filter) -> Filter {
        Filter(format!("(&{}{})", other.0, self.0))
    }

    /// A text that was escaped by whoever made it; its outer parentheses may be missing.
    ///
    /// # Errors
    /// [`DirectoryError::Filter`].
    pub(super) fn parse(text: &str) -> Result<Filter, DirectoryError> {
        let refusal = || DirectoryError::Filter(text.chars().take(200).collect());
        let text = text.trim();
        if text.len() > MAX_OCTETS || depth(text) > MAX_DEPTH || text.contains('\0') {
            return Err(refusal());
        }
        let whole = if text.starts_with('(') {
            text.to_owned()
        } else {
            format!("({text})")
        };
        match ldap3::parse_filter(&whole) {
            Ok(_) => Ok(Filter(whole)),
            Err(_) => Err(refusal()),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `name` is an attribute description that can be asked for (RFC 4512 section 2.5).
pub(super) fn is_attribute(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b';' | b'.' | b'_');
    !name.is_empty() && name.len() <= 256 && name.bytes().all(fits)
}

fn depth(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => (),
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use ldap3::asn1::Tag;
    use proptest::prelude::*;

    use super::*;

    /// What ldap3 reads, as the attribute and value of an equality match.
    fn equality(filter: &Filter) -> Option<(Vec<u8>, Vec<u8>)> {
        let structure = match ldap3::parse_filter(filter.as_str()).ok()? {
            Tag::Sequence(sequence) if sequence.id == 3 => sequence.inner,
            _ => return None,
        };
        let mut octets = structure.into_iter().map(|tag| match tag {
            Tag::OctetString(octets) => octets.inner,
            other => panic!("{other:?}"),
        });
        Some((octets.next()?, octets.next()?))
    }

    #[test]
    fn syntax_in_a_value_stays_a_value() {
        assert_eq!(
            Filter::equal("mail", b"*)(uid=*\0").as_str(),
            "(mail=\\2a\\29\\28uid\\3d\\2a\\00)"
        );
        let filter = Filter::equal("a", b"b").and(&Filter::equal("c", b"d"));
        assert_eq!(filter.as_str(), "(&(c=d)(a=b))");
    }

    #[test]
    fn texts_are_checked() {
        assert_eq!(
            Filter::parse(" mail=a ").expect("a filter").as_str(),
            "(mail=a)"
        );
        assert!(Filter::parse("(&(mail=a)(title=b))").is_ok());
        assert!(Filter::parse("(member:1.2.840.113556.1.4.1941:=cn=a,dc=b)").is_ok());
        let deep = format!("{}(a=b){}", "(!".repeat(100_000), ")".repeat(100_000));
        for broken in [
            "",
            "()",
            "mail",
            "(mail=a",
            "(mail=a))",
            "(a=\\zz)",
            &deep,
            &"(!".repeat(40),
        ] {
            assert!(Filter::parse(broken).is_err(), "{broken:.40}");
        }
    }

    #[test]
    fn attribute_names() {
        for name in ["mail", "ms-ds-consistencyguid", "member;range=0", "1.2.3"] {
            assert_eq!(is_attribute(name), !name.contains('='), "{name}");
        }
        for name in ["", "a b", "a)", "*", "+", "tokenGroups(SID)", "é"] {
            assert!(!is_attribute(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_value_comes_back_whole(value in proptest::collection::vec(any::<u8>(), 1..60)) {
            let read = equality(&Filter::equal("sAMAccountName", &value));
            prop_assert_eq!(read, Some((b"sAMAccountName".to_vec(), value)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[()&|!a=*\\\\:;, ]{0,60}") {
            let _ = Filter::parse(&text);
        }
    }
}
