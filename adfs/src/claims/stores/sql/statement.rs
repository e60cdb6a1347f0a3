//! From the query of a rule to a statement with placeholders of the database's own.

use claim_rules::{QueryTemplate, StoreQuery, TemplatePart};

/// How a database writes placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placeholders {
    /// `?1`
    Sqlite,
    /// `$1`
    Postgresql,
}

/// A statement and the values of its placeholders. The text comes from the rule alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) values: Vec<String>,
}

impl Statement {
    /// Puts a placeholder where the query has one. Params that it does not use are left out, because databases refuse
    /// values that belong nowhere.
    ///
    /// # Errors
    /// Placeholders that are none, and placeholders within quotes or comments, where databases do not look for them.
    pub(super) fn of(query: &StoreQuery, placeholders: Placeholders) -> Result<Statement, String> {
        let template = QueryTemplate::parse(&query.query, query.params.len())
            .map_err(|error| error.to_string())?;
        let sign = match placeholders {
            Placeholders::Sqlite => '?',
            Placeholders::Postgresql => '$',
        };
        let mut text = String::with_capacity(query.query.len());
        let mut used: Vec<usize> = Vec::new();
        let mut values = Vec::new();
        for part in template.parts() {
            match part {
                TemplatePart::Text(literal) => text.push_str(literal),
                TemplatePart::Param(index) => {
                    if !is_outside_of_quotes(&text) {
                        return Err(format!(
                            "the placeholder {{{index}}} stands within quotes or a comment; write it without quotes, its value is bound"
                        ));
                    }
                    let value = query
                        .params
                        .get(*index)
                        .ok_or_else(|| format!("there is no param {index}"))?;
                    if value.contains('\0') {
                        return Err(format!("the value for {{{index}}} holds a zero octet"));
                    }
                    let place = match used.iter().position(|known| known == index) {
                        Some(place) => place,
                        None => {
                            used.push(*index);
                            values.push(value.clone());
                            used.len() - 1
                        }
                    };
                    text.push_str(&format!("{sign}{}", place + 1));
                }
            }
        }
        Ok(Statement { text, values })
    }
}

/// Whether what is put after `text` is read as SQL, and not as part of a literal, a quoted name or a comment.
fn is_outside_of_quotes(text: &str) -> bool {
    let mut rest = text;
    while let Some(start) = rest.find(['\'', '"', '-', '/']) {
        let (_, from) = rest.split_at(start);
        let (opening, closing) = match from.as_bytes() {
            // A doubled quote closes and opens again, which comes to the same.
            [b'\'', ..] => (1, "'"),
            [b'"', ..] => (1, "\""),
            [b'-', b'-', ..] => (2, "\n"),
            [b'/', b'*', ..] => (2, "*/"),
            _ => {
                rest = from.get(1..).unwrap_or_default();
                continue;
            }
        };
        let inside = from.get(opening..).unwrap_or_default();
        match inside.split_once(closing) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(text: &str, params: &[&str]) -> StoreQuery {
        StoreQuery {
            store: "HR".to_owned(),
            query: text.to_owned(),
            params: params.iter().map(|param| (*param).to_owned()).collect(),
            columns: 1,
        }
    }

    #[test]
    fn params_become_placeholders() {
        let cases: [(&str, &str, &[&str]); 5] = [
            ("SELECT 1", "SELECT 1", &[]),
            (
                "SELECT a FROM b WHERE c = {0}",
                "SELECT a FROM b WHERE c = $1",
                &["x' OR '1'='1"],
            ),
            (
                "SELECT {1}, {0}, {1}",
                "SELECT $1, $2, $1",
                &["y", "x' OR '1'='1"],
            ),
            ("SELECT '{{' || {1}", "SELECT '{' || $1", &["y"]),
            (
                "SELECT 'it''s', \"a'b\" -- don't\n/* '\" */ , {0} / 2 - 1",
                "SELECT 'it''s', \"a'b\" -- don't\n/* '\" */ , $1 / 2 - 1",
                &["x' OR '1'='1"],
            ),
        ];
        for (text, expected, values) in cases {
            let statement = Statement::of(
                &query(text, &["x' OR '1'='1", "y"]),
                Placeholders::Postgresql,
            );
            let statement = statement.expect(text);
            assert_eq!(statement.text, expected);
            assert_eq!(statement.values, values, "{text}");
        }
        let statement = Statement::of(&query("SELECT {0}", &["x"]), Placeholders::Sqlite);
        assert_eq!(statement.expect("a statement").text, "SELECT ?1");
    }

    #[test]
    fn placeholders_that_would_not_be_seen_are_refused() {
        for text in [
            "SELECT '{0}'",
            "SELECT 'it''s {0}'",
            "SELECT \"{0}\"",
            "SELECT 1 -- {0}",
            "SELECT 1 /* {0} */",
            "SELECT {1}",
            "SELECT {x}",
            "SELECT {0",
            "SELECT }",
        ] {
            assert!(
                Statement::of(&query(text, &["v"]), Placeholders::Sqlite).is_err(),
                "{text}"
            );
        }
        let zero = Statement::of(&query("SELECT {0}", &["a\0b"]), Placeholders::Sqlite);
        assert!(zero.expect_err("a refusal").contains("zero octet"));
    }

    proptest! {
        #[test]
        fn no_value_gets_into_the_text(text in "[a-z'\"{}01 /*-]{0,30}", value in "[A-Z]{3,9}") {
            if let Ok(statement) = Statement::of(&query(&text, &[&value]), Placeholders::Postgresql) {
                prop_assert!(!statement.text.contains(&value));
                prop_assert!(statement.values.iter().all(|bound| *bound == value));
            }
        }
    }
}
