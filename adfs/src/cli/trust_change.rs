//! What every command that changes a trust does: settings from the command line and from metadata, the file written only
//! when the whole configuration loads with it, and the running server awaited.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::Output;
use crate::config::{Configuration, TrustChanges};
use crate::import::{Destination, Known, Setting, TrustFile, TrustFolder};
use crate::server::running::{self, Taken};

/// How long a command waits for a running server.
const PATIENCE: Duration = Duration::from_secs(10);

/// Adds a trust with these settings, and tells its file.
///
/// # Errors
/// When the configuration would not load with it, or the running server refuses it.
pub(super) fn write(
    config: &Path,
    folder: &TrustFolder,
    name: &str,
    settings: &[Setting],
) -> anyhow::Result<PathBuf> {
    let file = folder.place(name);
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let content = TrustFile::new(&stem, settings);
    apply(config, [(file.clone(), Some(content.whole.clone()))].into())?;
    folder.write(&file, &content)?;
    await_server(config)?;
    Ok(file)
}

/// Removes a trust.
///
/// # Errors
/// When the configuration would not load without it, or the running server refuses it.
pub(super) fn take_away(
    config: &Path,
    folder: &TrustFolder,
    known: &Known,
    output: Output,
) -> anyhow::Result<()> {
    apply(config, [(known.file.clone(), None)].into())?;
    folder.remove(&known.file)?;
    await_server(config)?;
    let identifier = known.identifiers.first().map(String::as_str);
    made(&known.name, identifier, &known.file, output);
    Ok(())
}

pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// What is said, the name first, before what the metadata says.
pub(super) fn over_metadata(
    mut said: Vec<Setting>,
    metadata: impl FnOnce() -> anyhow::Result<Vec<Setting>>,
) -> anyhow::Result<Vec<Setting>> {
    let mut keys: Vec<&str> = said.iter().map(|setting| setting.key.as_str()).collect();
    keys.sort_unstable();
    let twice = keys.windows(2).find_map(|pair| match pair {
        [left, right] if left == right => Some(*left),
        _ => None,
    });
    if let Some(twice) = twice {
        bail!("`{twice}` is given twice; give it once");
    }
    let is_said = |key: &str| said.iter().any(|setting| setting.key == key);
    let mut all = metadata()?;
    all.retain(|setting| !is_said(&setting.key));
    let behind_name = said.split_off(1);
    said.extend(all);
    said.extend(behind_name);
    Ok(said)
}

/// `PROPERTY=VALUE`. A value that is no TOML is a text, so that addresses and names need no quotes.
pub(super) fn parse(assignment: &str) -> anyhow::Result<Setting> {
    let (key, value) = assignment
        .split_once('=')
        .with_context(|| format!("{assignment:?} is not PROPERTY=VALUE"))?;
    let is_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    ensure!(
        !key.is_empty() && key.bytes().all(is_key),
        "{key:?} is no property of a trust file, such as token_lifetime"
    );
    let table: Option<toml::Table> = format!("value = {value}").parse().ok();
    let read = table
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"));
    Ok(Setting::new(
        key,
        read.unwrap_or_else(|| toml::Value::from(value)),
    ))
}

pub(super) fn apply(config: &Path, changes: TrustChanges) -> anyhow::Result<()> {
    Ok(Destination::Configuration(config.to_owned()).verify(&changes)?)
}

pub(super) fn made(name: &str, identifier: Option<&str>, file: &Path, output: Output) {
    let identifier = identifier.unwrap_or_default();
    let file = file.display().to_string();
    match output {
        Output::Json => println!(
            "{}",
            json!({"name": name, "identifier": identifier, "file": file})
        ),
        Output::Table => output.print(
            &["name", "identifier", "file"],
            &[vec![name.to_owned(), identifier.to_owned(), file]],
        ),
    }
}

/// Waits until a server that runs with this configuration has taken it as it is on disk.
///
/// # Errors
/// When the server refuses it, or does not answer in time.
pub(super) fn await_server(config: &Path) -> anyhow::Result<()> {
    let store = Configuration::load(config)?.store.path;
    let taken = running::await_taken(config, &store, PATIENCE).context(
        "the change is on disk, but whether a server runs that must take it cannot be told; a running one follows by itself",
    )?;
    match taken {
        Taken::NoServer | Taken::Yes => Ok(()),
        Taken::Refused(error) => bail!(
            "the change is on disk, but the running server refuses the configuration and goes on with the old one: {error}"
        ),
        Taken::Late => bail!(
            "the change is on disk, but the running server has not taken it within {} s; see its log",
            PATIENCE.as_secs()
        ),
    }
}
