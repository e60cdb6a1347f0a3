//! The people as the LDIF files tell of them, read without the lab's help, so that what comes out of a token can be
//! compared with what went into the directory.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::paths::repository;

/// One entry of an LDIF file: attribute name and value, in the order of the file.
#[derive(Debug, Clone)]
pub struct Entry(Vec<(String, Vec<u8>)>);

impl Entry {
    /// The first value of an attribute, in whatever case it is written.
    pub fn bytes(&self, attribute: &str) -> Option<&[u8]> {
        self.0
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(attribute))
            .map(|(_, value)| value.as_slice())
    }

    /// The same as text.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.bytes(attribute)
            .and_then(|value| std::str::from_utf8(value).ok())
    }
}

/// The entry of one person.
///
/// # Errors
/// When the files cannot be read or nobody has this account name.
pub fn person(sam_account_name: &str) -> Result<Entry> {
    for file in ["people.ldif", "load.ldif"] {
        let path = repository().join("ldap-fixtures").join(file);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let found = entries(&text)?
            .into_iter()
            .find(|entry| entry.text("sAMAccountName") == Some(sam_account_name));
        if let Some(entry) = found {
            return Ok(entry);
        }
    }
    anyhow::bail!("nobody in ldap-fixtures has the sAMAccountName {sam_account_name}")
}

/// What directory synchronisation makes the ImmutableID: base64 of mS-DS-ConsistencyGuid, else of objectGUID, as the
/// bytes stand in the directory (spec cloud-scenario 5).
///
/// # Errors
/// When the person has neither.
pub fn immutable_id(sam_account_name: &str) -> Result<String> {
    let entry = person(sam_account_name)?;
    let guid = entry
        .bytes("mS-DS-ConsistencyGuid")
        .or_else(|| entry.bytes("objectGUID"));
    let guid = guid.with_context(|| format!("{sam_account_name} has no GUID"))?;
    ensure!(
        guid.len() == 16,
        "the GUID of {sam_account_name} has {} bytes",
        guid.len()
    );
    Ok(STANDARD.encode(guid))
}

fn entries(text: &str) -> Result<Vec<Entry>> {
    let unfolded = text.replace("\r\n", "\n").replace("\n ", "");
    unfolded
        .split("\n\n")
        .map(entry)
        .filter(|entry| !matches!(entry, Ok(Entry(pairs)) if pairs.is_empty()))
        .collect()
}

fn entry(block: &str) -> Result<Entry> {
    let lines = block
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.map(|line| {
        let (name, value) = line
            .split_once(':')
            .with_context(|| format!("not an attribute line: {line}"))?;
        let value = match value.strip_prefix(':') {
            Some(encoded) => STANDARD
                .decode(encoded.trim())
                .with_context(|| format!("not base64: {line}"))?,
            None => value.trim_start_matches(' ').as_bytes().to_vec(),
        };
        Ok((name.to_owned(), value))
    });
    Ok(Entry(pairs.collect::<Result<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_and_encoded_lines_are_read() {
        let entries = entries("# people\n\ndn: CN=A,\n DC=x\ncn:: w4Q=\n\ndn: CN=B\n").unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].text("dn"), Some("CN=A,DC=x"));
        assert_eq!(entries[0].text("CN"), Some("\u{c4}"));
    }

    #[test]
    fn the_example_of_the_specification_holds() {
        // Cloud-scenario 5: GUID 1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809 of alice.
        assert_eq!(immutable_id("alice").unwrap(), "TTwrGm9egXCSo7TF1uf4CQ==");
    }
}
