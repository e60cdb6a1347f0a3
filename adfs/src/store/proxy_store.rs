//! The store that all proxies of a farm share (spec proxy-integration 2.7), opaque to the server.

use super::{Store, StoreError, sql};

/// Most entries (spec security PIP-6).
pub const MAX_PROXY_STORE_ENTRIES: i64 = 1000;
/// Longest sum of values, in characters, that a list carries.
const MAX_LISTED: i64 = 1024 * 1024;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ProxyStoreEntry {
    /// Name, in the case of its creator.
    pub key: String,
    /// Counts the changes, from 1.
    pub version: i64,
    /// What the proxies put there.
    pub value: String,
}

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ProxyStoreListing {
    /// Name, in the case of its creator.
    pub key: String,
    /// Counts the changes, from 1.
    pub version: i64,
    /// What the proxies put there; left out of every entry when all of them together are long.
    pub value: Option<String>,
}

/// What came of creating an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there, with version 1.
    Done,
    /// It was there before, and is unchanged.
    Exists,
    /// There are [`MAX_PROXY_STORE_ENTRIES`] already.
    Full,
}

/// What came of replacing a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// Done; the new version.
    Done(i64),
    /// The entry has another version, so somebody else changed it meanwhile; it is unchanged.
    OtherVersion,
    /// No such entry.
    Absent,
}

impl Store {
    /// Every entry, in order of names.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn proxy_store_entries(&self) -> Result<Vec<ProxyStoreListing>, StoreError> {
        sqlx::query_as(sql::STORE_ENTRIES)
            .bind(MAX_LISTED)
            .fetch_all(&self.readers)
            .await
            .map_err(StoreError::query("list what the proxies share"))
    }

    /// The entry of that name; case does not matter.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn proxy_store_entry(
        &self,
        key: &str,
    ) -> Result<Option<ProxyStoreEntry>, StoreError> {
        sqlx::query_as(sql::STORE_ENTRY)
            .bind(fold(key))
            .fetch_optional(&self.readers)
            .await
            .map_err(StoreError::query("read what the proxies share"))
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn create_proxy_store_entry(
        &self,
        key: &str,
        value: &str,
    ) -> Result<Created, StoreError> {
        let failed = || StoreError::query("add to what the proxies share");
        let mut transaction = self.begin_write().await?;
        let (entries,): (i64,) = sqlx::query_as(sql::COUNT_STORE_ENTRIES)
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed())?;
        let existing: Option<ProxyStoreEntry> = sqlx::query_as(sql::STORE_ENTRY)
            .bind(fold(key))
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed())?;
        if existing.is_some() {
            return Ok(Created::Exists);
        }
        if entries >= MAX_PROXY_STORE_ENTRIES {
            return Ok(Created::Full);
        }
        sqlx::query(sql::CREATE_STORE_ENTRY)
            .bind(fold(key))
            .bind(key)
            .bind(value)
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
        transaction.commit().await.map_err(failed())?;
        Ok(Created::Done)
    }

    /// Replaces the value of the entry if it still has `version`. Of several writers that read the same version exactly
    /// one succeeds.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn replace_proxy_store_entry(
        &self,
        key: &str,
        version: i64,
        value: &str,
    ) -> Result<Replaced, StoreError> {
        let failed = || StoreError::query("change what the proxies share");
        let mut transaction = self.begin_write().await?;
        let changed = sqlx::query(sql::REPLACE_STORE_ENTRY)
            .bind(fold(key))
            .bind(version)
            .bind(value)
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
        let now: Option<ProxyStoreEntry> = sqlx::query_as(sql::STORE_ENTRY)
            .bind(fold(key))
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed())?;
        transaction.commit().await.map_err(failed())?;
        Ok(match (now, changed.rows_affected()) {
            (None, _) => Replaced::Absent,
            (Some(_), 0) => Replaced::OtherVersion,
            (Some(entry), _) => Replaced::Done(entry.version),
        })
    }

    /// Removes the entry; false when there was none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn remove_proxy_store_entry(&self, key: &str) -> Result<bool, StoreError> {
        let removed = sqlx::query(sql::REMOVE_STORE_ENTRY)
            .bind(fold(key))
            .execute(&self.writer)
            .await
            .map_err(StoreError::query("remove from what the proxies share"))?;
        Ok(removed.rows_affected() > 0)
    }
}

fn fold(key: &str) -> String {
    key.to_ascii_lowercase()
}
