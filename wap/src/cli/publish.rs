//! `publish`, `unpublish` and `list`.

use anyhow::bail;
use clap::{Args, ValueEnum};
use url::Url;
use uuid::Uuid;

use super::output::{Output, complain, say};
use crate::applications::{CertificateValidation, Preauthentication, PublishedApplication};
use crate::config::Configuration;
use crate::publishing::Publisher;

/// Names as the cmdlets have them.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    #[value(name = "PassThrough")]
    PassThrough,
    #[value(name = "ADFS")]
    Adfs,
    #[value(name = "ClientCertificate")]
    ClientCertificate,
    #[value(name = "ADFSforRichClients")]
    AdfsForRichClients,
    #[value(name = "ADFSforOAuth")]
    AdfsForOAuth,
    #[value(name = "ADFSforBrowsersAndOffice")]
    AdfsForBrowsersAndOffice,
}

/// Settings of an application; names as the WebApplicationProxy cmdlets have them
#[derive(Debug, Args)]
pub(super) struct PublishArguments {
    /// Unique name
    #[arg(long)]
    name: String,
    /// URL for end users: https, ends in /; the host may start with *.
    #[arg(long)]
    external_url: Url,
    /// URL of the back end: http or https, ends in /, same path
    #[arg(long)]
    backend_url: Url,
    /// What comes before
    #[arg(long, value_enum, ignore_case = true, default_value = "PassThrough")]
    preauthentication: Kind,
    /// Do not check the back end's certificate
    #[arg(long)]
    no_backend_certificate_validation: bool,
    /// Leave the Host field and URLs in request headers as end users sent them
    #[arg(long)]
    disable_translate_url_in_request_headers: bool,
    /// Leave URLs and cookies' domains in response headers as the back end sent them
    #[arg(long)]
    disable_translate_url_in_response_headers: bool,
    /// Seconds after which a transaction that stands still ends
    #[arg(long, default_value_t = 300)]
    inactive_transactions_timeout_sec: u32,
    /// Largest body of a request in bytes
    #[arg(long)]
    maximum_request_body_bytes: Option<u64>,
    /// Let WebSocket connections through
    #[arg(long)]
    enable_web_sockets: bool,
}

pub(super) async fn publish(
    configuration: &Configuration,
    arguments: &PublishArguments,
) -> anyhow::Result<()> {
    let application = arguments.application();
    // Checked before the network is touched: half of the mistakes are in here.
    application.place()?;
    let publisher = Publisher::new(configuration)?;
    publisher.publish(&application).await?;
    say(format_args!(
        "{} is published at {}.",
        application.name, application.external_url
    ))?;
    let host = application.external_url.host_str().unwrap_or_default();
    if !configuration
        .certificate
        .iter()
        .flat_map(|certificate| &certificate.hosts)
        .any(|known| known.matches(host))
    {
        complain(format_args!(
            "note: no [[certificate]] of this proxy is for {host}; add one, or end users cannot connect here"
        ));
    }
    Ok(())
}

pub(super) async fn unpublish(configuration: &Configuration, name: &str) -> anyhow::Result<()> {
    if name.is_empty() {
        bail!("the name is empty; `wap list` shows all");
    }
    Publisher::new(configuration)?.unpublish(name).await?;
    say(format_args!("{name} is not published any more."))
}

pub(super) async fn list(configuration: &Configuration, output: Output) -> anyhow::Result<()> {
    let applications = Publisher::new(configuration)?.list().await?;
    let row = |application: &PublishedApplication| {
        vec![
            application.name.clone(),
            application.external_url.to_string(),
            application.backend_server_url.to_string(),
            application.external_preauthentication.to_string(),
        ]
    };
    let rows: Vec<_> = applications.iter().map(row).collect();
    output.print(
        &["name", "external url", "backend url", "preauthentication"],
        &rows,
    )
}

impl PublishArguments {
    fn application(&self) -> PublishedApplication {
        let validation = if self.no_backend_certificate_validation {
            CertificateValidation::None
        } else {
            CertificateValidation::ValidateCertificate
        };
        PublishedApplication {
            id: Uuid::new_v4(),
            name: self.name.clone(),
            external_url: self.external_url.clone(),
            backend_server_url: self.backend_url.clone(),
            external_preauthentication: self.preauthentication.into(),
            backend_server_certificate_validation: validation,
            disable_translate_url_in_request_headers: self.disable_translate_url_in_request_headers,
            disable_translate_url_in_response_headers: self
                .disable_translate_url_in_response_headers,
            inactive_transactions_timeout_sec: self.inactive_transactions_timeout_sec,
            maximum_request_body_bytes: self.maximum_request_body_bytes,
            enable_web_sockets: self.enable_web_sockets,
        }
    }
}

impl From<Kind> for Preauthentication {
    fn from(kind: Kind) -> Preauthentication {
        match kind {
            Kind::PassThrough => Preauthentication::PassThrough,
            Kind::Adfs => Preauthentication::Adfs,
            Kind::ClientCertificate => Preauthentication::ClientCertificate,
            Kind::AdfsForRichClients => Preauthentication::AdfsForRichClients,
            Kind::AdfsForOAuth => Preauthentication::AdfsForOAuth,
            Kind::AdfsForBrowsersAndOffice => Preauthentication::AdfsForBrowsersAndOffice,
        }
    }
}
