//! Whether a server is worth asking.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Rest after the first failure; it doubles with each further one.
const FIRST_REST: Duration = Duration::from_millis(500);
/// Longest rest, so that a server that comes back is used again within a moment.
const LONGEST_REST: Duration = Duration::from_secs(2);
/// After a refused service account the rest is longer, lest the directory lock that account.
const REST_OF_SERVICE_ACCOUNT: Duration = Duration::from_secs(30);

/// The memory of failures of one server. Reading it takes no lock.
#[derive(Debug)]
pub(super) struct Health {
    start: Instant,
    failures: AtomicU32,
    /// Milliseconds since `start` until which it rests.
    rests_until: AtomicU64,
}

/// What to do with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    /// It answered the last time.
    Use,
    /// It failed, and has rested; the one who hears this may try it, for all.
    Try,
    /// It failed moments ago, or somebody is trying it.
    Leave,
}

impl Health {
    pub(super) fn new(start: Instant) -> Health {
        Health {
            start,
            failures: AtomicU32::new(0),
            rests_until: AtomicU64::new(0),
        }
    }

    /// Advice for one request. `trial` is how long a trial may take, in which nobody else begins one.
    pub(super) fn advice(&self, now: Instant, trial: Duration) -> Advice {
        if self.failures.load(Ordering::Relaxed) == 0 {
            return Advice::Use;
        }
        let now = self.milliseconds(now);
        let until = self.rests_until.load(Ordering::Relaxed);
        if now < until {
            return Advice::Leave;
        }
        let next = now.saturating_add(as_milliseconds(trial));
        match self
            .rests_until
            .compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed)
        {
            Ok(_) => Advice::Try,
            Err(_) => Advice::Leave,
        }
    }

    pub(super) fn succeeded(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, now: Instant) {
        let before = self.failures.fetch_add(1, Ordering::Relaxed).min(8);
        self.rest(now, (FIRST_REST * (1 << before)).min(LONGEST_REST));
    }

    pub(super) fn refused_service_account(&self, now: Instant) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.rest(now, REST_OF_SERVICE_ACCOUNT);
    }

    fn rest(&self, now: Instant, rest: Duration) {
        self.rests_until.store(
            self.milliseconds(now).saturating_add(as_milliseconds(rest)),
            Ordering::Relaxed,
        );
    }

    fn milliseconds(&self, now: Instant) -> u64 {
        as_milliseconds(now.saturating_duration_since(self.start))
    }
}

fn as_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIAL: Duration = Duration::from_secs(7);

    #[test]
    fn a_failed_server_is_tried_by_one_request_after_a_rest() {
        let start = Instant::now();
        let health = Health::new(start);
        assert_eq!(health.advice(start, TRIAL), Advice::Use);
        health.failed(start);
        assert_eq!(health.advice(start, TRIAL), Advice::Leave);
        let rested = start + FIRST_REST;
        assert_eq!(health.advice(rested, TRIAL), Advice::Try);
        assert_eq!(health.advice(rested, TRIAL), Advice::Leave);
        health.succeeded();
        assert_eq!(health.advice(rested, TRIAL), Advice::Use);
    }

    #[test]
    fn rests_grow_to_a_limit_and_a_trial_that_never_ends_is_followed_by_another() {
        let start = Instant::now();
        let health = Health::new(start);
        for _ in 0..40 {
            health.failed(start);
        }
        let rested = start + LONGEST_REST;
        assert_eq!(
            health.advice(rested - Duration::from_millis(1), TRIAL),
            Advice::Leave
        );
        assert_eq!(health.advice(rested, TRIAL), Advice::Try);
        assert_eq!(health.advice(rested + TRIAL, TRIAL), Advice::Try);
    }

    #[test]
    fn a_refused_service_account_is_not_tried_again_at_once() {
        let start = Instant::now();
        let health = Health::new(start);
        health.refused_service_account(start);
        assert_eq!(health.advice(start + LONGEST_REST, TRIAL), Advice::Leave);
        assert_eq!(
            health.advice(start + REST_OF_SERVICE_ACCOUNT, TRIAL),
            Advice::Try
        );
    }
}
