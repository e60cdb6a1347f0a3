//! Who is a trusted proxy, answered from memory at every request.
//!
//! The answer is a snapshot of the store. It is taken anew after each change made here and, because another node or the
//! command line may have made one, whenever the store's count of changes has moved; that is asked once a second. A
//! revocation thus holds within seconds on connections that are open (spec security PIP-3 and PIP-4).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use openssl::sha::sha256;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::attempts::FailedAttempts;
use crate::store::{ProxyCertificate, Store, StoreError};

const POLL: Duration = Duration::from_secs(1);
const POLL_TIMEOUT: Duration = Duration::from_secs(2);
/// A node that cannot learn of revocations for this long trusts no proxy any more (spec security PIP-4).
const BLIND_LIMIT: Duration = Duration::from_secs(5);

/// A proxy whose certificate was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxy {
    /// The same for every certificate of one proxy.
    pub id: Uuid,
    /// Machine name that it gave when it was let in.
    pub name: String,
    /// SHA-256 of the DER of the certificate that it presented.
    pub sha256: [u8; 32],
    not_before: OffsetDateTime,
    expires: OffsetDateTime,
}

type Snapshot = HashMap<[u8; 32], TrustedProxy>;

/// The trusted proxies, kept equal to the store for as long as this value lives.
#[derive(Debug)]
pub struct ProxyTrusts {
    shared: Arc<Shared>,
    pub(super) attempts: FailedAttempts,
    _watcher: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    snapshot: ArcSwap<Snapshot>,
    /// The store's count of changes that the snapshot shows; none when it shows nothing. Held while a snapshot is
    /// taken, so that an older one never replaces a newer one.
    revision: Mutex<Option<i64>>,
}

impl ProxyTrusts {
    /// Reads the trusts and starts to follow their changes.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn load(store: &Store) -> Result<ProxyTrusts, StoreError> {
        ProxyTrusts::follow(store, POLL, BLIND_LIMIT).await
    }

    async fn follow(
        store: &Store,
        every: Duration,
        blind_limit: Duration,
    ) -> Result<ProxyTrusts, StoreError> {
        let shared = Arc::new(Shared::default());
        shared.refresh(store).await?;
        let watcher = tokio::spawn(watch(
            Arc::clone(&shared),
            store.clone(),
            every,
            blind_limit,
        ));
        Ok(ProxyTrusts {
            shared,
            attempts: FailedAttempts::default(),
            _watcher: AbortOnDropHandle::new(watcher),
        })
    }

    /// Takes a new snapshot; what was committed to the store before this call is in force when it returns.
    ///
    /// # Errors
    /// When the store does not answer; the old snapshot stays then.
    pub async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        self.shared.refresh(store).await
    }

    /// The proxy that this certificate (DER) belongs to, if it is trusted at `now`. Whoever presents it must have
    /// proved its key, as TLS does.
    pub fn recognise(&self, der: &[u8], now: OffsetDateTime) -> Option<TrustedProxy> {
        let snapshot = self.shared.snapshot.load();
        let proxy = snapshot.get(&sha256(der))?;
        (proxy.not_before <= now && now < proxy.expires).then(|| proxy.clone())
    }
}

impl Shared {
    async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        let mut revision = self.revision.lock().await;
        // Read first: a change between the two reads is then seen again instead of missed.
        let current = store.proxy_certificates_revision().await?;
        let certificates = store.proxy_certificates().await?;
        let unrevoked = certificates
            .into_iter()
            .filter(|certificate| certificate.revoked.is_none());
        self.show(
            unrevoked
                .map(|certificate| (certificate.sha256, trusted(certificate)))
                .collect(),
        );
        *revision = Some(current);
        Ok(())
    }

    async fn follow(&self, store: &Store) -> Result<(), StoreError> {
        let current = store.proxy_certificates_revision().await?;
        if *self.revision.lock().await != Some(current) {
            self.refresh(store).await?;
        }
        Ok(())
    }

    async fn trust_nobody(&self) {
        let mut revision = self.revision.lock().await;
        self.show(Snapshot::new());
        *revision = None;
    }

    fn show(&self, snapshot: Snapshot) {
        let before = self.snapshot.swap(Arc::new(snapshot));
        let now = self.snapshot.load();
        for (sha256, proxy) in before
            .iter()
            .filter(|(sha256, _)| !now.contains_key(*sha256))
        {
            tracing::info!(proxy = %proxy.name, sha256 = %super::hex(sha256), "a proxy certificate is no longer trusted");
        }
    }
}

fn trusted(certificate: ProxyCertificate) -> TrustedProxy {
    TrustedProxy {
        id: certificate.proxy,
        name: certificate.name,
        sha256: certificate.sha256,
        not_before: certificate.not_before,
        expires: certificate.expires,
    }
}

async fn watch(shared: Arc<Shared>, store: Store, every: Duration, blind_limit: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut blind_since: Option<Instant> = None;
    let mut blind = false;
    loop {
        ticks.tick().await;
        let error = match timeout(POLL_TIMEOUT, shared.follow(&store)).await {
            Ok(Ok(())) => {
                if blind {
                    tracing::info!("the store answers again; proxies are trusted again");
                }
                (blind_since, blind) = (None, false);
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the store does not answer in time".to_owned(),
        };
        let since = *blind_since.get_or_insert_with(Instant::now);
        if !blind && since.elapsed() >= blind_limit {
            blind = true;
            shared.trust_nobody().await;
            tracing::error!(%error, "changes of proxy trusts cannot be seen; no proxy is trusted until they can");
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::store::NewProxyCertificate;

    const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
    const DER: &[u8] = b"a certificate";
    const EVERY: Duration = Duration::from_millis(5);

    fn certificate() -> NewProxyCertificate {
        NewProxyCertificate {
            der: DER.to_vec(),
            sha256: sha256(DER),
            sha1: [1; 20],
            public_key_sha256: [2; 32],
            name: "wap01".to_owned(),
            not_before: START,
            expires: START + time::Duration::days(15),
        }
    }

    /// Waits until `condition` holds; the test's own time limit ends a wait that is in vain.
    async fn until(condition: impl Fn() -> bool) {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    #[tokio::test]
    async fn a_certificate_is_recognised_within_its_time_and_not_outside_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.db")).await.unwrap();
        store
            .establish_proxy_trust(&certificate(), "admin", START)
            .await
            .unwrap();
        let trusts = ProxyTrusts::load(&store).await.unwrap();
        assert_eq!(trusts.recognise(DER, START).unwrap().name, "wap01");
        for (der, now) in [
            (DER, START - time::Duration::SECOND),
            (DER, START + time::Duration::days(15)),
            (b"another certificate".as_slice(), START),
            (b"".as_slice(), START),
        ] {
            assert_eq!(trusts.recognise(der, now), None, "{now}");
        }
    }

    #[tokio::test]
    async fn a_change_made_by_another_process_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = Store::open(&path).await.unwrap();
        let trusts = ProxyTrusts::follow(&store, EVERY, BLIND_LIMIT)
            .await
            .unwrap();
        let elsewhere = Store::open_existing(&path).await.unwrap();
        elsewhere
            .establish_proxy_trust(&certificate(), "admin", START)
            .await
            .unwrap();
        until(|| trusts.recognise(DER, START).is_some()).await;
        assert_eq!(elsewhere.revoke_every_proxy(START).await.unwrap(), 1);
        until(|| trusts.recognise(DER, START).is_none()).await;
    }

    #[tokio::test]
    async fn when_the_store_is_gone_nobody_is_trusted_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.db")).await.unwrap();
        store
            .establish_proxy_trust(&certificate(), "admin", START)
            .await
            .unwrap();
        let limit = Duration::from_millis(300);
        let trusts = ProxyTrusts::follow(&store, EVERY, limit).await.unwrap();
        let began = Instant::now();
        store.close().await;
        until(|| trusts.recognise(DER, START).is_none()).await;
        assert!(
            began.elapsed() >= limit,
            "a short failure is no reason to refuse proxies"
        );
    }
}
