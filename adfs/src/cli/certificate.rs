//! `adfs certificate`: the token certificates, for partners and for rollover. A running server follows within a second.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use zeroize::Zeroizing;

use super::{ConfigArgument, Output, certificate_plan};
use crate::clock::Clock;
use crate::config::Configuration;
use crate::keys::{CertificateType, Change, Keys, RolledOver, RolloverEvent};

/// `adfs certificate ...`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the certificates with their thumbprints and validity
    List(ConfigArgument),
    /// Note that a relying party has the new token-signing certificate, so that it need not wait any longer
    Confirm {
        /// Name or identifier of the trust
        #[arg(long, value_name = "NAME")]
        relying_party: String,
        /// Thumbprint; that of the certificate that becomes primary next unless given
        #[arg(long)]
        thumbprint: Option<String>,
        #[command(flatten)]
        config: ConfigArgument,
    },
    /// Print a certificate in PEM or DER, without its private key
    Export {
        #[command(flatten)]
        which: Which,
        /// Thumbprint; the primary certificate unless given
        #[arg(long)]
        thumbprint: Option<String>,
        /// Form; der is what Windows calls CER
        #[arg(long, value_enum, default_value_t = Form::Pem)]
        format: Form,
    },
    /// Publish a successor of the primary certificate (Update-AdfsCertificate)
    Roll {
        #[command(flatten)]
        which: Which,
        /// Sign with the new certificate at once, whether partners know it or not. Once more to put a stolen key out of use
        #[arg(long)]
        urgent: bool,
        /// Show what would happen and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Take a certificate that was made elsewhere (Add-AdfsCertificate)
    Add {
        #[command(flatten)]
        which: Which,
        /// Certificate in PEM
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
        /// Its RSA key in PEM, not encrypted
        #[arg(long, value_name = "FILE")]
        private_key: PathBuf,
        /// Use it at once
        #[arg(long)]
        primary: bool,
    },
    /// Make a secondary certificate the primary one (Set-AdfsCertificate -IsPrimary)
    SetPrimary {
        #[command(flatten)]
        which: Which,
        /// Thumbprint
        #[arg(long)]
        thumbprint: String,
    },
    /// Forget a secondary certificate and its key (Remove-AdfsCertificate)
    Remove {
        #[command(flatten)]
        which: Which,
        /// Thumbprint
        #[arg(long)]
        thumbprint: String,
    },
}

/// What every command about one type of certificate takes.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// Which type
    #[arg(long = "type", value_enum, default_value_t = Type::TokenSigning)]
    certificate_type: Type,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Which {
    fn role(&self) -> CertificateType {
        match self.certificate_type {
            Type::TokenSigning => CertificateType::TokenSigning,
            Type::TokenDecrypting => CertificateType::TokenDecrypting,
        }
    }
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// Text
    Pem,
    /// Octets
    #[value(alias = "cer")]
    Der,
}

/// `--type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Type {
    /// For relying parties
    #[value(alias = "signing")]
    TokenSigning,
    /// For claims providers
    #[value(alias = "decrypting")]
    TokenDecrypting,
}

/// Does what the command says.
///
/// # Errors
/// When the configuration or a certificate cannot be read, or the change cannot be made.
pub(super) fn run(command: &Command, output: Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(argument) => {
            certificate_plan::list(&Configuration::load(&argument.config)?, output)?;
        }
        Command::Confirm {
            relying_party,
            thumbprint,
            config,
        } => certificate_plan::confirm(
            &Configuration::load(&config.config)?,
            relying_party,
            thumbprint.as_deref(),
            output,
        )?,
        Command::Export {
            which,
            thumbprint,
            format,
        } => export(which, thumbprint.as_deref(), *format)?,
        Command::Roll {
            which,
            urgent,
            dry_run,
        } => roll(which, *urgent, *dry_run, output)?,
        Command::Add {
            which,
            certificate,
            private_key,
            primary,
        } => {
            let read = |path: &PathBuf| {
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
            };
            let (certificate, private_key) =
                (read(certificate)?, Zeroizing::new(read(private_key)?));
            let change = Change::Add {
                role: which.role(),
                certificate: &certificate,
                private_key: &private_key,
                primary: *primary,
            };
            change_by_hand(which, &change, output)?;
        }
        Command::SetPrimary { which, thumbprint } => {
            change_by_hand(which, &Change::SetPrimary(which.role(), thumbprint), output)?;
        }
        Command::Remove { which, thumbprint } => {
            change_by_hand(which, &Change::Remove(which.role(), thumbprint), output)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn export(which: &Which, thumbprint: Option<&str>, format: Form) -> anyhow::Result<()> {
    let listed = Keys::listed(&Configuration::load(&which.config.config)?)?;
    let mut of_role = listed.iter().filter(|listed| listed.role == which.role());
    let found = of_role.find(|listed| match thumbprint {
        None => listed.primary,
        Some(wanted) => listed.certificate.thumbprint().eq_ignore_ascii_case(wanted),
    });
    let found = found.with_context(|| {
        format!(
            "there is no such {} certificate; `adfs certificate list` shows those there are",
            which.role().name()
        )
    })?;
    let octets = match format {
        Form::Pem => found.certificate.to_pem()?.into_bytes(),
        Form::Der => found.certificate.to_der()?,
    };
    let mut out = std::io::stdout().lock();
    out.write_all(&octets)?;
    out.flush()?;
    Ok(())
}

fn roll(which: &Which, urgent: bool, dry_run: bool, output: Output) -> anyhow::Result<()> {
    let configuration = Configuration::load(&which.config.config)?;
    if !configuration.properties.certificate_rollover.automatic {
        bail!(
            "auto_certificate_rollover is false, so certificates are yours: use `adfs certificate add` and `set-primary`"
        );
    }
    if which.role() == CertificateType::TokenSigning {
        let parties: Vec<&str> = configuration
            .relying_parties
            .iter()
            .filter(|trust| trust.enabled)
            .map(|trust| trust.name.as_str())
            .collect();
        let what = if urgent {
            "refuse tokens from now on until they have the new certificate"
        } else {
            "must have the new certificate before it becomes primary"
        };
        eprintln!(
            "{} relying parties {what}; those that follow our metadata take it from there: {}",
            parties.len(),
            parties.join(", ")
        );
    }
    if dry_run {
        return Ok(());
    }
    let role = which.role();
    let change = if urgent {
        Change::Urgent(role)
    } else {
        Change::Announce(role)
    };
    make(&configuration, &change, output)
}

fn change_by_hand(which: &Which, change: &Change<'_>, output: Output) -> anyhow::Result<()> {
    let configuration = Configuration::load(&which.config.config)?;
    if configuration.properties.certificate_rollover.automatic {
        bail!(
            "auto_certificate_rollover is true, so the service chooses its certificates; set it to false under [properties] first"
        );
    }
    make(&configuration, change, output)
}

fn make(configuration: &Configuration, change: &Change<'_>, output: Output) -> anyhow::Result<()> {
    let clock = Clock::system();
    // Opening would make keys where there are none; that is the server's to do.
    Keys::listed(configuration)?;
    let keys = Keys::load(configuration, &clock)?;
    let rollover = &configuration.properties.certificate_rollover;
    let events = keys.change(change, rollover, clock.now())?;
    let rows: Vec<_> = events.iter().map(event_row).collect();
    output.print(&["type", "thumbprint", "event"], &rows);
    Ok(())
}

fn event_row(rolled: &RolledOver) -> Vec<String> {
    let event = match rolled.event {
        RolloverEvent::Published => "published as secondary",
        RolloverEvent::Promoted { .. } => "primary",
        RolloverEvent::Retired => "no longer published",
    };
    vec![
        rolled.role.name().to_owned(),
        rolled.thumbprint.clone(),
        event.to_owned(),
    ]
}
