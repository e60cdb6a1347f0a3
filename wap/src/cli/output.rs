//! Tables for people, JSON for programs.

use std::fmt::Display;
use std::io::Write as _;

use anyhow::Context as _;
use serde_json::{Map, Value};

/// `--output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Output {
    /// Columns.
    Table,
    /// An array of objects.
    Json,
}

impl Output {
    /// Prints `rows` under `headings`.
    pub(super) fn print(self, headings: &[&str], rows: &[Vec<String>]) -> anyhow::Result<()> {
        say(self.write(headings, rows))
    }

    fn write(self, headings: &[&str], rows: &[Vec<String>]) -> String {
        match self {
            Output::Table => table(headings, rows),
            Output::Json => json(headings, rows).to_string(),
        }
    }
}

/// A line of standard output. A reader who went away is an error like others, not a panic.
pub(super) fn say(line: impl Display) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("standard output cannot be written to")
}

/// A line of standard error. When nobody can read it, there is nobody to tell.
pub(super) fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "wap: {line}");
}

/// An error with its causes. Many say theirs themselves; nothing is said twice.
pub(super) fn explain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            let joint = if text.is_empty() { "" } else { ": " };
            text.push_str(joint);
            text.push_str(&cause);
        }
    }
    text
}

fn json(headings: &[&str], rows: &[Vec<String>]) -> Value {
    let object = |row: &Vec<String>| {
        let pairs = headings.iter().zip(row);
        Value::Object(
            pairs
                .map(|(name, value)| (name.replace(' ', "_"), Value::from(value.as_str())))
                .collect::<Map<_, _>>(),
        )
    };
    rows.iter().map(object).collect()
}

fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(column, heading)| {
            let cells = rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count());
            cells.chain([heading.chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let line = |cells: Vec<&str>| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(headings.to_vec())];
    lines.extend(
        rows.iter()
            .map(|row| line(row.iter().map(String::as_str).collect())),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let error = anyhow::anyhow!("no such file")
            .context("a.toml cannot be read (no such file); name another")
            .context("the proxy does not start");
        assert_eq!(
            explain(&error),
            "the proxy does not start: a.toml cannot be read (no such file); name another"
        );
    }

    #[test]
    fn the_same_rows_in_both_forms() {
        let rows = [
            vec!["a".to_owned(), "first".to_owned()],
            vec!["long one".to_owned(), "x".to_owned()],
        ];
        assert_eq!(
            Output::Table.write(&["name", "note two"], &rows),
            "name      note two\na         first\nlong one  x"
        );
        let json = Output::Json.write(&["name", "note two"], &rows);
        assert_eq!(
            json,
            r#"[{"name":"a","note_two":"first"},{"name":"long one","note_two":"x"}]"#
        );
    }
}
