//! Recursive descent over the tokens (section 2).

use super::lexer::{Kind, Token, tokens};
use super::tree::{
    Action, Annotation, Assignment, Comparison, Condition, Content, Expression, NumericComparison,
    Property, Query, Rule, Span, Spanned, SyntaxTree, Term, Test, Verb,
};
use crate::diagnostic::{Diagnostic, SYNTAX_ERROR, UNEXPECTED_INPUT};

/// Longest rule text that is read, in bytes. The longest sets in the field have some dozens of KiB.
const MAX_TEXT: usize = 1024 * 1024;
/// How deep RegExReplace may be nested. Keeps the recursion of parser, compiler and evaluator bounded.
const MAX_NESTING: usize = 16;

/// An accepted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What it says.
    pub tree: SyntaxTree,
    /// What its author should look at again.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a rule set. Names are not resolved here: see [`crate::RuleSet::compile`].
///
/// # Errors
/// The first mistake in the text.
pub fn parse(source: &str) -> Result<Parsed, Diagnostic> {
    if source.len() > MAX_TEXT {
        let message = format!(
            "the rule set has {} bytes, more than {MAX_TEXT}",
            source.len()
        );
        return Err(Diagnostic::error(source, Span::default(), message)
            .with_help("split it between trusts or shorten it"));
    }
    let (tokens, invalid) = tokens(source);
    let mut parser = Parser {
        source,
        tokens,
        invalid,
        position: 0,
        expected: Vec::new(),
        nesting: 0,
        warnings: Vec::new(),
    };
    let mut tree = SyntaxTree::default();
    while !parser.at(Kind::End) {
        tree.rules.push(parser.rule()?);
    }
    Ok(Parsed {
        tree,
        warnings: parser.warnings,
    })
}

pub(super) struct Parser<'t> {
    source: &'t str,
    tokens: Vec<Token<'t>>,
    invalid: Option<Diagnostic>,
    position: usize,
    /// What would have been accepted at this position.
    expected: Vec<String>,
    nesting: usize,
    warnings: Vec<Diagnostic>,
}

type Parse<T> = Result<T, Diagnostic>;

impl<'t> Parser<'t> {
    fn token_at(&self, position: usize) -> Token<'t> {
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

    fn token(&self) -> Token<'t> {
        self.token_at(self.position)
    }

    fn followed_by(&self, symbol: &'static str) -> bool {
        self.token_at(self.position + 1).kind == Kind::Symbol(symbol)
    }

    fn take(&mut self) -> Token<'t> {
        let token = self.token();
        self.position += 1;
        self.expected.clear();
        token
    }

    fn at(&mut self, kind: Kind) -> bool {
        self.expected.push(kind.describe());
        self.token().kind == kind
    }

    fn at_symbol(&mut self, symbol: &'static str) -> bool {
        self.at(Kind::Symbol(symbol))
    }

    fn at_word(&mut self, word: &'static str) -> bool {
        self.expected.push(format!("'{word}'"));
        let token = self.token();
        token.kind == Kind::Name && token.text.eq_ignore_ascii_case(word)
    }

    fn eat(&mut self, symbol: &'static str) -> bool {
        let found = self.at_symbol(symbol);
        if found {
            self.take();
        }
        found
    }

    fn expect(&mut self, kind: Kind) -> Parse<Token<'t>> {
        if self.at(kind) {
            Ok(self.take())
        } else {
            Err(self.unexpected())
        }
    }

    fn symbol(&mut self, symbol: &'static str) -> Parse<Span> {
        self.expect(Kind::Symbol(symbol)).map(|token| token.span)
    }

    fn word(&mut self, word: &'static str) -> Parse<Span> {
        if self.at_word(word) {
            Ok(self.take().span)
        } else {
            Err(self.unexpected())
        }
    }

    fn name(&mut self) -> Parse<Spanned<String>> {
        self.expect(Kind::Name).map(|token| Spanned {
            value: token.text.to_owned(),
            span: token.span,
        })
    }

    fn text(&mut self) -> Parse<Spanned<String>> {
        self.expect(Kind::Text).map(|token| Spanned {
            value: token.text.to_owned(),
            span: token.span,
        })
    }

    fn unexpected(&mut self) -> Diagnostic {
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

    fn warn(&mut self, span: Span, message: &str, help: &str) {
        self.warnings
            .push(Diagnostic::warning(self.source, span, message).with_help(help));
    }

    fn rule(&mut self) -> Parse<Spanned<Rule>> {
        let start = self.token().span;
        let mut annotations = Vec::new();
        while self.eat("@") {
            annotations.push(self.annotation()?);
        }
        let mut conditions = Vec::new();
        if !self.at_symbol("=>") {
            conditions.push(self.condition()?);
            while self.eat("&&") {
                conditions.push(self.condition()?);
            }
        }
        self.symbol("=>")?;
        let (action, end) = self.action()?;
        let span = start.to(end);
        if !self.eat(";") {
            if !self.at(Kind::End) {
                return Err(self.unexpected().with_help("end each rule with ';'"));
            }
            self.warn(
                end,
                "the last rule does not end with ';'",
                "add it, so that a rule can be added after this one",
            );
        }
        Ok(Spanned {
            value: Rule {
                annotations,
                conditions,
                action,
            },
            span,
        })
    }

    fn annotation(&mut self) -> Parse<Annotation> {
        let name = self.name()?;
        self.symbol("=")?;
        let value = self.text()?;
        if !["RuleName", "RuleTemplate"]
            .iter()
            .any(|known| name.value.eq_ignore_ascii_case(known))
        {
            self.warn(
                name.span,
                &format!("unknown annotation @{}", name.value),
                "known ones are @RuleName and @RuleTemplate; it is kept and has no effect",
            );
        }
        Ok(Annotation { name, value })
    }

    fn condition(&mut self) -> Parse<Condition> {
        if self.at_symbol("[") {
            return Ok(Condition::Selector {
                name: None,
                tests: self.tests()?,
            });
        }
        let named = self.followed_by(":");
        if !named && self.at_word("not") {
            self.take();
            self.word("exists")?;
            return Ok(Condition::Exists {
                negated: true,
                tests: self.aggregated()?,
            });
        }
        if !named && self.at_word("exists") {
            self.take();
            return Ok(Condition::Exists {
                negated: false,
                tests: self.aggregated()?,
            });
        }
        if !named && self.at_word("count") {
            self.take();
            let tests = self.aggregated()?;
            let comparison = self.numeric_comparison()?;
            return Ok(Condition::Count {
                tests,
                comparison,
                number: self.number()?,
            });
        }
        let name = Some(self.name()?);
        self.symbol(":")?;
        Ok(Condition::Selector {
            name,
            tests: self.tests()?,
        })
    }

    fn aggregated(&mut self) -> Parse<Vec<Test>> {
        self.symbol("(")?;
        let tests = self.tests()?;
        self.symbol(")")?;
        Ok(tests)
    }

    fn numeric_comparison(&mut self) -> Parse<NumericComparison> {
        let all = [
            ("==", NumericComparison::Equal),
            ("!=", NumericComparison::NotEqual),
            (">", NumericComparison::Greater),
            ("<", NumericComparison::Less),
            (">=", NumericComparison::GreaterOrEqual),
            ("<=", NumericComparison::LessOrEqual),
        ];
        let found = all.into_iter().find(|(symbol, _)| self.eat(symbol));
        found
            .map(|(_, comparison)| comparison)
            .ok_or_else(|| self.unexpected())
    }

    fn number(&mut self) -> Parse<u64> {
        let token = self.expect(Kind::Number)?;
        token
            .text
            .parse()
            .map_err(|_| Diagnostic::error(self.source, token.span, "this number is too large"))
    }

    fn tests(&mut self) -> Parse<Vec<Test>> {
        self.symbol("[")?;
        let mut tests = Vec::new();
        if self.eat("]") {
            return Ok(tests);
        }
        loop {
            let property = self.property()?;
            let comparison = self.comparison()?;
            let expression = self.expression()?;
            tests.push(Test {
                property: property.value,
                comparison,
                expression,
            });
            if self.eat("]") {
                return Ok(tests);
            }
            self.symbol(",")?;
        }
    }

    fn comparison(&mut self) -> Parse<Comparison> {
        let all = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("=~", Comparison::Matches),
            ("!~", Comparison::NotMatches),
        ];
        let found = all.into_iter().find(|(symbol, _)| self.eat(symbol));
        found
            .map(|(_, comparison)| comparison)
            .ok_or_else(|| self.unexpected())
    }

    fn property(&mut self) -> Parse<Spanned<Property>> {
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

    /// Also gives the place of the closing parenthesis.
    fn action(&mut self) -> Parse<(Action, Span)> {
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

    fn creation(&mut self) -> Parse<Content> {
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

    fn query(&mut self) -> Parse<Query> {
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

    fn expression(&mut self) -> Parse<Spanned<Expression>> {
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

    fn term(&mut self) -> Parse<Term> {
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

    fn call(&mut self, function: &Spanned<String>) -> Parse<Term> {
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

#[cfg(test)]
#[path = "parser_tests.rs"]
mod tests;
