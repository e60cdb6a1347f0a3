//! How many connections each address has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts, and refuses above a limit. Clones count together.
#[derive(Clone)]
pub(crate) struct AddressCount {
    limit: usize,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One counted connection.
pub(super) struct Counted {
    of: AddressCount,
    key: IpAddr,
}

impl AddressCount {
    pub(super) fn new(limit: usize) -> AddressCount {
        AddressCount {
            limit,
            counts: Arc::default(),
        }
    }

    pub(super) fn enter(&self, address: IpAddr) -> Option<Counted> {
        let key = key(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Counted {
            of: self.clone(),
            key,
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self
            .of
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

/// One IPv6 subscriber has a whole /64 of addresses.
fn key(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(
            address.to_bits() & !u128::from(u64::MAX),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_limit_and_gets_it_back() {
        let addresses = AddressCount::new(2);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let first = addresses.enter(one).unwrap();
        let second = addresses.enter(one).unwrap();
        assert!(addresses.enter(one).is_none());
        assert!(addresses.enter("192.0.2.2".parse().unwrap()).is_some());
        drop(first);
        let third = addresses.enter(one).unwrap();
        drop((second, third));
        assert!(addresses.counts.lock().unwrap().is_empty());
    }

    #[test]
    fn a_subscribers_ipv6_addresses_count_as_one() {
        let addresses = AddressCount::new(1);
        let _held = addresses.enter("2001:db8::1".parse().unwrap()).unwrap();
        assert!(
            addresses
                .enter("2001:db8::ffff:2".parse().unwrap())
                .is_none()
        );
        assert!(
            addresses
                .enter("2001:db8:0:1::1".parse().unwrap())
                .is_some()
        );
    }
}
