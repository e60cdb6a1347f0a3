//! Reads .NET's pattern syntax.

use super::PatternError;
use super::tree::{Assertion, Class, Item, Node, Reference};

/// How deep groups and classes may be nested.
const MAX_NESTING: usize = 40;

/// Capturing groups in the order of their parentheses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Groups {
    names: Vec<Option<String>>,
}

impl Groups {
    /// Place of the group with this .NET number (from 1): groups without a name come first, named ones after them.
    pub(super) fn by_number(&self, number: usize) -> Option<usize> {
        let unnamed = self
            .names
            .iter()
            .enumerate()
            .filter(|(_, name)| name.is_none());
        let named = self
            .names
            .iter()
            .enumerate()
            .filter(|(_, name)| name.is_some());
        unnamed
            .chain(named)
            .map(|(place, _)| place)
            .nth(number.checked_sub(1)?)
    }

    /// Place of the group with this name.
    pub(super) fn by_name(&self, name: &str) -> Option<usize> {
        self.names
            .iter()
            .position(|known| known.as_deref() == Some(name))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.names.len()
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Options {
    ignore_case: bool,
    multiline: bool,
    single_line: bool,
    explicit_capture: bool,
    ignore_blanks: bool,
}

pub(super) struct Parser<'p> {
    text: &'p str,
    position: usize,
    options: Options,
    groups: Groups,
    nesting: usize,
    looking_behind: bool,
}

type Parse<T> = Result<T, PatternError>;

/// Reads a whole pattern.
pub(super) fn parse(text: &str) -> Parse<(Node, Groups)> {
    let mut parser = Parser {
        text,
        position: 0,
        options: Options::default(),
        groups: Groups::default(),
        nesting: 0,
        looking_behind: false,
    };
    let node = parser.alternatives()?;
    if parser.peek().is_some() {
        return Err(parser.error("there are too many closing parentheses"));
    }
    Ok((node, parser.groups))
}

impl<'p> Parser<'p> {
    fn rest(&self) -> &'p str {
        self.text.get(self.position..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.position += next.len_utf8();
        Some(next)
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.position += text.len();
        }
        found
    }

    fn take_while(&mut self, accepts: impl Fn(char) -> bool) -> &'p str {
        let rest = self.rest();
        let length = rest.find(|next: char| !accepts(next)).unwrap_or(rest.len());
        self.position += length;
        rest.get(..length).unwrap_or_default()
    }

    pub(super) fn error(&self, message: impl Into<String>) -> PatternError {
        PatternError::new(self.position.min(self.text.len()), message)
    }

    fn alternatives(&mut self) -> Parse<Node> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.error(format!("groups are nested more than {MAX_NESTING} times")));
        }
        let mut all = vec![self.sequence()?];
        while self.eat("|") {
            all.push(self.sequence()?);
        }
        self.nesting -= 1;
        Ok(if all.len() > 1 {
            Node::Alternatives(all)
        } else {
            all.pop().unwrap_or(Node::Empty)
        })
    }

    fn sequence(&mut self) -> Parse<Node> {
        let mut nodes = Vec::new();
        loop {
            self.skip_blanks()?;
            match self.peek() {
                None | Some('|' | ')') => {
                    return Ok(if nodes.is_empty() {
                        Node::Empty
                    } else {
                        Node::Sequence(nodes)
                    });
                }
                Some(_) => {
                    if let Some(atom) = self.atom()? {
                        nodes.push(self.quantified(atom)?);
                    }
                }
            }
        }
    }

    /// Comments, and with option `x` blanks.
    fn skip_blanks(&mut self) -> Parse<()> {
        loop {
            if self.eat("(?#") {
                self.take_while(|next| next != ')');
                if !self.eat(")") {
                    return Err(self.error("a comment (?#...) is not closed"));
                }
            } else if self.options.ignore_blanks
                && self
                    .peek()
                    .is_some_and(|next| next.is_ascii_whitespace() || next == '\u{b}')
            {
                self.take();
            } else if self.options.ignore_blanks && self.peek() == Some('#') {
                self.take_while(|next| next != '\n');
            } else {
                return Ok(());
            }
        }
    }

    /// `None` for what is no part of the match, such as `(?i)`.
    fn atom(&mut self) -> Parse<Option<Node>> {
        let options = self.options;
        let Some(first) = self.take() else {
            return Ok(None);
        };
        let node = match first {
            '^' if options.multiline => Node::Assertion(Assertion::LineStart),
            '^' => Node::Assertion(Assertion::Start),
            '$' if options.multiline => Node::Assertion(Assertion::LineEnd),
            '$' => Node::Assertion(Assertion::End),
            '.' => Node::Any {
                also_line_feed: options.single_line,
            },
            '[' => Node::Class(self.class(options.ignore_case)?),
            '(' => return self.group(),
            '\\' => self.escape(options.ignore_case)?,
            '*' | '+' | '?' => {
                return Err(self.error(format!(
                    "the quantifier '{first}' follows nothing that it could repeat"
                )));
            }
            character => Node::Character {
                character,
                ignore_case: options.ignore_case,
            },
        };
        Ok(Some(node))
    }

    fn quantified(&mut self, atom: Node) -> Parse<Node> {
        self.skip_blanks()?;
        let Some((least, most)) = self.quantifier()? else {
            return Ok(atom);
        };
        let lazy = self.eat("?");
        self.skip_blanks()?;
        if self.quantifier()?.is_some() {
            return Err(
                self.error("a quantifier follows another one; put the first into a group (?:...)")
            );
        }
        Ok(Node::Repeat {
            node: Box::new(atom),
            least,
            most,
            lazy,
        })
    }

    fn quantifier(&mut self) -> Parse<Option<(u32, Option<u32>)>> {
        let start = self.position;
        match self.peek() {
            Some('*') => self.take().map_or(Ok(None), |_| Ok(Some((0, None)))),
            Some('+') => self.take().map_or(Ok(None), |_| Ok(Some((1, None)))),
            Some('?') => self.take().map_or(Ok(None), |_| Ok(Some((0, Some(1))))),
            Some('{') => {
                self.take();
                let bounds = self.bounds();
                if bounds.is_none() {
                    // As .NET does, a brace that begins no quantifier is an ordinary character.
                    self.position = start;
                }
                if let Some((least, Some(most))) = bounds
                    && least > most
                {
                    return Err(self.error("the bounds of a quantifier are in the wrong order"));
                }
                Ok(bounds)
            }
            _ => Ok(None),
        }
    }

    fn bounds(&mut self) -> Option<(u32, Option<u32>)> {
        let digits = |next: char| next.is_ascii_digit();
        let least = self.take_while(digits).parse().ok()?;
        if self.eat("}") {
            return Some((least, Some(least)));
        }
        if !self.eat(",") {
            return None;
        }
        let most = self.take_while(digits);
        let most = if most.is_empty() {
            None
        } else {
            Some(most.parse().ok()?)
        };
        self.eat("}").then_some((least, most))
    }

    fn group(&mut self) -> Parse<Option<Node>> {
        let outer = self.options;
        let node = if self.eat("?") {
            self.special_group(outer)?
        } else if outer.explicit_capture {
            Some(self.group_body()?)
        } else {
            Some(self.capture(None)?)
        };
        if let Some(node) = node {
            self.options = outer;
            return Ok(Some(node));
        }
        Ok(None)
    }

    fn close(&mut self) -> Parse<()> {
        if self.eat(")") {
            Ok(())
        } else {
            Err(self.error("a group is not closed"))
        }
    }

    fn body(&mut self) -> Parse<Box<Node>> {
        let node = self.alternatives()?;
        self.close()?;
        Ok(Box::new(node))
    }

    fn group_body(&mut self) -> Parse<Node> {
        Ok(Node::Group(self.body()?))
    }

    fn capture(&mut self, name: Option<String>) -> Parse<Node> {
        if self.looking_behind {
            return Err(self
                .error("a capturing group inside a look-behind is not supported; write (?:...)"));
        }
        let order = self.groups.names.len();
        self.groups.names.push(name);
        Ok(Node::Capture {
            order,
            node: self.body()?,
        })
    }

    fn special_group(&mut self, outer: Options) -> Parse<Option<Node>> {
        let look = |behind, negated| {
            move |node| Node::Look {
                behind,
                negated,
                node,
            }
        };
        if self.eat(":") {
            return self.group_body().map(Some);
        }
        if self.eat("=") {
            return self.body().map(look(false, false)).map(Some);
        }
        if self.eat("!") {
            return self.body().map(look(false, true)).map(Some);
        }
        if self.eat(">") {
            return self.body().map(Node::Atomic).map(Some);
        }
        for (opening, negated) in [("<=", false), ("<!", true)] {
            if self.eat(opening) {
                let before = std::mem::replace(&mut self.looking_behind, true);
                let node = self.body()?;
                self.looking_behind = before;
                return Ok(Some(look(true, negated)(node)));
            }
        }
        if self.eat("<") {
            return self.named('>').map(Some);
        }
        if self.eat("'") {
            return self.named('\'').map(Some);
        }
        if self.peek() == Some('(') {
            return Err(self.error(
                "conditional groups (?(...)...) are not supported; write the cases as alternatives",
            ));
        }
        self.inline_options(outer)
    }

    fn named(&mut self, closing: char) -> Parse<Node> {
        let name = self
            .take_while(|next| next.is_alphanumeric() || next == '_')
            .to_owned();
        if self.peek() == Some('-') {
            return Err(self.error("balancing groups (?<a-b>...) are not supported"));
        }
        if self.take() != Some(closing) || name.is_empty() {
            return Err(
                self.error("a group name is letters and digits, and is closed like (?<name>...)")
            );
        }
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(
                self.error("groups with explicit numbers are not supported; give the group a name")
            );
        }
        if self.groups.by_name(&name).is_some() {
            return Err(self.error(format!("the group name '{name}' is used twice, which is not supported; give each group its own")));
        }
        self.capture(Some(name))
    }

    fn inline_options(&mut self, outer: Options) -> Parse<Option<Node>> {
        let mut options = outer;
        let mut on = true;
        loop {
            let Some(next) = self.take() else {
                return Err(self.error("a group is not closed"));
            };
            match next.to_ascii_lowercase() {
                '-' => on = false,
                '+' => on = true,
                'i' => options.ignore_case = on,
                'm' => options.multiline = on,
                's' => options.single_line = on,
                'n' => options.explicit_capture = on,
                'x' => options.ignore_blanks = on,
                ':' => {
                    self.options = options;
                    return self.group_body().map(Some);
                }
                ')' => {
                    self.options = options;
                    return Ok(None);
                }
                _ => return Err(self.error(format!("the group (?{next}...) is unknown"))),
            }
        }
    }

    fn escape(&mut self, ignore_case: bool) -> Parse<Node> {
        let at = self.position;
        let Some(next) = self.peek() else {
            return Err(self.error("the pattern ends with a backslash"));
        };
        if let Some(item) = self.class_escape()? {
            return Ok(Node::Class(Class {
                negated: false,
                items: vec![item],
                subtracted: None,
                ignore_case,
            }));
        }
        let assertion = match next {
            'A' => Some(Assertion::Start),
            'Z' => Some(Assertion::End),
            'z' => Some(Assertion::VeryEnd),
            'b' => Some(Assertion::WordBoundary),
            'B' => Some(Assertion::NoWordBoundary),
            _ => None,
        };
        if let Some(assertion) = assertion {
            self.take();
            return Ok(Node::Assertion(assertion));
        }
        let group = match next {
            '1'..='9' => {
                let digits = self.take_while(|digit| digit.is_ascii_digit());
                Reference::Number(
                    digits
                        .parse()
                        .map_err(|_| PatternError::new(at, "this group number is too large"))?,
                )
            }
            'k' => {
                self.take();
                let closing = if self.eat("<") {
                    '>'
                } else if self.eat("'") {
                    '\''
                } else {
                    return Err(self.error("write \\k<name>"));
                };
                let name = self.take_while(|next| next.is_alphanumeric() || next == '_');
                if self.take() != Some(closing) {
                    return Err(self.error("a group name in \\k<name> is not closed"));
                }
                name.parse()
                    .map_or_else(|_| Reference::Name(name.to_owned()), Reference::Number)
            }
            'G' => return Err(self.error("\\G is not supported")),
            _ => {
                return Ok(Node::Character {
                    character: self.character_escape()?,
                    ignore_case,
                });
            }
        };
        Ok(Node::BackReference {
            group,
            at,
            ignore_case,
        })
    }

    /// `\d` and the like, behind the backslash.
    fn class_escape(&mut self) -> Parse<Option<Item>> {
        let Some(next) = self.peek() else {
            return Ok(None);
        };
        let negated = next.is_ascii_uppercase();
        let item = match next {
            'd' | 'D' => Item::Digit { negated },
            'w' | 'W' => Item::Word { negated },
            's' | 'S' => Item::Space { negated },
            'p' | 'P' => {
                self.take();
                return self.category(negated).map(Some);
            }
            _ => return Ok(None),
        };
        self.take();
        Ok(Some(item))
    }

    fn category(&mut self, negated: bool) -> Parse<Item> {
        const CATEGORIES: [&str; 37] = [
            "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P",
            "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl",
            "Zp", "C", "Cc", "Cf", "Cs", "Co", "Cn",
        ];
        let at = self.position;
        if !self.eat("{") {
            return Err(self.error("write \\p{category}"));
        }
        let name = self.take_while(|next| next != '}').to_owned();
        if !self.eat("}") || !CATEGORIES.contains(&name.as_str()) || name == "Cs" {
            let message = format!(
                "'{name}' is no general category such as L or Nd; named blocks such as IsGreek are not supported"
            );
            return Err(PatternError::new(at, message));
        }
        if self.options.ignore_case && ["Lu", "Ll", "Lt"].contains(&name.as_str()) {
            return Err(PatternError::new(
                at,
                "a category of upper or lower case letters under (?i) is not supported; write \\p{L}",
            ));
        }
        Ok(Item::Category { name, negated })
    }

    /// A character behind a backslash, in a class or outside.
    fn character_escape(&mut self) -> Parse<char> {
        let at = self.position;
        let Some(next) = self.take() else {
            return Err(self.error("the pattern ends with a backslash"));
        };
        let code = match next {
            'a' => 0x07,
            'e' => 0x1b,
            'f' => 0x0c,
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'v' => 0x0b,
            'x' => self.hexadecimal(2)?,
            'u' => self.hexadecimal(4)?,
            'c' => match self.take() {
                Some(letter @ ('@'..='_' | 'a'..='z')) => {
                    u32::from(letter.to_ascii_uppercase()) - 0x40
                }
                _ => return Err(self.error("\\c is followed by a letter")),
            },
            '0'..='7' => {
                let digits = self.take_while(|digit| ('0'..='7').contains(&digit));
                let octal = u32::from_str_radix(&format!("{next}{digits}"), 8)
                    .ok()
                    .filter(|code| *code <= 0xff && digits.len() < 3);
                octal.ok_or_else(|| {
                    PatternError::new(at, "an octal character has up to three digits")
                })?
            }
            other if other.is_alphanumeric() || other == '_' => {
                return Err(PatternError::new(
                    at,
                    format!("the escape \\{other} is unknown"),
                ));
            }
            other => return Ok(other),
        };
        char::from_u32(code)
            .ok_or_else(|| PatternError::new(at, "this escape stands for half a character"))
    }

    fn hexadecimal(&mut self, digits: usize) -> Parse<u32> {
        let text = self
            .rest()
            .get(..digits)
            .filter(|text| text.chars().all(|digit| digit.is_ascii_hexdigit()));
        let code = text.and_then(|text| u32::from_str_radix(text, 16).ok());
        let code = code
            .ok_or_else(|| self.error(format!("this escape needs {digits} hexadecimal digits")))?;
        self.position += digits;
        Ok(code)
    }

    /// A class behind its opening bracket.
    fn class(&mut self, ignore_case: bool) -> Parse<Class> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.error(format!("classes are nested more than {MAX_NESTING} times")));
        }
        let mut class = Class {
            negated: self.eat("^"),
            items: Vec::new(),
            subtracted: None,
            ignore_case,
        };
        loop {
            if self.rest().starts_with("[:") {
                return Err(
                    self.error("[:name:] has no meaning in .NET; write \\d, \\w, \\s or a range")
                );
            }
            if !class.items.is_empty() && self.eat("]") {
                break;
            }
            if !class.items.is_empty() && self.eat("-[") {
                class.subtracted = Some(Box::new(self.class(ignore_case)?));
                if !self.eat("]") {
                    return Err(self.error("a subtraction -[...] must stand last in its class"));
                }
                break;
            }
            self.class_item(&mut class.items)?;
        }
        self.nesting -= 1;
        Ok(class)
    }

    fn class_item(&mut self, items: &mut Vec<Item>) -> Parse<()> {
        if self.eat("\\") {
            if let Some(item) = self.class_escape()? {
                items.push(item);
                return Ok(());
            }
            let first = self.class_character_escape()?;
            return self.range(first, items);
        }
        let first = self
            .take()
            .ok_or_else(|| self.error("a class [...] is not closed"))?;
        self.range(first, items)
    }

    fn class_character_escape(&mut self) -> Parse<char> {
        if self.eat("b") {
            Ok('\u{8}')
        } else {
            self.character_escape()
        }
    }

    /// `first`, or a range that begins with it.
    fn range(&mut self, first: char, items: &mut Vec<Item>) -> Parse<()> {
        let mut ahead = self.rest().chars();
        let is_range = ahead.next() == Some('-') && !matches!(ahead.next(), Some(']' | '[') | None);
        if !is_range {
            items.push(Item::Range(first, first));
            return Ok(());
        }
        self.take();
        let last = if self.eat("\\") {
            if self.class_escape()?.is_some() {
                return Err(self.error("a range cannot end with a class such as \\d"));
            }
            self.class_character_escape()?
        } else {
            self.take().unwrap_or(first)
        };
        if first > last {
            return Err(self.error(format!("the range {first}-{last} is in the wrong order")));
        }
        items.push(Item::Range(first, last));
        Ok(())
    }
}
