//! Commands.

mod output;
mod publish;
mod status;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::config::Configuration;
use crate::install::{SYNCHRONISATION, install};
use crate::service::Credentials;
use crate::{Server, log};
use output::{Output, complain, explain, say};

/// Environment variable that may hold the password of `wap install`.
const PASSWORD_VARIABLE: &str = "WAP_TRUST_PASSWORD";

/// Web Application Proxy: publishes AD FS and applications to the internet
#[derive(Debug, Parser)]
#[command(name = "wap", version)]
struct Cli {
    /// Configuration file
    #[arg(long, global = true, default_value = "wap.toml", env = "WAP_CONFIG")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Establish trust with the federation service
    Install(InstallArguments),
    /// Run the proxy until it gets SIGTERM or SIGINT; SIGHUP makes it read its certificates and poll at once
    Serve,
    /// Publish an application through all proxies of the farm
    Publish(publish::PublishArguments),
    /// Take a published application away
    Unpublish {
        /// Its name
        #[arg(long)]
        name: String,
    },
    /// Show published applications
    List {
        /// Form of what is printed
        #[arg(long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
    /// Show the trust and whether the federation service accepts it
    Status {
        /// Form of what is printed
        #[arg(long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
}

#[derive(Debug, Args)]
struct InstallArguments {
    /// Account that may add proxies, as the federation service knows it (DOMAIN\user or user@domain)
    #[arg(long)]
    username: String,
    /// File with its password; without it the environment variable WAP_TRUST_PASSWORD, else standard input
    #[arg(long)]
    password_file: Option<PathBuf>,
}

/// Runs the program. 0: done; 1: failed; 2: wrong arguments.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(explain(&error));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: &Cli) -> anyhow::Result<()> {
    let configuration = Configuration::load(&cli.config)?;
    log::start(&configuration.log).map_err(|error| anyhow!("{}: {error}", cli.config.display()))?;
    let runtime =
        tokio::runtime::Runtime::new().context("the asynchronous runtime cannot be started")?;
    runtime.block_on(async {
        match &cli.command {
            Command::Install(arguments) => run_install(&configuration, arguments).await,
            Command::Serve => serve(configuration).await,
            Command::Publish(arguments) => publish::publish(&configuration, arguments).await,
            Command::Unpublish { name } => publish::unpublish(&configuration, name).await,
            Command::List { output } => publish::list(&configuration, *output).await,
            Command::Status { output } => status::status(&configuration, *output).await,
        }
    })
}

async fn run_install(
    configuration: &Configuration,
    arguments: &InstallArguments,
) -> anyhow::Result<()> {
    let password = password(arguments.password_file.as_deref())?;
    let credentials = Credentials::new(&arguments.username, password)?;
    let installed = install(configuration, &credentials, SYNCHRONISATION).await?;
    let name = &configuration.federation_service.name;
    let what = if installed.already {
        "trusts this proxy already"
    } else {
        "now trusts this proxy"
    };
    say(format_args!(
        "{name} {what}; it lists {} endpoints.",
        installed.endpoints
    ))?;
    say(format_args!(
        "Trust certificate (SHA-256): {}",
        installed.thumbprint
    ))
}

fn password(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    if let Some(path) = file {
        *text = std::fs::read_to_string(path)
            .with_context(|| format!("{}: the password cannot be read", path.display()))?;
    } else if let Ok(value) = std::env::var(PASSWORD_VARIABLE) {
        *text = value;
    } else {
        std::io::stdin()
            .read_line(&mut text)
            .context("the password cannot be read from standard input")?;
    }
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        bail!(
            "no password: name a file with --password-file, set {PASSWORD_VARIABLE}, or write it to standard input"
        );
    }
    Ok(Zeroizing::new(line.to_owned()))
}

async fn serve(configuration: Configuration) -> anyhow::Result<()> {
    let server = Server::bind(configuration).await?;
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be awaited")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be awaited")?;
    let mut hangup = signal(SignalKind::hangup()).context("SIGHUP cannot be awaited")?;
    let (stopping, refresh) = (stop.clone(), server.refresh());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => refresh.ask(),
            }
        }
        // First of all: whatever happens to the line must not keep the proxy from stopping.
        stopping.cancel();
        tracing::info!("stopping; requests under way are given their time");
    });
    server.run(stop).await;
    Ok(())
}
