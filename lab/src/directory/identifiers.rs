//! Binary identifiers of Active Directory: GUIDs (mixed byte order), SIDs and FILETIME instants.

use time::OffsetDateTime;

/// Reads the dashed form of a GUID into AD's 16 bytes, whose first three fields are little-endian (spec cloud-scenario 5).
pub(super) fn guid_bytes(text: &str) -> Option<[u8; 16]> {
    let well_formed = text.len() == 36
        && text.chars().enumerate().all(|(index, c)| match index {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        });
    if !well_formed {
        return None;
    }
    uuid::Uuid::parse_str(text)
        .ok()
        .map(|guid| guid.to_bytes_le())
}

/// Writes AD's 16 bytes as the dashed form.
pub(super) fn guid_text(bytes: &[u8]) -> Option<String> {
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    Some(uuid::Uuid::from_bytes_le(bytes).to_string())
}

/// Reads `S-1-5-21-…` into the binary form (MS-DTYP 2.4.2.2).
pub(super) fn sid_bytes(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('-');
    if !parts.next()?.eq_ignore_ascii_case("s") || parts.next()? != "1" {
        return None;
    }
    let authority: u64 = parts.next()?.parse().ok()?;
    let subs = parts
        .map(str::parse)
        .collect::<Result<Vec<u32>, _>>()
        .ok()?;
    let count = u8::try_from(subs.len()).ok().filter(|count| *count <= 15)?;
    let authority = authority.to_be_bytes();
    let (high, low) = authority.split_at(2);
    if high.iter().any(|b| *b != 0) {
        return None;
    }
    let mut bytes = vec![1, count];
    bytes.extend_from_slice(low);
    for sub in subs {
        bytes.extend_from_slice(&sub.to_le_bytes());
    }
    Some(bytes)
}

/// Writes a binary SID as `S-1-…`.
pub(super) fn sid_text(bytes: &[u8]) -> Option<String> {
    let (head, subs) = bytes.split_at_checked(8)?;
    let [1, count, authority @ ..] = head else {
        return None;
    };
    if subs.len() != usize::from(*count) * 4 {
        return None;
    }
    let authority = authority
        .iter()
        .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mut text = format!("S-1-{authority}");
    for sub in subs.chunks_exact(4) {
        let sub: [u8; 4] = sub.try_into().ok()?;
        text.push_str(&format!("-{}", u32::from_le_bytes(sub)));
    }
    Some(text)
}

/// The SID of the same domain with another relative id, such as a primary group's.
pub(super) fn sid_with_rid(sid: &[u8], rid: u32) -> Option<Vec<u8>> {
    let (domain, _) = sid.split_at_checked(sid.len().checked_sub(4)?)?;
    let mut bytes = domain.to_vec();
    bytes.extend_from_slice(&rid.to_le_bytes());
    Some(bytes)
}

/// Seconds from 1601-01-01 to 1970-01-01.
const FILETIME_EPOCH: i64 = 11_644_473_600;

/// An instant as FILETIME: 100 ns units since 1601-01-01 UTC.
pub(super) fn filetime(instant: OffsetDateTime) -> i64 {
    let units = (instant.unix_timestamp_nanos() / 100) + i128::from(FILETIME_EPOCH) * 10_000_000;
    i64::try_from(units).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use time::macros::datetime;

    #[test]
    fn a_guid_has_ad_byte_order() {
        let bytes = guid_bytes("1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809").unwrap();
        assert_eq!(
            STANDARD.encode(bytes),
            "TTwrGm9egXCSo7TF1uf4CQ==",
            "spec cloud-scenario 5"
        );
        assert_eq!(
            guid_text(&bytes).unwrap(),
            "1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809"
        );
        for bad in [
            "",
            "1a2b3c4d5e6f708192a3b4c5d6e7f809",
            "{1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f8}",
        ] {
            assert_eq!(guid_bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn sids_come_back() {
        let text = "S-1-5-21-1004336348-1177238915-682003330-512";
        let bytes = sid_bytes(text).unwrap();
        assert_eq!(bytes.len(), 28);
        assert_eq!(sid_text(&bytes).unwrap(), text);
        assert_eq!(
            sid_text(&sid_with_rid(&bytes, 513).unwrap())
                .unwrap()
                .rsplit('-')
                .next(),
            Some("513")
        );
        for bad in [
            "",
            "S-1",
            "S-2-5",
            "S-1-5-x",
            "S-1-281474976710656",
            "alice",
        ] {
            assert_eq!(sid_bytes(bad), None, "{bad}");
        }
        assert_eq!(sid_text(&bytes[..27]), None);
    }

    #[test]
    fn filetime_of_known_instants() {
        assert_eq!(filetime(datetime!(1601-01-01 0:00 UTC)), 0);
        assert_eq!(
            filetime(datetime!(2024-01-01 0:00 UTC)),
            133_485_408_000_000_000
        );
    }
}
