//! `[attribute_stores.NAME]`: other places that claim rules can ask (spec claim-rules 4.3 and 4.4).

use std::path::PathBuf;
use std::time::Duration;

use super::directory::DirectoryConfig;
use super::secret::Secret;

/// A store of the administrator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeStoreConfig {
    /// Name that rules call it by.
    pub name: String,
    /// What it is.
    pub kind: AttributeStoreKind,
}

/// What a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeStoreKind {
    /// An LDAP directory. It is used as one of accounts is, but nobody signs in with it.
    Ldap(Box<DirectoryConfig>),
    /// A database.
    Sql(SqlConfig),
}

/// A database that is only read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlConfig {
    /// Where it is.
    pub database: Database,
    /// Longest time for one query.
    pub timeout: Duration,
    /// Most rows that one query may return.
    pub max_rows: usize,
}

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server.
    Postgresql(PostgresqlConfig),
}

/// A database of a PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresqlConfig {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The role that reads.
    pub user: String,
    /// Its password, where the server wants one.
    pub password: Option<Secret>,
    /// Name of the database.
    pub database: String,
    /// PEM file of the authorities that may certify the server.
    pub ca_file: Option<PathBuf>,
    /// Whether the server is this very machine, to which no TLS is needed.
    pub is_local: bool,
}
