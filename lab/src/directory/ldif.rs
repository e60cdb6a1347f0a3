//! Reads LDIF content records (RFC 2849): folding, comments, base64 values. Change records and values by URL are
//! refused, since a fixture that fetches or edits something is not a fixture.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest text accepted, in bytes.
const MAX_TEXT: usize = 16 * 1024 * 1024;
/// The longest logical line accepted, in bytes after unfolding.
const MAX_LINE: usize = 1024 * 1024;
/// The largest number of records in one text.
const MAX_RECORDS: usize = 100_000;
/// The largest number of attribute values in one record.
const MAX_VALUES: usize = 20_000;

/// One entry of an LDIF text, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// The distinguished name, in RFC 4514 text form.
    pub(super) dn: String,
    /// The line of the `dn:` line, counted from 1; for messages.
    pub(super) line: usize,
    /// Attribute descriptions and their raw values, in the order of the text.
    pub(super) attributes: Vec<(String, Vec<u8>)>,
}

/// Why an LDIF text was refused. Every message names the line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LdifError {
    /// The text as a whole is over the limit.
    #[error("LDIF text of {0} bytes: at most {MAX_TEXT} are read; split the file")]
    TooLong(usize),
    /// One logical line is over the limit.
    #[error("LDIF line {0}: longer than {MAX_LINE} bytes after unfolding; shorten the value")]
    LineTooLong(usize),
    /// More records or values than the limits allow.
    #[error(
        "LDIF line {0}: more than {MAX_RECORDS} records, or {MAX_VALUES} values in one; split it"
    )]
    TooMany(usize),
    /// A line that starts with a space has no line to continue.
    #[error("LDIF line {0}: a continuation line with nothing before it; remove the leading space")]
    LooseContinuation(usize),
    /// The line has no colon, or no valid attribute description before it.
    #[error("LDIF line {0}: expected `attribute: value` or `attribute:: base64`")]
    Syntax(usize),
    /// A record does not begin with `dn:`.
    #[error("LDIF line {0}: a record must begin with `dn:`")]
    NoDn(usize),
    /// A record names an entry and gives it no attribute.
    #[error("LDIF line {0}: the entry has no attributes")]
    Empty(usize),
    /// The value after `::` is not base64.
    #[error("LDIF line {0}: the value after `::` is not base64")]
    Base64(usize),
    /// A value outside RFC 2849's SAFE-STRING was not written as base64.
    #[error(
        "LDIF line {0}: the value is not plain ASCII (or begins with `<` or `:`); write it as base64 after `::`"
    )]
    Unsafe(usize),
    /// The DN is not UTF-8.
    #[error("LDIF line {0}: the distinguished name is not UTF-8")]
    DnEncoding(usize),
    /// A change record, a control or a value by URL.
    #[error("LDIF line {0}: only content records are read, no `changetype`, `control` or `:<`")]
    NotContent(usize),
    /// The file says it is of another version.
    #[error("LDIF line {0}: only `version: 1` is known")]
    Version(usize),
}

struct Line {
    number: usize,
    text: String,
}

/// Reads all content records of `text`.
pub(super) fn parse(text: &str) -> Result<Vec<Record>, LdifError> {
    if text.len() > MAX_TEXT {
        return Err(LdifError::TooLong(text.len()));
    }
    let mut records = Vec::new();
    let mut current: Option<Record> = None;
    let mut first = true;
    for line in unfold(text)? {
        if line.text.is_empty() {
            finish(&mut records, current.take(), line.number)?;
            continue;
        }
        let (name, value) = split(&line)?;
        let version_line = std::mem::take(&mut first) && name.eq_ignore_ascii_case("version");
        if version_line {
            if value != b"1" {
                return Err(LdifError::Version(line.number));
            }
            continue;
        }
        add(&mut current, name, value, line.number)?;
    }
    finish(&mut records, current, 0)?;
    Ok(records)
}

fn add(
    current: &mut Option<Record>,
    name: &str,
    value: Vec<u8>,
    number: usize,
) -> Result<(), LdifError> {
    let is_dn = name.eq_ignore_ascii_case("dn");
    match current {
        None if is_dn => {
            let dn = String::from_utf8(value).map_err(|_| LdifError::DnEncoding(number))?;
            *current = Some(Record {
                dn,
                line: number,
                attributes: Vec::new(),
            });
        }
        None => return Err(LdifError::NoDn(number)),
        Some(_) if is_dn => return Err(LdifError::Syntax(number)),
        Some(_)
            if name.eq_ignore_ascii_case("changetype") || name.eq_ignore_ascii_case("control") =>
        {
            return Err(LdifError::NotContent(number));
        }
        Some(record) if record.attributes.len() >= MAX_VALUES => {
            return Err(LdifError::TooMany(number));
        }
        Some(record) => record.attributes.push((name.to_owned(), value)),
    }
    Ok(())
}

fn finish(
    records: &mut Vec<Record>,
    record: Option<Record>,
    number: usize,
) -> Result<(), LdifError> {
    let Some(record) = record else { return Ok(()) };
    if record.attributes.is_empty() {
        return Err(LdifError::Empty(record.line));
    }
    if records.len() >= MAX_RECORDS {
        return Err(LdifError::TooMany(number));
    }
    records.push(record);
    Ok(())
}

/// Joins continuation lines and drops comments. Blank lines stay, since they end a record.
fn unfold(text: &str) -> Result<Vec<Line>, LdifError> {
    let mut lines: Vec<Line> = Vec::new();
    let mut in_comment = false;
    for (index, raw) in text.split('\n').enumerate() {
        let number = index + 1;
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        if let Some(rest) = raw.strip_prefix(' ') {
            if in_comment {
                continue;
            }
            match lines.last_mut() {
                Some(line) if !line.text.is_empty() => {
                    if line.text.len() + rest.len() > MAX_LINE {
                        return Err(LdifError::LineTooLong(line.number));
                    }
                    line.text.push_str(rest);
                }
                _ => return Err(LdifError::LooseContinuation(number)),
            }
            continue;
        }
        in_comment = raw.starts_with('#');
        if in_comment {
            continue;
        }
        if raw.len() > MAX_LINE {
            return Err(LdifError::LineTooLong(number));
        }
        lines.push(Line {
            number,
            text: raw.to_owned(),
        });
    }
    Ok(lines)
}

fn split(line: &Line) -> Result<(&str, Vec<u8>), LdifError> {
    let (name, rest) = line
        .text
        .split_once(':')
        .ok_or(LdifError::Syntax(line.number))?;
    let valid_name = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';'));
    if !valid_name {
        return Err(LdifError::Syntax(line.number));
    }
    if rest.starts_with('<') {
        return Err(LdifError::NotContent(line.number));
    }
    if let Some(encoded) = rest.strip_prefix(':') {
        let bytes = STANDARD
            .decode(encoded.trim_matches(' '))
            .map_err(|_| LdifError::Base64(line.number))?;
        return Ok((name, bytes));
    }
    let value = rest.trim_start_matches(' ');
    if value.starts_with(['<', ':']) || !value.bytes().all(is_safe) {
        return Err(LdifError::Unsafe(line.number));
    }
    Ok((name, value.as_bytes().to_vec()))
}

/// RFC 2849 SAFE-CHAR.
fn is_safe(byte: u8) -> bool {
    byte.is_ascii() && !matches!(byte, 0 | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(dn: &str, line: usize, attributes: &[(&str, &[u8])]) -> Record {
        let attributes = attributes
            .iter()
            .map(|(n, v)| ((*n).to_owned(), v.to_vec()))
            .collect();
        Record {
            dn: dn.to_owned(),
            line,
            attributes,
        }
    }

    #[test]
    fn reads_comments_folding_base64_and_both_line_ends() {
        let text = "version: 1\r\n# a comment\r\n  that goes on\r\ndn: cn=a,dc=t\r\ncn: a\r\ndescription: one\r\n  two\r\n\r\n\r\ndn:: Y249w6ksZGM9dA==\nobjectGUID:: AAEC/w==\nempty:\n";
        let read = parse(text).unwrap();
        assert_eq!(
            read,
            vec![
                record("cn=a,dc=t", 4, &[("cn", b"a"), ("description", b"one two")]),
                record(
                    "cn=é,dc=t",
                    10,
                    &[("objectGUID", &[0, 1, 2, 255]), ("empty", b"")]
                ),
            ]
        );
    }

    #[test]
    fn refuses_what_is_not_a_content_record() {
        let cases: &[(&str, LdifError)] = &[
            ("cn: a\n", LdifError::NoDn(1)),
            (" cn: a\n", LdifError::LooseContinuation(1)),
            ("dn: cn=a\n\n cn: a\n", LdifError::Empty(1)),
            ("dn: cn=a\n", LdifError::Empty(1)),
            ("dn: cn=a\nno colon\n", LdifError::Syntax(2)),
            ("dn: cn=a\ndn: cn=b\n", LdifError::Syntax(2)),
            ("dn: cn=a\nc n: b\n", LdifError::Syntax(2)),
            ("dn: cn=a\ncn:: %%%\n", LdifError::Base64(2)),
            ("dn: cn=a\ncn: é\n", LdifError::Unsafe(2)),
            ("dn: cn=a\ncn: <file\n", LdifError::Unsafe(2)),
            (
                "dn: cn=a\ncn:< file:///etc/passwd\n",
                LdifError::NotContent(2),
            ),
            ("dn: cn=a\nchangetype: delete\n", LdifError::NotContent(2)),
            ("version: 2\n", LdifError::Version(1)),
            ("dn:: /w==\n", LdifError::DnEncoding(1)),
        ];
        for (text, expected) in cases {
            match parse(text) {
                Err(error) if matches!(expected, LdifError::Empty(_)) => {
                    assert!(
                        matches!(error, LdifError::Empty(_) | LdifError::LooseContinuation(_)),
                        "{text:?}: {error}"
                    );
                }
                other => assert_eq!(other.unwrap_err(), *expected, "{text:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,400}") {
            let _ = parse(&text);
        }

        #[test]
        fn never_panics_on_things_like_ldif(
            text in "(dn|cn|version|#|-| |changetype)?(:|::|:<)?[ a-zA-Z0-9+/=,é\r\n]{0,60}(\n.{0,40}){0,6}"
        ) {
            let _ = parse(&text);
        }

        #[test]
        fn every_value_survives_base64_and_any_folding(
            values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..6),
            fold in 1usize..20,
        ) {
            let mut text = String::from("dn: cn=a\n");
            for value in &values {
                let line = format!("v:: {}", STANDARD.encode(value));
                let chars: Vec<char> = line.chars().collect();
                let pieces: Vec<String> = chars.chunks(fold).map(|c| c.iter().collect()).collect();
                text.push_str(&pieces.join("\n "));
                text.push('\n');
            }
            let read = parse(&text).unwrap();
            let got: Vec<Vec<u8>> = read[0].attributes.iter().map(|(_, v)| v.clone()).collect();
            prop_assert_eq!(got, values);
        }
    }
}
