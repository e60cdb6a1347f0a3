//! Overrides from the environment: `WAP_SECTION__KEY` stands for `key` in `[section]`. Listeners and certificates, of
//! which there may be several, are in the file only.

use toml_edit::{DocumentMut, Item, Table, Value};

/// Variables of this program begin so; only those with a double underscore are overrides (`WAP_CONFIG` is not).
const PREFIX: &str = "WAP_";
/// Sections that overrides may name.
const SECTIONS: &[&str] = &[
    "federation_service",
    "trust",
    "proxy",
    "probe",
    "backends",
    "limits",
    "log",
];

/// One override that is in force.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Override {
    /// Name of the variable.
    pub(super) variable: String,
    /// `section.key`.
    pub(super) key: String,
}

/// Puts the values of `variables` into the text of a file. Lines stay where they are, as far as keys were there.
/// A text that is not TOML stays as it is: reading it tells what is wrong.
pub(super) fn apply(
    text: &str,
    variables: impl Iterator<Item = (String, String)>,
) -> (String, Vec<Override>) {
    let mut overrides = Vec::new();
    let Ok(mut document) = text.parse::<DocumentMut>() else {
        return (text.to_owned(), overrides);
    };
    for (variable, value) in variables {
        let Some((section, key)) = split(&variable) else {
            continue;
        };
        let item = document
            .entry(&section)
            .or_insert(Item::Table(Table::new()));
        let Some(table) = item.as_table_mut() else {
            continue;
        };
        table.insert(&key, Item::Value(typed(&value)));
        overrides.push(Override {
            variable,
            key: format!("{section}.{key}"),
        });
    }
    (
        if overrides.is_empty() {
            text.to_owned()
        } else {
            document.to_string()
        },
        overrides,
    )
}

fn split(variable: &str) -> Option<(String, String)> {
    let (section, key) = variable.strip_prefix(PREFIX)?.split_once("__")?;
    let (section, key) = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
    (SECTIONS.contains(&section.as_str()) && !key.is_empty()).then_some((section, key))
}

fn typed(text: &str) -> Value {
    let number = text.parse::<i64>().map(Value::from);
    let truth = text.parse::<bool>().map(Value::from);
    number.or(truth).unwrap_or_else(|_| Value::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn keys_are_replaced_or_added() {
        let text = "[log]\nfilter = \"info\" # why\n[trust]\nfolder = \"a\"\n";
        let given = variables(&[
            ("WAP_LOG__FILTER", "debug"),
            ("WAP_LIMITS__CONNECTIONS", "5"),
            ("WAP_FEDERATION_SERVICE__PRESENT_TRUST_CERTIFICATE", "false"),
            ("WAP_CONFIG", "x"),
            ("WAP_LISTEN__ADDRESS", "x"),
            ("ADFS_LOG__FILTER", "x"),
        ]);
        let (merged, overrides) = apply(text, given.into_iter());
        let table: toml::Table = merged.parse().unwrap();
        assert_eq!(table["log"]["filter"].as_str(), Some("debug"));
        assert_eq!(table["limits"]["connections"].as_integer(), Some(5));
        assert_eq!(
            table["federation_service"]["present_trust_certificate"].as_bool(),
            Some(false)
        );
        assert_eq!(table["trust"]["folder"].as_str(), Some("a"));
        assert_eq!(overrides.len(), 3);
        assert_eq!(
            overrides[0],
            Override {
                variable: "WAP_LOG__FILTER".to_owned(),
                key: "log.filter".to_owned()
            }
        );
    }

    #[test]
    fn without_overrides_the_text_is_untouched() {
        for text in ["[log]\nfilter =   'x'\n", "not toml ["] {
            assert_eq!(
                apply(text, variables(&[("WAP_CONFIG", "x")]).into_iter()).0,
                text
            );
        }
    }
}
