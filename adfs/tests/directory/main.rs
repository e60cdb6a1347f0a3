//! The directory module against servers that fail in every way.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot prepare its server must fail"
)]

mod certificates;
mod dry_run;
mod faults;
mod local_provider;
mod lockout;
mod protection;
mod server;
mod sign_in;

use std::fs;
use std::time::Duration;

use adfs::clock::Clock;
use adfs::config::{Configuration, DirectoryConfig, Environment};
use adfs::directory::{Directory, DirectoryError, Password, SignInName};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

use server::{SERVICE_DN, SERVICE_PASSWORD, Server};

const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
/// A request never takes longer than this, whatever the servers do.
const LIMIT: Duration = Duration::from_secs(9);

/// A folder with a configuration of `servers`; `more` are further lines of the directory's section.
fn folder(servers: &[String], more: &str, password: &str, authority: &[u8]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let text = format!(
        r#"
        [service]
        host_name = "sts.contoso.test"
        [https]
        certificate = "c.pem"
        private_key = "k.pem"
        [directories.contoso]
        servers = {servers:?}
        bind_dn = {SERVICE_DN:?}
        bind_password_file = "password"
        base_dn = "DC=contoso,DC=test"
        net_bios_name = "CONTOSO"
        upn_suffixes = ["contoso.test"]
        operation_timeout_seconds = 1
        {more}
        "#
    );
    for (name, octets) in [
        ("password", password.as_bytes()),
        ("authority.pem", authority),
        ("adfs.toml", text.as_bytes()),
    ] {
        fs::write(folder.path().join(name), octets).expect("a file");
    }
    folder
}

fn load(folder: &TempDir) -> Vec<DirectoryConfig> {
    let path = folder.path().join("adfs.toml");
    Configuration::load_with(&path, &Environment::default())
        .expect("a configuration")
        .directories
}

fn configuration(servers: &[String], more: &str) -> Vec<DirectoryConfig> {
    load(&folder(servers, more, SERVICE_PASSWORD, b""))
}

/// A directory whose service account has `password`, and whose servers `authority` certifies.
fn open(
    servers: &[String],
    more: &str,
    password: &str,
    authority: &[u8],
) -> Result<Directory, DirectoryError> {
    let folder = folder(servers, more, password, authority);
    Directory::open(&load(&folder), Clock::fixed(NOW))
}

fn plain(server: &Server) -> String {
    format!("ldap://{}", server.address)
}

fn directory_of(servers: &[&Server]) -> Directory {
    let servers: Vec<String> = servers.iter().map(|server| plain(server)).collect();
    open(&servers, "allow_plain = true", SERVICE_PASSWORD, b"").expect("a directory")
}

fn name(text: &str) -> SignInName {
    SignInName::parse(text).expect("a name")
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).expect("a password")
}
