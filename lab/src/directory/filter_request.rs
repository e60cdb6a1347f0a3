//! Filters from the wire, within limits of depth and size.

use ldap3_lber::common::TagClass;
use ldap3_lber::structure::{PL, StructureTag};

use super::ber::RequestError::{self, FilterTooComplex, Malformed};
use super::ber::{SEQUENCE, array, constructed, octets, primitive, text, truth};
use super::filter::{Extensible, Filter, Substrings};

const MAX_FILTER_DEPTH: usize = 24;
const MAX_FILTER_ITEMS: usize = 1_000;

/// Decodes a filter.
pub(super) fn filter(tag: StructureTag) -> Result<Filter, RequestError> {
    part(tag, MAX_FILTER_DEPTH, &mut 0)
}

fn part(tag: StructureTag, depth: usize, items: &mut usize) -> Result<Filter, RequestError> {
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
            .map(|tag| part(tag, depth - 1, items))
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

#[cfg(test)]
mod tests {
    use ldap3_lber::parse::Parser;

    use super::*;

    #[test]
    fn deep_filters_are_refused() {
        let mut tag = vec![0x87, 2, b'c', b'n'];
        for _ in 0..MAX_FILTER_DEPTH + 1 {
            let length = u8::try_from(tag.len()).unwrap();
            tag.splice(0..0, [0xa2, length]);
        }
        let (_, tag) = Parser::new(64).parse(&tag).unwrap();
        assert_eq!(filter(tag), Err(FilterTooComplex));
    }

    #[test]
    fn wide_filters_are_refused() {
        let present = || StructureTag {
            class: TagClass::Context,
            id: 7,
            payload: PL::P(b"cn".to_vec()),
        };
        let all = |count| StructureTag {
            class: TagClass::Context,
            id: 0,
            payload: PL::C((0..count).map(|_| present()).collect()),
        };
        assert!(filter(all(MAX_FILTER_ITEMS - 1)).is_ok());
        assert_eq!(filter(all(MAX_FILTER_ITEMS)), Err(FilterTooComplex));
    }
}
