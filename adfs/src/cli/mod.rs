//! Commands, noun before verb. Exit code 0: done; 1: the answer is no or something failed; 2: the command was wrong.

mod account;
mod certificate;
mod certificate_plan;
mod claims;
mod claims_provider;
mod dry_run;
mod entra;
mod explain;
mod import;
mod metadata_source;
mod output;
mod proxy;
mod relying_party;
mod rules;
mod session;
mod trust_change;
mod trust_update;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use time::OffsetDateTime;
use tracing_subscriber::EnvFilter;

use crate::clock::Clock;
use crate::config::{Configuration, LogFormat};
use crate::keys::Keys;
use crate::keys::expiry::{self, Watched};
use crate::server::{self, CertificateFiles, TlsIdentity};

pub use output::Output;

/// Open federation server: signs people in against a directory and tells applications who they are.
#[derive(Debug, Parser)]
#[command(
    name = "adfs",
    version,
    arg_required_else_help = true,
    propagate_version = true
)]
struct Arguments {
    /// How to print what a command found
    #[arg(long, value_enum, default_value_t = Output::Table, global = true)]
    output: Output,
    /// Taken before the command too; each command that needs it has its own, which this one fills in.
    #[arg(
        id = "config",
        long = "config",
        value_name = "FILE",
        global = true,
        hide = true
    )]
    _config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct ConfigArgument {
    /// Configuration file
    #[arg(
        long,
        value_name = "FILE",
        env = "ADFS_CONFIG",
        default_value = "/etc/adfs/adfs.toml"
    )]
    config: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server until SIGTERM; it follows the configuration on disk, and SIGHUP reloads it at once
    Serve(ConfigArgument),
    /// Read the whole configuration and say what is wrong with it
    Check(ConfigArgument),
    /// Try claim rules without a server
    #[command(subcommand)]
    Rules(rules::Command),
    /// What claims a user would get
    #[command(subcommand)]
    Claims(claims::Command),
    /// Token-signing and token-decrypting certificates
    #[command(subcommand)]
    Certificate(certificate::Command),
    /// Take relying party trusts over from AD FS
    Import(import::Arguments),
    /// Relying party trusts
    #[command(subcommand)]
    RelyingParty(relying_party::Command),
    /// Claims provider trusts
    #[command(subcommand)]
    ClaimsProvider(claims_provider::Command),
    /// What Entra ID must know of this service
    #[command(subcommand)]
    Entra(entra::Command),
    /// Extranet lockout of an account
    #[command(subcommand)]
    Account(account::Command),
    /// Proxies that are trusted
    #[command(subcommand)]
    Proxy(proxy::Command),
    /// Sessions of people who are signed in
    #[command(subcommand)]
    Session(session::Command),
}

/// Reads the command line and does it.
pub fn run() -> ExitCode {
    // clap ends wrong usage with code 2 by itself.
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Serve(argument) => serve(&argument.config),
        Command::Check(argument) => check(&argument.config, arguments.output),
        Command::Rules(command) => rules::run(&command, arguments.output),
        Command::Claims(command) => claims::run(&command, arguments.output),
        Command::Certificate(command) => certificate::run(&command, arguments.output),
        Command::Import(import) => import::run(&import, arguments.output),
        Command::RelyingParty(command) => relying_party::run(&command, arguments.output),
        Command::ClaimsProvider(command) => claims_provider::run(&command, arguments.output),
        Command::Entra(command) => entra::run(&command, arguments.output),
        Command::Account(command) => account::run(&command, arguments.output),
        Command::Proxy(command) => proxy::run(&command, arguments.output),
        Command::Session(command) => session::run(&command, arguments.output),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("adfs: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

fn serve(config: &std::path::Path) -> anyhow::Result<ExitCode> {
    // Read once here for the log settings alone; the server reads it again and reports what is wrong with it.
    let log = Configuration::load(config)?.log;
    start_logging(&log.filter, log.format);
    runtime()?.block_on(server::serve(config))?;
    Ok(ExitCode::SUCCESS)
}

/// The listeners' own news is noise to an administrator; the configured filter may still ask for it.
const BEFORE_FILTER: &str = "actix_server=warn";
/// No filter takes the audit away.
const AFTER_FILTER: &str = "audit=info";

fn start_logging(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(format!("{BEFORE_FILTER},{filter},{AFTER_FILTER}"))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // A log that nobody reads any more is no reason to fail.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => builder.with_ansi(false).init(),
    }
}

fn check(config: &std::path::Path, output: Output) -> anyhow::Result<ExitCode> {
    let configuration = Configuration::load(config)?;
    Keys::inspect(&configuration)?;
    TlsIdentity::load(&CertificateFiles::new(
        &configuration.https.certificate,
        &configuration.https.private_key,
    ))?;
    let mut rows = vec![
        vec![
            "federation service".to_owned(),
            configuration.service.base_url(),
        ],
        vec![
            "identifier".to_owned(),
            configuration.service.identifier.clone(),
        ],
        vec![
            "directories".to_owned(),
            configuration.directories.len().to_string(),
        ],
        vec![
            "relying party trusts".to_owned(),
            configuration.relying_parties.iter().count().to_string(),
        ],
    ];
    rows.extend(expiring(&configuration, Clock::system().now()));
    output.print(&["setting", "value"], &rows);
    Ok(ExitCode::SUCCESS)
}

/// A row for each certificate that has expired or soon does. Token certificates that are not there yet are not missing: the
/// server makes them.
fn expiring(configuration: &Configuration, now: OffsetDateTime) -> Vec<Vec<String>> {
    let own = Keys::listed(configuration).unwrap_or_default();
    let own = own.into_iter().map(|listed| Watched {
        role: listed.role.name(),
        owner: listed.certificate.subject().to_owned(),
        thumbprint: listed.certificate.thumbprint().to_owned(),
        not_after: listed.certificate.not_after(),
    });
    let all = own.chain(expiry::watched(configuration));
    let soon = all.filter(|one| expiry::mark(one.not_after, now).is_some());
    let row = |one: Watched| {
        let what = if one.not_after <= now {
            "certificate has expired"
        } else {
            "certificate expires soon"
        };
        let days = expiry::days_left(one.not_after, now);
        vec![
            what.to_owned(),
            format!(
                "{}: {} ({}), {days} days left",
                one.role, one.owner, one.thumbprint
            ),
        ]
    };
    soon.map(row).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn config_of(arguments: &[&str]) -> PathBuf {
        match Arguments::try_parse_from(arguments).unwrap().command {
            Command::Check(argument) => argument.config,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_configuration_is_named_before_or_behind_the_command() {
        Arguments::command().debug_assert();
        for arguments in [
            ["adfs", "--config", "a.toml", "check"],
            ["adfs", "check", "--config", "a.toml"],
        ] {
            assert_eq!(config_of(&arguments), PathBuf::from("a.toml"));
        }
    }
}
