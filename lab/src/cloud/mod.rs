//! The played cloud: as much of Entra ID as a federated sign-in meets (spec cloud-scenario 2.2 to 2.5 and 2.12), an
//! application that trusts it, and the dashboard. Tokens are checked with code that has no part in issuing them.

mod accept;
mod application;
mod application_answer;
mod authorize;
mod clients;
mod dashboard;
mod discovery;
mod federation_metadata;
mod home_realm;
mod http;
mod login_srf;
mod pages;
mod parameters;
mod passive_request;
mod realms;
mod refusal;
mod replay;
mod serve;
mod sessions;
mod sign_in_request;
mod sign_out;
mod tenant;
#[cfg(test)]
mod tests;
mod token;
mod trace;

use openssl::error::ErrorStack;

pub use dashboard::{PersonCard, Published};
pub use federation_metadata::{MetadataError, signing_certificates};
pub use realms::{Authentication, Domain, FederationSettings, PromptLogin, Realms};
pub use serve::{CloudError, serve};
pub use tenant::{DirectoryPerson, TENANT_ID, Tenant, User};

use crate::addresses::Addresses;
use crate::clock::Clock;
use clients::Clients;
use replay::Replays;
use sessions::Sessions;
use sign_in_request::Seal;
use trace::Trace;

/// The identifier by which the federation service knows Entra ID, and the audience of its tokens.
pub const ENTRA_IDENTIFIER: &str = "urn:federation:MicrosoftOnline";

/// Everything the cloud's pages share.
#[derive(Debug)]
pub struct Cloud {
    addresses: Addresses,
    realms: Realms,
    tenant: Tenant,
    clients: Clients,
    clock: Clock,
    seal: Seal,
    sessions: Sessions,
    replays: Replays,
    trace: Trace,
    people: Vec<PersonCard>,
    published: Vec<Published>,
}

impl Cloud {
    /// A cloud with nobody signed in.
    ///
    /// # Errors
    /// When there is no randomness for its keys.
    pub fn new(
        addresses: Addresses,
        realms: Realms,
        tenant: Tenant,
        clock: Clock,
    ) -> Result<Cloud, ErrorStack> {
        Ok(Cloud {
            clients: Clients::fixtures(&addresses),
            addresses,
            realms,
            tenant,
            clock,
            seal: Seal::new()?,
            sessions: Sessions::default(),
            replays: Replays::default(),
            trace: Trace::default(),
            people: Vec::new(),
            published: Vec::new(),
        })
    }

    /// People and published applications for the dashboard.
    #[must_use]
    pub fn showing(mut self, people: Vec<PersonCard>, published: Vec<Published>) -> Cloud {
        self.people = people;
        self.published = published;
        self
    }
}
