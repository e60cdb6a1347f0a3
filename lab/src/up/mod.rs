//! `lab up`: starts everything in order, says what it does, and stops everything again, whatever happens in between.

mod announce;
mod federation;
mod publish;
mod world;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use crate::addresses::{Addresses, Ports};
use crate::cloud::{CloudError, MetadataError};
use crate::configuration::WriteError;
use crate::directory::{DirectoryError, FixtureError};
use crate::pki::PkiError;
use crate::processes::ProcessError;
use crate::state_folder::{StateError, StateFolder};
use crate::terminal::{note, say};
use world::World;

/// How long each part has to become ready; on an idle machine all of them take two seconds together.
const READY_LIMIT: Duration = Duration::from_secs(30);

/// What `lab up` was asked for.
#[derive(Debug, Clone)]
pub struct UpOptions {
    /// Where everything is kept.
    pub state: StateFolder,
    /// Names and ports.
    pub addresses: Addresses,
    /// Show the children's logs on the terminal.
    pub verbose: bool,
}

/// Why the lab is not up.
#[derive(Debug, Error)]
pub enum UpError {
    /// State folder.
    #[error(transparent)]
    State(#[from] StateError),
    /// A port of the plan is taken.
    #[error(
        "port {port} ({part}) on 127.0.0.1 cannot be used: {source}. Is another lab or server running? `--base-port N` moves all ports"
    )]
    Port {
        /// Number.
        port: u16,
        /// Whose.
        part: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Certificates.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// Configuration files.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// People.
    #[error("the directory's people cannot be read: {0}")]
    Fixtures(#[from] FixtureError),
    /// Directory server.
    #[error("the directory does not start: {0}")]
    Directory(#[from] DirectoryError),
    /// `adfs` or `wap`.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// `adfs` or `wap`, on a state folder that an earlier lab has used.
    #[error(
        "{problem}\nIf what {} keeps from an earlier start is damaged, delete that folder; the next start makes everything anew",
        folder.display()
    )]
    KeptState {
        /// What happened.
        problem: Box<ProcessError>,
        /// The state folder.
        folder: PathBuf,
    },
    /// Metadata.
    #[error("the cloud cannot learn the token-signing certificate: {0}")]
    Metadata(#[from] MetadataError),
    /// Cloud.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// Back ends.
    #[error("the back ends do not listen: {0}")]
    Backends(std::io::Error),
    /// HTTP client for readiness.
    #[error("no HTTP client can be made: {0}")]
    Client(#[from] reqwest::Error),
    /// `wap list` printed something else.
    #[error("`wap list` cannot be understood: {0}")]
    List(String),
    /// Contract file.
    #[error("lab.json cannot be written: {0}")]
    Contract(std::io::Error),
    /// Randomness.
    #[error("no keys can be made: {0}")]
    Library(#[from] openssl::error::ErrorStack),
    /// Signals.
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
}

/// Runs a lab until Ctrl-C, SIGTERM or SIGHUP. Once it is ready, the end of `adfs` or `wap` is told and the rest runs on,
/// so that a person can start that part again in their own way.
///
/// # Errors
/// When a part does not start.
pub async fn up(options: &UpOptions) -> Result<(), UpError> {
    let lock = options.state.lock()?;
    let _ = std::fs::remove_file(options.state.lab_json());
    let kept = options.state.has_been_used();
    let mut interrupted = Interrupt::new()?;
    let mut world = World::default();
    let outcome = tokio::select! {
        outcome = run(options, &mut world) => outcome,
        () = interrupted.received() => Ok(()),
    };
    let _ = std::fs::remove_file(options.state.lab_json());
    if world.is_empty() {
        drop(lock);
    } else {
        note("stopping");
        world.stop().await;
        drop(lock);
        note("stopped");
    }
    outcome.map_err(|error| match error {
        UpError::Process(problem) if kept => UpError::KeptState {
            problem: Box::new(problem),
            folder: options.state.path().to_owned(),
        },
        other => other,
    })
}

/// Returns only when something does not start; being interrupted is the good end.
async fn run(options: &UpOptions, world: &mut World) -> Result<(), UpError> {
    let began = Instant::now();
    free(&options.addresses.ports)?;
    world.start(options).await?;
    say(format_args!(
        "\nready after {:.1} s; Ctrl-C stops everything",
        began.elapsed().as_secs_f64()
    ));
    say("lab ready");
    world.watch().await
}

/// Finds a taken port before anything is started, so that the message can name it.
fn free(ports: &Ports) -> Result<(), UpError> {
    for (part, port) in ports.named() {
        std::net::TcpListener::bind(Addresses::loopback(port)).map_err(|source| UpError::Port {
            port,
            part,
            source,
        })?;
    }
    Ok(())
}

/// Progress on the terminal: what, then how long it took.
async fn step<T, E>(what: &str, doing: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let began = Instant::now();
    note(format_args!("{what} ..."));
    let done = doing.await?;
    note(format_args!(
        "{what}: {:.2} s",
        began.elapsed().as_secs_f64()
    ));
    Ok(done)
}

struct Interrupt([tokio::signal::unix::Signal; 3]);

impl Interrupt {
    fn new() -> Result<Interrupt, UpError> {
        let listen = |kind| signal(kind).map_err(UpError::Signals);
        Ok(Interrupt([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn received(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named() {
        let taken = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let mut ports = Ports::from_base(1).unwrap();
        ports.outside = port;
        let message = free(&ports).unwrap_err().to_string();
        assert!(
            message.contains(&port.to_string()) && message.contains("--base-port"),
            "{message}"
        );
    }
}
