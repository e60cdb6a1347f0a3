//! A small federation server, back ends and end clients, all in the test's own process and on free ports.

mod backend;
mod browser;
mod federation_server;
mod pki;

use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wap::Server;
use wap::applications::{Applications, PublishedApplication};
use wap::config::Configuration;
use wap::install::install;
use wap::service::Credentials;

pub(crate) use backend::Backend;
pub(crate) use browser::{Browser, answer_text};
pub(crate) use federation_server::{FederationServer, PASSWORD};
pub(crate) use pki::Pki;

pub(crate) const STS: &str = "sts.contoso.test";
pub(crate) const APP: &str = "app.contoso.test";

/// A folder with certificates and a running federation server.
pub(crate) struct Stage {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) pki: Pki,
    pub(crate) adfs: FederationServer,
}

/// A proxy that runs.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    pub(crate) probe_port: u16,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Stage {
    pub(crate) async fn new() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::new(folder.path());
        pki.issue("edge", &[STS, APP, "*.contoso.test"]);
        pki.issue("sts", &[STS]);
        let adfs = FederationServer::start(&pki, 0).await;
        Stage { folder, pki, adfs }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn configuration(&self) -> Configuration {
        self.configuration_with("")
    }

    pub(crate) fn configuration_with(&self, more: &str) -> Configuration {
        let text = format!(
            r#"
[federation_service]
name = "{STS}"
connect = "127.0.0.1:{}"
ca_file = "ca.pem"
poll_interval = 1
response_timeout = 10
[trust]
folder = "state"
[proxy]
name = "wap01.contoso.test"
[[listen]]
address = "127.0.0.1:0"
[probe]
address = "127.0.0.1:0"
[backends]
ca_file = "ca.pem"
[[certificate]]
hosts = ["{STS}", "{APP}", "*.contoso.test"]
certificate_file = "edge.pem"
private_key_file = "edge.key"
{more}
"#,
            self.adfs.port
        );
        let path = self.folder.path().join("wap.toml");
        std::fs::write(&path, text).unwrap();
        Configuration::load(&path).unwrap()
    }

    pub(crate) fn credentials(&self, password: &str) -> Credentials {
        Credentials::new("CONTOSO\\admin", password.to_owned().into()).unwrap()
    }

    pub(crate) async fn install(&self) {
        install(
            &self.configuration(),
            &self.credentials(PASSWORD),
            Duration::from_secs(5),
        )
        .await
        .unwrap();
    }

    /// A proxy with a trust, its configuration applied.
    pub(crate) async fn proxy(&self) -> Proxy {
        self.proxy_with("").await
    }

    pub(crate) async fn proxy_with(&self, more: &str) -> Proxy {
        if !self.state().exists() {
            self.install().await;
        }
        Proxy::start(self.configuration_with(more)).await
    }

    /// Puts applications into the store before the proxy starts. Their external URLs need the proxy's port, so they
    /// are made by a function of it.
    pub(crate) fn publish(&self, applications: Vec<PublishedApplication>) {
        let mut list = Applications::default();
        for application in applications {
            list.add(application).unwrap();
        }
        self.adfs
            .put("WebApplicationProxy.Applications", &list.write().unwrap());
    }
}

impl Proxy {
    pub(crate) async fn start(configuration: Configuration) -> Proxy {
        let server = Server::bind(configuration).await.unwrap();
        let port = server.addresses()[0].port();
        let probe_port = server.probe_address().unwrap().port();
        let stop = CancellationToken::new();
        let task = tokio::spawn(server.run(stop.clone()));
        Proxy {
            port,
            probe_port,
            stop,
            task,
        }
    }

    /// Tells it to stop, without waiting.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    pub(crate) async fn ended(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), self.task)
            .await
            .unwrap()
            .unwrap();
    }
}

/// An application with default settings.
pub(crate) fn application(name: &str, external: &str, backend: &str) -> PublishedApplication {
    let json = format!(
        r#"{{"SchemaVersion":1,"Applications":[{{"ID":"{}","Name":"{name}","ExternalUrl":"{external}","BackendServerUrl":"{backend}","ExternalPreauthentication":"PassThrough"}}]}}"#,
        uuid::Uuid::new_v4()
    );
    Applications::read(json.as_bytes())
        .unwrap()
        .iter()
        .next()
        .unwrap()
        .clone()
}

/// Asks until the answer is as wanted: what is awaited happens in another task, and has no other sign.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    while !ask().await {
        assert!(
            tokio::time::Instant::now() < end,
            "{what} did not come to pass"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
