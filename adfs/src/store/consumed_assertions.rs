//! Assertions of claims providers that were used (spec security SIG-13, passive-sign-in PreventTokenReplays).

use openssl::sha::Sha256;
use time::OffsetDateTime;

use super::{Store, StoreError, sql};

impl Store {
    /// Notes that an assertion of `issuer` is used now. `false` when it was used before. The note is kept until
    /// `expires`, from when on the assertion must be refused for its age.
    ///
    /// # Errors
    /// When the store does not answer. Callers must refuse the assertion then.
    pub async fn consume_assertion(
        &self,
        issuer: &str,
        id: &str,
        expires: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        // One statement: of two requests with one assertion, on whatever node, only one adds the row.
        let added = sqlx::query(sql::CONSUME_ASSERTION)
            .bind(digest(issuer, id).as_slice())
            .bind(expires.unix_timestamp().saturating_add(1))
            .execute(&self.writer)
            .await
            .map_err(StoreError::query("note that an assertion was used"))?;
        Ok(added.rows_affected() == 1)
    }

    pub(super) async fn prune_consumed_assertions(
        &self,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let pruned = sqlx::query(sql::PRUNE_CONSUMED_ASSERTIONS)
            .bind(now.unix_timestamp())
            .execute(&self.writer)
            .await
            .map_err(StoreError::query("forget assertions that are too old"))?;
        Ok(pruned.rows_affected())
    }
}

/// The length keeps the border between the two apart.
fn digest(issuer: &str, id: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(&(issuer.len() as u64).to_be_bytes());
    hash.update(issuer.as_bytes());
    hash.update(id.as_bytes());
    hash.finish()
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    #[tokio::test]
    async fn an_assertion_is_used_once_by_whoever_comes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("adfs.db");
        let store = Store::open(&path).await.expect("a store");
        let other = Store::open(&path).await.expect("another node");
        let now = datetime!(2026-11-25 12:00 UTC);
        let end = now + Duration::hours(1);
        let (first, second) = tokio::join!(
            store.consume_assertion("http://idp.test/", "_1", end),
            other.consume_assertion("http://idp.test/", "_1", end)
        );
        assert!(first.expect("an answer") != second.expect("an answer"));
        for (issuer, id) in [("http://idp.test/", "_2"), ("http://idp.test/_", "1")] {
            let used = store.consume_assertion(issuer, id, end).await;
            assert!(used.expect("an answer"), "{issuer} {id}");
        }
        store
            .prune(end - Duration::seconds(1))
            .await
            .expect("pruned");
        assert!(
            !store
                .consume_assertion("http://idp.test/", "_1", end)
                .await
                .expect("an answer")
        );
        assert_eq!(
            store
                .prune(end + Duration::seconds(2))
                .await
                .expect("pruned"),
            3
        );
    }
}
