//! The kinds of values that settings have.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, UtcOffset};
use toml::value::Datetime;

use super::reader::{Found, Section};

/// A date and time as it may be written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Text(String),
    Toml(Datetime),
}

impl Section<'_> {
    /// A text that must be there and not be empty.
    pub(super) fn required(&mut self, key: &'static str, expected: &str) -> Option<Found<String>> {
        if !self.is_written(key) && !self.is_overridden(key) {
            self.take_place(key);
            self.missing(key, expected);
            return None;
        }
        self.text(key, expected)
    }

    /// A text that is not empty if it is there.
    pub(super) fn text(&mut self, key: &'static str, expected: &str) -> Option<Found<String>> {
        let found = self.find::<String>(key, expected)?;
        if found.value.trim().is_empty() {
            self.complain(
                key,
                &found.at,
                "the text is empty".to_owned(),
                format!("write {expected}"),
            );
            return None;
        }
        Some(found)
    }

    /// A text that has another type behind it.
    pub(super) fn parsed<T: FromStr<Err: Display>>(
        &mut self,
        key: &'static str,
        expected: &str,
    ) -> Option<Found<T>> {
        let found = self.text(key, expected)?;
        self.check(key, found, expected, |text| {
            text.parse::<T>().map_err(|error| error.to_string())
        })
    }

    /// Passes a value through a check; a refused one is noted.
    pub(super) fn check<T, U>(
        &self,
        key: &str,
        found: Found<T>,
        expected: &str,
        check: impl FnOnce(T) -> Result<U, String>,
    ) -> Option<Found<U>> {
        match check(found.value) {
            Ok(value) => Some(Found {
                value,
                at: found.at,
            }),
            Err(message) => {
                self.complain(key, &found.at, message, format!("write {expected}"));
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.find(key, "true or false")
            .map_or(default, |found| found.value)
    }

    /// A whole number within `range`.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
        default: u32,
    ) -> u32 {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let Some(found) = self.find::<i64>(key, &expected) else {
            return default;
        };
        let checked = self.check(key, found, &expected, |number| {
            match u32::try_from(number) {
                Ok(number) if range.contains(&number) => Ok(number),
                _ => Err(format!("{number} is out of range")),
            }
        });
        checked.map_or(default, |found| found.value)
    }

    /// A number of minutes.
    pub(super) fn minutes(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
        default: u32,
    ) -> Duration {
        Duration::minutes(self.number(key, range, default).into())
    }

    /// A number of seconds.
    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
        default: u32,
    ) -> Duration {
        Duration::seconds(self.number(key, range, default).into())
    }

    /// A moment: a date and time of TOML or as a text, UTC where it names no zone. The first of the year 1 is how AD FS
    /// writes "none".
    pub(super) fn moment(&mut self, key: &'static str, example: &str) -> Option<OffsetDateTime> {
        let expected = format!("a time, for example \"{example}\"");
        let found = self.find::<Moment>(key, &expected)?;
        let checked = self.check(key, found, &expected, |moment| {
            let text = match moment {
                Moment::Text(text) => text.trim().to_owned(),
                Moment::Toml(moment) => moment.to_string(),
            };
            OffsetDateTime::parse(&text, &Rfc3339)
                .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
                .map(|moment| moment.to_offset(UtcOffset::UTC))
                .map_err(|_| format!("{text:?} is no date and time"))
        });
        let moment = checked?.value;
        (moment.year() > 1).then_some(moment)
    }

    /// A path; a relative one begins at the folder of the file, wherever the program was started.
    pub(super) fn path(&mut self, key: &'static str) -> Option<Found<PathBuf>> {
        let found = self.text(key, "the path of a file")?;
        Some(Found {
            value: self.resolve(&found.value),
            at: found.at,
        })
    }

    /// A path that must be there.
    pub(super) fn required_path(&mut self, key: &'static str, expected: &str) -> Option<PathBuf> {
        let found = self.required(key, expected)?;
        Some(self.resolve(&found.value))
    }

    /// A path with a default.
    pub(super) fn path_or(&mut self, key: &'static str, default: &str) -> PathBuf {
        self.path(key)
            .map_or_else(|| self.resolve(default), |found| found.value)
    }

    fn resolve(&self, path: &str) -> PathBuf {
        self.document
            .path
            .parent()
            .map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
    }
}
