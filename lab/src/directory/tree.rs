//! The directory's content: immutable once loaded, with indexes and the group graph.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::dn::Dn;
use super::entry::{Attribute, Entry, EntryId, Key, Value, stored_key};
use super::identifiers::sid_with_rid;
use super::ldif::Record;
use super::records::{TreeError, entry_of};
use super::schema::{self, AttributeType};

/// The bit of groupType that makes a group a security group (MS-ADTS 2.2.12).
const SECURITY_ENABLED: i64 = 0x8000_0000;

/// All entries.
#[derive(Debug)]
pub(super) struct Tree {
    entries: Vec<Entry>,
    by_name: BTreeMap<Dn, EntryId>,
    indexes: HashMap<&'static str, HashMap<Key, Vec<EntryId>>>,
    groups_of: HashMap<EntryId, Vec<EntryId>>,
    members_of: HashMap<EntryId, Vec<EntryId>>,
    suffix: String,
    suffix_name: Dn,
}

impl Tree {
    /// Builds the tree; the first record is the domain, and parents come before their children.
    pub(super) fn build(records: Vec<Record>) -> Result<Tree, TreeError> {
        let first = records.first().ok_or(TreeError::NoDomain)?;
        let suffix = first.dn.clone();
        let mut tree = Tree {
            entries: Vec::with_capacity(records.len()),
            by_name: BTreeMap::new(),
            indexes: HashMap::new(),
            groups_of: HashMap::new(),
            members_of: HashMap::new(),
            suffix_name: Dn::parse(&suffix).map_err(|source| TreeError::Name {
                dn: suffix.clone(),
                line: first.line,
                source,
            })?,
            suffix,
        };
        for record in records {
            tree.add(record)?;
        }
        if !tree
            .domain()
            .is_some_and(|domain| domain.has_class("domainDNS"))
        {
            return Err(TreeError::NoDomain);
        }
        tree.link_groups()?;
        Ok(tree)
    }

    fn add(&mut self, record: Record) -> Result<(), TreeError> {
        let Record {
            dn,
            line,
            attributes,
        } = record;
        let name = Dn::parse(&dn).map_err(|source| TreeError::Name {
            dn: dn.clone(),
            line,
            source,
        })?;
        let parent_known = name
            .parent()
            .is_some_and(|parent| self.by_name.contains_key(&parent));
        if name != self.suffix_name && !parent_known {
            return Err(TreeError::NoParent { dn, line });
        }
        let id = EntryId(self.entries.len());
        if self.by_name.insert(name.clone(), id).is_some() {
            return Err(TreeError::Duplicate {
                dn,
                line,
                what: "distinguished name",
            });
        }
        let entry = entry_of(dn, line, name, attributes)?;
        for attribute in entry
            .attributes
            .iter()
            .filter(|attribute| attribute.kind.indexed)
        {
            let index = self.indexes.entry(attribute.kind.name).or_default();
            for value in &attribute.values {
                let ids = index.entry(value.key.clone()).or_default();
                if !ids.is_empty() && is_unique(attribute.kind) {
                    let what = attribute.kind.name;
                    return Err(TreeError::Duplicate {
                        dn: entry.dn,
                        line,
                        what,
                    });
                }
                ids.push(id);
            }
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Resolves `member`, and gives each member the `memberOf` that AD computes from it. Fixtures may write memberOf too,
    /// for readers that do not compute it; then it must say the same.
    fn link_groups(&mut self) -> Result<(), TreeError> {
        let Some(member_of) = schema::attribute("memberOf") else {
            return Ok(());
        };
        for (index, entry) in self.entries.iter().enumerate() {
            let group = EntryId(index);
            let members = entry
                .attributes
                .iter()
                .find(|attribute| attribute.kind.name == "member");
            for value in members
                .map(|members| members.values.as_slice())
                .unwrap_or_default()
            {
                let Key::Name(name) = &value.key else {
                    continue;
                };
                let Some(member) = self.by_name.get(name).copied() else {
                    let member = String::from_utf8_lossy(&value.bytes).into_owned();
                    return Err(TreeError::NoMember {
                        group: entry.dn.clone(),
                        member,
                    });
                };
                self.members_of.entry(group).or_default().push(member);
                self.groups_of.entry(member).or_default().push(group);
            }
        }
        let mut computed: Vec<Option<Attribute>> = Vec::with_capacity(self.entries.len());
        for (index, entry) in self.entries.iter().enumerate() {
            let groups = self
                .groups_of
                .get(&EntryId(index))
                .map(Vec::as_slice)
                .unwrap_or_default();
            let values: Vec<Value> = groups
                .iter()
                .filter_map(|group| self.entry(*group))
                .map(|group| Value {
                    bytes: group.dn.clone().into_bytes(),
                    key: Key::Name(group.name.clone()),
                })
                .collect();
            if let Some(written) = entry.attribute(member_of) {
                let written: BTreeSet<&Dn> = written.values.iter().filter_map(name_of).collect();
                let linked: BTreeSet<&Dn> = values.iter().filter_map(name_of).collect();
                if written != linked {
                    return Err(TreeError::MemberOf {
                        dn: entry.dn.clone(),
                    });
                }
            }
            computed.push((!values.is_empty()).then_some(Attribute {
                kind: member_of,
                values,
            }));
        }
        for (entry, attribute) in self.entries.iter_mut().zip(computed) {
            entry
                .attributes
                .retain(|attribute| attribute.kind.name != "memberOf");
            entry.attributes.extend(attribute);
        }
        Ok(())
    }

    pub(super) fn entry(&self, id: EntryId) -> Option<&Entry> {
        self.entries.get(id.0)
    }

    /// The DN of the domain, such as `DC=contoso,DC=test`.
    pub(super) fn suffix(&self) -> &str {
        &self.suffix
    }

    pub(super) fn suffix_name(&self) -> &Dn {
        &self.suffix_name
    }

    /// The entry of the domain itself.
    pub(super) fn domain(&self) -> Option<&Entry> {
        self.entries.first()
    }

    /// The domain's DNS name, such as `contoso.test`.
    pub(super) fn dns_domain(&self) -> String {
        let labels = self
            .suffix
            .split(',')
            .filter_map(|part| part.split_once('='));
        labels
            .map(|(_, label)| label.trim())
            .collect::<Vec<_>>()
            .join(".")
    }

    /// The domain's NetBIOS name: the first label in capitals.
    pub(super) fn netbios_domain(&self) -> String {
        self.dns_domain()
            .split('.')
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase()
    }

    pub(super) fn by_name(&self, name: &Dn) -> Option<EntryId> {
        self.by_name.get(name).copied()
    }

    /// All entries at and below `base`, in the order of their names.
    pub(super) fn subtree<'a>(&'a self, base: &'a Dn) -> impl Iterator<Item = EntryId> + 'a {
        self.by_name
            .range(base.clone()..)
            .take_while(|(name, _)| name.is_within(base))
            .map(|(_, id)| *id)
    }

    /// The entries with this value in an indexed attribute.
    pub(super) fn lookup(&self, kind: &AttributeType, key: &Key) -> &[EntryId] {
        self.indexes
            .get(kind.name)
            .and_then(|index| index.get(key))
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The single entry with this text in an indexed attribute.
    pub(super) fn lookup_text(&self, attribute: &str, text: &str) -> Option<EntryId> {
        let kind = schema::attribute(attribute)?;
        match self.lookup(kind, &stored_key(kind.syntax, text.as_bytes())?) {
            [id] => Some(*id),
            _ => None,
        }
    }

    /// Every group that holds `id`, directly or through groups; without primary groups, as LDAP_MATCHING_RULE_IN_CHAIN
    /// sees it.
    pub(super) fn groups_in_chain(&self, id: EntryId) -> BTreeSet<EntryId> {
        closure([id], &self.groups_of)
    }

    /// Everything that `group` holds, directly or through groups.
    pub(super) fn members_in_chain(&self, group: EntryId) -> BTreeSet<EntryId> {
        closure([group], &self.members_of)
    }

    /// The SIDs of tokenGroups: all security groups that hold the entry, through its primary group too (MS-ADTS
    /// 3.1.1.4.5.19). Distribution groups pass nothing on.
    pub(super) fn token_groups(&self, id: EntryId) -> Vec<Vec<u8>> {
        let primary = self.primary_group(id);
        let mut pending: Vec<EntryId> = primary.into_iter().collect();
        pending.extend(self.groups_of.get(&id).into_iter().flatten());
        let mut seen = BTreeSet::new();
        while let Some(group) = pending.pop() {
            if self.entry(group).is_some_and(is_security_group) && seen.insert(group) {
                pending.extend(self.groups_of.get(&group).into_iter().flatten());
            }
        }
        let sids = seen
            .into_iter()
            .filter_map(|group| self.entry(group)?.octets("objectSid"));
        sids.map(<[u8]>::to_vec).collect()
    }

    fn primary_group(&self, id: EntryId) -> Option<EntryId> {
        let entry = self.entry(id)?;
        let rid = u32::try_from(entry.integer("primaryGroupID")?).ok()?;
        let sid = sid_with_rid(entry.octets("objectSid")?, rid)?;
        self.lookup(schema::attribute("objectSid")?, &Key::Octets(sid))
            .first()
            .copied()
    }
}

/// Everything reachable from `start` along `edges`, without `start` unless a circle leads back to it.
fn closure<const N: usize>(
    start: [EntryId; N],
    edges: &HashMap<EntryId, Vec<EntryId>>,
) -> BTreeSet<EntryId> {
    let mut seen = BTreeSet::new();
    let mut pending = Vec::from(start);
    while let Some(id) = pending.pop() {
        for next in edges.get(&id).into_iter().flatten() {
            if seen.insert(*next) {
                pending.push(*next);
            }
        }
    }
    seen
}

fn name_of(value: &Value) -> Option<&Dn> {
    match &value.key {
        Key::Name(name) => Some(name),
        _ => None,
    }
}

fn is_security_group(entry: &Entry) -> bool {
    entry
        .integer("groupType")
        .is_some_and(|kind| kind & SECURITY_ENABLED != 0)
}

/// Whether AD keeps an attribute unique in the domain. Mail addresses may repeat.
fn is_unique(kind: &AttributeType) -> bool {
    matches!(
        kind.name,
        "sAMAccountName" | "userPrincipalName" | "objectGUID" | "objectSid"
    )
}
