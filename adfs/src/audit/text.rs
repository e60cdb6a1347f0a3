//! Text from outside, made harmless for logs (spec security LOG-1).

use std::fmt::{self, Write as _};

/// Characters of one text that are shown.
const MAX_CHARACTERS: usize = 256;

/// Shows a text on one line: at most 256 characters, and those that could break the line, drive a terminal or reorder
/// what is read are written as `\u{..}`.
#[derive(Debug, Clone, Copy)]
pub struct Clean<'a>(pub &'a str);

impl fmt::Display for Clean<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shown, character) in self.0.chars().enumerate() {
            if shown >= MAX_CHARACTERS {
                return formatter.write_str("...");
            }
            if is_dangerous(character) {
                write!(formatter, "{}", character.escape_unicode())?;
            } else {
                formatter.write_char(character)?;
            }
        }
        Ok(())
    }
}

fn is_dangerous(character: char) -> bool {
    // Controls of every kind; line and paragraph separators; marks, embeddings, overrides and isolates of direction;
    // characters without a width; and the code points that are no characters, which XML does not have either.
    character.is_control()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{061c}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_forge_a_record_is_escaped_and_the_rest_is_kept() {
        for (text, clean) in [
            ("", ""),
            (r"CONTOSO\o'brien", r"CONTOSO\o'brien"),
            ("Zoë Müller 東京", "Zoë Müller 東京"),
            ("a\r\nb", r"a\u{d}\u{a}b"),
            ("\x1b[31m", r"\u{1b}[31m"),
            ("a\u{85}b\u{2028}c", r"a\u{85}b\u{2028}c"),
            ("\u{202e}gpj.exe", r"\u{202e}gpj.exe"),
            ("\0", r"\u{0}"),
        ] {
            assert_eq!(Clean(text).to_string(), clean);
        }
        let long = "é".repeat(300);
        assert_eq!(Clean(&long).to_string(), format!("{}...", "é".repeat(256)));
    }

    proptest! {
        #[test]
        fn a_clean_text_is_one_short_line(text in any::<String>()) {
            let clean = Clean(&text).to_string();
            prop_assert!(!clean.chars().any(|c| c.is_control() || is_dangerous(c)));
            let longest_escape = r"\u{10ffff}".len();
            prop_assert!(clean.chars().count() <= MAX_CHARACTERS * longest_escape + 3);
        }
    }
}
