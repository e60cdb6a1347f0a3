//! The sections of `adfs.toml` about the program itself.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use url::{Host, Url};

use super::access_control::Network;
use super::reader::Section;
use super::secret::Secret;
use super::secret_reader::{self, SecretKeys};

const HTTPS_PORT: u32 = 443;

/// `[service]`: who this federation service is.
#[derive(Debug, Clone)]
pub struct Service {
    /// Name of the federation service (HostName), lower case: what browsers are sent to.
    pub host_name: String,
    /// Name of the organisation (DisplayName), on pages and in metadata.
    pub display_name: String,
    /// Identifier of the federation service (Identifier): issuer of tokens and entity id.
    pub identifier: String,
    /// Port that browsers use, which a proxy or load balancer may have made another than the listener's.
    pub https_port_outside: u16,
    /// Ranges of addresses that are inside the corporate network (spec security TB-2).
    pub intranet_networks: Vec<Network>,
    /// Whether keys are throw-away ones; only names that nobody can own may have such (spec security KEY).
    pub lab_keys: bool,
}

impl Service {
    /// `https://HOST`, with the port when it is not 443; no slash at the end.
    pub fn base_url(&self) -> String {
        let host = &self.host_name;
        if u32::from(self.https_port_outside) == HTTPS_PORT {
            format!("https://{host}")
        } else {
            format!("https://{host}:{}", self.https_port_outside)
        }
    }
}

/// `[https]`: the listeners of the service.
#[derive(Debug, Clone)]
pub struct Https {
    /// Addresses, at least one.
    pub listen: Vec<SocketAddr>,
    /// PEM chain, the service's own certificate first.
    pub certificate: PathBuf,
    /// PEM key of that certificate.
    pub private_key: PathBuf,
}

/// `[probe]`: plain HTTP for load balancers.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Addresses; none turns the probe off.
    pub listen: Vec<SocketAddr>,
}

/// `[store]`.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// File of the SQLite database; made when it is not there.
    pub path: PathBuf,
}

/// `[keys]`.
#[derive(Debug, Clone)]
pub struct KeyFiles {
    /// File of the service key, which seals all others; made when it is not there.
    pub service_key: PathBuf,
    /// Folder of token certificates and their sealed private keys.
    pub folder: PathBuf,
    /// Where the token-signing key is, if not in that folder.
    pub pkcs11: Option<Pkcs11Settings>,
}

/// `[keys.pkcs11]`: a token-signing key in a hardware security module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11Settings {
    /// The module: a shared library of the maker.
    pub module: PathBuf,
    /// Label of the token (CKA_LABEL of the slot's token).
    pub token_label: String,
    /// Label of the private key in it, an RSA key.
    pub key_label: String,
    /// PIN of the token's user.
    pub pin: Secret,
    /// File of the certificate of the key, in PEM or DER.
    pub certificate: PathBuf,
    /// Files of further certificates to publish: the next one, and the one before.
    pub secondary_certificates: Vec<PathBuf>,
}

const PKCS11_PIN: SecretKeys = SecretKeys {
    value: "pin",
    file: "pin_file",
    expected: "the path of a file that holds the PIN of the token's user and nothing else",
};

fn pkcs11(mut section: Section<'_>) -> Option<Pkcs11Settings> {
    if !section.is_present() {
        section.finish();
        return None;
    }
    let module = section.required_path("module", "the path of the PKCS#11 module");
    let token_label = section.required("token_label", "the label of the token");
    let key_label = section.required("key_label", "the label of the private key");
    let pin = secret_reader::required(&mut section, &PKCS11_PIN);
    let certificate =
        section.required_path("certificate", "the path of the certificate of that key");
    let secondary = section
        .find::<Vec<String>>("secondary_certificates", "a list of paths of certificates")
        .map(|found| found.value)
        .unwrap_or_default();
    let path = section.document.path.clone();
    section.finish();
    Some(Pkcs11Settings {
        module: module?,
        token_label: token_label?.value,
        key_label: key_label?.value,
        pin: pin?,
        certificate: certificate?,
        secondary_certificates: secondary
            .iter()
            .map(|file| path.with_file_name(file))
            .collect(),
    })
}

/// `[log]`.
#[derive(Debug, Clone)]
pub struct Log {
    /// Directives of tracing's `EnvFilter`, for example `info,adfs::directory=debug`. Checked.
    pub filter: String,
    /// Form of a line.
    pub format: LogFormat,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line, for programs.
    Json,
}

/// `[proxy]`: who may make a proxy trusted (AddProxyAuthorizationRules in AD FS).
#[derive(Debug, Clone)]
pub struct ProxySettings {
    /// `DOMAIN\user` or UPN of the accounts. Nobody else may, and by default nobody.
    pub administrators: Vec<String>,
}

pub(super) fn service(mut section: Section<'_>) -> Option<Service> {
    let host_expected = "the DNS name of the federation service, for example \"sts.contoso.com\"";
    let host = section
        .required("host_name", host_expected)
        .and_then(|found| {
            section.check("host_name", found, host_expected, |name| host_name(&name))
        });
    let display_name = section.text("display_name", "the name of the organisation");
    let identifier_expected = "a URI, for example \"http://sts.contoso.com/adfs/services/trust\"";
    let identifier = section
        .text("identifier", identifier_expected)
        .and_then(|found| {
            section.check("identifier", found, identifier_expected, |text| uri(&text))
        });
    let port = section.number("https_port_outside", 1..=u16::MAX.into(), HTTPS_PORT);
    let lab_keys = section.flag("lab_keys", false);
    let networks_expected = "a list of ranges, for example [\"10.0.0.0/8\", \"2001:db8::/32\"]";
    let intranet_networks = section
        .find::<Vec<String>>("intranet_networks", networks_expected)
        .and_then(|found| {
            section.check("intranet_networks", found, networks_expected, |texts| {
                texts.iter().map(|text| text.parse()).collect()
            })
        })
        .map_or_else(private_networks, |found| found.value);
    section.finish();

    let host_name = host?.value;
    Some(Service {
        display_name: display_name.map_or_else(|| host_name.clone(), |found| found.value),
        identifier: identifier.map_or_else(
            || format!("http://{host_name}/adfs/services/trust"),
            |found| found.value,
        ),
        https_port_outside: u16::try_from(port).ok()?,
        intranet_networks,
        lab_keys,
        host_name,
    })
}

/// Addresses that nobody has on the internet (RFC 1918, RFC 4193, RFC 6598, loopback and link-local).
fn private_networks() -> Vec<Network> {
    const PRIVATE: [&str; 9] = [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    ];
    PRIVATE
        .iter()
        .filter_map(|range| range.parse().ok())
        .collect()
}

/// A DNS name of letters, digits and hyphens. Addresses are refused: cookies and certificates need a name.
fn host_name(text: &str) -> Result<String, String> {
    let name = text.to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_name = name.len() <= 253 && name.split('.').all(is_label);
    match Host::parse(&name) {
        Ok(Host::Domain(_)) if is_name => Ok(name),
        _ => Err(format!("{text:?} is not a host name")),
    }
}

fn uri(text: &str) -> Result<String, String> {
    match Url::parse(text) {
        Ok(_) if text.chars().all(|character| character.is_ascii_graphic()) => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is not an absolute URI")),
    }
}

pub(super) fn https(mut section: Section<'_>) -> Option<Https> {
    let expected = "a list of addresses with ports, for example [\"0.0.0.0:443\"]";
    let listen = section
        .find::<Vec<SocketAddr>>("listen", expected)
        .and_then(|found| {
            section.check("listen", found, expected, |list| {
                if list.is_empty() {
                    Err("there is no address to listen on".to_owned())
                } else {
                    Ok(list)
                }
            })
        });
    let certificate = section.required_path("certificate", "the path of the PEM certificate chain");
    let private_key = section.required_path("private_key", "the path of the PEM private key");
    section.finish();
    Some(Https {
        listen: listen.map_or_else(
            || vec![SocketAddr::from(([0, 0, 0, 0], 443))],
            |found| found.value,
        ),
        certificate: certificate?,
        private_key: private_key?,
    })
}

pub(super) fn probe(mut section: Section<'_>) -> Probe {
    let listen = section.find(
        "listen",
        "a list of addresses with ports, for example [\"0.0.0.0:80\"]",
    );
    section.finish();
    Probe {
        listen: listen.map(|found| found.value).unwrap_or_default(),
    }
}

pub(super) fn store(mut section: Section<'_>) -> StoreSettings {
    let path = section.path_or("path", "state/adfs.sqlite");
    section.finish();
    StoreSettings { path }
}

pub(super) fn keys(mut section: Section<'_>) -> KeyFiles {
    let service_key = section.path_or("service_key", "state/service.key");
    let folder = section.path_or("folder", "state/keys");
    let pkcs11 = pkcs11(section.section("pkcs11"));
    section.finish();
    KeyFiles {
        service_key,
        folder,
        pkcs11,
    }
}

pub(super) fn log(mut section: Section<'_>) -> Log {
    let expected = "directives such as \"info\" or \"info,adfs::directory=debug\"";
    let filter = section.text("filter", expected).and_then(|found| {
        section.check("filter", found, expected, |text| {
            match EnvFilter::try_new(&text) {
                Ok(_) => Ok(text),
                Err(error) => Err(error.to_string()),
            }
        })
    });
    let format = section.find("format", "\"text\" or \"json\"");
    section.finish();
    Log {
        filter: filter.map_or_else(|| "info".to_owned(), |found| found.value),
        format: format.map(|found| found.value).unwrap_or_default(),
    }
}

pub(super) fn proxy(mut section: Section<'_>) -> ProxySettings {
    let expected = "a list of accounts such as [\"CONTOSO\\\\proxyadmin\"]";
    let administrators = section
        .find::<Vec<String>>("administrators", expected)
        .and_then(|found| {
            section.check("administrators", found, expected, |names| {
                match names.iter().find(|name| !name.contains(['\\', '@'])) {
                    Some(name) => Err(format!("{name:?} is neither DOMAIN\\user nor user@domain")),
                    None => Ok(names),
                }
            })
        });
    section.finish();
    ProxySettings {
        administrators: administrators.map(|found| found.value).unwrap_or_default(),
    }
}
