//! Everything that the programs wrote: the log files of a state folder and what came out of the processes.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::clock::LOOK_AGAIN;
use crate::process::Process;

const LIMIT: Duration = Duration::from_secs(5);

/// All text, by where it was found.
#[derive(Debug)]
pub struct Logs(Vec<(String, String)>);

impl Logs {
    /// Reads the folder's log files, and what `processes` have written.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn of(state: &Path, processes: &[&Process]) -> Result<Logs> {
        let mut found = Vec::new();
        collect(state, &mut found)?;
        for process in processes {
            found.push((
                format!("output of process {}", process.id()),
                process.lines().join("\n"),
            ));
        }
        Ok(Logs(found))
    }

    /// Whether anything was written at all.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, text)| text.is_empty())
    }

    /// Every line that contains `needle`, with where it stands.
    pub fn lines_with(&self, needle: &str) -> Vec<(String, String)> {
        self.lines()
            .filter(|(_, line)| line.contains(needle))
            .map(|(place, line)| (place.to_owned(), line.to_owned()))
            .collect()
    }

    /// All lines.
    pub fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .flat_map(|(place, text)| text.lines().map(move |line| (place.as_str(), line)))
    }

    /// The last lines of each, for messages.
    pub fn tail(&self) -> String {
        let mut shown = String::new();
        for (place, text) in &self.0 {
            let lines: Vec<&str> = text.lines().collect();
            shown.push_str(&format!("--- {place}\n"));
            for line in lines.iter().skip(lines.len().saturating_sub(25)) {
                shown.push_str(&format!("  | {line}\n"));
            }
        }
        shown
    }
}

/// Whether a line with `needle` is there, or comes within a few seconds.
///
/// # Errors
/// When the logs cannot be read.
pub fn comes(needle: &str, read: impl Fn() -> Result<Logs>) -> Result<bool> {
    let begin = Instant::now();
    loop {
        if !read()?.lines_with(needle).is_empty() {
            return Ok(true);
        }
        if begin.elapsed() > LIMIT {
            return Ok(false);
        }
        thread::sleep(LOOK_AGAIN);
    }
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("cannot list {}", folder.display()))?
            .path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "log") {
            let text =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            found.push((
                path.display().to_string(),
                String::from_utf8_lossy(&text).into_owned(),
            ));
        }
    }
    Ok(())
}
