//! `RelayState` of sign-ins that start here (spec passive-sign-in 3.9).

use percent_encoding::percent_decode_str;

/// The application that a sign-in is for, and what it is to be handed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Identifier of the relying party trust.
    pub relying_party: String,
    /// Its `RelayState`.
    pub relay_state: Option<String>,
}

/// Reads `RPID=…&RelayState=…` out of a `RelayState` that was decoded once. The standard encodes the values and then the
/// whole; clients in the wild encode only once, so that what is left has nothing to decode.
pub fn target(relay_state: &str) -> Option<Target> {
    let rest = relay_state.strip_prefix("RPID=")?;
    let (relying_party, inner) = match rest.rsplit_once("&RelayState=") {
        Some((relying_party, inner)) => (relying_party, Some(inner)),
        None => (rest, None),
    };
    Some(Target {
        relying_party: decode(relying_party)?,
        relay_state: match inner {
            Some(inner) => Some(decode(inner)?),
            None => None,
        },
    })
}

fn decode(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    (!decoded.contains('\0')).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_are_read_and_anything_else_is_not() {
        let both = |relying_party: &str, relay_state: Option<&str>| {
            Some(Target {
                relying_party: relying_party.to_owned(),
                relay_state: relay_state.map(str::to_owned),
            })
        };
        let cases = [
            (
                "RPID=https%3A%2F%2Fsp.test%2Fa&RelayState=https%3A%2F%2Fsp.test%2F%3Fx%3D1%26y%3D2",
                both("https://sp.test/a", Some("https://sp.test/?x=1&y=2")),
            ),
            (
                "RPID=https://sp.test/a&RelayState=https://sp.test/?x=1",
                both("https://sp.test/a", Some("https://sp.test/?x=1")),
            ),
            ("RPID=urn%3Asp", both("urn:sp", None)),
            ("RPID=urn:sp&RelayState=", both("urn:sp", Some(""))),
            ("https://sp.test/", None),
            ("RelayState=x&RPID=y", None),
            ("RPID=%FF", None),
            ("RPID=a%00", None),
        ];
        for (text, expected) in cases {
            assert_eq!(target(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_input_panics(text in "(RPID=)?.{0,40}(&RelayState=)?.{0,40}") {
            let _ = target(&text);
        }
    }
}
