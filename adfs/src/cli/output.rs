//! Tables for people, JSON for programs.

use serde_json::{Map, Value};

/// `--output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Columns.
    Table,
    /// An array of objects.
    Json,
}

impl Output {
    /// Prints `rows` under `headings`.
    pub fn print(self, headings: &[&str], rows: &[Vec<String>]) {
        println!("{}", self.write(headings, rows));
    }

    pub(super) fn write(self, headings: &[&str], rows: &[Vec<String>]) -> String {
        match self {
            Output::Table => table(headings, rows),
            Output::Json => json(headings, rows).to_string(),
        }
    }
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
