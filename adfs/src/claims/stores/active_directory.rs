//! The store "Active Directory" over the configured directories (spec claim-rules 4.2).

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use claim_rules::directory_query::{ActiveDirectoryQuery, rows_of_object};
use claim_rules::{Rows, StoreError, StoreQuery};

use crate::directory::{Account, Directory, DirectoryError, Entry, Sid};

const TOKEN_GROUPS: &str = "tokenGroups";
/// Attributes in one search, as far as they are asked for in advance.
const MAX_PREFETCHED: usize = 32;

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
    account: &'a Account,
    /// Attributes that the trust's rules name anywhere. They are fetched together, because rules tend to ask for the
    /// same object again and again.
    wanted: Vec<String>,
    found: HashMap<Search, Found>,
    outage: Option<DirectoryError>,
}

/// What was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Search {
    domain: String,
    /// `None` where a filter makes it meaningless.
    user: Option<String>,
    filter: Option<String>,
}

#[derive(Debug)]
struct Found {
    attributes: Vec<String>,
    entries: Vec<Entry>,
}

impl Found {
    fn has(&self, attributes: &[String]) -> bool {
        attributes
            .iter()
            .all(|asked| contains(&self.attributes, asked))
    }
}

impl<'a> ActiveDirectory<'a> {
    pub(super) fn new(
        directory: &'a Directory,
        account: &'a Account,
        wanted: Vec<String>,
    ) -> ActiveDirectory<'a> {
        ActiveDirectory {
            directory,
            account,
            wanted,
            found: HashMap::new(),
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
        let entries = self.entries(&read, &name).await?;
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

    /// The entries that a query is about, from an earlier search where it serves.
    async fn entries(
        &mut self,
        query: &ActiveDirectoryQuery,
        name: &str,
    ) -> Result<&[Entry], StoreError> {
        let asked = merged(&[&query.attributes]);
        let search = Search {
            domain: query.domain.to_ascii_lowercase(),
            user: query.filter.is_none().then(|| query.user.clone()),
            filter: query.filter.clone(),
        };
        if !self
            .found
            .get(&search)
            .is_some_and(|found| found.has(&asked))
        {
            let attributes = merged(&[&query.attributes, &self.wanted]);
            let entries = self
                .directory
                .query(name, query.filter.clone(), &attributes)
                .await;
            let entries = entries.map_err(|error| self.failed(error))?;
            self.found.insert(
                search.clone(),
                Found {
                    attributes,
                    entries,
                },
            );
        }
        Ok(self
            .found
            .get(&search)
            .map(|found| found.entries.as_slice())
            .unwrap_or_default())
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

fn contains(list: &[String], attribute: &str) -> bool {
    list.iter()
        .any(|known| known.eq_ignore_ascii_case(attribute))
}

/// The attributes to ask a directory for: each once, without pseudo-attributes. What the query itself names comes first,
/// and no more than a directory takes in one search are added to it.
fn merged(lists: &[&[String]]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for (place, list) in lists.iter().enumerate() {
        for attribute in *list {
            let fits = place == 0 || all.len() < MAX_PREFETCHED;
            if fits && !is_token_groups(attribute) && !contains(&all, attribute) {
                all.push(attribute.clone());
            }
        }
    }
    all
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

    #[test]
    fn attributes_are_asked_for_once_and_in_measure() {
        let list = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let asked = list(&["mail", "tokenGroups(SID)", "MAIL", "cn"]);
        let wanted = list(&["CN", "objectGUID"]);
        assert_eq!(merged(&[&asked, &wanted]), ["mail", "cn", "objectGUID"]);
        let many: Vec<String> = (0..100).map(|number| format!("a{number}")).collect();
        assert_eq!(merged(&[&many]).len(), 100);
        assert_eq!(merged(&[&asked, &many]).len(), MAX_PREFETCHED);
        let found = Found {
            attributes: merged(&[&asked, &wanted]),
            entries: Vec::new(),
        };
        assert!(found.has(&list(&["objectguid", "Mail"])));
        assert!(!found.has(&list(&["sn"])));
    }
}
