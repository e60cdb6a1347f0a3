use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::Site;

/// A server that runs, with the lines of its log.
struct Server {
    process: Child,
    lines: Receiver<String>,
}

impl Server {
    fn start(site: &Site) -> Server {
        let mut process = Command::new(env!("CARGO_BIN_EXE_adfs"))
            .args(["serve", "--config"])
            .arg(site.path().join("adfs.toml"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let log = process.stderr.take().expect("its log");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let server = Server { process, lines };
        server.says("listening");
        server
    }

    /// Waits for a line of the log.
    fn says(&self, part: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30));
            let line = line.unwrap_or_else(|error| panic!("no line with {part:?}: {error}"));
            if line.contains(part) {
                return line;
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has noticed by then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const ADD: [&str; 8] = [
    "relying-party",
    "add",
    "--name",
    "Wiki",
    "--identifier",
    "urn:wiki",
    "--ws-fed-endpoint",
    "https://wiki.test/",
];

#[test]
fn a_running_server_takes_changes_and_refuses_broken_ones() {
    let site = Site::new();
    let server = Server::start(&site);
    site.run(&ADD, 0);
    server.says("configuration reloaded");
    std::fs::write(site.trust("broken.toml"), "identifiers = 7\n").expect("written");
    server.says("is refused");
    server.says("broken.toml");
    std::fs::remove_file(site.trust("broken.toml")).expect("removed");
    server.says("configuration reloaded");
    site.run(&["relying-party", "remove", "Wiki"], 0);
    server.says("configuration reloaded");
}

/// Only the server reads the certificate of the listener, so it alone can refuse it.
#[test]
fn a_command_tells_that_the_running_server_refuses_the_configuration() {
    let site = Site::new();
    let server = Server::start(&site);
    std::fs::write(site.path().join("tls.pem"), "no certificate").expect("written");
    let output = site.adfs(&ADD);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("tls.pem") && errors.contains("refuses"),
        "{errors}"
    );
    server.says("is refused");
}
