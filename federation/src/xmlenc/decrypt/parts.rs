//! Finding ciphertext and wrapped keys in a document.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;

use super::DecryptionError;
use super::cipher::Content;
use super::key::{KeyTransport, OaepDigest};
use crate::saml2::{ASSERTION, PROTOCOL};
use crate::signature::DS;
use crate::xml::only_text;

const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";
const RSA_OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const RSA_OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
/// Recipients of one ciphertext. Each costs an RSA operation for each of our keys.
const MAX_KEYS: usize = 4;

/// A key that is wrapped for somebody.
#[derive(Debug)]
pub(super) struct WrappedKey {
    pub(super) transport: KeyTransport,
    pub(super) value: Vec<u8>,
}

/// What is needed to decrypt.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) content: Content,
    pub(super) value: Vec<u8>,
    pub(super) keys: Vec<WrappedKey>,
}

impl Parts {
    pub(super) fn of(root: Node<'_, '_>) -> Result<Parts, DecryptionError> {
        let (wrapper, data) = locate(root)?;
        if data.attribute("Type").is_some_and(|kind| kind != ELEMENT) {
            return Err(DecryptionError::Form("it is not a whole element"));
        }
        let method = required(data, XENC, "EncryptionMethod")?;
        let info = optional(data, DS.uri(), "KeyInfo")?;
        let within = info
            .into_iter()
            .flat_map(|info| named(info, XENC, "EncryptedKey"));
        // SAML 2.0 Core 2.2.4 has keys beside the data, too.
        let beside = wrapper
            .into_iter()
            .flat_map(|wrapper| named(wrapper, XENC, "EncryptedKey"));
        let mut keys = Vec::new();
        for key in within.chain(beside) {
            keys.push(wrapped_key(key)?);
            if keys.len() > MAX_KEYS {
                return Err(DecryptionError::Form("it has too many encrypted keys"));
            }
        }
        if keys.is_empty() {
            return Err(DecryptionError::Form("it has no encrypted key"));
        }
        Ok(Parts {
            content: Content::from_uri(method.attribute("Algorithm").unwrap_or_default())?,
            value: cipher_value(data)?,
            keys,
        })
    }
}

/// The one `EncryptedData` of the document, where one is expected, with the SAML element around it.
fn locate<'a, 'input>(
    root: Node<'a, 'input>,
) -> Result<(Option<Node<'a, 'input>>, Node<'a, 'input>), DecryptionError> {
    let is_data = |node: &Node<'_, '_>| node.has_tag_name((XENC, "EncryptedData"));
    if root.descendants().filter(is_data).count() != 1 {
        return Err(DecryptionError::Form(
            "there must be exactly one EncryptedData",
        ));
    }
    if is_data(&root) {
        return Ok((None, root));
    }
    let wrapper = if root.has_tag_name((PROTOCOL.uri(), "Response")) {
        required(root, ASSERTION.uri(), "EncryptedAssertion")?
    } else {
        root
    };
    let known = ["EncryptedAssertion", "EncryptedID"];
    if !known
        .iter()
        .any(|name| wrapper.has_tag_name((ASSERTION.uri(), *name)))
    {
        return Err(DecryptionError::Form(
            "an EncryptedData, EncryptedAssertion or EncryptedID is expected",
        ));
    }
    Ok((Some(wrapper), required(wrapper, XENC, "EncryptedData")?))
}

fn wrapped_key(key: Node<'_, '_>) -> Result<WrappedKey, DecryptionError> {
    let method = required(key, XENC, "EncryptionMethod")?;
    let digest = match optional(method, DS.uri(), "DigestMethod")? {
        Some(digest) => OaepDigest::from_uri(digest.attribute("Algorithm").unwrap_or_default())?,
        None => OaepDigest::Sha1,
    };
    if optional(method, XENC, "OAEPparams")?.is_some() {
        return Err(DecryptionError::Algorithm(
            "RSA-OAEP with a label is not accepted",
        ));
    }
    let mask = optional(method, XENC11, "MGF")?;
    let mask = match (method.attribute("Algorithm"), mask) {
        (Some(RSA_OAEP_MGF1P), _) | (Some(RSA_OAEP), None) => OaepDigest::Sha1,
        (Some(RSA_OAEP), Some(mask)) => {
            OaepDigest::from_mask_uri(mask.attribute("Algorithm").unwrap_or_default())?
        }
        _ => {
            return Err(DecryptionError::Algorithm(
                "keys must be encrypted with RSA-OAEP",
            ));
        }
    };
    Ok(WrappedKey {
        transport: KeyTransport { digest, mask },
        value: cipher_value(key)?,
    })
}

/// The octets of `CipherValue`. A `CipherReference` would have us fetch something.
fn cipher_value(parent: Node<'_, '_>) -> Result<Vec<u8>, DecryptionError> {
    let data = required(parent, XENC, "CipherData")?;
    let mut base64 = only_text(required(data, XENC, "CipherValue")?)?;
    base64.retain(|character| !character.is_ascii_whitespace());
    STANDARD
        .decode(base64)
        .map_err(|_| DecryptionError::Form("a CipherValue is no base64"))
}

fn named<'a, 'input: 'a>(
    parent: Node<'a, 'input>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    parent
        .children()
        .filter(move |child| child.has_tag_name((namespace, name)))
}

fn optional<'a, 'input: 'a>(
    parent: Node<'a, 'input>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Option<Node<'a, 'input>>, DecryptionError> {
    let mut found = named(parent, namespace, name);
    match (found.next(), found.next()) {
        (found, None) => Ok(found),
        (_, Some(_)) => Err(DecryptionError::Form("an element is there twice")),
    }
}

fn required<'a, 'input: 'a>(
    parent: Node<'a, 'input>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Node<'a, 'input>, DecryptionError> {
    optional(parent, namespace, name)?.ok_or(DecryptionError::Form("an element is missing"))
}
