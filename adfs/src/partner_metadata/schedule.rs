//! When metadata are fetched again: regularly, later and later while that fails, and never all at one moment.

use time::{Duration, OffsetDateTime};

/// After the first failure.
const FIRST_RETRY: Duration = Duration::minutes(5);
/// Doublings of it that are counted.
const MAX_DOUBLINGS: u32 = 12;
/// Part of a pause that chance adds to it.
const SPREAD: i32 = 10;

/// The next time. `failures` is how many fetches in a row have failed, `chance` a random number.
pub(super) fn next(
    now: OffsetDateTime,
    interval: Duration,
    failures: u32,
    chance: u16,
) -> OffsetDateTime {
    let pause = match failures.checked_sub(1) {
        None => interval,
        Some(doublings) => {
            let factor = 1i32.checked_shl(doublings.min(MAX_DOUBLINGS)).unwrap_or(1);
            interval.min(FIRST_RETRY * factor)
        }
    };
    let spread = pause / SPREAD;
    let part = spread * f64::from(chance) / f64::from(u16::MAX);
    now.saturating_add(pause).saturating_add(part)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn failures_are_tried_again_soon_then_rarely_and_never_more_rarely_than_the_interval() {
        let now = datetime!(2026-11-25 12:00 UTC);
        let day = Duration::DAY;
        for (failures, minutes) in [
            (0, 1440),
            (1, 5),
            (2, 10),
            (3, 20),
            (8, 640),
            (9, 1280),
            (10, 1440),
            (u32::MAX, 1440),
        ] {
            let pause = Duration::minutes(minutes);
            assert_eq!(next(now, day, failures, 0), now + pause, "{failures}");
            let latest = next(now, day, failures, u16::MAX);
            assert_eq!(latest, now + pause + pause / 10, "{failures}");
        }
        assert_eq!(next(now, Duration::MINUTE, 5, 0), now + Duration::MINUTE);
    }
}
