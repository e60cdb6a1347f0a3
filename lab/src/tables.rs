//! Plain text tables for the terminal.

/// Columns as wide as their widest cell, two spaces apart, with a heading.
pub fn table(title: &str, headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells
            .chain(headings.get(column).map(|heading| heading.chars().count()))
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("  {}\n", padded.join("  ").trim_end())
    };
    let title = if title.is_empty() {
        String::new()
    } else {
        format!("{title}\n")
    };
    let mut text = format!("{title}{}", line(&mut headings.iter().copied()));
    text.push_str(&line(
        &mut widths
            .iter()
            .map(|width| "-".repeat(*width))
            .collect::<Vec<_>>()
            .iter()
            .map(String::as_str),
    ));
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_characters_not_bytes() {
        let rows = vec![
            vec!["zoë".to_owned(), "1".to_owned()],
            vec!["al".to_owned(), "22".to_owned()],
        ];
        assert_eq!(
            table("People", &["name", "n"], &rows),
            "People\n  name  n\n  ----  --\n  zoë   1\n  al    22\n"
        );
    }
}
