//! Sessions that were ended before their time (spec security SES-8).
//!
//! Every use of a session asks, so the answer comes from a copy in memory. The copy has this process's own sign-outs at
//! once and those of others within [`MAX_AGE`]; when it cannot be brought up to date there is no answer.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use sqlx::SqlitePool;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{Store, StoreError, sql};

/// How old the copy may be when it is asked.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The copy.
#[derive(Debug, Default)]
pub(super) struct SignedOutSessions {
    copy: RwLock<Snapshot>,
    /// Held while the store is asked for news; the sequence number of the last that is in the copy.
    last: Mutex<i64>,
}

#[derive(Debug, Default)]
struct Snapshot {
    /// Ends of the notes, in Unix seconds.
    sessions: HashMap<Uuid, i64>,
    /// When the store was last asked.
    taken: Option<Instant>,
}

impl Snapshot {
    fn is_current(&self) -> bool {
        self.taken.is_some_and(|taken| taken.elapsed() < MAX_AGE)
    }
}

impl SignedOutSessions {
    fn read(&self) -> RwLockReadGuard<'_, Snapshot> {
        self.copy.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Snapshot> {
        self.copy.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the sign-outs that others made into the copy, unless somebody has just done so.
    pub(super) async fn follow(&self, readers: &SqlitePool) -> Result<(), StoreError> {
        let mut last = self.last.lock().await;
        if self.read().is_current() {
            return Ok(());
        }
        // From before the question: what is committed while it is asked may be missing from the answer.
        let asked = Instant::now();
        let news: Vec<(i64, Vec<u8>, i64)> = sqlx::query_as(sql::SIGNED_OUT_SESSIONS_AFTER)
            .bind(*last)
            .fetch_all(readers)
            .await
            .map_err(StoreError::query("see which sessions were signed out"))?;
        let mut copy = self.write();
        for (sequence, id, expires) in news {
            let id = Uuid::from_slice(&id).map_err(|_| StoreError::Damaged {
                what: "the id of a session",
            })?;
            copy.sessions.insert(id, expires);
            *last = sequence;
        }
        copy.taken = Some(asked);
        Ok(())
    }
}

impl Store {
    /// Whether the session was signed out.
    ///
    /// # Errors
    /// When the store does not answer. Callers must then take the session for signed out.
    pub async fn is_signed_out(&self, session: Uuid) -> Result<bool, StoreError> {
        {
            let copy = self.signed_out.read();
            if copy.sessions.contains_key(&session) {
                return Ok(true);
            }
            if copy.is_current() {
                return Ok(false);
            }
        }
        self.signed_out.follow(&self.readers).await?;
        Ok(self.signed_out.read().sessions.contains_key(&session))
    }

    /// Ends a session. The note is kept until `expires`, after which the session is over anyway.
    ///
    /// # Errors
    /// When the store does not answer; the session then goes on.
    pub async fn sign_out(&self, session: Uuid, expires: OffsetDateTime) -> Result<(), StoreError> {
        // Rounded up: a note must never end before its session does.
        let expires = expires.unix_timestamp().saturating_add(1);
        sqlx::query(sql::SIGN_OUT_SESSION)
            .bind(session.as_bytes().as_slice())
            .bind(expires)
            .execute(&self.writer)
            .await
            .map_err(StoreError::query("end a session"))?;
        let mut copy = self.signed_out.write();
        let end = copy.sessions.entry(session).or_insert(expires);
        *end = expires.max(*end);
        Ok(())
    }

    pub(super) async fn prune_sessions(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        let now = now.unix_timestamp();
        let pruned = sqlx::query(sql::PRUNE_SESSIONS)
            .bind(now)
            .execute(&self.writer)
            .await
            .map_err(StoreError::query("forget sessions that are over"))?;
        self.signed_out
            .write()
            .sessions
            .retain(|_, expires| *expires > now);
        Ok(pruned.rows_affected())
    }
}
