//! `lab up` with stand-ins for the programs that it starts: what happens when one of them fails, and that none survives.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the failure")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lab::addresses::Ports;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

const LIMIT: Duration = Duration::from_secs(30);

/// A folder with the real `lab` and a script in the place of `adfs`.
struct House {
    folder: tempfile::TempDir,
    base_port: u16,
}

impl House {
    fn with_adfs(script: Option<&str>) -> House {
        // Beside the build, so that a hard link is possible: the program looks for its neighbours.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::hard_link(env!("CARGO_BIN_EXE_lab"), folder.path().join("lab")).unwrap();
        fs::write(folder.path().join("wap"), "#!/bin/sh\n").unwrap();
        if let Some(script) = script {
            let path = folder.path().join("adfs");
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        House {
            folder,
            base_port: free_base_port(),
        }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn lab(&self, command: &str) -> Command {
        let mut lab = Command::new(self.folder.path().join("lab"));
        lab.arg(command).arg("--state").arg(self.state());
        if command == "up" {
            lab.arg("--base-port").arg(self.base_port.to_string());
        }
        lab
    }

    /// Starts `lab up` and waits until the script has said its process id.
    fn up_until_adfs_runs(&self) -> (Child, Pid) {
        let mut lab = self
            .lab("up")
            .arg("--verbose")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(lab.stderr.take().unwrap()).lines();
        let said = lines.find_map(|line| {
            let line = line.unwrap();
            line.split_once("I am ")
                .map(|(_, pid)| pid.parse().unwrap())
        });
        // Somebody must read on, or the lab would wait for room in the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        (lab, Pid::from_raw(said.unwrap()).unwrap())
    }
}

/// The process id that the script wrote, from the log of a lab whose own output nobody reads.
fn adfs_in_log(house: &House) -> Pid {
    let log = house.state().join("logs/adfs.log");
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let said = text.lines().find_map(|line| line.strip_prefix("I am "));
        if let Some(pid) = said {
            return Pid::from_raw(pid.parse().unwrap()).unwrap();
        }
        assert!(began.elapsed() < LIMIT, "adfs was not started: {text}");
        std::thread::yield_now();
    }
}

fn free_base_port() -> u16 {
    for _ in 0..200 {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let base = free.local_addr().unwrap().port();
        drop(free);
        let Ok(ports) = Ports::from_base(base) else {
            continue;
        };
        let all_free =
            |(_, port): (&str, u16)| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if ports.named().into_iter().all(all_free) {
            return base;
        }
    }
    panic!("no free ports");
}

fn wait_until_gone(pid: Pid) {
    let began = Instant::now();
    while test_kill_process(pid).is_ok() && !is_zombie(pid) {
        assert!(began.elapsed() < LIMIT, "process {pid:?} still runs");
        std::thread::yield_now();
    }
}

/// In a container nobody may collect what the lab could not: dead is dead enough.
fn is_zombie(pid: Pid) -> bool {
    let stat = Path::new("/proc")
        .join(pid.as_raw_nonzero().to_string())
        .join("stat");
    fs::read_to_string(stat).map_or(true, |stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('Z'))
    })
}

#[test]
fn a_child_that_dies_is_explained() {
    let house = House::with_adfs(Some(
        "echo 'first line'\necho 'the reason is here' >&2\nexit 3",
    ));
    let output = house.lab("up").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in [
        "adfs ended (exit status: 3)",
        "the reason is here",
        "first line",
        "adfs.log",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!house.state().join("lab.json").exists());
    let log = fs::read_to_string(house.state().join("logs/adfs.log")).unwrap();
    assert!(log.contains("the reason is here"), "{log}");
}

/// Damage to what an earlier start kept shows as the end of a program; the folder is all a person has to delete.
#[test]
fn the_state_folder_is_suspected_only_when_an_earlier_start_used_it() {
    let house = House::with_adfs(Some("exit 3"));
    for (start, suspected) in [(1, false), (2, true)] {
        let output = house.lab("up").output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("adfs ended (exit status: 3)"), "{text}");
        assert_eq!(
            text.contains("delete that folder"),
            suspected,
            "start {start}: {text}"
        );
        assert_eq!(text.matches("\nstopp").count(), 2, "{text}");
    }
}

#[test]
fn a_missing_program_is_named() {
    let house = House::with_adfs(None);
    let output = house.lab("up").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.contains("/adfs is not there") && text.contains("make build"),
        "{text}"
    );
}

#[test]
fn being_told_to_stop_half_way_stops_the_children_too() {
    let house = House::with_adfs(Some("echo \"I am $$\"\nexec sleep 1000"));
    let (mut lab, adfs) = house.up_until_adfs_runs();
    let second = house.lab("up").output().unwrap();
    let text = String::from_utf8_lossy(&second.stderr);
    assert!(
        text.contains("already running") && text.contains(&lab.id().to_string()),
        "{text}"
    );

    let status = house.lab("status").output().unwrap();
    assert_eq!(status.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&status.stdout).contains("starting"),
        "{status:?}"
    );

    let down = house.lab("down").output().unwrap();
    assert_eq!(down.status.code(), Some(0), "{down:?}");
    assert_eq!(lab.wait().unwrap().code(), Some(0));
    wait_until_gone(adfs);

    let again = house.lab("down").output().unwrap();
    assert_eq!(again.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&again.stdout).contains("no lab runs"));
}

#[test]
fn children_do_not_survive_a_killed_lab() {
    // Not even one that does not listen to anything else.
    let house = House::with_adfs(Some(
        "trap '' TERM HUP PIPE\necho \"I am $$\"\nexec sleep 1000",
    ));
    let (mut lab, adfs) = house.up_until_adfs_runs();
    let pid = Pid::from_raw(i32::try_from(lab.id()).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    lab.wait().unwrap();
    wait_until_gone(adfs);
}

#[test]
fn a_lab_whose_output_is_gone_still_runs_and_stops_in_order() {
    for signal in [Signal::TERM, Signal::HUP] {
        let house = House::with_adfs(Some("echo \"I am $$\"\nexec sleep 1000"));
        // Pipes without a reader: each write fails.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut lab = house
            .lab("up")
            .arg("--verbose")
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .spawn()
            .unwrap();
        let adfs = adfs_in_log(&house);
        let pid = Pid::from_raw(i32::try_from(lab.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        assert_eq!(lab.wait().unwrap().code(), Some(0), "{signal:?}");
        wait_until_gone(adfs);
    }
}

#[test]
fn hosts_are_those_of_the_lab_in_the_state_folder() {
    let house = House::with_adfs(None);
    let hosts = |more: &[&str]| {
        let output = house.lab("hosts").args(more).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text)
    };
    let expect = |more: &[&str], host: &str| {
        let (code, text) = hosts(more);
        assert_eq!(code, Some(0));
        let line = format!("127.0.0.1\t{host}");
        assert!(text.lines().any(|found| found == line), "{host}: {text}");
    };
    expect(&[], "sts.contoso.localhost");

    fs::create_dir(house.state()).unwrap();
    let lab = lab::contract::Lab {
        ca_file: "ca.pem".into(),
        adfs_url: "https://sts.contoso.lab.test:8443".to_owned(),
        adfs_internal_url: String::new(),
        federation_service_identifier: String::new(),
        ldap_url: String::new(),
        cloud_url: String::new(),
        dashboard_url: String::new(),
        published: Vec::new(),
        relying_parties: Vec::new(),
        users: Vec::new(),
        pids: lab::contract::Pids {
            adfs: 0,
            wap: 0,
            lab: 0,
        },
        config: lab::contract::Config {
            adfs: "adfs.toml".into(),
            wap: "wap.toml".into(),
        },
    };
    let file = house.state().join("lab.json");
    lab.write(&file).unwrap();
    expect(&[], "sts.contoso.lab.test");
    expect(&["--suffix", "example"], "sts.contoso.example");

    fs::write(&file, "{").unwrap();
    assert_eq!(hosts(&[]).0, Some(1));
}

#[test]
fn a_taken_port_is_named() {
    let house = House::with_adfs(Some("exec sleep 1000"));
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, house.base_port + 1)).unwrap();
    let output = house.lab("up").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.contains(&format!("port {} (cloud)", house.base_port + 1)),
        "{text}"
    );
    assert_eq!(text.matches("in use").count(), 1, "{text}");
    assert!(!text.contains("stopp"), "nothing was started: {text}");
}
