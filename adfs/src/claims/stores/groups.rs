//! `tokenGroups`, the pseudo-attribute: the security groups of a user, nested ones too (spec claim-rules 4.2).

use std::collections::HashMap;
use std::fmt::Write as _;

use claim_rules::StoreError;

use crate::directory::{Account, Directory, DirectoryError, Sid};

const TOKEN_GROUPS: &str = "tokenGroups";
/// SIDs in one search for their names.
const SIDS_PER_SEARCH: usize = 50;
/// SIDs of groups that Windows brings along begin so; their domain has a name of its own ([MS-DTYP] 2.4.2.4).
const BUILTIN: &str = "S-1-5-32-";

/// How groups are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupForm {
    /// `Sales`
    Name,
    /// `CONTOSO\Sales`
    DomainQualified,
    /// `contoso.com\Sales`
    LongDomainQualified,
    /// `S-1-5-21-...`
    Sid,
}

impl GroupForm {
    /// The form that an attribute of a query asks for; `None` for real attributes.
    ///
    /// # Errors
    /// When it is `tokenGroups` in a form that is not known.
    pub(super) fn read(attribute: &str) -> Result<Option<GroupForm>, StoreError> {
        let plain: String = attribute.split_whitespace().collect();
        let start = plain.get(..TOKEN_GROUPS.len()).unwrap_or_default();
        if !start.eq_ignore_ascii_case(TOKEN_GROUPS) {
            return Ok(None);
        }
        let rest = plain.get(TOKEN_GROUPS.len()..).unwrap_or_default();
        Ok(Some(match rest.to_ascii_lowercase().as_str() {
            "" => GroupForm::Name,
            "(domainqualifiedname)" => GroupForm::DomainQualified,
            "(longdomainqualifiedname)" | "(fulldomainqualifiedname)" => {
                GroupForm::LongDomainQualified
            }
            "(sid)" => GroupForm::Sid,
            // tokenGroupsGlobalAndUniversal and its like are attributes of their own.
            other if !other.starts_with('(') => return Ok(None),
            _ => {
                return Err(StoreError::new(format!(
                    "'{attribute}' is not known; write tokenGroups, tokenGroups(domainQualifiedName), \
                     tokenGroups(longDomainQualifiedName) or tokenGroups(SID)"
                )));
            }
        }))
    }
}

/// The groups of one account, asked for once in a sign-in.
#[derive(Debug, Default)]
pub(super) struct Groups {
    sids: Option<Vec<String>>,
    names: Option<HashMap<String, String>>,
}

impl Groups {
    /// With the SIDs, where they are known already.
    pub(super) fn known(sids: Option<Vec<String>>) -> Groups {
        Groups { sids, names: None }
    }

    /// The groups in a form. Groups of domains that are not configured have no name here and are left out of all forms
    /// but the SIDs.
    ///
    /// # Errors
    /// When the directory gives no answer.
    pub(super) async fn in_form(
        &mut self,
        form: GroupForm,
        directory: &Directory,
        account: &Account,
    ) -> Result<Vec<String>, DirectoryError> {
        let sids = match &self.sids {
            Some(sids) => sids,
            None => self.sids.insert(directory.group_sids(account).await?),
        };
        if form == GroupForm::Sid {
            return Ok(sids.clone());
        }
        let names = match &self.names {
            Some(names) => names,
            None => self
                .names
                .insert(find_names(directory, account, sids).await?),
        };
        Ok(sids
            .iter()
            .filter_map(|sid| Some(written(form, sid, names.get(sid)?, account)))
            .collect())
    }
}

fn written(form: GroupForm, sid: &str, name: &str, account: &Account) -> String {
    let domain = match form {
        GroupForm::Name | GroupForm::Sid => return name.to_owned(),
        _ if sid.starts_with(BUILTIN) => "BUILTIN",
        GroupForm::DomainQualified => account.net_bios_name(),
        GroupForm::LongDomainQualified => account.dns_name(),
    };
    format!("{domain}\\{name}")
}

async fn find_names(
    directory: &Directory,
    account: &Account,
    sids: &[String],
) -> Result<HashMap<String, String>, DirectoryError> {
    const OBJECT_SID: &str = "objectSid";
    const NAME: &str = "sAMAccountName";
    let parsed: Vec<Sid> = sids.iter().filter_map(|sid| Sid::parse(sid)).collect();
    let mut names = HashMap::new();
    for some in parsed.chunks(SIDS_PER_SEARCH) {
        let found = directory
            .query(
                &account.windows_account_name(),
                Some(filter(some)),
                &[OBJECT_SID.to_owned(), NAME.to_owned()],
            )
            .await?;
        names.extend(found.iter().filter_map(|entry| {
            let sid = Sid::from_octets(entry.octets(OBJECT_SID).first()?)?;
            Some((sid.to_string(), entry.text(NAME)?.to_owned()))
        }));
    }
    if names.len() < sids.len() {
        tracing::debug!(
            user = %account.windows_account_name(),
            groups = sids.len(),
            named = names.len(),
            "some groups of the user have no name in the user's directory"
        );
    }
    Ok(names)
}

/// SIDs in the packet form, which every directory compares; Active Directory alone takes their text.
fn filter(sids: &[Sid]) -> String {
    let mut filter = String::from("(&(objectClass=group)(|");
    for sid in sids {
        filter.push_str("(objectSid=");
        for octet in sid.octets() {
            // Writing to a string cannot fail.
            let _ = write!(filter, "\\{octet:02x}");
        }
        filter.push(')');
    }
    filter + "))"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        for (attribute, expected) in [
            ("tokenGroups", Ok(Some(GroupForm::Name))),
            ("TOKENGROUPS (sid)", Ok(Some(GroupForm::Sid))),
            (
                "tokenGroups(domainQualifiedName)",
                Ok(Some(GroupForm::DomainQualified)),
            ),
            (
                "tokenGroups(longDomainQualifiedName)",
                Ok(Some(GroupForm::LongDomainQualified)),
            ),
            (
                "tokenGroups(fullDomainQualifiedName)",
                Ok(Some(GroupForm::LongDomainQualified)),
            ),
            ("tokenGroupsGlobalAndUniversal", Ok(None)),
            ("token", Ok(None)),
            ("memberOf", Ok(None)),
            ("tokenGroups(dn)", Err(())),
            ("tokenGroups(", Err(())),
        ] {
            assert_eq!(
                GroupForm::read(attribute).map_err(drop),
                expected,
                "{attribute}"
            );
        }
    }

    #[test]
    fn groups_are_looked_for_by_octets() {
        let sid = Sid::parse("S-1-5-32-544").expect("a SID");
        assert_eq!(
            filter(&[sid.clone(), sid]),
            "(&(objectClass=group)(|(objectSid=\\01\\02\\00\\00\\00\\00\\00\\05\\20\\00\\00\\00\\20\\02\\00\\00)\
             (objectSid=\\01\\02\\00\\00\\00\\00\\00\\05\\20\\00\\00\\00\\20\\02\\00\\00)))"
        );
    }
}
