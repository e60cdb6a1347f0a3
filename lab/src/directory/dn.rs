//! Distinguished names (RFC 4514): reading, comparing and escaping.

use super::fold::fold;

/// The longest distinguished name accepted, in bytes.
const MAX_LENGTH: usize = 8 * 1024;
/// The deepest distinguished name accepted, in relative names.
const MAX_DEPTH: usize = 64;

/// The text is not a distinguished name in RFC 4514 form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a distinguished name in RFC 4514 form; special characters need a backslash before them"
)]
pub struct DnError;

/// A distinguished name in comparable form. The order puts every entry directly before its subtree, so that a subtree is
/// one range of a sorted map.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) struct Dn {
    /// Normal forms of the relative names, root first.
    names: Vec<String>,
}

impl Dn {
    /// Reads RFC 4514 text. The empty text is the root.
    pub(super) fn parse(text: &str) -> Result<Dn, DnError> {
        let mut names = Vec::new();
        for relative_name in relative_names(text)? {
            let mut parts: Vec<String> = relative_name
                .into_iter()
                .map(|(attribute, value)| {
                    format!("{}={}", attribute.to_ascii_lowercase(), fold(&value))
                })
                .collect();
            parts.sort();
            // NUL cannot occur in a value, so joined parts cannot be mistaken for one value.
            names.push(parts.join("\0"));
        }
        names.reverse();
        Ok(Dn { names })
    }

    /// The number of relative names; 0 is the root.
    pub(super) fn depth(&self) -> usize {
        self.names.len()
    }

    /// Whether this is `base` or below it.
    pub(super) fn is_within(&self, base: &Dn) -> bool {
        self.names.starts_with(&base.names)
    }

    /// The name one level up; none for the root.
    pub(super) fn parent(&self) -> Option<Dn> {
        let (_, parent) = self.names.split_last()?;
        Some(Dn {
            names: parent.to_vec(),
        })
    }
}

type RelativeName = Vec<(String, String)>;

/// The attribute and raw value of the leftmost relative name, such as (`CN`, `Alice`).
pub(super) fn leaf(text: &str) -> Result<(String, String), DnError> {
    relative_names(text)?
        .into_iter()
        .next()
        .and_then(|n| n.into_iter().next())
        .ok_or(DnError)
}

/// The relative names of a DN, leaf first, with values unescaped.
fn relative_names(text: &str) -> Result<Vec<RelativeName>, DnError> {
    if text.len() > MAX_LENGTH {
        return Err(DnError);
    }
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut names: Vec<RelativeName> = Vec::new();
    let mut current: RelativeName = Vec::new();
    let mut reader = Reader { rest: text };
    loop {
        current.push(reader.pair()?);
        match reader.next() {
            Some('+') => continue,
            Some(',' | ';') => names.push(std::mem::take(&mut current)),
            None => {
                names.push(current);
                break;
            }
            Some(_) => return Err(DnError),
        }
        if names.len() >= MAX_DEPTH {
            return Err(DnError);
        }
    }
    Ok(names)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        Some(next)
    }

    fn pair(&mut self) -> Result<(String, String), DnError> {
        let (attribute, rest) = self.rest.split_once('=').ok_or(DnError)?;
        let attribute = attribute.trim_matches(' ');
        let valid = attribute.starts_with(|c: char| c.is_ascii_alphanumeric())
            && attribute
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
        if !valid {
            return Err(DnError);
        }
        let attribute = attribute.to_owned();
        self.rest = rest;
        Ok((attribute, self.value()?))
    }

    fn value(&mut self) -> Result<String, DnError> {
        self.rest = self.rest.trim_start_matches(' ');
        let mut bytes: Vec<u8> = Vec::new();
        // Spaces at the end belong to the value only when they were escaped.
        let mut kept = 0;
        while let Some(c) = self.rest.chars().next() {
            match c {
                ',' | ';' | '+' => break,
                '"' | '<' | '>' | '\0' => return Err(DnError),
                // The `#hex` form carries BER, which no attribute of this directory uses in a name.
                '#' if bytes.is_empty() => return Err(DnError),
                '\\' => {
                    self.next();
                    bytes.extend_from_slice(self.escaped()?.as_slice());
                    kept = bytes.len();
                }
                _ => {
                    self.next();
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    if c != ' ' {
                        kept = bytes.len();
                    }
                }
            }
        }
        bytes.truncate(kept);
        let value = String::from_utf8(bytes).map_err(|_| DnError)?;
        if value.is_empty() || value.contains('\0') {
            return Err(DnError);
        }
        Ok(value)
    }

    fn escaped(&mut self) -> Result<Vec<u8>, DnError> {
        let first = self.next().ok_or(DnError)?;
        if let Some(high) = first.to_digit(16) {
            let low = self.next().and_then(|c| c.to_digit(16)).ok_or(DnError)?;
            return u8::try_from(high * 16 + low)
                .map(|b| vec![b])
                .map_err(|_| DnError);
        }
        match first {
            ' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\' => {
                Ok(first.to_string().into_bytes())
            }
            _ => Err(DnError),
        }
    }
}

#[cfg(test)]
pub(super) fn escape(value: &str) -> String {
    let mut escaped = String::new();
    let last = value.chars().count().saturating_sub(1);
    for (index, c) in value.chars().enumerate() {
        let special = matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=')
            || (index == 0 && matches!(c, ' ' | '#'))
            || (index == last && c == ' ');
        if special {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_names_have_equal_forms() {
        let pairs = [
            (
                "CN=Alice,DC=contoso,DC=test",
                "cn=ALICE, dc=contoso ,dc=Test",
            ),
            (r"CN=O'Brien\, Pat,DC=t", r"cn=o'brien\2c pat,dc=t"),
            (r"CN=Zoë,DC=t", r"cn=zo\c3\ab,dc=t"),
            ("A=1+B=2,DC=t", "b=2+a=1,DC=t"),
            (r"CN=a\ ,DC=t", r"cn=a\20,DC=t"),
        ];
        for (left, right) in pairs {
            assert_eq!(Dn::parse(left), Dn::parse(right), "{left} and {right}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_name() {
        for text in [
            "alice", "CN=", "CN=a,", "=a", "CN=a\\", "CN=a\\zz", "CN=\"a\"", "CN=#04", "C N=a",
        ] {
            assert_eq!(Dn::parse(text), Err(DnError), "{text}");
        }
        assert!(Dn::parse(&"DC=a,".repeat(MAX_DEPTH + 1)).is_err());
        assert!(Dn::parse(&format!("CN={}", "a".repeat(MAX_LENGTH))).is_err());
    }

    #[test]
    fn subtree_and_parent() {
        let base = Dn::parse("DC=contoso,DC=test").unwrap();
        let alice = Dn::parse("CN=Alice,DC=contoso,DC=test").unwrap();
        assert!(alice.is_within(&base) && base.is_within(&base) && !base.is_within(&alice));
        assert_eq!(alice.parent(), Some(base));
        assert_eq!(Dn::default().parent(), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,200}") {
            let _ = Dn::parse(&text);
        }

        #[test]
        fn escaped_values_come_back(value in "[^\0]{1,40}") {
            let text = format!("CN={},DC=t", escape(&value));
            prop_assert_eq!(leaf(&text).unwrap(), ("CN".to_owned(), value));
        }
    }
}
