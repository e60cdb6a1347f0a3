//! Databases as attribute stores (spec claim-rules 4.4). They are only read, values reach them only as bound parameters,
//! and time, rows and octets of an answer are bounded.

mod postgresql;
mod sqlite;
mod statement;
#[cfg(test)]
mod tests;

use std::pin::pin;

use claim_rules::{Rows, StoreError, StoreQuery};
use futures_util::{Stream, StreamExt as _};
use sqlx::{PgPool, Row, SqlitePool};
use tokio::time::timeout;

use crate::config::{Database, SqlConfig};
use statement::{Placeholders, Statement};

/// Most connections to one database.
const POOL_SIZE: u32 = 8;
/// Longest value, in octets (spec security CLM-1).
const MAX_VALUE: usize = 64 * 1024;
/// Longest answer, in octets.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// A database.
#[derive(Debug)]
pub(super) struct SqlStore {
    pub(super) name: String,
    pub(super) config: SqlConfig,
    pool: Pool,
}

#[derive(Debug)]
enum Pool {
    Sqlite(SqlitePool),
    Postgresql(PgPool),
}

impl SqlStore {
    /// Prepares connections; none is made yet.
    pub(super) fn new(name: &str, config: &SqlConfig) -> SqlStore {
        let pool = match &config.database {
            Database::Sqlite(path) => Pool::Sqlite(sqlite::pool(path, config)),
            Database::Postgresql(server) => Pool::Postgresql(postgresql::pool(server, config)),
        };
        SqlStore {
            name: name.to_owned(),
            config: config.clone(),
            pool,
        }
    }

    /// Answers a query of a rule.
    pub(super) async fn query(&self, query: &StoreQuery) -> Result<Rows, StoreError> {
        let failed =
            |reason: String| StoreError::new(format!("attribute store {:?}: {reason}", self.name));
        let placeholders = match &self.pool {
            Pool::Sqlite(_) => Placeholders::Sqlite,
            Pool::Postgresql(_) => Placeholders::Postgresql,
        };
        let statement = Statement::of(query, placeholders).map_err(failed)?;
        let limits = Limits {
            rows: self.config.max_rows,
            columns: query.columns,
        };
        let answer = async {
            match &self.pool {
                Pool::Sqlite(pool) => {
                    sqlite::query(pool, &statement, limits, self.config.timeout).await
                }
                Pool::Postgresql(pool) => postgresql::query(pool, &statement, limits).await,
            }
        };
        match timeout(self.config.timeout, answer).await {
            Ok(answer) => answer.map_err(failed),
            Err(_) => Err(failed("no answer in time".to_owned())),
        }
    }
}

/// What an answer may hold.
#[derive(Debug, Clone, Copy)]
struct Limits {
    rows: usize,
    columns: usize,
}

impl Limits {
    /// Reads rows. More than the limits allow is an error: a part of the answer could be the part without the row that
    /// denies.
    async fn collect<R: Row>(
        self,
        rows: impl Stream<Item = Result<R, sqlx::Error>>,
        value: impl Fn(&R, usize) -> Result<Option<String>, String>,
    ) -> Result<Rows, String> {
        let mut rows = pin!(rows);
        let mut answer: Rows = Vec::new();
        let mut octets = 0;
        while let Some(row) = rows.next().await {
            let row = row.map_err(|error| reason(&error))?;
            if row.len() != self.columns {
                return Err(format!(
                    "the query returns {} columns, and the rule has {} types",
                    row.len(),
                    self.columns
                ));
            }
            if answer.len() == self.rows {
                return Err(format!(
                    "the query returns more than {} rows; make it narrower or raise `max_rows`",
                    self.rows
                ));
            }
            let values: Result<Vec<Option<String>>, String> = (0..self.columns)
                .map(|column| value(&row, column))
                .collect();
            let values = values?;
            let lengths = || values.iter().flatten().map(String::len);
            octets += lengths().sum::<usize>();
            if octets > MAX_ANSWER || lengths().any(|length| length > MAX_VALUE) {
                return Err("the query returns more text than claims can carry".to_owned());
            }
            answer.push(values);
        }
        Ok(answer)
    }
}

/// A driver's error for the log: in one line, and without the statement, which the rule shows.
fn reason(error: &sqlx::Error) -> String {
    let text = match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::PoolTimedOut => "no connection in time".to_owned(),
        other => other.to_string(),
    };
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(500)
        .collect()
}
