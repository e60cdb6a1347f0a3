//! What follows a backslash.

use super::{Parse, Parser};
use crate::pattern::PatternError;
use crate::pattern::tree::{Assertion, Class, Item, Node, Reference};

impl Parser<'_> {
    pub(super) fn escape(&mut self, ignore_case: bool) -> Parse<Node> {
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
    pub(super) fn class_escape(&mut self) -> Parse<Option<Item>> {
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

    pub(super) fn category(&mut self, negated: bool) -> Parse<Item> {
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
    pub(super) fn character_escape(&mut self) -> Parse<char> {
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

    pub(super) fn hexadecimal(&mut self, digits: usize) -> Parse<u32> {
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
}
