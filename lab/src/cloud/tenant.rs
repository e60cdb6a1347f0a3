//! Users as the cloud knows them (spec cloud-scenario 2.1 and 5).

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

/// Tenant id of the lab.
pub const TENANT_ID: &str = "72aa0000-1111-4222-8333-444455556666";

/// A user object of the tenant.
#[derive(Debug, Clone)]
pub struct User {
    /// Object id.
    pub id: Uuid,
    /// `userPrincipalName`.
    pub upn: String,
    /// `displayName`.
    pub display_name: String,
    /// `onPremisesImmutableId`; compared case-sensitively.
    pub immutable_id: Option<String>,
    /// `accountEnabled`.
    pub enabled: bool,
}

/// What the sync job reads about a person in the directory.
#[derive(Debug, Clone)]
pub struct DirectoryPerson {
    /// `userPrincipalName`.
    pub upn: String,
    /// `displayName`, else the UPN.
    pub display_name: String,
    /// Base64 of `mS-DS-ConsistencyGuid`, else of `objectGUID`.
    pub immutable_id: String,
}

/// All users, found by UPN or by ImmutableID.
#[derive(Debug, Default)]
pub struct Tenant {
    users: Vec<Arc<User>>,
    by_immutable_id: HashMap<String, Vec<usize>>,
}

impl Tenant {
    /// What Entra Connect would have written, with the deliberate oddities of the fixtures: `dave` has no
    /// ImmutableID, `erin`'s differs from the directory's, `judy` was never synchronised.
    pub fn synchronised(people: impl IntoIterator<Item = DirectoryPerson>) -> Tenant {
        let users = people
            .into_iter()
            .filter(|person| !is(&person.upn, "judy"))
            .map(|person| User {
                id: Uuid::new_v4(),
                immutable_id: match () {
                    () if is(&person.upn, "dave") => None,
                    () if is(&person.upn, "erin") => {
                        Some(STANDARD.encode(Uuid::new_v4().as_bytes()))
                    }
                    () => Some(person.immutable_id),
                },
                upn: person.upn,
                display_name: person.display_name,
                enabled: true,
            });
        Tenant::of(users)
    }

    /// A tenant with these users.
    pub fn of(users: impl IntoIterator<Item = User>) -> Tenant {
        let users: Vec<Arc<User>> = users.into_iter().map(Arc::new).collect();
        let mut by_immutable_id: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, user) in users.iter().enumerate() {
            if let Some(id) = &user.immutable_id {
                by_immutable_id
                    .entry(id.clone())
                    .or_default()
                    .push(position);
            }
        }
        Tenant {
            users,
            by_immutable_id,
        }
    }

    /// The one user with this ImmutableID; none when two share it.
    pub(crate) fn by_immutable_id(&self, immutable_id: &str) -> Option<Arc<User>> {
        match self.by_immutable_id.get(immutable_id)?.as_slice() {
            [position] => self.users.get(*position).cloned(),
            _ => None,
        }
    }

    /// The user with this UPN, in any case.
    pub(crate) fn by_upn(&self, upn: &str) -> Option<Arc<User>> {
        self.users
            .iter()
            .find(|user| user.upn.eq_ignore_ascii_case(upn))
            .cloned()
    }

    /// How many users there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}

fn is(upn: &str, name: &str) -> bool {
    upn.strip_suffix("@contoso.test")
        .is_some_and(|local| local.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(upn: &str, immutable_id: &str) -> DirectoryPerson {
        DirectoryPerson {
            upn: upn.to_owned(),
            display_name: upn.to_owned(),
            immutable_id: immutable_id.to_owned(),
        }
    }

    #[test]
    fn an_immutable_id_names_one_user_and_case_counts() {
        let people = [
            person("alice@contoso.test", "Aa=="),
            person("bob@contoso.test", "Bb=="),
            person("bert@contoso.test", "Bb=="),
        ];
        let tenant = Tenant::synchronised(people);
        assert_eq!(
            tenant.by_immutable_id("Aa==").unwrap().upn,
            "alice@contoso.test"
        );
        assert!(tenant.by_immutable_id("aa==").is_none());
        assert!(
            tenant.by_immutable_id("Bb==").is_none(),
            "two users share it"
        );
        assert!(tenant.by_upn("BOB@contoso.test").is_some());
    }

    #[test]
    fn the_odd_ones_are_odd() {
        let people =
            ["dave", "erin", "judy"].map(|name| person(&format!("{name}@contoso.test"), name));
        let tenant = Tenant::synchronised(people);
        assert_eq!(tenant.len(), 2);
        assert_eq!(
            tenant.by_upn("dave@contoso.test").unwrap().immutable_id,
            None
        );
        assert!(
            tenant
                .by_upn("erin@contoso.test")
                .unwrap()
                .immutable_id
                .as_deref()
                .is_some_and(|id| id != "erin")
        );
        assert!(tenant.by_upn("judy@contoso.test").is_none());
    }
}
