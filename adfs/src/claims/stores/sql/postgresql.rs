//! PostgreSQL.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow, PgSslMode};
use sqlx::{AssertSqlSafe, PgPool, Row, TypeInfo, ValueRef};
use uuid::Uuid;

use super::statement::Statement;
use super::{Limits, POOL_SIZE, reason};
use crate::config::{PostgresqlConfig, SqlConfig};

/// Connections older than this are replaced, so that load balancers and changed passwords take effect.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

pub(super) fn pool(server: &PostgresqlConfig, config: &SqlConfig) -> PgPool {
    let milliseconds = config.timeout.as_millis().to_string();
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(&server.host)
        .port(server.port)
        .username(&server.user)
        .database(&server.database)
        .application_name("adfs")
        .ssl_mode(if server.is_local {
            PgSslMode::Prefer
        } else {
            PgSslMode::VerifyFull
        })
        .options([
            ("default_transaction_read_only", "on"),
            ("statement_timeout", milliseconds.as_str()),
        ]);
    if let Some(password) = &server.password {
        options = options.password(password.expose());
    }
    if let Some(authorities) = &server.ca_file {
        options = options
            .ssl_root_cert(authorities)
            .ssl_mode(PgSslMode::VerifyFull);
    }
    PgPoolOptions::new()
        .max_connections(POOL_SIZE)
        .acquire_timeout(config.timeout)
        .max_lifetime(MAX_AGE)
        .connect_lazy_with(options)
}

pub(super) async fn query(
    pool: &PgPool,
    statement: &Statement,
    limits: Limits,
) -> Result<super::Rows, String> {
    let mut query = sqlx::query(AssertSqlSafe(statement.text.as_str()));
    for bound in &statement.values {
        query = query.bind(bound);
    }
    limits.collect(query.fetch(pool), value).await
}

/// The types whose text is the same everywhere. Others depend on settings of server and session, so the query has to
/// say which text it wants.
fn value(row: &PgRow, column: usize) -> Result<Option<String>, String> {
    let raw = row.try_get_raw(column).map_err(|error| reason(&error))?;
    if raw.is_null() {
        return Ok(None);
    }
    let kind = raw.type_info().name().to_owned();
    let value = match kind.as_str() {
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" | "citext" => {
            row.try_get_unchecked::<String, _>(column)
        }
        "BOOL" => row
            .try_get::<bool, _>(column)
            .map(|value| value.to_string()),
        "INT2" => row.try_get::<i16, _>(column).map(|value| value.to_string()),
        "INT4" => row.try_get::<i32, _>(column).map(|value| value.to_string()),
        "INT8" => row.try_get::<i64, _>(column).map(|value| value.to_string()),
        "BYTEA" => row
            .try_get::<Vec<u8>, _>(column)
            .map(|octets| BASE64_STANDARD.encode(octets)),
        "UUID" => {
            let octets = raw.as_bytes().map_err(|error| error.to_string())?;
            let value = Uuid::from_slice(octets).map_err(|error| error.to_string())?;
            return Ok(Some(value.to_string()));
        }
        other => {
            return Err(format!(
                "column {} has the type {other}; write CAST(... AS text) around it",
                column + 1
            ));
        }
    };
    value.map(Some).map_err(|error| reason(&error))
}
