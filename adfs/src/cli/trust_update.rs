//! `adfs relying-party update` and its like for claims providers: what the metadata of a partner would change, and taking
//! it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::trust_change::await_server;
use super::{ConfigArgument, Output, runtime};
use crate::clock::Clock;
use crate::config::Configuration;
use crate::partner_metadata::{
    Compared, Difference, Extent, Fetch, Partner, Source, Update, remembered,
};
use crate::store::{MetadataCheck, Store};

/// `... update`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Arguments {
    /// Name or identifier of the trust
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Document to compare with, instead of what the trust's metadata_url leads to
    #[arg(long, value_name = "FILE|URL")]
    metadata: Option<String>,
    /// Take that document from addresses of this machine and of private networks too
    #[arg(long, requires = "metadata")]
    allow_private_addresses: bool,
    /// Certificate authorities for the server of that document, besides those of the system
    #[arg(long, value_name = "FILE", requires = "metadata")]
    metadata_ca_file: Option<PathBuf>,
    /// Show what would change and do nothing, which is the default
    #[arg(long, conflicts_with = "apply")]
    dry_run: bool,
    /// Change the trust, also where no automatic update would
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Which trusts are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `trusts/relying-parties/`.
    RelyingParty,
    /// `trusts/claims-providers/`.
    ClaimsProvider,
}

impl Kind {
    /// The trust of this name or identifier.
    fn find(self, configuration: &Configuration, name: &str) -> Option<Partner> {
        let of_kind = |partner: &Partner| match partner {
            Partner::RelyingParty(_) => self == Kind::RelyingParty,
            Partner::ClaimsProvider(_) => self == Kind::ClaimsProvider,
        };
        let all: Vec<Partner> = Partner::all(configuration).filter(of_kind).collect();
        let folded = name.to_lowercase();
        let named = all
            .iter()
            .find(|partner| partner.name().to_lowercase() == folded);
        let identified = || {
            all.iter()
                .find(|partner| partner.identifiers().iter().any(|own| own == name))
        };
        named.or_else(identified).cloned()
    }
}

/// Does what the command says.
///
/// # Errors
/// When the document cannot be had or used, or the configuration would not load with it.
pub(super) fn run(kind: Kind, arguments: &Arguments, output: Output) -> anyhow::Result<ExitCode> {
    let config = &arguments.config.config;
    let configuration = Configuration::load(config)?;
    let partner = kind
        .find(&configuration, &arguments.name)
        .with_context(|| {
            format!(
                "no such trust has the name or identifier {:?}",
                arguments.name
            )
        })?;
    let (fetch, source) = arguments.source(&partner)?;
    let runtime = runtime()?;
    let document = runtime.block_on(fetch.document(&source))?;
    let now = Clock::system().now();
    let update =
        Update::prepare(config, &partner, &document, now).with_context(|| shown(&source))?;
    let extent = arguments.apply.then_some(Extent::Everything);
    let compared = Compared::by(&update, config, extent)?;
    for warning in update.warnings() {
        eprintln!("{}: {warning}", shown(&source));
    }
    print(&partner, &compared, &shown(&source), output);
    if arguments.metadata.is_none() {
        let interval = configuration.properties.monitoring_interval;
        runtime.block_on(async {
            let Some(store) = open(&configuration).await? else {
                return anyhow::Ok(());
            };
            let before = check_of(&store, &partner).await?;
            let check = remembered(&partner, before.as_ref(), &Ok(compared), interval, now);
            store.note_metadata_check(&check).await?;
            store.close().await;
            Ok(())
        })?;
    }
    if arguments.apply {
        await_server(config)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn source(&self, partner: &Partner) -> anyhow::Result<(Fetch, Source)> {
        if let Some(given) = &self.metadata {
            let fetch = Fetch {
                allow_private_addresses: self.allow_private_addresses,
                ca_file: self.metadata_ca_file.clone(),
            };
            return Ok((fetch, Source::parse(given)?));
        }
        let Some(url) = &partner.source().url else {
            bail!(
                "the {} {:?} has no metadata_url; set it in {}, or pass --metadata",
                partner.kind(),
                partner.name(),
                partner.file().display()
            );
        };
        Ok((Fetch::of(partner.source()), Source::Url(url.clone())))
    }
}

fn shown(source: &Source) -> String {
    match source {
        Source::File(path) => path.display().to_string(),
        Source::Url(url) => url.to_string(),
    }
}

fn print(partner: &Partner, compared: &Compared, source: &str, output: Output) {
    match output {
        Output::Json => println!(
            "{}",
            json!({
                "name": partner.name(),
                "identifier": partner.identifiers().first(),
                "file": partner.file(),
                "metadata": source,
                "applied": compared.written,
                "differences": differences(&compared.differences),
            })
        ),
        Output::Table if compared.differences.is_empty() => {
            println!("The trust says what the metadata say.");
        }
        Output::Table => {
            let rows: Vec<_> = compared.differences.iter().flat_map(rows).collect();
            output.print(&["setting", "change", "value", "held"], &rows);
        }
    }
}

/// As `--output json` shows them.
pub(super) fn differences(differences: &[Difference]) -> serde_json::Value {
    let one = |difference: &Difference| {
        json!({
            "setting": difference.setting,
            "added": difference.added,
            "removed": difference.removed,
            "held": difference.held.map(|held| held.reason()),
        })
    };
    differences.iter().map(one).collect()
}

fn rows(difference: &Difference) -> Vec<Vec<String>> {
    let held = difference.held.map_or("", |held| held.reason());
    let row = |change: &str, value: &String| {
        vec![
            difference.setting.clone(),
            change.to_owned(),
            value.clone(),
            held.to_owned(),
        ]
    };
    let removed = difference.removed.iter().map(|value| row("remove", value));
    let added = difference.added.iter().map(|value| row("add", value));
    removed.chain(added).collect()
}

/// The store, if a server has made one.
async fn open(configuration: &Configuration) -> anyhow::Result<Option<Store>> {
    let path: &Path = &configuration.store.path;
    if !path.is_file() {
        return Ok(None);
    }
    Ok(Some(Store::open_existing(path).await?))
}

async fn check_of(store: &Store, partner: &Partner) -> anyhow::Result<Option<MetadataCheck>> {
    let key = partner.key();
    let checks = store.metadata_checks().await?;
    Ok(checks.into_iter().find(|check| check.partner == key))
}

/// Every look that a server or command has taken; none where there is no store yet.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn checks(configuration: &Configuration) -> anyhow::Result<Vec<MetadataCheck>> {
    runtime()?.block_on(async {
        let Some(store) = open(configuration).await? else {
            return Ok(Vec::new());
        };
        let checks = store.metadata_checks().await?;
        store.close().await;
        Ok(checks)
    })
}

/// What still differed at the last look.
pub(super) fn pending(check: &MetadataCheck) -> Vec<Difference> {
    serde_json::from_str(&check.pending).unwrap_or_default()
}

/// A look in one word.
pub(super) fn result(check: &MetadataCheck) -> &'static str {
    match (&check.error, pending(check).is_empty()) {
        (Some(_), _) => "failed",
        (None, false) => "differs",
        (None, true) => "same",
    }
}

/// RFC 3339.
pub(super) fn moment(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).unwrap_or_default()
}
