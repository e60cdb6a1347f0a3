//! Claim rules that ask another directory (spec claim-rules 4.3): the lab's, under another name.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use end_to_end::lab::Lab;
use end_to_end::paths::program;
use serde_json::Value;

const TRUST: &str = r#"
name = "Telephone book"
identifiers = ["urn:test:telephone-book"]
ws_fed_endpoint = "https://app.contoso.localhost/telephone-book/"
access_control_policy_name = "Permit everyone"
issuance_transform_rules = '''
c:[Type == "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"]
 => issue(store = "Telephone book", types = ("urn:test:name", "urn:test:mail"),
          query = "(userPrincipalName={0});displayName,mail", param = c.Value);
=> issue(store = "Telephone book", types = ("urn:test:member"),
         query = "(&(objectClass=user)(memberOf:1.2.840.113556.1.4.1941:={0}));sAMAccountName",
         param = "CN=Nobody (at all)*,DC=contoso,DC=test");
'''
"#;

/// The lab's directory once more, as an attribute store.
fn add_store(configuration: &Path) -> Result<()> {
    let text = fs::read_to_string(configuration)?;
    let directory = text
        .split("[directories.contoso]")
        .nth(1)
        .and_then(|rest| rest.split("\n[").next())
        .context("the lab's configuration has a directory")?;
    let kept = directory
        .lines()
        .filter(|line| !line.starts_with("net_bios_name") && !line.starts_with("upn_suffix"));
    let store: Vec<&str> = kept.collect();
    let mut file = OpenOptions::new().append(true).open(configuration)?;
    write!(
        file,
        "\n[attribute_stores.\"Telephone book\"]\nkind = \"ldap\"\n{}\n",
        store.join("\n")
    )?;
    Ok(())
}

fn claims_of(configuration: &Path, user: &str) -> Result<Value> {
    let output = Command::new(program("adfs")?)
        .args(["claims", "test", "--output", "json", "--user", user])
        .args(["--relying-party", "urn:test:telephone-book", "--config"])
        .arg(configuration)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&text)
        .with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

fn values<'a>(answer: &'a Value, claim_type: &str) -> Vec<&'a str> {
    let claims = answer.get("claims").and_then(Value::as_array);
    claims
        .into_iter()
        .flatten()
        .filter(|claim| claim.get("type").and_then(Value::as_str) == Some(claim_type))
        .filter_map(|claim| claim.get("value").and_then(Value::as_str))
        .collect()
}

#[test]
fn rules_ask_another_directory_for_the_user_who_signs_in() -> Result<()> {
    let lab = Lab::start()?;
    let configuration = &lab.contract().config.adfs;
    add_store(configuration)?;
    let trusts = configuration
        .parent()
        .context("a folder")?
        .join("trusts/relying-parties");
    fs::write(trusts.join("telephone-book.toml"), TRUST)?;

    let alice = claims_of(configuration, "alice@contoso.test")?;
    assert_eq!(
        values(&alice, "urn:test:mail"),
        ["alice@contoso.test"],
        "{alice:#}"
    );
    assert_eq!(values(&alice, "urn:test:name").len(), 1, "{alice:#}");
    assert!(values(&alice, "urn:test:member").is_empty(), "{alice:#}");

    // Characters that mean something in a filter are values all the same.
    let brien = claims_of(configuration, "o'brien@contoso.test")?;
    assert_eq!(values(&brien, "urn:test:mail").len(), 1, "{brien:#}");
    Ok(())
}
