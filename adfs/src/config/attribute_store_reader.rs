//! Reads `[attribute_stores.NAME]`.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;

use super::attribute_stores::{
    AttributeStoreConfig, AttributeStoreKind, Database, PostgresqlConfig, SqlConfig,
};
use super::directory::{AttributeNames, DirectoryConfig, ServiceAccount};
use super::directory_reader;
use super::reader::{Found, Section};
use super::secret_reader::{self, SecretKeys};
use super::server_address::is_this_machine;

/// The store that is always there; names with an underscore belong to the other ones of the service.
const ACTIVE_DIRECTORY: &str = "Active Directory";
/// Stores of the service itself.
const OWN: [&str; 3] = [ACTIVE_DIRECTORY, "_OpaqueIdStore", "_PasswordExpiryStore"];

const PASSWORD: SecretKeys = SecretKeys {
    value: "password",
    file: "password_file",
    expected: "the path of a file that holds the password of the database role and nothing else",
};

/// The names that rules may call stores by.
#[derive(Debug, Clone)]
pub(super) struct StoreNames(Vec<String>);

impl StoreNames {
    pub(super) fn of(stores: &[AttributeStoreConfig]) -> StoreNames {
        let own = OWN.iter().map(|name| (*name).to_owned());
        StoreNames(
            own.chain(stores.iter().map(|store| store.name.clone()))
                .collect(),
        )
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// The stores; `None` when one of them is wrong, which is noted.
pub(super) fn attribute_stores(section: Section<'_>) -> Option<Vec<AttributeStoreConfig>> {
    section
        .named_sections()
        .into_iter()
        .map(|(name, section)| store(name, section))
        .collect()
}

fn store(name: String, mut section: Section<'_>) -> Option<AttributeStoreConfig> {
    let reserved = name.starts_with('_') || name.eq_ignore_ascii_case(ACTIVE_DIRECTORY);
    if reserved || name.trim() != name || name.is_empty() {
        section.complain_about_all(
            format!("{name:?} cannot be the name of a store"),
            "choose one that is not empty, is not \"Active Directory\" and does not begin with an underscore",
        );
    }
    let kind = section.required("kind", "\"ldap\" or \"sql\"")?;
    let read = match kind.value.as_str() {
        "ldap" => ldap(&name, &mut section, "base_dn")
            .map(|ldap| AttributeStoreKind::Ldap(Box::new(ldap))),
        "sql" => sql(&mut section).map(AttributeStoreKind::Sql),
        other => {
            let message = format!("{other:?} is no kind of store");
            let remedy = "write \"ldap\" or \"sql\"; stores of the administrator's own programs do not exist here";
            section.complain("kind", &kind.at, message, remedy.to_owned());
            // What the other settings mean is not known.
            return None;
        }
    };
    section.finish();
    Some(AttributeStoreConfig { name, kind: read? })
}

/// A directory that is asked for entries, not one of accounts. `base` is the key of the DN where searches begin.
pub(super) fn ldap(
    name: &str,
    section: &mut Section<'_>,
    base: &'static str,
) -> Option<DirectoryConfig> {
    let servers = directory_reader::servers(section);
    let ca_file = section.path("ca_file").map(|found| found.value);
    let bind_dn = section.required("bind_dn", "the DN of the account that searches");
    let password = secret_reader::required(section, &directory_reader::BIND_PASSWORD);
    let base_dn = section.required(base, "the DN below which is searched");
    let connect_timeout = section.number("connect_timeout_seconds", 1..=10, 2);
    let operation_timeout = section.number("operation_timeout_seconds", 1..=10, 5);
    let pool_size = section.number("pool_size", 1..=256, 8);
    Some(DirectoryConfig {
        name: name.to_owned(),
        servers: servers?,
        ca_file,
        service_account: ServiceAccount {
            bind_dn: bind_dn?.value,
            password: password?,
        },
        base_dn: base_dn?.value,
        // Rules bring filters of their own.
        user_filter: "(objectClass=*)".to_owned(),
        net_bios_name: String::new(),
        dns_name: String::new(),
        upn_suffixes: Vec::new(),
        attributes: AttributeNames::default(),
        connect_timeout: Duration::from_secs(connect_timeout.into()),
        operation_timeout: Duration::from_secs(operation_timeout.into()),
        pool_size: usize::try_from(pool_size).ok()?,
    })
}

fn sql(section: &mut Section<'_>) -> Option<SqlConfig> {
    let expected = "an address such as \"postgresql://adfs@db.contoso.com/hr\"";
    let path = section.path("path");
    let url = section.text("url", expected);
    let password = secret_reader::optional(section, &PASSWORD);
    let ca_file = section.path("ca_file").map(|found| found.value);
    let timeout = section.number("timeout_seconds", 1..=7, 5);
    let max_rows = section.number("max_rows", 1..=10_000, 1000);
    let database = match (path, url) {
        (Some(path), None) => {
            if password.is_some() || ca_file.is_some() {
                section.complain(
                    "path",
                    &path.at,
                    "a file has neither password nor certificate".to_owned(),
                    "remove `password_file` and `ca_file`, or write `url` instead of `path`"
                        .to_owned(),
                );
            }
            Database::Sqlite(path.value)
        }
        (None, Some(url)) => Database::Postgresql(
            section
                .check("url", url, expected, |text| postgresql(&text))
                .map(|Found { value, .. }| PostgresqlConfig {
                    password,
                    ca_file,
                    ..value
                })?,
        ),
        (Some(_), Some(url)) => {
            let message = "the database is in `path` too".to_owned();
            section.complain("url", &url.at, message, "remove one of the two".to_owned());
            return None;
        }
        (None, None) => {
            section.missing(
                "url",
                "`path` with a file of SQLite, or `url` with a PostgreSQL server",
            );
            return None;
        }
    };
    Some(SqlConfig {
        database,
        timeout: Duration::from_secs(timeout.into()),
        max_rows: usize::try_from(max_rows).ok()?,
    })
}

fn postgresql(text: &str) -> Result<PostgresqlConfig, String> {
    let url = Url::parse(text).map_err(|error| format!("this is not an address ({error})"))?;
    if !matches!(url.scheme(), "postgresql" | "postgres") {
        return Err(format!(
            "{:?} is no database that can be asked",
            url.scheme()
        ));
    }
    // The text is not repeated: it holds a password.
    if url.password().is_some() {
        return Err("a password must not stand here; put it into a file of its own and name that in `password_file`".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(
            "the address has parameters; how the connection is protected is not among the choices"
                .to_owned(),
        );
    }
    let decoded = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded
            .map(String::from)
            .map_err(|_| "a part of the address is not UTF-8".to_owned())
    };
    let user = decoded(url.username())?;
    let database = decoded(url.path().trim_start_matches('/'))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    if user.is_empty() || database.is_empty() || host.is_empty() || database.contains('/') {
        return Err("the address lacks a role, a host or the name of a database".to_owned());
    }
    Ok(PostgresqlConfig {
        is_local: is_this_machine(&host),
        host: host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned(),
        port: url.port().unwrap_or(5432),
        user,
        password: None,
        database,
        ca_file: None::<PathBuf>,
    })
}
