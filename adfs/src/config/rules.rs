//! Rule texts of a trust: inline or in a file of their own, compiled when the configuration is read.

use std::path::PathBuf;
use std::sync::Arc;

use claim_rules::{Diagnostic, RuleSet};

use super::document::{one_line, read_text};
use super::error::{Place, Problem};
use super::reader::{At, Found, Section};

/// A rule text and where it begins.
struct Source {
    text: String,
    path: PathBuf,
    first_line: usize,
}

/// The rules of one stage; `None` when there are none or they do not compile, which is noted.
pub(super) fn find(
    section: &mut Section<'_>,
    inline: &'static str,
    file: &'static str,
) -> Option<Arc<RuleSet>> {
    let written = section.find::<String>(
        inline,
        "rules in the claim rule language, as text in '''...'''",
    );
    let named = section.path(file);
    let (key, source) = match (written, named) {
        (None, None) => return None,
        (Some(written), None) => (inline, inline_source(section, written)),
        (None, Some(named)) => (file, file_source(section, file, named)?),
        (Some(_), Some(named)) => {
            let message = format!("the rules stand in `{inline}` too");
            section.complain(file, &named.at, message, "remove one of the two".to_owned());
            return None;
        }
    };
    let diagnostic = match RuleSet::compile(&source.text) {
        Ok(rules) => return Some(Arc::new(rules)),
        Err(diagnostic) => diagnostic,
    };
    section.report(source.problem(key, diagnostic));
    None
}

fn inline_source(section: &Section<'_>, written: Found<String>) -> Source {
    let first_line = match &written.at {
        At::Span(span) => {
            let opening = section.document.line(span.start);
            // TOML drops a line break right after the opening quotes.
            let body = section
                .document
                .written(span.clone())
                .trim_start_matches(['"', '\'']);
            if body.starts_with(['\n', '\r']) {
                opening + 1
            } else {
                opening
            }
        }
        At::Variable(_) => 1,
    };
    Source {
        text: written.value,
        path: section.document.path.clone(),
        first_line,
    }
}

fn file_source(section: &Section<'_>, key: &str, named: Found<PathBuf>) -> Option<Source> {
    let path = named.value.clone();
    let expected = "the path of a file with rules in the claim rule language";
    let text = section.check(key, named, expected, |path| {
        read_text(&path).map_err(|error| format!("{}: {error}", path.display()))
    })?;
    Some(Source {
        text: text.value,
        path,
        first_line: 1,
    })
}

impl Source {
    /// The problem at its place in the file that the text stands in.
    fn problem(&self, key: &str, diagnostic: Diagnostic) -> Problem {
        // With the lines before it, the text tells its places as lines of the file.
        let padded = "\n".repeat(self.first_line.saturating_sub(1)) + &self.text;
        let diagnostic = RuleSet::compile(&padded).err().unwrap_or(diagnostic);
        let code = diagnostic
            .inner_code()
            .or(diagnostic.code())
            .map(|code| format!("{code}: "))
            .unwrap_or_default();
        let rendered = diagnostic.render(&self.path.display().to_string());
        let excerpt: Vec<&str> = rendered
            .lines()
            .skip(1)
            .filter(|line| !line.contains("= help:"))
            .collect();
        Problem {
            place: Place::File {
                path: self.path.clone(),
                line: Some(diagnostic.line()),
            },
            key: key.to_owned(),
            message: format!("{code}{}", one_line(diagnostic.message())),
            remedy: diagnostic
                .help()
                .map_or_else(|| "correct the rule".to_owned(), one_line),
            excerpt: Some(excerpt.join("\n")),
        }
    }
}
