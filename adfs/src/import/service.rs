//! `Get-AdfsProperties`: the settings of the service itself, as sections of `adfs.toml`.
//!
//! That file is an administrator's own, with comments and secrets beside it, so an import never writes it: it says what to
//! put there.

use serde_json::{Map, Value};

use super::Export;
use super::values::{self, Names, Wrong};

const ERROR_PAGE_INFO: Names = &[(0, "None"), (1, "Private"), (2, "Detailed")];
/// Objects of this cmdlet alone have all of these.
const MARKS: [&str; 2] = ["SsoLifetime", "FederationPassiveAddress"];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Number,
    List,
    Uri,
    Date,
    ErrorPageInfo,
}

use Kind::{Date, ErrorPageInfo, Flag, List, Number, Text, Uri};

/// Name of the property, section and key of the setting, in the order of the file.
const CARRIED: [(&str, &str, &str, Kind); 29] = [
    ("HostName", "service", "host_name", Text),
    ("DisplayName", "service", "display_name", Text),
    ("Identifier", "service", "identifier", Uri),
    ("SsoEnabled", "properties", "sso_enabled", Flag),
    ("SsoLifetime", "properties", "sso_lifetime", Number),
    ("KmsiEnabled", "properties", "kmsi_enabled", Flag),
    (
        "KmsiLifetimeMins",
        "properties",
        "kmsi_lifetime_mins",
        Number,
    ),
    (
        "PersistentSsoEnabled",
        "properties",
        "persistent_sso_enabled",
        Flag,
    ),
    (
        "PersistentSsoCutoffTime",
        "properties",
        "persistent_sso_cutoff_time",
        Date,
    ),
    (
        "LoopDetectionEnabled",
        "properties",
        "loop_detection_enabled",
        Flag,
    ),
    (
        "LoopDetectionTimeIntervalInSeconds",
        "properties",
        "loop_detection_time_interval_in_seconds",
        Number,
    ),
    (
        "LoopDetectionMaximumTokensIssuedInInterval",
        "properties",
        "loop_detection_maximum_tokens_issued_in_interval",
        Number,
    ),
    (
        "ProxyTrustTokenLifetime",
        "properties",
        "proxy_trust_token_lifetime",
        Number,
    ),
    (
        "EnableIdPInitiatedSignonPage",
        "properties",
        "enable_idp_initiated_signon_page",
        Flag,
    ),
    (
        "RelayStateForIdpInitiatedSignOnEnabled",
        "properties",
        "enable_relay_state_for_idp_initiated_sign_on",
        Flag,
    ),
    (
        "SamlMessageDeliveryWindow",
        "properties",
        "saml_message_delivery_window",
        Number,
    ),
    (
        "SignedSamlRequestsRequired",
        "properties",
        "signed_saml_requests_required",
        Flag,
    ),
    (
        "AuthenticationContextOrder",
        "properties",
        "authentication_context_order",
        List,
    ),
    (
        "IntranetUseLocalClaimsProvider",
        "properties",
        "intranet_use_local_claims_provider",
        Flag,
    ),
    (
        "AcceptableIdentifiers",
        "properties",
        "acceptable_identifiers",
        List,
    ),
    (
        "AutoCertificateRollover",
        "properties",
        "auto_certificate_rollover",
        Flag,
    ),
    (
        "CertificateDuration",
        "properties",
        "certificate_duration",
        Number,
    ),
    (
        "CertificateGenerationThreshold",
        "properties",
        "certificate_generation_threshold",
        Number,
    ),
    (
        "CertificatePromotionThreshold",
        "properties",
        "certificate_promotion_threshold",
        Number,
    ),
    (
        "CertificateCriticalThreshold",
        "properties",
        "certificate_critical_threshold",
        Number,
    ),
    (
        "CertificateRolloverInterval",
        "properties",
        "certificate_rollover_interval",
        Number,
    ),
    (
        "CertificateThresholdMultiplier",
        "properties",
        "certificate_threshold_multiplier",
        Number,
    ),
    (
        "PreventTokenReplays",
        "properties",
        "prevent_token_replays",
        Flag,
    ),
    (
        "AdditionalErrorPageInfo",
        "web",
        "additional_error_page_info",
        ErrorPageInfo,
    ),
];

/// What would be weaker or other without it, when it asks for something.
const MISSED: [(&str, &str); 6] = [
    (
        "ExtranetLockoutEnabled",
        "accounts are not locked; attempts are limited by address instead",
    ),
    (
        "BannedIpList",
        "these addresses are not refused; ban them in the firewall or the proxy",
    ),
    (
        "ContactPerson",
        "write the section [contact] by hand if metadata are to name people",
    ),
    (
        "OrganizationInfo",
        "write the section [organization] by hand if metadata are to name the organisation",
    ),
    (
        "PersistentSsoLifetimeMins",
        "it is for sessions of registered devices, which there are none of",
    ),
    (
        "DeviceUsageWindowInDays",
        "it is for sessions of registered devices, which there are none of",
    ),
];

/// The settings of a service, as far as they are known here.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ServiceSettings {
    /// Sections for `adfs.toml`.
    pub text: String,
    /// Names of the properties in it.
    pub carried_over: Vec<&'static str>,
    /// Name, and why it is not in there, of those that somebody may miss.
    pub missed: Vec<(&'static str, String)>,
    /// Names of all others.
    pub of_no_effect: Vec<String>,
}

impl Export {
    /// The settings of the service, when this is what `Get-AdfsProperties` gave.
    pub fn service_settings(&self) -> Option<ServiceSettings> {
        match self.trusts.as_slice() {
            [object] if MARKS.iter().all(|mark| object.contains_key(*mark)) => {
                Some(convert(object))
            }
            _ => None,
        }
    }
}

fn convert(object: &Map<String, Value>) -> ServiceSettings {
    let mut settings = ServiceSettings::default();
    let mut section = "";
    for (name, heading, key, kind) in CARRIED {
        let Some(value) = object.get(name).filter(|value| !value.is_null()) else {
            continue;
        };
        match toml_of(value, kind) {
            Ok(Some(value)) => {
                if section != heading {
                    let gap = if section.is_empty() { "" } else { "\n" };
                    settings.text.push_str(&format!("{gap}[{heading}]\n"));
                    section = heading;
                }
                settings.text.push_str(&format!("{key} = {value}\n"));
                settings.carried_over.push(name);
            }
            Ok(None) => {}
            Err(wrong) => settings.missed.push((name, format!("it has {wrong}"))),
        }
    }
    for (name, why) in MISSED {
        let asks = |value: &&Value| !values::is_nothing(value);
        if object.get(name).filter(asks).is_some() {
            settings.missed.push((name, why.to_owned()));
        }
    }
    let is_told = |name: &str| {
        CARRIED.iter().any(|(known, ..)| *known == name)
            || MISSED.iter().any(|(known, _)| *known == name)
    };
    let others = object.keys().filter(|name| !is_told(name));
    settings.of_no_effect = others.cloned().collect();
    settings
}

/// `None` where the property says that there is no such thing.
fn toml_of(value: &Value, kind: Kind) -> Result<Option<toml::Value>, Wrong> {
    let is_empty = matches!(value, Value::String(_) | Value::Array(_)) && values::is_nothing(value);
    if is_empty {
        return Ok(None);
    }
    Ok(Some(match kind {
        Text => values::text(value)?.into(),
        Uri => values::uri(value)?.into(),
        Flag => values::flag(value)?.into(),
        Number => values::number(value)?.into(),
        List => values::list(value)?.into(),
        ErrorPageInfo => values::named(value, ERROR_PAGE_INFO)?
            .to_ascii_lowercase()
            .into(),
        Date => {
            let moment = values::date(value)?;
            // The first of the year 1 is how AD FS writes "none".
            if moment.year() <= 1 {
                return Ok(None);
            }
            let text = moment.format(&time::format_description::well_known::Rfc3339);
            text.map_err(|_| "a time that cannot be written".to_owned())?
                .into()
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(json: &str) -> Option<ServiceSettings> {
        let export = super::super::read(json.as_bytes(), None).expect("an export");
        export.service_settings()
    }

    const EXPORT: &str = r#"{
        "HostName": "sts.contoso.com", "DisplayName": "Contoso \"AG\"",
        "Identifier": {"OriginalString": "http://sts.contoso.com/adfs/services/trust", "AbsoluteUri": "http://sts.contoso.com/adfs/services/trust"},
        "FederationPassiveAddress": "/adfs/ls/", "SsoLifetime": 600, "KmsiEnabled": true, "KmsiLifetimeMins": 2880,
        "PersistentSsoEnabled": true, "PersistentSsoLifetimeMins": 129600, "DeviceUsageWindowInDays": 0,
        "PersistentSsoCutoffTime": "/Date(1769846400000)/", "AdditionalErrorPageInfo": 1, "AcceptableIdentifiers": [],
        "AuthenticationContextOrder": ["urn:a", {"OriginalString": "urn:b"}], "ExtranetLockoutEnabled": true,
        "BannedIpList": [], "LoopDetectionEnabled": "yes", "HttpsPort": 443
    }"#;

    #[test]
    fn the_settings_of_a_service_become_sections_that_load() {
        let found = settings(EXPORT).expect("settings");
        let expected = "\
[service]
host_name = \"sts.contoso.com\"
display_name = 'Contoso \"AG\"'
identifier = \"http://sts.contoso.com/adfs/services/trust\"

[properties]
sso_lifetime = 600
kmsi_enabled = true
kmsi_lifetime_mins = 2880
persistent_sso_enabled = true
persistent_sso_cutoff_time = \"2026-01-31T08:00:00Z\"
authentication_context_order = [\"urn:a\", \"urn:b\"]

[web]
additional_error_page_info = \"private\"
";
        assert_eq!(found.text, expected);
        let missed: Vec<&str> = found.missed.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            missed,
            [
                "LoopDetectionEnabled",
                "ExtranetLockoutEnabled",
                "PersistentSsoLifetimeMins",
                "DeviceUsageWindowInDays"
            ]
        );
        assert_eq!(
            found.of_no_effect,
            ["FederationPassiveAddress", "HttpsPort"]
        );
    }

    #[test]
    fn no_cutoff_is_none_and_trusts_are_no_service() {
        for none in [
            "\"0001-01-01T00:00:00\"",
            "\"/Date(-62135596800000)/\"",
            "null",
        ] {
            let json = format!(
                "{{\"SsoLifetime\": 480, \"FederationPassiveAddress\": \"/adfs/ls/\", \"PersistentSsoCutoffTime\": {none}}}"
            );
            let found = settings(&json).expect("settings");
            assert_eq!(found.text, "[properties]\nsso_lifetime = 480\n", "{none}");
            assert_eq!(found.missed, [], "{none}");
        }
        assert_eq!(settings(r#"{"Name": "App", "SsoLifetime": 480}"#), None);
    }

    #[test]
    fn the_defaults_of_ad_fs_are_settings_that_load() {
        let value = |name: &str, kind| match (name, kind) {
            ("HostName", _) => "sts.contoso.test".into(),
            ("CertificateDuration", _) => 365.into(),
            ("CertificateGenerationThreshold", _) => 20.into(),
            ("CertificatePromotionThreshold", _) => 5.into(),
            ("CertificateCriticalThreshold", _) => 2.into(),
            ("CertificateRolloverInterval", _) => 720.into(),
            ("CertificateThresholdMultiplier", _) => 1440.into(),
            (_, Number) => 60.into(),
            (_, Flag) => true.into(),
            (_, List) => serde_json::json!(["urn:a"]),
            (_, ErrorPageInfo) => 2.into(),
            (_, Date) => "2026-01-31T08:00:00Z".into(),
            (_, Text | Uri) => Value::from("http://sts.contoso.test/"),
        };
        let export = CARRIED
            .iter()
            .map(|(name, .., kind)| ((*name).to_owned(), value(name, *kind)))
            .collect();
        let settings = convert(&export);
        assert_eq!(settings.missed, []);
        assert_eq!(settings.carried_over.len(), CARRIED.len());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("adfs.toml");
        let rest = r#"
            [https]
            certificate = "c.pem"
            private_key = "k.pem"
            [directories.contoso]
            servers = ["ldaps://dc1.contoso.test"]
            bind_dn = "CN=adfs,DC=contoso,DC=test"
            bind_password_file = "password"
            base_dn = "DC=contoso,DC=test"
            net_bios_name = "CONTOSO"
        "#;
        std::fs::write(folder.path().join("password"), "x").expect("a file");
        std::fs::write(&path, format!("{}{rest}", settings.text)).expect("a file");
        let loaded =
            crate::config::Configuration::load_with(&path, &crate::config::Environment::default());
        let properties = loaded.expect("a configuration").properties;
        assert!(properties.kmsi_enabled && properties.idp_initiated_sign_on_page_enabled);
    }
}
