//! `adfs claims-provider`: the trusts whose word about users is taken. As with relying parties, a change is made only when
//! the whole configuration loads after it, and a running server has taken it when the command ends.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value};

use super::import::read;
use super::metadata_source::Fetching;
use super::trust_change::{cell, made, over_metadata, parse, take_away, write};
use super::{ConfigArgument, Output, trust_update};
use crate::config::{ClaimsProviderProtocol, ClaimsProviderTrust, Configuration, SamlProtocol};
use crate::import::{self, Known, Setting, TrustFolder};
use crate::partner_metadata::{Partner, claims_provider_settings};

/// Settings of a trust file with their names in AD FS, as `show` prints them.
const PROPERTIES: [(&str, &str); 17] = [
    ("name", "Name"),
    ("identifier", "Identifier"),
    ("enabled", "Enabled"),
    ("protocol_profile", "ProtocolProfile"),
    ("ws_fed_endpoint", "WSFedEndpoint"),
    ("saml_endpoints", "SamlEndpoint"),
    ("token_signing_certificate", "TokenSigningCertificate"),
    (
        "organizational_account_suffix",
        "OrganizationalAccountSuffix",
    ),
    ("supports_mfa", "SupportsMFA"),
    ("custom_mfa_uri", "CustomMFAUri"),
    (
        "signed_saml_requests_required",
        "SignedSamlRequestsRequired",
    ),
    ("signature_algorithm", "SignatureAlgorithm"),
    ("saml_authn_request_index", "SamlAuthnRequestIndex"),
    (
        "saml_authn_request_name_id_format",
        "SamlAuthnRequestNameIdFormat",
    ),
    ("required_name_id_format", "RequiredNameIdFormat"),
    ("allow_create", "AllowCreate"),
    ("acceptance_transform_rules", "AcceptanceTransformRules"),
];

/// `adfs claims-provider ...`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the trusts; the directory, which needs none, is not among them
    List(ConfigArgument),
    /// Show one trust
    Show {
        /// Name or identifier of the trust
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        config: ConfigArgument,
    },
    /// Compare a trust with the metadata of its claims provider, and take what they say
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
    /// Metadata of the claims provider, from which identifier, endpoints and certificates are taken
    #[arg(long, value_name = "FILE|URL")]
    metadata: Option<String>,
    #[command(flatten)]
    fetching: Fetching,
    /// Identifier of the claims provider: the issuer of its tokens
    #[arg(long, value_name = "IDENTIFIER", required_unless_present = "metadata")]
    identifier: Option<String>,
    /// File with its acceptance transform rules; without rules no claim is taken
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// A suffix of its users' names, for example fabrikam.example; may be given several times
    #[arg(long = "suffix", value_name = "SUFFIX")]
    suffixes: Vec<String>,
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
        Command::Update(arguments) => {
            return trust_update::run(trust_update::Kind::ClaimsProvider, arguments, output);
        }
        Command::Add(arguments) => add(arguments, output)?,
        Command::Remove { name, config } => remove(&config.config, name, output)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(config: &Path, output: Output) -> anyhow::Result<()> {
    let configuration = Configuration::load(config)?;
    let checks = trust_update::checks(&configuration)?;
    let row = |trust: &Arc<ClaimsProviderTrust>| {
        let key = Partner::ClaimsProvider(Arc::clone(trust)).key();
        let check = checks.iter().find(|check| check.partner == key);
        let (protocol, endpoint) = match &trust.protocol {
            ClaimsProviderProtocol::WsFederation { endpoint } => {
                ("WS-Federation", Some(endpoint.to_string()))
            }
            ClaimsProviderProtocol::Saml { .. } => {
                let endpoint = trust.saml_endpoint(SamlProtocol::SingleSignOn);
                let location = endpoint.map(|endpoint| endpoint.location.to_string());
                ("SAML 2.0", location)
            }
            ClaimsProviderProtocol::Ldap(_) => ("LDAP", None),
            ClaimsProviderProtocol::OpenIdConnect(_) => ("OpenID Connect", None),
        };
        vec![
            trust.name.clone(),
            trust.identifier.clone(),
            trust.enabled.to_string(),
            protocol.to_owned(),
            endpoint.unwrap_or_default(),
            check.map_or_else(String::new, |check| trust_update::moment(check.checked)),
            check.map_or("", trust_update::result).to_owned(),
        ]
    };
    let rows: Vec<_> = configuration.claims_providers.iter().map(row).collect();
    output.print(
        &[
            "name",
            "identifier",
            "enabled",
            "protocol",
            "endpoint",
            "last monitored",
            "metadata",
        ],
        &rows,
    );
    Ok(())
}

fn show(config: &Path, name: &str, output: Output) -> anyhow::Result<()> {
    let (_, known) = find(config, name)?;
    let text =
        String::from_utf8(read(&known.file)?).with_context(|| known.file.display().to_string())?;
    let table: toml::Table = text
        .parse()
        .with_context(|| known.file.display().to_string())?;
    let mut shown = Map::new();
    for (key, property) in PROPERTIES {
        if let Some(value) = table.get(key) {
            shown.insert(property.to_owned(), serde_json::to_value(value)?);
        }
    }
    if let Some(file) = table
        .get("acceptance_transform_rules_file")
        .and_then(toml::Value::as_str)
    {
        let rules = import::decode(&read(&known.file.with_file_name(file))?)?;
        shown.insert("AcceptanceTransformRules".to_owned(), rules.into());
    }
    match output {
        Output::Json => println!("{:#}", Value::Object(shown)),
        Output::Table => {
            let rows: Vec<_> = shown
                .iter()
                .map(|(name, value)| vec![name.clone(), cell(value)])
                .collect();
            output.print(&["property", "value"], &rows);
        }
    }
    Ok(())
}

fn open(config: &Path) -> anyhow::Result<TrustFolder> {
    Ok(TrustFolder::open(&Configuration::claims_provider_folder(
        config,
    ))?)
}

fn find(config: &Path, name: &str) -> anyhow::Result<(TrustFolder, Known)> {
    let folder = open(config)?;
    let known = folder.find(name).cloned();
    let known = known.with_context(|| {
        format!("no claims provider trust has the name or identifier {name:?}; `adfs claims-provider list` shows them")
    })?;
    Ok((folder, known))
}

fn add(arguments: &Add, output: Output) -> anyhow::Result<()> {
    let config = &arguments.config.config;
    let folder = open(config)?;
    if let Some(known) = folder.find(&arguments.name) {
        bail!(
            "there is a trust of this name in {}; remove it first with `adfs claims-provider remove`",
            known.file.display()
        );
    }
    let settings = arguments.settings()?;
    let file = write(config, &folder, &arguments.name, &settings)?;
    let identifier = settings
        .iter()
        .find(|setting| setting.key == "identifier")
        .and_then(|setting| setting.value.as_str());
    made(&arguments.name, identifier, &file, output);
    Ok(())
}

impl Add {
    /// What the metadata says; what was left out of it is told on the standard error output.
    fn metadata_settings(&self) -> anyhow::Result<Vec<Setting>> {
        let Some(given) = &self.metadata else {
            return Ok(Vec::new());
        };
        let (entity, source) = self.fetching.entity(given)?;
        let provider = entity.claims_provider().with_context(|| given.clone())?;
        for warning in &provider.warnings {
            eprintln!("{given}: {warning}");
        }
        let identifier = entity.entity_id.as_str().into();
        let mut settings = vec![Setting::new("identifier", identifier)];
        settings.extend(claims_provider_settings(provider));
        settings.extend(source);
        Ok(settings)
    }

    fn settings(&self) -> anyhow::Result<Vec<Setting>> {
        let mut settings = vec![Setting::new("name", self.name.as_str().into())];
        if let Some(identifier) = &self.identifier {
            settings.push(Setting::new("identifier", identifier.as_str().into()));
        }
        if !self.suffixes.is_empty() {
            let suffixes = self.suffixes.iter().map(|suffix| suffix.as_str().into());
            settings.push(Setting::new(
                "organizational_account_suffix",
                toml::Value::Array(suffixes.collect()),
            ));
        }
        for assignment in &self.settings {
            settings.push(parse(assignment)?);
        }
        match &self.rules {
            Some(rules) => {
                let text =
                    import::decode(&read(rules)?).with_context(|| rules.display().to_string())?;
                settings.push(Setting::new("acceptance_transform_rules", text.into()));
            }
            None => eprintln!(
                "the trust has no acceptance transform rules yet, so that none of its claims counts; pass --rules"
            ),
        }
        let settings = over_metadata(settings, || self.metadata_settings())?;
        let has = |key: &str| settings.iter().any(|setting| setting.key == key);
        ensure!(
            has("ws_fed_endpoint") || has("saml_endpoints"),
            "the trust has no endpoint, so nobody could be sent there; pass --metadata, or --set ws_fed_endpoint=URL"
        );
        Ok(settings)
    }
}

fn remove(config: &Path, name: &str, output: Output) -> anyhow::Result<()> {
    let (folder, known) = find(config, name)?;
    take_away(config, &folder, &known, output)
}
