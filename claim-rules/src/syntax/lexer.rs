//! From text to tokens (section 1).

use super::tree::Span;
use crate::diagnostic::{Diagnostic, UNEXPECTED_INPUT};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Text,
    Number,
    Symbol(&'static str),
    /// The lexer cannot go on here.
    Invalid,
    End,
}

impl Kind {
    /// As messages call it.
    pub(super) fn describe(self) -> String {
        match self {
            Kind::Name => "an identifier".to_owned(),
            Kind::Text => "a string in double quotes".to_owned(),
            Kind::Number => "a number".to_owned(),
            Kind::Symbol(symbol) => format!("'{symbol}'"),
            Kind::Invalid => "unexpected input".to_owned(),
            Kind::End => "the end of the rules".to_owned(),
        }
    }
}

/// A token and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    /// As written; of a string without its quotes.
    pub(super) text: &'t str,
    pub(super) span: Span,
}

/// Longest first, so that `=>` is not read as `=` and `>`.
const SYMBOLS: [&str; 23] = [
    "=>", "==", "!=", "=~", "!~", "&&", ">=", "<=", ";", ":", ",", ".", "[", "]", "(", ")", "=",
    "+", ">", "<", "@", "{", "}",
];

/// Cuts `source` into tokens. The last one is `End`, or `Invalid` together with the reason, which is reported when the
/// parser gets there: a mistake further up in the text comes first.
pub(super) fn tokens(source: &str) -> (Vec<Token<'_>>, Option<Diagnostic>) {
    let mut tokens = Vec::new();
    let mut position = if source.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    loop {
        let rest = source.get(position..).unwrap_or_default();
        let Some(first) = rest.chars().next() else {
            tokens.push(Token {
                kind: Kind::End,
                text: "",
                span: Span {
                    start: position,
                    end: position,
                },
            });
            return (tokens, None);
        };
        if matches!(first, ' ' | '\t' | '\r' | '\n') {
            position += 1;
            continue;
        }
        match token(rest, first) {
            Ok((kind, text, length)) => {
                tokens.push(Token {
                    kind,
                    text,
                    span: Span {
                        start: position,
                        end: position + length,
                    },
                });
                position += length;
            }
            Err((message, help)) => {
                let span = Span {
                    start: position,
                    end: position + first.len_utf8(),
                };
                tokens.push(Token {
                    kind: Kind::Invalid,
                    text: "",
                    span,
                });
                let finding =
                    Diagnostic::error(source, span, message).with_inner_code(UNEXPECTED_INPUT);
                return (tokens, Some(finding.with_help(help)));
            }
        }
    }
}

type Problem = (String, &'static str);

fn token(rest: &str, first: char) -> Result<(Kind, &str, usize), Problem> {
    let length_of =
        |accepts: fn(char) -> bool| rest.find(|next: char| !accepts(next)).unwrap_or(rest.len());
    let (kind, length) = match first {
        '"' => return string(rest),
        'a'..='z' | 'A'..='Z' | '_' => (
            Kind::Name,
            length_of(|next| next.is_ascii_alphanumeric() || next == '_'),
        ),
        '0'..='9' => (Kind::Number, length_of(|next| next.is_ascii_digit())),
        _ if rest.starts_with("//") || rest.starts_with("/*") || first == '#' => {
            return Err((
                "unexpected input: the language has no comments".to_owned(),
                "delete the comment, or say it in @RuleName",
            ));
        }
        _ => match SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            Some("{" | "}") | None => return Err(stray(first)),
            Some(symbol) => (Kind::Symbol(symbol), symbol.len()),
        },
    };
    Ok((kind, rest.get(..length).unwrap_or_default(), length))
}

fn string(rest: &str) -> Result<(Kind, &str, usize), Problem> {
    let body = rest.get(1..).unwrap_or_default();
    let end = body.find(['"', '\n', '\r']).unwrap_or(body.len());
    let text = body.get(..end).unwrap_or_default();
    match body.get(end..).and_then(|tail| tail.chars().next()) {
        Some('"') => Ok((Kind::Text, text, end + 2)),
        None => Err((
            "this string has no closing double quote".to_owned(),
            "close it; a backslash does not escape anything in a string",
        )),
        Some(_) => Err((
            "this string is broken by the end of the line".to_owned(),
            "join the lines: consoles wrap long strings when they print rules, so take the text from a file or from JSON",
        )),
    }
}

fn stray(character: char) -> Problem {
    let help = match character {
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{2018}' | '\u{2019}' | '\'' | '`' => {
            "write strings in straight double quotes"
        }
        '&' => "conditions are joined by &&",
        '|' => "there is no OR: write two rules, or use | in a regular expression with =~",
        '!' => "negations are !=, !~ and NOT EXISTS",
        '~' => "regular expressions are compared by =~ and !~",
        '{' | '}' | '$' => "placeholders belong inside a string",
        '\u{a0}' | '\u{feff}' | '\u{200b}' | '\u{2028}' | '\u{2029}' => {
            "replace this invisible character by a blank; it often comes from a web page"
        }
        _ => "delete it",
    };
    let shown = if character.is_control()
        || character.is_whitespace()
        || character == '\u{feff}'
        || character == '\u{200b}'
    {
        format!("U+{:04X}", u32::from(character))
    } else {
        format!("'{character}'")
    };
    (format!("unexpected input {shown}"), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(source: &str) -> Vec<String> {
        let (tokens, _) = tokens(source);
        let shape = |token: &Token<'_>| match token.kind {
            Kind::Symbol(symbol) => symbol.to_owned(),
            kind => format!("{kind:?}({})", token.text),
        };
        tokens.iter().map(shape).collect()
    }

    #[test]
    fn symbols_are_read_longest_first() {
        let source = "Value=~\"x\"=>a=b==c!=d!~e>=1<=2><&&+";
        let expected = [
            "Name(Value)",
            "=~",
            "Text(x)",
            "=>",
            "Name(a)",
            "=",
            "Name(b)",
            "==",
            "Name(c)",
            "!=",
            "Name(d)",
            "!~",
            "Name(e)",
            ">=",
            "Number(1)",
            "<=",
            "Number(2)",
            ">",
            "<",
            "&&",
            "+",
            "End()",
        ];
        assert_eq!(shapes(source), expected);
    }

    #[test]
    fn a_backslash_escapes_nothing() {
        assert_eq!(
            shapes(r#" "^.+\\" "\" "#),
            [r"Text(^.+\\)", r"Text(\)", "End()"]
        );
    }

    #[test]
    fn what_is_no_token_says_why() {
        let cases = [
            ("\u{201c}x\u{201d}", "straight double quotes"),
            ("c || d", "no OR"),
            ("// note", "delete the comment"),
            ("# note", "delete the comment"),
            ("a \u{a0}", "invisible"),
            ("\"abc", "close it"),
            ("\"abc\r\ndef\"", "join the lines"),
            ("{0}", "inside a string"),
        ];
        for (source, help) in cases {
            let finding = tokens(source).1.expect(source);
            assert_eq!(finding.inner_code(), Some("POLICY0029"), "{source}");
            assert!(
                finding.help().is_some_and(|text| text.contains(help)),
                "{source}: {finding}"
            );
        }
    }

    #[test]
    fn a_byte_order_mark_may_stand_first_only() {
        assert_eq!(shapes("\u{feff}a"), ["Name(a)", "End()"]);
        assert_eq!(shapes("a\u{feff}"), ["Name(a)", "Invalid()"]);
    }
}
