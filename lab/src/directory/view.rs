//! Entries as a client sees them now: stored attributes, live counters and constructed attributes.

use std::borrow::Cow;

use ldap3_proto::proto::LdapPartialAttribute;
use time::OffsetDateTime;

use super::accounts::Accounts;
use super::entry::{Attribute, Entry, EntryId, Key, Value};
use super::filter::Attributes;
use super::schema::{self, AttributeType};
use super::tree::Tree;

/// The tree at one instant.
pub(super) struct View<'a> {
    pub(super) tree: &'a Tree,
    pub(super) accounts: &'a Accounts,
    pub(super) now: OffsetDateTime,
}

/// Which attributes of an entry a search returns (RFC 4511 4.5.1.8).
pub(super) struct Selection {
    all: bool,
    named: Vec<&'static AttributeType>,
    types_only: bool,
}

impl Selection {
    /// No names, or `*`, means everything stored; `1.1` nothing. Unknown names are ignored, as AD does.
    pub(super) fn new(names: &[String], types_only: bool) -> Selection {
        Selection {
            all: names.is_empty() || names.iter().any(|name| name == "*"),
            named: names
                .iter()
                .filter_map(|name| schema::attribute(name))
                .collect(),
            types_only,
        }
    }

    fn wants(&self, kind: &AttributeType) -> bool {
        self.all || self.named.iter().any(|named| named.name == kind.name)
    }

    fn answer(&self, kind: &AttributeType, values: Vec<Vec<u8>>) -> LdapPartialAttribute {
        let vals = if self.types_only { Vec::new() } else { values };
        LdapPartialAttribute {
            atype: kind.name.to_owned(),
            vals,
        }
    }
}

impl Attributes for View<'_> {
    fn attribute<'e>(
        &self,
        id: EntryId,
        entry: &'e Entry,
        kind: &'static AttributeType,
    ) -> Option<Cow<'e, Attribute>> {
        let stored = entry.attribute(kind)?;
        let state = match kind.name {
            "badPwdCount" | "badPasswordTime" | "lockoutTime" | "lastLogon" => {
                self.accounts.state(id, entry)
            }
            _ => return Some(Cow::Borrowed(stored)),
        };
        let number = match kind.name {
            "badPwdCount" => state.bad_password_count,
            "badPasswordTime" => state.bad_password_time,
            "lockoutTime" => state.lockout_time,
            _ => state.last_logon,
        };
        Some(Cow::Owned(number_attribute(kind, number)))
    }
}

fn number_attribute(kind: &'static AttributeType, number: i64) -> Attribute {
    let value = Value {
        bytes: number.to_string().into_bytes(),
        key: Key::Integer(number),
    };
    Attribute {
        kind,
        values: vec![value],
    }
}

impl View<'_> {
    /// The selected attributes. `base_search` allows tokenGroups, which AD computes for base searches only.
    pub(super) fn select(
        &self,
        id: EntryId,
        entry: &Entry,
        selection: &Selection,
        base_search: bool,
    ) -> Vec<LdapPartialAttribute> {
        let mut selected = select_stored(entry, selection, |stored| {
            self.attribute(id, entry, stored.kind)
                .unwrap_or(Cow::Borrowed(stored))
        });
        for kind in selection.named.iter().filter(|kind| kind.constructed) {
            let values = self.construct(id, entry, kind.name, base_search);
            if !values.is_empty() {
                selected.push(selection.answer(kind, values));
            }
        }
        selected
    }

    fn construct(&self, id: EntryId, entry: &Entry, name: &str, base_search: bool) -> Vec<Vec<u8>> {
        let is_user = entry.has_class("user");
        match name {
            "tokenGroups" if base_search => self.tree.token_groups(id),
            "msDS-User-Account-Control-Computed" if is_user => {
                let bits = self.accounts.computed_control(id, entry, self.now);
                vec![bits.to_string().into_bytes()]
            }
            "msDS-UserPasswordExpiryTimeComputed" if is_user => {
                let expiry = self.accounts.password_expiry(entry).unwrap_or(i64::MAX);
                vec![expiry.to_string().into_bytes()]
            }
            "msDS-PrincipalName" => {
                let account = entry.text("sAMAccountName");
                let domain = self.tree.netbios_domain();
                account
                    .map(|a| format!("{domain}\\{a}").into_bytes())
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The selected ones among the stored attributes, each as `current` gives it.
pub(super) fn select_stored<'e>(
    entry: &'e Entry,
    selection: &Selection,
    current: impl Fn(&'e Attribute) -> Cow<'e, Attribute>,
) -> Vec<LdapPartialAttribute> {
    let wanted = entry
        .attributes
        .iter()
        .filter(|attribute| selection.wants(attribute.kind));
    wanted
        .map(|stored| {
            let attribute = current(stored);
            let values = attribute
                .values
                .iter()
                .map(|value| value.bytes.clone())
                .collect();
            selection.answer(stored.kind, values)
        })
        .collect()
}
