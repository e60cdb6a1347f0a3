//! A program under test: started, listened to, and certainly ended.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::clock::LOOK_AGAIN;

/// How long a program may take to end after it was asked to.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// Lines of output shown with a failure.
const SHOWN: usize = 40;

/// A running program with everything that it has written.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
}

#[derive(Debug, Default)]
struct Output {
    state: Mutex<Written>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Written {
    lines: Vec<String>,
    open_pipes: usize,
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Starts `command`, with nothing to read on its standard input.
    ///
    /// # Errors
    /// When the system cannot start it.
    pub fn start(name: &str, mut command: Command) -> Result<Process> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        let output = Arc::new(Output::default());
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child
                .stdout
                .take()
                .map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
            child
                .stderr
                .take()
                .map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        ];
        output.lock().open_pipes = pipes.iter().flatten().count();
        for pipe in pipes.into_iter().flatten() {
            let output = output.clone();
            thread::spawn(move || collect(pipe, &output));
        }
        Ok(Process {
            name: name.to_owned(),
            child,
            output,
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything written until now, line by line.
    pub fn lines(&self) -> Vec<String> {
        self.output.lock().lines.clone()
    }

    /// Waits for a line that `matches`, old or new.
    ///
    /// # Errors
    /// When the program ends or the time is over before; the message shows its last lines.
    pub fn wait_for_line(&self, limit: Duration, matches: impl Fn(&str) -> bool) -> Result<String> {
        let end = Instant::now() + limit;
        let mut written = self.output.lock();
        let mut seen = 0;
        loop {
            if let Some(line) = written.lines.iter().skip(seen).find(|line| matches(line)) {
                return Ok(line.clone());
            }
            seen = written.lines.len();
            if written.open_pipes == 0 {
                bail!(
                    "{} ended before it wrote what was waited for:\n{}",
                    self.name,
                    last_lines(&written.lines)
                );
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!(
                    "{} did not write what was waited for within {limit:?}:\n{}",
                    self.name,
                    last_lines(&written.lines)
                );
            }
            (written, _) = self
                .output
                .changed
                .wait_timeout(written, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The last lines, for a failure's message.
    pub fn last_lines(&self) -> String {
        last_lines(&self.output.lock().lines)
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        signal_to(self.id(), signal).with_context(|| format!("{} cannot be signalled", self.name))
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self
            .child
            .try_wait()
            .with_context(|| format!("the state of {} is not known", self.name))?
            .is_none())
    }

    /// Waits for the end, and until all output was read.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let end = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self
                .child
                .try_wait()
                .with_context(|| format!("{} cannot be waited for", self.name))?
            {
                break status;
            }
            if Instant::now() >= end {
                bail!(
                    "{} did not end within {limit:?}:\n{}",
                    self.name,
                    self.last_lines()
                );
            }
            thread::sleep(LOOK_AGAIN);
        };
        let mut written = self.output.lock();
        // A grandchild may hold a pipe open after the end, so this wait has an end too.
        while written.open_pipes > 0 && Instant::now() < end {
            (written, _) = self
                .output
                .changed
                .wait_timeout(written, LOOK_AGAIN)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Ok(status)
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait(STOP_LIMIT)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        if thread::panicking() {
            eprintln!("last lines of {}:\n{}", self.name, self.last_lines());
        }
        let asked = self.signal(Signal::TERM).is_ok();
        if !asked || self.wait(STOP_LIMIT).is_err() {
            // Nothing can be done here about a process that not even this ends.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Signals any process.
///
/// # Errors
/// When there is no such process.
pub fn signal_to(id: u32, signal: Signal) -> Result<()> {
    let id = i32::try_from(id)
        .ok()
        .and_then(Pid::from_raw)
        .context("not a process id")?;
    kill_process(id, signal).context("no such process")
}

/// Whether a process with this id runs (a zombie does not).
pub fn is_alive(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat"))
        .ok()
        .and_then(|stat| {
            stat.rsplit_once(") ")
                .map(|(_, rest)| !rest.starts_with('Z'))
        })
        .unwrap_or(false)
}

fn collect(pipe: Box<dyn Read + Send>, output: &Output) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(length) if length > 0) {
        let text = String::from_utf8_lossy(&line)
            .trim_end_matches(['\r', '\n'])
            .to_owned();
        output.lock().lines.push(text);
        output.changed.notify_all();
        line.clear();
    }
    output.lock().open_pipes -= 1;
    output.changed.notify_all();
}

fn last_lines(lines: &[String]) -> String {
    let start = lines.len().saturating_sub(SHOWN);
    lines
        .iter()
        .skip(start)
        .map(|line| format!("  | {line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start("sh", command).unwrap()
    }

    #[test]
    fn lines_of_both_outputs_are_seen_and_the_end_is_told() {
        let mut process = shell("echo one; echo two >&2; exit 3");
        process
            .wait_for_line(STOP_LIMIT, |line| line == "two")
            .unwrap();
        assert_eq!(process.wait(STOP_LIMIT).unwrap().code(), Some(3));
        let error = process
            .wait_for_line(STOP_LIMIT, |line| line == "three")
            .unwrap_err();
        assert!(error.to_string().contains("| one"), "{error}");
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let process = shell("echo up; exec sleep 600");
        process
            .wait_for_line(STOP_LIMIT, |line| line == "up")
            .unwrap();
        let id = process.id();
        assert!(is_alive(id));
        drop(process);
        assert!(!is_alive(id));
    }
}
