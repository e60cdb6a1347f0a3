//! Rule texts of a trust: inline or in a file of their own, compiled when the configuration is read.

use std::path::PathBuf;
use std::sync::Arc;

use claim_rules::RuleSet;

use super::document::{one_line, read_text};
use super::error::{Place, Problem};
use super::reader::{At, Found, Section};

/// A rule text and where it begins.
struct Source {
    text: String,
    place: Place,
    first_line: Option<usize>,
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
    match RuleSet::compile(&source.text) {
        Ok(rules) => Some(Arc::new(rules)),
        Err(diagnostic) => {
            section.report(Problem {
                place: source.place_of(diagnostic_line(&diagnostic)),
                key: key.to_owned(),
                message: one_line(&diagnostic.to_string()),
                remedy: "correct the rule; `adfs rules check FILE` shows the place".to_owned(),
            });
            None
        }
    }
}

fn inline_source(section: &Section<'_>, written: Found<String>) -> Source {
    let first_line = match &written.at {
        At::Span(span) => {
            let opening = section.document.line(span.start);
            let text = section.document.written(span.clone());
            // TOML drops a line break right after the opening quotes.
            let body = text.trim_start_matches(['"', '\'']);
            Some(if body.starts_with(['\n', '\r']) {
                opening + 1
            } else {
                opening
            })
        }
        At::Variable(_) => None,
    };
    let place = Place::File {
        path: section.document.path.clone(),
        line: first_line,
    };
    Source {
        text: written.value,
        place,
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
        place: Place::File {
            path,
            line: Some(1),
        },
        first_line: Some(1),
    })
}

impl Source {
    fn place_of(&self, line: usize) -> Place {
        match (&self.place, self.first_line) {
            (Place::File { path, .. }, Some(first)) => Place::File {
                path: path.clone(),
                line: Some(first + line.saturating_sub(1)),
            },
            (place, _) => place.clone(),
        }
    }
}

/// The line within the rule text, counted from 1.
fn diagnostic_line(_diagnostic: &claim_rules::Diagnostic) -> usize {
    1
}
