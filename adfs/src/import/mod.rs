//! Takes relying party trusts over from AD FS (spec claim-rules 10), and the settings of the service.
//!
//! An export is read whole into the properties of its trusts ([`read`]), whichever form it has. Each trust becomes a
//! trust file with its rules octet by octet, and a report of what was not carried over. Nothing that makes a trust
//! stricter is dropped from a trust that works: it is written disabled then.

mod clixml;
mod console;
mod convert;
mod encoding;
mod error;
mod export;
mod folder;
mod json;
mod plan;
mod properties;
mod saml_endpoints;
mod service;
mod trust_file;
mod values;

#[cfg(test)]
mod tests;

use claim_rules::RuleSet;
use serde_json::{Map, Value, json};

pub use convert::Lost;
pub use encoding::decode;
pub use error::ImportError;
pub use export::export;
pub use folder::{Known, TrustFolder};
pub use plan::{Destination, Outcome, Plan, TrustPlan};
pub use service::ServiceSettings;
pub use trust_file::{Setting, TrustFile};

/// Largest export, in bytes.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Trusts in an export.
pub const MAX_TRUSTS: usize = 10_000;
/// Values in an export: properties, items of lists and octets of certificates.
const MAX_VALUES: usize = 2_000_000;

/// Form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `ConvertTo-Json`.
    Json,
    /// `Export-Clixml`.
    Clixml,
    /// `Format-List`.
    Console,
    /// Claim rules alone: issuance transform rules.
    Rules,
}

/// The trust that rules without one are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesFor {
    /// Name.
    pub name: String,
    /// Identifiers.
    pub identifiers: Vec<String>,
    /// Where its tokens go.
    pub ws_fed_endpoint: Option<String>,
}

impl RulesFor {
    /// The trust of Entra ID, whose rules Entra Connect backs up as `AadTrust-<date>-<time>.txt`.
    pub fn entra_connect_backup(file_name: &str) -> Option<RulesFor> {
        let is_backup = file_name.to_ascii_lowercase().starts_with("aadtrust-");
        is_backup.then(|| RulesFor {
            name: "Microsoft Office 365 Identity Platform Worldwide".to_owned(),
            identifiers: vec!["urn:federation:MicrosoftOnline".to_owned()],
            ws_fed_endpoint: Some("https://login.microsoftonline.com/login.srf".to_owned()),
        })
    }
}

/// An export that was read: its trusts, not judged yet.
#[derive(Debug)]
pub struct Export {
    /// Form that it had.
    pub form: Form,
    trusts: Vec<Map<String, Value>>,
}

/// Reads an export. `rules_for` says which trust it is for when it is rules alone.
///
/// # Errors
/// [`ImportError`] when it has none of the forms, or one is broken.
pub fn read(bytes: &[u8], rules_for: Option<&RulesFor>) -> Result<Export, ImportError> {
    if bytes.len() > MAX_BYTES {
        return Err(ImportError::TooLarge);
    }
    let text = decode(bytes)?;
    let (form, value) = if is_json(&text) {
        (Form::Json, json::read(&text)?)
    } else if clixml::is_xml(&text) {
        (Form::Clixml, clixml::read(&text)?)
    } else if console::is_format_list(&text) {
        (Form::Console, console::read(&text))
    } else {
        (Form::Rules, rules_alone(&text, rules_for)?)
    };
    let mut trusts = Vec::new();
    collect(value, &mut trusts)?;
    if trusts.is_empty() {
        return Err(ImportError::Empty);
    }
    Ok(Export { form, trusts })
}

/// A rule may begin with a bracket, too.
fn is_json(text: &str) -> bool {
    let text = text.trim_start();
    match text.strip_prefix('[').map(str::trim_start) {
        Some(inner) => inner.starts_with(['{', '[']) || inner.trim_end() == "]",
        None => text.starts_with('{'),
    }
}

fn rules_alone(text: &str, rules_for: Option<&RulesFor>) -> Result<Value, ImportError> {
    if let Err(diagnostic) = RuleSet::compile(text) {
        return Err(ImportError::NotRecognised(format!(
            "as rules, line {} is wrong: {}",
            diagnostic.line(),
            diagnostic.message()
        )));
    }
    let trust = rules_for.ok_or(ImportError::RulesAlone)?;
    Ok(json!({
        "Name": trust.name,
        "Identifier": trust.identifiers,
        "WSFedEndpoint": trust.ws_fed_endpoint,
        "IssuanceTransformRules": text,
    }))
}

/// One trust comes as an object, several as a list, and Export-Clixml may put a list into its list.
fn collect(value: Value, trusts: &mut Vec<Map<String, Value>>) -> Result<(), ImportError> {
    match value {
        Value::Object(_) if trusts.len() >= MAX_TRUSTS => return Err(ImportError::TooMany),
        Value::Object(object) => trusts.push(object),
        Value::Array(items) => {
            for item in items {
                collect(item, trusts)?;
            }
        }
        other => {
            return Err(ImportError::NotRecognised(format!(
                "{} stands where a trust is expected",
                values::shown(&other)
            )));
        }
    }
    Ok(())
}
