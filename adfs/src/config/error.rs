//! What is wrong with a configuration, where, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// A configuration that cannot be used. Holds every problem that was found, not only the first.
#[derive(Debug, Error)]
#[error("{}", self.report())]
pub struct ConfigError {
    problems: Vec<Problem>,
}

/// One thing that must change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// Section and key joined by dots, for example `service.host_name`; empty when it concerns a whole file.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// The lines of the source that are meant, with a mark below the place, where they help.
    pub excerpt: Option<String>,
}

/// Where a problem stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File {
        /// Which.
        path: PathBuf,
        /// Line, counted from 1; `None` when the problem is that something is missing.
        line: Option<usize>,
    },
    /// In an environment variable of this name.
    Variable(String),
}

impl ConfigError {
    pub(super) fn new(problems: Vec<Problem>) -> ConfigError {
        ConfigError { problems }
    }

    /// The problems in the order in which they were found; at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn report(&self) -> String {
        let mut report = String::from("the configuration cannot be used:");
        for problem in &self.problems {
            for line in problem.to_string().lines() {
                report.push_str("\n  ");
                report.push_str(line);
            }
        }
        report
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(formatter, "{}: ", self.key)?;
        }
        write!(formatter, "{}; {}", self.message, self.remedy)?;
        self.excerpt
            .iter()
            .try_for_each(|excerpt| write!(formatter, "\n{excerpt}"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File {
                path,
                line: Some(line),
            } => write!(formatter, "{}:{line}", path.display()),
            Place::File { path, line: None } => path.display().fmt(formatter),
            Place::Variable(name) => write!(formatter, "environment variable {name}"),
        }
    }
}
