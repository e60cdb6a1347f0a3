//! Passive sign-in at the handler: passwords against a directory of a few people, a clock that tests move, and browsers
//! that are nothing but cookies.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot prepare its service must fail"
)]

mod artifact;
mod browser;
#[expect(dead_code, reason = "these tests need a directory that works")]
#[path = "../directory/server.rs"]
mod directory;
mod parallel;
mod parameters;
mod sessions;

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::Arc;

use adfs::clock::Clock;
use adfs::server::SignInRate;
use adfs::state::Federation;
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

use browser::Browser;
use directory::{Person, SERVICE_DN, SERVICE_PASSWORD, Server};

/// In the past, so that commands with the machine's clock can name it.
const NOW: OffsetDateTime = datetime!(2025-06-02 12:00 UTC);
const PASSWORD: &str = "Pass@word1";
/// Of the two relying parties that every service has.
const APP: &str = "/adfs/ls/?wa=wsignin1.0&wtrealm=urn%3Aapp";
const OTHER: &str = "/adfs/ls/?wa=wsignin1.0&wtrealm=urn%3Aother";
/// Where browsers are, unless a test says otherwise: the corporate network.
const INSIDE: &str = "10.1.2.3:4000";

/// A service, with alice and bob in its directory.
struct Service {
    federation: Arc<Federation>,
    rate: Arc<SignInRate>,
    clock: Clock,
    directory: Server,
    folder: TempDir,
    /// `[properties]` and whatever sections follow.
    properties: String,
}

impl Service {
    /// `properties` are lines of `[properties]`, which sections may follow; `trust` lines of the trust `urn:app`.
    async fn start(properties: &str, trust: &str) -> Service {
        let directory = Server::start(vec![Person::new("alice"), Person::new("bob")]).await;
        let folder = TempDir::new().expect("a folder");
        write(&folder, "password", SERVICE_PASSWORD);
        write(&folder, "adfs.toml", &main_file(&directory, properties));
        for (name, more) in [("app", trust), ("other", "")] {
            let text = format!(
                r#"
                name = "{name}"
                identifiers = ["urn:{name}"]
                ws_fed_endpoint = "https://{name}.test/wsfed"
                issuance_transform_rules = 'c:[] => issue(claim = c);'
                {more}
                "#
            );
            write(
                &folder,
                &format!("trusts/relying-parties/{name}.toml"),
                &text,
            );
        }
        let clock = Clock::fixed(NOW);
        fs::create_dir_all(folder.path().join("state")).expect("a folder");
        let federation = Federation::open(&folder.path().join("adfs.toml"), clock.clone()).await;
        Service {
            federation: federation.expect("a service"),
            rate: Arc::default(),
            clock,
            directory,
            folder,
            properties: properties.to_owned(),
        }
    }

    /// The same service with another `[properties]`, as a reload on disk makes it.
    async fn reload(&mut self, properties: &str) {
        let text = main_file(&self.directory, properties);
        write(&self.folder, "adfs.toml", &text);
        self.properties = properties.to_owned();
        self.federation.reload().await.expect("a configuration");
    }

    /// Runs a command beside the service, whose directory goes on in this thread.
    async fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_adfs"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.folder.path().join("adfs.toml"));
        let done = tokio::task::spawn_blocking(move || command.output()).await;
        done.expect("a thread").expect("the program runs")
    }

    fn browser(&self) -> Browser<'_> {
        Browser::of(self, INSIDE.parse().expect("an address"))
    }

    fn browser_at(&self, address: SocketAddr) -> Browser<'_> {
        Browser::of(self, address)
    }
}

fn main_file(directory: &Server, properties: &str) -> String {
    format!(
        r#"
        [service]
        host_name = "sts.contoso.test"
        [https]
        certificate = "c.pem"
        private_key = "k.pem"
        [directories.contoso]
        servers = ["ldap://{}"]
        allow_plain = true
        bind_dn = {SERVICE_DN:?}
        bind_password_file = "password"
        base_dn = "DC=contoso,DC=test"
        net_bios_name = "CONTOSO"
        upn_suffixes = ["contoso.test"]
        [properties]
        {properties}
        "#,
        directory.address
    )
}

fn write(folder: &TempDir, name: &str, text: &str) {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}
