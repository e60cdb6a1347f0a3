//! What the running server holds: one configuration snapshot, and the keys, store and directory behind it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use thiserror::Error;
use time::OffsetDateTime;

use crate::claims::AttributeStores;
use crate::clock::Clock;
use crate::config::{ConfigError, Configuration};
use crate::directory::{Directory, DirectoryError, LocalProviders};
use crate::keys::{KeyError, Keys};
use crate::protocols::metadata;
use crate::protocols::proxy::ProxyTrusts;
use crate::protocols::upstream::openid;
use crate::store::{Store, StoreError};

/// Why the server cannot start, or cannot take a new configuration.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// Certificates and keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The connection settings of a directory. A directory that is merely down does not stop the server.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// The federation service of this process.
#[derive(Debug)]
pub struct Federation {
    /// Swapped whole by [`Federation::reload`]; a request keeps the snapshot that it began with.
    pub configuration: ArcSwap<Configuration>,
    /// Token certificates and the seal.
    pub keys: Keys,
    /// What outlives the process.
    pub store: Store,
    /// Accounts.
    pub directory: Directory,
    /// Directories that are claims providers.
    pub local_providers: LocalProviders,
    /// Claims providers by OpenID Connect that were asked.
    pub openid_providers: openid::Providers,
    /// Where else claim rules can ask.
    pub attribute_stores: AttributeStores,
    /// Trusted proxies.
    pub proxy_trusts: ProxyTrusts,
    /// Time.
    pub clock: Clock,
    /// When the service first ran with its store, once that was asked for.
    pub installed_since: OnceLock<OffsetDateTime>,
    /// Our metadata document, written when it is first asked for.
    pub metadata: metadata::Cache,
    path: PathBuf,
}

impl Federation {
    /// Reads the configuration and opens everything that it names.
    ///
    /// # Errors
    /// Names the first part that does not serve.
    pub async fn open(path: &Path, clock: Clock) -> Result<Arc<Federation>, StartError> {
        let configuration = Configuration::load(path)?;
        let keys = Keys::load(&configuration, &clock)?;
        let store = Store::open(&configuration.store.path).await?;
        let directory = Directory::open(&configuration.directories, clock.clone())?;
        let local_providers = LocalProviders::open(&configuration.claims_providers, clock.clone())?;
        let attribute_stores =
            AttributeStores::open(&configuration.attribute_stores, clock.clone())?;
        let proxy_trusts = ProxyTrusts::load(&store).await?;
        Ok(Arc::new(Federation {
            configuration: ArcSwap::from_pointee(configuration),
            keys,
            store,
            directory,
            local_providers,
            openid_providers: openid::Providers::default(),
            attribute_stores,
            proxy_trusts,
            clock,
            installed_since: OnceLock::new(),
            metadata: metadata::Cache::default(),
            path: path.to_owned(),
        }))
    }

    /// The configuration file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the configuration on disk. Requests that are under way finish with the one that they began with.
    ///
    /// # Errors
    /// When it does not serve; the old one stays in force then.
    pub async fn reload(&self) -> Result<(), StartError> {
        let configuration = Configuration::load(&self.path)?;
        self.keys.check(&configuration)?;
        self.directory.reload(&configuration.directories)?;
        self.local_providers
            .reload(&configuration.claims_providers)?;
        self.attribute_stores
            .reload(&configuration.attribute_stores)?;
        self.proxy_trusts.refresh(&self.store).await?;
        self.configuration.store(Arc::new(configuration));
        Ok(())
    }
}
