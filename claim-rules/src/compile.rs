//! From the syntax tree to a plan: what a rule means, and whether it can mean that (section 2, notes).

use crate::diagnostic::{Diagnostic, UNBOUND_IDENTIFIER};
use crate::pattern::{Pattern, Replacement};
use crate::plan::{
    Against, Aggregate, PatternSource, PlannedAction, PlannedQuery, PlannedRule, PlannedTest,
    Replaced, ReplacementSource, Tests, Text,
};
use crate::syntax::{
    Action, Comparison, Condition, Content, Expression, NumericComparison, Property, Rule, Span,
    Spanned, SyntaxTree, Term, Test, Verb,
};

/// Patterns are compiled once for each place; this bounds the time that a rule set takes to load.
const MAX_PATTERNS: usize = 2_000;

type Compile<T> = Result<T, Diagnostic>;

/// Compiles all rules of `tree`, which was read from `source`, and adds to `warnings`.
pub(crate) fn compile(
    source: &str,
    tree: &SyntaxTree,
    warnings: &mut Vec<Diagnostic>,
) -> Compile<Vec<PlannedRule>> {
    let mut patterns = 0;
    let mut rules = Vec::with_capacity(tree.rules.len());
    for rule in &tree.rules {
        let mut compiler = Compiler {
            source,
            bound: Vec::new(),
            patterns,
            warnings,
        };
        rules.push(compiler.rule(rule)?);
        patterns = compiler.patterns;
    }
    Ok(rules)
}

struct Compiler<'a> {
    source: &'a str,
    /// Names of the selectors so far, in lower case; `None` for those without.
    bound: Vec<Option<String>>,
    patterns: usize,
    warnings: &'a mut Vec<Diagnostic>,
}

impl Compiler<'_> {
    fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.source, span, message)
    }

    fn warn(&mut self, span: Span, message: &str, help: &str) {
        self.warnings
            .push(Diagnostic::warning(self.source, span, message).with_help(help));
    }

    fn rule(&mut self, rule: &Spanned<Rule>) -> Compile<PlannedRule> {
        let mut selectors = Vec::new();
        let mut aggregates = Vec::new();
        for condition in &rule.value.conditions {
            match condition {
                Condition::Selector { name, tests } => {
                    // The tests are compiled before the name is bound: a selector cannot refer to itself.
                    selectors.push(self.tests(tests)?);
                    self.bind(name.as_ref())?;
                }
                Condition::Exists { negated, tests } => {
                    let comparison = if *negated {
                        NumericComparison::Equal
                    } else {
                        NumericComparison::Greater
                    };
                    aggregates.push(Aggregate {
                        tests: self.tests(tests)?,
                        comparison,
                        number: 0,
                    });
                }
                Condition::Count {
                    tests,
                    comparison,
                    number,
                } => {
                    aggregates.push(Aggregate {
                        tests: self.tests(tests)?,
                        comparison: *comparison,
                        number: *number,
                    });
                }
            }
        }
        if !selectors.is_empty() && !aggregates.is_empty() {
            let help = "AD FS is documented to take either; split the rule with a claim made by add if it has to run there";
            self.warn(
                rule.span,
                "this rule mixes selectors with EXISTS, NOT EXISTS or COUNT",
                help,
            );
        }
        let action = self.action(&rule.value.action, rule.span)?;
        let before = self.source.get(..rule.span.start).unwrap_or_default();
        Ok(PlannedRule {
            selectors,
            aggregates,
            verb: rule.value.action.verb,
            action,
            name: rule.value.name().map(str::to_owned),
            line: before.matches('\n').count() + 1,
        })
    }

    fn bind(&mut self, name: Option<&Spanned<String>>) -> Compile<()> {
        let folded = name.map(|name| name.value.to_ascii_lowercase());
        if let Some(name) = name
            && self.bound.contains(&folded)
        {
            let message = format!(
                "the identifier '{}' is bound twice in this rule",
                name.value
            );
            return Err(self
                .error(name.span, message)
                .with_help("identifiers ignore case; give each selector its own"));
        }
        self.bound.push(folded);
        Ok(())
    }

    fn resolve(&self, name: &Spanned<String>) -> Compile<usize> {
        let folded = name.value.to_ascii_lowercase();
        self.bound
            .iter()
            .position(|bound| bound.as_ref() == Some(&folded))
            .ok_or_else(|| {
                let message = format!(
                    "no condition of this rule binds '{}' before it is used",
                    name.value
                );
                let known: Vec<&str> = self.bound.iter().flatten().map(String::as_str).collect();
                let help = if known.is_empty() {
                    format!("name a condition: {}:[...]", name.value)
                } else {
                    format!(
                        "name a condition {}:[...], or use one of: {}",
                        name.value,
                        known.join(", ")
                    )
                };
                self.error(name.span, message)
                    .with_code(UNBOUND_IDENTIFIER)
                    .with_help(help)
            })
    }

    fn tests(&mut self, tests: &[Test]) -> Compile<Tests> {
        let mut compiled = Tests::default();
        for (place, test) in tests.iter().enumerate() {
            let expression = &test.expression;
            let (negated, is_pattern) = match test.comparison {
                Comparison::Equal => (false, false),
                Comparison::NotEqual => (true, false),
                Comparison::Matches => (false, true),
                Comparison::NotMatches => (true, true),
            };
            let against = if is_pattern {
                Against::Pattern(self.pattern(expression)?)
            } else {
                Against::Text(self.text(expression)?)
            };
            if let (Property::Type, Against::Text(Text::Constant(text))) =
                (&test.property, &against)
            {
                self.look_at_type(text, expression.span);
            }
            let test = PlannedTest {
                place,
                property: test.property.clone(),
                negated,
                against,
            };
            if test.refers() {
                compiled.joined.push(test);
            } else {
                compiled.own.push(test);
            }
        }
        Ok(compiled)
    }

    fn look_at_type(&mut self, text: &str, span: Span) {
        if text.starts_with("https://schemas.microsoft.com/")
            || text.starts_with("https://schemas.xmlsoap.org/")
        {
            self.warn(
                span,
                "claim types of Microsoft begin with http://, so this one is probably never met",
                "write http:// instead of https://",
            );
        } else if text.trim() != text {
            self.warn(
                span,
                "this claim type begins or ends with a blank, which counts in comparisons",
                "delete the blank",
            );
        }
    }

    fn action(&mut self, action: &Action, span: Span) -> Compile<PlannedAction> {
        match &action.content {
            Content::Copy(name) => {
                if action.verb == Verb::Add {
                    self.warn(
                        name.span,
                        "add(claim = ...) has no effect: the claim is in the input set already",
                        "write issue to send it",
                    );
                }
                Ok(PlannedAction::Copy(self.resolve(name)?))
            }
            Content::Create(assignments) => {
                let mut compiled = Vec::with_capacity(assignments.len());
                for assignment in assignments {
                    let text = self.text(&assignment.expression)?;
                    if let (Property::Type, Some(constant)) =
                        (&assignment.property.value, text.constant())
                    {
                        self.look_at_type(constant, assignment.expression.span);
                    }
                    compiled.push((assignment.property.value.clone(), text));
                }
                if !compiled
                    .iter()
                    .any(|(property, _)| *property == Property::Type)
                {
                    let place = assignments
                        .first()
                        .map_or(span, |first| first.property.span);
                    let message = "a new claim needs a Type";
                    return Err(self
                        .error(place, message)
                        .with_help("add Type = \"...\", or copy a claim with claim = ..."));
                }
                Ok(PlannedAction::Create(compiled))
            }
            Content::Query(query) => {
                let all =
                    |compiler: &mut Self, list: &[Spanned<Expression>]| -> Compile<Vec<Text>> {
                        list.iter()
                            .map(|expression| compiler.text(expression))
                            .collect()
                    };
                Ok(PlannedAction::Query(Box::new(PlannedQuery {
                    store: self.text(&query.store)?,
                    types: all(self, &query.types)?,
                    query: self.text(&query.query)?,
                    params: all(self, &query.params)?,
                })))
            }
        }
    }

    fn text(&mut self, expression: &Spanned<Expression>) -> Compile<Text> {
        let mut parts: Vec<Text> = Vec::new();
        for term in &expression.value.terms {
            let part = match term {
                Term::Text(text) => Text::Constant(text.clone()),
                Term::Reference { name, property } => {
                    Text::Reference(self.resolve(name)?, property.clone())
                }
                Term::RegExReplace(arguments) => self.replaced(arguments)?,
            };
            match (parts.last_mut(), part) {
                (Some(Text::Constant(before)), Text::Constant(text)) => before.push_str(&text),
                (_, part) => parts.push(part),
            }
        }
        let single = if parts.len() == 1 { parts.pop() } else { None };
        Ok(single.unwrap_or(Text::Joined(parts)))
    }

    fn replaced(&mut self, arguments: &[Spanned<Expression>; 3]) -> Compile<Text> {
        let [input, pattern, replacement] = arguments;
        let input = self.text(input)?;
        let pattern = self.pattern(pattern)?;
        let replacement = self.text(replacement)?;
        let replacement = match (&pattern, replacement) {
            (PatternSource::Constant(pattern), Text::Constant(text)) => {
                ReplacementSource::Constant(Replacement::read(&text, pattern.groups()))
            }
            (_, text) => ReplacementSource::Computed(text),
        };
        Ok(Text::Replaced(Box::new(Replaced {
            input,
            pattern,
            replacement,
        })))
    }

    fn pattern(&mut self, expression: &Spanned<Expression>) -> Compile<PatternSource> {
        let text = self.text(expression)?;
        let Text::Constant(constant) = text else {
            return Ok(PatternSource::Computed(text));
        };
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            let message = format!("the rule set has more than {MAX_PATTERNS} regular expressions");
            return Err(self
                .error(expression.span, message)
                .with_help("join them by |, or split the rule set"));
        }
        let compiled = Pattern::compile(&constant).map_err(|error| {
            let mut span = expression.span;
            if let [Term::Text(_)] = expression.value.terms.as_slice() {
                // Behind the opening quote; an empty rest of the pattern is marked at the closing one.
                let at = span.start + 1 + error.position();
                span = Span { start: at, end: span.end.saturating_sub(1).max(at) };
            }
            self.error(span, format!("this regular expression cannot be used: {error}"))
                .with_help("patterns are those of .NET, without options; docs/claim-rules.md lists what is supported")
        })?;
        Ok(PatternSource::Constant(Box::new(compiled)))
    }
}

#[cfg(test)]
mod tests;
