//! The POST binding: a message in a form field (SAML 2.0 Bindings 3.5).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::DecodeError;
use crate::xml::Limits;

/// Takes the message out of the value of `SAMLRequest` or `SAMLResponse`.
///
/// # Errors
/// [`DecodeError::TooLarge`], [`DecodeError::Base64`], [`DecodeError::Text`].
pub fn decode(field: &str) -> Result<String, DecodeError> {
    let limit = Limits::message().bytes;
    String::from_utf8(base64_within(field, limit)?).map_err(|_| DecodeError::Text)
}

/// The value of the form field.
pub fn encode(message: &str) -> String {
    STANDARD.encode(message)
}

/// Base64 as others write it: in lines, or with `+` that form decoding has turned into a blank.
pub(super) fn base64_within(text: &str, limit: usize) -> Result<Vec<u8>, DecodeError> {
    if text.len() > limit.saturating_mul(3) / 2 + 4 {
        return Err(DecodeError::TooLarge(limit));
    }
    let octets: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b'\r' | b'\n' | b'\t'))
        .map(|byte| if byte == b' ' { b'+' } else { byte })
        .collect();
    let decoded = STANDARD.decode(&octets).map_err(|_| DecodeError::Base64)?;
    if decoded.len() > limit {
        return Err(DecodeError::TooLarge(limit));
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_and_blanks_are_read_and_what_is_too_large_is_not() {
        assert_eq!(decode("PGEvPg==").as_deref(), Ok("<a/>"));
        assert_eq!(decode("PGEv\r\nPg==").as_deref(), Ok("<a/>"));
        let text = "<a>\u{3fb}\u{3fe}>>></a>";
        assert_eq!(decode(&encode(text).replace('+', " ")).as_deref(), Ok(text));
        for wrong in ["PGEvPg", "PGEvPg=", "<a/>", "PGEv*g=="] {
            assert_eq!(decode(wrong), Err(DecodeError::Base64), "{wrong}");
        }
        assert_eq!(decode("/w=="), Err(DecodeError::Text));
        let large = encode(&" ".repeat(Limits::message().bytes + 1));
        assert!(matches!(decode(&large), Err(DecodeError::TooLarge(_))));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in ".{0,200}") {
            prop_assert_eq!(decode(&encode(&text)), Ok(text));
        }

        #[test]
        fn no_input_panics(text in ".{0,100}") {
            let _ = decode(&text);
        }
    }
}
