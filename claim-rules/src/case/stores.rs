//! The stores of a case by name.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::directory::{ActiveDirectory, LdapDirectory};
use super::sql::Sql;
use crate::store::{AttributeStore, AttributeStores, Rows, StoreError, StoreQuery};

/// A store as JSON has it.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum StoreDescription {
    Ad(ActiveDirectory),
    Ldap(LdapDirectory),
    Sql(Sql),
}

impl AttributeStore for StoreDescription {
    fn query(&self, query: &StoreQuery) -> Result<Rows, StoreError> {
        match self {
            StoreDescription::Ad(directory) => directory.query(query),
            StoreDescription::Ldap(directory) => directory.query(query),
            StoreDescription::Sql(database) => database.query(query),
        }
    }
}

#[derive(Debug)]
pub(super) struct CaseStores(BTreeMap<String, StoreDescription>);

impl From<BTreeMap<String, StoreDescription>> for CaseStores {
    fn from(stores: BTreeMap<String, StoreDescription>) -> CaseStores {
        CaseStores(stores)
    }
}

impl AttributeStores for CaseStores {
    fn store(&self, name: &str) -> Option<&dyn AttributeStore> {
        self.0.get(name).map(|store| store as &dyn AttributeStore)
    }
}
