//! Metadata of partners: fetched from where they publish it, and made into trust files (spec passive-sign-in 4.3).

mod fetch;
mod settings;

pub use fetch::{Fetch, FetchError, Source};
pub use settings::relying_party_settings;
