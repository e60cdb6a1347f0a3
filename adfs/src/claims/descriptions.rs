//! Claim types with names: those that every AD FS has, and those of the configuration (spec claim-rules 6).

use federation::metadata::{BUILT_IN_CLAIM_DESCRIPTIONS, ClaimDescription};

use crate::config::{ClaimDescriptionConfig, Configuration};

/// Types with a short name that metadata do not list.
const UNLISTED: [(&str, &str, &str); 3] = [
    (
        "acr",
        "http://schemas.microsoft.com/claims/authnclassreference",
        "Authentication context class",
    ),
    (
        "deviceowner",
        "http://schemas.microsoft.com/2012/01/devicecontext/claims/userowner",
        "Device Owner",
    ),
    (
        "windowsdevicegroup",
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsdevicegroup",
        "Windows device group",
    ),
];

/// All descriptions. One of the configuration replaces a built-in one of the same claim type or short name.
pub fn descriptions(configuration: &Configuration) -> Vec<ClaimDescription<'_>> {
    merged(&configuration.claim_descriptions)
}

fn merged(own: &[ClaimDescriptionConfig]) -> Vec<ClaimDescription<'_>> {
    let unlisted = UNLISTED.map(|(short_name, uri, display_name)| ClaimDescription {
        short_name: Some(short_name),
        uri,
        display_name,
        description: "",
        accepted: false,
        offered: false,
    });
    let is_replaced = |claim: &ClaimDescription<'_>| {
        own.iter().any(|own| {
            own.claim_type == claim.uri || Some(own.short_name.as_str()) == claim.short_name
        })
    };
    let configured = own.iter().map(|own| ClaimDescription {
        short_name: Some(&own.short_name),
        uri: &own.claim_type,
        display_name: &own.display_name,
        description: &own.notes,
        accepted: own.is_accepted,
        offered: own.is_offered,
    });
    BUILT_IN_CLAIM_DESCRIPTIONS
        .into_iter()
        .chain(unlisted)
        .filter(|claim| !is_replaced(claim))
        .chain(configured)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn own(short_name: &str, claim_type: &str) -> ClaimDescriptionConfig {
        ClaimDescriptionConfig {
            short_name: short_name.to_owned(),
            claim_type: claim_type.to_owned(),
            display_name: "Own".to_owned(),
            notes: String::new(),
            is_accepted: false,
            is_offered: true,
        }
    }

    #[test]
    fn the_configuration_adds_and_replaces() {
        let upn = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
        let built_in = merged(&[]).len();
        for (own, expected) in [
            (vec![own("department", "urn:department")], built_in + 1),
            (vec![own("user", upn)], built_in),
            (vec![own("upn", "urn:upn")], built_in),
            (
                vec![own("upn", "http://schemas.xmlsoap.org/claims/UPN")],
                built_in - 1,
            ),
        ] {
            let all = merged(&own);
            assert_eq!(all.len(), expected, "{own:?}");
            let types: HashSet<&str> = all.iter().map(|claim| claim.uri).collect();
            let names: Vec<&str> = all.iter().filter_map(|claim| claim.short_name).collect();
            let different: HashSet<&&str> = names.iter().collect();
            assert_eq!((types.len(), names.len()), (all.len(), different.len()));
            assert!(
                all.iter()
                    .any(|claim| claim.uri == own[0].claim_type && claim.offered)
            );
        }
    }
}
