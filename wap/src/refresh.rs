//! Looking at once at what is otherwise looked at now and then, or never.

use std::sync::Arc;

use arc_swap::ArcSwap;
use openssl::ssl::SslAcceptor;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::HostCertificate;
use crate::front;

/// Asks a running proxy to read its certificate files again, and to look for a new configuration and new applications
/// without waiting for the poll interval. `wap serve` does so on SIGHUP.
#[derive(Debug, Clone)]
pub struct Refresh(watch::Sender<()>);

impl Refresh {
    pub(crate) fn new() -> Refresh {
        Refresh(watch::Sender::new(()))
    }

    /// Asks. What cannot be read then is logged, and what was in force stays.
    pub fn ask(&self) {
        self.0.send_replace(());
    }

    /// Changes whenever somebody asks from now on.
    pub(crate) fn asked(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

/// Replaces the listeners' certificates whenever that is `asked`. Connections that are open keep theirs.
pub(crate) async fn certificates(
    files: Vec<HostCertificate>,
    acceptor: Arc<ArcSwap<SslAcceptor>>,
    mut asked: watch::Receiver<()>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = asked.changed() => if changed.is_err() {
                return;
            },
        }
        match front::acceptor(&files) {
            Ok(fresh) => {
                acceptor.store(Arc::new(fresh));
                tracing::info!("the certificate files were read again and are in force");
            }
            Err(error) => tracing::warn!("the certificates in force stay: {error}"),
        }
    }
}
