//! `adfs certificate`: what partners need to see of our certificates. Reads no private key.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use time::format_description::well_known::Rfc3339;

use super::{ConfigArgument, Output};
use crate::config::Configuration;
use crate::keys::{Certificate, CertificateType, Keys};

/// `adfs certificate ...`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the certificates with their thumbprints and validity
    List(ConfigArgument),
    /// Print a certificate in PEM, without its private key
    Export {
        /// Which certificate
        #[arg(long = "type", value_enum, default_value_t = Type::TokenSigning)]
        certificate_type: Type,
        #[command(flatten)]
        config: ConfigArgument,
    },
}

/// `--type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Type {
    /// For relying parties
    TokenSigning,
    /// For claims providers
    TokenDecrypting,
}

impl Type {
    fn role(self) -> CertificateType {
        match self {
            Type::TokenSigning => CertificateType::TokenSigning,
            Type::TokenDecrypting => CertificateType::TokenDecrypting,
        }
    }
}

/// Does what the command says.
///
/// # Errors
/// When the configuration or a certificate cannot be read.
pub(super) fn run(command: &Command, output: Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(argument) => {
            let certificates = Keys::certificates(&Configuration::load(&argument.config)?)?;
            let rows = certificates
                .iter()
                .map(|(role, certificate)| row(*role, certificate))
                .collect::<Result<Vec<_>, _>>()?;
            output.print(
                &[
                    "type",
                    "primary",
                    "subject",
                    "thumbprint",
                    "not before",
                    "not after",
                ],
                &rows,
            );
        }
        Command::Export {
            certificate_type,
            config,
        } => {
            let certificates = Keys::certificates(&Configuration::load(&config.config)?)?;
            let (_, certificate) = certificates
                .iter()
                .find(|(role, _)| *role == certificate_type.role())
                .context("the key folder has no certificate of this type")?;
            print!("{}", certificate.to_pem()?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// One pair of each type is kept, so each certificate is the primary one.
fn row(role: CertificateType, certificate: &Certificate) -> anyhow::Result<Vec<String>> {
    Ok(vec![
        role.name().to_owned(),
        "true".to_owned(),
        certificate.subject().to_owned(),
        certificate.thumbprint().to_owned(),
        certificate.not_before().format(&Rfc3339)?,
        certificate.not_after().format(&Rfc3339)?,
    ])
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_certificate_is_one_row_and_its_export_public() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = Keys::in_folder(folder.path(), datetime!(2026-11-25 12:00 UTC));
        let signing = keys.token_signing();
        let row = row(CertificateType::TokenSigning, signing.certificate()).expect("a row");
        let thumbprint = signing.certificate().thumbprint();
        assert_eq!(
            row,
            [
                "Token-Signing",
                "true",
                "CN=ADFS Signing - sts.contoso.test",
                thumbprint,
                "2026-11-25T12:00:00Z",
                "2027-11-25T12:00:00Z",
            ]
        );
        let pem = signing.certificate().to_pem().expect("PEM");
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----") && !pem.contains("PRIVATE"));
    }
}
