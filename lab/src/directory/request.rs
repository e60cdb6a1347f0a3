//! LDAP requests from the wire (RFC 4511), strictly. ldap3_proto's own request types hold assertion values as UTF-8 text,
//! which cannot look for a binary objectGUID, and its decoder writes whole requests, passwords included, to its trace log;
//! so requests are decoded here from the same BER parser, and only answers use its types.

use ldap3_lber::common::TagClass;
use ldap3_lber::parse::Parser;
use ldap3_lber::structure::{PL, StructureTag};

use super::ber::RequestError::{self, Malformed, TooMany};
use super::ber::{
    BOOLEAN, ENUMERATED, INTEGER, SEQUENCE, array, boolean, constructed, integer, octets,
    primitive, text,
};
use super::filter::Filter;
use super::filter_request::filter;

/// The deepest BER nesting: a message, a search, and the deepest filter.
const MAX_BER_DEPTH: usize = 64;
const MAX_ATTRIBUTES: usize = 256;
const MAX_CONTROLS: usize = 16;
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
    Ok(Operation::Search(Search {
        base: text(base)?,
        scope,
        size_limit: u32::try_from(integer(size_limit, INTEGER)?).map_err(|_| Malformed)?,
        types_only: boolean(types_only)?,
        filter: filter(filter_tag)?,
        attributes: attributes.into_iter().map(text).collect::<Result<_, _>>()?,
    }))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
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
