//! The query texts of directory stores (sections 4.2 and 4.3): read and filled here, answered elsewhere.

use crate::query_template::{QueryTemplate, TemplatePart};
use crate::store::{Rows, StoreError, StoreQuery};

/// Longest filter that is sent to a directory, in bytes.
const MAX_FILTER: usize = 16 * 1024;

/// Escapes a value for an LDAP filter (RFC 4515 section 3). Everything but letters, digits and a few harmless signs is
/// written as hexadecimal bytes, so that no value can add to a filter.
pub fn escape_filter_value(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.len().saturating_sub(1);
    for (at, character) in value.char_indices() {
        match character {
            // Blanks at the ends would be lost where a filter is trimmed.
            ' ' if at == 0 || at == last => escaped.push_str("\\20"),
            '\0'
            | '('
            | ')'
            | '*'
            | '\\'
            | '\u{7f}'
            | '\u{1}'..='\u{1f}'
            | '&'
            | '|'
            | '!'
            | '='
            | '<'
            | '>'
            | '~' => {
                escaped.push_str(&format!("\\{:02x}", u32::from(character)));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// `FILTER;ATTRIBUTES;DOMAIN\user`, the query of the store "Active Directory".
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ActiveDirectoryQuery {
    /// Complete filter with parentheses, values escaped; `None` to search for the account itself.
    pub filter: Option<String>,
    /// Attributes in the order of the claim types.
    pub attributes: Vec<String>,
    /// Chooses the directory.
    pub domain: String,
    /// The account, when there is no filter; of no meaning with one.
    pub user: String,
}

impl ActiveDirectoryQuery {
    /// Reads and fills a query.
    ///
    /// # Errors
    /// When the text has not three parts, names other than attributes, or as many attributes as types; with POLICY3826
    /// when the last part is not `domain\user`.
    pub fn read(query: &StoreQuery) -> Result<ActiveDirectoryQuery, StoreError> {
        let template = template(query)?;
        let parts = template
            .split_last(';')
            .and_then(|(rest, account)| Some((rest.split_last(';')?, account)));
        let ((filter, attributes), account) = parts.ok_or_else(|| {
            StoreError::new(format!(
                "the query '{}' has not the form FILTER;ATTRIBUTES;DOMAIN\\user",
                query.query
            ))
        })?;
        let account = account.fill(&query.params, str::to_owned);
        let (domain, user) = account
            .trim()
            .split_once('\\')
            .filter(|(domain, user)| !domain.is_empty() && !user.is_empty() && !user.contains('\\'))
            .ok_or_else(|| {
                StoreError::with_code(
                    "POLICY3826",
                    format!("the user name '{account}' is not in domain\\user form"),
                )
            })?;
        Ok(ActiveDirectoryQuery {
            filter: filter_text(&filter, query)?,
            attributes: attribute_names(
                &attributes.fill(&query.params, str::to_owned),
                ',',
                query.columns,
            )?,
            domain: domain.to_owned(),
            user: user.to_owned(),
        })
    }

    /// The filter to search with: the one that was given, or the account's sAMAccountName.
    pub fn effective_filter(&self) -> String {
        self.filter
            .clone()
            .unwrap_or_else(|| format!("(sAMAccountName={})", escape_filter_value(&self.user)))
    }
}

/// Attributes that the text of an Active Directory query names; none when it cannot be read or takes names from params.
pub fn attributes_named(text: &str) -> Vec<String> {
    let template = QueryTemplate::parse(text, usize::MAX).ok();
    let parts = template.and_then(|template| template.split_last(';'));
    let attributes = parts
        .and_then(|(rest, _)| rest.split_last(';'))
        .map(|(_, attributes)| attributes);
    match attributes.as_ref().map(QueryTemplate::parts) {
        Some([TemplatePart::Text(names)]) => {
            let names = names.split(',').map(str::trim);
            names
                .filter(|name| is_attribute_name(name))
                .map(str::to_owned)
                .collect()
        }
        _ => Vec::new(),
    }
}

/// `FILTER;ATTRIBUTE;ATTRIBUTE...`, the query of other LDAP stores.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LdapQuery {
    /// Complete filter with parentheses, values escaped.
    pub filter: String,
    /// Attributes in the order of the claim types.
    pub attributes: Vec<String>,
}

impl LdapQuery {
    /// Reads and fills a query. Attributes are separated by `;` or `,`.
    ///
    /// # Errors
    /// When the filter is missing, or the attributes are not as many as the types.
    pub fn read(query: &StoreQuery) -> Result<LdapQuery, StoreError> {
        let mut rest = template(query)?;
        let mut names: Vec<String> = Vec::new();
        while let Some((before, last)) = rest.split_last(';') {
            let last = last.fill(&query.params, str::to_owned);
            names.splice(0..0, last.split(',').map(|name| name.trim().to_owned()));
            rest = before;
        }
        let filter = filter_text(&rest, query)?;
        let filter = filter.ok_or_else(|| {
            StoreError::new("an LDAP store needs a filter in front of the attributes")
        })?;
        Ok(LdapQuery {
            filter,
            attributes: attribute_names(&names.join(","), ',', query.columns)?,
        })
    }
}

/// The rows that one found object gives: value *n* of each attribute stands in row *n*. There is no product between
/// attributes, since each value becomes a claim of its own (section 4.2).
pub fn rows_of_object(attributes: Vec<Vec<String>>) -> Rows {
    let longest = attributes.iter().map(Vec::len).max().unwrap_or_default();
    let mut columns: Vec<_> = attributes.into_iter().map(Vec::into_iter).collect();
    (0..longest)
        .map(|_| columns.iter_mut().map(Iterator::next).collect())
        .collect()
}

fn template(query: &StoreQuery) -> Result<QueryTemplate, StoreError> {
    QueryTemplate::parse(&query.query, query.params.len())
        .map_err(|error| StoreError::new(error.to_string()))
}

fn filter_text(template: &QueryTemplate, query: &StoreQuery) -> Result<Option<String>, StoreError> {
    let filled = template.fill(&query.params, escape_filter_value);
    let filter = filled.trim();
    if filter.len() > MAX_FILTER {
        return Err(StoreError::new(format!(
            "the filter has {} bytes, more than {MAX_FILTER}",
            filter.len()
        )));
    }
    Ok(match filter {
        "" => None,
        _ if filter.starts_with('(') => Some(filter.to_owned()),
        _ => Some(format!("({filter})")),
    })
}

fn attribute_names(text: &str, separator: char, columns: usize) -> Result<Vec<String>, StoreError> {
    let names: Vec<String> = text
        .split(separator)
        .map(|name| name.trim().to_owned())
        .collect();
    if let Some(name) = names.iter().find(|name| !is_attribute_name(name)) {
        return Err(StoreError::new(format!("'{name}' is no attribute name")));
    }
    if names.len() != columns {
        let message = format!(
            "the query names {} attributes for {columns} claim types; name one for each type",
            names.len()
        );
        return Err(StoreError::new(message));
    }
    Ok(names)
}

/// Also pseudo-attributes such as `tokenGroups(SID)`.
fn is_attribute_name(name: &str) -> bool {
    let call = name.strip_suffix(')').and_then(|open| open.split_once('('));
    let plain = call.map_or(name, |(name, _)| name);
    let fits = |next: char| next.is_ascii_alphanumeric() || next == '-' || next == '.';
    !plain.is_empty() && plain.len() <= 256 && plain.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(text: &str, params: &[&str], columns: usize) -> StoreQuery {
        StoreQuery {
            store: "Active Directory".to_owned(),
            query: text.to_owned(),
            params: params.iter().map(|param| (*param).to_owned()).collect(),
            columns,
        }
    }

    #[test]
    fn the_documented_forms() {
        let cases = [
            (
                query(";mail,displayName;{0}", &["CONTOSO\\ann"], 2),
                None,
                "(sAMAccountName=ann)",
                vec!["mail", "displayName"],
            ),
            (
                query(
                    "samAccountName={0};objectGUID;{1}",
                    &["ann", "CONTOSO\\ann"],
                    1,
                ),
                Some("(samAccountName=ann)"),
                "(samAccountName=ann)",
                vec!["objectGUID"],
            ),
            (
                query(
                    "(&(mail={0})(title={1}));displayname;{2}",
                    &["a*", "b)", "CONTOSO\\x"],
                    1,
                ),
                Some("(&(mail=a\\2a)(title=b\\29))"),
                "(&(mail=a\\2a)(title=b\\29))",
                vec!["displayname"],
            ),
            (
                query(
                    "; objectGuid,ms-ds-consistencyguid;{0}",
                    &["CONTOSO\\o'b(r"],
                    2,
                ),
                None,
                "(sAMAccountName=o'b\\28r)",
                vec!["objectGuid", "ms-ds-consistencyguid"],
            ),
        ];
        for (query, filter, effective, attributes) in cases {
            let read = ActiveDirectoryQuery::read(&query)
                .unwrap_or_else(|error| panic!("{query:?}: {error}"));
            assert_eq!(read.filter.as_deref(), filter);
            assert_eq!(read.effective_filter(), effective);
            assert_eq!(read.attributes, attributes);
            assert_eq!(read.domain, "CONTOSO");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            (query("mail;{0}", &["C\\a"], 1), None, "form"),
            (
                query(";mail;{0}", &["ann@contoso.test"], 1),
                Some("POLICY3826"),
                "domain\\user",
            ),
            (
                query(";mail;{0}", &["C\\"], 1),
                Some("POLICY3826"),
                "domain\\user",
            ),
            (query(";mail,cn;{0}", &["C\\a"], 1), None, "for each type"),
            (query(";ma il;{0}", &["C\\a"], 1), None, "no attribute name"),
            (query(";{0};{0}", &["C\\a"], 1), None, "no attribute name"),
            (query(";mail;{1}", &["C\\a"], 1), None, "placeholder {1}"),
        ];
        for (query, code, message) in cases {
            let error = ActiveDirectoryQuery::read(&query).expect_err(&query.query);
            assert_eq!(error.code, code);
            assert!(error.message.contains(message), "{error}");
        }
    }

    #[test]
    fn ldap_stores_take_either_separator() {
        let expected = LdapQuery {
            filter: "(uid=ann)".to_owned(),
            attributes: vec!["mail".to_owned(), "cn".to_owned()],
        };
        for text in ["uid={0};mail;cn", "(uid={0});mail,cn"] {
            assert_eq!(
                LdapQuery::read(&query(text, &["ann"], 2)),
                Ok(expected.clone()),
                "{text}"
            );
        }
        assert!(LdapQuery::read(&query(";mail", &[], 1)).is_err());
    }

    #[test]
    fn named_attributes_are_told() {
        let cases = [
            ("cn={0};mail, displayName;{1}", vec!["mail", "displayName"]),
            (";tokenGroups(SID);{0}", vec!["tokenGroups(SID)"]),
            (";{0};{1}", vec![]),
            ("mail;{0}", vec![]),
            ("{;mail;{0}", vec![]),
        ];
        for (text, expected) in cases {
            assert_eq!(attributes_named(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_param_never_adds_to_a_filter(value in "\\PC{0,20}|[()*\\\\&|!=;,{}\0]{0,10}") {
            let read = ActiveDirectoryQuery::read(&query("cn={0};mail;{1}", &[&value, "C\\a"], 1)).unwrap();
            let filter = read.filter.unwrap();
            let body = filter.strip_prefix("(cn=").unwrap().strip_suffix(')').unwrap();
            prop_assert!(!body.contains(['(', ')', '*', '\0']));
            prop_assert_eq!(read.attributes, ["mail"]);
        }
    }
}
