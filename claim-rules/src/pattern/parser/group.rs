//! Groups `(...)` of all kinds.

use super::{Options, Parse, Parser};
use crate::pattern::tree::Node;

impl Parser<'_> {
    pub(super) fn group(&mut self) -> Parse<Option<Node>> {
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

    pub(super) fn close(&mut self) -> Parse<()> {
        if self.eat(")") {
            Ok(())
        } else {
            Err(self.error("a group is not closed"))
        }
    }

    pub(super) fn body(&mut self) -> Parse<Box<Node>> {
        let node = self.alternatives()?;
        self.close()?;
        Ok(Box::new(node))
    }

    pub(super) fn group_body(&mut self) -> Parse<Node> {
        Ok(Node::Group(self.body()?))
    }

    pub(super) fn capture(&mut self, name: Option<String>) -> Parse<Node> {
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

    pub(super) fn special_group(&mut self, outer: Options) -> Parse<Option<Node>> {
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

    pub(super) fn named(&mut self, closing: char) -> Parse<Node> {
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

    pub(super) fn inline_options(&mut self, outer: Options) -> Parse<Option<Node>> {
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
}
