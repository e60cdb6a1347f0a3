//! Home realm discovery: which claims provider signs a user in (spec passive-sign-in 7.4).

use std::sync::Arc;

use crate::config::{ClaimsProviderTrust, Configuration, RelyingPartyTrust};

/// Identifier of the directory as a claims provider (spec passive-sign-in 5.5).
const AD_AUTHORITY: &str = "AD AUTHORITY";
/// Name of its trust.
const ACTIVE_DIRECTORY: &str = "Active Directory";

/// Where a user belongs.
#[derive(Debug, Clone)]
pub enum HomeRealm {
    /// To our own directory.
    Directory,
    /// To another organisation.
    Provider(Arc<ClaimsProviderTrust>),
}

impl HomeRealm {
    /// Identifier of the claims provider.
    pub fn identifier(&self) -> &str {
        match self {
            HomeRealm::Directory => AD_AUTHORITY,
            HomeRealm::Provider(trust) => &trust.identifier,
        }
    }

    /// Whether its users sign in on the form of this service.
    pub fn is_on_our_form(&self) -> bool {
        match self {
            HomeRealm::Directory => true,
            HomeRealm::Provider(trust) => trust.is_local(),
        }
    }
}

/// What a request says about the user's home, in the words of every protocol. Nothing of it needs to be true.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealmHints<'a> {
    /// `RedirectToIdentityProvider`, `whr`, or the entries of `IDPList`, the most wanted first.
    pub named: &'a [&'a str],
    /// `domain_hint`: a suffix.
    pub domain: Option<&'a str>,
    /// The name that the user typed or that the request told.
    pub user_name: Option<&'a str>,
    /// What the user chose the last time.
    pub cookie: Option<&'a str>,
    /// Whether the request came from inside.
    pub intranet: bool,
}

/// The claims providers that a relying party takes users from.
#[derive(Debug, Clone)]
pub struct Realms {
    directory: bool,
    providers: Vec<Arc<ClaimsProviderTrust>>,
}

/// The claims providers that `trust` takes users from: all that are enabled, or those that it lists.
pub fn realms_of(configuration: &Configuration, trust: &RelyingPartyTrust) -> Realms {
    let listed = &trust.claims_provider_names;
    let takes = |name: &str| {
        listed.is_empty()
            || listed
                .iter()
                .any(|listed| listed.eq_ignore_ascii_case(name))
    };
    let providers = configuration.claims_providers.iter();
    Realms {
        directory: takes(ACTIVE_DIRECTORY),
        providers: providers
            .filter(|provider| provider.enabled && takes(&provider.name))
            .cloned()
            .collect(),
    }
}

impl Realms {
    /// All of them, the directory first.
    pub fn iter(&self) -> impl Iterator<Item = HomeRealm> {
        let directory = self.directory.then_some(HomeRealm::Directory);
        let providers = self.providers.iter().cloned().map(HomeRealm::Provider);
        directory.into_iter().chain(providers)
    }

    /// Whether users of this claims provider are taken: `None` stands for the directory.
    pub fn take(&self, identifier: Option<&str>) -> bool {
        match identifier {
            None => self.directory,
            Some(identifier) => self
                .providers
                .iter()
                .any(|provider| provider.identifier == identifier),
        }
    }

    /// The one with that identifier. Ours and `AD AUTHORITY` both stand for the directory.
    pub fn by_identifier(&self, identifier: &str, ours: &str) -> Option<HomeRealm> {
        if identifier == AD_AUTHORITY || identifier == ours {
            return self.directory.then_some(HomeRealm::Directory);
        }
        let found = self
            .providers
            .iter()
            .find(|provider| provider.identifier == identifier);
        found.cloned().map(HomeRealm::Provider)
    }

    /// The local claims provider whose directory has names like this. Passwords go where the suffix of the typed name
    /// says, never where an address says: a link could otherwise send them to another organisation's directory.
    pub fn local_provider_of(&self, name: &str) -> Option<Arc<ClaimsProviderTrust>> {
        let (_, suffix) = name.rsplit_once('@')?;
        self.providers
            .iter()
            .find(|provider| provider.is_local() && provider.has_suffix(suffix))
            .cloned()
    }

    /// The one whose users have names of that suffix, with or without what stands before the `@`.
    pub fn by_suffix(&self, name: &str, configuration: &Configuration) -> Option<HomeRealm> {
        let suffix = name.rsplit_once('@').map_or(name, |(_, suffix)| suffix);
        let is = |known: &str| known.trim_start_matches('@').eq_ignore_ascii_case(suffix);
        if suffix.is_empty() {
            return None;
        }
        let provider = self.providers.iter().find(|provider| {
            let suffixes = &provider.organizational_account_suffixes;
            suffixes.iter().any(|known| is(known))
        });
        if let Some(provider) = provider {
            return Some(HomeRealm::Provider(Arc::clone(provider)));
        }
        let own = configuration.directories.iter().any(|directory| {
            is(&directory.dns_name) || directory.upn_suffixes.iter().any(|known| is(known))
        });
        (self.directory && own).then_some(HomeRealm::Directory)
    }

    /// Whether any of them is found by suffix.
    pub fn have_suffixes(&self) -> bool {
        let mut providers = self.providers.iter();
        providers.any(|provider| !provider.organizational_account_suffixes.is_empty())
    }
}

/// Decides, in AD FS's order; `None` when only the user can tell.
pub fn choose_realm(
    configuration: &Configuration,
    realms: &Realms,
    hints: &RealmHints<'_>,
) -> Option<HomeRealm> {
    let ours = &configuration.service.identifier;
    let only = || {
        let mut all = realms.iter();
        all.next().filter(|first| {
            if first.is_on_our_form() {
                all.all(|other| other.is_on_our_form())
            } else {
                all.next().is_none()
            }
        })
    };
    let named = || {
        hints
            .named
            .iter()
            .find_map(|identifier| realms.by_identifier(identifier, ours))
    };
    let by_suffix = |name: Option<&str>| realms.by_suffix(name?, configuration);
    let inside = || {
        let local = hints.intranet && configuration.properties.intranet_use_local_claims_provider;
        (local && realms.directory).then_some(HomeRealm::Directory)
    };
    let with_suffix = || hints.user_name.filter(|name| name.contains('@'));
    let remembered = || realms.by_identifier(hints.cookie?, ours);
    // A relying party that lists one claims provider has decided, whatever the request says; the same holds where there
    // is no second one. Those that share a form need no choice between them.
    only()
        .or_else(named)
        .or_else(|| by_suffix(hints.domain))
        .or_else(inside)
        .or_else(|| by_suffix(with_suffix()))
        .or_else(remembered)
}
