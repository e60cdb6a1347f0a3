//! What must survive a restart and be counted once for all nodes: sessions ended, assertions used, messages to be
//! fetched by artifact, proxy trusts, and what proxies publish and share.
//!
//! SQLite in one file. Readers and the one writer have pools of their own: within a process writers queue in order
//! instead of competing for the file's lock, and readers never wait for them. Every statement is in `sql`, the only
//! place that knows the dialect.

mod account_activity;
mod artifacts;
mod certificate_sightings;
mod consumed_assertions;
mod error;
mod file;
mod metadata_checks;
mod proxy_certificates;
mod proxy_store;
mod published;
mod sessions;
mod sql;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::{Sqlite, SqlitePool, Transaction};

use sessions::EndedSessions;

pub use account_activity::{AccountActivity, Failures};
pub use certificate_sightings::CertificateSighting;
pub use error::StoreError;
pub use metadata_checks::MetadataCheck;
pub use proxy_certificates::{NewProxyCertificate, ProxyCertificate, TrustChange};
pub use proxy_store::{
    Created, MAX_PROXY_STORE_ENTRIES, ProxyStoreEntry, ProxyStoreListing, Replaced,
};
pub use published::{MAX_PUBLISHED, Published, PublishedSettings, Withdrawn};
pub use sessions::SessionsOf;

/// The store. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Store {
    readers: SqlitePool,
    writer: SqlitePool,
    ended: Arc<EndedSessions>,
    path: PathBuf,
}

impl Store {
    /// Opens the store at `path`; makes the file, readable by its owner only, when it is not there, and brings its
    /// tables up to date.
    ///
    /// # Errors
    /// When the file cannot be made or opened, or belongs to a newer version of this program.
    pub async fn open(path: &Path) -> Result<Store, StoreError> {
        file::make_private(path)?;
        Store::connect(path).await
    }

    /// Opens a store that is there, for commands beside a server.
    ///
    /// # Errors
    /// As [`Store::open`], and when there is none.
    pub async fn open_existing(path: &Path) -> Result<Store, StoreError> {
        if !path.is_file() {
            return Err(StoreError::Absent {
                path: path.to_owned(),
            });
        }
        Store::connect(path).await
    }

    async fn connect(path: &Path) -> Result<Store, StoreError> {
        let failed = |reason| StoreError::Open {
            path: path.to_owned(),
            reason,
        };
        let writer = file::writer(path).await.map_err(failed)?;
        sql::MIGRATIONS
            .run(&writer)
            .await
            .map_err(|reason| StoreError::Migrate {
                path: path.to_owned(),
                reason,
            })?;
        let readers = file::readers(path).await.map_err(failed)?;
        let ended = Arc::new(EndedSessions::default());
        ended.follow(&readers).await?;
        Ok(Store {
            readers,
            writer,
            ended,
            path: path.to_owned(),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Forgets what no longer matters at `now` (Unix seconds): sessions that have ended by themselves, proxy
    /// certificates long past their end, assertions that are too old to be used again, messages that nobody fetched, and
    /// old activity of accounts. Returns how many rows went.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn prune(&self, now: time::OffsetDateTime) -> Result<u64, StoreError> {
        let sessions = self.prune_sessions(now).await?;
        let certificates = self.prune_proxy_certificates(now).await?;
        let assertions = self.prune_consumed_assertions(now).await?;
        let activity = self.prune_account_activity(now).await?;
        let artifacts = self.prune_artifacts(now).await?;
        Ok(sessions
            .saturating_add(certificates)
            .saturating_add(assertions)
            .saturating_add(activity)
            .saturating_add(artifacts))
    }

    /// Closes every connection, so that the file is complete by itself.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// A transaction that holds the write lock from its start, so that what it reads stays true until it commits.
    async fn begin_write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.writer
            .begin_with(sql::BEGIN_WRITE)
            .await
            .map_err(StoreError::query("begin a transaction"))
    }
}
