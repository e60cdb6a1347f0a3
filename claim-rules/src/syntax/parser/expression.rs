//! Expressions and the properties that they name.

use super::{MAX_NESTING, Parse, Parser};
use crate::diagnostic::Diagnostic;
use crate::syntax::lexer::Kind;
use crate::syntax::tree::{Expression, Property, Spanned, Term};

impl Parser<'_> {
    pub(super) fn property(&mut self) -> Parse<Spanned<Property>> {
        let plain = [
            ("type", Property::Type),
            ("value", Property::Value),
            ("issuer", Property::Issuer),
            ("originalissuer", Property::OriginalIssuer),
            ("valuetype", Property::ValueType),
        ];
        if let Some((_, property)) = plain.into_iter().find(|(word, _)| self.at_word(word)) {
            return Ok(Spanned {
                value: property,
                span: self.take().span,
            });
        }
        let start = self.word("properties")?;
        self.symbol("[")?;
        let name = self.text()?.value;
        let end = self.symbol("]")?;
        Ok(Spanned {
            value: Property::Named(name),
            span: start.to(end),
        })
    }

    pub(super) fn expression(&mut self) -> Parse<Spanned<Expression>> {
        let start = self.token().span;
        let mut terms = vec![self.term()?];
        while self.eat("+") {
            terms.push(self.term()?);
        }
        let end = self.token_at(self.position.saturating_sub(1)).span;
        Ok(Spanned {
            value: Expression { terms },
            span: start.to(end),
        })
    }

    pub(super) fn term(&mut self) -> Parse<Term> {
        if self.at(Kind::Text) {
            return Ok(Term::Text(self.take().text.to_owned()));
        }
        let name = self.name()?;
        if self.at_symbol("(") {
            return self.call(&name);
        }
        self.symbol(".")?;
        Ok(Term::Reference {
            name,
            property: self.property()?.value,
        })
    }

    pub(super) fn call(&mut self, function: &Spanned<String>) -> Parse<Term> {
        if !function.value.eq_ignore_ascii_case("RegExReplace") {
            let message = format!("there is no function '{}'", function.value);
            return Err(Diagnostic::error(self.source, function.span, message)
                .with_help("the only function is RegExReplace(input, pattern, replacement)"));
        }
        if self.nesting == MAX_NESTING {
            let message = format!("RegExReplace is nested more than {MAX_NESTING} times");
            return Err(Diagnostic::error(self.source, function.span, message)
                .with_help("use intermediate claims made by add"));
        }
        self.nesting += 1;
        self.symbol("(")?;
        let input = self.expression()?;
        self.symbol(",")?;
        let pattern = self.expression()?;
        self.symbol(",")?;
        let replacement = self.expression()?;
        self.symbol(")")?;
        self.nesting -= 1;
        Ok(Term::RegExReplace(Box::new([input, pattern, replacement])))
    }
}
