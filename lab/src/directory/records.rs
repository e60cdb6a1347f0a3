//! From LDIF records to entries, checked against the schema.

use super::dn::{Dn, DnError, leaf};
use super::entry::{Attribute, Entry, Key, Password, Value, stored_key};
use super::schema;

/// Why records do not make a directory. `dn` and `line` say where.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// No record, or the first is not a domain.
    #[error("the first LDIF record must be the domain itself, of class domainDNS")]
    NoDomain,
    /// The DN of a record cannot be read.
    #[error("LDIF line {line}: `{dn}`: {source}")]
    Name {
        /// The DN as written.
        dn: String,
        /// The record's line.
        line: usize,
        /// What is wrong.
        source: DnError,
    },
    /// The entry above a record is not there (or comes later).
    #[error("LDIF line {line}: `{dn}` has no parent entry; write parents first")]
    NoParent {
        /// The DN as written.
        dn: String,
        /// The record's line.
        line: usize,
    },
    /// Two records share a DN or a value that must be unique.
    #[error("LDIF line {line}: `{dn}` repeats the {what} of another entry")]
    Duplicate {
        /// The DN as written.
        dn: String,
        /// The record's line.
        line: usize,
        /// `distinguished name` or an attribute.
        what: &'static str,
    },
    /// An attribute that the schema does not know.
    #[error("LDIF line {line}: `{dn}` has the attribute `{attribute}`, which is not in the schema")]
    UnknownAttribute {
        /// The DN as written.
        dn: String,
        /// The record's line.
        line: usize,
        /// The attribute's description.
        attribute: String,
    },
    /// A value does not fit its attribute's syntax.
    #[error("LDIF line {line}: `{dn}` has a value of `{attribute}` that does not fit its syntax")]
    Syntax {
        /// The DN as written.
        dn: String,
        /// The record's line.
        line: usize,
        /// The attribute's name.
        attribute: &'static str,
    },
    /// A group has a member that is no entry.
    #[error("the group `{group}` has the member `{member}`, which is no entry")]
    NoMember {
        /// The group's DN.
        group: String,
        /// The member value.
        member: String,
    },
    /// memberOf of an entry is not what the groups' members say.
    #[error(
        "memberOf of `{dn}` disagrees with the member values of the groups; correct one of them"
    )]
    MemberOf {
        /// The entry's DN.
        dn: String,
    },
}

/// What AD counts about each account.
const COUNTERS: [&str; 4] = ["badPasswordTime", "badPwdCount", "lastLogon", "lockoutTime"];

fn zero(name: &str) -> Option<Attribute> {
    let value = Value {
        bytes: b"0".to_vec(),
        key: Key::Integer(0),
    };
    Some(Attribute {
        kind: schema::attribute(name)?,
        values: vec![value],
    })
}

/// Makes the entry of a record whose DN was read as `name`. The password leaves the attributes here.
pub(super) fn entry_of(
    dn: String,
    line: usize,
    name: Dn,
    attributes: Vec<(String, Vec<u8>)>,
) -> Result<Entry, TreeError> {
    let mut entry = Entry {
        dn,
        name,
        attributes: Vec::new(),
        password: None,
    };
    let (_, leaf) = leaf(&entry.dn).map_err(|source| TreeError::Name {
        dn: entry.dn.clone(),
        line,
        source,
    })?;
    let computed = [
        (
            "distinguishedName".to_owned(),
            entry.dn.clone().into_bytes(),
        ),
        ("name".to_owned(), leaf.into_bytes()),
    ];
    let written = |name: &str| attributes.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    let uncounted: Vec<_> = COUNTERS.into_iter().filter(|name| !written(name)).collect();
    for (description, bytes) in attributes.into_iter().chain(computed) {
        if description.eq_ignore_ascii_case("userPassword") {
            entry.password = Some(Password::new(bytes));
            continue;
        }
        let Some(kind) = schema::attribute(&description).filter(|kind| !kind.constructed) else {
            return Err(TreeError::UnknownAttribute {
                dn: entry.dn,
                line,
                attribute: description,
            });
        };
        let Some(key) = stored_key(kind.syntax, &bytes) else {
            return Err(TreeError::Syntax {
                dn: entry.dn,
                line,
                attribute: kind.name,
            });
        };
        let value = Value { bytes, key };
        match entry
            .attributes
            .iter_mut()
            .find(|known| known.kind.name == kind.name)
        {
            Some(known) if known.values.contains(&value) => {
                return Err(TreeError::Duplicate {
                    dn: entry.dn,
                    line,
                    what: kind.name,
                });
            }
            Some(known) => known.values.push(value),
            None => entry.attributes.push(Attribute {
                kind,
                values: vec![value],
            }),
        }
    }
    // AD shows its counters on every account, also before the first sign-in.
    if entry.password.is_some() {
        entry
            .attributes
            .extend(uncounted.into_iter().filter_map(zero));
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use crate::directory::ldif;
    use crate::directory::tree::Tree;

    #[test]
    fn inconsistent_records_are_refused_with_their_place() {
        let domain = "dn: DC=t\nobjectClass: domainDNS\n\n";
        let kim = "dn: CN=kim,DC=t\nobjectClass: user\nsAMAccountName: kim\n";
        let cases = [
            ("", "the first LDIF record must be the domain"),
            (
                "dn: DC=t\ndc: t\n",
                "the first LDIF record must be the domain",
            ),
            (
                "dn: t\nobjectClass: domainDNS\n",
                "LDIF line 1: `t`: not a distinguished name",
            ),
            (
                &format!("{domain}dn: CN=a,CN=b,DC=t\ncn: a\n"),
                "LDIF line 4: `CN=a,CN=b,DC=t` has no parent entry",
            ),
            (
                &format!("{domain}{kim}\n{kim}"),
                "LDIF line 8: `CN=kim,DC=t` repeats the distinguished name",
            ),
            (
                &format!("{domain}{kim}\ndn: CN=b,DC=t\nsAMAccountName: KIM\n"),
                "LDIF line 8: `CN=b,DC=t` repeats the sAMAccountName",
            ),
            (
                &format!("{domain}{kim}samAccountNam: kim\n"),
                "has the attribute `samAccountNam`, which is not in the schema",
            ),
            (
                &format!("{domain}{kim}tokenGroups: x\n"),
                "which is not in the schema",
            ),
            (
                &format!("{domain}{kim}pwdLastSet: today\n"),
                "has a value of `pwdLastSet` that",
            ),
            (
                &format!("{domain}{kim}objectGUID: short\n"),
                "has a value of `objectGUID` that",
            ),
            (
                &format!("{domain}{kim}\ndn: CN=g,DC=t\nmember: CN=lee,DC=t\n"),
                "the group `CN=g,DC=t` has the member `CN=lee,DC=t`, which is no entry",
            ),
            (
                &format!("{domain}{kim}memberOf: CN=g,DC=t\n\ndn: CN=g,DC=t\ncn: g\n"),
                "memberOf of `CN=kim,DC=t` disagrees",
            ),
        ];
        for (text, expected) in cases {
            let message = match ldif::parse(text) {
                Ok(records) => Tree::build(records).unwrap_err().to_string(),
                Err(error) => error.to_string(),
            };
            assert!(message.contains(expected), "{text}\ngave: {message}");
        }
    }
}
