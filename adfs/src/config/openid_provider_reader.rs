//! Reads `[openid_connect]` of a claims provider trust.

use std::collections::BTreeMap;

use url::Url;

use super::openid_provider::{ClientAuthentication, OpenIdProvider, ResponseMode};
use super::reader::Section;
use super::secret_reader::{self, SecretKeys};

const SECRET: SecretKeys = SecretKeys {
    value: "client_secret",
    file: "client_secret_file",
    expected: "the path of a file that holds the client secret and nothing else, or `token_endpoint_auth_method = \"none\"`",
};
const MAX_CLAIM_TYPES: usize = 100;

/// What of an ID token becomes a claim unless the trust says otherwise. `preferred_username` is none of it: users can
/// change it at many providers (OpenID Connect Core 5.7).
const CLAIM_TYPES: [(&str, &str); 8] = [
    (
        "sub",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
    ),
    (
        "upn",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
    ),
    (
        "email",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    ),
    (
        "name",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
    ),
    (
        "given_name",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
    ),
    (
        "family_name",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
    ),
    ("groups", "http://schemas.xmlsoap.org/claims/Group"),
    (
        "roles",
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
    ),
];

/// The section; `None` when something in it is wrong, which is noted. `issuer` is the identifier of the trust.
pub(super) fn openid(mut section: Section<'_>, issuer: &str) -> Option<OpenIdProvider> {
    let is_issuer = is_issuer(issuer);
    if !is_issuer {
        section.complain_about_all(
            "the identifier of the trust is no issuer of OpenID Connect".to_owned(),
            "write the provider's https issuer as `identifier`, without query and fragment",
        );
    }
    let client_id = section.required("client_id", "the client id that the provider gave out");
    let authentication = authentication(&mut section);
    let scopes = scopes(&mut section);
    let response_mode = response_mode(&mut section);
    let acr_expected = "a list of the provider's `acr` values for sign-in with a second factor";
    let mfa_acr_values = list(&mut section, "mfa_acr_values", acr_expected);
    let ca_file = section.path("ca_file").map(|found| found.value);
    let allow_private_addresses = section.flag("allow_private_addresses", false);
    let claim_types = claim_types(&mut section);
    section.finish();
    is_issuer.then_some(OpenIdProvider {
        client_id: client_id?.value,
        authentication: authentication?,
        scopes: scopes?,
        response_mode,
        mfa_acr_values,
        claim_types: claim_types?,
        ca_file,
        allow_private_addresses,
    })
}

/// OpenID Connect Discovery 1.0 section 3.
fn is_issuer(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        url.scheme() == "https"
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

fn authentication(section: &mut Section<'_>) -> Option<ClientAuthentication> {
    const KEY: &str = "token_endpoint_auth_method";
    let expected = "\"client_secret_basic\", \"client_secret_post\" or \"none\"";
    let method = section.text(KEY, expected);
    match method.as_ref().map(|found| found.value.as_str()) {
        None | Some("client_secret_basic") => {
            secret_reader::required(section, &SECRET).map(ClientAuthentication::Basic)
        }
        Some("client_secret_post") => {
            secret_reader::required(section, &SECRET).map(ClientAuthentication::Post)
        }
        Some("none") => Some(ClientAuthentication::Public),
        Some(other) => {
            let message = format!("{other:?} is not available here");
            if let Some(found) = &method {
                section.complain(KEY, &found.at, message, format!("write {expected}"));
            }
            // What the secret is for is not known.
            secret_reader::optional(section, &SECRET);
            None
        }
    }
}

fn scopes(section: &mut Section<'_>) -> Option<Vec<String>> {
    const KEY: &str = "scopes";
    let expected = "a list with \"openid\" in it, such as [\"openid\", \"profile\", \"email\"]";
    let Some(found) = section.find::<Vec<String>>(KEY, expected) else {
        return Some(["openid", "profile", "email"].map(str::to_owned).to_vec());
    };
    let checked = section.check(KEY, found, expected, |scopes| {
        // RFC 6749 section 3.3.
        let is_scope = |scope: &String| {
            let mut octets = scope.bytes();
            !scope.is_empty()
                && octets.all(|octet| octet.is_ascii_graphic() && octet != b'"' && octet != b'\\')
        };
        match scopes.iter().find(|scope| !is_scope(scope)) {
            Some(wrong) => Err(format!("{wrong:?} is no scope")),
            None if !scopes.iter().any(|scope| scope == "openid") => {
                Err("without \"openid\" there is no ID token".to_owned())
            }
            None => Ok(scopes),
        }
    });
    checked.map(|found| found.value)
}

fn response_mode(section: &mut Section<'_>) -> Option<ResponseMode> {
    let expected = "\"form_post\" or \"query\"";
    let found = section.text("response_mode", expected)?;
    let checked = section.check("response_mode", found, expected, |text| {
        [ResponseMode::FormPost, ResponseMode::Query]
            .into_iter()
            .find(|mode| mode.name() == text)
            .ok_or_else(|| format!("{text:?} is not available here"))
    });
    checked.map(|found| found.value)
}

fn list(section: &mut Section<'_>, key: &'static str, expected: &str) -> Vec<String> {
    let found = section.find::<Vec<String>>(key, expected);
    found.map(|found| found.value).unwrap_or_default()
}

/// The table changes the default mapping: an empty type takes a member out of it.
fn claim_types(section: &mut Section<'_>) -> Option<Vec<(String, String)>> {
    const KEY: &str = "claim_types";
    let expected =
        "a table such as { email = \"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn\" }";
    let mut types: BTreeMap<String, String> = CLAIM_TYPES
        .iter()
        .map(|(member, claim_type)| ((*member).to_owned(), (*claim_type).to_owned()))
        .collect();
    if section.is_written(KEY) {
        let found = section.find::<BTreeMap<String, String>>(KEY, expected)?;
        let checked = section.check(KEY, found, expected, |changes| {
            if changes.len() > MAX_CLAIM_TYPES {
                Err(format!("more than {MAX_CLAIM_TYPES} members"))
            } else {
                Ok(changes)
            }
        })?;
        types.extend(checked.value);
    }
    types.retain(|_, claim_type| !claim_type.is_empty());
    Some(types.into_iter().collect())
}
