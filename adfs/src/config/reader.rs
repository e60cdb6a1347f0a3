//! Takes settings out of a table one by one, and notes every problem instead of stopping at the first.
//!
//! The keys that are asked for are the keys that exist, so whatever is left over when a section is finished is
//! unknown, and the nearest known key is a good guess at what was meant.

use std::cell::RefCell;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::document::{Document, one_line};
use super::environment::Environment;
use super::error::{Place, Problem};

/// Problems of all files of one configuration.
pub(super) type Problems = RefCell<Vec<Problem>>;

/// A value with the place where it was written.
#[derive(Debug, Clone)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) at: At,
}

/// Where a value was written.
#[derive(Debug, Clone)]
pub(super) enum At {
    Span(Range<usize>),
    Variable(String),
}

/// One `[section]`, or a whole file.
pub(super) struct Section<'a> {
    pub(super) document: &'a Document,
    environment: Option<&'a Environment>,
    problems: &'a Problems,
    path: Vec<String>,
    heading: Option<Range<usize>>,
    table: DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The whole file; `None` when it is not TOML, which is noted. What could be made of such a file would only
    /// bring up problems that are none.
    pub(super) fn root(
        document: &'a Document,
        environment: Option<&'a Environment>,
        problems: &'a Problems,
    ) -> Option<Section<'a>> {
        let (table, errors) = document.parse();
        if !errors.is_empty() {
            problems.borrow_mut().extend(errors);
            return None;
        }
        Some(Section {
            document,
            environment,
            problems,
            path: Vec::new(),
            heading: None,
            table,
            known: Vec::new(),
        })
    }

    /// A section within this one; an absent one is empty.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'a> {
        self.known.push(key);
        match self.table.remove(key) {
            None => self.child(key.to_owned(), None, DeTable::new()),
            Some(value) => self.table_of(key, value),
        }
    }

    /// Every section within this one, for sections that are named by the administrator.
    pub(super) fn named_sections(mut self) -> Vec<(String, Section<'a>)> {
        let table = std::mem::take(&mut self.table);
        let sections = table.into_iter().map(|(key, value)| {
            let name = key.into_inner().into_owned();
            let section = self.table_of(&name, value);
            (name, section)
        });
        sections.collect()
    }

    fn table_of(&self, key: &str, value: Spanned<DeValue<'a>>) -> Section<'a> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => self.child(key.to_owned(), Some(span), table),
            other => {
                let message = format!("{} where a section is expected", other.type_str());
                self.complain(
                    key,
                    &At::Span(span.clone()),
                    message,
                    format!("write a heading [{}]", self.full(key)),
                );
                self.child(key.to_owned(), Some(span), DeTable::new())
            }
        }
    }

    fn child(&self, key: String, heading: Option<Range<usize>>, table: DeTable<'a>) -> Section<'a> {
        let path = self.path.iter().cloned().chain([key]).collect();
        Section {
            path,
            heading,
            table,
            known: Vec::new(),
            ..*self
        }
    }

    /// Whether the section is written in the file or set through the environment.
    pub(super) fn is_present(&self) -> bool {
        self.heading.is_some()
            || self
                .environment
                .is_some_and(|environment| environment.mentions(&self.path))
    }

    /// A setting of any type; `None` when it is absent or wrong, and wrong ones are noted. `expected` ends the sentence
    /// "write ...".
    pub(super) fn find<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        expected: &str,
    ) -> Option<Found<T>> {
        self.known.push(key);
        let written = self.table.remove(key);
        if let Some(environment) = self.environment {
            let name = Environment::name(&self.path, key);
            if let Some(text) = environment.get(&name) {
                return self.read_variable(key, name, text, expected);
            }
        }
        let written = written?;
        let span = written.span();
        match T::deserialize(ValueDeserializer::from(written)) {
            Ok(value) => Some(Found {
                value,
                at: At::Span(span),
            }),
            Err(error) => {
                self.complain(
                    key,
                    &At::Span(span),
                    one_line(error.message()),
                    format!("write {expected}"),
                );
                None
            }
        }
    }

    /// A variable holds a text as it is, or anything else as TOML writes it.
    fn read_variable<T: DeserializeOwned>(
        &self,
        key: &str,
        name: String,
        text: &str,
        expected: &str,
    ) -> Option<Found<T>> {
        let as_text = T::deserialize(ValueDeserializer::from(Spanned::new(
            0..0,
            DeValue::String(text.into()),
        )));
        let value = as_text.or_else(|error| match ValueDeserializer::parse(text) {
            Ok(value) => T::deserialize(value),
            Err(_) => Err(error),
        });
        match value {
            Ok(value) => Some(Found {
                value,
                at: At::Variable(name),
            }),
            Err(error) => {
                // The value is not repeated: it may be a secret.
                self.complain(
                    key,
                    &At::Variable(name),
                    one_line(error.message()),
                    format!("write {expected}"),
                );
                None
            }
        }
    }

    /// Refuses a setting that exists in AD FS and does nothing here. Values that ask for nothing are let through, so
    /// that a trust that was exported whole still loads.
    pub(super) fn unavailable(&mut self, key: &'static str, remedy: &str) {
        self.known.push(key);
        let Some(value) = self.table.remove(key) else {
            return;
        };
        let asks_for_nothing = match value.get_ref() {
            DeValue::Boolean(asked) => !asked,
            DeValue::String(text) => text.is_empty(),
            DeValue::Array(list) => list.is_empty(),
            DeValue::Table(table) => table.is_empty(),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => false,
        };
        if !asks_for_nothing {
            let message = "this is not available in this version".to_owned();
            self.complain(key, &At::Span(value.span()), message, remedy.to_owned());
        }
    }

    /// Takes a key out of the file and says where it stood, for keys whose value must not be read from there.
    pub(super) fn take_place(&mut self, key: &'static str) -> Option<At> {
        self.known.push(key);
        self.table.remove(key).map(|value| At::Span(value.span()))
    }

    pub(super) fn is_overridden(&self, key: &str) -> bool {
        self.environment.is_some_and(|environment| {
            environment
                .get(&Environment::name(&self.path, key))
                .is_some()
        })
    }

    /// Whether the key stands in the file and was not taken yet.
    pub(super) fn is_written(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Notes a problem that was found elsewhere.
    pub(super) fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Notes a problem with a value.
    pub(super) fn complain(&self, key: &str, at: &At, message: String, remedy: String) {
        let place = match at {
            At::Span(span) => self.document.place(Some(span.clone())),
            At::Variable(name) => Place::Variable(name.clone()),
        };
        self.problems.borrow_mut().push(Problem {
            place,
            key: self.full(key),
            message,
            remedy,
            excerpt: None,
        });
    }

    /// Notes that something is not there.
    pub(super) fn missing(&self, key: &str, expected: &str) {
        let place = self.document.place(self.heading.clone());
        let message = "this must be set".to_owned();
        let remedy = format!("write {expected}");
        self.problems.borrow_mut().push(Problem {
            place,
            key: self.full(key),
            message,
            remedy,
            excerpt: None,
        });
    }

    /// Notes a problem of the whole section.
    pub(super) fn complain_about_all(&self, message: String, remedy: &str) {
        let place = self.document.place(self.heading.clone());
        let problem = Problem {
            place,
            key: self.path.join("."),
            message,
            remedy: remedy.to_owned(),
            excerpt: None,
        };
        self.report(problem);
    }

    /// Notes every key that nobody asked for.
    pub(super) fn finish(mut self) {
        let left = std::mem::take(&mut self.table);
        for (key, _) in left {
            let span = key.span();
            let name = key.into_inner();
            let remedy = match nearest(&name, self.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("remove it; known here: {}", self.known.join(", ")),
            };
            self.complain(
                &name,
                &At::Span(span),
                "there is no such setting".to_owned(),
                remedy,
            );
        }
    }

    /// Section and key joined by dots.
    pub(super) fn full(&self, key: &str) -> String {
        self.path
            .iter()
            .map(String::as_str)
            .chain([key])
            .collect::<Vec<_>>()
            .join(".")
    }
}

/// The known name that a wrong one most likely stands for.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    /// Below this, names have only letters in common (`strsim`'s Jaro-Winkler, 0 to 1).
    const SIMILAR: f64 = 0.8;
    let scored = known.map(|candidate| (strsim::jaro_winkler(name, candidate), candidate));
    let best = scored.max_by(|(left, _), (right, _)| left.total_cmp(right));
    best.filter(|(score, _)| *score >= SIMILAR)
        .map(|(_, candidate)| candidate)
}
