//! What one evaluation may cost (spec security CLM-1).

use std::fmt;

/// Upper bounds of one evaluation. Beyond one the evaluation fails as a whole; no part of its claims is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Times that actions run, over all rules.
    pub actions: usize,
    /// Comparisons of one claim with one test.
    pub tests: usize,
    /// Claims that rules make or copy.
    pub claims: usize,
    /// Bytes of one text in a claim.
    pub value_length: usize,
    /// Bytes of all claims, incoming ones among them.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            actions: 10_000,
            tests: 1_000_000,
            claims: 1_000,
            value_length: 64 * 1024,
            memory: 8 * 1024 * 1024,
        }
    }
}

/// The bound that was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::actions`].
    Actions,
    /// [`Limits::tests`].
    Tests,
    /// [`Limits::claims`].
    Claims,
    /// [`Limits::value_length`].
    ValueLength,
    /// [`Limits::memory`].
    Memory,
    /// Steps back in one regular expression match.
    Backtracking,
    /// Matches replaced by one RegExReplace.
    Matches,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Actions => "its actions ran too often; narrow the conditions, since several selectors multiply their matches",
            Limit::Tests => "it took too many comparisons; narrow the conditions, since several selectors multiply their matches",
            Limit::Claims => "it made too many claims; narrow the conditions",
            Limit::ValueLength => "a text grew too long; shorten the values",
            Limit::Memory => "the claims take too much memory; pass fewer or shorter ones",
            Limit::Backtracking => "a regular expression took too many steps; avoid quantifiers within quantifiers together with look-around or back references",
            Limit::Matches => "RegExReplace met too many matches; match longer pieces",
        })
    }
}

/// Counts against [`Limits`].
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    left: Limits,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Meter {
        Meter { left: limits }
    }

    fn spend(left: &mut usize, amount: usize, limit: Limit) -> Result<(), Limit> {
        *left = left.checked_sub(amount).ok_or(limit)?;
        Ok(())
    }

    pub(crate) fn action(&mut self) -> Result<(), Limit> {
        Meter::spend(&mut self.left.actions, 1, Limit::Actions)
    }

    pub(crate) fn actions_left(&self) -> usize {
        self.left.actions
    }

    pub(crate) fn test(&mut self) -> Result<(), Limit> {
        Meter::spend(&mut self.left.tests, 1, Limit::Tests)
    }

    pub(crate) fn claim(&mut self) -> Result<(), Limit> {
        Meter::spend(&mut self.left.claims, 1, Limit::Claims)
    }

    pub(crate) fn memory(&mut self, bytes: usize) -> Result<(), Limit> {
        Meter::spend(&mut self.left.memory, bytes, Limit::Memory)
    }

    pub(crate) fn value_length(&self) -> usize {
        self.left.value_length
    }
}
