use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::{Site, data};

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        (name, std::fs::read_to_string(path).expect("text"))
    };
    entries.map(read).collect()
}

fn trust<'r>(report: &'r Value, name: &str) -> &'r Value {
    let trusts = report["trusts"].as_array().expect("trusts");
    trusts
        .iter()
        .find(|trust| trust["name"] == name)
        .expect("the trust")
}

fn lost(trust: &Value) -> Vec<(&str, bool)> {
    let lost = trust["not_carried_over"].as_array().expect("a list");
    lost.iter()
        .map(|lost| {
            let name = lost["property"].as_str().expect("a name");
            (name, lost["disables"].as_bool().expect("a flag"))
        })
        .collect()
}

/// The export of a whole farm becomes the golden trust files.
#[test]
fn a_farm_is_taken_over_and_everything_left_behind_is_told() {
    let site = Site::new();
    let report = site.json(&["import", &data("trusts.json")], 1);
    let written = files(&site.path().join("trusts/relying-parties"));
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import/data/golden");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(&golden).expect("the folder");
        for (name, text) in &written {
            std::fs::write(golden.join(name), text).expect("written");
        }
    }
    assert_eq!(written, files(&golden));
    for (name, outcome, enabled, disabling) in [
        ("Payroll", "added", true, vec![]),
        ("Wiki (staging)", "added", true, vec![]),
        ("Strict", "added", true, vec![]),
        ("Board", "added", false, vec!["AccessControlPolicyName"]),
        ("Saml only", "added", true, vec![]),
        ("Nobody", "added", true, vec![]),
        (
            "Broken rules",
            "added",
            false,
            vec!["IssuanceTransformRules"],
        ),
        ("Off", "added", false, vec![]),
        ("Second factor", "added", true, vec![]),
        ("Newer", "added", false, vec!["RequireSomethingNew"]),
        ("Cut off", "added", false, vec!["EncryptionCertificate"]),
        ("Partners", "refused", false, vec![]),
    ] {
        let trust = trust(&report, name);
        assert_eq!(trust["outcome"], outcome, "{name}");
        assert_eq!(trust["enabled"], enabled, "{name}");
        let mut found: Vec<_> = lost(trust)
            .into_iter()
            .filter(|(_, disables)| *disables)
            .map(|(name, _)| name)
            .collect();
        found.sort_unstable();
        assert_eq!(found, disabling, "{name}");
    }
    let again = site.json(&["import", &data("trusts.json")], 1);
    let outcomes = again["trusts"]
        .as_array()
        .expect("trusts")
        .iter()
        .map(|trust| &trust["outcome"]);
    assert_eq!(
        outcomes.filter(|outcome| *outcome == "unchanged").count(),
        11
    );
    assert_eq!(files(&site.path().join("trusts/relying-parties")), written);
    assert!(site.run(&["check"], 0).contains("relying party trusts"));
}

#[test]
fn every_form_of_one_export_gives_the_same_trust_file() {
    let site = Site::new();
    let mut seen = Vec::new();
    for form in [
        "one-utf8-bom.json",
        "one-utf16le.json",
        "one-utf16be.json",
        "one-powershell7.json",
        "one.clixml",
    ] {
        let folder = site.path().join(form);
        let report = site.json(
            &[
                "import",
                &data(form),
                "--to",
                folder.to_str().expect("a path"),
            ],
            0,
        );
        assert_eq!(trust(&report, "Payroll")["enabled"], true, "{form}");
        seen.push((form, files(&folder)));
    }
    let golden = std::fs::read_to_string(data("golden/payroll.toml")).expect("golden");
    for (form, files) in seen {
        assert_eq!(
            files,
            BTreeMap::from([("payroll.toml".to_owned(), golden.clone())]),
            "{form}"
        );
    }
}

#[test]
fn a_console_listing_and_rules_alone_are_taken_with_a_warning_and_disabled() {
    let site = Site::new();
    for file in ["console.txt", "AadTrust-20260101-120000.txt"] {
        let report = site.json(&["import", &data(file), "--dry-run"], 0);
        assert_eq!(
            report["warnings"].as_array().expect("warnings").len(),
            1,
            "{file}"
        );
        assert_eq!(report["trusts"][0]["enabled"], false, "{file}");
    }
    let rules = site.path().join("rules.txt");
    std::fs::write(&rules, "c:[] => issue(claim = c);").expect("written");
    let rules = rules.to_str().expect("a path");
    assert_eq!(site.adfs(&["import", rules]).status.code(), Some(1));
    site.run(
        &["import", rules, "--name", "X", "--identifier", "urn:x"],
        0,
    );
    assert!(site.trust("x.toml").exists());
}

#[test]
fn a_dry_run_writes_nothing_and_hand_edits_stay() {
    let site = Site::new();
    let payroll = data("one-utf16le.json");
    assert!(
        site.run(&["import", &payroll, "--dry-run"], 0)
            .contains("Nothing was written")
    );
    assert!(!site.trust("payroll.toml").exists());
    site.run(&["import", &payroll], 0);
    let edited = std::fs::read_to_string(site.trust("payroll.toml"))
        .expect("the file")
        .replace("= 30", "= 31");
    std::fs::write(site.trust("payroll.toml"), &edited).expect("written");
    assert!(site.run(&["import", &payroll], 1).contains("--replace"));
    assert_eq!(
        std::fs::read_to_string(site.trust("payroll.toml")).expect("the file"),
        edited
    );
    site.run(&["import", &payroll, "--replace"], 0);
    site.run(&["import", &payroll], 0);
}

#[test]
fn a_trust_is_added_shown_exported_and_removed() {
    let site = Site::new();
    let rules = site.path().join("rules.txt");
    std::fs::write(&rules, "c:[Type == \"a\"]\r\n => issue(claim = c);\r\n").expect("written");
    let add = [
        "relying-party",
        "add",
        "--name",
        "../../Wiki",
        "--identifier",
        "urn:wiki",
        "--ws-fed-endpoint",
        "https://wiki.test/",
        "--rules",
        "rules.txt",
        "--set",
        "token_lifetime=15",
        "--policy",
        "Permit everyone for intranet access",
    ];
    let made = site.json(&add, 0);
    assert_eq!(made["name"], "../../Wiki");
    assert_eq!(made["identifier"], "urn:wiki");
    assert!(site.trust("wiki.toml").exists());
    assert_eq!(site.adfs(&add).status.code(), Some(1));
    let listed = site.json(&["relying-party", "list"], 0);
    assert_eq!(listed[0]["identifier"], "urn:wiki");
    assert!(
        site.run(&["relying-party", "show", "urn:wiki"], 0)
            .contains("=> issue(claim = c);")
    );
    let exported: Value =
        serde_json::from_str(&site.run(&["relying-party", "export"], 0)).expect("JSON");
    assert_eq!(exported[0]["TokenLifetime"], 15);
    assert_eq!(
        exported[0]["IssuanceTransformRules"],
        "c:[Type == \"a\"]\r\n => issue(claim = c);\r\n"
    );
    assert_eq!(
        exported[0]["AccessControlPolicyName"],
        "Permit everyone for intranet access"
    );
    std::fs::write(site.path().join("export.json"), exported.to_string()).expect("written");
    let report = site.json(&["import", "export.json", "--to", "elsewhere"], 0);
    assert_eq!(trust(&report, "../../Wiki")["enabled"], true);
    site.run(&["relying-party", "remove", "../../wiki"], 0);
    assert!(!site.trust("wiki.toml").exists());
    assert_eq!(
        site.adfs(&["relying-party", "remove", "../../wiki"])
            .status
            .code(),
        Some(1)
    );
}

#[test]
fn a_change_after_which_the_configuration_does_not_load_is_not_made() {
    let site = Site::new();
    let common = [
        "relying-party",
        "add",
        "--name",
        "A",
        "--identifier",
        "urn:a",
        "--ws-fed-endpoint",
    ];
    for (endpoint, extra, named) in [
        ("http://a.test/", vec![], "ws_fed_endpoint"),
        (
            "https://a.test/",
            vec!["--set", "tokenlifetime=1"],
            "token_lifetime",
        ),
        ("https://a.test/", vec!["--set", "name=B"], "twice"),
        ("https://a.test/", vec!["--policy", "Ours"], "Ours"),
        (
            "https://a.test/",
            vec!["--rules", "adfs.toml"],
            "issuance_transform_rules",
        ),
    ] {
        let output = site.adfs(&[&common[..], &[endpoint], &extra[..]].concat());
        assert_eq!(output.status.code(), Some(1), "{extra:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains(named), "{named}: {errors}");
        assert!(!site.trust("a.toml").exists());
    }
    site.run(&[&common[..], &["https://a.test/"]].concat(), 0);
    let rival = [
        "relying-party",
        "add",
        "--name",
        "B",
        "--identifier",
        "urn:a",
        "--ws-fed-endpoint",
        "https://b.test/",
    ];
    assert_eq!(site.adfs(&rival).status.code(), Some(1));
    assert!(!site.trust("b.toml").exists());
}
