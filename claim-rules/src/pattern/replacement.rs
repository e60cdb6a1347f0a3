//! The replacement text of RegExReplace (section 3.6).

use fancy_regex::Captures;

use super::parser::Groups;

/// A replacement text, read against the groups of its pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replacement {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The group with this index in the engine; 0 is the whole match.
    Group(usize),
    /// `` $` ``
    Before,
    /// `$'`
    After,
    /// `$_`
    Input,
}

impl Replacement {
    /// Reads `text`. What is no substitution stands for itself, so this cannot fail.
    pub(crate) fn read(text: &str, groups: &Groups) -> Replacement {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            let (before, from_dollar) = rest.split_at(dollar);
            literal.push_str(before);
            let after = from_dollar.get(1..).unwrap_or_default();
            if let Some(tail) = after.strip_prefix('$') {
                literal.push('$');
                rest = tail;
            } else if let Some((part, length)) = substitution(after, groups) {
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(part);
                rest = after.get(length..).unwrap_or_default();
            } else {
                literal.push('$');
                rest = after;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Replacement { parts }
    }

    /// Appends the replacement of one match in `text`. A group that took no part is empty.
    pub(super) fn expand(&self, text: &str, captures: &Captures<'_, str>, result: &mut String) {
        let whole = captures
            .get(0)
            .map_or(0..0, |found| found.start()..found.end());
        for part in &self.parts {
            result.push_str(match part {
                Part::Text(literal) => literal,
                Part::Group(index) => captures.get(*index).map_or("", |found| found.as_str()),
                Part::Before => text.get(..whole.start).unwrap_or_default(),
                Part::After => text.get(whole.end..).unwrap_or_default(),
                Part::Input => text,
            });
        }
    }
}

/// The substitution that `text`, behind a dollar, begins with, and its length.
fn substitution(text: &str, groups: &Groups) -> Option<(Part, usize)> {
    let number = |digits: &str| -> Option<Part> {
        match digits.parse().ok()? {
            0 => Some(Part::Group(0)),
            number => groups.by_number(number).map(|place| Part::Group(place + 1)),
        }
    };
    match text.chars().next()? {
        '&' => Some((Part::Group(0), 1)),
        '`' => Some((Part::Before, 1)),
        '\'' => Some((Part::After, 1)),
        '_' => Some((Part::Input, 1)),
        '+' => Some((
            groups
                .by_number(groups.count())
                .map_or(Part::Group(0), |place| Part::Group(place + 1)),
            1,
        )),
        '{' => {
            let name = text.get(1..text.find('}')?)?;
            let part = if name.starts_with(|first: char| first.is_ascii_digit()) {
                number(name)?
            } else {
                Part::Group(groups.by_name(name)? + 1)
            };
            Some((part, name.len() + 2))
        }
        '0'..='9' => {
            let digits = text
                .find(|next: char| !next.is_ascii_digit())
                .unwrap_or(text.len());
            // As many digits as name a group that exists; no pattern has more groups than four digits count.
            (1..=digits.min(4))
                .rev()
                .find_map(|length| Some((number(text.get(..length)?)?, length)))
        }
        _ => None,
    }
}
