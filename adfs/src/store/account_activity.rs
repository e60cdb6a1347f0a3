//! Wrong passwords from outside and familiar addresses, by account (spec security 2.8, passive-sign-in 7.3).
//!
//! What a number means for the next attempt is not decided here: see `authentication::lockout`.

use std::net::IpAddr;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use time::{Duration, OffsetDateTime};

use super::{Store, StoreError, sql};

/// How long the row of an account without familiar addresses is kept after its last change.
const FORGET_FAILURES: Duration = Duration::days(7);
/// How long familiar addresses are kept after the last change.
const FORGET_LOCATIONS: Duration = Duration::days(365);

/// Wrong passwords since the last right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many (BadPwdCountUnknown, BadPwdCountFamiliar).
    pub count: u32,
    /// When the last was tried (LastFailedAuthUnknown, LastFailedAuthFamiliar).
    pub last: Option<OffsetDateTime>,
}

/// What `Get-AdfsAccountActivity` tells of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountActivity {
    /// The name that was last typed, for people.
    pub name: String,
    /// From addresses that are not familiar.
    pub unknown: Failures,
    /// From familiar ones.
    pub familiar: Failures,
    /// Familiar addresses, the one used last at the front.
    pub locations: Vec<IpAddr>,
}

impl Store {
    /// Lets `change` see and change the activity of `account` (a digest), alone on all nodes: what it decides holds until
    /// the change is stored. An account without a row begins empty.
    ///
    /// # Errors
    /// When the store does not answer; nothing is changed then, and callers must refuse the attempt.
    pub async fn change_account_activity<T>(
        &self,
        account: &[u8; 32],
        now: OffsetDateTime,
        change: impl FnOnce(&mut AccountActivity) -> T,
    ) -> Result<T, StoreError> {
        let failed = StoreError::query;
        let mut transaction = self.begin_write().await?;
        let row = sqlx::query(sql::ACCOUNT_ACTIVITY)
            .bind(account.as_slice())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed("read the activity of an account"))?;
        let before = match row {
            Some(row) => read(&row)?,
            None => AccountActivity::default(),
        };
        let mut after = before.clone();
        let answer = change(&mut after);
        if after == before {
            return Ok(answer);
        }
        let locations: Vec<String> = after.locations.iter().map(ToString::to_string).collect();
        sqlx::query(sql::SET_ACCOUNT_ACTIVITY)
            .bind(account.as_slice())
            .bind(&after.name)
            .bind(i64::from(after.unknown.count))
            .bind(after.unknown.last.map(OffsetDateTime::unix_timestamp))
            .bind(i64::from(after.familiar.count))
            .bind(after.familiar.last.map(OffsetDateTime::unix_timestamp))
            .bind(locations.join(" "))
            .bind(now.unix_timestamp())
            .execute(&mut *transaction)
            .await
            .map_err(failed("note the activity of an account"))?;
        transaction
            .commit()
            .await
            .map_err(failed("note the activity of an account"))?;
        Ok(answer)
    }

    /// The activity of `account` (a digest); `None` when nothing is known.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn account_activity(
        &self,
        account: &[u8; 32],
    ) -> Result<Option<AccountActivity>, StoreError> {
        let row = sqlx::query(sql::ACCOUNT_ACTIVITY)
            .bind(account.as_slice())
            .fetch_optional(&self.readers)
            .await
            .map_err(StoreError::query("read the activity of an account"))?;
        row.as_ref().map(read).transpose()
    }

    /// When the service first ran with this store; the first call notes `now`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn installed_since(&self, now: OffsetDateTime) -> Result<OffsetDateTime, StoreError> {
        let failed = StoreError::query("tell when the service was installed");
        let since: i64 = sqlx::query_scalar(sql::INSTALLED_SINCE)
            .bind(now.unix_timestamp())
            .fetch_one(&self.writer)
            .await
            .map_err(failed)?;
        moment(since)
    }

    pub(super) async fn prune_account_activity(
        &self,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let pruned = sqlx::query(sql::PRUNE_ACCOUNT_ACTIVITY)
            .bind((now - FORGET_FAILURES).unix_timestamp())
            .bind((now - FORGET_LOCATIONS).unix_timestamp())
            .execute(&self.writer)
            .await
            .map_err(StoreError::query("forget the activity of accounts"))?;
        Ok(pruned.rows_affected())
    }
}

const DAMAGED: StoreError = StoreError::Damaged {
    what: "the activity of an account",
};

fn moment(seconds: i64) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| DAMAGED)
}

fn read(row: &SqliteRow) -> Result<AccountActivity, StoreError> {
    let failures = |count: &str, last: &str| {
        let count: i64 = row.try_get(count).map_err(|_| DAMAGED)?;
        let last: Option<i64> = row.try_get(last).map_err(|_| DAMAGED)?;
        Ok::<_, StoreError>(Failures {
            count: u32::try_from(count).map_err(|_| DAMAGED)?,
            last: last.map(moment).transpose()?,
        })
    };
    let locations: String = row.try_get("locations").map_err(|_| DAMAGED)?;
    let locations: Result<Vec<IpAddr>, _> = locations.split_whitespace().map(str::parse).collect();
    Ok(AccountActivity {
        name: row.try_get("name").map_err(|_| DAMAGED)?,
        unknown: failures("unknown_failures", "unknown_last")?,
        familiar: failures("familiar_failures", "familiar_last")?,
        locations: locations.map_err(|_| DAMAGED)?,
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

    #[tokio::test]
    async fn activity_is_kept_read_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.db")).await.unwrap();
        let (one, other) = ([1; 32], [2; 32]);
        assert_eq!(store.account_activity(&one).await.unwrap(), None);
        let activity = AccountActivity {
            name: "alice@contoso.test".to_owned(),
            unknown: Failures {
                count: 3,
                last: Some(NOW),
            },
            familiar: Failures::default(),
            locations: vec!["2001:db8::1".parse().unwrap(), "192.0.2.1".parse().unwrap()],
        };
        let copy = activity.clone();
        let seen = store
            .change_account_activity(&one, NOW, |before| std::mem::replace(before, copy))
            .await
            .unwrap();
        assert_eq!(seen, AccountActivity::default());
        assert_eq!(store.account_activity(&one).await.unwrap(), Some(activity));
        store
            .change_account_activity(&other, NOW, |before| before.unknown.count = 1)
            .await
            .unwrap();
        let later = NOW + Duration::days(8);
        assert_eq!(store.prune(later).await.unwrap(), 1);
        assert_eq!(store.account_activity(&other).await.unwrap(), None);
        assert!(store.account_activity(&one).await.unwrap().is_some());
        assert_eq!(store.prune(NOW + Duration::days(366)).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn the_first_day_is_noted_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.db")).await.unwrap();
        assert_eq!(store.installed_since(NOW).await.unwrap(), NOW);
        let later = NOW + Duration::days(30);
        assert_eq!(store.installed_since(later).await.unwrap(), NOW);
    }
}
