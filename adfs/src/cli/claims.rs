//! `adfs claims`: what a user would be let into, and with which claims.

use std::process::ExitCode;

use claim_rules::Claim;
use claim_rules::case::CaseClaim;
use claim_rules::trace::for_terminal;
use clap::Subcommand;
use serde_json::{Value, json};

use super::dry_run::{Circumstances, Tried, try_sign_in};
use super::{ConfigArgument, Output, runtime};
use crate::claims::{Decision, Denial, DryRun, Stage, StageTrace};
use crate::config::RelyingPartyTrust;

/// `adfs claims ...`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the whole pipeline for a user of the directory: no password is asked, nothing is signed
    Test(Test),
}

/// `adfs claims test ...`.
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// The user, as user@domain or DOMAIN\user
    #[arg(long, value_name = "NAME")]
    user: String,
    /// The relying party trust, by identifier or name
    #[arg(long, value_name = "IDENTIFIER")]
    relying_party: String,
    #[command(flatten)]
    circumstances: Circumstances,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Code 0: the user would get a token; 1: not.
///
/// # Errors
/// When the sign-in cannot even be tried.
pub(super) fn run(command: &Command, output: Output) -> anyhow::Result<ExitCode> {
    let Command::Test(test) = command;
    let tried = runtime()?.block_on(try_sign_in(
        &test.config.config,
        &test.user,
        &test.relying_party,
        &test.circumstances,
        None,
    ))?;
    match output {
        Output::Json => println!("{}", as_json(&tried, &test.circumstances)),
        Output::Table => print!("{}", as_text(&tried, &test.circumstances)),
    }
    let permitted = matches!(tried.decision, Ok(Decision::Permit(_)));
    Ok(if permitted && tried.account_refused.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the trust decides by.
fn decided_by(trust: &RelyingPartyTrust) -> String {
    match (
        &trust.issuance_authorization_rules,
        &trust.access_control_policy,
    ) {
        (Some(_), _) => "its issuance authorization rules".to_owned(),
        (None, Some(policy)) => format!("the access control policy {:?}", policy.name),
        (None, None) => "nothing: it has neither policy nor authorization rules".to_owned(),
    }
}

/// The decision in one word, and the reason.
pub(super) fn verdict(tried: &Tried) -> (&'static str, String) {
    let by = decided_by(&tried.trust);
    match &tried.decision {
        Ok(Decision::Permit(_)) => ("permit", format!("by {by}")),
        Ok(Decision::SecondFactorRequired) => (
            "second_factor_required",
            "try again with --second-factor to see what happens behind it".to_owned(),
        ),
        Ok(Decision::Deny(Denial::Denied)) => ("deny", format!("a rule denies, by {by}")),
        Ok(Decision::Deny(Denial::NotPermitted)) => ("deny", format!("no rule permits, by {by}")),
        Ok(Decision::Deny(Denial::MayNotActForOthers)) => (
            "deny",
            "the one who asks may not act for others: no rule of the trust permits it (MSIS5009)"
                .to_owned(),
        ),
        Err(error) => ("error", error.to_string()),
    }
}

fn claims(tried: &Tried) -> &[Claim] {
    match &tried.decision {
        Ok(Decision::Permit(claims)) => claims,
        _ => &[],
    }
}

/// The transform rule that issued each claim, from 1.
fn issuers(tried: &Tried) -> Vec<(usize, String)> {
    let stages = tried.record.stages().iter();
    let transform = stages
        .filter(|stage| stage.stage == Stage::IssuanceTransform)
        .map(|stage| &stage.trace);
    transform
        .flat_map(|trace| trace.issued())
        .map(|(_, rule, _)| (rule.rule.number, rule.rule.name.clone().unwrap_or_default()))
        .collect()
}

fn as_json(tried: &Tried, circumstances: &Circumstances) -> Value {
    let (decision, reason) = verdict(tried);
    let claims = claims(tried).iter().zip(issuers(tried));
    let claims = claims.map(|(claim, (number, name))| {
        let mut written = json!(CaseClaim::from(claim.clone()));
        if let Some(object) = written.as_object_mut() {
            object.insert("rule".to_owned(), json!({"number": number, "name": name}));
        }
        written
    });
    json!({
        "account": tried.account,
        "account_refused": tried.account_refused,
        "requester": tried.requester.as_ref().map(|requester| json!({
            "account": requester,
            "delegation": circumstances.delegation.name(),
            "stages": tried.record.requester().map(stages),
        })),
        "relying_party": tried.trust.name,
        "from": circumstances.from.name(),
        "client_ip": circumstances.client_ip.to_string(),
        "second_factor": circumstances.second_factor,
        "stages": stages(&tried.record),
        "decision": decision,
        "reason": reason,
        "claims": claims.collect::<Value>(),
    })
}

fn stages(record: &DryRun) -> Value {
    let told = record.stages().iter().map(|stage| {
        json!({
            "stage": stage.stage.to_string(),
            "rules": stage.trace.rules.len(),
            "ran": ran(stage),
            "incoming": stage.trace.incoming,
            "issued": stage.trace.issued().count(),
        })
    });
    told.collect()
}

fn ran(stage: &StageTrace) -> usize {
    let rules = stage.trace.rules.iter();
    rules.filter(|rule| !rule.runs.is_empty()).count()
}

fn stages_as_text(record: &DryRun) -> String {
    let told = record.stages().iter().map(|stage| {
        format!(
            "{}: {} claims in, {} of {} rules ran, {} claims out\n",
            stage.stage,
            stage.trace.incoming,
            ran(stage),
            stage.trace.rules.len(),
            stage.trace.issued().count()
        )
    });
    told.collect()
}

fn as_text(tried: &Tried, circumstances: &Circumstances) -> String {
    let (decision, reason) = verdict(tried);
    let factors = if circumstances.second_factor {
        "a password and a second factor"
    } else {
        "a password"
    };
    let mut text = format!(
        "dry run: {} signs in to {:?} from the {} ({}) with {factors}\n\n",
        tried.account,
        tried.trust.name,
        circumstances.from.name(),
        circumstances.client_ip,
    );
    if let Some(reason) = &tried.account_refused {
        text += &format!("the account itself would be refused: {reason}\n");
    }
    if let Some(requester) = &tried.requester {
        text += &format!(
            "{requester} asks for it, to {}\n",
            circumstances.delegation.in_words()
        );
        if let Some(record) = tried.record.requester() {
            text += &stages_as_text(record);
            text += "then, for the user:\n";
        }
    }
    text += &stages_as_text(&tried.record);
    text += &format!("decision: {}, {reason}\n", decision.replace('_', " "));
    for (claim, (number, name)) in claims(tried).iter().zip(issuers(tried)) {
        let (claim_type, value) = (for_terminal(&claim.claim_type), for_terminal(&claim.value));
        text += &format!("  {claim_type} = \"{value}\"\n    by rule {number} {name}\n");
    }
    text
}
