//! The rootDSE: what the server says about itself to anyone (RFC 4512 5.1, MS-ADTS 3.1.1.3.2).

use std::borrow::Cow;

use ldap3_proto::proto::LdapPartialAttribute;
use time::OffsetDateTime;
use time::macros::format_description;

use super::dn::Dn;
use super::entry::{Attribute, Entry, EntryId, Value, stored_key};
use super::filter::{Attributes, Filter, Predicate, Truth};
use super::request::Search;
use super::schema::{self, AttributeType};
use super::session::{DOMAIN_SCOPE, PAGED_RESULTS, START_TLS, WHO_AM_I};
use super::tree::Tree;
use super::view::{Selection, select_stored};

/// The LDAP_CAP_ACTIVE_DIRECTORY_OID capability, by which clients know Active Directory.
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

/// The rootDSE's attributes when the search asks for it and the filter agrees.
pub(super) fn answer(
    tree: &Tree,
    host: &str,
    search: &Search,
    start_tls: bool,
    now: OffsetDateTime,
) -> Option<Vec<LdapPartialAttribute>> {
    let entry = entry(tree, host, start_tls, now);
    let by_class =
        matches!(&search.filter, Filter::Present(name) if name.eq_ignore_ascii_case("objectClass"));
    // The rootDSE shows no objectClass, yet `(objectClass=*)` is how everyone reads it.
    let matches = by_class
        || Predicate::prepare(&search.filter, tree).test(EntryId(usize::MAX), &entry, &AsStored)
            == Truth::True;
    let selection = Selection::new(&search.attributes, search.types_only);
    matches.then(|| select_stored(&entry, &selection, Cow::Borrowed))
}

struct AsStored;

impl Attributes for AsStored {
    fn attribute<'e>(
        &self,
        _: EntryId,
        entry: &'e Entry,
        kind: &'static AttributeType,
    ) -> Option<Cow<'e, Attribute>> {
        entry.attribute(kind).map(Cow::Borrowed)
    }
}

fn entry(tree: &Tree, host: &str, start_tls: bool, now: OffsetDateTime) -> Entry {
    let time = now.format(format_description!(
        "[year][month][day][hour][minute][second].0Z"
    ));
    let suffix = tree.suffix();
    let mut extensions = vec![WHO_AM_I];
    extensions.extend(start_tls.then_some(START_TLS));
    let lines: [(&str, Vec<String>); 10] = [
        ("currentTime", time.into_iter().collect()),
        ("defaultNamingContext", vec![suffix.to_owned()]),
        ("rootDomainNamingContext", vec![suffix.to_owned()]),
        ("namingContexts", vec![suffix.to_owned()]),
        ("dnsHostName", vec![format!("{host}.{}", tree.dns_domain())]),
        ("supportedLDAPVersion", vec!["3".to_owned()]),
        (
            "supportedControl",
            vec![PAGED_RESULTS.to_owned(), DOMAIN_SCOPE.to_owned()],
        ),
        ("supportedCapabilities", vec![ACTIVE_DIRECTORY.to_owned()]),
        (
            "supportedExtension",
            extensions.into_iter().map(str::to_owned).collect(),
        ),
        ("vendorName", vec!["lab directory".to_owned()]),
    ];
    let attributes = lines.into_iter().filter_map(|(name, values)| {
        let kind = schema::attribute(name)?;
        let values = values.into_iter().filter_map(|value| {
            let bytes = value.into_bytes();
            let key = stored_key(kind.syntax, &bytes)?;
            Some(Value { bytes, key })
        });
        Some(Attribute {
            kind,
            values: values.collect(),
        })
    });
    Entry {
        dn: String::new(),
        name: Dn::default(),
        attributes: attributes.collect(),
        password: None,
    }
}
