//! The compiled rule set.

use std::sync::Arc;

use crate::claim::Claim;
use crate::compile::compile;
use crate::diagnostic::Diagnostic;
use crate::evaluation::{Evaluation, EvaluationError, Step};
use crate::limits::Limits;
use crate::plan::{Against, PlannedAction, PlannedRule, PlannedTest, Tests};
use crate::store::{AttributeStores, StoreError};
use crate::syntax::{Property, SyntaxTree, parse};
use crate::trace::Trace;

/// How `==` and `!=` compare (section 3.4). Sources disagree about AD FS, so that each trust can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Equality {
    /// Character by character.
    #[default]
    CaseSensitive,
    /// As .NET's `OrdinalIgnoreCase`.
    CaseInsensitive,
}

/// A rule set that is known to be right. Cheap to clone, shared by any number of evaluations.
#[derive(Debug, Clone)]
pub struct RuleSet {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    tree: SyntaxTree,
    rules: Vec<PlannedRule>,
    warnings: Vec<Diagnostic>,
    equality: Equality,
}

impl RuleSet {
    /// Compiles rule text; `==` is case-sensitive.
    ///
    /// # Errors
    /// The first mistake in the text.
    pub fn compile(text: &str) -> Result<RuleSet, Diagnostic> {
        RuleSet::compile_with(text, Equality::default())
    }

    /// Compiles rule text.
    ///
    /// # Errors
    /// The first mistake in the text.
    pub fn compile_with(text: &str, equality: Equality) -> Result<RuleSet, Diagnostic> {
        let parsed = parse(text)?;
        let mut warnings = parsed.warnings;
        let rules = compile(text, &parsed.tree, &mut warnings)?;
        Ok(RuleSet {
            inner: Arc::new(Inner {
                tree: parsed.tree,
                rules,
                warnings,
                equality,
            }),
        })
    }

    /// What the author should look at again, although the rules are accepted.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.inner.warnings
    }

    /// The rules as they were written; prints as rule text.
    pub fn syntax(&self) -> &SyntaxTree {
        &self.inner.tree
    }

    /// How `==` compares.
    pub fn equality(&self) -> Equality {
        self.inner.equality
    }

    /// Whether a claim of this type could matter to any rule. When not, an evaluation comes to the same without claims
    /// of that type, and a caller need not fetch them.
    pub fn may_read(&self, claim_type: &str) -> bool {
        let may_match = |tests: &Tests| {
            let excludes = |test: &PlannedTest| match (&test.property, &test.against) {
                (Property::Type, Against::Text(text)) if !test.negated => text
                    .constant()
                    .is_some_and(|constant| !constant.eq_ignore_ascii_case(claim_type)),
                _ => false,
            };
            !tests.own.iter().any(excludes)
        };
        self.rules().iter().any(|rule| {
            rule.selectors.iter().any(may_match)
                || rule
                    .aggregates
                    .iter()
                    .any(|aggregate| may_match(&aggregate.tests))
        })
    }

    /// Texts of the queries that rules put to this store, as far as they are written down and not made of claims. Lets a
    /// caller fetch at once what several queries will ask for.
    pub fn queries_to<'r>(&'r self, store: &'r str) -> impl Iterator<Item = &'r str> {
        self.rules()
            .iter()
            .filter_map(move |rule| match &rule.action {
                PlannedAction::Query(query) if query.store.constant() == Some(store) => {
                    query.query.constant()
                }
                _ => None,
            })
    }

    pub(crate) fn rules(&self) -> &[PlannedRule] {
        &self.inner.rules
    }

    /// Begins an evaluation of `input` under the default limits. Nothing runs before the first [`Evaluation::step`].
    pub fn start(&self, input: Vec<Claim>) -> Evaluation<'_> {
        self.start_within(Limits::default(), input)
    }

    /// Begins an evaluation under limits of the caller's own.
    pub fn start_within(&self, limits: Limits, input: Vec<Claim>) -> Evaluation<'_> {
        Evaluation::new(self, limits, input)
    }

    /// Evaluates `input` with stores that answer at once, and gives the output set in order of issue.
    ///
    /// # Errors
    /// When a store fails or is missing, or a limit is met. There is no partial output.
    pub fn evaluate(
        &self,
        input: Vec<Claim>,
        stores: &dyn AttributeStores,
    ) -> Result<Vec<Claim>, EvaluationError> {
        run(&mut self.start(input), stores)
    }

    /// As [`RuleSet::evaluate`], with a record of what every rule did, which is there for an error too.
    pub fn explain(
        &self,
        input: Vec<Claim>,
        stores: &dyn AttributeStores,
    ) -> (Result<Vec<Claim>, EvaluationError>, Trace) {
        let mut evaluation = self.start(input).traced();
        let outcome = run(&mut evaluation, stores);
        (outcome, evaluation.into_trace().unwrap_or_default())
    }
}

fn run(
    evaluation: &mut Evaluation<'_>,
    stores: &dyn AttributeStores,
) -> Result<Vec<Claim>, EvaluationError> {
    loop {
        match evaluation.step()? {
            Step::Done(claims) => return Ok(claims),
            Step::Query(query) => match stores.store(&query.store) {
                None => return Err(evaluation.store_missing()),
                Some(store) => match store.query(&query) {
                    Ok(rows) => evaluation.answer(rows),
                    Err(error) => return Err(evaluation.store_failed(error)),
                },
            },
        }
    }
}

/// For callers that find out about a missing store themselves.
impl StoreError {
    /// No store has this name.
    pub fn unknown_store(name: &str) -> StoreError {
        StoreError::new(format!(
            "there is no attribute store '{name}'; configure it, or correct its name in the rule"
        ))
    }
}

const _: () = {
    const fn shareable<T: Send + Sync>() {}
    shareable::<RuleSet>();
    shareable::<Evaluation<'static>>();
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_no_rule_can_match_need_not_be_fetched() {
        let cases = [
            ("", false),
            ("=> issue(Type = \"g\");", false),
            ("c:[Type == \"a\"] => issue(claim = c);", false),
            (
                "c:[Type == \"a\", Type == \"g\"] => issue(claim = c);",
                false,
            ),
            ("c:[Type == \"g\"] => issue(claim = c);", true),
            ("c:[Type == \"G\"] => issue(claim = c);", true),
            ("c:[Type =~ \"x\"] => issue(claim = c);", true),
            ("c:[Type != \"a\"] => issue(claim = c);", true),
            ("c:[] => issue(claim = c);", true),
            ("count([]) > 3 => issue(Type = \"x\");", true),
            ("not exists([Type == \"g\"]) => issue(Type = \"x\");", true),
            (
                "a:[Type == \"a\"] && b:[Type == a.Value] => issue(claim = b);",
                true,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(
                RuleSet::compile(text).unwrap().may_read("g"),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn written_queries_are_told() {
        let text = "=> add(store = \"S\", types = (\"a\"), query = \"one\" + \"two\");
            c:[] => add(store = \"S\", types = (\"a\"), query = c.Value);
            => add(store = \"T\", types = (\"a\"), query = \"three\");";
        let rules = RuleSet::compile(text).unwrap();
        assert_eq!(rules.queries_to("S").collect::<Vec<_>>(), ["onetwo"]);
    }
}
