//! One TOML file: its text, its tables, and the way from an offset to a line.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::error::{Place, Problem};

/// No configuration file is larger; a path to something else is not read into memory.
const MAX_BYTES: u64 = 1024 * 1024;

/// A file that was read. Values keep their place in it.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) path: PathBuf,
    text: String,
}

impl Document {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Document, Box<Problem>> {
        read_text(path)
            .map(|text| Document {
                path: path.to_owned(),
                text,
            })
            .map_err(|message| {
                Box::new(Problem {
                    place: Place::File {
                        path: path.to_owned(),
                        line: None,
                    },
                    key: String::new(),
                    message,
                    remedy: "name an existing TOML file that this user may read".to_owned(),
                    excerpt: None,
                })
            })
    }

    /// A file that is not written yet.
    pub(super) fn of_text(path: &Path, text: &str) -> Document {
        Document {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The tables, as far as they can be read, and every syntax error.
    pub(super) fn parse(&self) -> (DeTable<'_>, Vec<Problem>) {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        let problems = errors.iter().map(|error| Problem {
            place: self.place(error.span()),
            key: String::new(),
            message: format!("this is not TOML: {}", one_line(error.message())),
            remedy: "write `key = value` lines below `[section]` headings, texts in quotes"
                .to_owned(),
            excerpt: None,
        });
        let problems = problems.collect();
        (Spanned::into_inner(table), problems)
    }

    /// The place of a span.
    pub(super) fn place(&self, span: Option<Range<usize>>) -> Place {
        Place::File {
            path: self.path.clone(),
            line: span.map(|span| self.line(span.start)),
        }
    }

    /// The line of an offset, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        let before = self
            .text
            .as_bytes()
            .get(..offset)
            .unwrap_or(self.text.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// What stands at a span, as written.
    pub(super) fn written(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }
}

/// The text of a file of bounded size.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path)
        .map_err(|error| format!("the file cannot be opened ({error})"))?;
    let mut text = String::new();
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
    match read.map_err(|error| format!("the file cannot be read as UTF-8 text ({error})"))? {
        length if length as u64 > MAX_BYTES => Err("the file is larger than 1 MiB".to_owned()),
        _ => Ok(text),
    }
}

pub(super) fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
