//! The store "Active Directory" over the configured directories (spec claim-rules 4.2).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use claim_rules::directory_query::{ActiveDirectoryQuery, rows_of_object};
use claim_rules::{Rows, StoreError, StoreQuery};

use crate::directory::{AuthenticatedAccount, Directory, DirectoryError, Entry, Sid};

const TOKEN_GROUPS: &str = "tokenGroups";

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

/// The store as one sign-in sees it.
#[derive(Debug)]
pub(super) struct ActiveDirectory<'a> {
    directory: &'a Directory,
    account: &'a AuthenticatedAccount,
    outage: Option<DirectoryError>,
}

impl<'a> ActiveDirectory<'a> {
    pub(super) fn new(
        directory: &'a Directory,
        account: &'a AuthenticatedAccount,
    ) -> ActiveDirectory<'a> {
        ActiveDirectory {
            directory,
            account,
            outage: None,
        }
    }

    /// The last failure that was the directory's own and not the query's.
    pub(super) fn into_outage(self) -> Option<DirectoryError> {
        self.outage
    }

    pub(super) async fn query(&mut self, query: &StoreQuery) -> Result<Rows, StoreError> {
        let read = ActiveDirectoryQuery::read(query)?;
        let name = format!("{}\\{}", read.domain, read.user);
        let groups = if read
            .attributes
            .iter()
            .any(|attribute| is_token_groups(attribute))
        {
            self.token_groups(&read, &name).await?
        } else {
            Vec::new()
        };
        let asked: Vec<String> = read
            .attributes
            .iter()
            .filter(|attribute| !is_token_groups(attribute))
            .cloned()
            .collect();
        let found = self.directory.query(&name, read.filter, &asked).await;
        let entries = found.map_err(|error| self.failed(error))?;
        let rows = entries.iter().flat_map(|entry| {
            let column = |attribute: &String| {
                if is_token_groups(attribute) {
                    groups.clone()
                } else {
                    values(entry, attribute)
                }
            };
            rows_of_object(read.attributes.iter().map(column).collect())
        });
        Ok(rows.collect())
    }

    /// SIDs of all groups of the account that signs in.
    async fn token_groups(
        &mut self,
        query: &ActiveDirectoryQuery,
        name: &str,
    ) -> Result<Vec<String>, StoreError> {
        let forms = query
            .attributes
            .iter()
            .filter(|attribute| is_token_groups(attribute));
        for form in forms {
            if !form.eq_ignore_ascii_case("tokenGroups(SID)") {
                let message = format!(
                    "'{form}' is not available in this version; use tokenGroups(SID), or a filter with member:1.2.840.113556.1.4.1941:="
                );
                return Err(StoreError::new(message));
            }
        }
        if query.filter.is_some()
            || !name.eq_ignore_ascii_case(&self.account.windows_account_name())
        {
            return Err(StoreError::new(
                "tokenGroups(SID) is only available for the user who signs in, with an empty filter",
            ));
        }
        let sids = self.directory.group_sids(self.account).await;
        sids.map_err(|error| self.failed(error))
    }

    fn failed(&mut self, error: DirectoryError) -> StoreError {
        let failure = StoreError::new(error.to_string());
        let is_outage = matches!(
            error,
            DirectoryError::Unavailable { .. }
                | DirectoryError::Recovering { .. }
                | DirectoryError::ServiceAccount { .. }
                | DirectoryError::Timeout { .. }
        );
        self.outage = is_outage.then_some(error);
        failure
    }
}

fn is_token_groups(attribute: &str) -> bool {
    attribute
        .get(..TOKEN_GROUPS.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(TOKEN_GROUPS))
}

fn values(entry: &Entry, attribute: &str) -> Vec<String> {
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

    #[test]
    fn pseudo_attributes_are_told_apart() {
        for (attribute, expected) in [
            ("tokenGroups", true),
            ("TOKENGROUPS(SID)", true),
            ("token", false),
            ("memberOf", false),
        ] {
            assert_eq!(is_token_groups(attribute), expected);
        }
    }
}
