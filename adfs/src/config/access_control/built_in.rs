//! The policies that AD FS brings along (spec claim-rules 8).

use super::PERMIT_EVERYONE;
use super::template::{ParameterName, Slot, Template, TemplateCondition, TemplateRule};

/// The name of the parameter of both policies about a group.
const GROUP_PARAMETER: &str = "GroupParameter";

pub(super) fn templates() -> Vec<Template> {
    let group = || {
        TemplateCondition::Groups(Slot::Parameter(ParameterName {
            parameter: GROUP_PARAMETER.to_owned(),
        }))
    };
    let location = |place: &str| TemplateCondition::Location(Slot::Given(vec![place.to_owned()]));
    let device = || TemplateCondition::RegisteredDevice;
    vec![
        template(PERMIT_EVERYONE, vec![everyone()]),
        template(
            "Permit everyone and require MFA",
            vec![everyone().with_second_factor()],
        ),
        template(
            "Permit everyone and require MFA for specific group",
            vec![
                everyone().except(group()),
                when(group()).with_second_factor(),
            ],
        ),
        template(
            "Permit everyone and require MFA from extranet access",
            vec![
                when(location("intranet")),
                when(location("extranet")).with_second_factor(),
            ],
        ),
        template(
            "Permit everyone and require MFA from unauthenticated devices",
            vec![
                when(device()),
                everyone().except(device()).with_second_factor(),
            ],
        ),
        // There is no device registration service here that the exception could be about.
        template(
            "Permit everyone and require MFA, allow automatic device registration",
            vec![everyone().with_second_factor()],
        ),
        template(
            "Permit everyone for intranet access",
            vec![when(location("intranet"))],
        ),
        template("Permit specific group", vec![when(group())]),
    ]
}

fn template(name: &str, rules: Vec<TemplateRule>) -> Template {
    Template {
        name: name.to_owned(),
        rules,
    }
}

fn everyone() -> TemplateRule {
    TemplateRule::default()
}

fn when(condition: TemplateCondition) -> TemplateRule {
    TemplateRule {
        conditions: vec![condition],
        ..TemplateRule::default()
    }
}

impl TemplateRule {
    fn except(mut self, condition: TemplateCondition) -> TemplateRule {
        self.exceptions.push(condition);
        self
    }

    fn with_second_factor(mut self) -> TemplateRule {
        self.second_factor = true;
        self
    }
}
