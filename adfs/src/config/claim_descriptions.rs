//! `[claim_descriptions.SHORTNAME]`: claim types with names (Add-AdfsClaimDescription, spec claim-rules 6).

use std::collections::HashMap;

use super::reader::Section;

/// A claim type that the administrator described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimDescriptionConfig {
    /// Name in tokens of JSON (ShortName); the section's name.
    pub short_name: String,
    /// Claim type, a URI (ClaimType).
    pub claim_type: String,
    /// Name for people (Name).
    pub display_name: String,
    /// What it says (Notes).
    pub notes: String,
    /// Whether metadata list it as accepted (IsAccepted).
    pub is_accepted: bool,
    /// Whether metadata list it as offered (IsOffered).
    pub is_offered: bool,
}

pub(super) fn claim_descriptions(section: Section<'_>) -> Vec<ClaimDescriptionConfig> {
    let mut types = HashMap::new();
    section
        .named_sections()
        .into_iter()
        .filter_map(|(name, section)| description(name, section, &mut types))
        .collect()
}

fn description(
    short_name: String,
    mut section: Section<'_>,
    types: &mut HashMap<String, String>,
) -> Option<ClaimDescriptionConfig> {
    let claim_type = section.required("claim_type", "the claim type, a URI");
    let display_name = section.text("display_name", "a name for people");
    let notes = section.text("notes", "what the claim says");
    let is_accepted = section.flag("is_accepted", false);
    let is_offered = section.flag("is_offered", false);
    section.unavailable(
        "is_required",
        "remove it; no claims are required of anybody",
    );
    if let Some(found) = &claim_type {
        let printable = found.value.chars().all(|character| !character.is_control());
        if !printable || found.value.trim() != found.value {
            let message =
                "a claim type has no blanks around it and no control characters".to_owned();
            section.complain("claim_type", &found.at, message, "write the URI".to_owned());
        }
        if let Some(other) = types.insert(found.value.clone(), short_name.clone()) {
            let message = format!("[claim_descriptions.{other}] describes this claim type too");
            section.complain(
                "claim_type",
                &found.at,
                message,
                "remove one of the two".to_owned(),
            );
        }
    }
    section.finish();
    Some(ClaimDescriptionConfig {
        claim_type: claim_type?.value,
        display_name: display_name.map_or_else(|| short_name.clone(), |found| found.value),
        notes: notes.map(|found| found.value).unwrap_or_default(),
        is_accepted,
        is_offered,
        short_name,
    })
}
