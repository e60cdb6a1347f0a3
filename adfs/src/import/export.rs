//! A trust as `Get-AdfsRelyingPartyTrust | ConvertTo-Json` shows it, so that `adfs import` and scripts for AD FS read it.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::folder::{failed, read, stem_of};
use super::properties::{self, AUTHORIZATION_RULES, Kind, Property};
use super::{ImportError, Known, saml_endpoints};

/// Reads a trust file that loads; settings that it leaves out get the defaults of AD FS.
///
/// # Errors
/// [`ImportError::File`], also for a file that is no TOML any more.
pub fn export(trust: &Known) -> Result<Value, ImportError> {
    let text = read(&trust.file)?.unwrap_or_default();
    let table: toml::Table = text.parse().map_err(|error| {
        failed(&trust.file, "read the file as TOML")(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            error,
        ))
    })?;
    let mut object = Map::new();
    for property in properties::ALL {
        let Some(key) = property.key else {
            continue;
        };
        let written = match property.kind {
            Kind::Rules => rules(&trust.file, &table, key)?,
            Kind::Endpoints => table.get(key).map(saml_endpoints::written),
            _ => table.get(key).map(as_json),
        };
        let value = written.or_else(|| default(property, &table));
        if let Some(value) = value {
            object.insert(property.name.to_owned(), value);
        }
    }
    object
        .entry("Name")
        .or_insert_with(|| Value::from(stem_of(&trust.file)));
    Ok(Value::Object(object))
}

fn rules(file: &Path, table: &toml::Table, key: &str) -> Result<Option<Value>, ImportError> {
    if let Some(inline) = table.get(key) {
        return Ok(Some(as_json(inline)));
    }
    let Some(name) = table
        .get(&format!("{key}_file"))
        .and_then(toml::Value::as_str)
    else {
        return Ok(None);
    };
    let path = file.with_file_name("").join(name);
    match read(&path)? {
        Some(text) => Ok(Some(Value::from(text))),
        None => Err(failed(&path, "read the rules")(
            std::io::ErrorKind::NotFound.into(),
        )),
    }
}

/// What AD FS shows for a property that nobody has set.
fn default(property: &Property, table: &toml::Table) -> Option<Value> {
    Some(match property.name {
        "Enabled" | "EncryptClaims" => json!(true),
        "ProtocolProfile" => json!("WsFed-SAML"),
        "TokenLifetime" | "NotBeforeSkew" => json!(0),
        "SignatureAlgorithm" => json!("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
        "WSFedEndpoint" | "AccessControlPolicyParameters" => Value::Null,
        "AdditionalWSFedEndpoint" => json!([]),
        "AccessControlPolicyName" => {
            let has_rules = table.contains_key(AUTHORIZATION_RULES)
                || table.contains_key(&format!("{AUTHORIZATION_RULES}_file"));
            if has_rules {
                Value::Null
            } else {
                json!("Permit everyone")
            }
        }
        _ if matches!(property.kind, Kind::Rules) => json!(""),
        _ => return None,
    })
}

/// A value of TOML as JSON.
pub(super) fn as_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::from(*number),
        toml::Value::Boolean(flag) => Value::from(*flag),
        toml::Value::Datetime(moment) => Value::from(moment.to_string()),
        toml::Value::Array(items) => items.iter().map(as_json).collect(),
        toml::Value::Table(table) => {
            let pairs = table
                .iter()
                .map(|(name, value)| (name.clone(), as_json(value)));
            Value::Object(pairs.collect())
        }
    }
}
