//! The store that all proxies of a farm share (MS-ADFSPIP 2.2.2.8 to 2.2.2.10).

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::json::{Document, lenient};

/// Largest value of an entry, in bytes (spec security PIP-6).
pub const MAX_STORE_VALUE: usize = 256 * 1024;

/// Name of an entry: 1 to 128 letters, digits, `.`, `_` or `-` (spec security PIP-6). Compared without case.
#[derive(Debug, Clone)]
pub struct StoreKey(String);

/// Text that is no [`StoreKey`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a store key has 1 to 128 letters, digits, '.', '_' or '-'")]
pub struct StoreKeyError;

impl StoreKey {
    /// Checks a name.
    ///
    /// # Errors
    /// When it has other characters or another length.
    pub fn parse(text: &str) -> Result<StoreKey, StoreKeyError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        // A key is a path segment, and these two would be taken for steps.
        let dots = matches!(text, "." | "..");
        if text.is_empty() || text.len() > 128 || dots || !text.bytes().all(allowed) {
            return Err(StoreKeyError);
        }
        Ok(StoreKey(text.to_owned()))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for StoreKey {
    fn eq(&self, other: &StoreKey) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for StoreKey {}

impl fmt::Display for StoreKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An entry as the server answers it (MS-ADFSPIP 2.2.2.9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreEntry {
    /// Name.
    #[serde(default)]
    pub key: String,
    /// Counts the changes, from 1 (0 in examples of the document).
    #[serde(deserialize_with = "lenient::number")]
    pub version: i64,
    /// What the proxies put there. Absent in lists of some servers and in the answer to PUT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

const MEMBERS: &[&str] = &["key", "version", "value"];

impl Document for StoreEntry {
    const NAME: &'static str = "store entry";
    const MEMBERS: &'static [&'static str] = MEMBERS;
}

impl Document for Vec<StoreEntry> {
    const NAME: &'static str = "store entry list";
    const MEMBERS: &'static [&'static str] = MEMBERS;
    const MAX_BYTES: usize = 16 * 1024 * 1024;
}

/// Body of POST (no version) and PUT (the version that it replaces) on an entry (MS-ADFSPIP 2.2.2.8, 2.2.2.10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreEntryWrite {
    /// Name; absent means the one in the URL, another one is an error of the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The version that the sender has read. Only in PUT, and needed there.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_version"
    )]
    pub version: Option<i64>,
    /// New value, opaque to the server.
    pub value: String,
}

impl Document for StoreEntryWrite {
    const NAME: &'static str = "store entry";
    const MEMBERS: &'static [&'static str] = MEMBERS;
}

fn optional_version<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    lenient::number(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::super::json::{read, write};
    use super::*;

    #[test]
    fn entries_come_with_and_without_their_value() {
        let full: StoreEntry = read(br#"{"Key":"k","Version":"3","Value":"v"}"#).unwrap();
        assert_eq!(
            full,
            StoreEntry {
                key: "k".to_owned(),
                version: 3,
                value: Some("v".to_owned())
            }
        );
        assert_eq!(
            write(&full).unwrap(),
            br#"{"key":"k","version":3,"value":"v"}"#
        );
        let list: Vec<StoreEntry> = read(br#"[{"key":"k","version":0}]"#).unwrap();
        assert_eq!(
            list,
            vec![StoreEntry {
                key: "k".to_owned(),
                version: 0,
                value: None
            }]
        );
        let create: StoreEntryWrite = read(br#"{"value":"v"}"#).unwrap();
        assert_eq!(
            create,
            StoreEntryWrite {
                key: None,
                version: None,
                value: "v".to_owned()
            }
        );
    }

    #[test]
    fn keys_are_path_segments_of_harmless_characters() {
        let long = "k".repeat(128);
        for good in ["openadfs.wap-1_x", "A", long.as_str(), "..."] {
            assert_eq!(StoreKey::parse(good).unwrap().as_str(), good);
        }
        let too_long = "k".repeat(129);
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a%2f",
            "a b",
            "é",
            "a\0",
            too_long.as_str(),
        ] {
            assert_eq!(StoreKey::parse(bad), Err(StoreKeyError), "{bad:?}");
        }
        assert_eq!(
            StoreKey::parse("Wap").unwrap(),
            StoreKey::parse("wAP").unwrap()
        );
    }
}
