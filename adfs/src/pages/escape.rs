//! Escaping of an attribute value that must come back byte for byte.

use std::fmt;

use askama::filters::HtmlSafe;

/// Text for a double-quoted HTML attribute.
///
/// Named references, because public command-line clients unescape only those, and numeric ones for tab, line feed
/// and carriage return, which a browser would otherwise normalise (HTML 13.2.3.5).
#[derive(Debug, Clone, Copy)]
pub struct Attribute<'a>(pub &'a str);

impl HtmlSafe for Attribute<'_> {}

impl fmt::Display for Attribute<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\t', '\n', '\r']) {
            let (plain, special) = rest.split_at(at);
            out.write_str(plain)?;
            let mut characters = special.chars();
            out.write_str(match characters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                Some('\t') => "&#9;",
                Some('\n') => "&#10;",
                _ => "&#13;",
            })?;
            rest = characters.as_str();
        }
        out.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::Attribute;

    #[test]
    fn every_character_that_a_browser_would_change_is_written_as_a_reference() {
        let written = Attribute("a&b<c>\"d'\r\n\té").to_string();
        assert_eq!(written, "a&amp;b&lt;c&gt;&quot;d'&#13;&#10;&#9;é");
    }
}
