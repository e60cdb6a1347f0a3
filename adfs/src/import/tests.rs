use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const TRUSTS: &[u8] = include_bytes!("../../tests/import/data/trusts.json");
const PERMIT: &str = "=> issue(Type = \"http://schemas.microsoft.com/authorization/claims/permit\", Value = \"true\");";

fn plan_of(bytes: &[u8], folder: &Path) -> Plan {
    let export = read(bytes, None).unwrap();
    Plan::new(&export, &Destination::Folder(folder.to_owned()), false).unwrap()
}

fn import_into(folder: &Path, trusts: &Value) -> Plan {
    let plan = plan_of(trusts.to_string().as_bytes(), folder);
    plan.carry_out().unwrap();
    plan
}

fn only(plan: &Plan) -> &TrustPlan {
    assert_eq!(plan.trusts.len(), 1);
    &plan.trusts[0]
}

fn table(trust: &TrustPlan) -> toml::Table {
    let text = std::fs::read_to_string(trust.file.as_ref().unwrap()).unwrap();
    text.parse().unwrap()
}

fn lost<'t>(trust: &'t TrustPlan, property: &str) -> &'t Lost {
    let found = trust
        .not_carried_over
        .iter()
        .find(|lost| lost.property == property);
    found.unwrap_or_else(|| panic!("{property} is not reported: {trust:?}"))
}

/// A trust with these properties besides the least that one needs.
fn trust_with(extra: Value) -> Value {
    let mut trust = json!({
        "Name": "App", "Identifier": ["urn:app"], "WSFedEndpoint": "https://app.test/", "AccessControlPolicyName": "Permit everyone",
    });
    let object = trust.as_object_mut().unwrap();
    object.extend(extra.as_object().unwrap().clone());
    trust
}

#[test]
fn nothing_that_makes_a_trust_stricter_is_dropped_from_a_trust_that_works() {
    for (extra, property) in [
        (
            json!({"EncryptionCertificate": "cut off"}),
            "EncryptionCertificate",
        ),
        (
            json!({"RequestMFAFromClaimsProviders": true}),
            "RequestMFAFromClaimsProviders",
        ),
        (
            json!({"AdditionalAuthenticationRules": "nonsense"}),
            "AdditionalAuthenticationRules",
        ),
        (
            json!({"AccessControlPolicyName": "Ours"}),
            "AccessControlPolicyName",
        ),
        (
            json!({"AccessControlPolicyName": ["x"]}),
            "AccessControlPolicyName",
        ),
        (
            json!({"AccessControlPolicyName": "Permit specific group"}),
            "AccessControlPolicyName",
        ),
        (
            json!({"AccessControlPolicyParameters": {"Unknown": "x"}}),
            "AccessControlPolicyParameters",
        ),
        (
            json!({"IssuanceAuthorizationRules": PERMIT}),
            "AccessControlPolicyName",
        ),
        (
            json!({"IssuanceAuthorizationRules": "nonsense", "AccessControlPolicyName": null}),
            "IssuanceAuthorizationRules",
        ),
        (json!({"TokenLifetime": 999_999_999}), "TokenLifetime"),
        (
            json!({"SignatureAlgorithm": "urn:none"}),
            "SignatureAlgorithm",
        ),
        (json!({"EnableJWT": true}), "EnableJWT"),
        (
            json!({"WSFedEndpoint": "http://app.test/"}),
            "WSFedEndpoint",
        ),
        (json!({"WSFedEndpoint": null}), "WSFedEndpoint"),
        (json!({"SomethingNew": 1}), "SomethingNew"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let plan = import_into(folder.path(), &trust_with(extra.clone()));
        let trust = only(&plan);
        assert!(lost(trust, property).disables, "{extra}");
        assert!(!trust.enabled, "{extra}");
        let written = table(trust);
        assert_eq!(written["enabled"].as_bool(), Some(false), "{extra}");
        if property.contains("Policy") || property == "IssuanceAuthorizationRules" {
            assert_eq!(
                written["issuance_authorization_rules"].as_str(),
                Some(""),
                "{extra}"
            );
            assert!(
                !written.contains_key("access_control_policy_name"),
                "{extra}"
            );
            let claimed = |name: &str| trust.carried_over.iter().any(|carried| carried == name);
            assert!(
                !claimed("AccessControlPolicyName") && !claimed("IssuanceAuthorizationRules"),
                "{extra}"
            );
        }
        let text = std::fs::read_to_string(trust.file.as_ref().unwrap()).unwrap();
        assert!(
            text.contains(&format!("# Not carried over: {property} ")),
            "{text}"
        );
    }
}

#[test]
fn what_asks_for_nothing_or_concerns_nobody_leaves_a_trust_enabled() {
    let certificate =
        serde_json::from_slice::<Value>(TRUSTS).unwrap()[2]["EncryptionCertificate"].clone();
    for extra in [
        json!({}),
        json!({"SignedSamlRequestsRequired": false, "AllowedAuthenticationClassReferences": [], "EncryptionCertificate": null}),
        json!({"EncryptClaims": true}),
        json!({"EncryptClaims": false, "EncryptionCertificate": certificate}),
        json!({"ClaimsProviderName": ["Active Directory"]}),
        json!({"RequestSigningCertificate": [certificate], "SamlEndpoints": [{"Location": "https://app.test/acs"}]}),
        json!({"MetadataUrl": "https://app.test/metadata", "MonitoringEnabled": true, "AutoUpdateEnabled": true}),
        json!({"DelegationAuthorizationRules": PERMIT, "ImpersonationAuthorizationRules": PERMIT}),
        json!({"AllowedClientTypes": 99, "PSComputerName": "adfs01", "SomethingNew": false}),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let plan = import_into(folder.path(), &trust_with(extra.clone()));
        assert!(only(&plan).enabled, "{extra}: {plan:?}");
        assert!(!table(only(&plan)).contains_key("enabled"), "{extra}");
    }
}

#[test]
fn without_policy_and_rules_nobody_signs_in() {
    for (trust, enabled) in [
        (
            json!({"AccessControlPolicyName": null, "IssuanceAuthorizationRules": ""}),
            true,
        ),
        (json!({"AccessControlPolicyName": ""}), true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let plan = import_into(folder.path(), &trust_with(trust));
        assert_eq!(only(&plan).enabled, enabled);
        assert_eq!(
            table(only(&plan))["issuance_authorization_rules"].as_str(),
            Some("")
        );
    }
    let mut untold = trust_with(json!({}));
    untold
        .as_object_mut()
        .unwrap()
        .remove("AccessControlPolicyName");
    let folder = tempfile::tempdir().unwrap();
    let plan = import_into(folder.path(), &untold);
    assert!(!only(&plan).enabled);
    assert_eq!(
        table(only(&plan))["issuance_authorization_rules"].as_str(),
        Some("")
    );
}

#[test]
fn objects_that_are_no_trust_are_refused_by_name() {
    let cases = [
        (
            json!({"Name": "P", "Identifier": "x", "AcceptanceTransformRules": ""}),
            "claims provider trust",
        ),
        (
            json!({"Name": "P", "PolicyMetadata": {}}),
            "access control policy",
        ),
        (
            json!({"Name": "P", "Identifier": ["x"], "ApplicationGroupIdentifier": "g"}),
            "application group",
        ),
        (json!({"Identifier": ["x"]}), "no Name"),
        (json!({"Name": "P"}), "no Identifier"),
        (
            json!({"Name": "P", "Identifier": []}),
            "identifiers is empty",
        ),
        (
            json!({"Name": "P", "Identifier": ["a\u{7}b"]}),
            "control characters",
        ),
        (
            json!({"Name": "P\nQ", "Identifier": ["x"]}),
            "control characters",
        ),
        (
            json!({"Name": 7, "Identifier": ["x"]}),
            "where a text is expected",
        ),
    ];
    for (object, reason) in cases {
        let folder = tempfile::tempdir().unwrap();
        let plan = import_into(folder.path(), &object);
        let trust = only(&plan);
        assert_eq!(trust.outcome, Outcome::Refused, "{object}");
        assert!(trust.reason.as_ref().unwrap().contains(reason), "{trust:?}");
        assert!(!plan.is_complete() && !trust.name.chars().any(char::is_control));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn names_and_identifiers_stay_unique() {
    let folder = tempfile::tempdir().unwrap();
    let plan = import_into(
        folder.path(),
        &json!([
            trust_with(json!({})),
            trust_with(json!({"Name": "APP", "Identifier": ["urn:other"]})),
            trust_with(json!({"Name": "Rival"})),
        ]),
    );
    let outcomes: Vec<Outcome> = plan.trusts.iter().map(|trust| trust.outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Added, Outcome::Refused, Outcome::Refused]
    );
    let later = import_into(folder.path(), &trust_with(json!({"Name": "Rival"})));
    assert!(only(&later).reason.as_ref().unwrap().contains("urn:app"));
}

#[test]
fn an_import_that_comes_again_changes_nothing_and_spares_what_was_edited() {
    let folder = tempfile::tempdir().unwrap();
    let first = trust_with(json!({"IssuanceTransformRules": "c:[] => issue(claim = c);\r\n'''"}));
    let good = trust_with(
        json!({"IssuanceTransformRules": "@RuleName = \"a'''b\"\nc:[] => issue(claim = c);"}),
    );
    assert_eq!(
        only(&import_into(folder.path(), &good)).outcome,
        Outcome::Added
    );
    assert_eq!(
        only(&import_into(folder.path(), &good)).outcome,
        Outcome::Unchanged
    );
    // Another export of the same trust replaces what nobody has touched, and leaves no file of rules behind.
    assert_eq!(
        only(&import_into(folder.path(), &first)).outcome,
        Outcome::Replaced
    );
    assert_eq!(
        only(&import_into(folder.path(), &trust_with(json!({})))).outcome,
        Outcome::Replaced
    );
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["app.toml"]);
    let file = folder.path().join("app.toml");
    let edited = std::fs::read_to_string(&file).unwrap() + "token_lifetime = 5\n";
    std::fs::write(&file, &edited).unwrap();
    let kept = import_into(folder.path(), &good);
    assert_eq!(only(&kept).outcome, Outcome::Kept);
    assert!(only(&kept).reason.as_ref().unwrap().contains("--replace"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), edited);
    let export = read(good.to_string().as_bytes(), None).unwrap();
    let forced = Plan::new(
        &export,
        &Destination::Folder(folder.path().to_owned()),
        true,
    )
    .unwrap();
    forced.carry_out().unwrap();
    assert_eq!(only(&forced).outcome, Outcome::Replaced);
    assert_eq!(
        only(&import_into(folder.path(), &good)).outcome,
        Outcome::Unchanged
    );
}

#[test]
fn import_export_and_import_give_the_same_files() {
    let first = tempfile::tempdir().unwrap();
    plan_of(TRUSTS, first.path()).carry_out().unwrap();
    let known = TrustFolder::open(first.path()).unwrap();
    assert_eq!(known.trusts().len(), 11);
    let exported: Vec<Value> = known
        .trusts()
        .iter()
        .map(|trust| export(trust).unwrap())
        .collect();
    let second = tempfile::tempdir().unwrap();
    let plan = import_into(second.path(), &Value::Array(exported));
    assert!(plan.is_complete());
    for trust in &plan.trusts {
        let file = trust.file.as_ref().unwrap();
        let name = file.file_name().unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        let before = std::fs::read_to_string(first.path().join(name)).unwrap();
        let tables: [toml::Table; 2] = [text.parse().unwrap(), before.parse().unwrap()];
        assert_eq!(tables[0], tables[1], "{}", trust.name);
        // What is told of losses is no part of the trust.
        if !before.contains("# Not carried over") {
            assert_eq!(text, before);
        }
    }
}

#[test]
fn a_text_that_is_no_export_is_refused_with_what_would_be_one() {
    for (text, message) in [
        ("", "claim rules"),
        ("[]", "no trust"),
        ("7", "as rules"),
        ("[[\"x\"]]", "stands where a trust is expected"),
        ("{\"Name\": ", "not JSON"),
        ("<html/>", "Export-Clixml"),
        ("what is this", "ConvertTo-Json -Depth 5"),
        ("c:[] => issue(claim = c);", "--name"),
        (
            "[Type == \"a\"] => add(Type = \"b\", Value = \"c\");",
            "--name",
        ),
    ] {
        let refused = read(text.as_bytes(), None).unwrap_err().to_string();
        assert!(refused.contains(message), "{text}: {refused}");
    }
    assert!(matches!(
        read(&vec![b' '; MAX_BYTES + 1], None),
        Err(ImportError::TooLarge)
    ));
}

#[test]
fn rules_alone_make_a_trust_that_is_off_until_somebody_completes_it() {
    let rules = "c:[Type == \"a\"]\r\n => issue(claim = c);\r\n";
    let whose = RulesFor::entra_connect_backup("AadTrust-20260101-120000.txt").unwrap();
    let export = read(rules.as_bytes(), Some(&whose)).unwrap();
    assert_eq!(export.form, Form::Rules);
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::new(
        &export,
        &Destination::Folder(folder.path().to_owned()),
        false,
    )
    .unwrap();
    plan.carry_out().unwrap();
    assert!(!only(&plan).enabled);
    assert_eq!(
        table(only(&plan))["issuance_transform_rules"].as_str(),
        Some(rules)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rule_texts_come_out_of_the_trust_file_as_they_went_in(
        remark in "[^\"\\\\]{0,20}|(?s:.{0,20})", end in "(\r\n|\n|\r|'''|\t| ){0,6}", encoding in 0..3_usize,
    ) {
        // A comment takes any text up to its line end.
        let rules = format!("c:[Type == \"a\"]\r\n => issue(claim = c);{end}// {}", remark.replace(['\r', '\n'], " "));
        let json = trust_with(json!({"IssuanceTransformRules": rules})).to_string();
        let bytes = match encoding {
            0 => json.into_bytes(),
            1 => [vec![0xFF, 0xFE], json.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat(),
            _ => [vec![0xFE, 0xFF], json.encode_utf16().flat_map(u16::to_be_bytes).collect()].concat(),
        };
        let folder = tempfile::tempdir().unwrap();
        plan_of(&bytes, folder.path()).carry_out().unwrap();
        let known = TrustFolder::open(folder.path()).unwrap();
        let exported = export(&known.trusts()[0]).unwrap();
        if claim_rules::RuleSet::compile(&rules).is_ok() {
            prop_assert_eq!(exported["IssuanceTransformRules"].as_str(), Some(rules.as_str()));
        } else {
            let kept = std::fs::read_to_string(folder.path().join("app.issuance_transform_rules.rules")).unwrap();
            prop_assert_eq!(kept, rules);
        }
    }

    #[test]
    fn no_export_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\[{<c\u{feff}][\\PC\n:=> \"]{0,80}") {
        let _ = read(&bytes, None);
        if let Ok(export) = read(text.as_bytes(), None) {
            let folder = tempfile::tempdir().unwrap();
            let _ = Plan::new(&export, &Destination::Folder(folder.path().to_owned()), false);
        }
    }
}
