//! A document of a partner that is kept for a while, and fetched by one request at a time.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

/// How long it is used without asking.
const FRESH: Duration = Duration::hours(1);
/// How long it is used when the partner does not answer.
const USABLE: Duration = Duration::hours(24);
/// Least time between two fetches: whoever sends tokens with made-up key ids must not make us ask at every one.
const PAUSE: Duration = Duration::minutes(1);
/// The same while there is nothing to use.
const FIRST_PAUSE: Duration = Duration::seconds(5);

/// The document.
#[derive(Debug)]
pub(super) struct Cached<T> {
    slot: Mutex<Slot<T>>,
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<(Arc<T>, OffsetDateTime)>,
    tried: Option<OffsetDateTime>,
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// What is kept, if it is fresh.
    Kept,
    /// A newer one than is kept, unless that was fetched just now.
    Newer,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Cached {
            slot: Mutex::new(Slot {
                value: None,
                tried: None,
            }),
        }
    }
}

impl<T> Cached<T> {
    /// The document. When it cannot be fetched, the one before serves for a day; without one, `recovering` is the error
    /// until it may be tried again.
    pub(super) async fn get<E: std::fmt::Display>(
        &self,
        now: OffsetDateTime,
        wanted: Wanted,
        recovering: E,
        fetch: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let mut slot = self.slot.lock().await;
        let usable = slot
            .value
            .as_ref()
            .filter(|(_, fetched)| now - *fetched < USABLE)
            .map(|(value, fetched)| (Arc::clone(value), now - *fetched < FRESH));
        if let Some((value, true)) = &usable
            && wanted == Wanted::Kept
        {
            return Ok(Arc::clone(value));
        }
        let pause = if usable.is_some() { PAUSE } else { FIRST_PAUSE };
        if slot.tried.is_some_and(|tried| now - tried < pause) {
            return usable.map(|(value, _)| value).ok_or(recovering);
        }
        slot.tried = Some(now);
        match (fetch().await, usable) {
            (Ok(value), _) => {
                let value = Arc::new(value);
                slot.value = Some((Arc::clone(&value), now));
                Ok(value)
            }
            (Err(error), Some((value, _))) => {
                tracing::warn!(%error, "a claims provider's document cannot be renewed; the one before is used");
                Ok(value)
            }
            (Err(error), None) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

    async fn ask(
        cached: &Cached<u8>,
        after: Duration,
        wanted: Wanted,
        answer: Result<u8, &'static str>,
    ) -> (Result<u8, &'static str>, bool) {
        let mut asked = false;
        let got = cached
            .get(START + after, wanted, "recovering", async || {
                asked = true;
                answer
            })
            .await;
        (got.map(|value| *value), asked)
    }

    #[tokio::test]
    async fn documents_are_fetched_when_they_are_old_or_lack_something_and_not_more_often() {
        use Wanted::{Kept, Newer};
        let cached = Cached::default();
        let seconds = Duration::seconds;
        for (after, wanted, answer, outcome) in [
            (seconds(0), Kept, Err("down"), (Err("down"), true)),
            (seconds(4), Kept, Ok(1), (Err("recovering"), false)),
            (seconds(5), Kept, Ok(1), (Ok(1), true)),
            (seconds(6), Kept, Ok(2), (Ok(1), false)),
            (seconds(6), Newer, Ok(2), (Ok(1), false)),
            (seconds(65), Newer, Ok(2), (Ok(2), true)),
            (seconds(66), Newer, Ok(3), (Ok(2), false)),
            (seconds(3664), Kept, Ok(3), (Ok(2), false)),
            (seconds(3665), Kept, Err("down"), (Ok(2), true)),
            (seconds(3666), Kept, Ok(3), (Ok(2), false)),
            (seconds(3725), Kept, Ok(3), (Ok(3), true)),
            (Duration::days(2), Kept, Err("down"), (Err("down"), true)),
        ] {
            assert_eq!(
                ask(&cached, after, wanted, answer).await,
                outcome,
                "{after}"
            );
        }
    }
}
