//! What all roles of an entity have: keys, endpoints, claims.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::pkey::Id;
use openssl::x509::X509;
use roxmltree::Node;

use super::values::{AUTH, FED, MD, WSA, attribute, flag, named, quoted, text};
use super::{MetadataReadError, Warning};
use crate::endpoints::ReplyUrl;
use crate::saml2::Binding;
use crate::signature::DS;
use crate::xml::only_text;

/// Keys of one kind in one role. A signature is tried with each.
const MAX_KEYS: usize = 16;
/// Endpoints of one kind in one role.
const MAX_ENDPOINTS: usize = 256;
/// Claim types that a role lists.
const MAX_CLAIM_TYPES: usize = 1000;
const MIN_RSA_BITS: u32 = 2048;

/// An address of the SAML protocols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlEndpoint {
    /// How messages travel there.
    pub binding: Binding,
    /// `Location`: where requests go, or responses where that is all that is sent there.
    pub location: ReplyUrl,
    /// `ResponseLocation`: where responses go, if elsewhere.
    pub response_location: Option<ReplyUrl>,
    /// `index`, for the kinds that have one.
    pub index: Option<u16>,
    /// `isDefault="true"`.
    pub is_default: bool,
}

/// A claim type that a partner asks for or offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimType {
    /// The claim type's URI.
    pub uri: String,
    /// Its name for people.
    pub display_name: Option<String>,
    /// Whether the partner can do without it.
    pub optional: bool,
}

/// Keys of a role by what they may be used for, in the document's order.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) signing: Vec<X509>,
    pub(super) encryption: Vec<X509>,
}

/// The role's certificates. A key without `use` serves for both (SAML 2.0 Metadata 2.4.1.1).
pub(super) fn keys(
    role: Node<'_, '_>,
    warnings: &mut Vec<Warning>,
) -> Result<Keys, MetadataReadError> {
    let mut keys = Keys::default();
    for descriptor in named(role, MD, "KeyDescriptor") {
        let (signing, encryption) = match descriptor.attribute("use") {
            None => (true, true),
            Some("signing") => (true, false),
            Some("encryption") => (false, true),
            Some(_) => return Err(MetadataReadError::Value("use of a KeyDescriptor")),
        };
        match certificate(descriptor)? {
            Ok(certificate) => {
                if signing {
                    keys.signing.push(certificate.clone());
                }
                if encryption {
                    keys.encryption.push(certificate);
                }
            }
            Err(why) => warnings.push(Warning::Key(why)),
        }
    }
    if keys.signing.len().max(keys.encryption.len()) > MAX_KEYS {
        return Err(MetadataReadError::TooMany {
            what: "keys in a role",
            most: MAX_KEYS,
        });
    }
    Ok(keys)
}

/// The first certificate of a key; the rest of a chain says nothing about the key.
fn certificate(descriptor: Node<'_, '_>) -> Result<Result<X509, &'static str>, MetadataReadError> {
    let unreadable = MetadataReadError::Value("certificate");
    let found = named(descriptor, DS.uri(), "KeyInfo")
        .flat_map(|info| named(info, DS.uri(), "X509Data"))
        .flat_map(|data| named(data, DS.uri(), "X509Certificate"))
        .next();
    let Some(node) = found else {
        return Ok(Err("it holds no certificate"));
    };
    let mut base64 = only_text(node)?;
    base64.retain(|character| !character.is_ascii_whitespace());
    let der = STANDARD.decode(base64).map_err(|_| unreadable.clone())?;
    let certificate = X509::from_der(&der).map_err(|_| unreadable.clone())?;
    let key = certificate.public_key().map_err(|_| unreadable)?;
    Ok(match key.id() {
        Id::RSA if key.bits() < MIN_RSA_BITS => Err("its RSA key has less than 2048 bits"),
        Id::RSA | Id::EC => Ok(certificate),
        _ => Err("its key is neither RSA nor EC"),
    })
}

/// The certificates of `from` that `to` does not have.
pub(super) fn add_certificates(to: &mut Vec<X509>, from: Vec<X509>) {
    for certificate in from {
        let known = to
            .iter()
            .any(|one| one.to_der().ok() == certificate.to_der().ok());
        if !known {
            to.push(certificate);
        }
    }
}

/// Endpoints of one kind. What cannot be used is left out with a warning.
pub(super) fn endpoints(
    role: Node<'_, '_>,
    element: &'static str,
    bindings: &[Binding],
    warnings: &mut Vec<Warning>,
) -> Result<Vec<SamlEndpoint>, MetadataReadError> {
    let mut endpoints: Vec<SamlEndpoint> = Vec::new();
    for node in named(role, MD, element) {
        let binding = attribute(node, "Binding")?.ok_or(MetadataReadError::Missing("Binding"))?;
        let Some(binding) = Binding::from_uri(&binding).filter(|known| bindings.contains(known))
        else {
            warnings.push(Warning::Binding {
                element,
                binding: quoted(&binding),
            });
            continue;
        };
        let location = node
            .attribute("Location")
            .ok_or(MetadataReadError::Missing("Location"))?;
        let Some(location) = address(element, location, warnings) else {
            continue;
        };
        let response_location = match node.attribute("ResponseLocation") {
            None => None,
            Some(text) => match address(element, text, warnings) {
                None => continue,
                some => some,
            },
        };
        let index = node
            .attribute("index")
            .map(|text| text.trim().parse::<u16>())
            .transpose()
            .map_err(|_| MetadataReadError::Value("index"))?;
        if let Some(index) = index
            && endpoints.iter().any(|other| other.index == Some(index))
        {
            warnings.push(Warning::Index { element, index });
            continue;
        }
        endpoints.push(SamlEndpoint {
            binding,
            location,
            response_location,
            index,
            is_default: flag(node, "isDefault")?,
        });
        if endpoints.len() > MAX_ENDPOINTS {
            return Err(MetadataReadError::TooMany {
                what: "endpoints of one kind in a role",
                most: MAX_ENDPOINTS,
            });
        }
    }
    Ok(endpoints)
}

/// Addresses in the `EndpointReference`s of a WS-Federation element.
pub(super) fn references(
    role: Node<'_, '_>,
    element: &'static str,
) -> Result<Vec<String>, MetadataReadError> {
    let addresses: Vec<String> = named(role, FED, element)
        .flat_map(|node| named(node, WSA, "EndpointReference"))
        .flat_map(|reference| named(reference, WSA, "Address"))
        .take(MAX_ENDPOINTS + 1)
        .map(|address| text(address, "Address"))
        .collect::<Result<_, _>>()?;
    if addresses.len() > MAX_ENDPOINTS {
        return Err(MetadataReadError::TooMany {
            what: "addresses of one kind in a role",
            most: MAX_ENDPOINTS,
        });
    }
    Ok(addresses)
}

/// `PassiveRequestorEndpoint`: where a browser takes WS-Federation messages.
pub(super) fn passive_endpoints(
    role: Node<'_, '_>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<ReplyUrl>, MetadataReadError> {
    const ELEMENT: &str = "PassiveRequestorEndpoint";
    Ok(references(role, ELEMENT)?
        .iter()
        .filter_map(|text| address(ELEMENT, text, warnings))
        .collect())
}

fn address(element: &'static str, text: &str, warnings: &mut Vec<Warning>) -> Option<ReplyUrl> {
    match ReplyUrl::parse(text.trim()) {
        Ok(url) => Some(url),
        Err(error) => {
            warnings.push(Warning::Endpoint {
                element,
                location: quoted(text),
                why: error.to_string(),
            });
            None
        }
    }
}

/// `ClaimTypesRequested` or `ClaimTypesOffered`.
pub(super) fn claim_types(
    role: Node<'_, '_>,
    list: &'static str,
) -> Result<Vec<ClaimType>, MetadataReadError> {
    let types = named(role, FED, list).flat_map(|list| named(list, AUTH, "ClaimType"));
    bounded_claim_types(types.map(|node| {
        let display_name = named(node, AUTH, "DisplayName")
            .find(|name| name.has_children())
            .map(|name| text(name, "DisplayName"))
            .transpose()?;
        Ok(ClaimType {
            uri: attribute(node, "Uri")?.ok_or(MetadataReadError::Missing("Uri"))?,
            display_name,
            optional: flag(node, "Optional")?,
        })
    }))
}

/// As many claim types as one role may have.
pub(super) fn bounded_claim_types(
    types: impl Iterator<Item = Result<ClaimType, MetadataReadError>>,
) -> Result<Vec<ClaimType>, MetadataReadError> {
    let types: Vec<ClaimType> = types.take(MAX_CLAIM_TYPES + 1).collect::<Result<_, _>>()?;
    if types.len() > MAX_CLAIM_TYPES {
        return Err(MetadataReadError::TooMany {
            what: "claim types in a role",
            most: MAX_CLAIM_TYPES,
        });
    }
    Ok(types)
}

/// `NameIDFormat`, as URIs.
pub(super) fn name_id_formats(role: Node<'_, '_>) -> Result<Vec<String>, MetadataReadError> {
    named(role, MD, "NameIDFormat")
        .take(MAX_ENDPOINTS)
        .map(|node| text(node, "NameIDFormat"))
        .collect()
}
