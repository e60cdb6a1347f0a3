//! Reads .NET's pattern syntax.

mod class;
mod escape;
mod group;

use super::PatternError;
use super::tree::{Assertion, Node};

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
        let at = self.position;
        if self.quantifier()?.is_some() {
            let message = "a quantifier follows another one; put the first into a group (?:...)";
            return Err(PatternError::new(at, message));
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
}
