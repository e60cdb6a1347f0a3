//! `policies/*.toml`: the administrator's own access control policies, one file each.

use std::path::Path;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::super::document::{Document, one_line};
use super::super::folder;
use super::super::reader::{At, Found, Problems, Section};
use super::template::{ClaimSlot, Slot, Template, TemplateCondition, TemplateRule};
use super::{PolicyTemplates, built_in};

/// Folder of the policies, beside `adfs.toml`.
const FOLDER: &str = "policies";
const MAX_RULES: usize = 100;

/// The built-in policies and those of the files.
pub(in super::super) fn load(configuration: &Path, problems: &Problems) -> PolicyTemplates {
    let mut all = PolicyTemplates(built_in::templates());
    let files = match folder::toml_files(configuration, FOLDER) {
        Ok(files) => files,
        Err(problem) => {
            problems.borrow_mut().push(*problem);
            return all;
        }
    };
    for file in files {
        match Document::read(&file) {
            Err(problem) => problems.borrow_mut().push(*problem),
            Ok(document) => {
                if let Some(section) = Section::root(&document, None, problems) {
                    read(section, &file, &mut all);
                }
            }
        }
    }
    all
}

fn read(mut section: Section<'_>, file: &Path, all: &mut PolicyTemplates) {
    let name = section.text("name", "the name that trusts call the policy by");
    let written = section.is_written("permit");
    let rules = section.find::<Vec<Table>>("permit", "rules, each below a heading [[permit]]");
    section.text("description", "what the policy is for");
    let name = match name {
        Some(found) => found,
        None => Found {
            value: file
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
                .unwrap_or_default(),
            at: At::Span(0..0),
        },
    };
    let is_taken = |template: &Template| template.name.to_lowercase() == name.value.to_lowercase();
    if all.0.iter().any(is_taken) {
        section.complain(
            "name",
            &name.at,
            format!("there is another policy {:?}", name.value),
            "give it a name of its own; the built-in ones cannot be changed".to_owned(),
        );
    }
    if !written {
        section.missing("permit", "rules, each below a heading [[permit]]");
    }
    if let Some(rules) = rules {
        match template(name.value, &rules.value) {
            Ok(template) => all.0.push(template),
            Err((message, remedy)) => section.complain("permit", &rules.at, message, remedy),
        }
    }
    section.finish();
}

fn template(name: String, tables: &[Table]) -> Result<Template, (String, String)> {
    if tables.is_empty() || tables.len() > MAX_RULES {
        return Err((
            format!("there are {} rules", tables.len()),
            format!("write 1 to {MAX_RULES} rules, each below a heading [[permit]]"),
        ));
    }
    let rules: Result<Vec<TemplateRule>, (String, String)> = tables
        .iter()
        .enumerate()
        .map(|(place, table)| {
            rule(table)
                .map_err(|(message, remedy)| (format!("rule {}: {message}", place + 1), remedy))
        })
        .collect();
    let template = Template {
        name,
        rules: rules?,
    };
    template.check()?;
    Ok(template)
}

/// Takes a rule apart. What is not known could be a condition, so it is never passed over.
fn rule(table: &Table) -> Result<TemplateRule, (String, String)> {
    let mut table = table.clone();
    let everyone = take::<bool>(&mut table, "everyone")?.unwrap_or(false);
    let second_factor = take(&mut table, "multi_factor_authentication")?.unwrap_or(false);
    let exceptions: Vec<Table> = take(&mut table, "except")?.unwrap_or_default();
    let conditions = conditions(&mut table)?;
    refuse_unknown(
        &table,
        "everyone, location, groups, claims, device, multi_factor_authentication, except",
    )?;
    if everyone != conditions.is_empty() {
        return Err((
            "it is unclear whom the rule permits".to_owned(),
            "write conditions, or `everyone = true` and no condition".to_owned(),
        ));
    }
    let exceptions: Result<Vec<TemplateCondition>, (String, String)> = exceptions
        .into_iter()
        .map(|mut table| {
            let read = conditions_of_exception(&mut table)?;
            refuse_unknown(&table, "location, groups, claims, device")?;
            Ok(read)
        })
        .collect();
    Ok(TemplateRule {
        conditions,
        exceptions: exceptions?,
        second_factor,
    })
}

fn conditions_of_exception(table: &mut Table) -> Result<TemplateCondition, (String, String)> {
    let mut read = conditions(table)?;
    match (read.pop(), read.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err((
            "an exception has exactly one condition, of location, groups, claims and device"
                .to_owned(),
            "write a heading [[permit.except]] for each".to_owned(),
        )),
    }
}

fn conditions(table: &mut Table) -> Result<Vec<TemplateCondition>, (String, String)> {
    let mut found = Vec::new();
    found.extend(take::<Slot>(table, "location")?.map(TemplateCondition::Location));
    found.extend(take::<Slot>(table, "groups")?.map(TemplateCondition::Groups));
    let claims: Vec<ClaimSlot> = take(table, "claims")?.unwrap_or_default();
    found.extend(claims.into_iter().map(TemplateCondition::Claim));
    if let Some(device) = take::<String>(table, "device")? {
        if device != "registered" {
            return Err((
                format!("the device state {device:?} is not available in this version"),
                "write device = \"registered\"".to_owned(),
            ));
        }
        found.push(TemplateCondition::RegisteredDevice);
    }
    Ok(found)
}

fn take<T: DeserializeOwned>(table: &mut Table, key: &str) -> Result<Option<T>, (String, String)> {
    let value: Option<Value> = table.remove(key);
    value.map(Value::try_into).transpose().map_err(|error| {
        (
            format!("`{key}`: {}", one_line(error.message())),
            "write it as docs/access-control.md shows".to_owned(),
        )
    })
}

fn refuse_unknown(table: &Table, known: &str) -> Result<(), (String, String)> {
    match table.keys().next() {
        None => Ok(()),
        Some(key) => Err((
            format!("there is no such element as `{key}`"),
            format!("remove it; known here: {known}"),
        )),
    }
}
