//! Which claims a rule is run for (sections 3.3 and 3.4).

use super::Failure;
use super::text::{Scope, property};
use crate::claim::Claim;
use crate::limits::{Limit, Meter};
use crate::plan::{Against, Aggregate, PlannedRule, PlannedTest, Tests};
use crate::rule_set::Equality;

/// Bound claims, by index, one for each selector.
pub(super) type Tuple = Vec<usize>;

/// The tuples for which the action runs: the product of what the selectors match, as far as all conditions hold.
/// Without selectors one empty tuple, or none.
pub(super) fn tuples(
    rule: &PlannedRule,
    claims: &[Claim],
    equality: Equality,
    meter: &mut Meter,
) -> Result<Vec<Tuple>, Failure> {
    let mut matcher = Matcher {
        claims,
        equality,
        meter,
    };
    let (bound, free): (Vec<&Aggregate>, Vec<&Aggregate>) = rule
        .aggregates
        .iter()
        .partition(|aggregate| !aggregate.tests.joined.is_empty());
    for aggregate in free {
        if !matcher.holds(aggregate, &[])? {
            return Ok(Vec::new());
        }
    }
    let mut matches = Vec::with_capacity(rule.selectors.len());
    for selector in &rule.selectors {
        let found = matcher.own_matches(selector)?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        matches.push(found);
    }
    let mut tuples: Vec<Tuple> = vec![Vec::new()];
    for (selector, found) in rule.selectors.iter().zip(&matches) {
        tuples = matcher.extend(&tuples, selector, found)?;
    }
    let mut kept = Vec::with_capacity(tuples.len());
    'tuples: for tuple in tuples {
        for aggregate in &bound {
            if !matcher.holds(aggregate, &tuple)? {
                continue 'tuples;
            }
        }
        kept.push(tuple);
    }
    Ok(kept)
}

/// Compares claims with tests.
pub(super) struct Matcher<'a> {
    pub(super) claims: &'a [Claim],
    pub(super) equality: Equality,
    pub(super) meter: &'a mut Meter,
}

impl Matcher<'_> {
    /// Claims that pass the tests which look at no other claim.
    pub(super) fn own_matches(&mut self, tests: &Tests) -> Result<Vec<usize>, Failure> {
        let mut found = Vec::new();
        for (index, claim) in self.claims.iter().enumerate() {
            if self.passes(&tests.own, claim, &[])? {
                found.push(index);
            }
        }
        Ok(found)
    }

    pub(super) fn extend(
        &mut self,
        tuples: &[Tuple],
        tests: &Tests,
        found: &[usize],
    ) -> Result<Vec<Tuple>, Failure> {
        let mut extended = Vec::new();
        for tuple in tuples {
            for index in found {
                let Some(claim) = self.claims.get(*index) else {
                    continue;
                };
                if !self.passes(&tests.joined, claim, tuple)? {
                    continue;
                }
                // The product is never built beyond what may run.
                if extended.len() == self.meter.actions_left() {
                    return Err(Failure::Limit(Limit::Actions));
                }
                let mut longer = Vec::with_capacity(tuple.len() + 1);
                longer.extend_from_slice(tuple);
                longer.push(*index);
                extended.push(longer);
            }
        }
        Ok(extended)
    }

    fn holds(&mut self, aggregate: &Aggregate, tuple: &[usize]) -> Result<bool, Failure> {
        let mut count = 0;
        for claim in self.claims {
            if self.passes(&aggregate.tests.own, claim, tuple)?
                && self.passes(&aggregate.tests.joined, claim, tuple)?
            {
                count += 1;
            }
        }
        Ok(aggregate.comparison.holds(count, aggregate.number))
    }

    pub(super) fn passes(
        &mut self,
        tests: &[PlannedTest],
        claim: &Claim,
        tuple: &[usize],
    ) -> Result<bool, Failure> {
        for test in tests {
            if !self.passes_one(test, claim, tuple)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn passes_one(
        &mut self,
        test: &PlannedTest,
        claim: &Claim,
        tuple: &[usize],
    ) -> Result<bool, Failure> {
        let scope = Scope {
            claims: self.claims,
            tuple,
        };
        self.meter.test()?;
        let left = property(claim, &test.property);
        let found = match &test.against {
            Against::Text(text) => self.equal(left, &scope.text(text, self.meter)?),
            Against::Pattern(source) => scope.pattern(source, self.meter)?.is_match(left)?,
        };
        Ok(found != test.negated)
    }

    fn equal(&self, left: &str, right: &str) -> bool {
        match self.equality {
            Equality::CaseSensitive => left == right,
            Equality::CaseInsensitive => left.chars().map(upper).eq(right.chars().map(upper)),
        }
    }
}

/// Upper case where it is one character, as .NET's ordinal comparison takes it.
fn upper(character: char) -> char {
    let mut mapped = character.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(single), None) => single,
        _ => character,
    }
}
