//! What is wrong with a rule text, said so that a person can mend it.

use std::fmt;

use crate::syntax::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The text is no rule set.
    Error,
    /// The text is accepted, but does probably not do what its author thinks.
    Warning,
}

/// Characters of a line that are shown around the marked place.
const SHOWN: usize = 100;

/// One finding in a rule text.
#[derive(Clone, PartialEq, Eq)]
pub struct Diagnostic(Box<Finding>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    severity: Severity,
    code: Option<&'static str>,
    inner_code: Option<&'static str>,
    message: String,
    help: Option<String>,
    span: Span,
    line: usize,
    column: usize,
    source_line: String,
    marked: usize,
}

/// Outer code of every parse error (section 9).
pub(crate) const COULD_NOT_PARSE: &str = "POLICY0002";
/// The lexer met a character that belongs to no token.
pub(crate) const UNEXPECTED_INPUT: &str = "POLICY0029";
/// The parser met a token that cannot stand here.
pub(crate) const SYNTAX_ERROR: &str = "POLICY0030";
/// An action names an identifier that no condition binds.
pub(crate) const UNBOUND_IDENTIFIER: &str = "POLICY0011";

impl Diagnostic {
    fn new(severity: Severity, source: &str, span: Span, message: String) -> Diagnostic {
        let before = source.get(..span.start).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = source.get(line_start..).unwrap_or_default();
        let source_line = rest.split(['\n', '\r']).next().unwrap_or_default();
        let column = before.get(line_start..).unwrap_or_default().chars().count();
        let marked = source
            .get(span.start..span.end)
            .unwrap_or_default()
            .split('\n')
            .next()
            .unwrap_or_default();
        Diagnostic(Box::new(Finding {
            severity,
            code: None,
            inner_code: None,
            message,
            help: None,
            span,
            line: before.matches('\n').count() + 1,
            column,
            source_line: source_line.to_owned(),
            marked: marked.chars().count().max(1),
        }))
    }

    pub(crate) fn error(source: &str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, source, span, message.into()).with_code(COULD_NOT_PARSE)
    }

    pub(crate) fn warning(source: &str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, source, span, message.into())
    }

    pub(crate) fn with_code(mut self, code: &'static str) -> Diagnostic {
        self.0.code = Some(code);
        self
    }

    pub(crate) fn with_inner_code(mut self, code: &'static str) -> Diagnostic {
        self.0.inner_code = Some(code);
        self
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Diagnostic {
        self.0.help = Some(help.into());
        self
    }

    /// Error or warning.
    pub fn severity(&self) -> Severity {
        self.0.severity
    }

    /// AD FS's code of the outer message (section 9); `None` for a warning.
    pub fn code(&self) -> Option<&'static str> {
        self.0.code
    }

    /// AD FS's code of the message quoted inside the outer one, where there is one.
    pub fn inner_code(&self) -> Option<&'static str> {
        self.0.inner_code
    }

    /// What is wrong, without place and remedy.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Line, counted from 1.
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// Column in characters, counted from 0 as AD FS's messages do. Editors, [`Diagnostic::render`] and the plain text
    /// of this error count from 1.
    pub fn column(&self) -> usize {
        self.0.column
    }

    /// Byte range in the rule text.
    pub fn span(&self) -> Span {
        self.0.span
    }

    /// Message, place, source line with a caret, and remedy, over several lines without one at the end. `origin` is
    /// the file, or whatever else tells the reader where the text is.
    pub fn render(&self, origin: &str) -> String {
        let finding = &self.0;
        let word = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let code = finding
            .inner_code
            .or(finding.code)
            .map(|code| format!("[{code}]"))
            .unwrap_or_default();
        let (excerpt, caret_at, carets) = self.excerpt();
        let number = finding.line.to_string();
        let margin = " ".repeat(number.len());
        let mut lines = vec![
            format!("{word}{code}: {}", finding.message),
            format!(
                "{margin}--> {origin}:{}:{}",
                finding.line,
                finding.column + 1
            ),
            format!("{margin} |"),
            format!("{number} | {excerpt}"),
            format!("{margin} | {}{}", " ".repeat(caret_at), "^".repeat(carets)),
        ];
        lines.extend(
            finding
                .help
                .as_ref()
                .map(|help| format!("{margin} = help: {help}")),
        );
        lines.join("\n")
    }

    /// The part of the line around the mark, the mark's position in it, and its length.
    fn excerpt(&self) -> (String, usize, usize) {
        let finding = &self.0;
        let from = if finding.column > SHOWN * 3 / 4 {
            finding.column - SHOWN / 2
        } else {
            0
        };
        let visible = |character: char| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        };
        let mut excerpt: String = finding
            .source_line
            .chars()
            .skip(from)
            .take(SHOWN)
            .map(visible)
            .collect();
        let mut at = finding.column - from;
        if from > 0 {
            excerpt.insert_str(0, "...");
            at += 3;
        }
        let room = excerpt.chars().count().saturating_sub(at).max(1);
        if finding.source_line.chars().count() > from + SHOWN {
            excerpt.push_str("...");
        }
        (excerpt, at, finding.marked.min(room))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finding = &self.0;
        write!(f, "line {}, column {}: ", finding.line, finding.column + 1)?;
        if let Some(code) = finding.inner_code.or(finding.code) {
            write!(f, "{code}: ")?;
        }
        f.write_str(&finding.message)?;
        finding
            .help
            .as_ref()
            .map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Diagnostic {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caret_stands_under_the_place() {
        let source = "c:[]\r\n\t=> oops;\r\n";
        let start = source.find("oops").unwrap();
        let finding = Diagnostic::error(
            source,
            Span {
                start,
                end: start + 4,
            },
            "unexpected 'oops'",
        )
        .with_help("write issue");
        assert_eq!((finding.line(), finding.column()), (2, 4));
        let expected = "error[POLICY0002]: unexpected 'oops'\n --> payroll.rules:2:5\n  |\n2 |  => oops;\n  |     ^^^^\n  = help: write issue";
        assert_eq!(finding.render("payroll.rules"), expected);
        assert_eq!(
            finding.to_string(),
            "line 2, column 5: POLICY0002: unexpected 'oops'; write issue"
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let source = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        let text = Diagnostic::error(
            &source,
            Span {
                start: 500,
                end: 501,
            },
            "here",
        )
        .render("x");
        let lines: Vec<&str> = text.lines().collect();
        let (marked, caret) = (lines[3], lines[4]);
        assert!(marked.chars().count() < 130);
        assert_eq!(marked.chars().nth(caret.find('^').unwrap()), Some('!'));
    }

    #[test]
    fn the_end_of_the_text_can_be_marked() {
        let finding = Diagnostic::error("abc", Span { start: 3, end: 3 }, "end");
        assert!(finding.render("x").ends_with("  |    ^"));
    }
}
