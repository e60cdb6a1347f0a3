//! What a session remembers of an account.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use openssl::sha::Sha256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Names an account for as long as it lives, whatever it is renamed to. Serialised into session cookies.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectId {
    #[serde(rename = "d")]
    pub(super) directory: String,
    #[serde(rename = "k")]
    pub(super) key: SubjectKey,
}

/// Longest value of an identifying attribute.
const MAX_OCTETS: usize = 64;

/// The value of the attribute that identifies accounts (`objectGUID`), as octets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SubjectKey(Vec<u8>);

impl SubjectKey {
    /// `None` for a value that identifies nothing.
    pub(super) fn new(octets: &[u8]) -> Option<SubjectKey> {
        (1..=MAX_OCTETS)
            .contains(&octets.len())
            .then(|| SubjectKey(octets.to_owned()))
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl SubjectId {
    /// Section of the configuration that the account's directory has.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// Stands for the account where its identifier is not wanted.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"account\0");
        hash.update(self.directory.as_bytes());
        // No name of a section has this octet, so the border between the two is plain.
        hash.update(b"\0");
        hash.update(self.key.octets());
        hash.finish()
    }
}

impl Serialize for SubjectKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD_NO_PAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for SubjectKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SubjectKey, D::Error> {
        let text = String::deserialize(deserializer)?;
        let octets = STANDARD_NO_PAD.decode(text).map_err(de::Error::custom)?;
        SubjectKey::new(&octets)
            .ok_or_else(|| de::Error::custom("an identifier has 1 to 64 octets"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_survives_a_session() {
        let key = SubjectKey::new(&[0, 255, 7]).expect("a key");
        let subject = SubjectId {
            directory: "contoso".to_owned(),
            key,
        };
        let text = serde_json::to_string(&subject).expect("JSON");
        assert_eq!(text, r#"{"d":"contoso","k":"AP8H"}"#);
        assert_eq!(
            serde_json::from_str::<SubjectId>(&text).expect("a subject"),
            subject
        );
        for broken in [
            r#"{"d":"c","k":""}"#,
            r#"{"d":"c","k":"*"}"#,
            r#"{"d":"c","k":"AP8H","x":1}"#,
            "{}",
        ] {
            assert!(
                serde_json::from_str::<SubjectId>(broken).is_err(),
                "{broken}"
            );
        }
    }
}
