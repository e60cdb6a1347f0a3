//! Access control policies: who may sign in to a relying party, and who needs a second factor for it
//! (spec claim-rules 8).
//!
//! Nothing is allowed unless a rule of the policy permits it. A rule permits when all its conditions hold and none of its
//! exceptions does. Policies are written as templates, ours or the administrator's; a trust names one and gives its
//! parameters, and only then it is a policy.

mod built_in;
mod condition;
mod files;
mod template;

pub(super) use files::load;
pub(super) use template::Parameters;
use template::Template;

pub use condition::{
    ClaimCondition, Condition, Group, GroupReference, Location, Network, Operator,
};

/// The policy that a trust has when it names none and has no authorization rules.
pub(super) const PERMIT_EVERYONE: &str = "Permit everyone";

/// A policy with its parameters filled in.
#[derive(Debug)]
pub struct AccessControlPolicy {
    /// Its name (AccessControlPolicyName).
    pub name: String,
    /// Any of these permits. Never empty.
    pub rules: Vec<PermitRule>,
}

/// A rule of a policy.
#[derive(Debug)]
pub struct PermitRule {
    /// All must hold. None at all holds for everybody.
    pub conditions: Vec<Condition>,
    /// None may hold.
    pub exceptions: Vec<Condition>,
    /// Whether the rule permits only those who used a second factor.
    pub second_factor: bool,
}

impl AccessControlPolicy {
    /// The policy that lets everybody in.
    pub(super) fn permit_everyone() -> AccessControlPolicy {
        AccessControlPolicy {
            name: PERMIT_EVERYONE.to_owned(),
            rules: vec![PermitRule {
                conditions: Vec::new(),
                exceptions: Vec::new(),
                second_factor: false,
            }],
        }
    }

    /// Every condition of every rule, exceptions included.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.rules
            .iter()
            .flat_map(|rule| rule.conditions.iter().chain(&rule.exceptions))
    }

    /// Every group that it names.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.conditions()
            .filter_map(|condition| match condition {
                Condition::Groups(groups) => Some(groups),
                _ => None,
            })
            .flatten()
    }
}

/// The policies that trusts can name.
#[derive(Debug, Default)]
pub(super) struct PolicyTemplates(Vec<Template>);

impl PolicyTemplates {
    /// The policy of a name, whatever its case, with parameters.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub(super) fn policy(
        &self,
        name: &str,
        parameters: &Parameters,
    ) -> Result<AccessControlPolicy, (String, String)> {
        let named = |template: &&Template| template.name.to_lowercase() == name.to_lowercase();
        match self.0.iter().find(named) {
            Some(template) => template.fill(parameters),
            None => Err((
                format!("there is no access control policy {name:?}"),
                format!("write one of {}", self.names()),
            )),
        }
    }

    fn names(&self) -> String {
        let quoted = self.0.iter().map(|template| format!("{:?}", template.name));
        quoted.collect::<Vec<_>>().join(", ")
    }
}
