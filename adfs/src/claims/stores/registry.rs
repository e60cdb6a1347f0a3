//! The attribute stores of the configuration, with their connections.

use std::sync::Arc;

use arc_swap::ArcSwap;
use claim_rules::directory_query::LdapQuery;
use claim_rules::{Rows, StoreError, StoreQuery};

use super::sql::SqlStore;
use super::values::rows;
use crate::clock::Clock;
use crate::config::{AttributeStoreConfig, AttributeStoreKind, DirectoryConfig};
use crate::directory::{Directory, DirectoryError};

/// Every store that the administrator configured.
#[derive(Debug)]
pub struct AttributeStores {
    /// Directories by the names of the stores. Nobody signs in with them.
    ldap: Directory,
    sql: ArcSwap<Vec<Arc<SqlStore>>>,
}

/// Why a configured store gave no answer.
pub(super) enum Failure {
    /// The directory behind it.
    Directory(DirectoryError),
    /// Anything else.
    Store(StoreError),
}

impl AttributeStores {
    /// Prepares the connections. No server needs to be up.
    ///
    /// # Errors
    /// When certificates of authorities cannot be read, or TLS cannot be set up.
    pub fn open(
        stores: &[AttributeStoreConfig],
        clock: Clock,
    ) -> Result<AttributeStores, DirectoryError> {
        let sql = databases(stores, &[]);
        Ok(AttributeStores {
            ldap: Directory::open(&directories(stores), clock)?,
            sql: ArcSwap::from_pointee(sql),
        })
    }

    /// Takes a new configuration. Stores that did not change keep their connections.
    ///
    /// # Errors
    /// As [`AttributeStores::open`]; the old configuration stays then.
    pub fn reload(&self, stores: &[AttributeStoreConfig]) -> Result<(), DirectoryError> {
        self.ldap.reload(&directories(stores))?;
        self.sql
            .store(Arc::new(databases(stores, &self.sql.load())));
        Ok(())
    }

    /// Answers a query of a rule; `None` when no store has the name.
    pub(super) async fn answer(&self, query: &StoreQuery) -> Option<Result<Rows, Failure>> {
        let sql = self.sql.load();
        if let Some(store) = sql.iter().find(|store| store.name == query.store).cloned() {
            return Some(store.query(query).await.map_err(Failure::Store));
        }
        if self.ldap.has(&query.store) {
            return Some(self.ask_directory(query).await);
        }
        None
    }

    async fn ask_directory(&self, query: &StoreQuery) -> Result<Rows, Failure> {
        let read = LdapQuery::read(query).map_err(Failure::Store)?;
        let found = self
            .ldap
            .search(&query.store, read.filter, &read.attributes)
            .await
            .map_err(Failure::Directory)?;
        Ok(rows(&found, &read.attributes))
    }
}

fn directories(stores: &[AttributeStoreConfig]) -> Vec<DirectoryConfig> {
    stores
        .iter()
        .filter_map(|store| match &store.kind {
            AttributeStoreKind::Ldap(directory) => Some((**directory).clone()),
            AttributeStoreKind::Sql(_) => None,
        })
        .collect()
}

fn databases(stores: &[AttributeStoreConfig], old: &[Arc<SqlStore>]) -> Vec<Arc<SqlStore>> {
    stores
        .iter()
        .filter_map(|store| match &store.kind {
            AttributeStoreKind::Sql(config) => {
                let same = old
                    .iter()
                    .find(|old| old.name == store.name && old.config == *config);
                let new = || Arc::new(SqlStore::new(&store.name, config));
                Some(same.cloned().unwrap_or_else(new))
            }
            AttributeStoreKind::Ldap(_) => None,
        })
        .collect()
}
