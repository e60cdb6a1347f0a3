//! The database file and the connections to it.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::StoreError;

/// How long a statement waits for another process's write, and a request for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
const READERS: u32 = 4;
const OWNER_ONLY: u32 = 0o600;

/// Makes the file when it is absent, and takes every right of others away from one that is there. The engine gives its
/// side files the mode of the main file.
pub(super) fn make_private(path: &Path) -> Result<(), StoreError> {
    let make = || {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(OWNER_ONLY)
            .open(path)?;
        if file.metadata()?.permissions().mode() & 0o777 != OWNER_ONLY {
            file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
        }
        Ok(())
    };
    make().map_err(|reason| StoreError::File {
        path: path.to_owned(),
        reason,
    })
}

/// The one connection that writes.
pub(super) async fn writer(path: &Path) -> Result<SqlitePool, sqlx::Error> {
    // FULL: what was acknowledged (a revocation, a sign-out) must survive the loss of power.
    let options = options(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    pool(1).connect_with(options).await
}

/// The connections that only read.
pub(super) async fn readers(path: &Path) -> Result<SqlitePool, sqlx::Error> {
    pool(READERS)
        .connect_with(options(path).read_only(true))
        .await
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(PATIENCE)
        .foreign_keys(true)
}

fn pool(connections: u32) -> SqlitePoolOptions {
    // A connection to a file does not go stale, so it is neither tested before use nor replaced by age.
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .max_lifetime(None)
        .idle_timeout(None)
}
