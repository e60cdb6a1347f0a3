//! `adfs session`: ends sessions, which no list shows: browsers carry them, sealed.
//!
//! The command works on the store itself, with or without a running server; one that runs follows within a second.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::{ConfigArgument, Output, runtime};
use crate::clock::Clock;
use crate::config::Configuration;
use crate::directory::{Directory, SignInName};
use crate::sign_in::asserted_digest;
use crate::store::{SessionsOf, Store};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// End sessions, so that people must prove who they are again; tokens that applications have stay valid
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Revoke {
    /// Sessions of this person only: DOMAIN\user or user@domain, or with --claims-provider the name that it gives
    #[arg(
        long,
        value_name = "USER",
        required_unless_present_any = ["all", "before"],
        conflicts_with = "all"
    )]
    user: Option<String>,
    /// Identifier of the claims provider trust that the person comes by, instead of the directory
    #[arg(long, value_name = "IDENTIFIER", requires = "user")]
    claims_provider: Option<String>,
    /// Sessions of everybody
    #[arg(long)]
    all: bool,
    /// Only sessions that began before this time, for example 2026-01-31T08:00:00Z; now unless given
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Does the command.
///
/// # Errors
/// When the time is none or in the future, there is no such person, or directory or store do not answer.
pub(super) fn run(command: &Command, output: Output) -> anyhow::Result<ExitCode> {
    let Command::Revoke(arguments) = command;
    let before = before(arguments.before.as_deref(), Clock::system().now())?;
    let whose = runtime()?.block_on(revoke(arguments, before))?;
    output.print(
        &["sessions of", "that began before"],
        &[vec![whose, before.format(&Rfc3339)?]],
    );
    Ok(ExitCode::SUCCESS)
}

fn before(text: Option<&str>, now: OffsetDateTime) -> anyhow::Result<OffsetDateTime> {
    let Some(text) = text else {
        return Ok(now);
    };
    let before = OffsetDateTime::parse(text.trim(), &Rfc3339)
        .with_context(|| {
            format!("--before {text:?} is no time; write for example 2026-01-31T08:00:00Z")
        })?
        .to_offset(UtcOffset::UTC);
    if before > now {
        bail!(
            "--before {text} is in the future; nobody could sign in until then. Leave it out for all sessions up to now"
        );
    }
    Ok(before)
}

async fn revoke(arguments: &Revoke, before: OffsetDateTime) -> anyhow::Result<String> {
    let configuration = Configuration::load(&arguments.config.config)?;
    let (whose, name) = match &arguments.user {
        None => (SessionsOf::Everybody, "everybody".to_owned()),
        Some(user) => person(&configuration, user, arguments.claims_provider.as_deref()).await?,
    };
    write(&configuration.store.path, whose, before).await?;
    Ok(name)
}

async fn write(path: &Path, whose: SessionsOf, before: OffsetDateTime) -> anyhow::Result<()> {
    let store = Store::open_existing(path).await?;
    let outcome = store.revoke_sessions(whose, before).await;
    store.close().await;
    Ok(outcome?)
}

/// Whom a name means, and the name to show.
async fn person(
    configuration: &Configuration,
    user: &str,
    claims_provider: Option<&str>,
) -> anyhow::Result<(SessionsOf, String)> {
    if let Some(identifier) = claims_provider {
        // A trust that is gone needs no revocation: its sessions ended with it.
        let trusts = &configuration.claims_providers;
        if trusts.by_identifier(identifier).is_none() {
            bail!("no claims provider trust has the identifier {identifier:?}");
        }
        let digest = asserted_digest(identifier, user);
        return Ok((
            SessionsOf::Subject(digest),
            format!("{user} of {identifier}"),
        ));
    }
    let name = SignInName::parse(user.trim()).with_context(|| format!("--user {user:?}"))?;
    let directory = Directory::open(&configuration.directories, Clock::system())?;
    let found = match directory.find(&name).await? {
        Ok(found) => found,
        Err(reason) => bail!("{name} cannot be found: {reason}"),
    };
    let digest = crate::sign_in::SessionSubject::Account(found.subject()).digest();
    Ok((
        SessionsOf::Subject(digest),
        found.account().windows_account_name(),
    ))
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

    #[test]
    fn the_time_is_now_or_a_moment_of_the_past() {
        assert_eq!(before(None, NOW).unwrap(), NOW);
        let zoned = before(Some("2026-11-25T12:30:00+01:00"), NOW).unwrap();
        assert_eq!(zoned, NOW - Duration::minutes(30));
        for (wrong, told) in [
            ("yesterday", "is no time"),
            ("2026-11-25", "is no time"),
            ("2026-11-25T12:00:01Z", "in the future"),
        ] {
            let error = before(Some(wrong), NOW).unwrap_err();
            assert!(error.to_string().contains(told), "{wrong}: {error}");
        }
    }
}
