//! The one normalised form of a request target, used for the decision and for what is forwarded (spec security PRX-10,
//! PRX-11).

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;
use thiserror::Error;

/// Why a target is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TargetError {
    /// Not a path.
    #[error("the request target is not a path")]
    NotAPath,
    /// `%` without two hexadecimal digits.
    #[error("a percent escape is malformed")]
    Escape,
    /// What the bytes mean depends on who reads them.
    #[error(
        "a path segment has an encoded slash, a backslash, a control character or text that is not UTF-8"
    )]
    Ambiguous,
    /// `.` and `..` in whatever spelling.
    #[error("the path has a dot segment")]
    DotSegment,
    /// `//`.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// The query has a control character or a blank.
    #[error("the query has a character that must be encoded")]
    Query,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    /// Decoded and in lower case: what is compared.
    key: String,
    /// Canonical escapes: what is forwarded.
    encoded: String,
}

/// Path and query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    segments: Vec<Segment>,
    ends_in_slash: bool,
    query: Option<String>,
}

impl Target {
    /// Reads an origin-form target, split at its first `?`.
    ///
    /// # Errors
    /// When two readers could take it for different things.
    pub fn parse(path: &str, query: Option<&str>) -> Result<Target, TargetError> {
        let rest = path.strip_prefix('/').ok_or(TargetError::NotAPath)?;
        let mut pieces: Vec<&str> = rest.split('/').collect();
        let ends_in_slash = pieces.last().is_some_and(|last| last.is_empty());
        if ends_in_slash {
            pieces.pop();
        }
        let segments = pieces
            .into_iter()
            .map(Segment::parse)
            .collect::<Result<_, _>>()?;
        let plain = |byte: u8| (0x21..=0x7e).contains(&byte) && byte != b'#';
        if query.is_some_and(|query| !query.bytes().all(plain)) {
            return Err(TargetError::Query);
        }
        Ok(Target {
            segments,
            ends_in_slash,
            query: query.map(str::to_owned),
        })
    }

    /// The path in normalised form.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            path.push_str(&segment.encoded);
        }
        if self.ends_in_slash || self.segments.is_empty() {
            path.push('/');
        }
        path
    }

    /// Path and query in normalised form.
    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path()),
            None => self.path(),
        }
    }

    /// How many segments of this path `prefix` covers, when this path is equal to it or below it. Case does not count.
    pub fn below(&self, prefix: &Target) -> Option<usize> {
        let mut own = self.segments.iter().map(|segment| &segment.key);
        let covered = prefix
            .segments
            .iter()
            .all(|segment| own.next() == Some(&segment.key));
        covered.then_some(prefix.segments.len())
    }

    /// This target with its first `covered` segments replaced by those of `onto`.
    pub fn moved(&self, covered: usize, onto: &Target) -> Target {
        let rest = self.segments.iter().skip(covered);
        Target {
            segments: onto.segments.iter().chain(rest).cloned().collect(),
            ends_in_slash: self.ends_in_slash,
            query: self.query.clone(),
        }
    }

    /// Whether paths are the same, case aside.
    pub fn same_path(&self, other: &Target) -> bool {
        self.segments.len() == other.segments.len() && self.below(other).is_some()
    }
}

impl Segment {
    fn parse(raw: &str) -> Result<Segment, TargetError> {
        if raw.is_empty() {
            return Err(TargetError::EmptySegment);
        }
        let mut octets = Vec::with_capacity(raw.len());
        let mut encoded = String::with_capacity(raw.len());
        let mut bytes = raw.bytes();
        while let Some(byte) = bytes.next() {
            if byte == b'%' {
                let octet = escape(bytes.next(), bytes.next())?;
                octets.push(octet);
                if is_unreserved(octet) {
                    encoded.push(char::from(octet))
                } else {
                    push_escape(&mut encoded, octet)
                }
            } else {
                octets.push(byte);
                if is_segment_character(byte) {
                    encoded.push(char::from(byte))
                } else {
                    push_escape(&mut encoded, byte)
                }
            }
        }
        let text = String::from_utf8(octets).map_err(|_| TargetError::Ambiguous)?;
        refuse_ambiguity(&text)?;
        Ok(Segment {
            key: text.to_lowercase(),
            encoded,
        })
    }
}

/// Decodes again, as a careless reader behind us may, and refuses what would then be something else.
fn refuse_ambiguity(decoded: &str) -> Result<(), TargetError> {
    let mut text = decoded.to_owned();
    // Each round takes at least two characters away; a segment that needs more rounds means no good.
    for _ in 0..4 {
        if text
            .chars()
            .any(|c| matches!(c, '/' | '\\') || c.is_control())
        {
            return Err(TargetError::Ambiguous);
        }
        // Some servers cut parameters off before they look for dot segments.
        let bare = text.split(';').next().unwrap_or_default().trim();
        if matches!(bare, "." | "..") {
            return Err(TargetError::DotSegment);
        }
        let again = percent_decode_str(&text)
            .decode_utf8()
            .map_err(|_| TargetError::Ambiguous)?;
        if again == text {
            return Ok(());
        }
        text = again.into_owned();
    }
    Err(TargetError::Ambiguous)
}

fn escape(high: Option<u8>, low: Option<u8>) -> Result<u8, TargetError> {
    let digit = |byte: Option<u8>| {
        byte.and_then(|byte| char::from(byte).to_digit(16))
            .ok_or(TargetError::Escape)
    };
    let value = digit(high)? * 16 + digit(low)?;
    u8::try_from(value).map_err(|_| TargetError::Escape)
}

fn push_escape(text: &mut String, octet: u8) {
    // Writing to a String cannot fail.
    let _ = write!(text, "%{octet:02X}");
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// `pchar` of RFC 3986 section 3.3, without the escape.
fn is_segment_character(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(text: &str) -> Result<Target, TargetError> {
        match text.split_once('?') {
            Some((path, query)) => Target::parse(path, Some(query)),
            None => Target::parse(text, None),
        }
    }

    #[test]
    fn one_form_for_every_spelling() {
        for (given, normal) in [
            ("/", "/"),
            ("/adfs/ls", "/adfs/ls"),
            ("/adfs/ls/", "/adfs/ls/"),
            (
                "/%61dfs/l%73/?wa=wsignin1.0&x=%2e%2e/%2f",
                "/adfs/ls/?wa=wsignin1.0&x=%2e%2e/%2f",
            ),
            ("/a%2bb+c", "/a%2Bb+c"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/café", "/caf%C3%A9"),
            ("/a%20b", "/a%20b"),
            ("/a|b^c\"d", "/a%7Cb%5Ec%22d"),
            ("/100%25", "/100%25"),
            ("/a..b/...", "/a..b/..."),
            ("/;v=1", "/;v=1"),
            ("/a?", "/a?"),
            ("/a?b?c", "/a?b?c"),
        ] {
            let parsed = target(given).unwrap();
            assert_eq!(parsed.path_and_query(), normal, "{given}");
            assert_eq!(target(normal).unwrap(), parsed, "{given}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        use TargetError::*;
        for (given, expected) in [
            ("", NotAPath),
            ("*", NotAPath),
            ("adfs/ls", NotAPath),
            ("http://sts/adfs", NotAPath),
            ("//adfs/ls", EmptySegment),
            ("/adfs//ls", EmptySegment),
            ("/adfs/ls//", EmptySegment),
            ("/%", Escape),
            ("/%2", Escape),
            ("/%zz", Escape),
            ("/%u0041", Escape),
            ("/a%2fb", Ambiguous),
            ("/a%5Cb", Ambiguous),
            ("/a\\b", Ambiguous),
            ("/a%00", Ambiguous),
            ("/a%0d%0a", Ambiguous),
            ("/a%7f", Ambiguous),
            ("/%c0%ae%c0%ae", Ambiguous),
            ("/%ff", Ambiguous),
            ("/a%252fb", Ambiguous),
            ("/a%25252fb", Ambiguous),
            ("/%25255c", Ambiguous),
            ("/./adfs", DotSegment),
            ("/adfs/../x", DotSegment),
            ("/adfs/..", DotSegment),
            ("/adfs/%2e%2E/x", DotSegment),
            ("/adfs/.%2e", DotSegment),
            ("/adfs/%252e%252e/x", DotSegment),
            ("/adfs/..;/x", DotSegment),
            ("/adfs/..;a=b", DotSegment),
            ("/adfs/..%3bx", DotSegment),
            ("/adfs/..%20/x", DotSegment),
            ("/a?b c", Query),
            ("/a?b\0", Query),
            ("/a?b#c", Query),
            ("/a?é", Query),
        ] {
            assert_eq!(target(given), Err(expected), "{given}");
        }
    }

    #[test]
    fn prefixes_end_on_segments_and_case_does_not_count() {
        let prefix = target("/adfs/ls/").unwrap();
        for (path, covered) in [
            ("/adfs/ls", Some(2)),
            ("/ADFS/Ls/", Some(2)),
            ("/%41dfs/ls/x", Some(2)),
            ("/adfs/lsx", None),
            ("/adfs", None),
            ("/", None),
        ] {
            assert_eq!(target(path).unwrap().below(&prefix), covered, "{path}");
        }
        assert_eq!(target("/x").unwrap().below(&target("/").unwrap()), Some(0));
    }

    #[test]
    fn a_path_moves_with_its_rest_and_its_last_slash() {
        let onto = target("/adfs/services/trust/proxymex").unwrap();
        for (path, moved) in [
            ("/adfs/services/trust/mex", "/adfs/services/trust/proxymex"),
            (
                "/adfs/services/trust/MEX/",
                "/adfs/services/trust/proxymex/",
            ),
            (
                "/adfs/services/trust/mex/A?b",
                "/adfs/services/trust/proxymex/A?b",
            ),
        ] {
            assert_eq!(
                target(path).unwrap().moved(4, &onto).path_and_query(),
                moved
            );
        }
    }

    proptest! {
        #[test]
        fn the_normal_form_is_stable_and_harmless(text in "/?([a-zA-Z0-9%./\\\\;~ é]|%2[0-9a-fA-F]|%5c|%25){0,24}") {
            if let Ok(parsed) = target(&text) {
                let normal = parsed.path();
                prop_assert!(normal.bytes().all(|byte| (0x21..=0x7e).contains(&byte) && byte != b'\\'));
                let again = Target::parse(&normal, None).unwrap();
                prop_assert_eq!(again.path(), normal.clone());
                prop_assert!(again.same_path(&parsed));
                let decoded = percent_decode_str(&normal).decode_utf8().unwrap().into_owned();
                prop_assert!(!decoded.split('/').any(|segment| segment == "." || segment == ".."));
            }
        }

        #[test]
        fn any_text_is_answered(text in ".{0,60}") {
            let _ = target(&text);
        }
    }
}
