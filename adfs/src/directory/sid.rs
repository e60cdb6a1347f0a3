//! Security identifiers ([MS-DTYP] 2.4.2).

use std::fmt;

/// A security identifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sid {
    authority: u64,
    sub_authorities: Vec<u32>,
}

/// Most sub-authorities that a SID can have.
const MAX_SUB_AUTHORITIES: usize = 15;

impl Sid {
    /// Reads the packet form ([MS-DTYP] 2.4.2.2), as `objectSid` and `tokenGroups` hold it.
    pub fn from_octets(octets: &[u8]) -> Option<Sid> {
        let ([1, count, authority @ ..], rest) = octets.split_first_chunk::<8>()? else {
            return None;
        };
        let count = usize::from(*count);
        if count > MAX_SUB_AUTHORITIES || rest.len() != count * 4 {
            return None;
        }
        let authority = authority
            .iter()
            .fold(0, |value, octet| (value << 8) | u64::from(*octet));
        let (chunks, _) = rest.as_chunks::<4>();
        Some(Sid {
            authority,
            sub_authorities: chunks
                .iter()
                .map(|chunk| u32::from_le_bytes(*chunk))
                .collect(),
        })
    }

    /// Reads `S-1-...` with decimal parts ([MS-DTYP] 2.4.2.1).
    pub fn parse(text: &str) -> Option<Sid> {
        let mut parts = text.strip_prefix("S-1-")?.split('-');
        let authority = parts.next()?;
        let authority = match authority.strip_prefix("0x") {
            Some(hex) if hex.len() == 12 => u64::from_str_radix(hex, 16).ok()?,
            Some(_) => return None,
            None => authority.parse::<u32>().ok()?.into(),
        };
        let sub_authorities: Vec<u32> =
            parts.map(|part| part.parse().ok()).collect::<Option<_>>()?;
        (sub_authorities.len() <= MAX_SUB_AUTHORITIES).then_some(Sid {
            authority,
            sub_authorities,
        })
    }

    /// The packet form, as [`Sid::from_octets`] reads it.
    pub fn octets(&self) -> Vec<u8> {
        let [_, _, authority @ ..] = self.authority.to_be_bytes();
        // There are 15 at most.
        let count = u8::try_from(self.sub_authorities.len()).unwrap_or(u8::MAX);
        let parts = self.sub_authorities.iter();
        [1, count]
            .into_iter()
            .chain(authority)
            .chain(parts.flat_map(|part| part.to_le_bytes()))
            .collect()
    }

    /// The SID with the last part replaced: a group or account of the same domain.
    pub fn sibling(&self, relative_identifier: u32) -> Option<Sid> {
        let mut sibling = self.clone();
        *sibling.sub_authorities.last_mut()? = relative_identifier;
        Some(sibling)
    }
}

/// `S-1-...` ([MS-DTYP] 2.4.2.1).
impl fmt::Display for Sid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.authority >> 32 == 0 {
            write!(formatter, "S-1-{}", self.authority)?;
        } else {
            write!(formatter, "S-1-0x{:012x}", self.authority)?;
        }
        self.sub_authorities
            .iter()
            .try_for_each(|part| write!(formatter, "-{part}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_identifiers() {
        let cases: [(&[u8], &str); 4] = [
            (&[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0], "S-1-5-18"),
            (
                &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0],
                "S-1-5-32-544",
            ),
            (&[1, 0, 0, 0, 0, 0, 0, 1], "S-1-1"),
            (
                &[1, 1, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
                "S-1-0x000100000000-4294967295",
            ),
        ];
        for (octets, text) in cases {
            assert_eq!(
                Sid::from_octets(octets)
                    .map(|sid| sid.to_string())
                    .as_deref(),
                Some(text)
            );
        }
        let user =
            Sid::from_octets(&[1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 0x51, 4, 0, 0]).expect("a SID");
        assert_eq!(
            user.sibling(513).expect("a sibling").to_string(),
            "S-1-5-21-513"
        );
    }

    #[test]
    fn broken_octets_are_no_identifier() {
        for octets in [
            &[] as &[u8],
            &[1, 0, 0, 0, 0, 0, 0],
            &[2, 0, 0, 0, 0, 0, 0, 5],
            &[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0],
        ] {
            assert_eq!(Sid::from_octets(octets), None, "{octets:?}");
        }
        assert_eq!(
            Sid::from_octets(&[[1, 16, 0, 0, 0, 0, 0, 5].as_slice(), &[0; 64]].concat()),
            None
        );
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(sid) = Sid::from_octets(&octets) {
                prop_assert_eq!(Sid::parse(&sid.to_string()), Some(sid.clone()));
                prop_assert_eq!(sid.octets(), octets);
            }
        }
    }
}
