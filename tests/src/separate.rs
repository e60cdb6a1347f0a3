//! Servers of a test's own beside a running lab: copies of what the lab configured, on other ports, which a test may stop,
//! restart and cut off from the directory.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;
use url::Url;

use crate::clock::{LOOK_AGAIN, START_LIMIT};
use crate::http::Client;
use crate::lab::Lab;
use crate::logs::{self, Logs};
use crate::paths::program;
use crate::ports::free_port;
use crate::process::Process;

/// The copies. What is not started costs nothing.
#[derive(Debug)]
pub struct Separate {
    adfs: Option<Process>,
    wap: Option<Process>,
    ended: Vec<Process>,
    folder: TempDir,
    adfs_config: PathBuf,
    wap_config: PathBuf,
    ca_file: PathBuf,
    inside: Url,
    outside: Url,
}

/// What is different in the copy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes {
    /// Port of a relay to the directory, in place of the directory's own LDAPS port.
    pub ldaps_port: Option<u16>,
    /// Log filter, such as `trace`.
    pub log_filter: Option<&'static str>,
}

impl Separate {
    /// Copies the lab's state folder and sets other ports in it.
    ///
    /// # Errors
    /// When something cannot be read or written.
    pub fn beside(lab: &Lab, changes: Changes) -> Result<Separate> {
        let folder = tempfile::Builder::new()
            .prefix("separate-")
            .tempdir()
            .context("no temporary folder")?;
        copy_folder(lab.state(), folder.path())?;
        let port_of = |url: &Url| url.port().context("an address of the lab has no port");
        let (old_outside, old_inside) = (port_of(lab.outside())?, port_of(lab.inside())?);
        let (outside, inside) = (free_port()?, free_port()?);
        let mut ports = BTreeMap::from([(old_outside, outside), (old_inside, inside)]);
        // Its probe, and ports that only it knows.
        for kept in [old_inside + 2, old_inside + 3] {
            ports.insert(kept, free_port()?);
        }
        if let Some(port) = changes.ldaps_port {
            ports.insert(lab.ldaps_port(), port);
        }
        let rewriting = Rewriting {
            folders: (display(lab.state())?, display(folder.path())?),
            ports,
            log_filter: changes.log_filter,
        };
        rewriting.every_toml_file(folder.path())?;
        let moved =
            |path: &Path| -> Result<PathBuf> { Ok(PathBuf::from(rewriting.text(&display(path)?))) };
        let with_port = |url: &Url, port: u16| -> Result<Url> {
            let mut url = url.clone();
            url.set_port(Some(port))
                .map_err(|()| anyhow::anyhow!("{url} cannot have a port"))?;
            Ok(url)
        };
        Ok(Separate {
            adfs: None,
            wap: None,
            ended: Vec::new(),
            adfs_config: moved(&lab.contract().config.adfs)?,
            wap_config: moved(&lab.contract().config.wap)?,
            ca_file: moved(&lab.contract().ca_file)?,
            inside: with_port(lab.inside(), inside)?,
            outside: with_port(lab.outside(), outside)?,
            folder,
        })
    }

    /// Starts the federation server and waits until it accepts connections. Gives back the time from the start to then.
    ///
    /// # Errors
    /// When it ends before.
    pub fn start_adfs(&mut self) -> Result<Duration> {
        let (process, took) = serve("adfs", &self.adfs_config, &self.inside)?;
        self.ended.extend(self.adfs.replace(process));
        Ok(took)
    }

    /// Starts the proxy likewise.
    ///
    /// # Errors
    /// When it ends before.
    pub fn start_wap(&mut self) -> Result<Duration> {
        let (process, took) = serve("wap", &self.wap_config, &self.outside)?;
        self.ended.extend(self.wap.replace(process));
        Ok(took)
    }

    /// Forgets the proxy's trust and establishes it anew, as `account` with the password in `password_file`. The
    /// federation server must run. What the command writes is among the logs.
    ///
    /// # Errors
    /// When the command fails; the message is its own.
    pub fn install_wap(&mut self, account: &str, password_file: &Path) -> Result<()> {
        let wap: toml::Table = fs::read_to_string(&self.wap_config)?.parse()?;
        let folder = wap.get("trust").and_then(|trust| trust.get("folder"));
        let folder = folder
            .and_then(toml::Value::as_str)
            .context("wap.toml names no trust.folder")?;
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {folder}"))?;
        let mut command = Command::new(program("wap")?);
        command
            .args(["install", "--username", account, "--config"])
            .arg(&self.wap_config);
        command
            .arg("--password-file")
            .arg(password_file)
            .env_remove("RUST_LOG")
            .env("NO_COLOR", "1");
        let mut process = Process::start("wap install", command)?;
        let status = process.wait(START_LIMIT)?;
        ensure!(
            status.success(),
            "wap install: {status}\n{}",
            process.last_lines()
        );
        self.ended.push(process);
        Ok(())
    }

    /// The running federation server.
    ///
    /// # Errors
    /// When it was not started.
    pub fn adfs(&mut self) -> Result<&mut Process> {
        self.adfs.as_mut().context("adfs was not started")
    }

    /// The running proxy.
    ///
    /// # Errors
    /// When it was not started.
    pub fn wap(&mut self) -> Result<&mut Process> {
        self.wap.as_mut().context("wap was not started")
    }

    /// The federation service without the proxy.
    pub fn inside(&self) -> &Url {
        &self.inside
    }

    /// The federation service through the proxy.
    pub fn outside(&self) -> &Url {
        &self.outside
    }

    /// The copy's configuration file of the federation server.
    pub fn adfs_config(&self) -> &Path {
        &self.adfs_config
    }

    /// The copied state folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A browser with an empty jar.
    ///
    /// # Errors
    /// When the authority cannot be read.
    pub fn client(&self) -> Result<Client> {
        Client::new(&self.ca_file)
    }

    /// Whether a line with `needle` is in a log, or comes within a few seconds.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn is_logged(&self, needle: &str) -> Result<bool> {
        logs::comes(needle, || self.logs())
    }

    /// Everything that the copies have written, stopped ones too, without what was copied from the lab.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn logs(&self) -> Result<Logs> {
        let processes: Vec<&Process> = self
            .adfs
            .iter()
            .chain(&self.wap)
            .chain(&self.ended)
            .collect();
        Logs::of(self.folder.path(), &processes)
    }
}

/// Starts `NAME serve --config FILE` and waits until `url` accepts connections.
fn serve(name: &str, config: &Path, url: &Url) -> Result<(Process, Duration)> {
    let mut command = Command::new(program(name)?);
    command
        .arg("serve")
        .arg("--config")
        .arg(config)
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1");
    let port = url.port().with_context(|| format!("{url} has no port"))?;
    let begin = Instant::now();
    let mut process = Process::start(name, command)?;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if !process.is_running()? {
            process.wait(START_LIMIT)?;
            bail!("{name} ended instead of serving:\n{}", process.last_lines());
        }
        if begin.elapsed() > START_LIMIT {
            bail!(
                "{name} does not accept connections on port {port}:\n{}",
                process.last_lines()
            );
        }
        thread::sleep(Duration::from_millis(1).min(LOOK_AGAIN));
    }
    Ok((process, begin.elapsed()))
}

/// What is replaced in the copied configuration.
#[derive(Debug)]
struct Rewriting {
    folders: (String, String),
    ports: BTreeMap<u16, u16>,
    log_filter: Option<&'static str>,
}

impl Rewriting {
    fn every_toml_file(&self, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.every_toml_file(&path)?;
            } else if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                let mut table: toml::Table = fs::read_to_string(&path)?
                    .parse()
                    .with_context(|| format!("{} is not TOML", path.display()))?;
                table.iter_mut().for_each(|(_, value)| self.value(value));
                if let (Some(filter), Some(toml::Value::Table(log))) =
                    (self.log_filter, table.get_mut("log"))
                {
                    log.insert("filter".to_owned(), toml::Value::String(filter.to_owned()));
                }
                fs::write(&path, table.to_string())?;
            }
        }
        Ok(())
    }

    fn value(&self, value: &mut toml::Value) {
        match value {
            toml::Value::String(text) => *text = self.text(text),
            toml::Value::Integer(number) => {
                if let Some(port) = u16::try_from(*number)
                    .ok()
                    .and_then(|port| self.ports.get(&port))
                {
                    *number = i64::from(*port);
                }
            }
            toml::Value::Array(values) => values.iter_mut().for_each(|value| self.value(value)),
            toml::Value::Table(table) => table.iter_mut().for_each(|(_, value)| self.value(value)),
            _ => {}
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.replace(&self.folders.0, &self.folders.1);
        for (from, to) in &self.ports {
            text = text.replace(&format!(":{from}"), &format!(":{to}"));
        }
        text
    }
}

fn display(path: &Path) -> Result<String> {
    path.to_str()
        .map(str::to_owned)
        .with_context(|| format!("{} is not text", path.display()))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            fs::create_dir_all(&target)?;
            fs::set_permissions(&target, fs::metadata(entry.path())?.permissions())?;
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_file()
            && entry
                .path()
                .extension()
                .is_none_or(|extension| extension != "log")
        {
            fs::copy(entry.path(), &target)
                .with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_folders_are_replaced_and_nothing_else() {
        let rewriting = Rewriting {
            folders: ("/tmp/a".to_owned(), "/tmp/b".to_owned()),
            ports: BTreeMap::from([(8443, 1), (9443, 2)]),
            log_filter: None,
        };
        assert_eq!(rewriting.text("https://x:8443/y"), "https://x:1/y");
        assert_eq!(rewriting.text("/tmp/a/keys"), "/tmp/b/keys");
        let mut value: toml::Value =
            toml::Value::Array(vec![9443.into(), 7.into(), "127.0.0.1:9443".into()]);
        rewriting.value(&mut value);
        assert_eq!(value.to_string(), "[2, 7, \"127.0.0.1:2\"]");
    }
}
