//! Reads one relying party trust (spec passive-sign-in 7.2).

use std::path::Path;
use std::sync::Arc;

use claim_rules::RuleSet;
use federation::endpoints::ReplyUrl;
use federation::signature::SignatureAlgorithm;
use openssl::sha::sha256;
use time::Duration;
use uuid::Uuid;

use super::access_control::{
    self, AccessControlPolicy, Network, PERMIT_EVERYONE, Parameters, PolicyTemplates,
};
use super::attribute_store_reader::StoreNames;
use super::certificate_reader::certificate;
use super::directory::DirectoryConfig;
use super::metadata_source::metadata_source;
use super::reader::{At, Found, Problems, Section};
use super::relying_party::RelyingPartyTrust;
use super::rules;
use super::saml_reader;

const MAX_IDENTIFIER: usize = 2048;
const DEFAULT_LIFETIME_MINUTES: u32 = 60;
const WEEK_MINUTES: u32 = 7 * 24 * 60;

/// What AD FS knows and this version does not do. Values that ask for nothing are taken, so that an exported trust
/// loads.
const UNAVAILABLE: [(&str, &str); 7] = [
    (
        "enable_jwt",
        "remove it; WS-Federation is answered with SAML",
    ),
    (
        "request_mfa_from_claims_providers",
        "remove it; there are no claims provider trusts",
    ),
    (
        "issue_oauth_refresh_tokens_to",
        "remove it; OAuth is not spoken",
    ),
    (
        "published_through_proxy",
        "remove it; publish the application at the proxy",
    ),
    (
        "proxy_endpoint_mappings",
        "remove it; publish the application at the proxy",
    ),
    (
        "proxy_trusted_endpoints",
        "remove it; publish the application at the proxy",
    ),
    (
        "claims_provider_authorization_rules",
        "remove it; there are no claims provider trusts",
    ),
];

/// What trusts refer to.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    pub(super) policies: PolicyTemplates,
    /// Names of the directories' domains in lower case; `None` when the directories themselves are wrong.
    pub(super) domains: Option<Vec<String>>,
    /// Names of the attribute stores; `None` when the stores themselves are wrong.
    pub(super) stores: Option<StoreNames>,
    /// Names of the claims provider trusts in lower case; `None` when that cannot be told.
    pub(super) claims_providers: Option<Vec<String>>,
}

pub(super) fn trust(
    section: &mut Section<'_>,
    surroundings: &Surroundings,
    file: &Path,
) -> Option<(RelyingPartyTrust, At)> {
    let name = section
        .text("name", "a name for people")
        .map(|found| found.value);
    let identifiers = identifiers(section);
    let enabled = section.flag("enabled", true);
    let endpoint_expected = "an https address of the relying party, for example \"https://login.microsoftonline.com/login.srf\"";
    let ws_fed_endpoint = section.find::<ReplyUrl>("ws_fed_endpoint", endpoint_expected);
    let additional =
        section.find::<Vec<ReplyUrl>>("additional_ws_fed_endpoint", "a list of https addresses");
    let ws_fed_token_type = saml_reader::ws_fed_token_type(section);
    let protocol_profile = saml_reader::protocol_profile(section);
    let saml = saml_reader::settings(section);
    let encryption_certificate = certificate(section, "encryption_certificate");
    let content_encryption = saml_reader::content_encryption(section);
    let always_require_authentication = section.flag("always_require_authentication", false);
    let claims_provider_names = claims_provider_names(section, surroundings);
    let lifetime = match section.number("token_lifetime", 0..=WEEK_MINUTES, 0) {
        0 => DEFAULT_LIFETIME_MINUTES,
        minutes => minutes,
    };
    let not_before_skew = section.minutes("not_before_skew", 0..=60, 0);
    let signature_algorithm = section.find::<SignatureAlgorithm>(
        "signature_algorithm",
        "\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\" or remove it",
    );
    let encrypt_claims = section.flag("encrypt_claims", true);
    let authorization = rules::find(
        section,
        "issuance_authorization_rules",
        "issuance_authorization_rules_file",
        surroundings.stores.as_ref(),
    );
    let policy = access_control_policy(section, surroundings, authorization.is_some());
    let additional_authentication = rules::find(
        section,
        "additional_authentication_rules",
        "additional_authentication_rules_file",
        surroundings.stores.as_ref(),
    );
    let transform = rules::find(
        section,
        "issuance_transform_rules",
        "issuance_transform_rules_file",
        surroundings.stores.as_ref(),
    );
    let delegation = rules::find(
        section,
        "delegation_authorization_rules",
        "delegation_authorization_rules_file",
        surroundings.stores.as_ref(),
    );
    let impersonation = rules::find(
        section,
        "impersonation_authorization_rules",
        "impersonation_authorization_rules_file",
        surroundings.stores.as_ref(),
    );
    let metadata = metadata_source(section);
    let hold_rollover = section.flag("hold_rollover", false);
    let metadata_readers = metadata_readers(section);
    let object_identifier = section.parsed::<Uuid>("object_identifier", "a GUID, or remove it");
    for (key, remedy) in UNAVAILABLE {
        section.unavailable(key, remedy);
    }
    let Found {
        value: identifiers,
        at,
    } = identifiers?;
    // Without rules nothing is claimed about anybody; the empty text always compiles.
    let transform = transform.or_else(|| RuleSet::compile("").ok().map(Arc::new))?;
    let trust = RelyingPartyTrust {
        name: name.or_else(|| Some(file.file_stem()?.to_string_lossy().into_owned()))?,
        object_identifier: object_identifier
            .map_or_else(|| derived_identifier(&identifiers), |found| found.value),
        identifiers,
        enabled,
        ws_fed_endpoint: ws_fed_endpoint.map(|found| found.value),
        additional_ws_fed_endpoint: additional.map(|found| found.value).unwrap_or_default(),
        ws_fed_token_type,
        protocol_profile,
        saml,
        encryption_certificate: encryption_certificate.filter(|_| encrypt_claims),
        content_encryption,
        always_require_authentication,
        claims_provider_names,
        token_lifetime: Duration::minutes(lifetime.into()),
        not_before_skew,
        signature_algorithm: signature_algorithm
            .map(|found| found.value)
            .unwrap_or_default(),
        access_control_policy: policy,
        issuance_authorization_rules: authorization,
        additional_authentication_rules: additional_authentication,
        delegation_authorization_rules: delegation,
        impersonation_authorization_rules: impersonation,
        issuance_transform_rules: transform,
        hold_rollover,
        metadata_readers,
        metadata,
        file: file.to_owned(),
    };
    Some((trust, at))
}

fn metadata_readers(section: &mut Section<'_>) -> Vec<Network> {
    const KEY: &str = "metadata_readers";
    let expected = "a list of ranges of addresses, for example [\"192.0.2.7/32\"]";
    let found = section.find::<Vec<String>>(KEY, expected);
    let checked = found.and_then(|found| {
        section.check(KEY, found, expected, |texts| {
            texts.iter().map(|text| text.parse()).collect()
        })
    });
    checked.map(|found| found.value).unwrap_or_default()
}

/// The policy; `None` where authorization rules stand in its place, or where it is wrong, which is noted.
fn access_control_policy(
    section: &mut Section<'_>,
    surroundings: &Surroundings,
    has_rules: bool,
) -> Option<AccessControlPolicy> {
    const NAME: &str = "access_control_policy_name";
    const PARAMETERS: &str = "access_control_policy_parameters";
    let name = section.text(NAME, "the name of an access control policy");
    let parameters = section.find::<Parameters>(
        PARAMETERS,
        "a list of groups, or a table such as { GroupParameter = [\"CONTOSO\\\\Sales\"] }",
    );
    if has_rules {
        let message = "a trust has either a policy or authorization rules".to_owned();
        if let Some(name) = &name {
            section.complain(NAME, &name.at, message, "remove one of the two".to_owned());
        }
        return None;
    }
    if let (None, Some(parameters)) = (&name, &parameters)
        && !parameters.value.is_empty()
    {
        let message = "there is no policy that these are for".to_owned();
        let remedy = format!("name it in `{NAME}`");
        section.complain(PARAMETERS, &parameters.at, message, remedy);
        return None;
    }
    let (key, at) = match (&name, &parameters) {
        (_, Some(parameters)) => (PARAMETERS, Some(parameters.at.clone())),
        (Some(name), None) => (NAME, Some(name.at.clone())),
        (None, None) => (NAME, None),
    };
    let (name_text, given) = (
        name.map_or_else(|| PERMIT_EVERYONE.to_owned(), |found| found.value),
        parameters.map(|found| found.value).unwrap_or_default(),
    );
    let filled = surroundings.policies.policy(&name_text, &given);
    let checked = filled.and_then(|policy| surroundings.knows_groups_of(policy));
    match (checked, at) {
        (Ok(policy), _) => Some(policy),
        (Err((message, remedy)), Some(at)) => {
            section.complain(key, &at, message, remedy);
            None
        }
        (Err((message, remedy)), None) => {
            section.complain_about_all(message, &remedy);
            None
        }
    }
}

/// A name that no trust has would silently shut its people out.
fn claims_provider_names(section: &mut Section<'_>, surroundings: &Surroundings) -> Vec<String> {
    const KEY: &str = "claims_provider_name";
    let found = section.find::<Vec<String>>(
        KEY,
        "a list of names of claims provider trusts, for example [\"Active Directory\"]",
    );
    let Some(found) = found else {
        return Vec::new();
    };
    let known = surroundings.claims_providers.as_ref();
    let strangers = found
        .value
        .iter()
        .filter(|name| known.is_some_and(|known| !known.contains(&name.to_lowercase())));
    for name in strangers {
        section.complain(
            KEY,
            &found.at,
            format!("no claims provider trust has the name {name:?}"),
            "add it with `adfs claims-provider add`, or name one that `adfs claims-provider list` shows"
                .to_owned(),
        );
    }
    found.value
}

impl Surroundings {
    pub(super) fn load(
        configuration: &Path,
        directories: Option<&[DirectoryConfig]>,
        stores: Option<StoreNames>,
        problems: &Problems,
    ) -> Surroundings {
        let domains = directories.map(|directories| {
            let names = directories.iter().flat_map(|directory| {
                [
                    directory.net_bios_name.as_str(),
                    directory.dns_name.as_str(),
                ]
            });
            names.map(str::to_lowercase).collect()
        });
        Surroundings {
            policies: access_control::load(configuration, problems),
            domains,
            stores,
            claims_providers: None,
        }
    }

    /// A group of a domain that no directory has would never be found, and the policy would refuse everybody.
    fn knows_groups_of(
        &self,
        policy: AccessControlPolicy,
    ) -> Result<AccessControlPolicy, (String, String)> {
        let Some(domains) = &self.domains else {
            return Ok(policy);
        };
        let stranger = policy.groups().find(|group| {
            group
                .domain()
                .is_some_and(|domain| !domains.contains(&domain.to_lowercase()))
        });
        match stranger {
            None => Ok(policy),
            Some(group) => Err((
                format!("no directory has the domain of the group {group}"),
                format!("write a group of {}", domains.join(", ")),
            )),
        }
    }
}

fn identifiers(section: &mut Section<'_>) -> Option<Found<Vec<String>>> {
    let expected = "a list of the relying party's identifiers, for example [\"urn:federation:MicrosoftOnline\"]";
    let is_written = section.is_written("identifiers");
    let found = section.find::<Vec<String>>("identifiers", expected);
    if !is_written {
        section.missing("identifiers", expected);
    }
    section.check("identifiers", found?, expected, |list| {
        let fits = |text: &&String| {
            !text.trim().is_empty()
                && text.len() <= MAX_IDENTIFIER
                && !text.chars().any(char::is_control)
        };
        match list.iter().find(|text| !fits(text)) {
            _ if list.is_empty() => Err("there is no identifier".to_owned()),
            Some(text) => Err(format!(
                "{text:?} is empty, too long or holds control characters"
            )),
            None => Ok(list),
        }
    })
}

/// A GUID that stays the same as long as the first identifier does, where the file gives none (RFC 9562, version 8).
fn derived_identifier(identifiers: &[String]) -> Uuid {
    let digest = sha256(
        identifiers
            .first()
            .map(String::as_bytes)
            .unwrap_or_default(),
    );
    let mut octets = [0; 16];
    octets
        .iter_mut()
        .zip(digest)
        .for_each(|(octet, digest)| *octet = digest);
    uuid::Builder::from_custom_bytes(octets).into_uuid()
}
