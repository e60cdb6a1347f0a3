//! LDAP requests from the wire (RFC 4511), strictly. ldap3_proto's own request types hold assertion values as UTF-8 text,
//! which cannot look for a binary objectGUID, and its decoder writes whole requests, passwords included, to its trace log;
//! so requests are decoded here from the same BER parser, and only answers use its types.

use ldap3_lber::common::TagClass;
use ldap3_lber::parse::Parser;
use ldap3_lber::structure::{PL, StructureTag};

use super::filter::{Extensible, Filter, Substrings};

/// The deepest BER nesting: a message, a search, and filters of `MAX_FILTER_DEPTH`.
const MAX_BER_DEPTH: usize = 64;
const MAX_FILTER_DEPTH: usize = 24;
const MAX_FILTER_ITEMS: usize = 1_000;
const MAX_ATTRIBUTES: usize = 256;
const MAX_CONTROLS: usize = 16;
/// Universal tag numbers.
const BOOLEAN: u64 = 1;
const INTEGER: u64 = 2;
const OCTETS: u64 = 4;
const ENUMERATED: u64 = 10;
const SEQUENCE: u64 = 16;

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

use RequestError::{FilterTooComplex, Malformed, TooLarge, TooMany};

pub(super) struct Message {
    pub(super) id: i32,
    pub(super) operation: Operation,
    pub(super) controls: Vec<Control>,
}

/// A request control as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Control {
    pub(super) oid: String,
    pub(super) critical: bool,
    pub(super) value: Option<Vec<u8>>,
}

pub(super) enum Operation {
    Bind {
        version: i64,
        name: String,
        credentials: Credentials,
    },
    Unbind,
    Search(Search),
    Compare {
        dn: String,
        attribute: String,
        value: Vec<u8>,
    },
    Abandon,
    Extended {
        oid: String,
    },
    /// An operation that changes the directory, by what it does.
    Write(Write),
}

/// It has no `Debug`, so that no log line can show a password.
pub(super) enum Credentials {
    Simple(Vec<u8>),
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Modify,
    Add,
    Delete,
    Rename,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    Base,
    One,
    Subtree,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Search {
    pub(super) base: String,
    pub(super) scope: Scope,
    /// The most entries that the client wants; 0 is no limit.
    pub(super) size_limit: u32,
    pub(super) types_only: bool,
    pub(super) filter: Filter,
    pub(super) attributes: Vec<String>,
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

/// Decodes one whole message.
pub(super) fn decode(bytes: &[u8]) -> Result<Message, RequestError> {
    let (rest, tag) = Parser::new(MAX_BER_DEPTH)
        .parse(bytes)
        .map_err(|_| Malformed)?;
    if !rest.is_empty() {
        return Err(Malformed);
    }
    let mut parts = constructed(tag, TagClass::Universal, SEQUENCE)?.into_iter();
    let id = parts
        .next()
        .and_then(|tag| integer(tag, INTEGER).ok())
        .ok_or(Malformed)?;
    let id = i32::try_from(id)
        .ok()
        .filter(|id| *id >= 0)
        .ok_or(Malformed)?;
    let operation = operation(parts.next().ok_or(Malformed)?)?;
    let controls = parts.next().map(controls).transpose()?.unwrap_or_default();
    if parts.next().is_some() {
        return Err(Malformed);
    }
    Ok(Message {
        id,
        operation,
        controls,
    })
}

fn operation(tag: StructureTag) -> Result<Operation, RequestError> {
    if tag.class != TagClass::Application {
        return Err(Malformed);
    }
    match (tag.id, tag.payload) {
        (0, PL::C(parts)) => bind(parts),
        (2, PL::P(_)) => Ok(Operation::Unbind),
        (3, PL::C(parts)) => search(parts),
        (6, _) => Ok(Operation::Write(Write::Modify)),
        (8, _) => Ok(Operation::Write(Write::Add)),
        (10, _) => Ok(Operation::Write(Write::Delete)),
        (12, _) => Ok(Operation::Write(Write::Rename)),
        (14, PL::C(parts)) => {
            let [dn, assertion] = array(parts)?;
            let parts = constructed(assertion, TagClass::Universal, SEQUENCE)?;
            let [attribute, value] = array(parts)?;
            Ok(Operation::Compare {
                dn: text(dn)?,
                attribute: text(attribute)?,
                value: octets(value)?,
            })
        }
        (16, PL::P(_)) => Ok(Operation::Abandon),
        (23, PL::C(parts)) => {
            let oid = parts.into_iter().next().ok_or(Malformed)?;
            let oid = primitive(oid, TagClass::Context, 0)?;
            Ok(Operation::Extended {
                oid: String::from_utf8(oid).map_err(|_| Malformed)?,
            })
        }
        _ => Err(Malformed),
    }
}

fn bind(parts: Vec<StructureTag>) -> Result<Operation, RequestError> {
    let [version, name, credentials] = array(parts)?;
    if credentials.class != TagClass::Context {
        return Err(Malformed);
    }
    let credentials = match (credentials.id, credentials.payload) {
        (0, PL::P(password)) => Credentials::Simple(password),
        (0, PL::C(_)) => return Err(Malformed),
        _ => Credentials::Other,
    };
    Ok(Operation::Bind {
        version: integer(version, INTEGER)?,
        name: text(name)?,
        credentials,
    })
}

fn search(parts: Vec<StructureTag>) -> Result<Operation, RequestError> {
    let [
        base,
        scope,
        aliases,
        size_limit,
        time_limit,
        types_only,
        filter_tag,
        attributes,
    ] = array(parts)?;
    let scope = match integer(scope, ENUMERATED)? {
        0 => Scope::Base,
        1 => Scope::One,
        2 => Scope::Subtree,
        _ => return Err(Malformed),
    };
    if !(0..=3).contains(&integer(aliases, ENUMERATED)?) || integer(time_limit, INTEGER)? < 0 {
        return Err(Malformed);
    }
    let attributes = constructed(attributes, TagClass::Universal, SEQUENCE)?;
    if attributes.len() > MAX_ATTRIBUTES {
        return Err(TooMany);
    }
    let mut items = 0;
    Ok(Operation::Search(Search {
        base: text(base)?,
        scope,
        size_limit: u32::try_from(integer(size_limit, INTEGER)?).map_err(|_| Malformed)?,
        types_only: boolean(types_only)?,
        filter: filter(filter_tag, MAX_FILTER_DEPTH, &mut items)?,
        attributes: attributes.into_iter().map(text).collect::<Result<_, _>>()?,
    }))
}

fn filter(tag: StructureTag, depth: usize, items: &mut usize) -> Result<Filter, RequestError> {
    *items += 1;
    if depth == 0 || *items > MAX_FILTER_ITEMS {
        return Err(FilterTooComplex);
    }
    if tag.class != TagClass::Context {
        return Err(Malformed);
    }
    let mut all = |parts: Vec<StructureTag>| {
        parts
            .into_iter()
            .map(|part| filter(part, depth - 1, items))
            .collect::<Result<Vec<_>, _>>()
    };
    match (tag.id, tag.payload) {
        (0, PL::C(parts)) => Ok(Filter::And(all(parts)?)),
        (1, PL::C(parts)) => Ok(Filter::Or(all(parts)?)),
        (2, PL::C(parts)) => {
            let [part] = array(all(parts)?)?;
            Ok(Filter::Not(Box::new(part)))
        }
        (3, PL::C(parts)) => assertion(parts).map(|(name, value)| Filter::Equal(name, value)),
        (4, PL::C(parts)) => {
            let [name, pieces] = array(parts)?;
            let pieces = constructed(pieces, TagClass::Universal, SEQUENCE)?;
            Ok(Filter::Substrings(text(name)?, substrings(pieces)?))
        }
        (5, PL::C(parts)) => assertion(parts).map(|(name, value)| Filter::AtLeast(name, value)),
        (6, PL::C(parts)) => assertion(parts).map(|(name, value)| Filter::AtMost(name, value)),
        (7, PL::P(name)) => String::from_utf8(name)
            .map(Filter::Present)
            .map_err(|_| Malformed),
        (8, PL::C(parts)) => assertion(parts).map(|(name, value)| Filter::Approximate(name, value)),
        (9, PL::C(parts)) => extensible(parts).map(Filter::Extensible),
        _ => Err(Malformed),
    }
}

fn assertion(parts: Vec<StructureTag>) -> Result<(String, Vec<u8>), RequestError> {
    let [name, value] = array(parts)?;
    Ok((text(name)?, octets(value)?))
}

fn substrings(pieces: Vec<StructureTag>) -> Result<Substrings, RequestError> {
    let last = pieces.len().checked_sub(1).ok_or(Malformed)?;
    let mut substrings = Substrings::default();
    for (index, piece) in pieces.into_iter().enumerate() {
        let id = piece.id;
        let bytes = primitive(piece, TagClass::Context, id)?;
        match id {
            _ if bytes.is_empty() => return Err(Malformed),
            0 if index == 0 => substrings.initial = Some(bytes),
            1 => substrings.any.push(bytes),
            2 if index == last => substrings.last = Some(bytes),
            _ => return Err(Malformed),
        }
    }
    Ok(substrings)
}

fn extensible(parts: Vec<StructureTag>) -> Result<Extensible, RequestError> {
    let utf8 = |bytes| String::from_utf8(bytes).map_err(|_| Malformed);
    let mut extensible = Extensible::default();
    let mut previous = 0;
    for part in parts {
        let id = part.id;
        let bytes = primitive(part, TagClass::Context, id)?;
        if id <= previous {
            return Err(Malformed);
        }
        previous = id;
        match id {
            1 => extensible.rule = Some(utf8(bytes)?),
            2 => extensible.attribute = Some(utf8(bytes)?),
            3 => extensible.value = bytes,
            4 => extensible.dn_attributes = truth(&bytes)?,
            _ => return Err(Malformed),
        }
    }
    if previous < 3 {
        Err(Malformed)
    } else {
        Ok(extensible)
    }
}

fn controls(tag: StructureTag) -> Result<Vec<Control>, RequestError> {
    let tags = constructed(tag, TagClass::Context, 0)?;
    if tags.len() > MAX_CONTROLS {
        return Err(TooMany);
    }
    tags.into_iter().map(control).collect()
}

fn control(tag: StructureTag) -> Result<Control, RequestError> {
    let mut parts = constructed(tag, TagClass::Universal, SEQUENCE)?
        .into_iter()
        .peekable();
    let oid = text(parts.next().ok_or(Malformed)?)?;
    let critical = match parts.next_if(|part| part.id == BOOLEAN) {
        Some(tag) => boolean(tag)?,
        None => false,
    };
    let value = parts.next().map(octets).transpose()?;
    if parts.next().is_some() {
        Err(Malformed)
    } else {
        Ok(Control {
            oid,
            critical,
            value,
        })
    }
}

/// The value of the paged results control: page size and cookie (RFC 2696 2).
pub(super) fn paged_results(value: &[u8]) -> Result<(u32, Vec<u8>), RequestError> {
    let (rest, tag) = Parser::new(4).parse(value).map_err(|_| Malformed)?;
    let [size, cookie] = array(constructed(tag, TagClass::Universal, SEQUENCE)?)?;
    let size = u32::try_from(integer(size, INTEGER)?).map_err(|_| Malformed)?;
    if rest.is_empty() {
        Ok((size, octets(cookie)?))
    } else {
        Err(Malformed)
    }
}

fn array<T, const N: usize>(parts: Vec<T>) -> Result<[T; N], RequestError> {
    parts.try_into().map_err(|_| Malformed)
}

fn constructed(
    tag: StructureTag,
    class: TagClass,
    id: u64,
) -> Result<Vec<StructureTag>, RequestError> {
    tag.match_class(class)
        .and_then(|tag| tag.match_id(id))
        .and_then(StructureTag::expect_constructed)
        .ok_or(Malformed)
}

fn primitive(tag: StructureTag, class: TagClass, id: u64) -> Result<Vec<u8>, RequestError> {
    tag.match_class(class)
        .and_then(|tag| tag.match_id(id))
        .and_then(StructureTag::expect_primitive)
        .ok_or(Malformed)
}

fn octets(tag: StructureTag) -> Result<Vec<u8>, RequestError> {
    primitive(tag, TagClass::Universal, OCTETS)
}

fn text(tag: StructureTag) -> Result<String, RequestError> {
    String::from_utf8(octets(tag)?).map_err(|_| Malformed)
}

fn boolean(tag: StructureTag) -> Result<bool, RequestError> {
    truth(&primitive(tag, TagClass::Universal, BOOLEAN)?)
}

fn truth(bytes: &[u8]) -> Result<bool, RequestError> {
    match bytes {
        [byte] => Ok(*byte != 0),
        _ => Err(Malformed),
    }
}

fn integer(tag: StructureTag, id: u64) -> Result<i64, RequestError> {
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
    use super::*;
    use proptest::prelude::*;

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

    /// A simple bind of `cn=a` with the password `p`.
    const BIND: [u8; 18] = [
        0x30, 16, 2, 1, 7, 0x60, 11, 2, 1, 3, 4, 3, b'c', b'=', b'a', 0x80, 1, b'p',
    ];

    #[test]
    fn a_bind() {
        let message = decode(&BIND).unwrap();
        assert_eq!(message.id, 7);
        let Operation::Bind {
            version: 3,
            name,
            credentials: Credentials::Simple(password),
        } = message.operation
        else {
            panic!("not a simple bind")
        };
        assert_eq!(
            (name.as_str(), password.as_slice()),
            ("c=a", b"p".as_slice())
        );
    }

    #[test]
    fn deep_filters_are_refused() {
        let mut tag = vec![0x87, 2, b'c', b'n'];
        for _ in 0..MAX_FILTER_DEPTH + 1 {
            let length = u8::try_from(tag.len()).unwrap();
            tag.splice(0..0, [0xa2, length]);
        }
        let (_, tag) = Parser::new(MAX_BER_DEPTH).parse(&tag).unwrap();
        assert_eq!(filter(tag, MAX_FILTER_DEPTH, &mut 0), Err(FilterTooComplex));
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
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = message_length(&bytes, 100);
            let _ = decode(&bytes);
            let _ = paged_results(&bytes);
        }

        #[test]
        fn never_panics_near_a_message(at in 0usize..BIND.len(), byte: u8, cut in 0usize..BIND.len()) {
            let mut bytes = BIND.to_vec();
            bytes[at] = byte;
            let _ = decode(&bytes);
            let _ = decode(&bytes[..cut]);
        }
    }
}
