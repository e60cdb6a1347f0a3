//! Extranet lockout through the proxy (spec passive-sign-in 7.3, checks 67 and 68; security 2.8).

use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use end_to_end::http::{Answer, Client};
use end_to_end::lab::Lab;
use end_to_end::passive::{attempt, request};
use end_to_end::paths::program;
use serde_json::Value;

const ALICE: &str = "alice@contoso.test";
const RIGHT: &str = "Pass@word1";
const OFFICE: [u8; 4] = [127, 0, 0, 2];
const ELSEWHERE: [u8; 4] = [127, 0, 0, 3];
/// The default threshold.
const THRESHOLD: usize = 10;

fn client(lab: &Lab, address: [u8; 4]) -> Result<Client> {
    Client::from_address(&lab.contract().ca_file, Some(IpAddr::from(address)))
}

fn account(configuration: &Path, verb: &str) -> Result<Value> {
    let output = Command::new(program("adfs")?)
        .args([
            "--output", "json", "account", verb, "--user", ALICE, "--config",
        ])
        .arg(configuration)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rows: Value = serde_json::from_str(&text)
        .with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))?;
    rows.get(0).cloned().context("a row")
}

fn says_wrong(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.summary());
    let page = answer.page();
    let text = page.text("errorText").unwrap_or_default();
    assert!(text.starts_with("Incorrect user ID or password"), "{text}");
}

#[tokio::test]
async fn guessing_from_outside_ends_while_the_owner_signs_in_at_familiar_places() -> Result<()> {
    let lab = Lab::start()?;
    let configuration = &lab.contract().config.adfs;
    let outside = request(lab.outside(), &[])?;
    let office = attempt(&client(&lab, OFFICE)?, &outside, ALICE, RIGHT).await?;
    assert_eq!(office.status, 302, "{}", office.summary());

    let guesser = client(&lab, ELSEWHERE)?;
    for number in 0..THRESHOLD {
        says_wrong(&attempt(&guesser, &outside, ALICE, &format!("guess {number}")).await?);
    }
    // The right password is refused in the same words, under each name of the account.
    for name in [ALICE, "CONTOSO\\Alice"] {
        says_wrong(&attempt(&guesser, &outside, name, RIGHT).await?);
    }
    assert!(lab.is_logged("ExtranetLockoutAudit")?);
    assert!(lab.is_logged("event_id=516")?);

    // Neither the office nor the inside are locked out, and nobody else.
    for (client, service, name) in [
        (client(&lab, OFFICE)?, lab.outside(), ALICE),
        (lab.client()?, lab.inside(), ALICE),
        (client(&lab, ELSEWHERE)?, lab.outside(), "bob@contoso.test"),
    ] {
        let answer = attempt(&client, &request(service, &[])?, name, RIGHT).await?;
        assert_eq!(
            answer.status,
            302,
            "{name} at {service}: {:?}",
            answer.page().text("errorText")
        );
    }

    let activity = account(configuration, "activity")?;
    assert_eq!(activity["unknown_lockout"], "true", "{activity}");
    assert_eq!(activity["bad_pwd_count_unknown"], THRESHOLD.to_string());
    assert_eq!(activity["familiar_lockout"], "false", "{activity}");
    assert_eq!(activity["familiar_ips"], "127.0.0.2", "{activity}");

    let unlocked = account(configuration, "unlock")?;
    assert_eq!(unlocked["unknown_lockout"], "false", "{unlocked}");
    let answer = attempt(&guesser, &outside, ALICE, RIGHT).await?;
    assert_eq!(answer.status, 302, "{}", answer.summary());
    Ok(())
}
