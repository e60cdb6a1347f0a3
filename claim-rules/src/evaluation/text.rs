//! The value of an expression.

use std::borrow::Cow;

use super::Failure;
use crate::claim::Claim;
use crate::limits::{Limit, Meter};
use crate::pattern::{Pattern, Replacement};
use crate::plan::{PatternSource, Replaced, ReplacementSource, Text};
use crate::syntax::Property;

/// What names stand for: selector *i* is bound to claim `tuple[i]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) claims: &'a [Claim],
    pub(super) tuple: &'a [usize],
}

/// A property's text; that of an absent property is empty (section 3.7).
pub(super) fn property<'c>(claim: &'c Claim, property: &Property) -> &'c str {
    match property {
        Property::Type => &claim.claim_type,
        Property::Value => &claim.value,
        Property::Issuer => &claim.issuer,
        Property::OriginalIssuer => &claim.original_issuer,
        Property::ValueType => &claim.value_type,
        Property::Named(name) => claim.properties.get(name).map_or("", String::as_str),
    }
}

impl<'a> Scope<'a> {
    pub(super) fn claim(&self, selector: usize) -> Option<&'a Claim> {
        self.claims.get(*self.tuple.get(selector)?)
    }

    pub(super) fn text(&self, text: &'a Text, meter: &Meter) -> Result<Cow<'a, str>, Failure> {
        match text {
            Text::Constant(constant) => Ok(Cow::Borrowed(constant)),
            Text::Reference(selector, name) => Ok(Cow::Borrowed(
                self.claim(*selector)
                    .map_or("", |claim| property(claim, name)),
            )),
            Text::Joined(parts) => {
                let mut joined = String::new();
                for part in parts {
                    joined.push_str(&self.text(part, meter)?);
                    if joined.len() > meter.value_length() {
                        return Err(Failure::Limit(Limit::ValueLength));
                    }
                }
                Ok(Cow::Owned(joined))
            }
            Text::Replaced(call) => self.replaced(call, meter),
        }
    }

    fn replaced(&self, call: &'a Replaced, meter: &Meter) -> Result<Cow<'a, str>, Failure> {
        let input = self.text(&call.input, meter)?;
        let pattern = self.pattern(&call.pattern, meter)?;
        let replacement = match &call.replacement {
            ReplacementSource::Constant(replacement) => Cow::Borrowed(replacement),
            ReplacementSource::Computed(text) => Cow::Owned(Replacement::read(
                &self.text(text, meter)?,
                pattern.groups(),
            )),
        };
        match input {
            Cow::Borrowed(input) => {
                Ok(pattern.replace(input, &replacement, meter.value_length())?)
            }
            Cow::Owned(input) => Ok(Cow::Owned(
                pattern
                    .replace(&input, &replacement, meter.value_length())?
                    .into_owned(),
            )),
        }
    }

    pub(super) fn pattern(
        &self,
        source: &'a PatternSource,
        meter: &Meter,
    ) -> Result<Cow<'a, Pattern>, Failure> {
        match source {
            PatternSource::Constant(pattern) => Ok(Cow::Borrowed(pattern.as_ref())),
            PatternSource::Computed(text) => {
                Ok(Cow::Owned(Pattern::compile(&self.text(text, meter)?)?))
            }
        }
    }
}
