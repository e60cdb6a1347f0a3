//! `adfs import`: relying party trusts out of AD FS.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Value, json};

use super::trust_change::await_server;
use super::{ConfigArgument, Output};
use crate::import::{
    self, Destination, Export, Form, Lost, Outcome, Plan, RulesFor, ServiceSettings, TrustPlan,
};

/// `adfs import`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Export of AD FS: `Get-AdfsRelyingPartyTrust | ConvertTo-Json -Depth 5`, `Export-Clixml`, or claim rules; of
    /// `Get-AdfsProperties` the settings are told; - reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    config: ConfigArgument,
    /// Write the trust files into this folder instead, apart from any configuration
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Also replace trust files that were written or edited by hand
    #[arg(long)]
    replace: bool,
    /// For a file with claim rules alone: name of the trust that they are for
    #[arg(long, value_name = "NAME", requires = "identifiers")]
    name: Option<String>,
    /// For a file with claim rules alone: an identifier of the trust
    #[arg(long = "identifier", value_name = "IDENTIFIER", requires = "name")]
    identifiers: Vec<String>,
    /// For a file with claim rules alone: where tokens go
    #[arg(long, value_name = "URL", requires = "name")]
    ws_fed_endpoint: Option<String>,
}

/// Code 0: every trust is in place; 1: some are not, which the report names.
///
/// # Errors
/// When the export cannot be read, or the configuration would not load afterwards.
pub(super) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<ExitCode> {
    let bytes = read(&arguments.file)?;
    let export = import::read(&bytes, arguments.rules_for().as_ref())
        .with_context(|| arguments.file.display().to_string())?;
    if let Some(settings) = export.service_settings() {
        tell_settings(&settings, output);
        return Ok(ExitCode::SUCCESS);
    }
    let destination = match &arguments.to {
        Some(folder) => Destination::Folder(folder.clone()),
        None => Destination::Configuration(arguments.config.config.clone()),
    };
    let plan = Plan::new(&export, &destination, arguments.replace)?;
    if !arguments.dry_run {
        plan.carry_out()?;
    }
    match output {
        Output::Json => println!("{}", report(&export, &plan, arguments.dry_run)),
        Output::Table => print(&export, &plan, arguments.dry_run),
    }
    let changes = plan.trusts.iter().any(TrustPlan::is_written);
    if let Destination::Configuration(config) = &destination
        && changes
        && !arguments.dry_run
    {
        await_server(config)?;
    }
    Ok(if plan.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What to put into `adfs.toml`, which is the administrator's own and is never written here.
fn tell_settings(settings: &ServiceSettings, output: Output) {
    if matches!(output, Output::Json) {
        let missed = settings.missed.iter();
        let missed: Vec<Value> = missed
            .map(|(property, reason)| json!({ "property": property, "reason": reason }))
            .collect();
        let report = json!({
            "settings": settings.text,
            "carried_over": settings.carried_over,
            "not_carried_over": missed,
            "of_no_effect": settings.of_no_effect,
        });
        println!("{report}");
        return;
    }
    println!("# For adfs.toml; nothing was written. `adfs check` tells whether it loads.");
    print!("{}", settings.text);
    if !settings.missed.is_empty() {
        println!("\n# Not carried over:");
    }
    for (property, reason) in &settings.missed {
        println!("#   {property}: {reason}");
    }
    println!(
        "#   of no effect here: {}",
        settings.of_no_effect.join(", ")
    );
}

impl Arguments {
    fn rules_for(&self) -> Option<RulesFor> {
        let given = self.name.clone().map(|name| RulesFor {
            name,
            identifiers: self.identifiers.clone(),
            ws_fed_endpoint: self.ws_fed_endpoint.clone(),
        });
        given.or_else(|| RulesFor::entra_connect_backup(self.file.file_name()?.to_str()?))
    }
}

/// One octet more than is accepted is read, so that a larger export is told from one of just this size.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = import::MAX_BYTES as u64 + 1;
    let done = if file == Path::new("-") {
        std::io::stdin().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|opened| opened.take(limit).read_to_end(&mut bytes))
    };
    done.with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(bytes)
}

fn warning(export: &Export) -> Option<&'static str> {
    match export.form {
        Form::Json | Form::Clixml => None,
        Form::Console => Some(
            "this is what a console showed, which breaks long lines: the trusts are disabled until somebody has compared \
             their rules; better export with ConvertTo-Json -Depth 5",
        ),
        Form::Rules => Some(
            "these are claim rules alone: the trust is disabled until somebody says who may sign in",
        ),
    }
}

fn report(export: &Export, plan: &Plan, dry_run: bool) -> Value {
    let trusts = plan.trusts.iter().map(|trust| {
        let lost = trust.not_carried_over.iter().map(|lost| {
            json!({
                "property": lost.property,
                "value": lost.value,
                "reason": lost.reason,
                "disables": lost.disables,
                "matters": lost.matters,
            })
        });
        json!({
            "name": trust.name,
            "file": trust.file.as_ref().map(|file| file.display().to_string()),
            "outcome": word(trust.outcome),
            "reason": trust.reason,
            "enabled": trust.enabled,
            "carried_over": trust.carried_over,
            "not_carried_over": lost.collect::<Vec<_>>(),
        })
    });
    json!({
        "dry_run": dry_run,
        "warnings": warning(export).into_iter().collect::<Vec<_>>(),
        "trusts": trusts.collect::<Vec<_>>(),
    })
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Added => "added",
        Outcome::Replaced => "replaced",
        Outcome::Unchanged => "unchanged",
        Outcome::Kept => "kept",
        Outcome::Refused => "refused",
    }
}

fn print(export: &Export, plan: &Plan, dry_run: bool) {
    if let Some(warning) = warning(export) {
        eprintln!("adfs: warning: {warning}");
    }
    let rows: Vec<Vec<String>> = plan.trusts.iter().map(row).collect();
    Output::Table.print(
        &[
            "trust",
            "outcome",
            "enabled",
            "carried over",
            "not carried over",
            "file",
        ],
        &rows,
    );
    for trust in &plan.trusts {
        let lines = remarks(trust);
        if !lines.is_empty() {
            println!("\n{}", trust.name);
            lines.iter().for_each(|line| println!("  - {line}"));
        }
    }
    if dry_run {
        println!("\nNothing was written (--dry-run).");
    }
}

/// What disables a trust first, what has no effect last and by its names alone.
fn remarks(trust: &TrustPlan) -> Vec<String> {
    let told = |disables: bool| {
        let lost = trust.not_carried_over.iter();
        lost.filter(move |lost| lost.matters && lost.disables == disables)
    };
    let line = |lost: &Lost| {
        let value = [lost.property.as_str(), &lost.value].join(" ");
        format!("{}: {}", value.trim_end(), lost.reason)
    };
    let idle = trust.not_carried_over.iter().filter(|lost| !lost.matters);
    let idle: Vec<&str> = idle.map(|lost| lost.property.as_str()).collect();
    let mut lines: Vec<String> = trust.reason.iter().cloned().collect();
    lines.extend(told(true).map(|lost| format!("disabled: {}", line(lost))));
    lines.extend(told(false).map(line));
    if !idle.is_empty() {
        lines.push(format!("of no effect here: {}", idle.join(", ")));
    }
    lines
}

fn row(trust: &TrustPlan) -> Vec<String> {
    let file = trust.file.as_ref().and_then(|file| file.file_name());
    vec![
        trust.name.clone(),
        word(trust.outcome).to_owned(),
        trust.enabled.to_string(),
        trust.carried_over.len().to_string(),
        trust.not_carried_over.len().to_string(),
        file.map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
    ]
}
