//! `lab status`: whether a lab runs, and which of its parts answer.
//!
//! A part is looked for at its address and not by its process id, since a person may have started it again by hand.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use crate::addresses::Addresses;
use crate::contract::Lab;
use crate::processes::beside;
use crate::shell::serve_command;
use crate::state_folder::StateFolder;
use crate::tables::table;

const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// What is known of the lab of a state folder.
#[derive(Debug)]
pub struct Status {
    state: StateFolder,
    pid: Option<u32>,
    ready: bool,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    name: &'static str,
    address: String,
    answers: bool,
    /// How a person starts it; only what is a process of its own can be.
    restart: Option<String>,
}

impl Status {
    /// Asks each part.
    pub fn of(state: &StateFolder) -> Status {
        let pid = state.running();
        let lab = pid.and_then(|_| Lab::read(&state.lab_json()).ok());
        Status {
            state: state.clone(),
            pid,
            ready: lab.is_some(),
            parts: lab.as_ref().map(parts).unwrap_or_default(),
        }
    }

    /// Whether all of the lab runs.
    pub fn is_well(&self) -> bool {
        self.ready && self.parts.iter().all(|part| part.answers)
    }

    fn word(&self) -> &'static str {
        match (self.pid, self.ready) {
            (None, _) => "not running",
            (Some(_), false) => "starting or stopping",
            (Some(_), true) if self.is_well() => "ready",
            (Some(_), true) => "in trouble",
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let parts: Vec<Value> = self
            .parts
            .iter()
            .map(|part| json!({ "name": part.name, "address": part.address, "answers": part.answers }))
            .collect();
        json!({ "state": self.word(), "pid": self.pid, "parts": parts })
    }

    /// For people.
    pub fn text(&self) -> String {
        let folder = self.state.path().display();
        let mut text = format!("the lab in {folder} is {}\n", self.word());
        let rows: Vec<Vec<String>> = self
            .parts
            .iter()
            .map(|part| {
                let state = if part.answers {
                    "answers"
                } else {
                    "does not answer"
                };
                vec![part.name.to_owned(), part.address.clone(), state.to_owned()]
            })
            .collect();
        if !rows.is_empty() {
            text.push_str(&table("", &["part", "address", "state"], &rows));
        }
        for part in self.parts.iter().filter(|part| !part.answers) {
            if let Some(command) = &part.restart {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "start {} again with: {command}", part.name);
            }
        }
        text
    }
}

fn parts(lab: &Lab) -> Vec<Part> {
    let places = [
        ("wap", &lab.adfs_url, Some(&lab.config.wap)),
        ("adfs", &lab.adfs_internal_url, Some(&lab.config.adfs)),
        ("cloud", &lab.cloud_url, None),
        ("directory", &lab.ldap_url, None),
    ];
    places
        .map(|(name, address, config)| Part {
            name,
            address: address.clone(),
            answers: answers(address),
            restart: config.map(|config| restart(name, config)),
        })
        .into()
}

fn restart(name: &str, config: &Path) -> String {
    let program = beside(name).unwrap_or_else(|_| name.into());
    serve_command(&program, config)
}

/// Whether something accepts connections there.
fn answers(address: &str) -> bool {
    let port = Url::parse(address)
        .ok()
        .and_then(|url| url.port_or_known_default());
    port.is_some_and(|port| {
        TcpStream::connect_timeout(&Addresses::loopback(port), CONNECT_LIMIT).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(adfs_answers: bool) -> Status {
        let part = |name, answers, restart| Part {
            name,
            address: format!("https://{name}.test"),
            answers,
            restart,
        };
        Status {
            state: StateFolder::at(Path::new("/lab")).unwrap(),
            pid: Some(7),
            ready: true,
            parts: vec![
                part(
                    "adfs",
                    adfs_answers,
                    Some("adfs serve --config x".to_owned()),
                ),
                part("cloud", true, None),
            ],
        }
    }

    #[test]
    fn a_part_that_is_down_is_named_with_the_command_that_starts_it() {
        let trouble = status(false);
        assert!(!trouble.is_well());
        let text = trouble.text();
        assert!(text.contains("the lab in /lab is in trouble"), "{text}");
        assert!(
            text.contains("start adfs again with: adfs serve --config x"),
            "{text}"
        );
        assert_eq!(trouble.json()["parts"][0]["answers"], false);
    }

    #[test]
    fn nothing_is_to_be_started_when_all_is_well() {
        let well = status(true);
        assert!(well.is_well());
        assert!(!well.text().contains("again"), "{}", well.text());
        assert_eq!(well.json()["state"], "ready");
    }

    #[test]
    fn an_address_answers_while_somebody_listens() {
        let listener = std::net::TcpListener::bind(Addresses::loopback(0)).unwrap();
        let address = format!(
            "https://127.0.0.1:{}",
            listener.local_addr().unwrap().port()
        );
        assert!(answers(&address));
        drop(listener);
        assert!(!answers(&address));
        assert!(!answers("not an address"));
    }
}
