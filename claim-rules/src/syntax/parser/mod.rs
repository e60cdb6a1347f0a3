//! Recursive descent over the tokens (section 2).

mod action;
mod cursor;
mod expression;

use super::lexer::{Kind, Token, tokens};
use super::tree::{
    Annotation, Comparison, Condition, NumericComparison, Rule, Span, Spanned, SyntaxTree, Test,
};
use crate::diagnostic::Diagnostic;

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
}

#[cfg(test)]
mod tests;
