//! Where the parser is, and what it would take there.

use super::{Parse, Parser};
use crate::diagnostic::{Diagnostic, SYNTAX_ERROR, UNEXPECTED_INPUT};
use crate::syntax::lexer::{Kind, Token};
use crate::syntax::tree::{Span, Spanned};

impl<'t> Parser<'t> {
    pub(super) fn token_at(&self, position: usize) -> Token<'t> {
        let end = Span {
            start: self.source.len(),
            end: self.source.len(),
        };
        self.tokens.get(position).copied().unwrap_or(Token {
            kind: Kind::End,
            text: "",
            span: end,
        })
    }

    pub(super) fn token(&self) -> Token<'t> {
        self.token_at(self.position)
    }

    pub(super) fn followed_by(&self, symbol: &'static str) -> bool {
        self.token_at(self.position + 1).kind == Kind::Symbol(symbol)
    }

    pub(super) fn take(&mut self) -> Token<'t> {
        let token = self.token();
        self.position += 1;
        self.expected.clear();
        token
    }

    pub(super) fn at(&mut self, kind: Kind) -> bool {
        self.expected.push(kind.describe());
        self.token().kind == kind
    }

    pub(super) fn at_symbol(&mut self, symbol: &'static str) -> bool {
        self.at(Kind::Symbol(symbol))
    }

    pub(super) fn at_word(&mut self, word: &'static str) -> bool {
        self.expected.push(format!("'{word}'"));
        let token = self.token();
        token.kind == Kind::Name && token.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn eat(&mut self, symbol: &'static str) -> bool {
        let found = self.at_symbol(symbol);
        if found {
            self.take();
        }
        found
    }

    pub(super) fn expect(&mut self, kind: Kind) -> Parse<Token<'t>> {
        if self.at(kind) {
            Ok(self.take())
        } else {
            Err(self.unexpected())
        }
    }

    pub(super) fn symbol(&mut self, symbol: &'static str) -> Parse<Span> {
        self.expect(Kind::Symbol(symbol)).map(|token| token.span)
    }

    pub(super) fn word(&mut self, word: &'static str) -> Parse<Span> {
        if self.at_word(word) {
            Ok(self.take().span)
        } else {
            Err(self.unexpected())
        }
    }

    pub(super) fn name(&mut self) -> Parse<Spanned<String>> {
        self.expect(Kind::Name).map(|token| Spanned {
            value: token.text.to_owned(),
            span: token.span,
        })
    }

    pub(super) fn text(&mut self) -> Parse<Spanned<String>> {
        self.expect(Kind::Text).map(|token| Spanned {
            value: token.text.to_owned(),
            span: token.span,
        })
    }

    pub(super) fn unexpected(&mut self) -> Diagnostic {
        let token = self.token();
        if let (Kind::Invalid, Some(invalid)) = (token.kind, self.invalid.take()) {
            return invalid;
        }
        let found = match token.kind {
            Kind::Name | Kind::Number => format!("'{}'", token.text),
            Kind::Text => format!("\"{}\"", token.text),
            kind => kind.describe(),
        };
        self.expected.dedup();
        let message = format!(
            "syntax error, unexpected {found}, expecting one of the following: {}",
            self.expected.join(", ")
        );
        // A number outside COUNT is no token of the language (section 1, L9).
        let code = if token.kind == Kind::Number {
            UNEXPECTED_INPUT
        } else {
            SYNTAX_ERROR
        };
        Diagnostic::error(self.source, token.span, message).with_inner_code(code)
    }

    pub(super) fn warn(&mut self, span: Span, message: &str, help: &str) {
        self.warnings
            .push(Diagnostic::warning(self.source, span, message).with_help(help));
    }
}
