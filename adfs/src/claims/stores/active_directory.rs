//! The store "Active Directory" over the configured directories (spec claim-rules 4.2).

use std::collections::HashMap;

use claim_rules::directory_query::{ActiveDirectoryQuery, rows_of_object};
use claim_rules::{Rows, StoreError, StoreQuery};

use super::groups::{GroupForm, Groups};
use super::values::values;
use crate::directory::{Account, Directory, DirectoryError, Entry};

/// Attributes in one search, as far as they are asked for in advance.
const MAX_PREFETCHED: usize = 32;

/// The store as one sign-in sees it.
#[derive(Debug)]
pub(super) struct ActiveDirectory<'a> {
    directory: &'a Directory,
    /// Whose sign-in it is, when the directory knows them.
    account: Option<&'a Account>,
    /// Attributes that the trust's rules name anywhere. They are fetched together, because rules tend to ask for the
    /// same object again and again.
    wanted: Vec<String>,
    found: HashMap<Search, Found>,
    groups: Groups,
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
        account: Option<&'a Account>,
        wanted: Vec<String>,
        groups: Groups,
    ) -> ActiveDirectory<'a> {
        ActiveDirectory {
            directory,
            account,
            wanted,
            found: HashMap::new(),
            groups,
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
        let groups = self.token_groups(&read, &name).await?;
        let entries = self.entries(&read, &name).await?;
        let rows = entries.iter().flat_map(|entry| {
            let columns = read.attributes.iter().zip(&groups);
            let column = |(attribute, groups): (&String, &Option<Vec<String>>)| match groups {
                Some(groups) => groups.clone(),
                None => values(entry, attribute),
            };
            rows_of_object(columns.map(column).collect())
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

    /// The groups of the account that signs in, for each attribute that is a form of `tokenGroups`.
    async fn token_groups(
        &mut self,
        query: &ActiveDirectoryQuery,
        name: &str,
    ) -> Result<Vec<Option<Vec<String>>>, StoreError> {
        let mut columns = Vec::with_capacity(query.attributes.len());
        for attribute in &query.attributes {
            columns.push(match GroupForm::read(attribute)? {
                None => None,
                Some(form) => {
                    let account = self.own_account(query, name)?;
                    let groups = self.groups.in_form(form, self.directory, account).await;
                    Some(groups.map_err(|error| self.failed(error))?)
                }
            });
        }
        Ok(columns)
    }

    fn own_account(
        &self,
        query: &ActiveDirectoryQuery,
        name: &str,
    ) -> Result<&'a Account, StoreError> {
        self.account
            .filter(|account| {
                query.filter.is_none() && name.eq_ignore_ascii_case(&account.windows_account_name())
            })
            .ok_or_else(|| {
                StoreError::new(
                    "tokenGroups is only available for the user who signs in, with an empty filter",
                )
            })
    }

    fn failed(&mut self, error: DirectoryError) -> StoreError {
        let failure = StoreError::new(error.to_string());
        self.outage = is_outage(&error).then_some(error);
        failure
    }
}

/// What is no attribute that a directory could be asked for.
fn is_form_of_groups(attribute: &str) -> bool {
    !matches!(GroupForm::read(attribute), Ok(None))
}

/// Whether the directory itself failed, and the query may be right.
pub(super) fn is_outage(error: &DirectoryError) -> bool {
    matches!(
        error,
        DirectoryError::Unavailable { .. }
            | DirectoryError::Recovering { .. }
            | DirectoryError::ServiceAccount { .. }
            | DirectoryError::Timeout { .. }
    )
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
            if fits && !is_form_of_groups(attribute) && !contains(&all, attribute) {
                all.push(attribute.clone());
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

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
