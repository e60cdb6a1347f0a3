//! Rule texts of a trust: inline or in a file of their own, compiled when the configuration is read.

use std::path::PathBuf;
use std::sync::Arc;

use claim_rules::syntax::{Content, Term};
use claim_rules::{Diagnostic, RuleSet};

use super::attribute_store_reader::StoreNames;
use super::document::{one_line, read_text};
use super::error::{Place, Problem};
use super::reader::{At, Found, Section, nearest};

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
    stores: Option<&StoreNames>,
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
    let key = &section.full(key);
    let rules = match RuleSet::compile(&source.text) {
        Ok(rules) => rules,
        Err(diagnostic) => {
            section.report(source.problem(key, diagnostic));
            return None;
        }
    };
    let unknown = stores.and_then(|known| source.unknown_store(key, &rules, known));
    if let Some(problem) = unknown {
        section.report(problem);
        return None;
    }
    Some(Arc::new(rules))
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
    /// A store that a rule asks and nobody configured: that rule would refuse every sign-in.
    fn unknown_store(&self, key: &str, rules: &RuleSet, known: &StoreNames) -> Option<Problem> {
        let mut queries = rules.syntax().rules.iter().filter_map(|rule| {
            let Content::Query(query) = &rule.value.action.content else {
                return None;
            };
            // A name that is put together from claims is known only when the rule runs.
            match query.store.value.terms.as_slice() {
                [Term::Text(name)] => Some((name, query.store.span.start)),
                _ => None,
            }
        });
        let (name, start) = queries.find(|(name, _)| !known.has(name))?;
        let before = self.text.as_bytes().get(..start).unwrap_or_default();
        let breaks = before.iter().filter(|byte| **byte == b'\n').count();
        let remedy = match nearest(name, known.iter()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("configure it in [attribute_stores.{name:?}] of adfs.toml"),
        };
        Some(Problem {
            place: Place::File {
                path: self.path.clone(),
                line: Some(self.first_line + breaks),
            },
            key: key.to_owned(),
            message: format!("a rule asks the attribute store {name:?}, which is not configured"),
            remedy,
            excerpt: None,
        })
    }

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
