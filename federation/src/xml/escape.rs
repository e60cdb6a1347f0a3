//! Escaping as Canonical XML 1.0 section 2.3 prescribes it. It is the same for every consumer, and a parser gives the
//! original back.

/// The first character of `text` that no XML 1.0 document may hold (section 2.2), not even as a reference.
pub(super) fn forbidden(text: &str) -> Option<char> {
    // Nearly all text is plain ASCII; bytes are quicker to look through than characters.
    if text.bytes().all(|byte| (0x20..0x80).contains(&byte)) {
        return None;
    }
    text.chars().find(|&character| {
        matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
    })
}

/// Appends `text` as character data.
pub(super) fn push_text(out: &mut String, text: &str) {
    push(out, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

/// Appends `text` as an attribute's value, without its quotes.
pub(crate) fn push_attribute(out: &mut String, text: &str) {
    push(out, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

/// Only ASCII characters are ever replaced, so looking at bytes cannot split a character.
fn push(out: &mut String, text: &str, replacement: impl Fn(u8) -> Option<&'static str>) {
    let mut rest = text;
    while let Some((at, new)) = rest
        .bytes()
        .enumerate()
        .find_map(|(at, byte)| replacement(byte).map(|new| (at, new)))
    {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        out.push_str(new);
        rest = tail.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped_as_canonical_xml_says() {
        let all = "é&<>\"'\t\n\r!";
        let mut text = String::new();
        push_text(&mut text, all);
        assert_eq!(text, "é&amp;&lt;&gt;\"'\t\n&#xD;!");
        let mut attribute = String::new();
        push_attribute(&mut attribute, all);
        assert_eq!(attribute, "é&amp;&lt;>&quot;'&#x9;&#xA;&#xD;!");
    }

    #[test]
    fn characters_that_xml_does_not_have_are_found() {
        for bad in [
            '\0', '\u{1}', '\u{8}', '\u{b}', '\u{c}', '\u{e}', '\u{1f}', '\u{fffe}', '\u{ffff}',
        ] {
            assert_eq!(forbidden(&format!("é{bad}")), Some(bad));
        }
        assert_eq!(
            forbidden("\t\n\r \u{7f}\u{85}é\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}"),
            None
        );
    }
}
