//! `adfs.toml` and the relying party trust of Entra ID.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use claim_rules::entra::default_rules;
use serde::Serialize;

use super::{WriteError, write_text, write_toml};
use crate::addresses::Addresses;
use crate::cloud::ENTRA_IDENTIFIER;
use crate::pki::Pki;

/// Name of the trust, as Entra Connect gives it.
pub const RELYING_PARTY_NAME: &str = "Microsoft Office 365 Identity Platform Worldwide";

/// Domains that the cloud federates, and the labels of their verified sub-domains.
const DOMAINS: [&str; 2] = ["contoso.test", "fabrikam.test"];
const SUB_DOMAINS: [&str; 1] = ["sub"];
/// Issuance transform rules of the trust.
const RULES_FILE: &str = "entra.rules";

/// How `adfs` reaches the directory.
#[derive(Debug, Clone)]
pub struct DirectoryAccess {
    /// DN that it searches with.
    pub bind_dn: String,
    /// Its password; goes to a file of its own.
    pub password: String,
    /// Where everybody is.
    pub base_dn: String,
    /// `CONTOSO`.
    pub netbios_name: String,
    /// Who may make the proxy trusted, as `DOMAIN\\user`.
    pub proxy_administrator: String,
}

#[derive(Serialize)]
struct Adfs<'a> {
    service: Service<'a>,
    https: Https<'a>,
    probe: Probe,
    keys: Keys,
    store: Store,
    log: Log,
    properties: Properties,
    proxy: Proxy<'a>,
    directories: Directories<'a>,
}

#[derive(Serialize)]
struct Service<'a> {
    host_name: String,
    display_name: &'a str,
    identifier: String,
    https_port_outside: u16,
    lab_keys: bool,
}

#[derive(Serialize)]
struct Https<'a> {
    listen: [SocketAddr; 1],
    certificate: &'a Path,
    private_key: &'a Path,
}

#[derive(Serialize)]
struct Probe {
    listen: [SocketAddr; 1],
}

#[derive(Serialize)]
struct Keys {
    service_key: PathBuf,
    folder: PathBuf,
}

#[derive(Serialize)]
struct Store {
    path: PathBuf,
}

#[derive(Serialize)]
struct Log {
    filter: &'static str,
    format: &'static str,
}

#[derive(Serialize)]
struct Properties {
    enable_idp_initiated_signon_page: bool,
    extranet_lockout_mode: &'static str,
}

#[derive(Serialize)]
struct Proxy<'a> {
    administrators: [&'a str; 1],
}

#[derive(Serialize)]
struct Directories<'a> {
    contoso: Directory<'a>,
}

#[derive(Serialize)]
struct Directory<'a> {
    servers: [String; 1],
    ca_file: &'a Path,
    bind_dn: &'a str,
    bind_password_file: PathBuf,
    base_dn: &'a str,
    net_bios_name: &'a str,
}

#[derive(Serialize)]
struct RelyingParty<'a> {
    name: &'a str,
    identifiers: [&'a str; 1],
    ws_fed_endpoint: String,
    issuance_transform_rules_file: &'a str,
}

/// Writes `adfs.toml` and its trusts below `folder`; the server keeps its keys and store in `state`.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_adfs(
    folder: &Path,
    state: &Path,
    addresses: &Addresses,
    pki: &Pki,
    directory: &DirectoryAccess,
) -> Result<PathBuf, WriteError> {
    let password_file = folder.join("directory.password");
    write_text(&password_file, &directory.password)?;
    let content = Adfs {
        service: Service {
            host_name: addresses.sts(),
            display_name: "Contoso Lab",
            identifier: addresses.federation_service_identifier(),
            https_port_outside: addresses.ports.outside,
            lab_keys: true,
        },
        https: Https {
            listen: [Addresses::loopback(addresses.ports.adfs)],
            certificate: &pki.sts.certificate,
            private_key: &pki.sts.private_key,
        },
        probe: Probe {
            listen: [Addresses::loopback(addresses.ports.adfs_probe)],
        },
        keys: Keys {
            service_key: state.join("service.key"),
            folder: state.join("keys"),
        },
        store: Store {
            path: state.join("adfs.sqlite"),
        },
        log: Log {
            filter: "info",
            format: "text",
        },
        properties: Properties {
            enable_idp_initiated_signon_page: true,
            extranet_lockout_mode: "ADFSSmartLockoutEnforce",
        },
        proxy: Proxy {
            administrators: [&directory.proxy_administrator],
        },
        directories: Directories {
            contoso: Directory {
                servers: [addresses.ldaps_url()],
                ca_file: &pki.ca_file,
                bind_dn: &directory.bind_dn,
                bind_password_file: password_file,
                base_dn: &directory.base_dn,
                net_bios_name: &directory.netbios_name,
            },
        },
    };
    let path = folder.join("adfs.toml");
    write_toml(&path, "The lab's federation server.", &content)?;
    let trusts = folder.join("trusts/relying-parties");
    write_text(
        &trusts.join(RULES_FILE),
        &default_rules(&DOMAINS, &SUB_DOMAINS)?,
    )?;
    let trust = RelyingParty {
        name: RELYING_PARTY_NAME,
        identifiers: [ENTRA_IDENTIFIER],
        ws_fed_endpoint: addresses.login_srf(),
        issuance_transform_rules_file: RULES_FILE,
    };
    write_toml(
        &trusts.join("entra.toml"),
        "Entra ID, played by the lab's cloud.",
        &trust,
    )?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use claim_rules::{AttributeStore, Claim, Rows, RuleSet, StoreError, StoreQuery};

    use super::*;
    use crate::cloud::Realms;

    /// Active Directory with one person in it.
    struct OnePerson {
        upn: &'static str,
        consistency_guid: Option<&'static str>,
    }

    impl AttributeStore for OnePerson {
        fn query(&self, query: &StoreQuery) -> Result<Rows, StoreError> {
            let anchor = self.consistency_guid.map(str::to_owned);
            Ok(match query.query.split(';').nth(1) {
                Some("userPrincipalName") => vec![vec![Some(self.upn.to_owned())]],
                Some("objectGUID,mS-DS-ConsistencyGuid") => {
                    vec![vec![Some("objectguid".to_owned()), anchor]]
                }
                other => return Err(StoreError::new(format!("{other:?} was not expected"))),
            })
        }
    }

    fn issued(person: OnePerson) -> HashMap<String, Vec<String>> {
        let stores = HashMap::from([("Active Directory".to_owned(), person)]);
        let account = "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname";
        let input = vec![Claim::new(account, "CONTOSO\\somebody").issued_by("AD AUTHORITY")];
        let rules = RuleSet::compile(&default_rules(&DOMAINS, &SUB_DOMAINS).unwrap()).unwrap();
        let mut claims: HashMap<String, Vec<String>> = HashMap::new();
        for claim in rules.evaluate(input, &stores).unwrap() {
            claims
                .entry(claim.claim_type.to_string())
                .or_default()
                .push(claim.value.to_string());
        }
        claims
    }

    #[test]
    fn the_rules_issue_what_entra_needs_with_an_issuer_that_the_cloud_knows() {
        let realms = Realms::fixtures("https://sts.contoso.localhost:8443", &[]);
        for (upn, domain) in [
            ("alice@contoso.test", "contoso.test"),
            ("fay@fabrikam.test", "fabrikam.test"),
            ("gil@sub.contoso.test", "contoso.test"),
        ] {
            let claims = issued(OnePerson {
                upn,
                consistency_guid: Some("consistencyguid"),
            });
            let one = |claim_type: &str| match claims.get(claim_type).map(Vec::as_slice) {
                Some([value]) => value.clone(),
                other => panic!("{claim_type} of {upn}: {other:?}"),
            };
            assert_eq!(one("http://schemas.xmlsoap.org/claims/UPN"), upn);
            let immutable_id = "http://schemas.microsoft.com/LiveID/Federation/2008/05/ImmutableID";
            assert_eq!(one(immutable_id), "consistencyguid");
            let name = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier";
            assert_eq!(one(name), "consistencyguid");
            let issuer = one("http://schemas.microsoft.com/ws/2008/06/identity/claims/issuerid");
            assert_eq!(issuer, format!("http://{domain}/adfs/services/trust/"));
            let known = realms
                .federated()
                .any(|(_, settings)| settings.issuer_uri == issuer);
            assert!(known, "{issuer}");
            assert!(
                !claims.contains_key("http://schemas.microsoft.com/ws/2012/01/accounttype"),
                "only computers have one"
            );
        }
    }

    #[test]
    fn without_a_consistency_guid_the_object_guid_is_the_immutable_id() {
        let claims = issued(OnePerson {
            upn: "alice@contoso.test",
            consistency_guid: None,
        });
        let immutable_id = "http://schemas.microsoft.com/LiveID/Federation/2008/05/ImmutableID";
        assert_eq!(
            claims.get(immutable_id).map(Vec::as_slice),
            Some(["objectguid".to_owned()].as_slice())
        );
    }
}
