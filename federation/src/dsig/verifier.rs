//! The library behind [`super`]: canonicalisation and the signature itself. It is given public keys only.

use bergshamra::c14n::{C14nMode, canonicalize_doc};
use bergshamra::dsig::verify::verify_document_with_source;
use bergshamra::keys::loader::load_x509_cert_der;
use bergshamra::xml::{NodeSet, uppsala};
use bergshamra::{DsigContext, KeysManager, VerifyResult};
use openssl::hash::hash;
use openssl::memcmp;
use openssl::pkey::Id;
use openssl::x509::X509;

use super::structure::Signed;
use super::{Authentic, SignatureError};

const MIN_RSA_BITS: u32 = 2048;

/// Verifies the one signature of `document`, whose structure `signed` describes.
pub(super) fn verify(
    document: &str,
    signed: &Signed,
    certificates: &[X509],
) -> Result<Authentic, SignatureError> {
    let mut keys = KeysManager::new();
    for certificate in certificates {
        let strong = certificate
            .public_key()
            .is_ok_and(|key| key.id() == Id::RSA && key.bits() >= MIN_RSA_BITS);
        let loaded = certificate.to_der().ok().filter(|_| strong);
        if let Some(key) = loaded.and_then(|der| load_x509_cert_der(&der).ok()) {
            keys.add_key(key);
        }
    }
    if keys.is_empty() {
        return Err(SignatureError::NoCertificate);
    }
    let context = DsigContext::new(keys)
        .with_trusted_keys_only(true)
        .with_strict_verification(true);
    let tree = uppsala::parse(document).map_err(|_| SignatureError::Invalid)?;
    let outcome = verify_document_with_source(&context, &tree, Some(document))
        .map_err(|_| SignatureError::Invalid)?;
    let VerifyResult::Valid {
        signature_node,
        references,
        ..
    } = outcome
    else {
        return Err(SignatureError::Invalid);
    };
    let [reference] = references.as_slice() else {
        return Err(SignatureError::Invalid);
    };
    // The element must be the one that the signature stands in, and the outermost.
    let covered = reference
        .resolved_node
        .filter(|node| reference.digest_verified && tree.parent(signature_node) == Some(*node))
        .filter(|node| tree.document_element() == Some(*node))
        .ok_or(SignatureError::Invalid)?;
    let visible = NodeSet::tree_without_comments(covered, &tree)
        .subtract(&NodeSet::tree_with_comments(signature_node, &tree));
    let prefixes: Vec<&str> = signed.prefixes.iter().map(String::as_str).collect();
    let canonical = canonicalize_doc(&tree, C14nMode::Exclusive, Some(&visible), &prefixes)
        .map_err(|_| SignatureError::Invalid)?;
    // Proves, with other code, that the text handed on is the text that was signed.
    let digest = hash(signed.digest, &canonical).map_err(|_| SignatureError::Invalid)?;
    if digest.len() != signed.digest_value.len() || !memcmp::eq(&digest, &signed.digest_value) {
        return Err(SignatureError::Invalid);
    }
    Ok(Authentic {
        element: String::from_utf8(canonical).map_err(|_| SignatureError::Invalid)?,
        id: signed.id.clone(),
        algorithm: signed.algorithm,
    })
}
