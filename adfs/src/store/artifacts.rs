//! SAML messages that wait to be fetched by artifact, once (SAML 2.0 Bindings 3.6, spec passive-sign-in 3.11).

use openssl::sha::sha256;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, StoreError, sql};

/// Most messages that wait at a time. Each is of somebody who has just signed in and is fetched within seconds.
const MAX_WAITING: i64 = 20_000;

impl Store {
    /// Keeps a sealed message for `relying_party` until `expires`, under the random handle of its artifact. `false` when
    /// too many wait already.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keep_artifact(
        &self,
        handle: &[u8],
        relying_party: Uuid,
        message: &str,
        now: OffsetDateTime,
        expires: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let action = "keep a message for the artifact binding";
        let add = || {
            sqlx::query(sql::KEEP_ARTIFACT)
                .bind(sha256(handle).to_vec())
                .bind(relying_party.as_bytes().to_vec())
                .bind(message)
                .bind(expires.unix_timestamp())
                .bind(MAX_WAITING)
                .execute(&self.writer)
        };
        let added = add().await.map_err(StoreError::query(action))?;
        if added.rows_affected() == 1 {
            return Ok(true);
        }
        // Full, perhaps of messages that nobody fetched in time.
        if self.prune_artifacts(now).await? == 0 {
            return Ok(false);
        }
        let added = add().await.map_err(StoreError::query(action))?;
        Ok(added.rows_affected() == 1)
    }

    /// Gives out the message of this handle and forgets it. `None` when there is none, when it is too old, and when it is
    /// for another relying party, for which it then stays.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take_artifact(
        &self,
        handle: &[u8],
        relying_party: Uuid,
        now: OffsetDateTime,
    ) -> Result<Option<String>, StoreError> {
        // One statement: of several requests with one artifact, on whatever node, only one gets the row.
        sqlx::query_scalar(sql::TAKE_ARTIFACT)
            .bind(sha256(handle).to_vec())
            .bind(relying_party.as_bytes().to_vec())
            .bind(now.unix_timestamp())
            .fetch_optional(&self.writer)
            .await
            .map_err(StoreError::query(
                "give out a message of the artifact binding",
            ))
    }

    pub(super) async fn prune_artifacts(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        let pruned = sqlx::query(sql::PRUNE_ARTIFACTS)
            .bind(now.unix_timestamp())
            .execute(&self.writer)
            .await
            .map_err(StoreError::query(
                "forget messages that nobody fetched by artifact",
            ))?;
        Ok(pruned.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);
    const PARTY: Uuid = Uuid::from_u128(1);

    #[tokio::test]
    async fn a_message_is_given_once_in_time_to_whom_it_is_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("adfs.db");
        let store = Store::open(&path).await.expect("a store");
        let other = Store::open(&path).await.expect("another node");
        let end = NOW + Duration::minutes(5);
        let keep = async |handle: &[u8]| {
            let kept = store.keep_artifact(handle, PARTY, "sealed", NOW, end).await;
            assert!(kept.expect("an answer"));
        };
        let take = async |handle: &[u8], party, now| {
            let taken = store.take_artifact(handle, party, now).await;
            taken.expect("an answer")
        };
        keep(b"one").await;
        assert_eq!(take(b"two", PARTY, NOW).await, None);
        assert_eq!(take(b"one", Uuid::from_u128(2), NOW).await, None);
        let raced = join_all((0..20).map(|number| {
            let node = if number % 2 == 0 { &store } else { &other };
            node.take_artifact(b"one", PARTY, NOW)
        }));
        let given = raced
            .await
            .into_iter()
            .flat_map(|taken| taken.expect("an answer"));
        assert_eq!(given.collect::<Vec<_>>(), ["sealed"]);
        keep(b"late").await;
        assert_eq!(take(b"late", PARTY, end).await, None);
        assert_eq!(store.prune(end).await.expect("pruned"), 1);
    }
}
