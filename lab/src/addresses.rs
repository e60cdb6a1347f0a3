//! Which host answers on which port: the address plan of the lab contract (design section 6).

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

/// The outside port unless `--base-port` says otherwise.
pub const DEFAULT_BASE_PORT: u16 = 8443;

/// Why an address plan cannot be made.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// Not a port, or the highest port of the plan would not exist.
    #[error(
        "choose a number from 1 to {HIGHEST_BASE}: the lab's ports reach {HIGHEST_OFFSET} further"
    )]
    BasePort(String),
    /// Not a domain name.
    #[error(
        "--suffix {0:?} is not a domain name; use lower-case letters, digits, hyphens and dots, such as `localhost` or `lab.test`"
    )]
    NotAName(String),
    /// Lab keys are refused there.
    #[error(
        "--suffix {0:?}: lab keys are refused for real names; the suffix must be or end in localhost, test, example or invalid"
    )]
    NotReserved(String),
}

const CLOUD_OFFSET: u16 = 1;
const LDAP_OFFSET: u16 = 946;
const ADFS_OFFSET: u16 = 1000;
const BACKENDS_OFFSET: u16 = 1001;
const ADFS_PROBE_OFFSET: u16 = 1002;
const LDAPS_OFFSET: u16 = 1193;
const HIGHEST_OFFSET: u16 = LDAPS_OFFSET;
const HIGHEST_BASE: u16 = u16::MAX - HIGHEST_OFFSET;

/// Every TCP port of one lab, all on 127.0.0.1. A second lab takes another base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// `wap`, where the outside world comes in.
    pub outside: u16,
    /// The played cloud and the dashboard.
    pub cloud: u16,
    /// `adfs` from the inside.
    pub adfs: u16,
    /// Plain HTTP `/adfs/probe` of `adfs`.
    pub adfs_probe: u16,
    /// The published applications' back ends.
    pub backends: u16,
    /// Directory without TLS.
    pub ldap: u16,
    /// Directory over TLS.
    pub ldaps: u16,
}

impl Default for Ports {
    fn default() -> Ports {
        Ports::planned(DEFAULT_BASE_PORT)
    }
}

impl Ports {
    /// The plan whose outside port is `base`.
    ///
    /// # Errors
    /// When a port of the plan would not exist.
    pub fn from_base(base: u16) -> Result<Ports, AddressError> {
        if (1..=HIGHEST_BASE).contains(&base) {
            Ok(Ports::planned(base))
        } else {
            Err(AddressError::BasePort(base.to_string()))
        }
    }

    const fn planned(base: u16) -> Ports {
        Ports {
            outside: base,
            cloud: base + CLOUD_OFFSET,
            adfs: base + ADFS_OFFSET,
            adfs_probe: base + ADFS_PROBE_OFFSET,
            backends: base + BACKENDS_OFFSET,
            ldap: base + LDAP_OFFSET,
            ldaps: base + LDAPS_OFFSET,
        }
    }

    /// Name and number of each, for messages.
    pub fn named(&self) -> [(&'static str, u16); 7] {
        [
            ("outside (wap)", self.outside),
            ("cloud", self.cloud),
            ("adfs", self.adfs),
            ("adfs probe", self.adfs_probe),
            ("back ends", self.backends),
            ("LDAP", self.ldap),
            ("LDAPS", self.ldaps),
        ]
    }
}

/// As `--base-port` is written and shown: the outside port alone.
impl fmt::Display for Ports {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.outside.fmt(formatter)
    }
}

impl FromStr for Ports {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Ports, AddressError> {
        let base = text
            .parse()
            .map_err(|_| AddressError::BasePort(text.to_owned()))?;
        Ports::from_base(base)
    }
}

/// The last labels of every host name of the lab: `localhost` by default, which browsers resolve by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suffix(String);

impl Default for Suffix {
    fn default() -> Suffix {
        Suffix("localhost".to_owned())
    }
}

impl fmt::Display for Suffix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Suffix {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Suffix, AddressError> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if text.len() > 200 || !text.split('.').all(label) {
            return Err(AddressError::NotAName(text.to_owned()));
        }
        match text.rsplit('.').next() {
            Some("localhost" | "test" | "example" | "invalid") => Ok(Suffix(text.to_owned())),
            _ => Err(AddressError::NotReserved(text.to_owned())),
        }
    }
}

/// Names and ports together: every address that the lab tells anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The port plan.
    pub ports: Ports,
    /// The host suffix.
    pub suffix: Suffix,
}

impl Addresses {
    /// A loopback socket address with one of the plan's ports.
    pub fn loopback(port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// A host of the customer: `sts`, `mail`, `autodiscover`, `app`.
    pub fn contoso(&self, name: &str) -> String {
        format!("{name}.contoso.{}", self.suffix)
    }

    /// A host of the played cloud: `login`, `lab`, `exo`, ...
    pub fn cloud(&self, name: &str) -> String {
        format!("{name}.cloud.{}", self.suffix)
    }

    /// The federation service name, the same inside and outside.
    pub fn sts(&self) -> String {
        self.contoso("sts")
    }

    /// Federation service as the outside world reaches it, through `wap`.
    pub fn adfs_url(&self) -> String {
        https(&self.sts(), self.ports.outside)
    }

    /// Federation service from the inside.
    pub fn adfs_internal_url(&self) -> String {
        https(&self.sts(), self.ports.adfs)
    }

    /// Federation service identifier: the issuer of tokens unless a rule names another.
    pub fn federation_service_identifier(&self) -> String {
        format!("http://{}/adfs/services/trust", self.sts())
    }

    /// Where people sign in to the cloud.
    pub fn login_url(&self) -> String {
        https(&self.cloud("login"), self.ports.cloud)
    }

    /// Where the federation server posts its answer for Entra.
    pub fn login_srf(&self) -> String {
        format!("{}/login.srf", self.login_url())
    }

    /// Origin of the dashboard and of the application.
    pub fn lab_url(&self) -> String {
        https(&self.cloud("lab"), self.ports.cloud)
    }

    /// The application that people sign in to.
    pub fn application_url(&self) -> String {
        format!("{}/app", self.lab_url())
    }

    /// Directory with TLS.
    pub fn ldaps_url(&self) -> String {
        format!("ldaps://localhost:{}", self.ports.ldaps)
    }

    /// Directory without TLS, the contract's `ldap_url`.
    pub fn ldap_url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.ports.ldap)
    }

    /// Address of a published application from outside.
    pub fn external_url(&self, name: &str) -> String {
        format!("{}/", https(&self.contoso(name), self.ports.outside))
    }

    /// The suffix of the lab whose federation service, outside or inside, has this address.
    pub fn suffix_of(adfs_url: &str) -> Option<Suffix> {
        let url = url::Url::parse(adfs_url).ok()?;
        let suffix = url.host_str()?.strip_prefix("sts.contoso.")?;
        suffix.parse().ok()
    }

    /// Names of the customer that `wap` answers for.
    pub fn outside_hosts(&self) -> Vec<String> {
        ["sts", "certauth.sts", "mail", "autodiscover", "app"]
            .map(|name| self.contoso(name))
            .to_vec()
    }

    /// Names that the played cloud answers for.
    pub fn cloud_hosts(&self) -> Vec<String> {
        ["login", "exo", "autodetect", "graph", "nexus", "lab"]
            .map(|name| self.cloud(name))
            .to_vec()
    }

    /// Lines for `/etc/hosts`, for programs that do not resolve the names by themselves.
    pub fn hosts_file(&self) -> String {
        self.outside_hosts()
            .iter()
            .chain(&self.cloud_hosts())
            .map(|host| format!("{}\t{host}\n", Ipv4Addr::LOCALHOST))
            .collect()
    }
}

fn https(host: &str, port: u16) -> String {
    // Browsers drop the default port, and issuers and reply addresses are compared as text.
    if port == 443 {
        format!("https://{host}")
    } else {
        format!("https://{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(base: u16, suffix: &str) -> Addresses {
        Addresses {
            ports: Ports::from_base(base).unwrap(),
            suffix: suffix.parse().unwrap(),
        }
    }

    #[test]
    fn the_default_plan_is_the_contracts() {
        let ports = Ports::from_base(DEFAULT_BASE_PORT).unwrap();
        let expected = Ports {
            outside: 8443,
            cloud: 8444,
            adfs: 9443,
            adfs_probe: 9445,
            backends: 9444,
            ldap: 9389,
            ldaps: 9636,
        };
        assert_eq!(ports, expected);
    }

    #[test]
    fn no_two_ports_of_a_plan_are_the_same() {
        let mut numbers = Ports::from_base(20_000)
            .unwrap()
            .named()
            .map(|(_, port)| port)
            .to_vec();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 7);
    }

    #[test]
    fn a_plan_ends_at_the_last_port() {
        assert_eq!(Ports::from_base(64_342).unwrap().ldaps, 65_535);
        for bad in ["0", "64343", "65536", "-1", "x", ""] {
            assert_eq!(
                bad.parse::<Ports>(),
                Err(AddressError::BasePort(bad.to_owned())),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn suffixes() {
        for good in ["localhost", "test", "lab.test", "a-b.example", "x.invalid"] {
            assert_eq!(good.parse::<Suffix>().unwrap().to_string(), good);
        }
        for bad in [
            "", ".", "test.", ".test", "Test", "a_b.test", "-a.test", "a-.test", "a..test",
            "a\n.test", "ü.test",
        ] {
            assert_eq!(
                bad.parse::<Suffix>(),
                Err(AddressError::NotAName(bad.to_owned())),
                "{bad:?}"
            );
        }
        for real in ["com", "contoso.com", "testing"] {
            assert_eq!(
                real.parse::<Suffix>(),
                Err(AddressError::NotReserved(real.to_owned())),
                "{real:?}"
            );
        }
    }

    #[test]
    fn addresses_carry_the_port_unless_it_is_the_default() {
        assert_eq!(
            plan(8443, "localhost").adfs_url(),
            "https://sts.contoso.localhost:8443"
        );
        assert_eq!(plan(443, "test").adfs_url(), "https://sts.contoso.test");
        assert_eq!(
            plan(443, "test").login_srf(),
            "https://login.cloud.test:444/login.srf"
        );
        assert_eq!(
            plan(8443, "localhost").federation_service_identifier(),
            "http://sts.contoso.localhost/adfs/services/trust"
        );
    }

    #[test]
    fn the_address_of_the_federation_service_tells_the_suffix() {
        for suffix in ["localhost", "lab.test"] {
            let addresses = plan(8443, suffix);
            assert_eq!(
                Addresses::suffix_of(&addresses.adfs_url()),
                Some(addresses.suffix.clone())
            );
        }
        for other in ["", "https://sts.contoso.com/", "https://login.cloud.test/"] {
            assert_eq!(Addresses::suffix_of(other), None, "{other}");
        }
    }

    #[test]
    fn the_hosts_file_names_each_host_once() {
        let text = plan(8443, "test").hosts_file();
        let mut names: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("127.0.0.1\t"))
            .collect();
        assert_eq!(names.len(), text.lines().count());
        for expected in [
            "sts.contoso.test",
            "app.contoso.test",
            "login.cloud.test",
            "lab.cloud.test",
        ] {
            assert!(names.contains(&expected), "{expected}");
        }
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
