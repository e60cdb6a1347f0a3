//! Where a trust and the metadata of its partner say different things.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::facts::Facts;

/// A report names that many lines of a setting; the rest is counted.
const MAX_LINES: usize = 20;

/// One setting in which they differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Key in the trust file.
    pub setting: String,
    /// What the metadata say and the trust does not: addresses, certificates by their SHA-256, identifiers.
    pub added: Vec<String>,
    /// What the trust says and the metadata do not.
    pub removed: Vec<String>,
    /// Why this needs a person; `None` for what an automatic update takes.
    pub held: Option<Held>,
}

/// What no automatic update does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// The document is about somebody with another identifier. Nothing else of it is taken either.
    AnotherIdentity,
    /// Whoever writes the metadata could take over requests and tokens that are meant for others.
    NewIdentifier,
    /// Without any certificate, signatures of requests could not be checked.
    NoSigningCertificate,
    /// Tokens would no longer be encrypted.
    NoEncryption,
}

impl Held {
    /// The reason, as a sentence without capital and full stop.
    pub const fn reason(self) -> &'static str {
        match self {
            Held::AnotherIdentity => "the metadata are those of another identifier",
            Held::NewIdentifier => "an identifier is never taken automatically",
            Held::NoSigningCertificate => {
                "the last signing certificate is never removed automatically"
            }
            Held::NoEncryption => "encryption is never turned off automatically",
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", self.setting)?;
        for line in &self.removed {
            write!(formatter, " -{line}")?;
        }
        for line in &self.added {
            write!(formatter, " +{line}")?;
        }
        match self.held {
            Some(held) => write!(formatter, " (held: {})", held.reason()),
            None => Ok(()),
        }
    }
}

/// The differences in the settings `followed`, in their order. `same_identity`: the document is about the trust's partner.
pub(super) fn differences(
    followed: &[&'static str],
    old: &Facts,
    new: &Facts,
    same_identity: bool,
) -> Vec<Difference> {
    let none = BTreeSet::new();
    let compare = |setting: &&'static str| {
        let (old, new) = (
            old.get(setting).unwrap_or(&none),
            new.get(setting).unwrap_or(&none),
        );
        (old != new).then(|| Difference {
            setting: (*setting).to_owned(),
            added: lines(new.difference(old)),
            removed: lines(old.difference(new)),
            held: if same_identity {
                held(setting, new)
            } else {
                Some(Held::AnotherIdentity)
            },
        })
    };
    followed.iter().filter_map(compare).collect()
}

fn held(setting: &str, new: &BTreeSet<String>) -> Option<Held> {
    match setting {
        "identifiers" | "identifier" => Some(Held::NewIdentifier),
        "request_signing_certificate" | "token_signing_certificate" if new.is_empty() => {
            Some(Held::NoSigningCertificate)
        }
        "encryption_certificate" if new.is_empty() => Some(Held::NoEncryption),
        _ => None,
    }
}

fn lines<'l>(lines: impl Iterator<Item = &'l String> + Clone) -> Vec<String> {
    let more = lines.clone().count().saturating_sub(MAX_LINES);
    let mut shown: Vec<String> = lines.take(MAX_LINES).cloned().collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown
}
