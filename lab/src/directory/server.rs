//! The directory as a running server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use openssl::ssl::SslAcceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accounts::{Accounts, LogonState, resolve};
use super::connection::{ConnectionError, Limits, serve_clear, serve_tls};
use super::entry::{Entry, EntryId};
use super::fixtures::Fixtures;
use super::session::Directory;
use crate::clock::Clock;

/// The name of the domain controller that the server plays, without the domain.
const HOST: &str = "dc1";

/// How the directory is served.
pub struct Options {
    /// Where LDAP in clear (and StartTLS, when there is a certificate) listens. Loopback only; port 0 takes a free one.
    pub ldap: SocketAddr,
    /// Where LDAP over TLS listens, and its certificate and key.
    pub ldaps: Option<(SocketAddr, SslAcceptor)>,
    /// Refuse simple binds on connections without TLS, as domain controllers do that demand signing.
    pub bind_needs_tls: bool,
    /// Wrong passwords until an account is locked, in place of the domain's lockoutThreshold; 0 never locks.
    pub lockout_threshold: Option<u32>,
    /// End searches from the domain's root with a reference to another partition, as AD does.
    pub references: bool,
    /// How long each answer is held back: a far or slow directory. Zero by default.
    pub answer_delay: Duration,
    /// What one client may use.
    pub limits: Limits,
    /// The time by which accounts and passwords expire.
    pub clock: Clock,
}

impl Options {
    /// LDAP on one address, and everything else as AD has it.
    pub fn new(ldap: SocketAddr) -> Options {
        Options {
            ldap,
            ldaps: None,
            bind_needs_tls: false,
            lockout_threshold: None,
            references: true,
            answer_delay: Duration::ZERO,
            limits: Limits::default(),
            clock: Clock::system(),
        }
    }
}

/// Why the directory did not start.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The passwords of the lab are public, so that it must not be reached from other machines.
    #[error(
        "the lab's directory listens on loopback addresses only, not on {0}; use 127.0.0.1 or ::1"
    )]
    NotLoopback(SocketAddr),
    /// The address is taken or not there.
    #[error(
        "the lab's directory cannot listen on {address}: {source}; stop what uses it, or choose another port"
    )]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
}

/// A running directory. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct DirectoryServer {
    directory: Arc<Directory>,
    ldap: SocketAddr,
    ldaps: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What an accepting loop needs.
#[derive(Clone)]
struct Service {
    directory: Arc<Directory>,
    limits: Limits,
    places: Arc<Semaphore>,
    stop: CancellationToken,
    tasks: TaskTracker,
    acceptor: Option<SslAcceptor>,
}

impl DirectoryServer {
    /// Starts serving; on return all addresses listen.
    pub async fn start(
        options: Options,
        fixtures: Fixtures,
    ) -> Result<DirectoryServer, DirectoryError> {
        let Options {
            ldap,
            ldaps,
            bind_needs_tls,
            lockout_threshold,
            ..
        } = options;
        let (ldap_listener, ldap) = listen(ldap).await?;
        let (ldaps, acceptor) = ldaps.unzip();
        let ldaps = match ldaps {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let directory = Arc::new(Directory {
            accounts: Accounts::new(&fixtures.tree, lockout_threshold, HOST),
            tree: fixtures.tree,
            clock: options.clock,
            host: HOST.to_owned(),
            bind_needs_tls,
            references: options.references,
            answer_delay: options.answer_delay,
            start_tls: acceptor.is_some(),
        });
        let service = Service {
            directory: directory.clone(),
            limits: options.limits,
            places: Arc::new(Semaphore::new(options.limits.connections)),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            acceptor,
        };
        let (stop, tasks) = (service.stop.clone(), service.tasks.clone());
        let (ldaps_listener, ldaps) = ldaps.unzip();
        if let Some(listener) = ldaps_listener {
            tasks.spawn(service.clone().accept(listener, true));
        }
        tasks.spawn(service.accept(ldap_listener, false));
        tasks.close();
        Ok(DirectoryServer {
            directory,
            ldap,
            ldaps,
            stop,
            tasks,
        })
    }

    /// Where LDAP listens.
    pub fn ldap_address(&self) -> SocketAddr {
        self.ldap
    }

    /// Where LDAPS listens.
    pub fn ldaps_address(&self) -> Option<SocketAddr> {
        self.ldaps
    }

    /// What is counted about an account, named as in a bind; none when there is no such account.
    pub fn logon_state(&self, account: &str) -> Option<LogonState> {
        let (id, entry) = self.account(account)?;
        Some(self.directory.accounts.state(id, entry))
    }

    /// Unlocks an account and forgets its wrong passwords. Says whether there is such an account.
    pub fn unlock(&self, account: &str) -> bool {
        let found = self.account(account);
        if let Some((id, entry)) = found {
            self.directory.accounts.unlock(id, entry);
        }
        found.is_some()
    }

    /// Closes all listeners and connections and waits until they are gone.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }

    fn account(&self, account: &str) -> Option<(EntryId, &Entry)> {
        let tree = &self.directory.tree;
        let id = tree
            .lookup_text("sAMAccountName", account)
            .or_else(|| resolve(tree, account))?;
        Some((id, tree.entry(id)?))
    }
}

impl Drop for DirectoryServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), DirectoryError> {
    if !address.ip().is_loopback() {
        return Err(DirectoryError::NotLoopback(address));
    }
    let failed = |source| DirectoryError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

impl Service {
    async fn accept(self, listener: TcpListener, tls: bool) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                // The client left between its knock and the answer, or descriptors ran out for a moment.
                Err(error) => {
                    tracing::warn!(%error, "directory: accepting a connection failed");
                    tokio::task::yield_now().await;
                    continue;
                }
            };
            let Ok(place) = self.places.clone().try_acquire_owned() else {
                tracing::warn!("directory: too many connections; one more was closed");
                continue;
            };
            let service = self.clone();
            self.tasks.spawn(async move {
                let stop = service.stop.clone();
                tokio::select! {
                    () = stop.cancelled() => {}
                    served = service.serve(stream, tls) => if let Err(error) = served {
                        tracing::debug!(%error, "directory: connection ended");
                    },
                }
                drop(place);
            });
        }
    }

    async fn serve(self, stream: TcpStream, tls: bool) -> Result<(), ConnectionError> {
        stream.set_nodelay(true)?;
        match (tls, self.acceptor) {
            (true, Some(acceptor)) => {
                serve_tls(stream, self.directory, &acceptor, self.limits).await
            }
            (_, acceptor) => serve_clear(stream, self.directory, acceptor, self.limits).await,
        }
    }
}
