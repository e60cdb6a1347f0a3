//! Regular expressions as .NET means them (sections 3.5 and 3.6).
//!
//! A pattern is parsed by the rules of .NET and written anew for the engine at hand, so that nothing is left to chance:
//! what the engine would read otherwise is translated, and what it cannot do is refused when the rules are compiled.
//! Work is bounded: patterns without lookaround and back references run in linear time, all others stop at a limit.

mod characters;
mod parser;
mod replacement;
mod translate;
mod tree;

use std::borrow::Cow;

use fancy_regex::{Regex, RegexBuilder};

use crate::limits::Limit;
use parser::Groups;
pub(crate) use replacement::Replacement;
use translate::Subject;

/// Longest pattern in bytes. Published address ranges have up to some KiB.
const MAX_PATTERN: usize = 16 * 1024;
/// Steps back that one match may take.
const BACKTRACK_LIMIT: usize = 100_000;
/// Bytes that the compiled form of a part without lookaround may take.
const COMPILED_SIZE: usize = 4 * 1024 * 1024;
/// Instructions of the backtracking machine.
const PROGRAM_SIZE: usize = 200_000;
/// Matches that one RegExReplace may replace.
const MAX_MATCHES: usize = 10_000;

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    message: String,
    at: usize,
}

impl PatternError {
    fn new(at: usize, message: impl Into<String>) -> PatternError {
        PatternError {
            message: message.into(),
            at,
        }
    }

    /// Where in the pattern, in bytes from its start.
    pub fn position(&self) -> usize {
        self.at
    }
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    /// For any text.
    exact: Regex,
    /// For ASCII text that does not end with a line feed. There `$` means the same as `\z` and `\w` as `[0-9A-Z_a-z]`,
    /// which spares lookaround (and with it backtracking) and large tables in nearly all cases.
    plain: Regex,
    groups: Groups,
}

impl Pattern {
    pub(crate) fn compile(text: &str) -> Result<Pattern, PatternError> {
        if text.len() > MAX_PATTERN {
            return Err(PatternError::new(
                0,
                format!(
                    "the pattern has {} bytes, more than {MAX_PATTERN}",
                    text.len()
                ),
            ));
        }
        let (node, groups) = parser::parse(text)?;
        let written = |subject| translate::write(&node, &groups, subject);
        let (exact_text, plain_text) = (written(Subject::Any)?, written(Subject::Ascii)?);
        let plain = build(&plain_text)?;
        let exact = if exact_text == plain_text {
            plain.clone()
        } else {
            build(&exact_text)?
        };
        Ok(Pattern {
            exact,
            plain,
            groups,
        })
    }

    fn for_text(&self, text: &str) -> &Regex {
        if text.is_ascii() && !text.ends_with('\n') {
            &self.plain
        } else {
            &self.exact
        }
    }

    /// Whether the pattern is found anywhere in `text`.
    pub(crate) fn is_match(&self, text: &str) -> Result<bool, Limit> {
        self.for_text(text)
            .is_match(text)
            .map_err(|_| Limit::Backtracking)
    }

    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// `Regex.Replace`: each match replaced, the text itself where there is none. The result has at most `room` bytes.
    pub(crate) fn replace<'t>(
        &self,
        text: &'t str,
        replacement: &Replacement,
        room: usize,
    ) -> Result<Cow<'t, str>, Limit> {
        let regex = self.for_text(text);
        let mut result = String::new();
        let mut copied = 0;
        let mut from = 0;
        let mut matches = 0;
        while from <= text.len() {
            let Some(captures) = regex
                .captures_from_pos(text, from)
                .map_err(|_| Limit::Backtracking)?
            else {
                break;
            };
            let Some(found) = captures.get(0) else { break };
            matches += 1;
            if matches > MAX_MATCHES {
                return Err(Limit::Matches);
            }
            result.push_str(text.get(copied..found.start()).unwrap_or_default());
            replacement.expand(text, &captures, &mut result);
            if result.len() > room {
                return Err(Limit::ValueLength);
            }
            copied = found.end();
            // .NET finds an empty match right behind another match, and moves on by one character after an empty one.
            let skipped = text
                .get(copied..)
                .and_then(|rest| rest.chars().next())
                .map_or(1, char::len_utf8);
            from = if found.start() == found.end() {
                copied + skipped
            } else {
                copied
            };
        }
        if matches == 0 {
            return Ok(Cow::Borrowed(text));
        }
        result.push_str(text.get(copied..).unwrap_or_default());
        if result.len() > room {
            Err(Limit::ValueLength)
        } else {
            Ok(Cow::Owned(result))
        }
    }
}

fn build(text: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(text)
        .backtrack_limit(BACKTRACK_LIMIT)
        .delegate_size_limit(COMPILED_SIZE)
        .delegate_dfa_size_limit(COMPILED_SIZE)
        .max_prog_size(PROGRAM_SIZE)
        .build()
        .map_err(|error| {
            PatternError::new(
                0,
                format!("the pattern cannot be run here ({error}); write it more simply"),
            )
        })
}

#[cfg(test)]
mod tests;
