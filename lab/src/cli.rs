//! Commands of `lab`. Exit code 0: done; 1: the answer is no or something failed; 2: the command was wrong.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use rustix::process::{Pid, Signal, kill_process};

use crate::addresses::{Addresses, Ports, Suffix};
use crate::causes::with_causes;
use crate::contract::Lab;
use crate::processes::become_child;
use crate::state_folder::StateFolder;
use crate::status::Status;
use crate::terminal::{note, say};
use crate::up::{UpOptions, up};

const STOP_LIMIT: Duration = Duration::from_secs(40);

/// A whole federated sign-in on one machine: directory, adfs, wap, a played cloud and back ends.
#[derive(Debug, Parser)]
#[command(
    name = "lab",
    version,
    arg_required_else_help = true,
    propagate_version = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything in the foreground; Ctrl-C stops it
    Up(UpArguments),
    /// Stop the lab of a state folder
    Down(StateArgument),
    /// Say whether the lab of a state folder runs, and what of it answers
    Status {
        #[command(flatten)]
        state: StateArgument,
        /// How to print it
        #[arg(long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
    /// Print lines for /etc/hosts, for programs that do not resolve the lab's names by themselves
    Hosts {
        #[command(flatten)]
        state: StateArgument,
        /// Last labels of every host name; by default those of the lab in the state folder, or localhost when none is there
        #[arg(long)]
        suffix: Option<Suffix>,
    },
    /// Print the dashboard's address and open it in a browser, if there is one
    Open(StateArgument),
    /// Play a scenario; not in this version
    #[command(hide = true)]
    Walk {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        scenario: Vec<OsString>,
    },
    /// Become a program that ends with its parent (how `lab up` starts adfs and wap)
    #[command(hide = true)]
    Child {
        parent: u32,
        program: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

#[derive(Debug, clap::Args)]
struct StateArgument {
    /// Folder that holds everything of this lab
    #[arg(long, value_name = "DIR", default_value = ".lab")]
    state: PathBuf,
}

#[derive(Debug, clap::Args)]
struct UpArguments {
    #[command(flatten)]
    state: StateArgument,
    /// Outside port, from 1 to 64342; all other ports keep their distance to it
    #[arg(long, value_name = "N", default_value_t, value_parser = Ports::from_str)]
    base_port: Ports,
    /// Last labels of every host name: localhost, test, example, invalid or below one of these
    #[arg(long, default_value = "localhost")]
    suffix: Suffix,
    /// Which directory to use; the embedded one is the only one in this version
    #[arg(long, value_name = "KIND", value_enum, default_value_t = Directory::Embedded)]
    directory: Directory,
    /// Show the logs of adfs and wap on the terminal too
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Directory {
    Embedded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// Reads the command line and does it.
pub fn run() -> ExitCode {
    // clap ends wrong usage with code 2 by itself.
    match Arguments::parse().command {
        Command::Up(arguments) => report(start(arguments)),
        Command::Down(argument) => report(down(&argument)),
        Command::Status { state, output } => report(status(&state, output)),
        Command::Hosts { state, suffix } => report(hosts(&state, suffix)),
        Command::Open(argument) => report(open(&argument)),
        Command::Walk { scenario: _ } => {
            note(
                "lab: `walk` is not in this version; sign in with a browser at the address of `lab open`",
            );
            ExitCode::from(2)
        }
        Command::Child {
            parent,
            program,
            arguments,
        } => {
            let error = become_child(parent, &program, &arguments);
            note(format_args!(
                "lab: {} cannot be started: {error}",
                program.display()
            ));
            ExitCode::FAILURE
        }
    }
}

fn report(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        note(format_args!("lab: {}", with_causes(error.as_ref())));
        ExitCode::FAILURE
    })
}

fn start(arguments: UpArguments) -> anyhow::Result<ExitCode> {
    // There is nothing to choose from yet; the option is there so that commands written for it stay right.
    let Directory::Embedded = arguments.directory;
    let options = UpOptions {
        state: StateFolder::at(&arguments.state.state)?,
        addresses: Addresses {
            ports: arguments.base_port,
            suffix: arguments.suffix,
        },
        verbose: arguments.verbose,
    };
    tracing_subscriber::fmt()
        .with_env_filter("warn")
        .with_writer(std::io::stderr)
        // When standard error is gone, a complaint about that on standard error would panic.
        .log_internal_errors(false)
        .init();
    // The future runs on this thread, to which the children's lives are tied.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(up(&options))?;
    Ok(ExitCode::SUCCESS)
}

fn down(argument: &StateArgument) -> anyhow::Result<ExitCode> {
    let state = StateFolder::at(&argument.state)?;
    let Some(pid) = state.running() else {
        say(format_args!("no lab runs in {}", state.path().display()));
        return Ok(ExitCode::SUCCESS);
    };
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let process = process
        .ok_or_else(|| anyhow::anyhow!("the lock file names process {pid}, which cannot be"))?;
    kill_process(process, Signal::TERM)
        .map_err(|error| anyhow::anyhow!("process {pid} cannot be told to stop: {error}"))?;
    let (sender, receiver) = std::sync::mpsc::channel();
    let waiting = state.clone();
    std::thread::spawn(move || sender.send(waiting.wait_until_free()));
    match receiver.recv_timeout(STOP_LIMIT) {
        Ok(freed) => freed?,
        Err(_) => anyhow::bail!(
            "process {pid} has not stopped after {} s",
            STOP_LIMIT.as_secs()
        ),
    }
    say(format_args!(
        "the lab in {} has stopped",
        state.path().display()
    ));
    Ok(ExitCode::SUCCESS)
}

fn status(argument: &StateArgument, output: Output) -> anyhow::Result<ExitCode> {
    let status = Status::of(&StateFolder::at(&argument.state)?);
    match output {
        Output::Json => say(status.json()),
        Output::Table => say(status.text().trim_end()),
    }
    Ok(if status.is_well() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn hosts(argument: &StateArgument, suffix: Option<Suffix>) -> anyhow::Result<ExitCode> {
    let suffix = match suffix {
        Some(suffix) => suffix,
        None => known_suffix(&StateFolder::at(&argument.state)?)?.unwrap_or_default(),
    };
    let addresses = Addresses {
        ports: Ports::default(),
        suffix,
    };
    say(addresses.hosts_file().trim_end());
    Ok(ExitCode::SUCCESS)
}

/// The suffix of the lab that is ready in a state folder; none when there is no such lab.
fn known_suffix(state: &StateFolder) -> anyhow::Result<Option<Suffix>> {
    let file = state.lab_json();
    let lab = match Lab::read(&file) {
        Ok(lab) => lab,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => anyhow::bail!(
            "{} cannot be read: {error}; name the suffix with --suffix",
            file.display()
        ),
    };
    let suffix = Addresses::suffix_of(&lab.adfs_url);
    let suffix = suffix.ok_or_else(|| {
        anyhow::anyhow!(
            "{} names no federation service of a lab: {:?}; name the suffix with --suffix",
            file.display(),
            lab.adfs_url
        )
    })?;
    Ok(Some(suffix))
}

fn open(argument: &StateArgument) -> anyhow::Result<ExitCode> {
    let state = StateFolder::at(&argument.state)?;
    let Some(lab) = state
        .running()
        .and_then(|_| Lab::read(&state.lab_json()).ok())
    else {
        anyhow::bail!(
            "no lab is ready in {}; start one with `lab up --state {}`",
            state.path().display(),
            state.path().display()
        );
    };
    say(&lab.dashboard_url);
    if std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some() {
        let opened = std::process::Command::new("xdg-open")
            .arg(&lab.dashboard_url)
            .status();
        if !opened.is_ok_and(|status| status.success()) {
            note("lab: no browser could be opened (xdg-open); open the address yourself");
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn wrong_options_are_named() {
        for (words, part) in [
            (
                vec!["lab", "up", "--suffix", "contoso.com"],
                "lab keys are refused",
            ),
            (vec!["lab", "up", "--base-port", "0"], "from 1 to 64342"),
            (vec!["lab", "up", "--base-port", "65000"], "from 1 to 64342"),
            (vec!["lab", "up", "--base-port", "70000"], "from 1 to 64342"),
            (vec!["lab", "up", "--base-port", "x"], "from 1 to 64342"),
            (vec!["lab", "up", "--directory", "samba"], "embedded"),
        ] {
            let error = Arguments::try_parse_from(&words).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(part), "{message}");
            assert_eq!(error.exit_code(), 2, "{words:?}");
        }
    }

    #[test]
    fn the_base_port_is_the_outside_port() {
        let port = |words: &[&str]| match Arguments::try_parse_from(words).unwrap().command {
            Command::Up(arguments) => arguments.base_port,
            other => panic!("{other:?}"),
        };
        assert_eq!(port(&["lab", "up"]), Ports::default());
        assert_eq!(
            port(&["lab", "up", "--base-port", "64342"]),
            Ports::from_base(64_342).unwrap()
        );
    }
}
