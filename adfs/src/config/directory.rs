//! `[directories.NAME]`: where accounts are and how to ask for them.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::{Host, Url};

use super::document::read_text;
use super::reader::{At, Found, Section};
use super::secret::Secret;

/// One directory: a domain of Active Directory, or an LDAP server with accounts like its.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryConfig {
    /// Name of the section; sessions remember it, so it must not change while they live.
    pub name: String,
    /// Servers with the same content; the first that answers is asked.
    pub servers: Vec<ServerAddress>,
    /// PEM file of the authorities that may certify the servers; `None`: those of the system.
    pub ca_file: Option<PathBuf>,
    /// The account that searches.
    pub service_account: ServiceAccount,
    /// Where searches begin.
    pub base_dn: String,
    /// RFC 4515 filter that accounts of people match.
    pub user_filter: String,
    /// Name before the backslash in `DOMAIN\user` (NetBIOS name), upper case.
    pub net_bios_name: String,
    /// DNS name of the domain, lower case.
    pub dns_name: String,
    /// UPN suffixes of its accounts, lower case. Empty: every suffix that no other directory claims.
    pub upn_suffixes: Vec<String>,
    /// What the attributes are called there.
    pub attributes: AttributeNames,
    /// Longest time for a new connection with TLS.
    pub connect_timeout: Duration,
    /// Longest time for the answer to one operation.
    pub operation_timeout: Duration,
    /// Most connections to one server for searches, and as many again for binds.
    pub pool_size: usize,
}

/// The account that searches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// DN, or what the directory takes as a name in a simple bind.
    pub bind_dn: String,
    /// Its password.
    pub password: Secret,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TLS from the first octet.
    Ldaps,
    /// TLS after a StartTLS operation; nothing is said before it.
    StartTls,
    /// None, to this very machine only.
    PlainLoopback,
}

/// A server. That a plain one is on this machine was checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    host: String,
    port: u16,
    transport: Transport,
}

impl ServerAddress {
    /// Reads `ldaps://host[:port]` or `ldap://host[:port]`.
    ///
    /// # Errors
    /// Says why the address does not serve, most often because passwords would travel unprotected.
    pub fn parse(text: &str, start_tls: bool, allow_plain: bool) -> Result<ServerAddress, String> {
        let url =
            Url::parse(text).map_err(|error| format!("{text:?} is not an address ({error})"))?;
        let bare =
            matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(format!(
                "{text:?} holds more than a scheme, a host and a port"
            ));
        }
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| format!("{text:?} names no host"))?;
        let transport = match (url.scheme(), start_tls) {
            ("ldaps", false) => Transport::Ldaps,
            ("ldaps", true) => {
                return Err(format!(
                    "{text:?} is protected already and cannot use StartTLS"
                ));
            }
            ("ldap", true) => Transport::StartTls,
            ("ldap", false) if allow_plain && is_this_machine(host) => Transport::PlainLoopback,
            ("ldap", false) => {
                return Err(format!("passwords would travel to {text:?} unprotected"));
            }
            (scheme, _) => return Err(format!("{scheme:?} is not a way to reach a directory")),
        };
        let port = url.port().unwrap_or(if transport == Transport::Ldaps {
            636
        } else {
            389
        });
        Ok(ServerAddress {
            host: host.to_owned(),
            port,
            transport,
        })
    }

    /// Name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Protection.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// As a URL.
    pub fn url(&self) -> String {
        let scheme = if self.transport == Transport::Ldaps {
            "ldaps"
        } else {
            "ldap"
        };
        format!("{scheme}://{}:{}", self.host, self.port)
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    address.map_or_else(|_| host == "localhost", |address| address.is_loopback())
}

/// What attributes are called. The defaults are Active Directory's; a directory that lacks one does without what it
/// says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeNames {
    /// Sign-in name `user@domain`.
    pub user_principal_name: String,
    /// Sign-in name after `DOMAIN\`.
    pub sam_account_name: String,
    /// What never changes while the account lives; octets.
    pub object_guid: String,
    /// Security identifier; octets.
    pub object_sid: String,
    /// Full name.
    pub display_name: String,
    /// Mail address.
    pub mail: String,
    /// Relative identifier of the primary group.
    pub primary_group_id: String,
    /// SIDs of all groups, nested ones too; computed by the directory.
    pub token_groups: String,
    /// Flags of the account.
    pub user_account_control: String,
    /// Flags that the directory computes: locked, password expired.
    pub user_account_control_computed: String,
    /// When the account expires.
    pub account_expires: String,
    /// When it was locked.
    pub lockout_time: String,
    /// When the password was set.
    pub pwd_last_set: String,
    /// When the password expires; computed.
    pub password_expires: String,
}

pub(super) fn directories(section: Section<'_>) -> Option<Vec<DirectoryConfig>> {
    if !section.is_present() {
        section.missing("NAME", "a section such as [directories.contoso]");
        return None;
    }
    let sections = section.named_sections();
    let only_one = sections.len() == 1;
    let mut claims = HashMap::new();
    let directories: Option<Vec<DirectoryConfig>> = sections
        .into_iter()
        .map(|(name, section)| directory(name, section, only_one, &mut claims))
        .collect();
    directories.filter(|list| !list.is_empty())
}

fn directory(
    name: String,
    mut section: Section<'_>,
    only_one: bool,
    claims: &mut HashMap<String, String>,
) -> Option<DirectoryConfig> {
    let servers = servers(&mut section);
    let ca_file = section.path("ca_file").map(|found| found.value);
    let bind_dn = section.required("bind_dn", "the DN of the account that searches");
    let password = password(&mut section);
    let base_expected = "the DN of the domain, for example \"DC=contoso,DC=com\"";
    let base_dn = section
        .required("base_dn", base_expected)
        .map(|found| found.value);
    let user_filter = user_filter(&mut section);
    let net_bios = section.required(
        "net_bios_name",
        "the NetBIOS name of the domain, for example \"CONTOSO\"",
    );
    let dns_name = dns_name(&mut section, base_dn.as_deref());
    let upn_suffixes = upn_suffixes(&mut section, only_one);
    let connect_timeout = section.number("connect_timeout_seconds", 1..=10, 2);
    let operation_timeout = section.number("operation_timeout_seconds", 1..=10, 5);
    let pool_size = section.number("pool_size", 1..=256, 16);
    let attributes = attributes(section.section("attributes"));
    let net_bios_name = net_bios.map(|found| found.value.to_uppercase());
    let domains = net_bios_name
        .iter()
        .chain(&dns_name)
        .map(|domain| format!("the domain {}", domain.to_lowercase()));
    let suffixes = upn_suffixes
        .iter()
        .flatten()
        .map(|suffix| format!("the UPN suffix {suffix}"));
    for claim in domains.chain(suffixes).collect::<BTreeSet<_>>() {
        if let Some(other) = claims.insert(claim.clone(), name.clone()) {
            let message = format!("[directories.{other}] claims {claim} too");
            section.complain_about_all(message, "let every sign-in name mean one directory");
        }
    }
    section.finish();
    Some(DirectoryConfig {
        name,
        servers: servers?,
        ca_file,
        service_account: ServiceAccount {
            bind_dn: bind_dn?.value,
            password: password?,
        },
        base_dn: base_dn?,
        user_filter,
        net_bios_name: net_bios_name?,
        dns_name: dns_name?,
        upn_suffixes: upn_suffixes?,
        attributes,
        connect_timeout: Duration::from_secs(connect_timeout.into()),
        operation_timeout: Duration::from_secs(operation_timeout.into()),
        pool_size: usize::try_from(pool_size).ok()?,
    })
}

fn servers(section: &mut Section<'_>) -> Option<Vec<ServerAddress>> {
    let start_tls = section.flag("start_tls", false);
    let allow_plain = section.flag("allow_plain", false);
    let expected = "a list such as [\"ldaps://dc1.contoso.com\", \"ldaps://dc2.contoso.com\"]; ldap:// needs \
                    `start_tls = true`, or `allow_plain = true` and an address of this machine";
    let Some(found) = section.find::<Vec<String>>("servers", expected) else {
        if !section.is_overridden("servers") {
            section.missing("servers", expected);
        }
        return None;
    };
    let checked = section.check("servers", found, expected, |list| {
        if list.is_empty() {
            return Err("there is no server".to_owned());
        }
        list.iter()
            .map(|text| ServerAddress::parse(text, start_tls, allow_plain))
            .collect()
    });
    checked.map(|found| found.value)
}

/// The password comes from a file or from the environment, never from `adfs.toml`, which is kept with others' files and
/// shown in reviews.
fn password(section: &mut Section<'_>) -> Option<Secret> {
    let written = section.take_place("bind_password");
    if let Some(at) = written {
        let remedy = "put it into a file of its own and name that in `bind_password_file`, or set the environment variable";
        section.complain(
            "bind_password",
            &at,
            "a password must not stand here".to_owned(),
            remedy.to_owned(),
        );
        return None;
    }
    let expected = "the path of a file that holds the password of `bind_dn` and nothing else";
    let (at, text) = if section.is_overridden("bind_password") {
        // The override stands for the file too, wherever that is named.
        section.take_place("bind_password_file");
        section.is_overridden("bind_password_file");
        let found = section.find::<String>("bind_password", expected)?;
        (found.at, found.value)
    } else if let Some(Found { value, at }) = section.path("bind_password_file") {
        let found = Found {
            value,
            at: at.clone(),
        };
        let read = |path: PathBuf| {
            read_text(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        (
            at,
            section
                .check("bind_password_file", found, expected, read)?
                .value,
        )
    } else {
        section.missing("bind_password_file", expected);
        return None;
    };
    secret(section, &at, text)
}

fn secret(section: &Section<'_>, at: &At, text: String) -> Option<Secret> {
    let text = zeroize::Zeroizing::new(text);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    // A directory takes a bind with an empty password for an anonymous one and lets it succeed (RFC 4513 section 5.1.2).
    if line.is_empty() || line.contains(['\0', '\n', '\r']) {
        let message = "the password is empty or has more than one line".to_owned();
        section.complain(
            "bind_password",
            at,
            message,
            "write the password and nothing else".to_owned(),
        );
        return None;
    }
    Some(Secret::new(line.to_owned()))
}

fn user_filter(section: &mut Section<'_>) -> String {
    let expected = "an LDAP filter such as \"(objectClass=user)\"";
    let found = section.text("user_filter", expected).and_then(|found| {
        section.check(
            "user_filter",
            found,
            expected,
            |text| match ldap3::parse_filter(&text) {
                Ok(_) if text.starts_with('(') => Ok(text),
                _ => Err(format!(
                    "{text:?} is not a filter in parentheses (RFC 4515)"
                )),
            },
        )
    });
    found.map_or_else(
        || "(&(objectClass=user)(!(objectClass=computer)))".to_owned(),
        |found| found.value,
    )
}

fn dns_name(section: &mut Section<'_>, base_dn: Option<&str>) -> Option<String> {
    let expected = "the DNS name of the domain, for example \"contoso.com\"";
    if let Some(found) = section.text("dns_name", expected) {
        let checked = section.check("dns_name", found, expected, |name| domain(&name));
        return checked.map(|found| found.value);
    }
    let labels: Vec<&str> = base_dn?
        .split(',')
        .filter_map(|part| part.trim().split_once('='))
        .filter(|(attribute, _)| attribute.eq_ignore_ascii_case("dc"))
        .map(|(_, label)| label)
        .collect();
    if labels.is_empty() {
        section.missing("dns_name", expected);
        return None;
    }
    Some(labels.join(".").to_lowercase())
}

fn upn_suffixes(section: &mut Section<'_>, only_one: bool) -> Option<Vec<String>> {
    let expected = "a list such as [\"contoso.com\"]";
    let found = section.find::<Vec<String>>("upn_suffixes", expected);
    match found {
        None if only_one => Some(Vec::new()),
        None => {
            section.missing(
                "upn_suffixes",
                "the UPN suffixes of this directory's accounts, so that names find their directory",
            );
            None
        }
        Some(found) => {
            let checked = section.check("upn_suffixes", found, expected, |list| {
                list.iter()
                    .map(|name| domain(name))
                    .collect::<Result<Vec<_>, _>>()
            });
            checked.map(|found| found.value)
        }
    }
}

fn domain(text: &str) -> Result<String, String> {
    match Host::parse(text) {
        Ok(Host::Domain(_)) if !text.starts_with('.') => Ok(text.to_lowercase()),
        _ => Err(format!("{text:?} is not a domain name")),
    }
}

impl Default for AttributeNames {
    fn default() -> AttributeNames {
        AttributeNames {
            user_principal_name: "userPrincipalName".to_owned(),
            sam_account_name: "sAMAccountName".to_owned(),
            object_guid: "objectGUID".to_owned(),
            object_sid: "objectSid".to_owned(),
            display_name: "displayName".to_owned(),
            mail: "mail".to_owned(),
            primary_group_id: "primaryGroupID".to_owned(),
            token_groups: "tokenGroups".to_owned(),
            user_account_control: "userAccountControl".to_owned(),
            user_account_control_computed: "msDS-User-Account-Control-Computed".to_owned(),
            account_expires: "accountExpires".to_owned(),
            lockout_time: "lockoutTime".to_owned(),
            pwd_last_set: "pwdLastSet".to_owned(),
            password_expires: "msDS-UserPasswordExpiryTimeComputed".to_owned(),
        }
    }
}

fn attributes(mut section: Section<'_>) -> AttributeNames {
    let mut name = |key: &'static str, default: String| {
        let expected = "the name of an attribute";
        let found = section.text(key, expected).and_then(|found| {
            section.check(key, found, expected, |text| {
                let fits = text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                if fits {
                    Ok(text)
                } else {
                    Err(format!("{text:?} cannot be the name of an attribute"))
                }
            })
        });
        found.map_or(default, |found| found.value)
    };
    let default = AttributeNames::default();
    let names = AttributeNames {
        user_principal_name: name("user_principal_name", default.user_principal_name),
        sam_account_name: name("sam_account_name", default.sam_account_name),
        object_guid: name("object_guid", default.object_guid),
        object_sid: name("object_sid", default.object_sid),
        display_name: name("display_name", default.display_name),
        mail: name("mail", default.mail),
        primary_group_id: name("primary_group_id", default.primary_group_id),
        token_groups: name("token_groups", default.token_groups),
        user_account_control: name("user_account_control", default.user_account_control),
        user_account_control_computed: name(
            "user_account_control_computed",
            default.user_account_control_computed,
        ),
        account_expires: name("account_expires", default.account_expires),
        lockout_time: name("lockout_time", default.lockout_time),
        pwd_last_set: name("pwd_last_set", default.pwd_last_set),
        password_expires: name("password_expires", default.password_expires),
    };
    section.finish();
    names
}
