//! `lab.json`: what tests and tools may rely on (design section 6).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The whole file. It exists exactly while a lab is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lab {
    /// PEM of the authority that every client of the lab must trust.
    pub ca_file: PathBuf,
    /// Federation service through `wap`.
    pub adfs_url: String,
    /// Federation service from the inside.
    pub adfs_internal_url: String,
    /// Its identifier.
    pub federation_service_identifier: String,
    /// Directory without TLS.
    pub ldap_url: String,
    /// Sign-in page of the played cloud.
    pub cloud_url: String,
    /// Dashboard.
    pub dashboard_url: String,
    /// Applications behind `wap`.
    pub published: Vec<PublishedApplication>,
    /// Relying parties of `adfs`.
    pub relying_parties: Vec<RelyingParty>,
    /// People of the directory.
    pub users: Vec<User>,
    /// Process ids.
    pub pids: Pids,
    /// Configuration files that the lab wrote.
    pub config: Config,
}

/// See [`Lab::published`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedApplication {
    /// Unique name.
    pub name: String,
    /// With trailing slash.
    pub external_url: String,
    /// How the proxy authenticates people first, spelled as in `wap list`: `PassThrough`, not at all.
    pub preauthentication: String,
}

/// See [`Lab::relying_parties`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelyingParty {
    /// As in `wtrealm`.
    pub identifier: String,
    /// Of the trust.
    pub name: String,
    /// `wsfed`.
    pub protocol: String,
}

/// See [`Lab::users`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// `userPrincipalName`.
    pub upn: String,
    /// `sAMAccountName`.
    pub sam_account_name: String,
    /// In clear: the lab's people have no secrets.
    pub password: String,
    /// Base32, when a code generator is enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp_secret: Option<String>,
    /// What is special.
    pub notes: String,
}

/// See [`Lab::pids`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pids {
    /// Federation server.
    pub adfs: u32,
    /// Proxy.
    pub wap: u32,
    /// The lab itself, with directory, cloud and back ends.
    pub lab: u32,
}

/// See [`Lab::config`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// `adfs.toml`.
    pub adfs: PathBuf,
    /// `wap.toml`.
    pub wap: PathBuf,
}

impl Lab {
    /// Reads the file of a state folder.
    ///
    /// # Errors
    /// When it is not there or not of this form.
    pub fn read(file: &Path) -> io::Result<Lab> {
        serde_json::from_slice(&fs::read(file)?).map_err(io::Error::from)
    }

    /// Writes the file in one step: readers see all of it or none.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let beside = file.with_extension("json.new");
        fs::write(&beside, serde_json::to_vec_pretty(self)?)?;
        fs::rename(&beside, file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_members_of_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lab.json");
        let user = |name: &str, totp_secret| User {
            upn: format!("{name}@contoso.test"),
            sam_account_name: name.to_owned(),
            password: "p".to_owned(),
            totp_secret,
            notes: String::new(),
        };
        let lab = Lab {
            ca_file: "/x/ca.pem".into(),
            adfs_url: "https://sts.contoso.localhost:8443".to_owned(),
            adfs_internal_url: "https://sts.contoso.localhost:9443".to_owned(),
            federation_service_identifier: "http://sts.contoso.localhost/adfs/services/trust"
                .to_owned(),
            ldap_url: "ldap://127.0.0.1:9389".to_owned(),
            cloud_url: "https://login.cloud.localhost:8444".to_owned(),
            dashboard_url: "https://lab.cloud.localhost:8444/".to_owned(),
            published: vec![PublishedApplication {
                name: "App".to_owned(),
                external_url: "https://app.contoso.localhost:8443/".to_owned(),
                preauthentication: "PassThrough".to_owned(),
            }],
            relying_parties: vec![RelyingParty {
                identifier: "urn:federation:MicrosoftOnline".to_owned(),
                name: "Entra".to_owned(),
                protocol: "wsfed".to_owned(),
            }],
            users: vec![user("alice", None), user("carol", Some("ABC".to_owned()))],
            pids: Pids {
                adfs: 1,
                wap: 2,
                lab: 3,
            },
            config: Config {
                adfs: "/x/adfs.toml".into(),
                wap: "/x/wap.toml".into(),
            },
        };
        lab.write(&file).unwrap();
        assert_eq!(Lab::read(&file).unwrap(), lab);

        let json: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let members: Vec<&str> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut expected = [
            "ca_file",
            "adfs_url",
            "adfs_internal_url",
            "federation_service_identifier",
            "ldap_url",
            "cloud_url",
            "dashboard_url",
            "published",
            "relying_parties",
            "users",
            "pids",
            "config",
        ];
        expected.sort_unstable();
        let mut sorted = members.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected);
        assert!(json["users"][0].get("totp_secret").is_none());
        assert_eq!(json["users"][1]["totp_secret"], "ABC");
        assert_eq!(json["pids"]["wap"], 2);
        assert_eq!(json["config"]["adfs"], "/x/adfs.toml");
        assert_eq!(json["published"][0]["preauthentication"], "PassThrough");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn half_a_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lab.json");
        fs::write(&file, "{\"ca_file\": \"/x\"").unwrap();
        assert!(Lab::read(&file).is_err());
    }
}
