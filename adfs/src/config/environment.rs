//! Overrides from the environment: `ADFS_SECTION__KEY` stands for `key` in `[section]`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Variables of this program begin so; only those with a double underscore are overrides (`ADFS_CONFIG` is not).
const PREFIX: &str = "ADFS_";

/// The overrides that the program was started with, and which of them were looked at.
#[derive(Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    asked: RefCell<BTreeSet<String>>,
}

impl Environment {
    /// From the process. Variables that are not UTF-8 cannot be overrides, because no setting is.
    pub fn of_process() -> Environment {
        let variables = std::env::vars_os();
        let texts = variables.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Environment::of(texts)
    }

    /// From pairs of name and value.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Environment {
        let is_override = |name: &str| {
            name.strip_prefix(PREFIX)
                .is_some_and(|rest| rest.contains("__"))
        };
        Environment {
            variables: variables
                .into_iter()
                .filter(|(name, _)| is_override(name))
                .collect(),
            asked: RefCell::default(),
        }
    }

    /// The variable that overrides `key` in the section at `path`.
    pub(super) fn name(path: &[String], key: &str) -> String {
        let parts: Vec<String> = path
            .iter()
            .map(String::as_str)
            .chain([key])
            .map(|part| part.replace('-', "_").to_ascii_uppercase())
            .collect();
        format!("{PREFIX}{}", parts.join("__"))
    }

    /// Its value, and a note that it is known.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.variables.get(name).map(String::as_str)
    }

    /// Whether a variable is set for any key of the section at `path`.
    pub(super) fn mentions(&self, path: &[String]) -> bool {
        let prefix = Environment::name(path, "");
        self.variables.keys().any(|name| name.starts_with(&prefix))
    }

    /// Overrides that no setting asked for.
    pub(super) fn unknown(&self) -> Vec<&str> {
        let asked = self.asked.borrow();
        self.variables
            .keys()
            .map(String::as_str)
            .filter(|name| !asked.contains(*name))
            .collect()
    }

    /// Names that would have been taken.
    pub(super) fn known(&self) -> Vec<String> {
        self.asked.borrow().iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_sections() {
        let path = |parts: &[&str]| {
            parts
                .iter()
                .map(|part| (*part).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            Environment::name(&path(&["service"]), "host_name"),
            "ADFS_SERVICE__HOST_NAME"
        );
        assert_eq!(
            Environment::name(&path(&["directories", "contoso-eu"]), "bind_password"),
            "ADFS_DIRECTORIES__CONTOSO_EU__BIND_PASSWORD"
        );
    }

    #[test]
    fn only_names_with_a_section_are_overrides() {
        let pairs = [
            ("ADFS_CONFIG", "x"),
            ("ADFS_LOG__FILTER", "debug"),
            ("PATH", "/"),
            ("ADFS_A__B", "c"),
        ];
        let environment =
            Environment::of(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(environment.get("ADFS_LOG__FILTER"), Some("debug"));
        assert_eq!(environment.get("ADFS_CONFIG"), None);
        assert_eq!(environment.unknown(), ["ADFS_A__B"]);
    }
}
