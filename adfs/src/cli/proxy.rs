//! `adfs proxy`: which proxies are trusted, and ending that trust.
//!
//! The commands work on the store itself, with or without a running server; one that runs follows within a second.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::{ConfigArgument, Output, runtime};
use crate::clock::Clock;
use crate::config::Configuration;
use crate::store::{ProxyCertificate, Store};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the certificates of proxies, also expired and revoked ones
    List(ConfigArgument),
    /// End the trust in a proxy, or in all; it must then be installed again
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Revoke {
    /// Name or thumbprint (SHA-1 or SHA-256) as `adfs proxy list` shows them; all certificates of that proxy are revoked
    #[arg(
        value_name = "NAME|THUMBPRINT",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    proxy: Option<String>,
    /// Every proxy
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Does the command.
pub(super) fn run(command: &Command, output: Output) -> anyhow::Result<ExitCode> {
    let now = Clock::system().now();
    match command {
        Command::List(argument) => runtime()?.block_on(async {
            let certificates = with_store(&argument.config, async |store| {
                Ok(store.proxy_certificates().await?)
            })
            .await?;
            let rows: Vec<_> = certificates
                .iter()
                .map(|certificate| row(certificate, now))
                .collect();
            output.print(
                &[
                    "name",
                    "state",
                    "trusted since",
                    "expires",
                    "trusted by",
                    "thumbprint",
                    "sha256",
                ],
                &rows,
            );
            Ok(ExitCode::SUCCESS)
        }),
        Command::Revoke(arguments) => runtime()?.block_on(async {
            let revoked = with_store(&arguments.config.config, async |store| {
                match &arguments.proxy {
                    Some(proxy) => revoke(store, proxy, now).await,
                    None => Ok(store.revoke_every_proxy(now).await?),
                }
            });
            output.print(
                &["revoked certificates"],
                &[vec![revoked.await?.to_string()]],
            );
            Ok(ExitCode::SUCCESS)
        }),
    }
}

async fn with_store<T>(
    config: &Path,
    work: impl AsyncFnOnce(&Store) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let configuration = Configuration::load(config)?;
    let store = Store::open_existing(&configuration.store.path).await?;
    let outcome = work(&store).await;
    store.close().await;
    outcome
}

async fn revoke(store: &Store, wanted: &str, now: OffsetDateTime) -> anyhow::Result<u64> {
    let certificates = store.proxy_certificates().await?;
    let proxies = find(&certificates, wanted);
    if proxies.is_empty() {
        bail!("no proxy has the name or thumbprint {wanted:?}; `adfs proxy list` shows them");
    }
    Ok(store.revoke_proxies(&proxies, now).await?)
}

/// The proxies that a name or thumbprint means.
fn find(certificates: &[ProxyCertificate], wanted: &str) -> Vec<Uuid> {
    // Windows tools show thumbprints with spaces or colons, in either case.
    let hex: String = wanted
        .chars()
        .filter(|c| !matches!(c, ' ' | ':'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let means = |certificate: &&ProxyCertificate| {
        certificate.name.eq_ignore_ascii_case(wanted)
            || octets(&certificate.sha1) == hex
            || octets(&certificate.sha256) == hex
    };
    certificates
        .iter()
        .filter(means)
        .map(|certificate| certificate.proxy)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

fn row(certificate: &ProxyCertificate, now: OffsetDateTime) -> Vec<String> {
    let state = match certificate.revoked {
        Some(_) => "revoked",
        None if now >= certificate.expires => "expired",
        None => "trusted",
    };
    vec![
        certificate.name.clone(),
        state.to_owned(),
        moment(certificate.trusted_since),
        moment(certificate.expires),
        certificate
            .trusted_by
            .clone()
            .unwrap_or_else(|| "renewal".to_owned()),
        octets(&certificate.sha1).to_uppercase(),
        octets(&certificate.sha256),
    ]
}

fn octets(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn moment(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use time::macros::datetime;

    use super::*;
    use crate::store::NewProxyCertificate;

    const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn certificate(name: &str, octet: u8) -> ProxyCertificate {
        ProxyCertificate {
            sha256: [octet; 32],
            sha1: [octet; 20],
            proxy: Uuid::from_u128(octet.into()),
            name: name.to_owned(),
            trusted_since: START,
            trusted_by: None,
            not_before: START,
            expires: START + time::Duration::DAY,
            revoked: None,
        }
    }

    #[test]
    fn a_proxy_is_found_by_name_and_by_either_thumbprint() {
        let certificates = [
            certificate("wap01", 0xab),
            certificate("wap02", 2),
            certificate("WAP01", 3),
        ];
        assert_eq!(find(&certificates, "Wap02"), [Uuid::from_u128(2)]);
        assert_eq!(find(&certificates, "wap01").len(), 2);
        assert_eq!(
            find(&certificates, &"AB".repeat(20)),
            [Uuid::from_u128(0xab)]
        );
        assert_eq!(
            find(&certificates, &["ab"; 20].join(":")),
            [Uuid::from_u128(0xab)]
        );
        assert_eq!(find(&certificates, &"02".repeat(32)), [Uuid::from_u128(2)]);
        for nothing in ["", "wap", "ab", "wap03"] {
            assert!(find(&certificates, nothing).is_empty(), "{nothing}");
        }
    }

    #[tokio::test]
    async fn a_revocation_takes_every_certificate_of_the_proxy() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.db")).await.unwrap();
        let new = |octet: u8| NewProxyCertificate {
            der: vec![octet],
            sha256: [octet; 32],
            sha1: [octet; 20],
            public_key_sha256: [octet; 32],
            name: format!("wap{octet:02}"),
            not_before: START,
            expires: START + time::Duration::DAY,
        };
        store
            .establish_proxy_trust(&new(1), "admin", START)
            .await
            .unwrap();
        store
            .renew_proxy_trust(&[1; 32], &new(2), START)
            .await
            .unwrap();
        store
            .establish_proxy_trust(&new(3), "admin", START)
            .await
            .unwrap();
        let unknown = revoke(&store, "wap09", START).await.unwrap_err();
        assert!(unknown.to_string().contains("adfs proxy list"), "{unknown}");
        // By the thumbprint of the old certificate, and the renewed one goes too.
        assert_eq!(revoke(&store, &"01".repeat(20), START).await.unwrap(), 2);
        let trusted: Vec<_> = store.proxy_certificates().await.unwrap();
        let trusted = trusted
            .iter()
            .filter(|certificate| certificate.revoked.is_none());
        assert_eq!(
            trusted
                .map(|certificate| certificate.name.as_str())
                .collect::<Vec<_>>(),
            ["wap03"]
        );
    }

    #[test]
    fn the_state_is_that_of_now() {
        let trusted = certificate("wap01", 1);
        let state =
            |certificate: &ProxyCertificate, now| row(certificate, now).get(1).cloned().unwrap();
        assert_eq!(state(&trusted, START), "trusted");
        assert_eq!(state(&trusted, trusted.expires), "expired");
        let revoked = ProxyCertificate {
            revoked: Some(START),
            ..trusted
        };
        assert_eq!(state(&revoked, START), "revoked");
    }

    #[test]
    fn revoke_takes_one_proxy_or_all_and_never_neither() {
        #[derive(Debug, clap::Parser)]
        struct Line {
            #[command(subcommand)]
            command: Command,
        }
        let parses =
            |arguments: &[&str]| Line::try_parse_from([&["proxy"], arguments].concat()).is_ok();
        assert!(parses(&["revoke", "wap01"]));
        assert!(parses(&["revoke", "--all"]));
        assert!(!parses(&["revoke"]));
        assert!(!parses(&["revoke", "wap01", "--all"]));
    }
}
