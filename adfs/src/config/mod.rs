//! Typed configuration: `adfs.toml`, and one file a trust below `trusts/` beside it.
//!
//! A [`Configuration`] is checked whole when it is read and never changes; a reload makes another one. Names of
//! settings follow the cmdlets of AD FS in snake case (spec passive-sign-in 7). Every problem is reported with its file,
//! line and key at once.

mod access_control;
mod attribute_store_reader;
mod attribute_stores;
mod certificate_reader;
mod certificates;
mod claim_descriptions;
mod claims_provider;
mod claims_provider_reader;
mod directory;
mod directory_reader;
mod document;
mod environment;
mod error;
mod extranet_lockout;
mod folder;
mod ldap_provider;
mod ldap_provider_reader;
mod metadata_source;
mod openid_provider;
mod openid_provider_reader;
mod people;
mod properties;
mod reader;
mod relying_party;
mod rules;
mod saml;
mod saml_reader;
mod secret;
mod secret_reader;
mod server_address;
mod service;
#[cfg(test)]
mod tests;
mod theme_reader;
mod trust_check;
mod trust_files;
mod trust_reader;
mod values;
mod web_content;

use std::path::{Path, PathBuf};

use federation::metadata::{Contact, Organization};

use attribute_store_reader::StoreNames;
use document::Document;
use reader::{Problems, Section, nearest};
use trust_reader::Surroundings;

pub use access_control::{
    AccessControlPolicy, ClaimCondition, Condition, Group, GroupReference, Location, Network,
    Operator, PermitRule,
};
pub use attribute_stores::{
    AttributeStoreConfig, AttributeStoreKind, Database, PostgresqlConfig, SqlConfig,
};
pub use certificates::CertificateRollover;
pub use claim_descriptions::ClaimDescriptionConfig;
pub use claims_provider::{
    ClaimsProviderProtocol, ClaimsProviderSaml, ClaimsProviderTrust, ClaimsProviders,
};
pub use directory::{AttributeNames, DirectoryConfig, ServiceAccount};
pub use environment::Environment;
pub use error::{ConfigError, Place, Problem};
pub use extranet_lockout::{ExtranetLockout, LockoutMode};
pub use ldap_provider::{LdapAttributeToClaim, LdapProvider};
pub use metadata_source::MetadataSource;
pub use openid_provider::{ClientAuthentication, OpenIdProvider, ResponseMode};
pub use properties::{LoopDetection, MAX_SESSION_LIFETIME, Properties};
pub use relying_party::{RelyingParties, RelyingPartyTrust};
pub use saml::{
    ContentEncryption, ProtocolProfile, SamlEndpoint, SamlProtocol, SamlResponseSignature,
    SamlSettings,
};
pub use secret::Secret;
pub use server_address::{ServerAddress, Transport};
pub use service::{
    Https, KeyFiles, Log, LogFormat, Pkcs11Settings, Probe, ProxySettings, Service, StoreSettings,
};
pub use trust_check::{TrustChanges, TrustCheck};
pub use web_content::{ErrorPageInfo, Layout, Theme, ThemeFile, WebContent};

/// A commented `adfs.toml` that loads as it stands, with the default of every setting.
pub const EXAMPLE: &str = include_str!("example/adfs.toml");

/// A commented trust file: Entra ID with the rules that Microsoft's wizard writes.
pub const EXAMPLE_RELYING_PARTY: &str = include_str!("example/entra.toml");

/// Everything that is configured. Immutable.
#[derive(Debug)]
pub struct Configuration {
    /// Who this federation service is.
    pub service: Service,
    /// The listeners.
    pub https: Https,
    /// The listeners for load balancers.
    pub probe: Probe,
    /// Where accounts are, at least one, in the order of their names.
    pub directories: Vec<DirectoryConfig>,
    /// Claim types with names, besides the built-in ones.
    pub claim_descriptions: Vec<ClaimDescriptionConfig>,
    /// Where else claim rules can ask.
    pub attribute_stores: Vec<AttributeStoreConfig>,
    /// Whose word about users is taken.
    pub claims_providers: ClaimsProviders,
    /// Who may get tokens.
    pub relying_parties: RelyingParties,
    /// The global properties.
    pub properties: Properties,
    /// What outlives the process.
    pub store: StoreSettings,
    /// Where keys are.
    pub keys: KeyFiles,
    /// What is logged.
    pub log: Log,
    /// Who may make a proxy trusted.
    pub proxy: ProxySettings,
    /// What the organisation puts on the pages.
    pub web: WebContent,
    /// Who runs the service, for metadata.
    pub organization: Option<Organization>,
    /// Whom partners can ask, for metadata.
    pub contact: Option<Contact>,
}

impl Configuration {
    /// Reads `adfs.toml` at `path`, the trusts beside it and the overrides of the process's environment.
    ///
    /// # Errors
    /// Names every problem of all files.
    pub fn load(path: &Path) -> Result<Configuration, ConfigError> {
        Configuration::load_with(path, &Environment::of_process())
    }

    /// [`Configuration::load`] with other overrides.
    ///
    /// # Errors
    /// As [`Configuration::load`].
    pub fn load_with(path: &Path, environment: &Environment) -> Result<Configuration, ConfigError> {
        Configuration::load_changed_with(path, &TrustChanges::default(), environment)
    }

    /// The configuration as it would be if these trusts were changed on disk.
    ///
    /// # Errors
    /// As [`Configuration::load`].
    pub fn load_changed(path: &Path, changes: &TrustChanges) -> Result<Configuration, ConfigError> {
        Configuration::load_changed_with(path, changes, &Environment::of_process())
    }

    /// Whether an earlier sign-in never serves this relying party: it wants a new one each time
    /// (AlwaysRequireAuthentication), or there is no single sign-on at all (SsoEnabled).
    pub fn always_requires_authentication(&self, trust: &RelyingPartyTrust) -> bool {
        trust.always_require_authentication || !self.properties.sso_enabled
    }

    /// The folder of the relying party trusts of the configuration at `path`.
    pub fn relying_party_folder(path: &Path) -> PathBuf {
        trust_files::folder_of(path)
    }

    /// The folder of the claims provider trusts of the configuration at `path`.
    pub fn claims_provider_folder(path: &Path) -> PathBuf {
        claims_provider_reader::folder_of(path)
    }

    fn load_changed_with(
        path: &Path,
        changes: &TrustChanges,
        environment: &Environment,
    ) -> Result<Configuration, ConfigError> {
        let document = Document::read(path).map_err(|problem| ConfigError::new(vec![*problem]))?;
        let problems = Problems::default();
        let Some(mut root) = Section::root(&document, Some(environment), &problems) else {
            let surroundings = Surroundings::load(path, None, None, &problems);
            trust_files::load(path, changes, &surroundings, &problems);
            return Err(ConfigError::new(problems.into_inner()));
        };

        let service = service::service(root.section("service"));
        let https = service::https(root.section("https"));
        let probe = service::probe(root.section("probe"));
        let store = service::store(root.section("store"));
        let keys = service::keys(root.section("keys"));
        let log = service::log(root.section("log"));
        let proxy = service::proxy(root.section("proxy"));
        let web = web_content::web(root.section("web"), path, &problems);
        let attribute_stores =
            attribute_store_reader::attribute_stores(root.section("attribute_stores"));
        let stores = attribute_stores.as_deref().map(StoreNames::of);
        let properties = properties::properties(root.section("properties"), stores.as_ref());
        let directories = directory_reader::directories(root.section("directories"));
        let claim_descriptions =
            claim_descriptions::claim_descriptions(root.section("claim_descriptions"));
        let organization = people::organization(root.section("organization"));
        let contact = people::contact(root.section("contact"));
        root.finish();
        if keys.pkcs11.is_some() && properties.certificate_rollover.automatic {
            problems.borrow_mut().push(Problem {
                place: document.place(None),
                key: "keys.pkcs11".to_owned(),
                message: "keys in a token are not made and replaced automatically".to_owned(),
                remedy: "set auto_certificate_rollover = false under [properties]".to_owned(),
                excerpt: None,
            });
        }
        refuse_unknown_variables(environment, &problems);
        let before = problems.borrow().len();
        let claims_providers = claims_provider_reader::load(
            path,
            changes,
            service.as_ref().map(|service| service.identifier.as_str()),
            stores.as_ref(),
            directories.as_deref().unwrap_or_default(),
            &problems,
        );
        let mut surroundings = Surroundings::load(path, directories.as_deref(), stores, &problems);
        // Where one of them is wrong, its name may be missing.
        if problems.borrow().len() == before {
            surroundings.claims_providers = Some(claims_providers.names());
        }
        let relying_parties = trust_files::load(path, changes, &surroundings, &problems);

        match (service, https, directories, problems.into_inner()) {
            (Some(service), Some(https), Some(directories), problems) if problems.is_empty() => {
                Ok(Configuration {
                    service,
                    https,
                    probe,
                    directories,
                    claim_descriptions,
                    attribute_stores: attribute_stores.unwrap_or_default(),
                    claims_providers,
                    relying_parties,
                    properties,
                    store,
                    keys,
                    log,
                    proxy,
                    web,
                    organization,
                    contact,
                })
            }
            (.., problems) => Err(ConfigError::new(problems)),
        }
    }
}

/// An override with a typing mistake would otherwise do nothing, silently.
fn refuse_unknown_variables(environment: &Environment, problems: &Problems) {
    let known = environment.known();
    for name in environment.unknown() {
        let remedy = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None => "unset it, or name an existing section and key".to_owned(),
        };
        problems.borrow_mut().push(Problem {
            place: Place::Variable(name.to_owned()),
            key: String::new(),
            message: "it overrides no setting".to_owned(),
            remedy,
            excerpt: None,
        });
    }
}
