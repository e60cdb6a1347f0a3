//! Who may have a token about somebody else (spec claim-rules 5.3), as the dry run tells it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use end_to_end::lab::Lab;
use end_to_end::paths::program;
use serde_json::Value;

/// Bob acts for others and is named; everybody but Bob acts in others' place; Alice alone signs in.
const BOTH: &str = r#"
name = "Both"
identifiers = ["urn:test:both"]
ws_fed_endpoint = "https://app.contoso.localhost/both/"
issuance_authorization_rules = '''
c:[Type == "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname", Value == "CONTOSO\alice"]
 => issue(Type = "http://schemas.microsoft.com/authorization/claims/permit", Value = "true");
'''
delegation_authorization_rules = '''
@RuleName = "Bob acts"
c:[Type == "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname", Value == "CONTOSO\bob"]
 => issue(Type = "http://schemas.microsoft.com/authorization/claims/permit", Value = "true");
'''
impersonation_authorization_rules = '''
=> issue(Type = "http://schemas.microsoft.com/authorization/claims/permit", Value = "true");
c:[Type == "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname", Value == "CONTOSO\bob"]
 => issue(Type = "http://schemas.microsoft.com/authorization/claims/deny", Value = "true");
'''
issuance_transform_rules = '''
c:[Type == "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"] => issue(claim = c);
'''
"#;
/// Without rules nobody acts for anybody, whatever the policy for sign-ins.
const NOBODY: &str = r#"
name = "Nobody"
identifiers = ["urn:test:nobody"]
ws_fed_endpoint = "https://app.contoso.localhost/nobody/"
access_control_policy_name = "Permit everyone"
"#;

fn adfs(configuration: &Path, arguments: &[&str]) -> Result<Output> {
    let output = Command::new(program("adfs")?)
        .args(arguments)
        .arg("--config")
        .arg(configuration)
        .output()?;
    Ok(output)
}

/// The dry run's answer when `requester` asks, in the manner, for a token about `user`.
fn asked(
    configuration: &Path,
    relying_party: &str,
    user: &str,
    requester: &str,
    delegation: &str,
) -> Result<Value> {
    let (user, requester) = (
        format!("{user}@contoso.test"),
        format!("{requester}@contoso.test"),
    );
    let output = adfs(
        configuration,
        &[
            "claims",
            "test",
            "--output",
            "json",
            "--user",
            &user,
            "--relying-party",
            relying_party,
            "--requester",
            &requester,
            "--delegation",
            delegation,
        ],
    )?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&text)
        .with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn only_those_whom_the_trusts_rules_name_act_for_others() -> Result<()> {
    let lab = Lab::start()?;
    let configuration = &lab.contract().config.adfs;
    let trusts = configuration
        .parent()
        .context("a folder")?
        .join("trusts/relying-parties");
    fs::write(trusts.join("both.toml"), BOTH)?;
    fs::write(trusts.join("nobody.toml"), NOBODY)?;

    for (relying_party, user, requester, delegation, decision) in [
        ("urn:test:both", "alice", "bob", "act-as", "permit"),
        // The rules see the one who asks, not the user.
        ("urn:test:both", "bob", "alice", "act-as", "deny"),
        ("urn:test:both", "alice", "alice", "act-as", "deny"),
        // The user has to be let in besides.
        ("urn:test:both", "carol", "bob", "act-as", "deny"),
        ("urn:test:both", "alice", "carol", "on-behalf-of", "permit"),
        ("urn:test:both", "alice", "bob", "on-behalf-of", "deny"),
        ("urn:test:nobody", "alice", "bob", "act-as", "deny"),
        ("urn:test:nobody", "alice", "bob", "on-behalf-of", "deny"),
    ] {
        let answer = asked(configuration, relying_party, user, requester, delegation)?;
        let case = format!("{requester} for {user} at {relying_party}, {delegation}: {answer:#}");
        assert_eq!(answer["decision"], decision, "{case}");
        let account = format!("CONTOSO\\{requester}");
        assert_eq!(answer["requester"]["account"], account, "{case}");
        let claims = answer["claims"].as_array().context("claims")?;
        // The token would be about the user.
        let upns: Vec<&str> = claims
            .iter()
            .filter_map(|claim| claim["value"].as_str())
            .collect();
        let expected = format!("{user}@contoso.test");
        let expected: &[&str] = if decision == "permit" {
            &[&expected]
        } else {
            &[]
        };
        assert_eq!(upns, expected, "{case}");
    }

    let about_alice = ["--user", "alice@contoso.test", "--relying-party"];
    let bob = ["--requester", "bob@contoso.test"];
    let why = adfs(
        configuration,
        &[
            &["claims", "test"],
            &about_alice[..],
            &["urn:test:nobody"],
            &bob,
        ]
        .concat(),
    )?;
    let text = String::from_utf8_lossy(&why.stdout).into_owned();
    assert!(text.contains("MSIS5009"), "{text}");
    assert_eq!(why.status.code(), Some(1), "{text}");

    let explained = adfs(
        configuration,
        &[
            &["rules", "explain", "--stage", "delegation"],
            &about_alice[..],
            &["urn:test:both"],
            &bob,
        ]
        .concat(),
    )?;
    let text = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(
        text.contains("rule 1 \"Bob acts\"") && text.contains(" ran"),
        "{text}"
    );

    // Somebody who cannot sign in cannot ask.
    let disabled = ["--requester", "eve@contoso.test"];
    let refused = adfs(
        configuration,
        &[
            &["claims", "test"],
            &about_alice[..],
            &["urn:test:both"],
            &disabled,
        ]
        .concat(),
    )?;
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(text.contains("could not sign in to ask"), "{text}");
    Ok(())
}
