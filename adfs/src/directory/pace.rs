//! Makes all refusals take the same time, so that it does not tell whether a name exists (spec security PWD-8).
//!
//! An unknown user costs the same operations as a known one, but servers and parsers are a little faster when there is
//! nobody: a hash that is not computed, an entry that is not sent. What is left of the difference is waited for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Nobody waits longer than this, however slow the directory is.
const LONGEST: Duration = Duration::from_secs(1);
/// Each known account's sign-in takes this part off the remembered time: a slow minute is forgotten after some hundred.
const FORGET: u64 = 64;
/// Added to the remembered time: few known accounts take longer than it and this.
const MARGIN: u64 = 4;

/// How long a search and a bind for a known account take, in microseconds: the longest of late. Unknown users do not
/// count, or a series of them would make themselves known by it.
#[derive(Debug, Default)]
pub(super) struct Pace(AtomicU64);

impl Pace {
    /// Remembers what a known account took, whether its password was right or wrong.
    pub(super) fn learn(&self, took: Duration) {
        let took = microseconds(took);
        // Two that learn at once may lose one of their values, which does no harm.
        let known = self.0.load(Ordering::Relaxed);
        self.0
            .store(took.max(known - known / FORGET), Ordering::Relaxed);
    }

    /// How long a refusal takes from its start.
    fn refusal(&self) -> Duration {
        let known = self.0.load(Ordering::Relaxed);
        Duration::from_micros(known + known / MARGIN)
    }

    /// Waits until a refusal of a request that began at `start` may be given.
    pub(super) async fn wait(&self, start: Instant) {
        tokio::time::sleep_until((start + self.refusal()).into()).await;
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.min(LONGEST).as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_take_as_long_as_the_slowest_known_account_of_late() {
        let pace = Pace::default();
        assert_eq!(pace.refusal(), Duration::ZERO);
        pace.learn(Duration::from_millis(64));
        assert_eq!(pace.refusal(), Duration::from_millis(80));
        pace.learn(Duration::from_millis(8));
        assert!(pace.refusal() > Duration::from_millis(75));
        for _ in 0..400 {
            pace.learn(Duration::from_millis(8));
        }
        assert_eq!(pace.refusal(), Duration::from_millis(10));
        pace.learn(Duration::from_secs(60));
        assert_eq!(pace.refusal(), LONGEST + LONGEST / 4);
    }
}
