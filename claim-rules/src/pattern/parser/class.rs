//! Classes `[...]`.

use super::{MAX_NESTING, Parse, Parser};
use crate::pattern::tree::{Class, Item};

impl Parser<'_> {
    /// A class behind its opening bracket.
    pub(super) fn class(&mut self, ignore_case: bool) -> Parse<Class> {
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

    pub(super) fn class_item(&mut self, items: &mut Vec<Item>) -> Parse<()> {
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

    pub(super) fn class_character_escape(&mut self) -> Parse<char> {
        if self.eat("b") {
            Ok('\u{8}')
        } else {
            self.character_escape()
        }
    }

    /// `first`, or a range that begins with it.
    pub(super) fn range(&mut self, first: char, items: &mut Vec<Item>) -> Parse<()> {
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
