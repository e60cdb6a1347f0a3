//! The pieces of BER that LDAP requests are made of, read strictly.

use ldap3_lber::common::TagClass;
use ldap3_lber::structure::StructureTag;

use RequestError::{Malformed, TooLarge};

/// Universal tag numbers.
pub(super) const BOOLEAN: u64 = 1;
pub(super) const INTEGER: u64 = 2;
pub(super) const OCTETS: u64 = 4;
pub(super) const ENUMERATED: u64 = 10;
pub(super) const SEQUENCE: u64 = 16;

/// Why bytes are not a request. The connection ends after it, as RFC 4511 5.1 demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequestError {
    #[error("the message is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the bytes are not an LDAP message")]
    Malformed,
    #[error("the filter is too deep or has too many parts")]
    FilterTooComplex,
    #[error("too many attributes or controls")]
    TooMany,
}

/// How long the message at the start of `buffer` is; none while its header is incomplete. A message that announces more
/// than `limit` is refused before it is collected.
pub(super) fn message_length(buffer: &[u8], limit: usize) -> Result<Option<usize>, RequestError> {
    let Some((&tag, rest)) = buffer.split_first() else {
        return Ok(None);
    };
    if tag != 0x30 {
        return Err(Malformed);
    }
    let Some((&first, rest)) = rest.split_first() else {
        return Ok(None);
    };
    let (header, body) = if first < 0x80 {
        (2, usize::from(first))
    } else {
        let count = usize::from(first & 0x7f);
        // LDAP uses the definite form only (RFC 4511 5.1); four length bytes are more than any limit needs.
        if count == 0 || count > 4 {
            return Err(Malformed);
        }
        let Some(bytes) = rest.get(..count) else {
            return Ok(None);
        };
        (
            2 + count,
            bytes
                .iter()
                .fold(0usize, |sum, byte| sum << 8 | usize::from(*byte)),
        )
    };
    match header + body {
        length if length > limit => Err(TooLarge(limit)),
        length => Ok(Some(length)),
    }
}

pub(super) fn array<T, const N: usize>(parts: Vec<T>) -> Result<[T; N], RequestError> {
    parts.try_into().map_err(|_| Malformed)
}

pub(super) fn constructed(
    tag: StructureTag,
    class: TagClass,
    id: u64,
) -> Result<Vec<StructureTag>, RequestError> {
    tag.match_class(class)
        .and_then(|tag| tag.match_id(id))
        .and_then(StructureTag::expect_constructed)
        .ok_or(Malformed)
}

pub(super) fn primitive(
    tag: StructureTag,
    class: TagClass,
    id: u64,
) -> Result<Vec<u8>, RequestError> {
    tag.match_class(class)
        .and_then(|tag| tag.match_id(id))
        .and_then(StructureTag::expect_primitive)
        .ok_or(Malformed)
}

pub(super) fn octets(tag: StructureTag) -> Result<Vec<u8>, RequestError> {
    primitive(tag, TagClass::Universal, OCTETS)
}

pub(super) fn text(tag: StructureTag) -> Result<String, RequestError> {
    String::from_utf8(octets(tag)?).map_err(|_| Malformed)
}

pub(super) fn boolean(tag: StructureTag) -> Result<bool, RequestError> {
    truth(&primitive(tag, TagClass::Universal, BOOLEAN)?)
}

pub(super) fn truth(bytes: &[u8]) -> Result<bool, RequestError> {
    match bytes {
        [byte] => Ok(*byte != 0),
        _ => Err(Malformed),
    }
}

pub(super) fn integer(tag: StructureTag, id: u64) -> Result<i64, RequestError> {
    let bytes = primitive(tag, TagClass::Universal, id)?;
    let first = *bytes.first().ok_or(Malformed)?;
    if bytes.len() > 8 {
        return Err(Malformed);
    }
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(bytes
        .iter()
        .fold(sign, |sum, byte| sum << 8 | i64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use ldap3_lber::structure::PL;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths() {
        assert_eq!(message_length(&[], 100), Ok(None));
        assert_eq!(message_length(&[0x30], 100), Ok(None));
        assert_eq!(message_length(&[0x30, 5], 100), Ok(Some(7)));
        assert_eq!(message_length(&[0x30, 0x82, 1], 1000), Ok(None));
        assert_eq!(message_length(&[0x30, 0x82, 1, 0], 1000), Ok(Some(260)));
        assert_eq!(message_length(&[0x30, 0x82, 1, 0], 200), Err(TooLarge(200)));
        assert_eq!(
            message_length(&[0x30, 0x80], 100),
            Err(Malformed),
            "indefinite length"
        );
        assert_eq!(message_length(&[0x30, 0x85], 100), Err(Malformed));
        assert_eq!(message_length(b"GET / HTTP/1.1", 100), Err(Malformed));
    }

    #[test]
    fn integers_are_signed_and_bounded() {
        let read = |bytes: &[u8]| {
            let tag = StructureTag {
                class: TagClass::Universal,
                id: INTEGER,
                payload: PL::P(bytes.to_vec()),
            };
            integer(tag, INTEGER)
        };
        assert_eq!(read(&[0xff]), Ok(-1));
        assert_eq!(read(&[0, 0xff]), Ok(255));
        assert_eq!(read(&[]), Err(Malformed));
        assert_eq!(read(&[0; 9]), Err(Malformed));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..20), limit: usize) {
            let _ = message_length(&bytes, limit);
        }
    }
}
