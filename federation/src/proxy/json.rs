//! Reading and writing of the protocol's JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::json;

/// Largest document of the control channel, in bytes (spec security 3.3, "Body: proxy API").
pub const MAX_DOCUMENT: usize = 512 * 1024;

/// Deepest nesting. The parser stops at 128 by itself.
const MAX_DEPTH: u8 = u8::MAX;

/// A document that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the {what} of the proxy integration protocol cannot be read: {reason}")]
pub struct WireError {
    /// Name of the document, as MS-ADFSPIP section 2.2.2 has it.
    pub what: &'static str,
    /// What is wrong, and where.
    pub reason: String,
}

/// A JSON document of MS-ADFSPIP section 2.2.2.
pub trait Document: DeserializeOwned {
    /// Its name in messages.
    const NAME: &'static str;
    /// Every member name that the document and the objects in it have, in the documented spelling. Peers differ in
    /// case, so names are compared without it.
    const MEMBERS: &'static [&'static str];
    /// Member names of other editions of the protocol and what they are called now.
    const RENAMED: &'static [(&'static str, &'static str)] = &[];
    /// Largest size in bytes.
    const MAX_BYTES: usize = MAX_DOCUMENT;
}

/// Reads a document.
///
/// # Errors
/// When it is too large, not JSON, nested too deeply, names a member twice (in whatever case), or lacks what it must
/// have.
pub fn read<T: Document>(json: &[u8]) -> Result<T, WireError> {
    let failed = |reason: String| WireError {
        what: T::NAME,
        reason,
    };
    if json.len() > T::MAX_BYTES {
        return Err(failed(format!(
            "it has {} bytes, more than the {} that are allowed",
            json.len(),
            T::MAX_BYTES
        )));
    }
    let spelling = Spelling {
        members: T::MEMBERS,
        renamed: T::RENAMED,
    };
    let value = json::read(json, MAX_DEPTH, &|name| spelling.of(name))
        .map_err(|error| failed(error.to_string()))?;
    serde_json::from_value(value).map_err(|error| failed(error.to_string()))
}

/// Writes a document in its documented spelling.
///
/// # Errors
/// Only when a value has no JSON form, which the types of this module do not allow.
pub fn write<T: Document + Serialize>(document: &T) -> Result<Vec<u8>, WireError> {
    serde_json::to_vec(document).map_err(|error| WireError {
        what: T::NAME,
        reason: error.to_string(),
    })
}

/// Gives members their documented spelling.
#[derive(Clone, Copy)]
struct Spelling {
    members: &'static [&'static str],
    renamed: &'static [(&'static str, &'static str)],
}

impl Spelling {
    fn of(self, name: String) -> String {
        let today = self
            .renamed
            .iter()
            .find(|(old, _)| old.eq_ignore_ascii_case(&name))
            .map(|(_, new)| *new);
        let known = || {
            self.members
                .iter()
                .find(|member| member.eq_ignore_ascii_case(&name))
                .copied()
        };
        today.or_else(known).map_or(name, str::to_owned)
    }
}

/// Members that some peers write as text and others as a number or a truth value.
pub(super) mod lenient {
    use serde::{Deserialize, Deserializer, de};
    use serde_json::Value;

    /// A whole number, quoted or not (the document's own templates quote them).
    pub(crate) fn number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: TryFrom<i64>,
    {
        let whole = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        whole
            .and_then(|whole| T::try_from(whole).ok())
            .ok_or_else(|| de::Error::custom("a whole number in the member's range is needed"))
    }

    /// A truth value, quoted or not.
    pub(crate) fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(value) => Ok(value),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(de::Error::custom("true or false is needed")),
        }
    }

    /// A value that may be absent or null; both mean its default.
    pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: Deserialize<'de> + Default,
    {
        Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Sample {
        #[serde(deserialize_with = "lenient::number")]
        port: u16,
        #[serde(default, deserialize_with = "lenient::truth")]
        on: bool,
        #[serde(default, deserialize_with = "lenient::nullable")]
        names: Vec<String>,
    }

    impl Document for Sample {
        const NAME: &'static str = "sample";
        const MEMBERS: &'static [&'static str] = &["Port", "On", "Names"];
        const RENAMED: &'static [(&'static str, &'static str)] = &[("PortNumber", "Port")];
        const MAX_BYTES: usize = 256;
    }

    #[test]
    fn spelling_and_quoting_of_peers_are_taken() {
        let plain = Sample {
            port: 443,
            on: true,
            names: vec!["a/b".to_owned()],
        };
        for json in [
            r#"{"Port":443,"On":true,"Names":["a\/b"]}"#,
            r#"{"PORT":"443","oN":"True","names":["a/b"],"Later":{"x":[1.5,null]}}"#,
            r#"{"portnumber":443,"On":true,"Names":["a/b"]}"#,
        ] {
            assert_eq!(read::<Sample>(json.as_bytes()).unwrap(), plain, "{json}");
        }
        let bare = read::<Sample>(br#"{"Port":1,"Names":null}"#).unwrap();
        assert_eq!(
            bare,
            Sample {
                port: 1,
                on: false,
                names: Vec::new()
            }
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let large = format!(r#"{{"Port":1,"X":"{}"}}"#, "x".repeat(256));
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for (json, reason) in [
            (r#"{"Port":1,"port":2}"#, "appears twice"),
            (r#"{"Port":1,"PortNumber":2}"#, "appears twice"),
            (r#"{"On":true}"#, "missing field"),
            (r#"{"Port":65536}"#, "whole number"),
            (r#"{"Port":-1}"#, "whole number"),
            (r#"{"Port":1.5}"#, "whole number"),
            (r#"{"Port":1,"On":1}"#, "true or false"),
            (r#"{"Port":1} x"#, "trailing"),
            (r#"{"Port":1"#, "EOF"),
            (large.as_str(), "more than the 256"),
            (deep.get(..240).unwrap(), "recursion"),
        ] {
            let error = read::<Sample>(json.as_bytes()).unwrap_err();
            assert!(error.reason.contains(reason), "{json}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read::<Sample>(&bytes);
        }

        #[test]
        fn what_is_written_is_read(port: u16, on: bool, names in proptest::collection::vec(".{0,8}", 0..3)) {
            let sample = Sample { port, on, names };
            let json = write(&sample).unwrap();
            prop_assume!(json.len() <= Sample::MAX_BYTES);
            prop_assert_eq!(read::<Sample>(&json).unwrap(), sample);
        }
    }
}
