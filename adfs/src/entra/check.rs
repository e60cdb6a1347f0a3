//! Compares what Entra ID says with what it should say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use serde_json::{Map, Value};
use thiserror::Error;

use super::DomainFederation;
use crate::import;

/// An answer of Microsoft Graph has a few kilobytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// Why an answer cannot be compared.
#[derive(Debug, Error)]
pub enum CheckError {
    /// Too large, or in no encoding that is known.
    #[error("the answer cannot be read: {0}")]
    Text(String),
    /// No JSON.
    #[error("the answer is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Some other JSON, such as an error.
    #[error(
        "the answer is no internalDomainFederation; save what GET /v1.0/domains/DOMAIN/federationConfiguration answers"
    )]
    Shape,
}

/// One setting that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name in Microsoft Graph.
    pub property: &'static str,
    /// What it should be; a certificate by its thumbprint.
    pub expected: String,
    /// What it is.
    pub found: String,
    /// What to do.
    pub remedy: &'static str,
}

/// Reads a saved answer: a list of `GET .../federationConfiguration`, or one object of it.
///
/// # Errors
/// [`CheckError`].
pub fn read_answer(bytes: &[u8]) -> Result<Vec<Map<String, Value>>, CheckError> {
    if bytes.len() > MAX_ANSWER {
        return Err(CheckError::Text(format!(
            "it has more than {MAX_ANSWER} bytes"
        )));
    }
    let text = import::decode(bytes).map_err(|error| CheckError::Text(error.to_string()))?;
    let value: Value = serde_json::from_str(&text)?;
    let items = match value {
        Value::Array(items) => items,
        Value::Object(mut object) => match object.remove("value") {
            Some(Value::Array(items)) => items,
            Some(_) => return Err(CheckError::Shape),
            None => vec![Value::Object(object)],
        },
        _ => return Err(CheckError::Shape),
    };
    let objects = items.into_iter().map(|item| match item {
        Value::Object(object) if get(&object, "issuerUri").is_some() => Ok(object),
        _ => Err(CheckError::Shape),
    });
    objects.collect()
}

/// PowerShell shows the names with a capital.
fn get<'o>(object: &'o Map<String, Value>, name: &str) -> Option<&'o Value> {
    let found = object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

/// Every setting of an answer that differs. The display name is anybody's choice, so it is not compared.
pub fn compare(expected: &DomainFederation, found: &Map<String, Value>) -> Vec<Difference> {
    let text = |name: &str| match get(found, name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let mut differences = Vec::new();
    for (property, expected, remedy) in plain(expected) {
        let found = text(property);
        if !same(property, expected, &found) {
            differences.push(Difference {
                property,
                expected: expected.to_owned(),
                found: if found.is_empty() {
                    "(not set)".to_owned()
                } else {
                    found
                },
                remedy,
            });
        }
    }
    differences.extend(certificates(
        expected,
        text("signingCertificate"),
        text("nextSigningCertificate"),
    ));
    differences
}

fn plain(expected: &DomainFederation) -> [(&'static str, &str, &'static str); 8] {
    const URI: &str =
        "update the domain's federation; clients that keep the old address fail until then";
    [
        (
            "issuerUri",
            &expected.issuer_uri,
            "Entra ID refuses every token of the domain (AADSTS50107): update issuerUri, or make the issuerid rules issue what \
             Entra ID has; mind the slash at the end",
        ),
        (
            "passiveSignInUri",
            &expected.passive_sign_in_uri,
            "browsers are sent elsewhere: update passiveSignInUri",
        ),
        ("activeSignInUri", &expected.active_sign_in_uri, URI),
        ("metadataExchangeUri", &expected.metadata_exchange_uri, URI),
        (
            "signOutUri",
            &expected.sign_out_uri,
            "people who sign out stay signed in here: update signOutUri",
        ),
        (
            "preferredAuthenticationProtocol",
            expected.preferred_authentication_protocol,
            "this service speaks WS-Federation to Entra ID: set it to wsFed",
        ),
        (
            "promptLoginBehavior",
            expected.prompt_login_behavior,
            "set it to nativeSupport; otherwise people are asked for their password twice, or not at all",
        ),
        (
            "federatedIdpMfaBehavior",
            expected.federated_idp_mfa_behavior,
            "decide where the second factor is asked for and set it so, or repeat the check with --mfa-behavior",
        ),
    ]
}

/// Names of enumerations come in the case of whoever printed them; addresses are compared octet by octet, as tokens are.
fn same(property: &str, expected: &str, found: &str) -> bool {
    if property.ends_with("Uri") {
        expected == found
    } else {
        expected.eq_ignore_ascii_case(found)
    }
}

fn certificates(
    expected: &DomainFederation,
    signing: String,
    next_found: String,
) -> Vec<Difference> {
    let ours = der(&expected.signing_certificate);
    let our_next = expected.next_signing_certificate.as_deref().and_then(der);
    let (theirs, their_next) = (der(&signing), der(&next_found));
    let mut differences = Vec::new();
    if ours != theirs {
        let announced = ours.is_some() && ours == their_next;
        differences.push(Difference {
            property: "signingCertificate",
            expected: thumbprint(&expected.signing_certificate),
            found: thumbprint(&signing),
            remedy: if announced {
                "Entra ID knows the certificate as the next one and takes its tokens; update signingCertificate soon"
            } else {
                "Entra ID refuses every token (AADSTS500172 or AADSTS50008): update signingCertificate now"
            },
        });
    }
    if let Some(next) = &expected.next_signing_certificate
        && our_next != their_next
        && our_next != theirs
    {
        differences.push(Difference {
            property: "nextSigningCertificate",
            expected: thumbprint(next),
            found: thumbprint(&next_found),
            remedy: "announce the next certificate before it becomes the primary one",
        });
    }
    differences
}

/// DER of a certificate, whatever line breaks its base64 has.
fn der(base64: &str) -> Option<Vec<u8>> {
    let joined: String = base64.split_ascii_whitespace().collect();
    let der = STANDARD.decode(joined).ok()?;
    X509::from_der(&der).ok()?.to_der().ok()
}

fn thumbprint(base64: &str) -> String {
    if base64.trim().is_empty() {
        return "(not set)".to_owned();
    }
    let digest = der(base64)
        .and_then(|der| X509::from_der(&der).ok())
        .and_then(|certificate| certificate.digest(MessageDigest::sha1()).ok());
    digest.map_or_else(
        || "(no certificate)".to_owned(),
        |digest| digest.iter().map(|octet| format!("{octet:02X}")).collect(),
    )
}
