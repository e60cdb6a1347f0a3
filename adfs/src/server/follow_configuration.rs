//! Takes a new configuration when a signal asks for it or the files on disk change. A broken one is refused and logged,
//! and the old one stays in force.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::listen::certificate_files;
use super::running::{self, Status};
use super::tls::TlsIdentity;
use crate::state::Federation;

const LOOK: Duration = Duration::from_secs(1);

/// The one place that takes configurations, one at a time.
pub(super) struct Reloader {
    federation: Arc<Federation>,
    identity: TlsIdentity,
    config: PathBuf,
    store: PathBuf,
    turn: Mutex<Option<File>>,
}

impl Reloader {
    /// For a server that has just taken the configuration at `config`, whose digest before that was `digest`.
    pub(super) async fn new(
        federation: Arc<Federation>,
        identity: TlsIdentity,
        config: &Path,
        digest: String,
    ) -> Reloader {
        let store = federation.configuration.load().store.path.clone();
        let reloader = Reloader {
            federation,
            identity,
            config: config.to_owned(),
            store,
            turn: Mutex::new(None),
        };
        let status = Status {
            digest,
            error: None,
        };
        let mut lock = reloader.turn.lock().await;
        reloader.tell(&mut lock, status).await;
        drop(lock);
        reloader
    }

    /// Takes the configuration on disk, if it serves.
    pub(super) async fn reload(&self) {
        let mut lock = self.turn.lock().await;
        let digest = self.digest().await;
        let error = self.take().await.err();
        match &error {
            None => tracing::info!("configuration reloaded"),
            Some(error) => {
                tracing::error!(%error, "the new configuration is refused; the old one stays in force")
            }
        }
        // What changed while it was read may be in force or not; the next look at the files finds out.
        if let Some(digest) = digest
            && self.digest().await.as_deref() == Some(&digest)
        {
            self.tell(&mut lock, Status { digest, error }).await;
        }
    }

    async fn take(&self) -> Result<(), String> {
        let taken = self.federation.reload().await;
        taken.map_err(|error| error.to_string())?;
        let files = certificate_files(&self.federation.configuration.load());
        let taken = self.identity.reload(&files);
        taken.map_err(|error| format!("{error}; the old certificate stays in use"))
    }

    async fn digest(&self) -> Option<String> {
        digest(&self.config).await
    }

    /// Tells commands, unless another server does so for the same store.
    async fn tell(&self, lock: &mut Option<File>, status: Status) {
        let store = self.store.clone();
        let held = lock.take();
        let told = spawn_blocking(move || {
            let held = match held {
                Some(held) => Some(held),
                None => running::lock(&store)?,
            };
            if held.is_some() {
                running::write_status(&store, &status)?;
            }
            std::io::Result::Ok(held)
        });
        match told.await {
            Ok(Ok(held)) => *lock = held,
            Ok(Err(error)) => {
                tracing::warn!(%error, "commands cannot be told which configuration is in force")
            }
            Err(error) => tracing::warn!(%error, "commands cannot be told of the configuration"),
        }
    }

    /// Looks at the files every second, for as long as the server runs.
    pub(super) async fn follow_files(&self, mut seen: Option<[u8; 32]>) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let now = fingerprint(&self.config).await;
            if now.is_some() && now != seen {
                seen = now;
                self.reload().await;
            }
        }
    }
}

/// Digest of the configuration on disk; `None` when it cannot be read at the moment.
pub(super) async fn digest(config: &Path) -> Option<String> {
    let config = config.to_owned();
    let digest = spawn_blocking(move || running::digest(&config));
    digest.await.ok()?.ok()
}

/// A value that changes with the files; `None` when they cannot be looked at at the moment.
pub(super) async fn fingerprint(config: &Path) -> Option<[u8; 32]> {
    let config = config.to_owned();
    let fingerprint = spawn_blocking(move || running::fingerprint(&config));
    fingerprint.await.ok()?.ok()
}
