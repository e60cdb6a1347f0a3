//! What is known of one connection while it lasts, and what it is doing.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::address_count::Counted;
use crate::routing::Arrival;

/// Its place among the connections that the limits allow. It is given back when this is dropped.
pub(super) struct Place {
    pub(super) _of_address: Counted,
    pub(super) _of_all: OwnedSemaphorePermit,
}

/// One connection of an end client, after its handshake. It counts against the limits while anything of it is left,
/// be it a body on its way or a WebSocket.
pub(crate) struct Connection {
    /// TCP peer.
    pub(super) client: IpAddr,
    pub(super) arrival: Arrival,
    activity: Mutex<Activity>,
    _place: Place,
}

struct Activity {
    /// Requests so far.
    requests: u64,
    /// Those that are not answered to the end.
    under_way: usize,
    /// When `under_way` last became 0.
    idle_since: Instant,
}

impl Connection {
    pub(super) fn new(client: IpAddr, arrival: Arrival, place: Place) -> Arc<Connection> {
        let activity = Activity {
            requests: 0,
            under_way: 0,
            idle_since: Instant::now(),
        };
        Arc::new(Connection {
            client,
            arrival,
            activity: Mutex::new(activity),
            _place: place,
        })
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has come, or a WebSocket begins.
    pub(super) fn begin(self: &Arc<Connection>) -> UnderWay {
        let mut activity = self.activity();
        activity.requests = activity.requests.wrapping_add(1);
        activity.under_way += 1;
        UnderWay(self.clone())
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.activity().requests
    }

    pub(super) fn is_busy(&self) -> bool {
        self.activity().under_way > 0
    }

    /// Ends when nothing has been under way for a whole `span`.
    pub(super) async fn idle(&self, span: Duration) {
        loop {
            let now = Instant::now();
            let due = {
                let activity = self.activity();
                match activity.under_way {
                    0 => activity.idle_since + span,
                    _ => now + span,
                }
            };
            if due <= now {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

/// Something that its connection is doing; dropped when that has ended.
pub(crate) struct UnderWay(Arc<Connection>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut activity = self.0.activity();
        activity.under_way = activity.under_way.saturating_sub(1);
        if activity.under_way == 0 {
            activity.idle_since = Instant::now();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::address_count::AddressCount;
    use super::*;

    pub(in super::super) fn connection() -> Arc<Connection> {
        let client: IpAddr = "192.0.2.1".parse().unwrap();
        let arrival = Arrival {
            server_name: "app.contoso.test".to_owned(),
            outside_port: 443,
        };
        let place = Place {
            _of_address: AddressCount::new(1).enter(client).unwrap(),
            _of_all: super::super::slots(1).try_acquire_owned().unwrap(),
        };
        Connection::new(client, arrival, place)
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_idle_when_nothing_has_been_under_way_for_the_whole_span() {
        let connection = connection();
        let span = Duration::from_secs(60);
        let long = connection.begin();
        let start = Instant::now();
        let (ended, ()) = tokio::join!(
            async {
                connection.idle(span).await;
                start.elapsed()
            },
            async {
                tokio::time::sleep(Duration::from_secs(100)).await;
                let short = connection.begin();
                drop(long);
                assert!(connection.is_busy());
                tokio::time::sleep(Duration::from_secs(10)).await;
                drop(short);
                assert!(!connection.is_busy());
            }
        );
        assert_eq!(ended.as_secs(), 170);
        assert_eq!(connection.requests(), 2);
    }
}
