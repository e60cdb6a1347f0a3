//! Strict decoding of query strings and form bodies.
//!
//! Lenient decoders disagree with each other, and attackers live in the difference. So a broken escape, text that is
//! not UTF-8 or a NUL refuses the whole request; nothing is replaced or dropped.

use thiserror::Error;
use zeroize::Zeroize as _;

/// Most pairs that one request may carry.
pub(super) const MAX_PAIRS: usize = 256;

/// Why a query or a body is not taken.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub(super) enum ParameterError {
    /// A percent sign without two hexadecimal digits.
    #[error("a percent sign is not followed by two hexadecimal digits")]
    BrokenEscape,
    /// The decoded bytes are not UTF-8.
    #[error("a name or value is not UTF-8")]
    NotUtf8,
    /// U+0000 has no place in any parameter.
    #[error("a name or value contains U+0000")]
    Nul,
    /// More than [`MAX_PAIRS`] pairs.
    #[error("more than {MAX_PAIRS} parameters")]
    TooMany,
    /// A parameter that may appear once appears again.
    #[error("a parameter appears more than once")]
    Duplicate,
}

/// Decoded names and values in the order in which they came. A password may be among them: they are wiped when dropped,
/// and cannot be printed.
#[derive(Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Drop for Parameters {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            value.zeroize();
        }
    }
}

impl Parameters {
    /// Decodes `application/x-www-form-urlencoded` text (WHATWG URL 5.1, without its leniency).
    ///
    /// # Errors
    /// Says which rule of this module is broken.
    pub(super) fn decode(raw: &[u8]) -> Result<Parameters, ParameterError> {
        let mut pairs = Vec::new();
        for piece in raw
            .split(|byte| *byte == b'&')
            .filter(|piece| !piece.is_empty())
        {
            if pairs.len() == MAX_PAIRS {
                return Err(ParameterError::TooMany);
            }
            let mut halves = piece.splitn(2, |byte| *byte == b'=');
            let name = decode_text(halves.next().unwrap_or_default())?;
            let value = decode_text(halves.next().unwrap_or_default())?;
            pairs.push((name, value));
        }
        Ok(Parameters(pairs))
    }

    /// The pairs.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// Whether `name` appears at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(candidate, _)| candidate == name)
    }

    /// The value of a parameter that may appear once.
    ///
    /// # Errors
    /// [`ParameterError::Duplicate`] when it appears more often.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, ParameterError> {
        let mut values = self
            .0
            .iter()
            .filter(|(candidate, _)| candidate == name)
            .map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() {
            Err(ParameterError::Duplicate)
        } else {
            Ok(first)
        }
    }
}

fn decode_text(raw: &[u8]) -> Result<String, ParameterError> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = rest
                    .next()
                    .and_then(hexadecimal)
                    .ok_or(ParameterError::BrokenEscape)?;
                let low = rest
                    .next()
                    .and_then(hexadecimal)
                    .ok_or(ParameterError::BrokenEscape)?;
                (high << 4) | low
            }
            other => other,
        });
    }
    if bytes.contains(&0) {
        return Err(ParameterError::Nul);
    }
    String::from_utf8(bytes).map_err(|_| ParameterError::NotUtf8)
}

fn hexadecimal(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_browsers_send() {
        let parameters =
            Parameters::decode(b"wa=wsignin1.0&wctx=a%26b%22%3C+%C3%A9&empty=&flag&&x=1=2")
                .unwrap_or_default();
        let expected = [
            ("wa", "wsignin1.0"),
            ("wctx", "a&b\"< é"),
            ("empty", ""),
            ("flag", ""),
            ("x", "1=2"),
        ];
        let pairs: Vec<_> = parameters
            .pairs()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(pairs, expected);
    }

    #[test]
    fn refuses_what_decoders_disagree_about() {
        let cases: [(&[u8], ParameterError); 7] = [
            (b"a=%", ParameterError::BrokenEscape),
            (b"a=%4", ParameterError::BrokenEscape),
            (b"a=%zz", ParameterError::BrokenEscape),
            (b"a=%+1", ParameterError::BrokenEscape),
            (b"a=%C3%28", ParameterError::NotUtf8),
            (b"a=\xff", ParameterError::NotUtf8),
            (b"a=%00", ParameterError::Nul),
        ];
        for (raw, expected) in cases {
            assert_eq!(Parameters::decode(raw).err(), Some(expected), "{raw:?}");
        }
        let many = "a=1&".repeat(MAX_PAIRS + 1);
        assert_eq!(
            Parameters::decode(many.as_bytes()).err(),
            Some(ParameterError::TooMany)
        );
    }

    #[test]
    fn a_repeated_parameter_has_no_single_value() {
        let parameters = Parameters::decode(b"a=1&a=1&b=2").unwrap_or_default();
        assert_eq!(parameters.one("a"), Err(ParameterError::Duplicate));
        assert_eq!(parameters.one("b"), Ok(Some("2")));
        assert_eq!(parameters.one("c"), Ok(None));
    }
}
