//! `SamlEndpoints` of an export, and what a trust file calls them (spec claim-rules 10, New-AdfsSamlEndpoint).

use federation::saml2::Binding;
use serde_json::{Map, Value, json};
use toml::Table;

use super::export::as_json;
use super::values::{self, Wrong};
use crate::config::SamlProtocol;

const PROTOCOLS: [SamlProtocol; 4] = [
    SamlProtocol::AssertionConsumer,
    SamlProtocol::Logout,
    SamlProtocol::SingleSignOn,
    SamlProtocol::ArtifactResolution,
];

/// The list as a trust file has it.
pub(super) fn read(value: &Value) -> Result<toml::Value, Wrong> {
    let items = values::items(value).into_iter();
    let endpoints = items.map(endpoint).collect::<Result<Vec<_>, _>>()?;
    Ok(toml::Value::Array(endpoints))
}

fn endpoint(value: &Value) -> Result<toml::Value, Wrong> {
    let Value::Object(object) = value else {
        // Beyond its depth, ConvertTo-Json writes the type's name; the reader of texts tells of that.
        values::text(value)?;
        return Err("something that is no endpoint".to_owned());
    };
    let given = |name: &str| object.get(name).filter(|value| !values::is_nothing(value));
    let address = |name: &str| given(name).map(values::uri).transpose();
    let mut table = Table::new();
    table.insert("binding".to_owned(), binding(object)?.name().into());
    let protocol = given("Protocol").ok_or("an endpoint without Protocol")?;
    table.insert("protocol".to_owned(), self::protocol(protocol)?.into());
    let location = address("Location")?.ok_or("an endpoint without Location")?;
    table.insert("uri".to_owned(), location.into());
    if let Some(location) = address("ResponseLocation")? {
        table.insert("response_uri".to_owned(), location.into());
    }
    if let Some(index) = given("Index") {
        table.insert("index".to_owned(), values::number(index)?.into());
    }
    if let Some(is_default) = given("IsDefault") {
        table.insert("is_default".to_owned(), values::flag(is_default)?.into());
    }
    Ok(toml::Value::Table(table))
}

/// By its name, or by its URI where there is no name.
fn binding(object: &Map<String, Value>) -> Result<Binding, Wrong> {
    let told = |name: &str| object.get(name).filter(|value| !values::is_nothing(value));
    let found = match (told("Binding"), told("BindingUri")) {
        (Some(name), _) => {
            let name = values::text(name)?;
            Binding::ALL
                .into_iter()
                .find(|binding| binding.name().eq_ignore_ascii_case(&name))
        }
        (None, Some(uri)) => {
            let uri = values::uri(uri)?;
            Binding::ALL
                .into_iter()
                .find(|binding| binding.uri() == uri)
        }
        (None, None) => return Err("an endpoint without Binding".to_owned()),
    };
    found.ok_or_else(|| "an endpoint of an unknown Binding".to_owned())
}

fn protocol(value: &Value) -> Result<&'static str, Wrong> {
    let name = values::text(value)?;
    PROTOCOLS
        .into_iter()
        .map(SamlProtocol::name)
        .find(|known| known.eq_ignore_ascii_case(&name))
        .ok_or_else(|| "an endpoint of an unknown Protocol".to_owned())
}

/// Whether assertions can be sent to one of them.
pub(super) fn has_consumer(endpoints: &toml::Value) -> bool {
    let is = |endpoint: &toml::Value, key: &str, names: &[&str]| {
        endpoint
            .get(key)
            .and_then(toml::Value::as_str)
            .is_some_and(|name| names.contains(&name))
    };
    let takes = |endpoint: &toml::Value| {
        is(
            endpoint,
            "protocol",
            &[SamlProtocol::AssertionConsumer.name()],
        ) && is(
            endpoint,
            "binding",
            &[Binding::Post.name(), Binding::Artifact.name()],
        )
    };
    endpoints
        .as_array()
        .is_some_and(|endpoints| endpoints.iter().any(takes))
}

/// A trust file's list as `Get-AdfsRelyingPartyTrust` shows it.
pub(super) fn written(endpoints: &toml::Value) -> Value {
    let list = endpoints.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(shown).collect()
}

fn shown(endpoint: &toml::Value) -> Value {
    let get = |key: &str| endpoint.get(key).map(as_json);
    let name = endpoint.get("binding").and_then(toml::Value::as_str);
    let binding = Binding::ALL
        .into_iter()
        .find(|binding| name.is_some_and(|name| binding.name().eq_ignore_ascii_case(name)));
    json!({
        "Binding": binding.map(Binding::name),
        "BindingUri": binding.map(Binding::uri),
        "Index": get("index").unwrap_or_else(|| json!(0)),
        "IsDefault": get("is_default").unwrap_or(Value::Bool(false)),
        "Location": get("uri"),
        "Protocol": get("protocol"),
        "ResponseLocation": get("response_uri"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported() -> Value {
        json!([
            {
                "Binding": "POST", "BindingUri": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", "Index": 0,
                "IsDefault": true, "Location": "https://app.test/acs", "Protocol": "SAMLAssertionConsumer",
                "ResponseLocation": null
            },
            {
                "Binding": "Redirect", "BindingUri": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect", "Index": 0,
                "IsDefault": false, "Location": "https://app.test/logout", "Protocol": "SAMLLogout",
                "ResponseLocation": "https://app.test/logged-out"
            }
        ])
    }

    #[test]
    fn what_is_read_is_written_as_it_was() {
        let read = read(&exported()).unwrap();
        assert!(has_consumer(&read));
        assert_eq!(written(&read), exported());
    }

    #[test]
    fn endpoints_have_several_forms() {
        let one = |endpoint: Value| read(&endpoint).map(|list| list[0].clone());
        let endpoint = json!({
            "BindingUri": {"AbsoluteUri": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"},
            "Location": {"OriginalString": "https://App.test/acs", "AbsoluteUri": "https://app.test/acs"},
            "Protocol": "samlassertionconsumer", "ResponseLocation": ""
        });
        let found = one(json!({"value": [endpoint], "Count": 1})).unwrap();
        assert_eq!(one(endpoint).unwrap(), found);
        assert_eq!(found["binding"].as_str(), Some("Artifact"));
        assert_eq!(found["protocol"].as_str(), Some("SAMLAssertionConsumer"));
        assert_eq!(found["uri"].as_str(), Some("https://App.test/acs"));
        assert!(found.get("response_uri").is_none());
    }

    #[test]
    fn what_is_no_endpoint_is_told() {
        let cut = "Microsoft.IdentityServer.Management.Resources.SamlEndpoint";
        let good = exported()[0].clone();
        let with = |name: &str, value: Value| {
            let mut endpoint = good.clone();
            endpoint[name] = value;
            json!([endpoint])
        };
        for (value, part) in [
            (json!([cut]), "-Depth 5"),
            (json!(cut), "-Depth 5"),
            (json!([7]), "7"),
            (with("Protocol", json!("SAMLSomething")), "unknown Protocol"),
            (with("Binding", json!("PAOS")), "unknown Binding"),
            (with("Location", Value::Null), "without Location"),
            (with("Index", json!("first")), "whole number"),
        ] {
            let wrong = read(&value).unwrap_err();
            assert!(wrong.contains(part), "{value}: {wrong}");
        }
    }
}
