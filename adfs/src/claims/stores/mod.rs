//! The attribute stores of the service (spec claim-rules 4).

mod active_directory;
mod opaque_id;

use claim_rules::directory_query::attributes_named;
use claim_rules::{Rows, StoreError, StoreQuery};

use crate::config::RelyingPartyTrust;
use crate::directory::{Account, DirectoryError};
use crate::state::Federation;
use active_directory::ActiveDirectory;

/// The store that is always there, over the directories of the configuration.
const ACTIVE_DIRECTORY: &str = "Active Directory";
const OPAQUE_ID: &str = "_OpaqueIdStore";

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
}

impl<'a> ServiceStores<'a> {
    pub(super) fn new(
        federation: &'a Federation,
        trust: &'a RelyingPartyTrust,
        account: &'a Account,
    ) -> ServiceStores<'a> {
        let transform = trust.issuance_transform_rules.as_ref();
        let rules = trust.issuance_authorization_rules.as_deref();
        let queries = rules
            .into_iter()
            .chain([transform])
            .flat_map(|rules| rules.queries_to(ACTIVE_DIRECTORY));
        let wanted = queries.flat_map(attributes_named).collect();
        ServiceStores {
            federation,
            trust,
            directory: ActiveDirectory::new(&federation.directory, account, wanted),
        }
    }

    /// The failure of the directory that ended the evaluation, where one did.
    pub(super) fn into_outage(self) -> Option<DirectoryError> {
        self.directory.into_outage()
    }
}

impl Stores for ServiceStores<'_> {
    async fn answer(&mut self, query: &StoreQuery) -> Option<Result<Rows, StoreError>> {
        Some(match query.store.as_str() {
            ACTIVE_DIRECTORY => self.directory.query(query).await,
            OPAQUE_ID => {
                opaque_id::query(&self.federation.keys, self.trust.object_identifier, query)
            }
            _ => return None,
        })
    }
}
