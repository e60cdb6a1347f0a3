//! Sessions that were ended before their time (spec security SES-4 and SES-8): one by one when they are signed out, and
//! all of a person or of everybody that began before a moment.
//!
//! Every use of a session asks, so the answer comes from a copy in memory. The copy has this process's own notes at
//! once and those of others within [`MAX_AGE`]; when it cannot be brought up to date there is no answer.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use sqlx::SqlitePool;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{Store, StoreError, sql};
use crate::config::MAX_SESSION_LIFETIME;

/// How old the copy may be when it is asked.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Whose sessions a cut-off ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionsOf {
    /// Everybody's.
    Everybody,
    /// One person's: the digest of the subject of a session.
    Subject([u8; 32]),
}

impl SessionsOf {
    fn octets(&self) -> &[u8] {
        match self {
            SessionsOf::Everybody => &[],
            SessionsOf::Subject(digest) => digest,
        }
    }

    fn from_octets(octets: &[u8]) -> Option<SessionsOf> {
        match octets {
            [] => Some(SessionsOf::Everybody),
            _ => octets.try_into().ok().map(SessionsOf::Subject),
        }
    }
}

/// The copy.
#[derive(Debug, Default)]
pub(super) struct EndedSessions {
    copy: RwLock<Snapshot>,
    /// Held while the store is asked for news; what is in the copy.
    last: Mutex<Sequences>,
}

/// Sequence numbers of the last notes.
#[derive(Debug, Default)]
struct Sequences {
    signed_out: i64,
    cutoff: i64,
}

#[derive(Debug, Default)]
struct Snapshot {
    /// Ends of the notes, in Unix seconds.
    signed_out: HashMap<Uuid, i64>,
    /// Sessions that began before are over; Unix milliseconds.
    cutoffs: HashMap<SessionsOf, i64>,
    /// When the store was last asked.
    taken: Option<Instant>,
}

impl Snapshot {
    fn is_current(&self) -> bool {
        self.taken.is_some_and(|taken| taken.elapsed() < MAX_AGE)
    }

    fn has_ended(&self, session: Uuid, subject: &[u8; 32], begun: i64) -> bool {
        let is_cut_off = |whose: SessionsOf| {
            self.cutoffs
                .get(&whose)
                .is_some_and(|before| begun < *before)
        };
        self.signed_out.contains_key(&session)
            || is_cut_off(SessionsOf::Everybody)
            || is_cut_off(SessionsOf::Subject(*subject))
    }

    /// An earlier cut-off never takes the place of a later one.
    fn cut_off(&mut self, whose: SessionsOf, before: i64) {
        let latest = self.cutoffs.entry(whose).or_insert(before);
        *latest = before.max(*latest);
    }
}

impl EndedSessions {
    fn read(&self) -> RwLockReadGuard<'_, Snapshot> {
        self.copy.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Snapshot> {
        self.copy.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what others ended into the copy, unless somebody has just done so.
    pub(super) async fn follow(&self, readers: &SqlitePool) -> Result<(), StoreError> {
        let mut last = self.last.lock().await;
        if self.read().is_current() {
            return Ok(());
        }
        // From before the question: what is committed while it is asked may be missing from the answer.
        let asked = Instant::now();
        let signed_out: Vec<(i64, Vec<u8>, i64)> = sqlx::query_as(sql::SIGNED_OUT_SESSIONS_AFTER)
            .bind(last.signed_out)
            .fetch_all(readers)
            .await
            .map_err(StoreError::query("see which sessions were signed out"))?;
        let cutoffs: Vec<(i64, Vec<u8>, i64)> = sqlx::query_as(sql::SESSION_CUTOFFS_AFTER)
            .bind(last.cutoff)
            .fetch_all(readers)
            .await
            .map_err(StoreError::query("see which sessions were revoked"))?;
        let mut copy = self.write();
        for (sequence, id, expires) in signed_out {
            let id = Uuid::from_slice(&id).map_err(|_| StoreError::Damaged {
                what: "the id of a session",
            })?;
            copy.signed_out.insert(id, expires);
            last.signed_out = sequence;
        }
        for (sequence, subject, before) in cutoffs {
            let whose = SessionsOf::from_octets(&subject).ok_or(StoreError::Damaged {
                what: "whose sessions were revoked",
            })?;
            copy.cut_off(whose, before);
            last.cutoff = sequence;
        }
        copy.taken = Some(asked);
        Ok(())
    }
}

impl Store {
    /// Whether a session was ended: signed out, or of a person (digest of its subject) whose sessions of that time were
    /// revoked.
    ///
    /// # Errors
    /// When the store does not answer. Callers must then take the session for ended.
    pub async fn is_over(
        &self,
        session: Uuid,
        subject: &[u8; 32],
        begun: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        // Rounded down, and cut-offs up: a session of the very moment is over.
        let begun = unix_milliseconds(begun);
        {
            let copy = self.ended.read();
            if copy.has_ended(session, subject, begun) {
                return Ok(true);
            }
            if copy.is_current() {
                return Ok(false);
            }
        }
        self.ended.follow(&self.readers).await?;
        Ok(self.ended.read().has_ended(session, subject, begun))
    }

    /// Whether this very session was signed out.
    ///
    /// # Errors
    /// When the store does not answer. Callers must then take the session for signed out.
    pub async fn is_signed_out(&self, session: Uuid) -> Result<bool, StoreError> {
        {
            let copy = self.ended.read();
            if copy.signed_out.contains_key(&session) {
                return Ok(true);
            }
            if copy.is_current() {
                return Ok(false);
            }
        }
        self.ended.follow(&self.readers).await?;
        Ok(self.ended.read().signed_out.contains_key(&session))
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
        let mut copy = self.ended.write();
        let end = copy.signed_out.entry(session).or_insert(expires);
        *end = expires.max(*end);
        Ok(())
    }

    /// Ends every session of `whose` that began before `before`, on all nodes within a second.
    ///
    /// # Errors
    /// When the store does not answer; the sessions then go on.
    pub async fn revoke_sessions(
        &self,
        whose: SessionsOf,
        before: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let before = unix_milliseconds(before).saturating_add(1);
        sqlx::query(sql::CUT_OFF_SESSIONS)
            .bind(whose.octets())
            .bind(before)
            .execute(&self.writer)
            .await
            .map_err(StoreError::query("revoke sessions"))?;
        self.ended.write().cut_off(whose, before);
        Ok(())
    }

    pub(super) async fn prune_sessions(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        // No session that began before this still lives.
        let over = unix_milliseconds(now.saturating_sub(MAX_SESSION_LIFETIME));
        let now = now.unix_timestamp();
        let forget = || StoreError::query("forget sessions that are over");
        let signed_out = sqlx::query(sql::PRUNE_SESSIONS)
            .bind(now)
            .execute(&self.writer)
            .await
            .map_err(forget())?;
        let cutoffs = sqlx::query(sql::PRUNE_SESSION_CUTOFFS)
            .bind(over)
            .execute(&self.writer)
            .await
            .map_err(forget())?;
        let mut copy = self.ended.write();
        copy.signed_out.retain(|_, expires| *expires > now);
        copy.cutoffs.retain(|_, before| *before > over);
        Ok(signed_out
            .rows_affected()
            .saturating_add(cutoffs.rows_affected()))
    }
}

fn unix_milliseconds(moment: OffsetDateTime) -> i64 {
    let milliseconds = moment.unix_timestamp_nanos().div_euclid(1_000_000);
    i64::try_from(milliseconds).unwrap_or(i64::MAX)
}
