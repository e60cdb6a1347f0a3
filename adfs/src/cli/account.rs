//! `adfs account`: what extranet lockout knows of an account, and how to end a lockout.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::ValueEnum;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{ConfigArgument, Output, runtime};
use crate::authentication::account_key;
use crate::clock::Clock;
use crate::config::Configuration;
use crate::directory::{Directory, SignInName};
use crate::store::{AccountActivity, Failures, Store};

/// `adfs account ...`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Wrong passwords from outside, and the addresses that are familiar
    Activity(Account),
    /// Let somebody try again whom extranet lockout stops
    Unlock(Unlock),
}

#[derive(Debug, clap::Args)]
pub(super) struct Account {
    /// The user, as user@domain or DOMAIN\user
    #[arg(long, value_name = "NAME")]
    user: String,
    #[command(flatten)]
    config: ConfigArgument,
}

#[derive(Debug, clap::Args)]
pub(super) struct Unlock {
    #[command(flatten)]
    account: Account,
    /// Which counter
    #[arg(long, value_enum, default_value_t = Location::Both)]
    location: Location,
}

/// `--location`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Location {
    /// Of addresses that the account was used from before
    Familiar,
    /// Of all others
    Unknown,
    /// Both
    Both,
}

/// Does the command. The store is the server's own; one that runs sees the change at its next attempt.
///
/// # Errors
/// When there is no such user, or the directory or the store does not answer.
pub(super) fn run(command: &Command, output: Output) -> anyhow::Result<ExitCode> {
    let (account, location) = match command {
        Command::Activity(account) => (account, None),
        Command::Unlock(unlock) => (&unlock.account, Some(unlock.location)),
    };
    runtime()?.block_on(async {
        let name = SignInName::parse(account.user.trim())
            .with_context(|| format!("--user {:?}", account.user))?;
        let configuration = Configuration::load(&account.config.config)?;
        let clock = Clock::system();
        let now = clock.now();
        let directory = Directory::open(&configuration.directories, clock)?;
        let candidate = directory.candidate(&name).await?;
        let Some(digest) = candidate.digest() else {
            bail!("no single account of the directories has the name {name}");
        };
        let key = account_key(Some(digest), &name);
        let store = Store::open_existing(&configuration.store.path).await?;
        if let Some(location) = location {
            store
                .change_account_activity(&key, now, |activity| {
                    if location != Location::Unknown {
                        activity.familiar = Failures::default();
                    }
                    if location != Location::Familiar {
                        activity.unknown = Failures::default();
                    }
                })
                .await?;
        }
        let activity = store.account_activity(&key).await?.unwrap_or_default();
        store.close().await;
        print(&activity, &name, &configuration, now, output);
        Ok(ExitCode::SUCCESS)
    })
}

fn print(
    activity: &AccountActivity,
    name: &SignInName,
    configuration: &Configuration,
    now: OffsetDateTime,
    output: Output,
) {
    let lockout = &configuration.properties.extranet_lockout;
    let locked = |failures: &Failures, threshold: u32| {
        let waits = failures
            .last
            .is_some_and(|last| now - last <= lockout.observation_window);
        (lockout.enabled && failures.count >= threshold && waits).to_string()
    };
    let moment = |failures: &Failures| {
        failures
            .last
            .and_then(|last| last.format(&Rfc3339).ok())
            .unwrap_or_else(|| "-".to_owned())
    };
    let addresses: Vec<String> = activity.locations.iter().map(ToString::to_string).collect();
    // The names of Get-AdfsAccountActivity.
    output.print(
        &[
            "identifier",
            "bad pwd count familiar",
            "bad pwd count unknown",
            "last failed auth familiar",
            "last failed auth unknown",
            "familiar lockout",
            "unknown lockout",
            "familiar ips",
        ],
        &[vec![
            name.to_string(),
            activity.familiar.count.to_string(),
            activity.unknown.count.to_string(),
            moment(&activity.familiar),
            moment(&activity.unknown),
            locked(&activity.familiar, lockout.threshold_familiar_location),
            locked(&activity.unknown, lockout.threshold),
            addresses.join(" "),
        ]],
    );
}
