//! The attribute stores of the service (spec claim-rules 4).

mod active_directory;
mod groups;
mod opaque_id;
mod password_expiry;
mod registry;
mod sql;
mod values;

use std::collections::HashMap;

use claim_rules::directory_query::attributes_named;
use claim_rules::{Rows, StoreError, StoreQuery};

use crate::config::RelyingPartyTrust;
use crate::directory::{Account, DirectoryError};
use crate::state::Federation;
use active_directory::{ActiveDirectory, is_outage};
use groups::Groups;
use registry::Failure;

pub(super) use password_expiry::NOTICE as PASSWORD_EXPIRY_NOTICE;
pub use registry::AttributeStores;

/// The store that is always there, over the directories of the configuration.
const ACTIVE_DIRECTORY: &str = "Active Directory";
const OPAQUE_ID: &str = "_OpaqueIdStore";
const PASSWORD_EXPIRY: &str = "_PasswordExpiryStore";

/// Answers queries of rules.
pub(super) trait Stores {
    /// `None` when no store has the name in the query.
    async fn answer(&mut self, query: &StoreQuery) -> Option<Result<Rows, StoreError>>;
}

/// The stores as one sign-in sees them.
#[derive(Debug)]
pub(super) struct ServiceStores<'a> {
    federation: &'a Federation,
    trust: &'a RelyingPartyTrust,
    directory: ActiveDirectory<'a>,
    /// Answers of configured stores, because rules tend to ask the same again and again.
    answered: HashMap<StoreQuery, Rows>,
    outage: Option<DirectoryError>,
}

impl<'a> ServiceStores<'a> {
    pub(super) fn new(
        federation: &'a Federation,
        trust: &'a RelyingPartyTrust,
        account: Option<&'a Account>,
        group_sids: Option<Vec<String>>,
    ) -> ServiceStores<'a> {
        let transform = trust.issuance_transform_rules.as_ref();
        let others = [
            &trust.issuance_authorization_rules,
            &trust.additional_authentication_rules,
            &trust.delegation_authorization_rules,
            &trust.impersonation_authorization_rules,
        ];
        let queries = others
            .into_iter()
            .flatten()
            .map(AsRef::as_ref)
            .chain([transform])
            .flat_map(|rules| rules.queries_to(ACTIVE_DIRECTORY));
        let wanted = queries.flat_map(attributes_named).collect();
        ServiceStores {
            federation,
            trust,
            directory: ActiveDirectory::new(
                &federation.directory,
                account,
                wanted,
                Groups::known(group_sids),
            ),
            answered: HashMap::new(),
            outage: None,
        }
    }

    /// The failure of the directory that ended the evaluation, where one did.
    pub(super) fn into_outage(self) -> Option<DirectoryError> {
        self.outage.or(self.directory.into_outage())
    }

    async fn ask_configured(&mut self, query: &StoreQuery) -> Option<Result<Rows, StoreError>> {
        if let Some(rows) = self.answered.get(query) {
            return Some(Ok(rows.clone()));
        }
        let answer = self.federation.attribute_stores.answer(query).await?;
        Some(match answer {
            Ok(rows) => {
                self.answered.insert(query.clone(), rows.clone());
                Ok(rows)
            }
            Err(Failure::Store(error)) => Err(error),
            Err(Failure::Directory(error)) => {
                let failure = StoreError::new(error.to_string());
                self.outage = is_outage(&error).then_some(error);
                Err(failure)
            }
        })
    }
}

impl Stores for ServiceStores<'_> {
    async fn answer(&mut self, query: &StoreQuery) -> Option<Result<Rows, StoreError>> {
        Some(match query.store.as_str() {
            ACTIVE_DIRECTORY => self.directory.query(query).await,
            OPAQUE_ID => {
                opaque_id::query(&self.federation.keys, self.trust.object_identifier, query)
            }
            PASSWORD_EXPIRY => {
                // This server has no page for changing passwords, so there is no address to tell.
                password_expiry::query(self.federation.clock.now(), None, query)
            }
            _ => return self.ask_configured(query).await,
        })
    }
}
