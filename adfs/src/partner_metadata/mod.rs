//! Metadata of partners: fetched from where they publish it, made into trust files, and followed when they change
//! (spec passive-sign-in 4.3).

mod claims_provider_settings;
mod difference;
mod facts;
mod fetch;
mod partner;
mod record;
mod rewrite;
mod schedule;
mod settings;
mod update;

#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
mod update_tests;

pub use claims_provider_settings::claims_provider_settings;
pub use difference::{Difference, Held};
pub(crate) use fetch::is_public;
pub use fetch::{Fetch, FetchError, Source};
pub use partner::Partner;
pub use record::{Compared, remembered};
pub use settings::relying_party_settings;
pub use update::{Extent, Update, UpdateError};
