//! The lab's directory: an LDAP server within the program that answers as Active Directory does, from the LDIF files of
//! `ldap-fixtures/`. It listens on loopback addresses only. docs/lab-directory.md tells what it knows and what it refuses.
//!
//! From the wire inwards: `server` accepts, `connection` moves messages, `request` decodes them, `session` answers them by
//! `accounts` (binds) and `search`, over the `tree` of entries that `ldif` and `fixtures` loaded.

mod accounts;
mod ber;
mod connection;
mod diagnostics;
mod dn;
mod entry;
mod filter;
mod filter_request;
#[cfg(test)]
mod fixture_writer;
mod fixtures;
mod fold;
mod identifiers;
mod ldif;
mod records;
mod request;
mod root_dse;
mod schema;
mod search;
mod server;
mod session;
#[cfg(test)]
mod tests;
mod tree;
mod view;

pub use accounts::LogonState;
pub use connection::Limits;
pub use dn::DnError;
pub use fixtures::{FixtureError, Fixtures, Person, ServiceAccount};
pub use ldif::LdifError;
pub use records::TreeError;
pub use server::{DirectoryError, DirectoryServer, Options};
