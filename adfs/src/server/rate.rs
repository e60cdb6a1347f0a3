//! How many sign-in attempts an address may make (spec security 3.5: 10 a minute with bursts of 20, and 60 a minute
//! for its /24 or /64).
//!
//! Loopback is exempt: behind a local reverse proxy that is not a trusted one everybody would share that address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

const PER_ADDRESS: (u32, u32) = (10, 20);
const PER_NETWORK: (u32, u32) = (60, 60);
/// Above this many remembered addresses the idle ones are forgotten.
const REMEMBERED: usize = 100_000;

/// Counters of this process.
#[derive(Debug)]
pub struct SignInRate {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    networks: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl Default for SignInRate {
    fn default() -> SignInRate {
        SignInRate {
            addresses: RateLimiter::keyed(quota(PER_ADDRESS)),
            networks: RateLimiter::keyed(quota(PER_NETWORK)),
            clock: DefaultClock::default(),
        }
    }
}

impl SignInRate {
    /// Counts one attempt.
    ///
    /// # Errors
    /// The seconds to wait when there were too many.
    pub fn attempt(&self, address: IpAddr) -> Result<(), u64> {
        let address = address.to_canonical();
        if address.is_loopback() {
            return Ok(());
        }
        if self.addresses.len() > REMEMBERED {
            self.addresses.retain_recent();
            self.networks.retain_recent();
        }
        let wait = |until: &governor::NotUntil<_>| {
            until
                .wait_time_from(self.clock.now())
                .as_secs()
                .saturating_add(1)
        };
        self.addresses
            .check_key(&address)
            .map_err(|until| wait(&until))?;
        self.networks
            .check_key(&network(address))
            .map_err(|until| wait(&until))
    }
}

fn quota((per_minute, burst): (u32, u32)) -> Quota {
    let one = NonZeroU32::MIN;
    Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(one))
        .allow_burst(NonZeroU32::new(burst).unwrap_or(one))
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & !0xff).into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_stopped_after_its_burst_and_others_are_not() {
        let rate = SignInRate::default();
        let one = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..20 {
            assert_eq!(rate.attempt(one), Ok(()));
        }
        assert!(
            rate.attempt(one)
                .is_err_and(|seconds| (1..=7).contains(&seconds))
        );
        assert_eq!(rate.attempt(IpAddr::from([198, 51, 100, 1])), Ok(()));
    }

    #[test]
    fn a_network_is_stopped_however_many_addresses_it_has() {
        let rate = SignInRate::default();
        let refused = (0..=255)
            .filter(|last| rate.attempt(IpAddr::from([203, 0, 113, *last])).is_err())
            .count();
        assert!(refused >= 190, "{refused}");
        assert_eq!(
            network("2001:db8::1:2:3:4".parse::<IpAddr>().unwrap()),
            "2001:db8::".parse::<IpAddr>().unwrap()
        );
    }

    #[test]
    fn loopback_is_exempt() {
        let rate = SignInRate::default();
        assert!((0..100).all(|_| rate.attempt(IpAddr::from([127, 0, 0, 1])).is_ok()));
    }
}
