//! The shapes that PowerShell gives the values of properties.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::x509::X509;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What is wrong with a value; ends the sentence "it has ...".
pub(super) type Wrong = String;

/// Names of an enumeration by their numbers.
pub(super) type Names = &'static [(i64, &'static str)];

/// Whether a value asks for nothing: unset properties come as null, as an empty text or as an empty list.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => match wrapped(object) {
            Some(inner) => is_nothing(inner),
            None => object.is_empty(),
        },
    }
}

/// Windows PowerShell writes lists that carry properties as `{"value": [...], "Count": 2}`, dates as `{"value": ...,
/// "DateTime": ...}`.
fn wrapped(object: &Map<String, Value>) -> Option<&Value> {
    let inner = object.get("value")?;
    let is_wrapper = object
        .keys()
        .all(|key| matches!(key.as_str(), "value" | "Count" | "DateTime" | "DisplayHint"));
    is_wrapper.then_some(inner)
}

fn unwrap(value: &Value) -> &Value {
    value.as_object().and_then(wrapped).unwrap_or(value)
}

/// The values of a list; one value alone is a list, too, since PowerShell unrolls lists of one.
pub(super) fn items(value: &Value) -> Vec<&Value> {
    match unwrap(value) {
        Value::Array(items) => items.iter().collect(),
        single => vec![single],
    }
}

pub(super) fn text(value: &Value) -> Result<String, Wrong> {
    match unwrap(value) {
        Value::String(text) => not_cut(text).map(str::to_owned),
        other => Err(unexpected(other, "a text")),
    }
}

/// The whole rule text; nothing about it is changed.
pub(super) fn rules(value: &Value) -> Result<String, Wrong> {
    match unwrap(value) {
        Value::String(text) => Ok(text.clone()),
        other => Err(unexpected(other, "a text")),
    }
}

pub(super) fn flag(value: &Value) -> Result<bool, Wrong> {
    match unwrap(value) {
        Value::Bool(flag) => Ok(*flag),
        other => Err(unexpected(other, "true or false")),
    }
}

pub(super) fn number(value: &Value) -> Result<i64, Wrong> {
    let value = unwrap(value);
    value
        .as_i64()
        .ok_or_else(|| unexpected(value, "a whole number"))
}

/// A list of texts; one text alone is a list, too, since PowerShell unrolls lists of one.
pub(super) fn list(value: &Value) -> Result<Vec<String>, Wrong> {
    match unwrap(value) {
        Value::Array(items) => items.iter().map(uri).collect(),
        single => uri(single).map(|text| vec![text]),
    }
}

/// A URI as text or as an object of .NET.
pub(super) fn uri(value: &Value) -> Result<String, Wrong> {
    match unwrap(value) {
        Value::Object(object) => {
            // What was entered; the other form is already normalised.
            let given = object
                .get("OriginalString")
                .filter(|given| !is_nothing(given))
                .or_else(|| object.get("AbsoluteUri"));
            text(given.unwrap_or(value))
        }
        other => text(other),
    }
}

/// The name of an enumeration's value, which comes by number or by name.
pub(super) fn named(value: &Value, names: Names) -> Result<&'static str, Wrong> {
    let found = match unwrap(value) {
        Value::Number(number) => names
            .iter()
            .find(|(known, _)| Some(*known) == number.as_i64()),
        Value::String(text) => names
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(text)),
        other => return Err(unexpected(other, "a number or a name")),
    };
    found
        .map(|(_, name)| *name)
        .ok_or_else(|| format!("{}, which is none of its values", shown(value)))
}

/// A moment: `/Date(ms)/` of Windows PowerShell or ISO 8601 of PowerShell 7.
pub(super) fn date(value: &Value) -> Result<OffsetDateTime, Wrong> {
    let text = text(value)?;
    let milliseconds = text
        .strip_prefix("/Date(")
        .and_then(|rest| rest.strip_suffix(")/"));
    let moment = match milliseconds {
        Some(milliseconds) => milliseconds.parse::<i64>().ok().and_then(|milliseconds| {
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000).ok()
        }),
        // A date without zone is UTC in AD FS.
        None => OffsetDateTime::parse(&text, &Rfc3339)
            .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
            .ok(),
    };
    moment.ok_or_else(|| format!("{text:?}, which is no date"))
}

/// A certificate as base64 or as an object of .NET: its DER in base64.
pub(super) fn certificate(value: &Value) -> Result<String, Wrong> {
    let der = match unwrap(value) {
        Value::Object(object) => {
            let raw = object
                .get("RawData")
                .or_else(|| object.get("RawDataMemory"));
            octets(raw.ok_or("a certificate without RawData")?)?
        }
        other => octets(other)?,
    };
    X509::from_der(&der).map_err(|_| "something that is no certificate".to_owned())?;
    Ok(STANDARD.encode(der))
}

pub(super) fn certificates(value: &Value) -> Result<Vec<String>, Wrong> {
    match unwrap(value) {
        Value::Array(items) => items.iter().map(certificate).collect(),
        single => certificate(single).map(|one| vec![one]),
    }
}

fn octets(value: &Value) -> Result<Vec<u8>, Wrong> {
    match unwrap(value) {
        Value::Array(items) => {
            let octet = |item: &Value| u8::try_from(item.as_u64()?).ok();
            let octets: Option<Vec<u8>> = items.iter().map(octet).collect();
            octets.ok_or_else(|| "a byte array with something else in it".to_owned())
        }
        Value::String(text) => {
            let lines = not_cut(text)?
                .lines()
                .filter(|line| !line.starts_with("-----"));
            let base64: String = lines.flat_map(str::split_ascii_whitespace).collect();
            STANDARD
                .decode(base64)
                .map_err(|_| "a certificate that is not base64".to_owned())
        }
        other => Err(unexpected(other, "a certificate")),
    }
}

/// Parameters of a policy, as TOML has them.
pub(super) fn parameters(value: &Value) -> Result<toml::Value, Wrong> {
    Ok(match unwrap(value) {
        Value::Bool(flag) => toml::Value::Boolean(*flag),
        Value::String(text) => toml::Value::String(not_cut(text)?.to_owned()),
        Value::Number(_) => toml::Value::Integer(number(value)?),
        Value::Array(items) => {
            toml::Value::Array(items.iter().map(parameters).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => {
            let pairs = object
                .iter()
                .map(|(name, value)| Ok((name.clone(), parameters(value)?)));
            toml::Value::Table(pairs.collect::<Result<_, Wrong>>()?)
        }
        Value::Null => return Err("nothing where a value is expected".to_owned()),
    })
}

/// Beyond its depth, ConvertTo-Json writes the name of an object's type instead of the object.
fn not_cut(text: &str) -> Result<&str, Wrong> {
    let is_type = ["System.", "Microsoft.IdentityServer.", "@{"]
        .iter()
        .any(|prefix| text.starts_with(prefix));
    if is_type {
        return Err(format!(
            "{text:?} instead of the value: the export was cut off; export again with ConvertTo-Json -Depth 5"
        ));
    }
    Ok(text)
}

fn unexpected(found: &Value, expected: &str) -> Wrong {
    format!("{} where {expected} is expected", shown(found))
}

/// A value in one line, cut where it is long. Certificates and parameters of policies are no secrets.
pub(super) fn shown(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn dates_have_both_forms() {
        let moment = datetime!(2023-11-14 22:13:20 UTC);
        for form in [
            json!("/Date(1700000000000)/"),
            json!("2023-11-14T22:13:20Z"),
            json!("2023-11-14T22:13:20"),
            json!("2023-11-15T00:13:20+02:00"),
            json!({"value": "/Date(1700000000000)/", "DateTime": "Tuesday"}),
        ] {
            assert_eq!(date(&form), Ok(moment), "{form}");
        }
        for wrong in [
            json!("yesterday"),
            json!("/Date(x)/"),
            json!(7),
            json!("/Date(9223372036854775807)/"),
        ] {
            assert!(date(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lists_addresses_and_enumerations_have_several_forms() {
        assert_eq!(list(&json!("urn:a")), Ok(vec!["urn:a".to_owned()]));
        assert_eq!(
            list(&json!({"value": ["urn:a", {"AbsoluteUri": "https://a.test/"}], "Count": 2})),
            Ok(vec!["urn:a".to_owned(), "https://a.test/".to_owned()])
        );
        assert_eq!(
            uri(&json!({"AbsoluteUri": "https://a.test/", "OriginalString": "https://A.test"})),
            Ok("https://A.test".to_owned())
        );
        const NAMES: Names = &[(0, "None"), (1, "CheckEndCert")];
        assert_eq!(named(&json!(1), NAMES), Ok("CheckEndCert"));
        assert_eq!(named(&json!("none"), NAMES), Ok("None"));
        assert!(named(&json!(9), NAMES).is_err() && named(&json!("x"), NAMES).is_err());
    }

    #[test]
    fn what_was_cut_off_is_told() {
        for cut in [
            "System.Security.Cryptography.X509Certificates.X509Certificate2",
            "Microsoft.IdentityServer.Management.Resources.SamlEndpoint",
            "@{GroupParameter=System.Object[]}",
        ] {
            for refused in [
                text(&json!(cut)).map(drop),
                certificate(&json!(cut)).map(drop),
                parameters(&json!([cut])).map(drop),
            ] {
                assert!(refused.unwrap_err().contains("-Depth 5"), "{cut}");
            }
        }
    }
}
