//! Reads `[directories.NAME]`.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use url::Host;

use super::directory::{AttributeNames, DirectoryConfig, ServiceAccount};
use super::reader::Section;
use super::secret_reader::{self, SecretKeys};
use super::server_address::ServerAddress;

/// The password of the account that searches.
pub(super) const BIND_PASSWORD: SecretKeys = SecretKeys {
    value: "bind_password",
    file: "bind_password_file",
    expected: "the path of a file that holds the password of `bind_dn` and nothing else",
};

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
    let password = secret_reader::required(&mut section, &BIND_PASSWORD);
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

pub(super) fn servers(section: &mut Section<'_>) -> Option<Vec<ServerAddress>> {
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
