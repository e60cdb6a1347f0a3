//! Writes a .NET pattern in the syntax of the engine, without any option of its own.

use std::fmt::Write as _;

use super::PatternError;
use super::characters::equal_ignoring_case;
use super::parser::Groups;
use super::tree::{Assertion, Class, Item, Node, Reference};

/// Most characters of a range outside ASCII whose case forms are listed one by one.
const MAX_FOLDED_RANGE: u32 = 4096;

/// Which texts the written pattern is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// All.
    Any,
    /// Those of ASCII characters only that do not end with a line feed.
    Ascii,
}

/// Writes `node`. Groups keep their order and lose their names.
pub(super) fn write(
    node: &Node,
    groups: &Groups,
    subject: Subject,
) -> Result<String, PatternError> {
    let mut writer = Writer {
        text: String::new(),
        groups,
        subject,
    };
    writer.node(node)?;
    Ok(writer.text)
}

struct Writer<'g> {
    text: String,
    groups: &'g Groups,
    subject: Subject,
}

impl Writer<'_> {
    fn within(&mut self, opening: &str, node: &Node) -> Result<(), PatternError> {
        self.text.push_str(opening);
        self.node(node)?;
        self.text.push(')');
        Ok(())
    }

    fn node(&mut self, node: &Node) -> Result<(), PatternError> {
        match node {
            Node::Empty => {}
            Node::Character {
                character,
                ignore_case: false,
            } => self.character(*character),
            Node::Character {
                character,
                ignore_case: true,
            } => self.any_case(*character),
            Node::Any {
                also_line_feed: true,
            } => self.text.push_str("(?s:.)"),
            Node::Any {
                also_line_feed: false,
            } => self.text.push_str("[^\\n]"),
            Node::Class(class) => self.class(class)?,
            Node::Assertion(assertion) => self.text.push_str(self.assertion(*assertion)),
            Node::Group(node) => self.within("(?:", node)?,
            Node::Capture { node, .. } => self.within("(", node)?,
            Node::Look {
                behind,
                negated,
                node,
            } => {
                let opening = match (behind, negated) {
                    (false, false) => "(?=",
                    (false, true) => "(?!",
                    (true, false) => "(?<=",
                    (true, true) => "(?<!",
                };
                self.within(opening, node)?;
            }
            Node::Atomic(node) => self.within("(?>", node)?,
            Node::Sequence(nodes) => nodes.iter().try_for_each(|node| self.node(node))?,
            Node::Alternatives(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    self.text.push_str(if index > 0 { "|" } else { "" });
                    self.node(node)?;
                }
            }
            Node::Repeat {
                node,
                least,
                most,
                lazy,
            } => {
                self.within("(?:", node)?;
                match (least, most) {
                    (0, None) => self.text.push('*'),
                    (1, None) => self.text.push('+'),
                    (0, Some(1)) => self.text.push('?'),
                    (least, None) => self.push(format_args!("{{{least},}}")),
                    (least, Some(most)) => self.push(format_args!("{{{least},{most}}}")),
                }
                self.text.push_str(if *lazy { "?" } else { "" });
            }
            Node::BackReference {
                group,
                at,
                ignore_case,
            } => {
                let place = match group {
                    Reference::Number(number) => self.groups.by_number(*number),
                    Reference::Name(name) => self.groups.by_name(name),
                };
                let place = place.ok_or_else(|| {
                    PatternError::new(*at, "this refers to a group that the pattern does not have; write characters by code as \\x41")
                })?;
                let flag = if *ignore_case { "i" } else { "" };
                self.push(format_args!("(?{flag}:\\{})", place + 1));
            }
        }
        Ok(())
    }

    fn push(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _ = self.text.write_fmt(arguments);
    }

    fn assertion(&self, assertion: Assertion) -> &'static str {
        match (assertion, self.subject) {
            (Assertion::Start, _) => "\\A",
            (Assertion::LineStart, _) => "(?m:^)",
            (Assertion::End, Subject::Any) => "(?=\\n?\\z)",
            (Assertion::LineEnd, _) => "(?m:$)",
            (Assertion::VeryEnd, _) | (Assertion::End, Subject::Ascii) => "\\z",
            (Assertion::WordBoundary, Subject::Ascii) => "\\b",
            (Assertion::NoWordBoundary, Subject::Ascii) => "\\B",
            (Assertion::WordBoundary, Subject::Any) => concat!(
                "(?:(?<=[\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}\\x{200C}\\x{200D}])(?![\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}\\x{200C}\\x{200D}])",
                "|(?<![\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}\\x{200C}\\x{200D}])(?=[\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}\\x{200C}\\x{200D}]))"
            ),
            (Assertion::NoWordBoundary, Subject::Any) => concat!(
                "(?:(?<=[\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}\\x{200C}\\x{200D}])(?=[\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}\\x{200C}\\x{200D}])",
                "|(?<![\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}\\x{200C}\\x{200D}])(?![\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}\\x{200C}\\x{200D}]))"
            ),
        }
    }

    fn character(&mut self, character: char) {
        if character.is_ascii_alphanumeric() {
            self.text.push(character);
        } else {
            self.push(format_args!("\\x{{{:X}}}", u32::from(character)));
        }
    }

    fn any_case(&mut self, character: char) {
        let all = equal_ignoring_case(character);
        if let [only] = all.as_slice() {
            return self.character(*only);
        }
        self.text.push('[');
        all.into_iter().for_each(|one| self.character(one));
        self.text.push(']');
    }

    fn class(&mut self, class: &Class) -> Result<(), PatternError> {
        if class.subtracted.is_some() {
            self.text.push('[');
        }
        self.text.push_str(if class.negated { "[^" } else { "[" });
        for item in &class.items {
            self.item(item, class.ignore_case)?;
        }
        self.text.push(']');
        if let Some(subtracted) = &class.subtracted {
            self.text.push_str("--");
            self.class(subtracted)?;
            self.text.push(']');
        }
        Ok(())
    }

    fn item(&mut self, item: &Item, ignore_case: bool) -> Result<(), PatternError> {
        let (text, negated) = match (item, self.subject) {
            (Item::Range(first, last), _) => {
                self.range(*first, *last);
                return if ignore_case {
                    self.case_forms(*first, *last)
                } else {
                    Ok(())
                };
            }
            (Item::Category { name, negated }, _) => {
                self.push(format_args!(
                    "\\{}{{{name}}}",
                    if *negated { 'P' } else { 'p' }
                ));
                return Ok(());
            }
            (Item::Digit { negated }, Subject::Any) => ("\\p{Nd}", *negated),
            (Item::Digit { negated }, Subject::Ascii) => ("0-9", *negated),
            (Item::Word { negated }, Subject::Any) => ("\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}", *negated),
            (Item::Word { negated }, Subject::Ascii) => ("0-9A-Z\\x{5F}a-z", *negated),
            (Item::Space { negated }, Subject::Any) => ("\\x{9}-\\x{D}\\x{85}\\p{Z}", *negated),
            (Item::Space { negated }, Subject::Ascii) => ("\\x{9}-\\x{D}\\x{20}", *negated),
        };
        if negated {
            self.push(format_args!("[^{text}]"));
        } else {
            self.text.push_str(text);
        }
        Ok(())
    }

    fn range(&mut self, first: char, last: char) {
        self.character(first);
        if last > first {
            self.text.push('-');
            self.character(last);
        }
    }

    /// The other case forms of the characters of a range.
    fn case_forms(&mut self, first: char, last: char) -> Result<(), PatternError> {
        if u32::from(last) - u32::from(first) > MAX_FOLDED_RANGE {
            return Err(PatternError::new(
                0,
                format!("the range {first}-{last} is too large for (?i)"),
            ));
        }
        let mut others: Vec<char> = (first..=last)
            .flat_map(equal_ignoring_case)
            .filter(|other| !(first..=last).contains(other))
            .collect();
        others.sort_unstable();
        others.dedup();
        let mut others = others.into_iter().peekable();
        while let Some(start) = others.next() {
            let mut end = start;
            while let Some(next) = others.next_if(|next| u32::from(*next) == u32::from(end) + 1) {
                end = next;
            }
            self.range(start, end);
        }
        Ok(())
    }
}
