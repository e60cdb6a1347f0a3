//! A lab of a test's own: `lab up` as a user would start it, in a temporary folder and on free ports.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use tempfile::TempDir;
use url::Url;

use crate::clock::{LOOK_AGAIN, START_LIMIT};
use crate::contract::Contract;
use crate::http::Client;
use crate::logs::{self, Logs};
use crate::paths::program;
use crate::ports::PortBlock;
use crate::process::{Process, signal_to};

/// How many blocks of ports are tried when somebody else takes one between the look and the start.
const TRIES: usize = 3;

/// What the server logs when it has taken a configuration.
pub const TAKEN: &str = "configuration reloaded";

/// A running lab, which ends with this value.
#[derive(Debug)]
pub struct Lab {
    // Fields are dropped in this order: first the processes, then the folder that they write to.
    process: Process,
    contract: Contract,
    state: State,
    ports: PortBlock,
    ready_after: Duration,
}

/// A state folder: our own and temporary, or somebody's.
#[derive(Debug)]
enum State {
    Temporary(TempDir),
    Given(PathBuf),
}

impl State {
    fn path(&self) -> &Path {
        match self {
            State::Temporary(folder) => folder.path(),
            State::Given(path) => path,
        }
    }
}

impl Lab {
    /// Starts a lab with a fresh state folder and waits for `lab ready`.
    ///
    /// # Errors
    /// When it does not get ready; the message shows its last lines.
    pub fn start() -> Result<Lab> {
        let mut tries = 0;
        loop {
            tries += 1;
            let state = State::Temporary(
                tempfile::Builder::new()
                    .prefix("lab-")
                    .tempdir()
                    .context("no temporary folder")?,
            );
            match Lab::up(state, PortBlock::take()?) {
                Err(error) if tries < TRIES && error.to_string().contains("cannot be used") => {}
                outcome => return outcome,
            }
        }
    }

    /// Starts a lab with the state folder of an earlier one.
    ///
    /// # Errors
    /// As [`Lab::start`].
    pub fn start_in(state: &Path, ports: PortBlock) -> Result<Lab> {
        Lab::up(State::Given(state.to_owned()), ports)
    }

    fn up(state: State, ports: PortBlock) -> Result<Lab> {
        let mut command = Command::new(program("lab")?);
        command
            .arg("up")
            .arg("--state")
            .arg(state.path())
            .arg("--base-port")
            .arg(ports.base().to_string());
        // The tests read these logs, so that they must not depend on the developer's own settings.
        command.env_remove("RUST_LOG").env("NO_COLOR", "1");
        let begin = Instant::now();
        let process = Process::start("lab", command)?;
        process.wait_for_line(START_LIMIT, |line| line.trim() == "lab ready")?;
        let ready_after = begin.elapsed();
        let contract = Contract::read(state.path())?;
        Ok(Lab {
            process,
            contract,
            state,
            ports,
            ready_after,
        })
    }

    /// What `lab.json` says.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The state folder.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// The base of its ports.
    pub fn base_port(&self) -> u16 {
        self.ports.base()
    }

    /// The port of the directory over TLS (design section 6).
    pub fn ldaps_port(&self) -> u16 {
        self.ports.base() + 1193
    }

    /// From start to `lab ready`.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// A browser with an empty jar that believes this lab's authority.
    ///
    /// # Errors
    /// When the authority cannot be read.
    pub fn client(&self) -> Result<Client> {
        Client::new(&self.contract.ca_file)
    }

    /// The federation service through the proxy.
    pub fn outside(&self) -> &Url {
        &self.contract.adfs_url
    }

    /// The federation service without the proxy.
    pub fn inside(&self) -> &Url {
        &self.contract.adfs_internal_url
    }

    /// Everything that its programs have written.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn logs(&self) -> Result<Logs> {
        Logs::of(self.state(), &[&self.process])
    }

    /// Whether a line with `needle` is in a log, or comes within a few seconds: programs write their logs through pipes,
    /// which an answer over the network may overtake.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn is_logged(&self, needle: &str) -> Result<bool> {
        logs::comes(needle, || self.logs())
    }

    /// Sets one of the service's properties as an administrator does while everything runs, and waits until it is taken.
    ///
    /// # Errors
    /// When the configuration cannot be written, or the server does not take it.
    pub fn set_property(&self, name: &str, value: &str) -> Result<()> {
        let path = &self.contract.config.adfs;
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let line = format!("{name} = {value}\n");
        let text = match text.split_once("[properties]\n") {
            Some((start, rest)) => format!("{start}[properties]\n{line}{rest}"),
            None => format!("{text}\n[properties]\n{line}"),
        };
        let before = self.logs()?.lines_with(TAKEN).len();
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        self.reload(before)
            .with_context(|| format!("{name} = {value} is not taken"))
    }

    /// Has the server read its configuration, and waits until it was read more than `before` times.
    ///
    /// # Errors
    /// When the server does not take it.
    pub fn reload(&self, before: usize) -> Result<()> {
        signal_to(self.contract.pids.adfs, Signal::HUP)?;
        let begin = Instant::now();
        while self.logs()?.lines_with(TAKEN).len() <= before {
            ensure!(
                begin.elapsed() < START_LIMIT,
                "the configuration is not taken:\n{}",
                self.logs()?.tail()
            );
            thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// The process of `lab up`.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Ends it as Ctrl-C does, and gives back folder and ports for another start.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(mut self) -> Result<Stopped> {
        let status = self.process.stop()?;
        Ok(Stopped {
            status,
            output: self.process.lines(),
            state: self.state,
            ports: self.ports,
        })
    }
}

/// What is left of a lab that was stopped.
#[derive(Debug)]
pub struct Stopped {
    /// How it ended.
    pub status: std::process::ExitStatus,
    /// Everything that it wrote.
    pub output: Vec<String>,
    state: State,
    ports: PortBlock,
}

impl Stopped {
    /// Its state folder.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// Starts again with the same folder and ports.
    ///
    /// # Errors
    /// As [`Lab::start`].
    pub fn start_again(self) -> Result<Lab> {
        Lab::up(self.state, self.ports)
    }
}
