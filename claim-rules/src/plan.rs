//! A rule set ready to run: names resolved, constant patterns compiled.

use crate::pattern::{Pattern, Replacement};
use crate::syntax::{NumericComparison, Property, Verb};

#[derive(Debug, Clone)]
pub(crate) struct PlannedRule {
    pub(crate) selectors: Vec<Tests>,
    pub(crate) aggregates: Vec<Aggregate>,
    pub(crate) verb: Verb,
    pub(crate) action: PlannedAction,
    /// For messages: `@RuleName` and the line of the rule's first character, from 1.
    pub(crate) name: Option<String>,
    pub(crate) line: usize,
}

/// The tests of one pair of brackets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tests {
    /// Depend on the claim alone.
    pub(crate) own: Vec<PlannedTest>,
    /// Look at claims that earlier selectors bound.
    pub(crate) joined: Vec<PlannedTest>,
}

#[derive(Debug, Clone)]
pub(crate) struct PlannedTest {
    /// Place between its brackets, from 0.
    pub(crate) place: usize,
    pub(crate) property: Property,
    pub(crate) negated: bool,
    pub(crate) against: Against,
}

#[derive(Debug, Clone)]
pub(crate) enum Against {
    Text(Text),
    Pattern(PatternSource),
}

impl PlannedTest {
    /// Whether it looks at a bound claim.
    pub(crate) fn refers(&self) -> bool {
        match &self.against {
            Against::Text(text) => text.refers(),
            Against::Pattern(pattern) => pattern.refers(),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Aggregate {
    pub(crate) tests: Tests,
    pub(crate) comparison: NumericComparison,
    pub(crate) number: u64,
}

#[derive(Debug, Clone)]
pub(crate) enum PlannedAction {
    /// The claim of this selector.
    Copy(usize),
    Create(Vec<(Property, Text)>),
    Query(Box<PlannedQuery>),
}

#[derive(Debug, Clone)]
pub(crate) struct PlannedQuery {
    pub(crate) store: Text,
    pub(crate) types: Vec<Text>,
    pub(crate) query: Text,
    pub(crate) params: Vec<Text>,
}

/// An expression.
#[derive(Debug, Clone)]
pub(crate) enum Text {
    Constant(String),
    /// A property of the claim of this selector.
    Reference(usize, Property),
    Joined(Vec<Text>),
    Replaced(Box<Replaced>),
}

impl Text {
    pub(crate) fn constant(&self) -> Option<&str> {
        match self {
            Text::Constant(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it looks at a bound claim.
    pub(crate) fn refers(&self) -> bool {
        match self {
            Text::Constant(_) => false,
            Text::Reference(..) => true,
            Text::Joined(parts) => parts.iter().any(Text::refers),
            Text::Replaced(call) => {
                call.input.refers() || call.pattern.refers() || call.replacement.refers()
            }
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Replaced {
    pub(crate) input: Text,
    pub(crate) pattern: PatternSource,
    pub(crate) replacement: ReplacementSource,
}

/// Patterns made of claims are compiled at each use.
#[derive(Debug, Clone)]
pub(crate) enum PatternSource {
    Constant(Box<Pattern>),
    Computed(Text),
}

impl PatternSource {
    pub(crate) fn refers(&self) -> bool {
        match self {
            PatternSource::Constant(_) => false,
            PatternSource::Computed(text) => text.refers(),
        }
    }
}

/// A replacement can be read ahead only when its pattern is known, since `$12` depends on the groups.
#[derive(Debug, Clone)]
pub(crate) enum ReplacementSource {
    Constant(Replacement),
    Computed(Text),
}

impl ReplacementSource {
    pub(crate) fn refers(&self) -> bool {
        match self {
            ReplacementSource::Constant(_) => false,
            ReplacementSource::Computed(text) => text.refers(),
        }
    }
}
