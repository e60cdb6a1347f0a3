//! Decides by access control policies (spec claim-rules 8).

use claim_rules::Claim;
use thiserror::Error;

use super::authorization::{Denial, Verdict};
use super::context::{NetworkLocation, RequestContext};
use super::types;
use crate::config::{AccessControlPolicy, Condition, Group, Location};
use crate::directory::{Directory, DirectoryError};

/// Why a policy cannot say anything about a user. Nobody gets a token then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// The policy names a group that is not there.
    #[error(
        "the access control policy names the group {group}, and {count} groups of that name are in the directory; name an existing one, or its SID"
    )]
    NoSuchGroup {
        /// As the policy names it.
        group: String,
        /// How many there are.
        count: usize,
    },
    /// Its SID cannot be read.
    #[error(
        "the group {0}, which the access control policy names, has no security identifier in the directory; name a security group"
    )]
    NoSecurityIdentifier(String),
    /// The directory does not tell the groups of the user.
    #[error(
        "the access control policy depends on groups, and the directory names none for the user, who has at least a primary group; \
         let the service account read tokenGroups, or correct `token_groups` in [directories.NAME.attributes]"
    )]
    NoGroups,
}

/// Looks up the groups of a policy that are named and not identified.
///
/// # Errors
/// When a group is not found, or the directory gives no answer.
pub(super) async fn find_groups(
    policy: &AccessControlPolicy,
    directory: &Directory,
) -> Result<(), FindGroupError> {
    for group in policy.groups() {
        group
            .resolve(async |domain, name| find_group(directory, group, domain, name).await)
            .await?;
    }
    Ok(())
}

/// Why the groups of a policy are not known.
#[derive(Debug)]
pub(super) enum FindGroupError {
    Policy(PolicyError),
    Directory(DirectoryError),
}

async fn find_group(
    directory: &Directory,
    group: &Group,
    domain: &str,
    name: &str,
) -> Result<String, FindGroupError> {
    const OBJECT_SID: &str = "objectSid";
    let filter = format!(
        "(&(objectClass=group)(sAMAccountName={}))",
        claim_rules::directory_query::escape_filter_value(name)
    );
    let account = format!("{domain}\\{name}");
    let found = directory
        .query(&account, Some(filter), &[OBJECT_SID.to_owned()])
        .await
        .map_err(FindGroupError::Directory)?;
    let [entry] = found.as_slice() else {
        return Err(FindGroupError::Policy(PolicyError::NoSuchGroup {
            group: group.to_string(),
            count: found.len(),
        }));
    };
    let sid = entry
        .octets(OBJECT_SID)
        .first()
        .and_then(|octets| crate::directory::Sid::from_octets(octets));
    sid.map(|sid| sid.to_string())
        .ok_or_else(|| FindGroupError::Policy(PolicyError::NoSecurityIdentifier(group.to_string())))
}

/// Whether claims of this type can make a difference.
pub(super) fn may_read(policy: &AccessControlPolicy, claim_type: &str) -> bool {
    policy.conditions().any(|condition| match condition {
        Condition::Groups(_) => claim_type == types::GROUP_SID,
        Condition::Claim(claim) => claim_type == claim.claim_type,
        Condition::RegisteredDevice => claim_type == types::IS_REGISTERED_USER,
        Condition::Location(_) => false,
    })
}

/// Applies a policy to the claims of a user and the facts of a request. The groups that it names must have been looked
/// up.
///
/// # Errors
/// When it depends on what is not known.
pub(super) fn judge(
    policy: &AccessControlPolicy,
    user: &[Claim],
    context: &RequestContext,
) -> Result<Verdict, PolicyError> {
    let facts = Facts { user, context };
    let mut needs_second_factor = false;
    for rule in &policy.rules {
        if facts.all_hold(&rule.conditions)? && !facts.any_holds(&rule.exceptions)? {
            if !rule.second_factor || types::proves_second_factor(user) {
                return Ok(Verdict::Permit);
            }
            needs_second_factor = true;
        }
    }
    Ok(if needs_second_factor {
        Verdict::SecondFactor
    } else {
        Verdict::Deny(Denial::NotPermitted)
    })
}

struct Facts<'a> {
    user: &'a [Claim],
    context: &'a RequestContext,
}

impl Facts<'_> {
    fn all_hold(&self, conditions: &[Condition]) -> Result<bool, PolicyError> {
        for condition in conditions {
            if !self.holds(condition)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn any_holds(&self, conditions: &[Condition]) -> Result<bool, PolicyError> {
        for condition in conditions {
            if self.holds(condition)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn holds(&self, condition: &Condition) -> Result<bool, PolicyError> {
        Ok(match condition {
            Condition::Location(places) => places.iter().any(|place| self.is_at(place)),
            Condition::Groups(groups) => self.is_in_any(groups)?,
            Condition::Claim(wanted) => self
                .user
                .iter()
                .any(|claim| wanted.holds(&claim.claim_type, &claim.value)),
            Condition::RegisteredDevice => self.user.iter().any(|claim| {
                claim.claim_type == types::IS_REGISTERED_USER
                    && claim.value.eq_ignore_ascii_case("true")
            }),
        })
    }

    fn is_at(&self, place: &Location) -> bool {
        match place {
            Location::Intranet => self.context.network_location == NetworkLocation::Intranet,
            Location::Extranet => self.context.network_location == NetworkLocation::Extranet,
            Location::Network(network) => network.contains(self.context.client_ip),
        }
    }

    fn is_in_any(&self, groups: &[Group]) -> Result<bool, PolicyError> {
        let sids = |claim_type: &'static str| {
            self.user
                .iter()
                .filter(move |claim| claim.claim_type == claim_type)
                .map(|claim| claim.value.as_str())
        };
        // Not being in a group can be what permits, so an answer without any group is no answer.
        if sids(types::GROUP_SID).next().is_none() {
            return Err(PolicyError::NoGroups);
        }
        for group in groups {
            let Some(wanted) = group.sid() else {
                return Err(PolicyError::NoSuchGroup {
                    group: group.to_string(),
                    count: 0,
                });
            };
            let mut own = sids(types::GROUP_SID).chain(sids(types::PRIMARY_GROUP_SID));
            if own.any(|sid| sid.eq_ignore_ascii_case(wanted)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests;
