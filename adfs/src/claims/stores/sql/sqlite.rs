//! SQLite.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Row, SqlitePool, TypeInfo, ValueRef};

use super::statement::Statement;
use super::{Limits, POOL_SIZE, reason};
use crate::config::SqlConfig;

/// How many steps of its virtual machine SQLite takes between two looks at the clock.
const STEPS: i32 = 10_000;
/// A file that was put in the place of another is noticed after this time.
const MAX_AGE: Duration = Duration::from_secs(60);

pub(super) fn pool(path: &Path, config: &SqlConfig) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .create_if_missing(false)
        .busy_timeout(config.timeout)
        .pragma("query_only", "ON")
        .pragma("trusted_schema", "OFF");
    SqlitePoolOptions::new()
        .max_connections(POOL_SIZE)
        .acquire_timeout(config.timeout)
        .max_lifetime(MAX_AGE)
        .connect_lazy_with(options)
}

pub(super) async fn query(
    pool: &SqlitePool,
    statement: &Statement,
    limits: Limits,
    time: Duration,
) -> Result<super::Rows, String> {
    let mut connection = pool.acquire().await.map_err(|error| reason(&error))?;
    let end = Instant::now() + time;
    connection
        .lock_handle()
        .await
        .map_err(|error| reason(&error))?
        // Whoever waits for the answer gives up at the same time, but SQLite would not notice.
        .set_progress_handler(STEPS, move || Instant::now() < end);
    let mut query = sqlx::query(AssertSqlSafe(statement.text.as_str()));
    for bound in &statement.values {
        query = query.bind(bound);
    }
    let answer = limits.collect(query.fetch(&mut *connection), value).await;
    if let Ok(mut handle) = connection.lock_handle().await {
        handle.remove_progress_handler();
    }
    answer
}

/// Numbers as SQLite writes them, octets in base64.
fn value(row: &SqliteRow, column: usize) -> Result<Option<String>, String> {
    let raw = row.try_get_raw(column).map_err(|error| reason(&error))?;
    let is_octets = raw.type_info().name() == "BLOB";
    if raw.is_null() {
        return Ok(None);
    }
    let value = if is_octets {
        row.try_get_unchecked::<Vec<u8>, _>(column)
            .map(|octets| BASE64_STANDARD.encode(octets))
    } else {
        row.try_get_unchecked::<String, _>(column)
    };
    value.map(Some).map_err(|error| reason(&error))
}
