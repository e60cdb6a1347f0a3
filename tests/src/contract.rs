//! `lab.json`, the contract between the lab and its tests (design section 6).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use url::Url;

/// The whole file. Members that it does not name are an error, so that contract and tests cannot drift apart.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// PEM file of the lab's authority.
    pub ca_file: PathBuf,
    /// Federation service from outside, through `wap`.
    pub adfs_url: Url,
    /// Federation service from inside.
    pub adfs_internal_url: Url,
    /// Federation service identifier.
    pub federation_service_identifier: String,
    /// The directory.
    pub ldap_url: Url,
    /// The played cloud's sign-in service.
    pub cloud_url: Url,
    /// The dashboard, and on the same origin the application.
    pub dashboard_url: Url,
    /// Applications published by `wap`.
    pub published: Vec<Published>,
    /// Relying party trusts of `adfs`.
    pub relying_parties: Vec<RelyingParty>,
    /// People.
    pub users: Vec<User>,
    /// Running programs.
    pub pids: Pids,
    /// Their configuration files.
    pub config: ConfigFiles,
}

/// A published application.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Name.
    pub name: String,
    /// Address outside.
    pub external_url: Url,
    /// How the proxy asks for a sign-in first.
    pub preauthentication: String,
}

/// A relying party trust.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelyingParty {
    /// Identifier.
    pub identifier: String,
    /// Name.
    pub name: String,
    /// Protocol.
    pub protocol: String,
}

/// A person of the directory.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// userPrincipalName.
    pub upn: String,
    /// sAMAccountName.
    pub sam_account_name: String,
    /// In clear.
    pub password: String,
    /// Base32, for those with an authenticator app.
    pub totp_secret: Option<String>,
    /// What is special.
    pub notes: String,
}

/// Process ids.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pids {
    /// The federation server.
    pub adfs: u32,
    /// The proxy.
    pub wap: u32,
    /// The lab itself, with directory, cloud and back ends.
    pub lab: u32,
}

/// Configuration files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFiles {
    /// `adfs.toml`.
    pub adfs: PathBuf,
    /// `wap.toml`.
    pub wap: PathBuf,
}

impl Contract {
    /// Reads the file in a state folder.
    ///
    /// # Errors
    /// When it is not there or not as agreed.
    pub fn read(state: &Path) -> Result<Contract> {
        let path = state.join("lab.json");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is not as the contract says:\n{text}", path.display()))
    }

    /// A person by account name.
    ///
    /// # Errors
    /// When the contract does not list them.
    pub fn user(&self, sam_account_name: &str) -> Result<&User> {
        let found = self
            .users
            .iter()
            .find(|user| user.sam_account_name == sam_account_name);
        found.with_context(|| format!("lab.json lists no user {sam_account_name}"))
    }

    /// The application that people sign in to through the cloud.
    ///
    /// # Errors
    /// When the dashboard's address cannot carry a path.
    pub fn application_url(&self) -> Result<Url> {
        Ok(self.dashboard_url.join("/app")?)
    }
}
