//! Directories that hold some objects.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use crate::directory_query::{ActiveDirectoryQuery, LdapQuery};
use crate::store::{AttributeStore, Rows, StoreError, StoreQuery};

#[derive(Debug, Deserialize)]
pub(super) struct ActiveDirectory {
    objects: Vec<Object>,
}

#[derive(Debug, Deserialize)]
pub(super) struct LdapDirectory {
    objects: Vec<Object>,
}

#[derive(Debug, Deserialize)]
struct Object {
    domain: Option<String>,
    dn: String,
    #[serde(default)]
    attributes: BTreeMap<String, Vec<Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Binary { base64: String },
}

impl AttributeStore for ActiveDirectory {
    fn query(&self, query: &StoreQuery) -> Result<Rows, StoreError> {
        let read = ActiveDirectoryQuery::read(query)?;
        let of_domain = self.objects.iter().filter(|object| {
            object
                .domain
                .as_ref()
                .is_some_and(|domain| domain.eq_ignore_ascii_case(&read.domain))
        });
        rows(of_domain, &read.effective_filter(), &read.attributes)
    }
}

impl AttributeStore for LdapDirectory {
    fn query(&self, query: &StoreQuery) -> Result<Rows, StoreError> {
        let read = LdapQuery::read(query)?;
        rows(self.objects.iter(), &read.filter, &read.attributes)
    }
}

fn rows<'a>(
    objects: impl Iterator<Item = &'a Object>,
    filter: &str,
    attributes: &[String],
) -> Result<Rows, StoreError> {
    let filter = Filter::parse(filter)?;
    let mut rows = Rows::new();
    for object in objects.filter(|object| filter.matches(object)) {
        let columns = attributes
            .iter()
            .map(|name| object.values(name))
            .collect::<Result<Vec<_>, _>>()?;
        rows.extend(crate::directory_query::rows_of_object(columns));
    }
    Ok(rows)
}

impl Object {
    fn values(&self, name: &str) -> Result<Vec<String>, StoreError> {
        if name.eq_ignore_ascii_case("distinguishedName") {
            return Ok(vec![self.dn.clone()]);
        }
        let found = self
            .attributes
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or(Ok(Vec::new()), |(_, values)| {
            values.iter().map(Value::text).collect()
        })
    }
}

impl Value {
    /// Binary values are base64 of their bytes (section 4.2).
    fn text(&self) -> Result<String, StoreError> {
        match self {
            Value::Text(text) => Ok(text.clone()),
            Value::Binary { base64 } => {
                let bytes = BASE64_STANDARD.decode(base64);
                let bytes = bytes.map_err(|_| {
                    StoreError::new("the case has a binary value that is no base64")
                })?;
                Ok(BASE64_STANDARD.encode(bytes))
            }
        }
    }
}

/// The filters that cases use: equality and `&`.
#[derive(Debug)]
enum Filter {
    All(Vec<Filter>),
    Equal { attribute: String, value: String },
}

/// How deep filters may be nested.
const MAX_NESTING: usize = 16;

impl Filter {
    fn parse(text: &str) -> Result<Filter, StoreError> {
        match Filter::node(text, 0) {
            Some((filter, "")) => Ok(filter),
            _ => Err(StoreError::new(format!(
                "cases know filters of equality and & only, not '{text}'"
            ))),
        }
    }

    fn node(text: &str, depth: usize) -> Option<(Filter, &str)> {
        let inner = text.strip_prefix('(').filter(|_| depth < MAX_NESTING)?;
        if let Some(mut rest) = inner.strip_prefix('&') {
            let mut all = Vec::new();
            while rest.starts_with('(') {
                let (filter, tail) = Filter::node(rest, depth + 1)?;
                all.push(filter);
                rest = tail;
            }
            return Some((Filter::All(all), rest.strip_prefix(')')?));
        }
        let (body, rest) = inner.split_once(')')?;
        let (attribute, value) = body.split_once('=')?;
        let is_name = attribute
            .chars()
            .all(|next| next.is_ascii_alphanumeric() || next == '-');
        let plain = is_name && !value.contains(['*', '(']);
        Some((
            Filter::Equal {
                attribute: attribute.to_owned(),
                value: unescape(value)?,
            },
            rest,
        ))
        .filter(|_| plain)
    }

    fn matches(&self, object: &Object) -> bool {
        match self {
            Filter::All(filters) => filters.iter().all(|filter| filter.matches(object)),
            Filter::Equal { attribute, value } => {
                let values = object.values(attribute).unwrap_or_default();
                values
                    .iter()
                    .any(|held| held.to_lowercase() == value.to_lowercase())
            }
        }
    }
}

fn unescape(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut pieces = value.split('\\');
    bytes.extend(pieces.next()?.as_bytes());
    for piece in pieces {
        bytes.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        bytes.extend(piece.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
