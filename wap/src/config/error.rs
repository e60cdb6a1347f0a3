//! What is wrong with a configuration, where, and what to do.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::environment::Override;

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: the configuration cannot be read ({source}); name an existing file with --config", path.display())]
    Unreadable {
        /// File.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line is wrong.
    #[error("{}:{line}: {key}: {message}", path.display())]
    Invalid {
        /// File.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Section and key, or the section alone.
        key: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The value of an environment variable is wrong.
    #[error("environment variable {variable}: {message}")]
    Override {
        /// Its name.
        variable: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A part is not there.
    #[error("{}: {key}: nothing is configured; {remedy}", path.display())]
    Missing {
        /// File.
        path: PathBuf,
        /// Key.
        key: &'static str,
        /// What to write.
        remedy: &'static str,
    },
}

impl ConfigError {
    /// Names the variable rather than a line when the value came from one.
    pub(super) fn of_override(self, overrides: &[Override]) -> ConfigError {
        match self {
            ConfigError::Invalid {
                path,
                line,
                key,
                message,
            } => match overrides.iter().find(|given| given.key == key) {
                Some(given) => ConfigError::Override {
                    variable: given.variable.clone(),
                    message,
                },
                None => ConfigError::Invalid {
                    path,
                    line,
                    key,
                    message,
                },
            },
            other => other,
        }
    }

    pub(super) fn from_toml(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        ConfigError::Invalid {
            path: path.to_owned(),
            line,
            key: key_at(text, line),
            message: explain(error.message()),
        }
    }
}

/// Section and key of a line: errors of nested values are useless without them.
fn key_at(text: &str, line: usize) -> String {
    let lines: Vec<&str> = text.lines().take(line).map(str::trim).collect();
    let is_section = |line: &&&str| line.starts_with('[') && line.ends_with(']');
    let section = lines.iter().rev().find(is_section);
    let section = section
        .map_or("", |line| line.trim_matches(['[', ']']))
        .trim();
    let key = lines
        .last()
        .and_then(|line| line.split_once('='))
        .map_or("", |(key, _)| key.trim());
    match (section, key) {
        ("", "") => "file".to_owned(),
        ("", name) | (name, "") => name.to_owned(),
        (section, key) => format!("{section}.{key}"),
    }
}

/// Adds the nearest known key to a message about an unknown one.
fn explain(message: &str) -> String {
    let message = message.trim();
    let Some(rest) = message.strip_prefix("unknown field ") else {
        return message.to_owned();
    };
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let unknown = quoted.next().unwrap_or_default();
    let known: Vec<&str> = quoted.collect();
    let nearest = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(unknown, known), *known))
        .min()
        .filter(|(distance, known)| *distance <= known.len() / 2);
    match nearest {
        Some((_, nearest)) => format!("unknown key `{unknown}`; did you mean `{nearest}`?"),
        None => format!("unknown key `{unknown}`; known here: {}", known.join(", ")),
    }
}
