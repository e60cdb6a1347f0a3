//! `adfs entra`: what to enter in Entra ID, and whether it has been entered.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};

use super::import::read;
use super::{ConfigArgument, Output};
use crate::config::Configuration;
use crate::entra::{self, Difference, DomainFederation, Issuer, MfaBehavior};
use crate::keys::Keys;

/// `adfs entra ...`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show what to enter for federated domains: for Microsoft Graph, for PowerShell, and the claim rules
    Show(Show),
}

#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Show {
    /// Federated domain; may be given several times
    #[arg(long = "domain", value_name = "DOMAIN", required = true)]
    domains: Vec<String>,
    /// First label of verified sub-domains of these domains, such as `sales` of sales.contoso.com
    #[arg(long = "sub-domain", value_name = "LABEL")]
    sub_domains: Vec<String>,
    /// Name for people; the display name of the service unless given
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// Where the second factor is asked for
    #[arg(long, value_enum, default_value_t)]
    mfa_behavior: MfaBehavior,
    /// Print the issuance transform rules alone
    #[arg(long, conflicts_with = "check")]
    rules: bool,
    /// Compare with a saved answer of Microsoft Graph and name every difference
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Code 1: `--check` has found differences.
///
/// # Errors
/// When configuration, certificates or the saved answer cannot be read.
pub(super) fn run(command: &Command, output: Output) -> anyhow::Result<ExitCode> {
    let Command::Show(arguments) = command;
    let configuration = Configuration::load(&arguments.config.config)?;
    let domains: Vec<String> = arguments
        .domains
        .iter()
        .map(|domain| domain.to_ascii_lowercase())
        .collect();
    let mut sorted = domains.clone();
    sorted.sort_unstable();
    sorted.dedup();
    ensure!(
        sorted.len() == domains.len(),
        "a domain is given twice; give it once"
    );
    let trust = configuration
        .relying_parties
        .by_identifier(entra::RELYING_PARTY);
    let issuer = Issuer::of(trust.as_deref(), domains.len());
    let rules = entra::issuance_transform_rules(
        issuer,
        &domains.iter().map(String::as_str).collect::<Vec<_>>(),
        &arguments
            .sub_domains
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    )?;
    if arguments.rules {
        print!("{rules}");
        return Ok(ExitCode::SUCCESS);
    }
    let certificates = Keys::certificates(&configuration)?;
    let federations = domains.iter().map(|domain| {
        entra::federation(
            &configuration,
            &certificates,
            issuer,
            domain,
            arguments.display_name.as_deref(),
            arguments.mfa_behavior,
        )
        .context("there is no token-signing certificate yet; start the server once")
    });
    let federations: Vec<DomainFederation> = federations.collect::<Result<_, _>>()?;
    if let Some(file) = &arguments.check {
        let answer =
            entra::read_answer(&read(file)?).with_context(|| file.display().to_string())?;
        return Ok(check(&domains, &federations, &answer, output));
    }
    match output {
        Output::Json => println!("{:#}", as_json(&federations)?),
        Output::Table => show(&configuration, &domains, &federations, &rules)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// One domain: the body to post as it is. Several: a list of them.
fn as_json(federations: &[DomainFederation]) -> serde_json::Result<Value> {
    match federations {
        [one] => serde_json::to_value(one),
        several => serde_json::to_value(several),
    }
}

fn show(
    configuration: &Configuration,
    domains: &[String],
    federations: &[DomainFederation],
    rules: &str,
) -> anyhow::Result<()> {
    for (domain, federation) in domains.iter().zip(federations) {
        println!("Domain {domain}\n");
        let value = serde_json::to_value(federation)?;
        let properties = value.as_object().context("a federation is an object")?;
        let rows: Vec<_> = properties
            .iter()
            .filter(|(name, _)| !name.starts_with('@'))
            .map(|(name, value)| vec![name.clone(), value.as_str().unwrap_or_default().to_owned()])
            .collect();
        Output::Table.print(&["property", "value"], &rows);
        println!(
            "\nMicrosoft Graph: POST https://graph.microsoft.com/v1.0/domains/{domain}/federationConfiguration\n{value:#}"
        );
        println!("\nPowerShell: New- to federate the domain, Update- when it is federated already");
        entra::commands(domain, federation)
            .iter()
            .for_each(|line| println!("{line}"));
        println!();
    }
    println!(
        "Issuance transform rules of the relying party trust {}\n\n{}\n",
        entra::RELYING_PARTY,
        rules.trim_end()
    );
    for remark in entra::remarks(configuration, domains.len()) {
        println!("Note: {remark}");
    }
    Ok(())
}

fn check(
    domains: &[String],
    federations: &[DomainFederation],
    answer: &[Map<String, Value>],
    output: Output,
) -> ExitCode {
    let mut rows = Vec::new();
    for (domain, federation) in domains.iter().zip(federations) {
        let has_issuer = |object: &&Map<String, Value>| {
            object
                .values()
                .any(|value| value.as_str() == Some(&federation.issuer_uri))
        };
        // An answer does not name its domain, so among several the issuer tells which one is meant.
        let found = match answer {
            [one] if domains.len() == 1 => Some(one),
            several => several.iter().find(has_issuer),
        };
        let differences = match found {
            Some(found) => entra::compare(federation, found),
            None => vec![Difference {
                property: "issuerUri",
                expected: federation.issuer_uri.clone(),
                found: "(in no object of the answer)".to_owned(),
                remedy: "federate the domain, or update issuerUri of its federation",
            }],
        };
        rows.extend(
            differences
                .into_iter()
                .map(|difference| (domain, difference)),
        );
    }
    match output {
        Output::Json => {
            let differences = rows.iter().map(|(domain, difference)| {
                json!({
                    "domain": domain,
                    "property": difference.property,
                    "expected": difference.expected,
                    "found": difference.found,
                    "remedy": difference.remedy,
                })
            });
            println!(
                "{:#}",
                json!({ "differences": differences.collect::<Vec<_>>() })
            );
        }
        Output::Table if rows.is_empty() => println!("Entra ID has what it needs: no differences"),
        Output::Table => {
            for (domain, difference) in &rows {
                println!(
                    "{domain}: {}\n  expected  {}\n  found     {}\n  remedy    {}",
                    difference.property, difference.expected, difference.found, difference.remedy
                );
            }
        }
    }
    if rows.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
