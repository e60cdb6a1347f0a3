//! A .NET pattern, with all options resolved.

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Empty,
    Character {
        character: char,
        ignore_case: bool,
    },
    /// `.`
    Any {
        also_line_feed: bool,
    },
    Class(Class),
    Assertion(Assertion),
    Group(Box<Node>),
    /// The group with this place among all capturing groups, counted from 0.
    Capture {
        order: usize,
        node: Box<Node>,
    },
    Look {
        behind: bool,
        negated: bool,
        node: Box<Node>,
    },
    Atomic(Box<Node>),
    Sequence(Vec<Node>),
    Alternatives(Vec<Node>),
    Repeat {
        node: Box<Node>,
        least: u32,
        most: Option<u32>,
        lazy: bool,
    },
    BackReference {
        group: Reference,
        at: usize,
        ignore_case: bool,
    },
}

/// A group by number or name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reference {
    Number(usize),
    Name(String),
}

/// What must hold at a place, without consuming anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assertion {
    /// `\A`, and `^` without option `m`
    Start,
    /// `^` with option `m`
    LineStart,
    /// `\Z`, and `$` without option `m`: the end, or before a last line feed
    End,
    /// `$` with option `m`
    LineEnd,
    /// `\z`
    VeryEnd,
    /// `\b`
    WordBoundary,
    /// `\B`
    NoWordBoundary,
}

/// `[...]`, or an escape that stands for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) negated: bool,
    pub(super) items: Vec<Item>,
    /// `[...-[subtracted]]`
    pub(super) subtracted: Option<Box<Class>>,
    pub(super) ignore_case: bool,
}

/// A part of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Range(char, char),
    Digit {
        negated: bool,
    },
    Word {
        negated: bool,
    },
    Space {
        negated: bool,
    },
    /// `\p{name}` with a general category
    Category {
        name: String,
        negated: bool,
    },
}
