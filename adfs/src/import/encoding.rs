//! From the bytes that PowerShell wrote to text. `>` and `Out-File` of Windows PowerShell write UTF-16, PowerShell 7
//! writes UTF-8, and either may begin with a byte order mark.

use super::ImportError;

const UTF8_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
const LITTLE_ENDIAN_MARK: &[u8] = &[0xFF, 0xFE];
const BIG_ENDIAN_MARK: &[u8] = &[0xFE, 0xFF];

/// The text without its byte order mark.
///
/// # Errors
/// [`ImportError::Encoding`] when it is neither UTF-8 nor UTF-16; nothing is replaced or guessed within a text.
pub fn decode(bytes: &[u8]) -> Result<String, ImportError> {
    if let Some(rest) = bytes.strip_prefix(UTF8_MARK) {
        return utf8(rest);
    }
    if let Some(rest) = bytes.strip_prefix(LITTLE_ENDIAN_MARK) {
        return utf16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(BIG_ENDIAN_MARK) {
        return utf16(rest, u16::from_be_bytes);
    }
    // Every form that is read here begins with an ASCII character, so a NUL beside it tells UTF-16 without a mark.
    match bytes {
        [first, 0, ..] if *first != 0 => utf16(bytes, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => utf16(bytes, u16::from_be_bytes),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, ImportError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(ImportError::Encoding {
            encoding: "UTF-8",
            offset: error.valid_up_to(),
        }),
    }
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> Result<String, ImportError> {
    let refused = |offset| ImportError::Encoding {
        encoding: "UTF-16",
        offset,
    };
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(refused(bytes.len() - rest.len()));
    }
    let mut offset = 0;
    let mut text = String::with_capacity(pairs.len());
    for unit in char::decode_utf16(pairs.iter().map(|pair| read(*pair))) {
        let character = unit.map_err(|_| refused(offset))?;
        offset += character.len_utf16() * 2;
        text.push(character);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf16_bytes(text: &str, write: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(write).collect()
    }

    #[test]
    fn torn_and_wrong_bytes_are_refused_where_they_stand() {
        let cases: [(&[u8], usize); 5] = [
            (b"\xFF\xFE[\0]", 2),
            (b"\xFF\xFEa\0\0\xD8", 2),
            (b"\xFE\xFF\xDC\0\0a", 0),
            (b"ab\xFFc", 2),
            (b"\xEF\xBB\xBFa\xC3", 1),
        ];
        for (bytes, at) in cases {
            let refused = decode(bytes).unwrap_err();
            assert!(
                matches!(refused, ImportError::Encoding { offset, .. } if offset == at),
                "{bytes:?}: {refused}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_encoding_of_a_text_gives_the_text(rest in "\\PC{0,40}") {
            let text = format!("[{rest}");
            let little = utf16_bytes(&text, u16::to_le_bytes);
            let big = utf16_bytes(&text, u16::to_be_bytes);
            let forms = [
                text.as_bytes().to_vec(),
                [UTF8_MARK, text.as_bytes()].concat(),
                [LITTLE_ENDIAN_MARK, &little].concat(),
                [BIG_ENDIAN_MARK, &big].concat(),
            ];
            for form in forms {
                prop_assert_eq!(decode(&form).unwrap(), text.clone());
            }
            if !rest.is_empty() || rest.is_ascii() {
                prop_assert_eq!(decode(&little).unwrap(), text.clone());
                prop_assert_eq!(decode(&big).unwrap(), text);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }
}
