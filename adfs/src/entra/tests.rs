use serde_json::{Map, Value, json};
use time::macros::datetime;

use super::*;
use crate::keys::Keys;

fn certificate() -> Certificate {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::in_folder(folder.path(), datetime!(2026-11-25 12:00 UTC));
    keys.token_signing().certificate().clone()
}

fn configuration(rules: Option<&str>) -> Configuration {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adfs.toml");
    std::fs::write(&path, crate::config::EXAMPLE).unwrap();
    if let Some(rules) = rules {
        let trusts = Configuration::relying_party_folder(&path);
        std::fs::create_dir_all(&trusts).unwrap();
        let text = format!(
            "identifiers = [\"{RELYING_PARTY}\"]\nissuance_transform_rules = '''\n{rules}'''\n"
        );
        std::fs::write(trusts.join("entra.toml"), text).unwrap();
    }
    let secrets = folder.path().join("secrets");
    std::fs::create_dir_all(&secrets).unwrap();
    std::fs::write(secrets.join("directory-password"), "x").unwrap();
    Configuration::load(&path).unwrap()
}

fn example(configuration: &Configuration, issuer: Issuer) -> DomainFederation {
    let certificates = [
        (CertificateType::TokenDecrypting, certificate()),
        (CertificateType::TokenSigning, certificate()),
    ];
    federation(
        configuration,
        &certificates,
        issuer,
        "contoso.test",
        Some("Contoso lab"),
        MfaBehavior::default(),
    )
    .unwrap()
}

fn answer(federation: &DomainFederation) -> Map<String, Value> {
    serde_json::to_value(federation)
        .unwrap()
        .as_object()
        .unwrap()
        .clone()
}

#[test]
fn the_body_for_graph_has_the_members_of_the_spec() {
    let configuration = configuration(None);
    let base = configuration.service.base_url();
    let body = answer(&example(&configuration, Issuer::Domain));
    for (name, value) in [
        (
            "@odata.type",
            "#microsoft.graph.internalDomainFederation".to_owned(),
        ),
        ("displayName", "Contoso lab".to_owned()),
        (
            "issuerUri",
            "http://contoso.test/adfs/services/trust/".to_owned(),
        ),
        ("passiveSignInUri", format!("{base}/adfs/ls/")),
        (
            "activeSignInUri",
            format!("{base}/adfs/services/trust/2005/usernamemixed"),
        ),
        (
            "metadataExchangeUri",
            format!("{base}/adfs/services/trust/mex"),
        ),
        ("signOutUri", format!("{base}/adfs/ls/")),
        ("preferredAuthenticationProtocol", "wsFed".to_owned()),
        ("promptLoginBehavior", "nativeSupport".to_owned()),
        (
            "federatedIdpMfaBehavior",
            "rejectMfaByFederatedIdp".to_owned(),
        ),
    ] {
        assert_eq!(body[name].as_str(), Some(value.as_str()), "{name}");
    }
    assert!(!body.contains_key("nextSigningCertificate"));
    assert_eq!(body.len(), 11);
    let single = example(&configuration, Issuer::Service);
    assert_eq!(single.issuer_uri, configuration.service.identifier);
}

#[test]
fn the_issuer_follows_the_configured_rules_and_the_number_of_domains() {
    let domain = issuance_transform_rules(Issuer::Domain, &["contoso.test"], &[]).unwrap();
    let service = issuance_transform_rules(Issuer::Service, &["contoso.test"], &[]).unwrap();
    assert!(domain.contains(ISSUER_ID) && !service.contains(ISSUER_ID));
    assert_eq!(
        claim_rules::RuleSet::compile(&service)
            .unwrap()
            .syntax()
            .rules
            .len()
            + 2,
        claim_rules::RuleSet::compile(&domain)
            .unwrap()
            .syntax()
            .rules
            .len()
    );
    for (rules, domains, expected) in [
        (None, 1, Issuer::Service),
        (None, 2, Issuer::Domain),
        (Some(service.as_str()), 1, Issuer::Service),
        (Some(service.as_str()), 2, Issuer::Domain),
        (Some(domain.as_str()), 1, Issuer::Domain),
    ] {
        let configuration = configuration(rules);
        let trust = configuration.relying_parties.by_identifier(RELYING_PARTY);
        assert_eq!(Issuer::of(trust.as_deref(), domains), expected);
        let warned = remarks(&configuration, domains)
            .iter()
            .any(|remark| remark.contains("AADSTS50107"));
        assert_eq!(warned, domains > 1 && rules == Some(service.as_str()));
    }
}

#[test]
fn every_difference_is_named_and_nothing_else() {
    let configuration = configuration(None);
    let expected = example(&configuration, Issuer::Domain);
    let same = answer(&expected);
    assert_eq!(compare(&expected, &same), []);
    let mut reworded = same.clone();
    let wrapped: Vec<String> = expected
        .signing_certificate
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect();
    reworded.insert("signingCertificate".to_owned(), wrapped.join("\r\n").into());
    reworded.insert("preferredAuthenticationProtocol".to_owned(), "WsFed".into());
    reworded.insert("displayName".to_owned(), "other".into());
    reworded.insert("id".to_owned(), "1".into());
    assert_eq!(compare(&expected, &reworded), []);
    for property in [
        "issuerUri",
        "passiveSignInUri",
        "activeSignInUri",
        "metadataExchangeUri",
        "signOutUri",
        "signingCertificate",
        "preferredAuthenticationProtocol",
        "promptLoginBehavior",
        "federatedIdpMfaBehavior",
    ] {
        for wrong in [json!(null), json!("saml"), json!(certificate().base64())] {
            let mut changed = same.clone();
            changed.insert(property.to_owned(), wrong.clone());
            let found = compare(&expected, &changed);
            assert_eq!(found.len(), 1, "{property} {wrong}");
            assert_eq!(found[0].property, property);
        }
    }
    let mut slash = same.clone();
    slash.insert(
        "issuerUri".to_owned(),
        "http://contoso.test/adfs/services/trust".into(),
    );
    assert_eq!(compare(&expected, &slash).len(), 1);
    let mut rolled = same.clone();
    rolled.insert(
        "signingCertificate".to_owned(),
        certificate().base64().into(),
    );
    rolled.insert(
        "nextSigningCertificate".to_owned(),
        expected.signing_certificate.clone().into(),
    );
    assert!(compare(&expected, &rolled)[0].remedy.contains("soon"));
}

#[test]
fn answers_come_as_lists_objects_and_with_capitals() {
    let one = json!({"issuerUri": "a"});
    for (text, count) in [
        (one.to_string(), 1),
        (
            json!({"@odata.context": "c", "value": [one, one]}).to_string(),
            2,
        ),
        (json!([{"IssuerUri": "a"}]).to_string(), 1),
        (json!({"value": []}).to_string(), 0),
    ] {
        assert_eq!(read_answer(text.as_bytes()).unwrap().len(), count, "{text}");
    }
    for wrong in [
        "",
        "7",
        "{\"error\": {\"code\": \"x\"}}",
        "{\"value\": 1}",
        "[1]",
    ] {
        assert!(read_answer(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn no_text_breaks_out_of_its_quotes() {
    assert_eq!(quote("it's \u{2019}; $x"), "'it''s \u{2019}\u{2019}; $x'");
    let configuration = configuration(None);
    let lines = commands("contoso.test", &example(&configuration, Issuer::Domain));
    assert!(lines[2].starts_with(
        "New-MgDomainFederationConfiguration -DomainId 'contoso.test' -DisplayName 'Contoso lab'"
    ));
    assert!(lines[2].contains("-PreferredAuthenticationProtocol 'wsFed'"));
}
