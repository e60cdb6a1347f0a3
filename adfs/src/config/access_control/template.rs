//! Policies with gaps, and the parameters that fill them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::condition::{ClaimCondition, Condition};
use super::{AccessControlPolicy, PermitRule};

/// A policy as it is written.
#[derive(Debug)]
pub(crate) struct Template {
    pub(super) name: String,
    pub(super) rules: Vec<TemplateRule>,
}

#[derive(Debug, Default)]
pub(super) struct TemplateRule {
    pub(super) conditions: Vec<TemplateCondition>,
    pub(super) exceptions: Vec<TemplateCondition>,
    pub(super) second_factor: bool,
}

#[derive(Debug)]
pub(super) enum TemplateCondition {
    Location(Slot),
    Groups(Slot),
    Claim(ClaimSlot),
    RegisteredDevice,
}

/// Values, or the name of the parameter that gives them.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Slot {
    Given(Vec<String>),
    Parameter(ParameterName),
}

/// A claim condition, or the name of the parameter that gives it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum ClaimSlot {
    Given(WrittenClaim),
    Parameter(ParameterName),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParameterName {
    pub(super) parameter: String,
}

/// A claim condition as it is written, in the names of the cmdlets or in ours.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenClaim {
    #[serde(alias = "ClaimType")]
    claim_type: String,
    #[serde(alias = "Operator")]
    operator: String,
    #[serde(alias = "Value", alias = "Values", alias = "value", default)]
    values: Vec<String>,
}

impl WrittenClaim {
    pub(super) fn read(&self) -> Result<ClaimCondition, String> {
        let operator: super::Operator = self.operator.parse()?;
        let needs_values = operator != super::Operator::IsPresent;
        if self.claim_type.trim().is_empty() || self.values.is_empty() == needs_values {
            return Err(
                "a claim condition needs a claim type, and values unless its operator is IsPresent"
                    .to_owned(),
            );
        }
        if self.values.iter().any(String::is_empty) {
            return Err("an empty value would fit every claim or none".to_owned());
        }
        Ok(ClaimCondition {
            claim_type: self.claim_type.clone(),
            operator,
            values: self.values.clone(),
        })
    }
}

/// What a trust gives (AccessControlPolicyParameters).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(untagged)]
pub(crate) enum Parameters {
    #[default]
    Nothing,
    /// For the only parameter of a policy.
    Single(Vec<String>),
    /// By name.
    Named(BTreeMap<String, Parameter>),
}

impl Parameters {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Parameters::Nothing => true,
            Parameters::Single(values) => values.is_empty(),
            Parameters::Named(named) => named.is_empty(),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Parameter {
    One(String),
    Values(Vec<String>),
    Claim(WrittenClaim),
}

/// What is wrong, and what to do.
type Refusal = (String, String);

impl Template {
    /// The policy with the parameters in place.
    ///
    /// # Errors
    /// Parameters that are missing, unknown, empty or no such values as their places need.
    pub(super) fn fill(&self, parameters: &Parameters) -> Result<AccessControlPolicy, Refusal> {
        let given = self.assigned(parameters)?;
        let filled = |conditions: &[TemplateCondition]| {
            conditions
                .iter()
                .map(|condition| condition.fill(&given))
                .collect::<Result<Vec<_>, Refusal>>()
        };
        let rules: Result<Vec<PermitRule>, Refusal> = self
            .rules
            .iter()
            .map(|rule| {
                Ok(PermitRule {
                    conditions: filled(&rule.conditions)?,
                    exceptions: filled(&rule.exceptions)?,
                    second_factor: rule.second_factor,
                })
            })
            .collect();
        Ok(AccessControlPolicy {
            name: self.name.clone(),
            rules: rules?,
        })
    }

    /// Checks the values that the template itself gives, whatever its parameters will be.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        for rule in &self.rules {
            for condition in rule.conditions.iter().chain(&rule.exceptions) {
                if condition.parameter().is_none() {
                    condition.fill(&BTreeMap::new())?;
                }
            }
        }
        Ok(())
    }

    fn parameters(&self) -> BTreeSet<&str> {
        self.rules
            .iter()
            .flat_map(|rule| rule.conditions.iter().chain(&rule.exceptions))
            .filter_map(TemplateCondition::parameter)
            .collect()
    }

    /// The parameters by their names in lower case.
    fn assigned(&self, parameters: &Parameters) -> Result<BTreeMap<String, Parameter>, Refusal> {
        let wanted = self.parameters();
        let list = wanted.iter().copied().collect::<Vec<_>>().join(", ");
        let given: BTreeMap<String, Parameter> = match parameters {
            Parameters::Nothing => BTreeMap::new(),
            Parameters::Single(values) if values.is_empty() => BTreeMap::new(),
            Parameters::Single(values) => match wanted.first() {
                Some(only) if wanted.len() == 1 => {
                    BTreeMap::from([(only.to_lowercase(), Parameter::Values(values.clone()))])
                }
                _ => {
                    return Err((
                        format!("the policy {:?} has not exactly one parameter", self.name),
                        format!("write the parameters by name: {{ NAME = [...] }}, names: {list}"),
                    ));
                }
            },
            Parameters::Named(named) => named
                .iter()
                .map(|(name, value)| (name.to_lowercase(), value.clone()))
                .collect(),
        };
        let wanted: BTreeSet<String> = wanted.iter().map(|name| name.to_lowercase()).collect();
        if let Some(unknown) = given.keys().find(|name| !wanted.contains(*name)) {
            let remedy = if wanted.is_empty() {
                "remove it; the policy has no parameters".to_owned()
            } else {
                format!("write one of {list}")
            };
            return Err((
                format!("the policy {:?} has no parameter {unknown:?}", self.name),
                remedy,
            ));
        }
        if given.len() != wanted.len() {
            return Err((
                format!("the policy {:?} has a parameter without a value", self.name),
                format!(
                    "write access_control_policy_parameters = {{ NAME = [...] }} with a value for each of {list}"
                ),
            ));
        }
        Ok(given)
    }
}

impl TemplateCondition {
    fn parameter(&self) -> Option<&str> {
        match self {
            TemplateCondition::Location(Slot::Parameter(name))
            | TemplateCondition::Groups(Slot::Parameter(name))
            | TemplateCondition::Claim(ClaimSlot::Parameter(name)) => Some(&name.parameter),
            TemplateCondition::Location(Slot::Given(_))
            | TemplateCondition::Groups(Slot::Given(_))
            | TemplateCondition::Claim(ClaimSlot::Given(_))
            | TemplateCondition::RegisteredDevice => None,
        }
    }

    fn fill(&self, given: &BTreeMap<String, Parameter>) -> Result<Condition, Refusal> {
        let wrong = |message: String| (message, "correct the value".to_owned());
        match self {
            TemplateCondition::Location(slot) => {
                values(slot, given).map(Condition::Location).map_err(wrong)
            }
            TemplateCondition::Groups(slot) => {
                values(slot, given).map(Condition::Groups).map_err(wrong)
            }
            TemplateCondition::Claim(slot) => {
                let written = match slot {
                    ClaimSlot::Given(written) => Some(written),
                    ClaimSlot::Parameter(name) => match given.get(&name.parameter.to_lowercase()) {
                        Some(Parameter::Claim(written)) => Some(written),
                        _ => None,
                    },
                };
                let written = written.ok_or_else(|| {
                    wrong("this parameter is { ClaimType = \"...\", Operator = \"...\", Value = [...] }".to_owned())
                })?;
                written.read().map(Condition::Claim).map_err(wrong)
            }
            TemplateCondition::RegisteredDevice => Ok(Condition::RegisteredDevice),
        }
    }
}

fn values<T: std::str::FromStr<Err = String>>(
    slot: &Slot,
    given: &BTreeMap<String, Parameter>,
) -> Result<Vec<T>, String> {
    let texts = match slot {
        Slot::Given(texts) => texts.as_slice(),
        Slot::Parameter(name) => match given.get(&name.parameter.to_lowercase()) {
            Some(Parameter::Values(texts)) => texts.as_slice(),
            Some(Parameter::One(text)) => std::slice::from_ref(text),
            Some(Parameter::Claim(_)) | None => {
                return Err(format!(
                    "the parameter {:?} is a list of texts",
                    name.parameter
                ));
            }
        },
    };
    if texts.is_empty() {
        return Err("an empty list fits nobody".to_owned());
    }
    texts.iter().map(|text| text.parse()).collect()
}
