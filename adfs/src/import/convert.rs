//! From the properties of one exported trust to the settings of a trust file. What a trust file cannot say is told, and
//! a trust that is weaker without it is not put into force.

use std::path::Path;

use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;

use super::export::as_json;
use super::properties::{
    self, ACCESS_CONTROL_POLICY, AUTHORIZATION_RULES, CLAIMS_PROVIDERS, ENCRYPT_CLAIMS,
    ENCRYPTION_CERTIFICATE, Kind, Loss, Property,
};
use super::saml_endpoints;
use super::trust_file::{Setting, plain};
use super::values::{self, Wrong};
use crate::config::TrustCheck;

/// The claims provider that every server has.
const ACTIVE_DIRECTORY: [&str; 2] = ["Active Directory", "AD AUTHORITY"];
/// These are on unless an export says otherwise.
const ON_BY_DEFAULT: [&str; 2] = ["Enabled", ENCRYPT_CLAIMS];
/// Names and identifiers as long as this are attacks.
const MAX_NAME: usize = 512;

/// A property that was not carried over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Its name in AD FS.
    pub property: String,
    /// Its value, cut where it is long.
    pub value: String,
    /// Why, and what that means.
    pub reason: String,
    /// Whether the trust is disabled for it.
    pub disables: bool,
    /// Whether it would have had any effect.
    pub matters: bool,
    /// The whole text of rules, which is kept beside the trust file.
    pub(super) rules: Option<(&'static str, String)>,
}

/// A trust that is ready to be written.
#[derive(Debug)]
pub(super) struct Converted {
    pub(super) name: String,
    pub(super) identifiers: Vec<String>,
    pub(super) settings: Vec<Setting>,
    pub(super) enabled: bool,
    pub(super) carried: Vec<String>,
    pub(super) lost: Vec<Lost>,
    /// What to know about it besides.
    pub(super) remark: Option<&'static str>,
}

/// Name and reason of an object that is not imported.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) name: String,
    pub(super) reason: String,
}

/// Converts one object of an export. With `doubt`, the trust is written disabled for that reason.
pub(super) fn trust(
    object: &Map<String, Value>,
    check: &TrustCheck,
    doubt: Option<&str>,
) -> Result<Converted, Refused> {
    let name = object.get("Name").map(values::text);
    let name = match name {
        Some(Ok(name)) => name,
        _ => "(without name)".to_owned(),
    };
    let refuse = |reason: String| Refused {
        name: printable(&name),
        reason,
    };
    if let Some(kind) = other_kind(object) {
        return Err(refuse(format!(
            "this is {kind}; export the relying party trusts alone"
        )));
    }
    let identifiers = identity(object).map_err(refuse)?;
    let mut draft = Draft::default();
    for property in properties::ALL {
        if let Some(value) = object.get(property.name) {
            draft.take(property, value, object);
        }
    }
    for (name, value) in object {
        if !properties::ALL.iter().any(|known| known.name == name) && !values::is_nothing(value) {
            draft.lose_unknown(name, value);
        }
    }
    draft.settle_authorization(object);
    if let Some(doubt) = doubt {
        draft.doubt("Enabled", doubt);
    }
    draft.settle_with(check).map_err(refuse)?;
    draft.settle_endpoint(object);
    Ok(draft.finish(name.clone(), identifiers))
}

/// A name that nobody has checked, for reports: a terminal obeys control characters.
fn printable(name: &str) -> String {
    let shown = name.chars().take(MAX_NAME);
    shown
        .map(|character| {
            if character.is_control() {
                '\u{FFFD}'
            } else {
                character
            }
        })
        .collect()
}

fn other_kind(object: &Map<String, Value>) -> Option<&'static str> {
    const MARKS: [(&str, &str); 5] = [
        ("AcceptanceTransformRules", "a claims provider trust"),
        (
            "ApplicationGroupIdentifier",
            "an application of an application group",
        ),
        ("PolicyMetadata", "an access control policy"),
        ("StoreClassification", "an attribute store"),
        ("ClaimType", "a claim description"),
    ];
    MARKS
        .iter()
        .find(|(mark, _)| object.contains_key(*mark))
        .map(|(_, kind)| *kind)
}

fn identity(object: &Map<String, Value>) -> Result<Vec<String>, String> {
    let name = object
        .get("Name")
        .ok_or("it has no Name; export whole objects, without Select-Object")?;
    let name = values::text(name).map_err(|wrong| format!("Name has {wrong}"))?;
    if name.trim().is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        return Err("its Name is empty, too long or holds control characters".to_owned());
    }
    let identifiers = object.get("Identifier").ok_or("it has no Identifier")?;
    let identifiers =
        values::list(identifiers).map_err(|wrong| format!("Identifier has {wrong}"))?;
    if identifiers.is_empty() {
        return Err("its list of identifiers is empty".to_owned());
    }
    Ok(identifiers)
}

#[derive(Default)]
struct Draft {
    settings: Vec<(Setting, &'static Property)>,
    denies: bool,
    remark: Option<&'static str>,
    lost: Vec<Lost>,
}

impl Draft {
    fn take(&mut self, property: &'static Property, value: &Value, object: &Map<String, Value>) {
        if values::is_nothing(value) && !ON_BY_DEFAULT.contains(&property.name) {
            return;
        }
        let is_only_directory = || {
            values::list(value).is_ok_and(|names| {
                names
                    .iter()
                    .all(|name| ACTIVE_DIRECTORY.contains(&name.as_str()))
            })
        };
        if property.name == CLAIMS_PROVIDERS && is_only_directory() {
            return;
        }
        let Some(key) = property
            .key
            .filter(|_| !matches!(property.kind, Kind::Other))
        else {
            return self.lose(property, value, None, object);
        };
        match read(property.kind, value) {
            Ok(read) => self.settings.push((Setting::new(key, read), property)),
            Err(wrong) => self.lose(property, value, Some(format!("it has {wrong}")), object),
        }
    }

    fn lose(
        &mut self,
        property: &'static Property,
        value: &Value,
        message: Option<String>,
        object: &Map<String, Value>,
    ) {
        // A certificate alone encrypts nothing.
        let is_idle = property.name == ENCRYPTION_CERTIFICATE
            && object.get(ENCRYPT_CLAIMS) == Some(&Value::Bool(false));
        let loss = if is_idle {
            Loss::Harmless
        } else {
            property.loss
        };
        self.denies |= loss == Loss::Opens;
        let rules = match (property.kind, property.key, value) {
            (Kind::Rules, Some(key), Value::String(text)) => Some((key, text.clone())),
            _ => None,
        };
        let reason = match message {
            Some(message) if loss != Loss::Nothing => format!("{message}; {}", property.why),
            _ => property.why.to_owned(),
        };
        self.lost.push(Lost {
            property: property.name.to_owned(),
            value: shown(property.kind, value),
            reason,
            disables: matches!(loss, Loss::Disables | Loss::Opens),
            matters: loss != Loss::Nothing,
            rules,
        });
    }

    /// Nobody can tell whether an unknown property makes a trust stricter.
    fn lose_unknown(&mut self, name: &str, value: &Value) {
        self.lost.push(Lost {
            property: printable(name),
            value: values::shown(value),
            reason: "this property is not known; find out what it does".to_owned(),
            disables: true,
            matters: true,
            rules: None,
        });
    }

    fn doubt(&mut self, property: &str, reason: &str) {
        self.lost.push(Lost {
            property: property.to_owned(),
            value: String::new(),
            reason: reason.to_owned(),
            disables: true,
            matters: true,
            rules: None,
        });
    }

    fn has(&self, key: &str) -> bool {
        self.settings.iter().any(|(setting, _)| setting.key == key)
    }

    /// AD FS lets nobody in without policy and rules; a trust file without both lets everybody in.
    fn settle_authorization(&mut self, object: &Map<String, Value>) {
        if self.has(ACCESS_CONTROL_POLICY) || self.has(AUTHORIZATION_RULES) {
            return;
        }
        self.denies = true;
        let is_told = ["AccessControlPolicyName", "IssuanceAuthorizationRules"]
            .iter()
            .any(|name| object.contains_key(*name));
        if is_told {
            self.remark = Some(
                "it has neither a policy nor authorization rules, so nobody may sign in to it, as in AD FS",
            );
        } else {
            self.doubt(
                "IssuanceAuthorizationRules",
                "the export does not say who may sign in; write access_control_policy_name or issuance_authorization_rules",
            );
        }
    }

    /// Takes out what the configuration would refuse, one after the other.
    fn settle_with(&mut self, check: &TrustCheck) -> Result<(), String> {
        // One setting goes each time at least.
        for _ in 0..=properties::ALL.len() {
            let settings: Vec<Setting> = self.effective();
            let problems = check.problems(Path::new("trust.toml"), &plain(&settings));
            let Some(first) = problems.first() else {
                return Ok(());
            };
            for problem in &problems {
                let at = self
                    .settings
                    .iter()
                    .position(|(setting, _)| setting.key == problem.key);
                let Some(at) =
                    at.filter(|_| !matches!(problem.key.as_str(), "name" | "identifiers"))
                else {
                    return Err(format!("{}: {}", first.key, first.message));
                };
                let known = self.as_object();
                let (setting, property) = self.settings.remove(at);
                let value = as_json(&setting.value);
                self.lose(property, &value, Some(problem.message.clone()), &known);
            }
        }
        Err("the trust cannot be brought into a form that loads".to_owned())
    }

    fn as_object(&self) -> Map<String, Value> {
        let pairs = self
            .settings
            .iter()
            .map(|(setting, property)| (property.name.to_owned(), as_json(&setting.value)));
        pairs.collect()
    }

    fn settle_endpoint(&mut self, object: &Map<String, Value>) {
        let is_lost = self
            .lost
            .iter()
            .any(|lost| matches!(lost.property.as_str(), "WSFedEndpoint" | "ProtocolProfile"));
        let takes_assertions = self.settings.iter().any(|(setting, _)| {
            setting.key == "saml_endpoints" && saml_endpoints::has_consumer(&setting.value)
        });
        if !self.has("ws_fed_endpoint") && !takes_assertions && !is_lost {
            let speaks_saml = object
                .get("SamlEndpoints")
                .is_some_and(|endpoints| !values::is_nothing(endpoints));
            self.doubt(
                "WSFedEndpoint",
                if speaks_saml {
                    "none of the endpoints of SAML 2.0 takes assertions here"
                } else {
                    "there is no endpoint to send tokens to"
                },
            );
        }
    }

    fn is_disabled(&self) -> bool {
        self.lost.iter().any(|lost| lost.disables)
    }

    /// The settings as they are written.
    fn effective(&self) -> Vec<Setting> {
        let mut settings: Vec<Setting> = self
            .settings
            .iter()
            .map(|(setting, _)| setting.clone())
            .filter(|setting| !(self.denies && decides_who_signs_in(&setting.key)))
            .collect();
        if self.denies {
            settings.push(Setting::new(
                AUTHORIZATION_RULES,
                toml::Value::String(String::new()),
            ));
        }
        if self.is_disabled() {
            settings.retain(|setting| setting.key != "enabled");
            let at = settings.len().min(2);
            settings.insert(at, Setting::new("enabled", toml::Value::Boolean(false)));
        }
        settings
    }

    fn finish(self, name: String, identifiers: Vec<String>) -> Converted {
        let settings = self.effective();
        let is_off = |setting: &Setting| {
            setting.key == "enabled" && setting.value == toml::Value::Boolean(false)
        };
        let is_overruled = |setting: &Setting| {
            (self.denies && decides_who_signs_in(&setting.key))
                || (self.is_disabled() && setting.key == "enabled")
        };
        let carried = self
            .settings
            .iter()
            .filter(|(setting, _)| !is_overruled(setting))
            .map(|(_, property)| property.name.to_owned())
            .collect();
        Converted {
            name,
            identifiers,
            enabled: !settings.iter().any(is_off),
            carried,
            lost: self.lost,
            remark: self.remark,
            settings,
        }
    }
}

/// Dates are told as dates, since nobody reads milliseconds.
fn shown(kind: Kind, value: &Value) -> String {
    let date = matches!(kind, Kind::Date).then(|| values::date(value).ok()?.format(&Rfc3339).ok());
    date.flatten().unwrap_or_else(|| values::shown(value))
}

fn decides_who_signs_in(key: &str) -> bool {
    key.starts_with("access_control_policy") || key == AUTHORIZATION_RULES
}

fn read(kind: Kind, value: &Value) -> Result<toml::Value, Wrong> {
    let texts =
        |texts: Vec<String>| toml::Value::Array(texts.into_iter().map(Into::into).collect());
    Ok(match kind {
        Kind::Text => values::text(value)?.into(),
        Kind::Rules => values::rules(value)?.into(),
        Kind::Flag => values::flag(value)?.into(),
        Kind::Number => values::number(value)?.into(),
        Kind::Uri => values::uri(value)?.into(),
        Kind::List => texts(values::list(value)?),
        Kind::Named(names) => values::named(value, names)?.into(),
        Kind::Certificate => values::certificate(value)?.into(),
        Kind::Certificates => texts(values::certificates(value)?),
        Kind::Parameters => values::parameters(value)?,
        Kind::Endpoints => saml_endpoints::read(value)?,
        Kind::Date | Kind::Other => return Err("a value that no trust file holds".to_owned()),
    })
}
