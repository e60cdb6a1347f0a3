//! `adfs` and `wap` as child processes: started so that they end with the lab, their logs kept, their deaths explained.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use thiserror::Error;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::terminal::note;

const TAIL_LINES: usize = 20;
const STOP_TIMEOUT: Duration = Duration::from_secs(12);

/// Why a process is not running.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// The program is not beside this one.
    #[error("{} is not there: `lab` needs `adfs` and `wap` in its own folder; build them with `make build`", .0.display())]
    NoProgram(PathBuf),
    /// It could not be started.
    #[error("{name} cannot be started: {source}")]
    Start {
        /// Which.
        name: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It ended although it should run, or failed.
    #[error("{name} ended ({status}). Its last lines:\n{tail}\nThe whole log: {}", log.display())]
    Ended {
        /// Which.
        name: String,
        /// How.
        status: ExitStatus,
        /// The end of its log.
        tail: String,
        /// All of it.
        log: PathBuf,
    },
    /// It runs but does not answer.
    #[error("{name} is not ready after {seconds} s ({reason}). Its last lines:\n{tail}\nThe whole log: {}", log.display())]
    NotReady {
        /// Which.
        name: String,
        /// How long it had.
        seconds: u64,
        /// What the last attempt met.
        reason: String,
        /// The end of its log.
        tail: String,
        /// All of it.
        log: PathBuf,
    },
}

/// The file of a program that is installed beside this one.
///
/// # Errors
/// When it is not there.
pub fn beside(name: &str) -> Result<PathBuf, ProcessError> {
    let own = std::env::current_exe().map_err(|source| ProcessError::Start {
        name: "lab",
        source,
    })?;
    let path = own.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(ProcessError::NoProgram(path))
    }
}

/// What to start.
#[derive(Debug)]
pub struct Launch<'a> {
    /// `adfs` or `wap`; prefix of its lines on the terminal.
    pub name: &'static str,
    /// Program.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables beside those that are inherited; secrets go here, not into the arguments.
    pub environment: Vec<(&'static str, String)>,
    /// Takes what it writes.
    pub log: PathBuf,
    /// Whether to show that on the terminal too.
    pub verbose: bool,
}

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    tail: Arc<Mutex<VecDeque<String>>>,
    log: PathBuf,
    pumps: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts the program by way of `lab child`, which asks the kernel to end it when the lab ends.
    ///
    /// Must be called on the thread that lives as long as the lab: the kernel's request is tied to the thread.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(launch: Launch<'_>) -> Result<Process, ProcessError> {
        let name = launch.name;
        let failed = |source| ProcessError::Start { name, source };
        let log = File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&launch.log)
            .await
            .map_err(failed)?;
        let own = std::env::current_exe().map_err(failed)?;
        let mut child = Command::new(own)
            .arg("child")
            .arg(std::process::id().to_string())
            .arg(launch.program)
            .args(&launch.arguments)
            .envs(launch.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal goes to the lab alone, which then stops the others in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let sink = Sink {
            prefix: launch.verbose.then_some(name),
            tail: Arc::clone(&tail),
        };
        let mut pumps = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            pumps.push(tokio::spawn(pump(
                stdout,
                log.try_clone().await.map_err(failed)?,
                sink.clone(),
            )));
        }
        if let Some(stderr) = child.stderr.take() {
            pumps.push(tokio::spawn(pump(stderr, log, sink)));
        }
        Ok(Process {
            name,
            child,
            tail,
            log: launch.log,
            pumps,
        })
    }

    /// Process id; `None` once it has ended.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the end of a program that should run on: always an error.
    pub async fn ended(&mut self) -> ProcessError {
        match self.child.wait().await {
            Ok(status) => self.explain(status).await,
            Err(source) => ProcessError::Start {
                name: self.name,
                source,
            },
        }
    }

    /// Waits for the success of a program that does one thing.
    ///
    /// # Errors
    /// When it fails or takes longer than `limit`.
    pub async fn finish(mut self, limit: Duration) -> Result<(), ProcessError> {
        match tokio::time::timeout(limit, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.explain(status).await),
            Ok(Err(source)) => Err(ProcessError::Start {
                name: self.name,
                source,
            }),
            Err(_) => Err(self.not_ready(limit, "it does not come to an end".to_owned())),
        }
    }

    /// Tries `attempt` until it succeeds, the process ends or `limit` is over.
    ///
    /// # Errors
    /// Says which of the two, and shows the end of the log.
    pub async fn ready<T, A>(&mut self, limit: Duration, mut attempt: A) -> Result<T, ProcessError>
    where
        A: AsyncFnMut() -> Result<T, String>,
    {
        let mut reason = "nothing was tried".to_owned();
        let trying = async {
            let mut pause = Duration::from_millis(5);
            loop {
                match attempt().await {
                    Ok(found) => return found,
                    Err(text) => reason = text,
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(80));
            }
        };
        let outcome = tokio::select! {
            found = tokio::time::timeout(limit, trying) => found.ok(),
            status = self.child.wait() => {
                return Err(match status {
                    Ok(status) => self.explain(status).await,
                    Err(source) => ProcessError::Start { name: self.name, source },
                });
            }
        };
        outcome.ok_or_else(|| self.not_ready(limit, reason))
    }

    /// Asks the program to end, and after a while makes it.
    pub async fn stop(mut self) {
        let pid = self
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid
            && kill_process(pid, Signal::TERM).is_ok()
            && tokio::time::timeout(STOP_TIMEOUT, self.child.wait())
                .await
                .is_ok()
        {
            self.drained().await;
            return;
        }
        let _ = self.child.kill().await;
    }

    async fn explain(&mut self, status: ExitStatus) -> ProcessError {
        self.drained().await;
        ProcessError::Ended {
            name: self.name.to_owned(),
            status,
            tail: self.tail(),
            log: self.log.clone(),
        }
    }

    /// What the program wrote last is in the pipes still when its end is known.
    async fn drained(&mut self) {
        for pump in self.pumps.drain(..) {
            let _ = tokio::time::timeout(Duration::from_secs(1), pump).await;
        }
    }

    fn not_ready(&self, limit: Duration, reason: String) -> ProcessError {
        ProcessError::NotReady {
            name: self.name.to_owned(),
            seconds: limit.as_secs(),
            reason,
            tail: self.tail(),
            log: self.log.clone(),
        }
    }

    fn tail(&self) -> String {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.iter()
            .map(|line| format!("  {line}"))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

#[derive(Clone)]
struct Sink {
    prefix: Option<&'static str>,
    tail: Arc<Mutex<VecDeque<String>>>,
}

async fn pump(from: impl AsyncRead + Unpin, mut log: File, sink: Sink) {
    let mut lines = BufReader::new(from).split(b'\n');
    // Bytes that are no text must not end the reading: the child's next line would meet a closed pipe.
    while let Ok(Some(bytes)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&bytes).into_owned();
        // A full disk must not stop the child, which would wait for this pipe.
        let _ = log.write_all(format!("{line}\n").as_bytes()).await;
        let _ = log.flush().await;
        if let Some(prefix) = sink.prefix {
            note(format_args!("{prefix:>5} | {line}"));
        }
        let mut tail = sink.tail.lock().unwrap_or_else(PoisonError::into_inner);
        if tail.len() == TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(line);
    }
}

/// `lab child PARENT PROGRAM ARGUMENT...`: becomes the program, after asking the kernel for SIGKILL when the parent dies.
/// Returns only when that fails.
///
/// SIGKILL, because a lab that was killed has taken the pipes of its children with it: one that wants to write about its
/// orderly end may never reach it. Their stores survive being killed.
pub fn become_child(parent: u32, program: &Path, arguments: &[OsString]) -> io::Error {
    use std::os::unix::process::CommandExt;

    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // The parent may have died before the request was in place.
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if now != i32::try_from(parent).ok() {
        return io::Error::other("the lab that started this process has ended");
    }
    std::process::Command::new(program).args(arguments).exec()
}
