//! Failed attempts to establish a trust: five a minute for an address (spec security 3.5). Successes do not count, so
//! a farm of proxies behind one address can be installed at once.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

const ALLOWED: u32 = 5;
const WINDOW: Duration = Duration::MINUTE;
/// Addresses that are remembered; beyond it new ones have to wait until others are forgotten.
const REMEMBERED: usize = 10_000;

/// How often at most the whole memory is looked through for addresses to forget.
const SWEEP_EVERY: Duration = Duration::SECOND;

/// Counts of this process.
#[derive(Debug, Default)]
pub(super) struct FailedAttempts(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    windows: HashMap<IpAddr, Window>,
    swept: Option<OffsetDateTime>,
}

impl Counts {
    /// Whether one more address can be remembered. When the memory is full it is swept, but not for every one of a
    /// flood of addresses.
    fn has_room(&mut self, now: OffsetDateTime) -> bool {
        let due = self
            .swept
            .is_none_or(|swept| now < swept || now - swept >= SWEEP_EVERY);
        if self.windows.len() >= REMEMBERED && due {
            self.windows.retain(|_, window| !window.is_over(now));
            self.swept = Some(now);
        }
        self.windows.len() < REMEMBERED
    }
}

#[derive(Debug, Clone, Copy)]
struct Window {
    since: OffsetDateTime,
    failures: u32,
}

impl Window {
    fn is_over(&self, now: OffsetDateTime) -> bool {
        // A clock that was set back begins anew instead of locking an address for that long.
        now < self.since || now - self.since >= WINDOW
    }
}

impl FailedAttempts {
    /// Counts an attempt as failed, before it is made, so that many at once are no way around the limit.
    ///
    /// # Errors
    /// The seconds to wait when there were too many.
    pub(super) fn begin(&self, address: IpAddr, now: OffsetDateTime) -> Result<(), u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let address = counted(address);
        if !counts.windows.contains_key(&address) && !counts.has_room(now) {
            return Err(WINDOW.whole_seconds().unsigned_abs());
        }
        let window = counts.windows.entry(address).or_insert(Window {
            since: now,
            failures: 0,
        });
        if window.is_over(now) {
            *window = Window {
                since: now,
                failures: 0,
            };
        }
        if window.failures >= ALLOWED {
            let left = window.since + WINDOW - now;
            return Err(left.whole_seconds().unsigned_abs().saturating_add(1));
        }
        window.failures = window.failures.saturating_add(1);
        Ok(())
    }

    /// The attempt that was begun did not fail.
    pub(super) fn succeeded(&self, address: IpAddr) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = counts.windows.get_mut(&counted(address)) {
            window.failures = window.failures.saturating_sub(1);
        }
    }
}

/// Whoever has one address of version 6 has its whole /64.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn the_sixth_failure_within_a_minute_is_stopped_and_the_next_minute_begins_anew() {
        let attempts = FailedAttempts::default();
        for second in 0..5 {
            assert_eq!(
                attempts.begin(ADDRESS, START + Duration::seconds(second)),
                Ok(())
            );
        }
        assert_eq!(
            attempts.begin(ADDRESS, START + Duration::seconds(20)),
            Err(41)
        );
        assert_eq!(attempts.begin("192.0.2.2".parse().unwrap(), START), Ok(()));
        assert_eq!(attempts.begin(ADDRESS, START + WINDOW), Ok(()));
    }

    #[test]
    fn successes_do_not_count() {
        let attempts = FailedAttempts::default();
        for _ in 0..100 {
            assert_eq!(attempts.begin(ADDRESS, START), Ok(()));
            attempts.succeeded(ADDRESS);
        }
    }

    #[test]
    fn a_flood_of_addresses_does_not_fill_the_memory() {
        let attempts = FailedAttempts::default();
        let address = |number: u32| IpAddr::from(std::net::Ipv4Addr::from_bits(number));
        let accepted = (0..20_000)
            .filter(|number| attempts.begin(address(*number), START).is_ok())
            .count();
        assert_eq!(accepted, REMEMBERED);
        assert_eq!(
            attempts.begin(address(1), START),
            Ok(()),
            "an address that is remembered goes on"
        );
        assert_eq!(attempts.begin(address(30_000), START + WINDOW), Ok(()));
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let attempts = FailedAttempts::default();
        let stopped = (0..10).filter(|host| {
            let address = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, *host]);
            attempts.begin(address, START).is_err()
        });
        assert_eq!(stopped.count(), 5);
    }
}
