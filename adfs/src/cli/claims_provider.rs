//! `adfs claims-provider`: whose word about users is taken.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use super::{ConfigArgument, Output, trust_update};
use crate::config::{ClaimsProviderProtocol, ClaimsProviderTrust, Configuration};
use crate::partner_metadata::Partner;

/// `adfs claims-provider ...`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the trusts
    List(ConfigArgument),
    /// Compare a trust with the metadata of its claims provider, and take what they say
    Update(trust_update::Arguments),
}

/// Does what the command says.
///
/// # Errors
/// When the configuration does not load, or would not after the change.
pub(super) fn run(command: &Command, output: Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(argument) => list(&argument.config, output),
        Command::Update(arguments) => {
            trust_update::run(trust_update::Kind::ClaimsProvider, arguments, output)
        }
    }
}

fn list(config: &Path, output: Output) -> anyhow::Result<ExitCode> {
    let configuration = Configuration::load(config)?;
    let checks = trust_update::checks(&configuration)?;
    let row = |trust: &Arc<ClaimsProviderTrust>| {
        let key = Partner::ClaimsProvider(Arc::clone(trust)).key();
        let check = checks.iter().find(|check| check.partner == key);
        let protocol = match trust.protocol {
            ClaimsProviderProtocol::WsFederation { .. } => "WS-Federation",
            ClaimsProviderProtocol::Saml { .. } => "SAML",
            ClaimsProviderProtocol::Ldap(_) => "LDAP",
        };
        vec![
            trust.name.clone(),
            trust.identifier.clone(),
            trust.enabled.to_string(),
            protocol.to_owned(),
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
            "last monitored",
            "metadata",
        ],
        &rows,
    );
    Ok(ExitCode::SUCCESS)
}
