//! Where commands take a partner's metadata from, and how carefully.

use std::path::PathBuf;

use anyhow::Context;
use federation::metadata::read::{Entity, Reading, read};

use super::runtime;
use crate::clock::Clock;
use crate::import::Setting;
use crate::partner_metadata::{Fetch, Source};

/// How `--metadata` is fetched.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Fetching {
    /// Which entity, where the metadata has several
    #[arg(long, value_name = "ENTITYID", requires = "metadata")]
    entity_id: Option<String>,
    /// Take metadata from addresses of this machine and of private networks too
    #[arg(long, requires = "metadata")]
    allow_private_addresses: bool,
    /// Certificate authorities for the server of the metadata, besides those of the system
    #[arg(long, value_name = "FILE", requires = "metadata")]
    metadata_ca_file: Option<PathBuf>,
}

impl Fetching {
    /// The entity that `source`, a file or an address, describes; with the settings that tell where an address can be
    /// fetched again. Following it is for `--set` to ask for.
    pub(super) fn entity(&self, source: &str) -> anyhow::Result<(Entity, Vec<Setting>)> {
        let fetch = Fetch {
            allow_private_addresses: self.allow_private_addresses,
            ca_file: self.metadata_ca_file.clone(),
        };
        let parsed = Source::parse(source)?;
        let document = runtime()?.block_on(fetch.document(&parsed))?;
        let mut reading = Reading::at(Clock::system().now());
        if let Some(entity_id) = &self.entity_id {
            reading = reading.of(entity_id);
        }
        let entity = read(&document, &reading).with_context(|| source.to_owned())?;
        Ok((entity, self.settings(&parsed)?))
    }

    fn settings(&self, source: &Source) -> anyhow::Result<Vec<Setting>> {
        let Source::Url(url) = source else {
            return Ok(Vec::new());
        };
        let mut settings = vec![Setting::new("metadata_url", url.as_str().into())];
        if self.allow_private_addresses {
            settings.push(Setting::new(
                "metadata_allow_private_addresses",
                true.into(),
            ));
        }
        if let Some(file) = &self.metadata_ca_file {
            let file = std::path::absolute(file)?;
            let file = file.to_string_lossy().into_owned();
            settings.push(Setting::new("metadata_ca_file", file.into()));
        }
        Ok(settings)
    }
}
