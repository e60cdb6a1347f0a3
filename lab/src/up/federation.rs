//! The shipped programs: started with the written configuration, and waited for by asking them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Certificate, Client, StatusCode};

use super::{READY_LIMIT, UpError, UpOptions};
use crate::addresses::Addresses;
use crate::causes::with_causes;
use crate::configuration::DirectoryAccess;
use crate::contract::{Config, PublishedApplication};
use crate::directory::Fixtures;
use crate::pki::{Pki, PkiError};
use crate::processes::{Launch, Process, ProcessError, beside};
use crate::shell::serve_command;

const METADATA: &str = "/FederationMetadata/2007-06/FederationMetadata.xml";
const ATTEMPT_LIMIT: Duration = Duration::from_secs(2);
/// `adfs` searches the directory with it, and it may make the proxy trusted; people of the lab may not.
const SERVICE_ACCOUNT: &str = "svc-adfs";

/// What is needed to start `adfs` and `wap`.
pub(super) struct Federation {
    adfs: PathBuf,
    wap: PathBuf,
    adfs_toml: PathBuf,
    wap_toml: PathBuf,
    logs: PathBuf,
    addresses: Addresses,
    client: Client,
    verbose: bool,
}

impl Federation {
    pub(super) fn new(
        options: &UpOptions,
        pki: &Pki,
        adfs_toml: PathBuf,
        wap_toml: PathBuf,
    ) -> Result<Federation, UpError> {
        let addresses = options.addresses.clone();
        let pem = std::fs::read(&pki.ca_file).map_err(|source| PkiError::File {
            path: pki.ca_file.clone(),
            source,
        })?;
        let mut client = Client::builder();
        for host in addresses.outside_hosts() {
            client = client.resolve(&host, Addresses::loopback(0));
        }
        let client = client
            .add_root_certificate(Certificate::from_pem(&pem)?)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(ATTEMPT_LIMIT)
            .build()?;
        Ok(Federation {
            adfs: beside("adfs")?,
            wap: beside("wap")?,
            adfs_toml,
            wap_toml,
            logs: options.state.folder("logs")?,
            addresses,
            client,
            verbose: options.verbose,
        })
    }

    pub(super) fn config(&self) -> Config {
        Config {
            adfs: self.adfs_toml.clone(),
            wap: self.wap_toml.clone(),
        }
    }

    /// Starts the federation server and waits until it answers its probe over TLS.
    pub(super) async fn start_adfs(&self) -> Result<Process, UpError> {
        let arguments = arguments(&["serve", "--config"], &self.adfs_toml);
        let mut process =
            Process::start(self.launch("adfs", &self.adfs, arguments, Vec::new())).await?;
        let url = format!("{}/adfs/probe", self.addresses.adfs_internal_url());
        process
            .ready(READY_LIMIT, async || self.fetch(&url).await)
            .await?;
        Ok(process)
    }

    /// Establishes the proxy trust; when it holds already, nothing changes.
    pub(super) async fn install_wap(&self, access: &DirectoryAccess) -> Result<(), UpError> {
        let mut arguments = arguments(&["install", "--config"], &self.wap_toml);
        arguments.extend(["--username", &access.proxy_administrator].map(OsString::from));
        self.run_wap(
            arguments,
            vec![("WAP_TRUST_PASSWORD", access.password.clone())],
        )
        .await
    }

    /// Runs a command of `wap` to its end.
    pub(super) async fn run_wap(
        &self,
        arguments: Vec<OsString>,
        environment: Vec<(&'static str, String)>,
    ) -> Result<(), UpError> {
        let process = Process::start(self.launch("wap", &self.wap, arguments, environment)).await?;
        Ok(process.finish(READY_LIMIT).await?)
    }

    /// Runs a command of `wap` and gives what it printed.
    pub(super) async fn ask_wap(&self, arguments: Vec<OsString>) -> Result<Vec<u8>, UpError> {
        let start = |source| ProcessError::Start {
            name: "wap",
            source,
        };
        let running = tokio::process::Command::new(&self.wap)
            .args(arguments)
            .kill_on_drop(true)
            .output();
        let output = match tokio::time::timeout(READY_LIMIT, running).await {
            Ok(output) => output.map_err(start)?,
            Err(_) => return Err(start(std::io::Error::from(std::io::ErrorKind::TimedOut)).into()),
        };
        if output.status.success() {
            return Ok(output.stdout);
        }
        let tail = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(ProcessError::Ended {
            name: "wap list".to_owned(),
            status: output.status,
            tail,
            log: self.log("wap"),
        }
        .into())
    }

    /// How a person starts `adfs` and `wap` again.
    pub(super) fn serve_commands(&self) -> [String; 2] {
        [
            serve_command(&self.adfs, &self.adfs_toml),
            serve_command(&self.wap, &self.wap_toml),
        ]
    }

    /// `wap COMMAND --config wap.toml`.
    pub(super) fn wap_arguments(&self, command: &str) -> Vec<OsString> {
        arguments(&[command, "--config"], &self.wap_toml)
    }

    /// Starts the proxy and waits until the federation metadata and every published application come through it; gives
    /// the metadata.
    pub(super) async fn start_wap(
        &self,
        published: &[PublishedApplication],
    ) -> Result<(Process, String), UpError> {
        let arguments = arguments(&["serve", "--config"], &self.wap_toml);
        let mut process =
            Process::start(self.launch("wap", &self.wap, arguments, Vec::new())).await?;
        let url = format!("{}{METADATA}", self.addresses.adfs_url());
        let metadata = process
            .ready(READY_LIMIT, async || {
                let metadata = self.fetch(&url).await?;
                for application in published {
                    self.fetch(&application.external_url).await?;
                }
                Ok(metadata)
            })
            .await?;
        Ok((process, metadata))
    }

    async fn fetch(&self, url: &str) -> Result<String, String> {
        let response = self
            .client
            .get(url)
            .send()
            .await
            .map_err(|error| with_causes(&error))?;
        match response.status() {
            StatusCode::OK => response.text().await.map_err(|error| with_causes(&error)),
            status => Err(format!("{url} answers {status}")),
        }
    }

    fn launch<'a>(
        &'a self,
        name: &'static str,
        program: &'a Path,
        arguments: Vec<OsString>,
        environment: Vec<(&'static str, String)>,
    ) -> Launch<'a> {
        Launch {
            name,
            program,
            arguments,
            environment,
            log: self.log(name),
            verbose: self.verbose,
        }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }
}

/// How the federation server gets into the directory.
pub(super) fn access(fixtures: &Fixtures) -> DirectoryAccess {
    let account = fixtures.service_account();
    let (bind_dn, password) = account
        .map(|account| (account.dn, account.password))
        .unwrap_or_default();
    let netbios_name = fixtures.netbios_domain();
    DirectoryAccess {
        bind_dn,
        password,
        base_dn: fixtures.suffix().to_owned(),
        proxy_administrator: format!("{netbios_name}\\{SERVICE_ACCOUNT}"),
        netbios_name,
    }
}

fn arguments(words: &[&str], file: &Path) -> Vec<OsString> {
    words
        .iter()
        .map(OsString::from)
        .chain([file.as_os_str().to_owned()])
        .collect()
}
