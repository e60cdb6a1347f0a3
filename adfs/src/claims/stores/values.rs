//! Values of directories as rules see them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use claim_rules::Rows;
use claim_rules::directory_query::rows_of_object;

use crate::directory::{Entry, Sid};

/// Attributes with octets of syntax SID, given as `S-1-...`.
const SIDS: [&str; 3] = ["objectSid", "sIDHistory", "securityIdentifier"];
/// Attributes whose octets are no text even where they happen to be UTF-8. Other values that are no text are found out
/// by themselves.
const BINARY: [&str; 12] = [
    "objectGUID",
    "mS-DS-ConsistencyGuid",
    "msExchMailboxGuid",
    "msExchArchiveGuid",
    "msExchMasterAccountSid",
    "userCertificate",
    "userSMIMECertificate",
    "cACertificate",
    "thumbnailPhoto",
    "jpegPhoto",
    "nTSecurityDescriptor",
    "logonHours",
];

/// What a query found, one row or more an object.
pub(super) fn rows(entries: &[Entry], attributes: &[String]) -> Rows {
    let columns = |entry: &Entry| {
        let columns = attributes.iter().map(|attribute| values(entry, attribute));
        rows_of_object(columns.collect())
    };
    entries.iter().flat_map(columns).collect()
}

/// The values of an attribute.
pub(super) fn values(entry: &Entry, attribute: &str) -> Vec<String> {
    // Active Directory has this as an attribute, other directories do not.
    if attribute.eq_ignore_ascii_case("distinguishedName") {
        return vec![entry.dn().to_owned()];
    }
    entry
        .octets(attribute)
        .iter()
        .map(|octets| text(attribute, octets))
        .collect()
}

/// A value as rules see it.
fn text(attribute: &str, octets: &[u8]) -> String {
    let listed = |list: &[&str]| {
        list.iter()
            .any(|known| known.eq_ignore_ascii_case(attribute))
    };
    if listed(&SIDS)
        && let Some(sid) = Sid::from_octets(octets)
    {
        return sid.to_string();
    }
    match std::str::from_utf8(octets) {
        Ok(text) if !listed(&BINARY) && !text.contains('\0') => text.to_owned(),
        _ => BASE64_STANDARD.encode(octets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_forms_that_rules_expect() {
        let guid: Vec<u8> = (0..16).collect();
        let sid = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
        let cases: [(&str, &[u8], &str); 7] = [
            ("objectGUID", &guid, "AAECAwQFBgcICQoLDA0ODw=="),
            // Sixteen letters are a GUID all the same.
            (
                "ms-ds-consistencyguid",
                b"abcdefghijklmnop",
                "YWJjZGVmZ2hpamtsbW5vcA==",
            ),
            ("objectsid", &sid, "S-1-5-32-544"),
            ("objectSid", b"no sid", "no sid"),
            ("displayName", "Zoë".as_bytes(), "Zoë"),
            ("unknown", &[0xff, 0xfe], "//4="),
            ("unknown", b"a\0", "YQA="),
        ];
        for (attribute, octets, expected) in cases {
            assert_eq!(text(attribute, octets), expected, "{attribute}");
        }
    }
}
