//! What proxies publish: their own relying party, and which of the others they may have tokens for
//! (spec proxy-integration 2.3 and 2.6).

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Store, StoreError, sql};

/// Most endpoints and most mappings, over all relying parties.
pub const MAX_PUBLISHED: i64 = 10_000;

/// Published settings of one relying party.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishedSettings {
    /// URLs at the proxies to which proxy tokens may go.
    pub trusted_endpoints: Vec<String>,
    /// Pairs of a URL inside and the URL at the proxies that stands for it.
    pub mappings: Vec<(String, String)>,
}

/// What came of publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// Added.
    Done,
    /// Both endpoint and mapping were there.
    Exists,
    /// There are [`MAX_PUBLISHED`] already.
    Full,
}

/// What came of ending a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// Removed.
    Done,
    /// The endpoint, or a mapping to the external URL, was not there; nothing changed.
    Absent,
}

impl Store {
    /// Identifier of the relying party that stands for all proxies.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn proxy_relying_party(&self) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = sqlx::query_as(sql::PROXY_RELYING_PARTY)
            .fetch_optional(&self.readers)
            .await
            .map_err(StoreError::query("read the proxies' relying party"))?;
        Ok(row.map(|(identifier,)| identifier))
    }

    /// Sets that identifier; false when there is one, which stays.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn set_proxy_relying_party(&self, identifier: &str) -> Result<bool, StoreError> {
        let set = sqlx::query(sql::SET_PROXY_RELYING_PARTY)
            .bind(identifier)
            .execute(&self.writer)
            .await
            .map_err(StoreError::query("set the proxies' relying party"))?;
        Ok(set.rows_affected() > 0)
    }

    /// Unsets that identifier; false when there was none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn unset_proxy_relying_party(&self) -> Result<bool, StoreError> {
        let unset = sqlx::query(sql::UNSET_PROXY_RELYING_PARTY)
            .execute(&self.writer)
            .await
            .map_err(StoreError::query("unset the proxies' relying party"))?;
        Ok(unset.rows_affected() > 0)
    }

    /// The relying parties that have a trusted endpoint, by object identifier.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn published_relying_parties(&self) -> Result<BTreeSet<Uuid>, StoreError> {
        let rows: Vec<(Vec<u8>,)> = sqlx::query_as(sql::PUBLISHED_RELYING_PARTIES)
            .fetch_all(&self.readers)
            .await
            .map_err(StoreError::query("list published relying parties"))?;
        rows.iter()
            .map(|(id,)| {
                Uuid::from_slice(id).map_err(|_| StoreError::Damaged {
                    what: "an object identifier",
                })
            })
            .collect()
    }

    /// What is published of one relying party.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn published_settings(
        &self,
        relying_party: Uuid,
    ) -> Result<PublishedSettings, StoreError> {
        let failed = || StoreError::query("read published settings");
        let id = relying_party.as_bytes().as_slice();
        // One transaction, so that endpoints and mappings are of the same moment.
        let mut transaction = self.readers.begin().await.map_err(failed())?;
        let endpoints: Vec<(String,)> = sqlx::query_as(sql::TRUSTED_ENDPOINTS)
            .bind(id)
            .fetch_all(&mut *transaction)
            .await
            .map_err(failed())?;
        let mappings: Vec<(String, String)> = sqlx::query_as(sql::ENDPOINT_MAPPINGS)
            .bind(id)
            .fetch_all(&mut *transaction)
            .await
            .map_err(failed())?;
        Ok(PublishedSettings {
            trusted_endpoints: endpoints.into_iter().map(|(url,)| url).collect(),
            mappings,
        })
    }

    /// Adds a trusted endpoint, and the external URL that stands for an internal one.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn publish(
        &self,
        relying_party: Uuid,
        trusted_endpoint: &str,
        internal_url: &str,
        external_url: &str,
    ) -> Result<Published, StoreError> {
        let failed = || StoreError::query("publish a relying party");
        let id = relying_party.as_bytes().as_slice();
        let mut transaction = self.begin_write().await?;
        let endpoint = sqlx::query(sql::ADD_TRUSTED_ENDPOINT)
            .bind(id)
            .bind(trusted_endpoint)
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
        let mapping = sqlx::query(sql::ADD_ENDPOINT_MAPPING)
            .bind(id)
            .bind(internal_url)
            .bind(external_url)
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
        if endpoint.rows_affected() == 0 && mapping.rows_affected() == 0 {
            return Ok(Published::Exists);
        }
        for count in [sql::COUNT_TRUSTED_ENDPOINTS, sql::COUNT_ENDPOINT_MAPPINGS] {
            let (rows,): (i64,) = sqlx::query_as(count)
                .fetch_one(&mut *transaction)
                .await
                .map_err(failed())?;
            if rows > MAX_PUBLISHED {
                // The transaction ends without a commit, which takes the row back.
                return Ok(Published::Full);
            }
        }
        transaction.commit().await.map_err(failed())?;
        Ok(Published::Done)
    }

    /// Removes a trusted endpoint and, if an external URL is named, every mapping to it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn withdraw(
        &self,
        relying_party: Uuid,
        trusted_endpoint: &str,
        external_url: Option<&str>,
    ) -> Result<Withdrawn, StoreError> {
        let failed = || StoreError::query("withdraw a relying party");
        let id = relying_party.as_bytes().as_slice();
        let mut transaction = self.begin_write().await?;
        let endpoint = sqlx::query(sql::REMOVE_TRUSTED_ENDPOINT)
            .bind(id)
            .bind(trusted_endpoint)
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
        let mut complete = endpoint.rows_affected() > 0;
        if let Some(external_url) = external_url {
            let mappings = sqlx::query(sql::REMOVE_ENDPOINT_MAPPINGS)
                .bind(id)
                .bind(external_url)
                .execute(&mut *transaction)
                .await
                .map_err(failed())?;
            complete = complete && mappings.rows_affected() > 0;
        }
        if !complete {
            return Ok(Withdrawn::Absent);
        }
        transaction.commit().await.map_err(failed())?;
        Ok(Withdrawn::Done)
    }
}
