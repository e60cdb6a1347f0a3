//! Reads `trusts/claims-providers/*.toml`: one file a claims provider trust (spec passive-sign-in 7.4).

use std::collections::HashSet;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use claim_rules::RuleSet;
use federation::endpoints::ReplyUrl;
use federation::saml2::Binding;

use super::attribute_store_reader::StoreNames;
use super::certificate_reader::certificates;
use super::claims_provider::{
    ACTIVE_DIRECTORY, ClaimsProviderProtocol, ClaimsProviderTrust, ClaimsProviders,
};
use super::directory::DirectoryConfig;
use super::document::Document;
use super::metadata_source::metadata_source;
use super::reader::{At, Problems, Section};
use super::saml::SamlProtocol;
use super::trust_check::TrustChanges;
use super::{folder, ldap_provider_reader, openid_provider_reader, rules, saml_reader};

/// Folder of the files, beside `adfs.toml`.
const FOLDER: &str = "trusts/claims-providers";
/// Issuers of our own (spec claim-rules 3.1); whoever had one of them as identifier could speak for the directory.
const OWN_ISSUERS: [&str; 4] = [
    "AD AUTHORITY",
    "LOCAL AUTHORITY",
    "SELF AUTHORITY",
    "CLIENT CONTEXT",
];

/// What AD FS knows and this version does not do; values that ask for nothing are taken.
const UNAVAILABLE: [(&str, &str); 3] = [
    (
        "encrypted_name_id_required",
        "remove it; encrypted names are read and unencrypted ones too",
    ),
    ("anchor_claim_type", "remove it"),
    (
        "alternate_login_id",
        "remove it; it belongs to the directory",
    ),
];

/// Reads the trusts beside the configuration file as they would be after `changes`.
pub(super) fn load(
    configuration: &Path,
    changes: &TrustChanges,
    ours: Option<&str>,
    stores: Option<&StoreNames>,
    directories: &[DirectoryConfig],
    problems: &Problems,
) -> ClaimsProviders {
    let mut files = match folder::toml_files(configuration, FOLDER) {
        Ok(files) => files,
        Err(problem) => {
            problems.borrow_mut().push(*problem);
            return ClaimsProviders::default();
        }
    };
    let folder = folder_of(configuration);
    files.extend(
        changes
            .keys()
            .filter(|file| file.parent() == Some(&folder))
            .cloned(),
    );
    files.sort();
    files.dedup();
    files.retain(|file| changes.get(file) != Some(&None));
    let mut all = ClaimsProviders::default();
    let mut names = HashSet::new();
    for file in files {
        let document = match changes.get(&file) {
            Some(Some(text)) => Ok(Document::of_text(&file, text)),
            _ => Document::read(&file),
        };
        match document {
            Err(problem) => problems.borrow_mut().push(*problem),
            Ok(document) => {
                let Some(mut section) = Section::root(&document, None, problems) else {
                    continue;
                };
                if let Some((trust, at)) = trust(&mut section, ours, stores, &file) {
                    refuse_shared_suffixes(&all, &trust, directories, &section);
                    add(&mut all, &mut names, trust, &at, &section);
                }
                section.finish();
            }
        }
    }
    all
}

pub(super) fn trust(
    section: &mut Section<'_>,
    ours: Option<&str>,
    stores: Option<&StoreNames>,
    file: &Path,
) -> Option<(ClaimsProviderTrust, At)> {
    let name = section
        .required("name", "a name for people")
        .map(|found| found.value);
    let expected =
        "the issuer of its tokens, for example \"http://sts.fabrikam.example/adfs/services/trust\"";
    let identifier = section.required("identifier", expected);
    let identifier = identifier.and_then(|found| {
        section.check("identifier", found, expected, |identifier| {
            if OWN_ISSUERS.contains(&identifier.as_str()) || Some(identifier.as_str()) == ours {
                return Err(format!("{identifier:?} is this service itself"));
            }
            Ok(identifier)
        })
    });
    let enabled = section.flag("enabled", true);
    let name_of_directory = identifier.as_ref().map(|found| found.value.as_str());
    let protocol = protocol(section, name_of_directory.unwrap_or_default());
    let token_signing_certificates = certificates(section, "token_signing_certificate");
    let is_local = matches!(protocol, Some(ClaimsProviderProtocol::Ldap(_)));
    // The others bring keys or passwords, and no signed XML.
    let has_xml = !matches!(
        protocol,
        Some(ClaimsProviderProtocol::Ldap(_) | ClaimsProviderProtocol::OpenIdConnect(_))
    );
    if token_signing_certificates.is_empty() && has_xml {
        section.missing(
            "token_signing_certificate",
            "the certificates that its tokens are signed by",
        );
    }
    let acceptance = rules::find(
        section,
        "acceptance_transform_rules",
        "acceptance_transform_rules_file",
        stores,
    );
    let suffixes: Vec<String> = section
        .find::<Vec<String>>(
            "organizational_account_suffix",
            "a list of suffixes, for example [\"fabrikam.example\"]",
        )
        .map(|found| found.value)
        .unwrap_or_default()
        .iter()
        .map(|suffix| suffix.trim().trim_start_matches('@').to_owned())
        .filter(|suffix| !suffix.is_empty())
        .collect();
    if suffixes.is_empty() && is_local {
        section.missing(
            "organizational_account_suffix",
            "the suffixes of its users' names: they decide which directory a password is sent to",
        );
    }
    let supports_mfa = section.flag("supports_mfa", false);
    let saml = saml_reader::claims_provider(section);
    let metadata = metadata_source(section);
    if metadata.url.is_some() && !has_xml {
        section.complain_about_all(
            "metadata_url: a claims provider of this kind has no such metadata".to_owned(),
            "remove the setting",
        );
    }
    for (key, remedy) in UNAVAILABLE {
        section.unavailable(key, remedy);
    }
    let identifier = identifier?;
    let trust = ClaimsProviderTrust {
        name: name?,
        identifier: identifier.value,
        enabled,
        protocol: protocol?,
        token_signing_certificates,
        acceptance_transform_rules: acceptance.or_else(no_rules)?,
        organizational_account_suffixes: suffixes,
        supports_mfa,
        saml,
        metadata,
        file: file.to_owned(),
    };
    Some((trust, identifier.at))
}

/// No rule lets no claim in.
fn no_rules() -> Option<Arc<RuleSet>> {
    RuleSet::compile("").ok().map(Arc::new)
}

/// WS-Federation where there is an endpoint for it and the profile does not say otherwise, as AD FS prefers it.
fn protocol(section: &mut Section<'_>, identifier: &str) -> Option<ClaimsProviderProtocol> {
    let (ldap, openid) = (section.section("ldap"), section.section("openid_connect"));
    if ldap.is_present() && openid.is_present() {
        section.complain_about_all(
            "there is a section [ldap] and a section [openid_connect]".to_owned(),
            "write a trust of its own for each",
        );
        return None;
    }
    if openid.is_present() {
        return openid_provider_reader::openid(openid, identifier)
            .map(|openid| ClaimsProviderProtocol::OpenIdConnect(Box::new(openid)));
    }
    if ldap.is_present() {
        return ldap_provider_reader::ldap(ldap, identifier)
            .map(|ldap| ClaimsProviderProtocol::Ldap(Box::new(ldap)));
    }

    let endpoint = section.find::<ReplyUrl>(
        "ws_fed_endpoint",
        "the https address of its passive endpoint, for example \"https://sts.fabrikam.example/adfs/ls/\"",
    );
    let endpoints = saml_reader::endpoints(section);
    let profile = section.text(
        "protocol_profile",
        "\"WsFederation\", \"SAML\" or \"WsFed-SAML\"",
    );
    let profile = profile.map(|found| found.value.to_ascii_lowercase());
    let saml_only = profile.as_deref() == Some("saml");
    let takes_requests = endpoints.iter().any(|endpoint| {
        endpoint.protocol == SamlProtocol::SingleSignOn
            && matches!(endpoint.binding, Binding::Redirect | Binding::Post)
    });
    match endpoint {
        Some(endpoint) if !saml_only => Some(ClaimsProviderProtocol::WsFederation {
            endpoint: endpoint.value,
        }),
        _ if takes_requests => Some(ClaimsProviderProtocol::Saml { endpoints }),
        _ => {
            section.missing(
                "ws_fed_endpoint",
                "the address of its passive endpoint, or `saml_endpoints` with a SAMLSingleSignOn endpoint \
                 of the binding Redirect or POST",
            );
            None
        }
    }
}

/// A password goes to the directory that its name belongs to, so a name must not belong to two. And a claims provider with a
/// suffix of our own directories could name our people.
fn refuse_shared_suffixes(
    all: &ClaimsProviders,
    trust: &ClaimsProviderTrust,
    directories: &[DirectoryConfig],
    section: &Section<'_>,
) {
    for suffix in &trust.organizational_account_suffixes {
        let of_directory = directories.iter().find(|directory| {
            let mut own = directory.upn_suffixes.iter().chain([&directory.dns_name]);
            own.any(|own| own.trim_start_matches('@').eq_ignore_ascii_case(suffix))
        });
        let other = all
            .trusts
            .iter()
            .find(|other| (trust.is_local() || other.is_local()) && other.has_suffix(suffix));
        let owner = match (of_directory, other) {
            (Some(directory), _) => format!("[directories.{}]", directory.name),
            (None, Some(other)) => format!("the trust in {}", other.file.display()),
            (None, None) => continue,
        };
        section.complain_about_all(
            format!("organizational_account_suffix: {suffix:?} is a suffix of {owner} too"),
            "let every sign-in name mean one directory",
        );
    }
}

/// Names and identifiers must be unique, or it would depend on the order of files whose word is taken.
fn add(
    all: &mut ClaimsProviders,
    names: &mut HashSet<String>,
    trust: ClaimsProviderTrust,
    at: &At,
    section: &Section<'_>,
) {
    let trust = Arc::new(trust);
    let directory = trust.name.eq_ignore_ascii_case(ACTIVE_DIRECTORY);
    if directory || !names.insert(trust.name.to_lowercase()) {
        section.complain(
            "name",
            at,
            format!(
                "{:?} is the name of another claims provider trust",
                trust.name
            ),
            "give every trust a name of its own".to_owned(),
        );
    }
    match all.by_identifier.entry(trust.identifier.clone()) {
        Entry::Vacant(entry) => {
            entry.insert(Arc::clone(&trust));
        }
        Entry::Occupied(entry) => {
            let message = format!(
                "{:?} is also the identifier of the trust in {}",
                trust.identifier,
                entry.get().file.display()
            );
            section.complain(
                "identifier",
                at,
                message,
                "give every trust an identifier of its own".to_owned(),
            );
        }
    }
    all.trusts.push(trust);
}

/// Folder of the trust files of the configuration file.
pub(super) fn folder_of(configuration: &Path) -> PathBuf {
    configuration.parent().unwrap_or(Path::new("")).join(FOLDER)
}
