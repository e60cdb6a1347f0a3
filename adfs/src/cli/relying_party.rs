//! `adfs relying-party`: the trusts of the configuration. A change is made only when the whole configuration loads after
//! it, and a running server has taken it when the command ends.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value, json};

use super::import::read;
use super::metadata_source::Fetching;
use super::trust_change::{cell, made, over_metadata, parse, take_away, write};
use super::{ConfigArgument, Output, trust_update};
use crate::config::{Configuration, RelyingPartyTrust};
use crate::import::{self, Known, Setting, TrustFolder};
use crate::partner_metadata::{Partner, relying_party_settings};

/// Settings of which a trust must have one.
const ENDPOINTS: [&str; 2] = ["ws_fed_endpoint", "saml_endpoints"];

/// `adfs relying-party ...`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the trusts
    List(ConfigArgument),
    /// Show one trust
    Show {
        /// Name or identifier of the trust
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        config: ConfigArgument,
    },
    /// Print trusts as JSON with the property names of AD FS, which `adfs import` reads
    Export {
        /// Name or identifier of the trust; all trusts unless given
        #[arg(value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        config: ConfigArgument,
    },
    /// Compare a trust with the metadata of its relying party, and take what they say
    Update(trust_update::Arguments),
    /// Add a trust
    Add(Add),
    /// Remove a trust
    Remove {
        /// Name or identifier of the trust
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        config: ConfigArgument,
    },
}

#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Add {
    /// Name of the trust
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Metadata of the relying party, from which identifiers, endpoints and certificates are taken
    #[arg(long, value_name = "FILE|URL")]
    metadata: Option<String>,
    #[command(flatten)]
    fetching: Fetching,
    /// Identifier of the relying party (wtrealm, entityID); may be given several times
    #[arg(
        long = "identifier",
        value_name = "IDENTIFIER",
        required_unless_present = "metadata"
    )]
    identifiers: Vec<String>,
    /// Where its WS-Federation tokens go
    #[arg(long, value_name = "URL")]
    ws_fed_endpoint: Option<String>,
    /// File with its issuance transform rules
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Access control policy; Permit everyone unless given
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Any other setting of a trust file, its value as TOML or as plain text
    #[arg(long = "set", value_name = "PROPERTY=VALUE")]
    settings: Vec<String>,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Does what the command says.
///
/// # Errors
/// When the configuration does not load, or would not after the change.
pub(super) fn run(command: &Command, output: Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(argument) => list(&argument.config, output)?,
        Command::Show { name, config } => show(&config.config, name, output)?,
        Command::Export { name, config } => export(&config.config, name.as_deref())?,
        Command::Update(arguments) => {
            return trust_update::run(trust_update::Kind::RelyingParty, arguments, output);
        }
        Command::Add(arguments) => add(arguments, output)?,
        Command::Remove { name, config } => remove(&config.config, name, output)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(config: &Path, output: Output) -> anyhow::Result<()> {
    let configuration = Configuration::load(config)?;
    let checks = trust_update::checks(&configuration)?;
    let row = |trust: &Arc<RelyingPartyTrust>| {
        let endpoint = trust.ws_fed_endpoint.as_ref();
        let key = Partner::RelyingParty(Arc::clone(trust)).key();
        let check = checks.iter().find(|check| check.partner == key);
        vec![
            trust.name.clone(),
            trust.identifiers.join(" "),
            trust.enabled.to_string(),
            endpoint.map_or_else(String::new, ToString::to_string),
            check.map_or_else(String::new, |check| trust_update::moment(check.checked)),
            check.map_or("", trust_update::result).to_owned(),
        ]
    };
    let rows: Vec<_> = configuration.relying_parties.iter().map(row).collect();
    output.print(
        &[
            "name",
            "identifier",
            "enabled",
            "ws fed endpoint",
            "last monitored",
            "metadata",
        ],
        &rows,
    );
    Ok(())
}

fn show(config: &Path, name: &str, output: Output) -> anyhow::Result<()> {
    let (_, known) = find(config, name)?;
    let mut shown = import::export(&known)?;
    if let Some(properties) = shown.as_object_mut() {
        properties.extend(monitored(config, &known)?);
    }
    match output {
        Output::Json => println!("{shown:#}"),
        Output::Table => {
            let properties = shown.as_object().context("a trust is an object")?;
            let rows: Vec<_> = properties
                .iter()
                .filter(|(name, _)| !name.ends_with("Rules"))
                .map(|(name, value)| vec![name.clone(), cell(value)])
                .collect();
            output.print(&["property", "value"], &rows);
            for (name, rules) in properties
                .iter()
                .filter(|(name, _)| name.ends_with("Rules"))
            {
                let text = rules.as_str().filter(|text| !text.trim().is_empty());
                println!("\n{name}:\n{}", text.unwrap_or("(none)").trim_end());
            }
        }
    }
    Ok(())
}

/// What is known from looks at its metadata, with the names of AD FS, and what it would change.
fn monitored(config: &Path, known: &Known) -> anyhow::Result<Map<String, Value>> {
    let configuration = Configuration::load(config)?;
    let mut trusts = configuration.relying_parties.iter();
    let trust = trusts.find(|trust| trust.file == known.file);
    let key = trust.map(|trust| Partner::RelyingParty(Arc::clone(trust)).key());
    let checks = trust_update::checks(&configuration)?;
    let Some(check) = checks
        .iter()
        .find(|check| Some(&check.partner) == key.as_ref())
    else {
        return Ok(Map::new());
    };
    let pending = trust_update::pending(check);
    let values = [
        (
            "LastMonitoredTime",
            json!(trust_update::moment(check.checked)),
        ),
        (
            "LastPublishedPolicyCheckSuccessful",
            json!(check.error.is_none()),
        ),
        ("LastPublishedPolicyCheckError", json!(check.error)),
        (
            "LastUpdateTime",
            json!(check.updated.map(trust_update::moment)),
        ),
        ("NextMonitoringTime", json!(trust_update::moment(check.due))),
        ("ConflictWithPublishedPolicy", json!(!pending.is_empty())),
        ("PendingDifferences", trust_update::differences(&pending)),
    ];
    Ok(values
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect())
}

fn export(config: &Path, name: Option<&str>) -> anyhow::Result<()> {
    let trusts = match name {
        Some(name) => vec![find(config, name)?.1],
        None => {
            Configuration::load(config)?;
            open(config)?.trusts().to_vec()
        }
    };
    let exported = trusts.iter().map(import::export);
    println!("{:#}", Value::Array(exported.collect::<Result<_, _>>()?));
    Ok(())
}

fn open(config: &Path) -> anyhow::Result<TrustFolder> {
    Ok(TrustFolder::open(&Configuration::relying_party_folder(
        config,
    ))?)
}

fn find(config: &Path, name: &str) -> anyhow::Result<(TrustFolder, Known)> {
    let folder = open(config)?;
    let known = folder.find(name).cloned();
    let known = known.with_context(|| {
        format!("no relying party trust has the name or identifier {name:?}; `adfs relying-party list` shows them")
    })?;
    Ok((folder, known))
}

fn add(arguments: &Add, output: Output) -> anyhow::Result<()> {
    let config = &arguments.config.config;
    let folder = open(config)?;
    if let Some(known) = folder.find(&arguments.name) {
        bail!(
            "there is a trust of this name in {}; remove it first with `adfs relying-party remove`",
            known.file.display()
        );
    }
    let settings = arguments.settings()?;
    let file = write(config, &folder, &arguments.name, &settings)?;
    made(&arguments.name, first_identifier(&settings), &file, output);
    Ok(())
}

fn first_identifier(settings: &[Setting]) -> Option<&str> {
    let identifiers = settings
        .iter()
        .find(|setting| setting.key == "identifiers")?;
    identifiers.value.as_array()?.first()?.as_str()
}

impl Add {
    /// What the metadata says; what was left out of it is told on the standard error output.
    fn metadata_settings(&self) -> anyhow::Result<Vec<Setting>> {
        let Some(given) = &self.metadata else {
            return Ok(Vec::new());
        };
        let (entity, source) = self.fetching.entity(given)?;
        let party = entity.relying_party().with_context(|| given.clone())?;
        for warning in &party.warnings {
            eprintln!("{given}: {warning}");
        }
        let mut settings = relying_party_settings(party);
        settings.extend(source);
        Ok(settings)
    }

    fn settings(&self) -> anyhow::Result<Vec<Setting>> {
        let texts = |texts: &[String]| {
            toml::Value::Array(texts.iter().map(|text| text.as_str().into()).collect())
        };
        let mut settings = vec![Setting::new("name", self.name.as_str().into())];
        if !self.identifiers.is_empty() {
            settings.push(Setting::new("identifiers", texts(&self.identifiers)));
        }
        if let Some(endpoint) = &self.ws_fed_endpoint {
            settings.push(Setting::new("ws_fed_endpoint", endpoint.as_str().into()));
        }
        if let Some(policy) = &self.policy {
            settings.push(Setting::new(
                "access_control_policy_name",
                policy.as_str().into(),
            ));
        }
        for assignment in &self.settings {
            settings.push(parse(assignment)?);
        }
        if let Some(rules) = &self.rules {
            let text =
                import::decode(&read(rules)?).with_context(|| rules.display().to_string())?;
            settings.push(Setting::new("issuance_transform_rules", text.into()));
        }
        let settings = over_metadata(settings, || self.metadata_settings())?;
        ensure!(
            settings
                .iter()
                .any(|setting| ENDPOINTS.contains(&setting.key.as_str())),
            "the trust has no endpoint, so no token could be sent; pass --metadata or --ws-fed-endpoint"
        );
        Ok(settings)
    }
}

fn remove(config: &Path, name: &str, output: Output) -> anyhow::Result<()> {
    let (folder, known) = find(config, name)?;
    take_away(config, &folder, &known, output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_toml_or_plain_text() {
        for (given, key, value) in [
            (
                "token_lifetime=30",
                "token_lifetime",
                toml::Value::Integer(30),
            ),
            ("enabled=false", "enabled", toml::Value::Boolean(false)),
            ("name=a = b", "name", "a = b".into()),
            ("x=\"1\"", "x", "1".into()),
            ("x=https://a.test/?b=c", "x", "https://a.test/?b=c".into()),
            ("x=1\ny=2", "x", "1\ny=2".into()),
            ("x=", "x", "".into()),
            ("x=[\"a\"]", "x", toml::Value::Array(vec!["a".into()])),
        ] {
            assert_eq!(parse(given).unwrap(), Setting::new(key, value), "{given}");
        }
        for wrong in ["", "token_lifetime", "=1", "a b=1", "A=1", "[x]=1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
