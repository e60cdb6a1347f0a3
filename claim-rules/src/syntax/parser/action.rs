//! Actions: what stands behind `=>`.

use super::{Parse, Parser};
use crate::diagnostic::Diagnostic;
use crate::syntax::tree::{Action, Assignment, Content, Query, Span, Verb};

impl Parser<'_> {
    /// Also gives the place of the closing parenthesis.
    pub(super) fn action(&mut self) -> Parse<(Action, Span)> {
        let verb = match () {
            () if self.at_word("issue") => Verb::Issue,
            () if self.at_word("add") => Verb::Add,
            () => return Err(self.unexpected()),
        };
        self.take();
        self.symbol("(")?;
        let content = if self.at_word("claim") {
            self.take();
            self.symbol("=")?;
            Content::Copy(self.name()?)
        } else if self.at_word("store") {
            Content::Query(Box::new(self.query()?))
        } else {
            self.creation()?
        };
        let end = self.symbol(")")?;
        Ok((Action { verb, content }, end))
    }

    pub(super) fn creation(&mut self) -> Parse<Content> {
        let mut assignments: Vec<Assignment> = Vec::new();
        loop {
            let property = self.property()?;
            self.symbol("=")?;
            let expression = self.expression()?;
            if assignments
                .iter()
                .any(|earlier| earlier.property == property)
            {
                let message = "this property is assigned twice in one action";
                return Err(Diagnostic::error(self.source, property.span, message)
                    .with_help("keep one of the assignments"));
            }
            assignments.push(Assignment {
                property,
                expression,
            });
            if !self.eat(",") {
                return Ok(Content::Create(assignments));
            }
        }
    }

    pub(super) fn query(&mut self) -> Parse<Query> {
        self.word("store")?;
        self.symbol("=")?;
        let store = self.expression()?;
        self.symbol(",")?;
        self.word("types")?;
        self.symbol("=")?;
        self.symbol("(")?;
        let mut types = vec![self.expression()?];
        while self.eat(",") {
            types.push(self.expression()?);
        }
        self.symbol(")")?;
        self.symbol(",")?;
        self.word("query")?;
        self.symbol("=")?;
        let query = self.expression()?;
        let mut params = Vec::new();
        while self.eat(",") {
            self.word("param")?;
            self.symbol("=")?;
            params.push(self.expression()?);
        }
        Ok(Query {
            store,
            types,
            query,
            params,
        })
    }
}
