//! What came of looking at the metadata of partners (spec passive-sign-in 4.3).

use sqlx::FromRow;
use time::OffsetDateTime;

use super::{Store, StoreError, sql};

/// The last look at the metadata of one partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataCheck {
    /// Which trust: its kind and name.
    pub partner: String,
    /// What was fetched.
    pub url: String,
    /// When that was tried last (LastMonitoredTime).
    pub checked: OffsetDateTime,
    /// When it was last successful.
    pub succeeded: Option<OffsetDateTime>,
    /// When the trust was last changed by it (LastUpdateTime).
    pub updated: Option<OffsetDateTime>,
    /// Why the last try failed; `None` when it did not (LastPublishedPolicyCheckSuccessful).
    pub error: Option<String>,
    /// What differed at the last success and still does (ConflictWithPublishedPolicy): a JSON array.
    pub pending: String,
    /// How many tries in a row have failed.
    pub failures: u32,
    /// When the next try is due.
    pub due: OffsetDateTime,
}

#[derive(FromRow)]
struct Row {
    partner: String,
    url: String,
    checked: i64,
    succeeded: Option<i64>,
    updated: Option<i64>,
    error: Option<String>,
    pending: String,
    failures: i64,
    due: i64,
}

impl TryFrom<Row> for MetadataCheck {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<MetadataCheck, StoreError> {
        let instant = |seconds| {
            OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| StoreError::Damaged {
                what: "the time of a look at metadata",
            })
        };
        Ok(MetadataCheck {
            partner: row.partner,
            url: row.url,
            checked: instant(row.checked)?,
            succeeded: row.succeeded.map(instant).transpose()?,
            updated: row.updated.map(instant).transpose()?,
            error: row.error,
            pending: row.pending,
            failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
            due: instant(row.due)?,
        })
    }
}

impl Store {
    /// Every look that is remembered, in the order of the partners.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn metadata_checks(&self) -> Result<Vec<MetadataCheck>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(sql::METADATA_CHECKS)
            .fetch_all(&self.readers)
            .await
            .map_err(StoreError::query("tell when metadata were looked at"))?;
        rows.into_iter().map(MetadataCheck::try_from).collect()
    }

    /// Remembers a look in the place of the one before it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn note_metadata_check(&self, check: &MetadataCheck) -> Result<(), StoreError> {
        sqlx::query(sql::NOTE_METADATA_CHECK)
            .bind(&check.partner)
            .bind(&check.url)
            .bind(check.checked.unix_timestamp())
            .bind(check.succeeded.map(OffsetDateTime::unix_timestamp))
            .bind(check.updated.map(OffsetDateTime::unix_timestamp))
            .bind(&check.error)
            .bind(&check.pending)
            .bind(i64::from(check.failures))
            .bind(check.due.unix_timestamp())
            .execute(&self.writer)
            .await
            .map_err(StoreError::query("note that metadata were looked at"))?;
        Ok(())
    }

    /// Forgets the looks at a trust that is no more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn forget_metadata_check(&self, partner: &str) -> Result<(), StoreError> {
        sqlx::query(sql::FORGET_METADATA_CHECK)
            .bind(partner)
            .execute(&self.writer)
            .await
            .map_err(StoreError::query("forget a look at metadata"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[tokio::test]
    async fn the_last_look_at_each_partner_is_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("adfs.sqlite"))
            .await
            .expect("a store");
        let now = datetime!(2026-11-25 12:00 UTC);
        let mut first = MetadataCheck {
            partner: "relying-party/App".to_owned(),
            url: "https://app.test/".to_owned(),
            checked: now,
            succeeded: None,
            updated: None,
            error: Some("no".to_owned()),
            pending: "[]".to_owned(),
            failures: 3,
            due: now,
        };
        let second = MetadataCheck {
            partner: "relying-party/B".to_owned(),
            succeeded: Some(now),
            updated: Some(now),
            error: None,
            ..first.clone()
        };
        for check in [&first, &second] {
            store.note_metadata_check(check).await.expect("noted");
        }
        first.failures = 4;
        store.note_metadata_check(&first).await.expect("noted");
        let all = store.metadata_checks().await.expect("read");
        assert_eq!(all, [first.clone(), second.clone()]);
        store
            .forget_metadata_check(&first.partner)
            .await
            .expect("forgotten");
        assert_eq!(store.metadata_checks().await.expect("read"), [second]);
    }
}
