//! How each condition of a rule comes out, and which claims nearly meet it.

use super::Failure;
use super::matching::{Matcher, Tuple};
use super::text::{Scope, property};
use crate::claim::Claim;
use crate::limits::{Limits, Meter};
use crate::pattern::Pattern;
use crate::plan::{Against, Aggregate, PlannedRule, PlannedTest, Tests};
use crate::rule_set::Equality;
use crate::syntax::{Condition, Property, Rule, Test};
use crate::trace::{ConditionTrace, FailedTest, Hint, NearMiss, Verdict};

/// Claims named for one condition.
const SHOWN: usize = 10;
/// Near misses named for one condition.
const NEAREST: usize = 3;

/// What `rule`, written as `written`, finds among `claims`.
pub(super) fn conditions(
    rule: &PlannedRule,
    written: &Rule,
    claims: &[Claim],
    equality: Equality,
) -> Vec<ConditionTrace> {
    // An account of its own: looking closer must not use up what the evaluation may cost.
    let mut meter = Meter::new(Limits::default());
    let mut examiner = Examiner {
        matcher: Matcher {
            claims,
            equality,
            meter: &mut meter,
        },
        tuples: Some(vec![Vec::new()]),
    };
    let (mut selectors, mut aggregates) = (rule.selectors.iter(), rule.aggregates.iter());
    let mut traces = Vec::with_capacity(written.conditions.len());
    // Aggregates may refer to selectors behind them, so these come first.
    let mut waiting = Vec::new();
    for (place, condition) in written.conditions.iter().enumerate() {
        let blank = ConditionTrace {
            text: condition.to_string(),
            selector: matches!(condition, Condition::Selector { .. }),
            verdict: Verdict::Unknown,
            found: 0,
            matches: Vec::new(),
            nearest: Vec::new(),
        };
        match condition {
            Condition::Selector { tests, .. } => {
                let examined = selectors
                    .next()
                    .and_then(|planned| examiner.selector(planned, tests).ok());
                traces.push(examined.map_or(blank.clone(), |finding| finding.of(&blank)));
            }
            Condition::Exists { tests, .. } | Condition::Count { tests, .. } => {
                waiting.extend(aggregates.next().map(|planned| (place, planned, tests)));
                traces.push(blank);
            }
        }
    }
    for (place, planned, tests) in waiting {
        if let Some(trace) = traces.get_mut(place)
            && let Ok(finding) = examiner.aggregate(planned, tests)
        {
            *trace = finding.of(trace);
        }
    }
    traces
}

/// A condition without its text.
struct Finding {
    verdict: Verdict,
    matches: Vec<usize>,
    nearest: Vec<NearMiss>,
}

impl Finding {
    fn unknown() -> Finding {
        Finding {
            verdict: Verdict::Unknown,
            matches: Vec::new(),
            nearest: Vec::new(),
        }
    }

    fn of(self, blank: &ConditionTrace) -> ConditionTrace {
        ConditionTrace {
            text: blank.text.clone(),
            selector: blank.selector,
            verdict: self.verdict,
            found: self.matches.len(),
            matches: self.matches.into_iter().take(SHOWN).collect(),
            nearest: self.nearest,
        }
    }
}

struct Examiner<'a> {
    matcher: Matcher<'a>,
    /// Combinations of the selectors so far; `None` from the first one on that nothing matches.
    tuples: Option<Vec<Tuple>>,
}

impl Examiner<'_> {
    fn selector(&mut self, planned: &Tests, written: &[Test]) -> Result<Finding, Failure> {
        let own = self.matcher.own_matches(planned)?;
        if own.is_empty() {
            self.tuples = None;
            return Ok(Finding {
                verdict: Verdict::Fails,
                nearest: self.nearest(&planned.own, written, &[])?,
                matches: own,
            });
        }
        let Some(tuples) = self.tuples.take() else {
            let verdict = if planned.joined.is_empty() {
                Verdict::Holds
            } else {
                Verdict::Unknown
            };
            return Ok(Finding {
                verdict,
                matches: own,
                nearest: Vec::new(),
            });
        };
        if planned.joined.is_empty() {
            self.tuples = Some(self.matcher.extend(&tuples, planned, &own)?);
            return Ok(Finding {
                verdict: Verdict::Holds,
                matches: own,
                nearest: Vec::new(),
            });
        }
        let longer = self.matcher.extend(&tuples, planned, &own)?;
        let mut matches: Vec<usize> = longer
            .iter()
            .filter_map(|tuple| tuple.last().copied())
            .collect();
        matches.sort_unstable();
        matches.dedup();
        if longer.is_empty() {
            let first = tuples.first().map(Vec::as_slice).unwrap_or_default();
            let all: Vec<PlannedTest> =
                planned.own.iter().chain(&planned.joined).cloned().collect();
            return Ok(Finding {
                verdict: Verdict::Fails,
                nearest: self.nearest(&all, written, first)?,
                matches,
            });
        }
        self.tuples = Some(longer);
        Ok(Finding {
            verdict: Verdict::Holds,
            matches,
            nearest: Vec::new(),
        })
    }

    fn aggregate(&mut self, planned: &Aggregate, written: &[Test]) -> Result<Finding, Failure> {
        let own = self.matcher.own_matches(&planned.tests)?;
        let tuples = match (&self.tuples, planned.tests.joined.is_empty()) {
            (_, true) => vec![Vec::new()],
            (Some(tuples), false) => tuples.clone(),
            (None, false) => return Ok(Finding::unknown()),
        };
        let mut shown = None;
        let mut holds = false;
        for tuple in tuples {
            let mut matches = Vec::new();
            for index in &own {
                if let Some(claim) = self.matcher.claims.get(*index)
                    && self.matcher.passes(&planned.tests.joined, claim, &tuple)?
                {
                    matches.push(*index);
                }
            }
            let count = u64::try_from(matches.len()).unwrap_or(u64::MAX);
            holds = planned.comparison.holds(count, planned.number);
            if holds || shown.is_none() {
                shown = Some((tuple, matches));
            }
            if holds {
                break;
            }
        }
        let (tuple, matches) = shown.unwrap_or_default();
        let nearest = if matches.is_empty() && !holds {
            let all: Vec<PlannedTest> = planned
                .tests
                .own
                .iter()
                .chain(&planned.tests.joined)
                .cloned()
                .collect();
            self.nearest(&all, written, &tuple)?
        } else {
            Vec::new()
        };
        let verdict = if holds {
            Verdict::Holds
        } else {
            Verdict::Fails
        };
        Ok(Finding {
            verdict,
            matches,
            nearest,
        })
    }

    /// The claims that fail the fewest tests. One of another type is near only when its type looks mistaken.
    fn nearest(
        &mut self,
        planned: &[PlannedTest],
        written: &[Test],
        tuple: &[usize],
    ) -> Result<Vec<NearMiss>, Failure> {
        let mut near: Vec<NearMiss> = Vec::new();
        for (index, claim) in self.matcher.claims.iter().enumerate() {
            let mut failed = Vec::new();
            let mut far = false;
            for test in planned {
                if self.matcher.passes_one(test, claim, tuple)? {
                    continue;
                }
                let found = property(claim, &test.property);
                let hint = self.hint(test, found, tuple)?;
                far |= test.property == Property::Type && hint.is_none();
                failed.push(FailedTest {
                    test: written
                        .get(test.place)
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                    found: found.to_owned(),
                    hint,
                });
            }
            if !far && !failed.is_empty() {
                near.push(NearMiss {
                    claim: index,
                    failed,
                });
            }
        }
        near.sort_by_key(|miss| {
            let mistaken = miss
                .failed
                .iter()
                .filter(|test| test.hint.is_some())
                .count();
            (miss.failed.len(), miss.failed.len() - mistaken)
        });
        near.truncate(NEAREST);
        Ok(near)
    }

    fn hint(
        &mut self,
        test: &PlannedTest,
        found: &str,
        tuple: &[usize],
    ) -> Result<Option<Hint>, Failure> {
        let Against::Text(text) = &test.against else {
            return Ok(None);
        };
        if test.negated {
            return Ok(None);
        }
        let scope = Scope {
            claims: self.matcher.claims,
            tuple,
        };
        let wanted = scope.text(text, self.matcher.meter)?;
        let rest = |text: &str| {
            ["http://", "https://"]
                .iter()
                .find_map(|scheme| text.strip_prefix(scheme).map(str::to_owned))
        };
        Ok(if wanted.to_lowercase() == found.to_lowercase() {
            Some(Hint::Case)
        } else if wanted.trim() == found.trim() {
            Some(Hint::Blanks)
        } else if rest(&wanted).is_some() && rest(&wanted) == rest(found) {
            Some(Hint::Scheme)
        } else if test.property != Property::Type && is_meant_as_pattern(&wanted, found) {
            Some(Hint::PlainComparison)
        } else {
            None
        })
    }
}

/// Whether a text compared by `==` looks like a pattern, and as one would match all of `found` or a part it marks.
fn is_meant_as_pattern(wanted: &str, found: &str) -> bool {
    wanted.contains(['|', '*', '^', '$', '(', '[', '\\'])
        && Pattern::compile(wanted)
            .ok()
            .and_then(|pattern| pattern.is_match(found).ok())
            .unwrap_or(false)
}
