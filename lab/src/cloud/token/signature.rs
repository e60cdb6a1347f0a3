//! Verification by bergshamra, which is not the code that issued the token.

use bergshamra::c14n::{C14nMode, canonicalize_doc};
use bergshamra::dsig::verify::verify_document_with_source;
use bergshamra::keys::loader::load_x509_cert_der;
use bergshamra::xml::{NodeSet, uppsala};
use bergshamra::{DsigContext, KeysManager, VerifyResult};
use openssl::hash::{MessageDigest, hash};
use openssl::memcmp;

use super::{Assertion, Response, SAML};
use crate::cloud::refusal::Refusal;

/// An assertion that a key of the realm has signed. There is no other way to make one.
#[derive(Debug)]
pub(crate) struct Authentic(Assertion);

impl Authentic {
    /// Verifies with the realm's certificates (DER), the current and the next.
    ///
    /// # Errors
    /// 5000811 when the token names another certificate, 50008 when the signature does not hold.
    pub(crate) fn verify(
        response: &Response<'_>,
        certificates: &[Vec<u8>],
    ) -> Result<Authentic, Refusal> {
        let signature = response.signature()?;
        if let Some(named) = &signature.certificate
            && !certificates.contains(named)
        {
            return Err(Refusal::unknown_key());
        }
        let signed = signed_bytes(response, certificates)?;
        let digest = hash(MessageDigest::sha256(), &signed).map_err(|error| {
            Refusal::invalid_token(
                "signature",
                format!("its digest cannot be computed ({error})"),
            )
        })?;
        // Proves that the bytes read from here on are the bytes that the signature covers.
        if digest.len() != signature.digest.len() || !memcmp::eq(&digest, &signature.digest) {
            return Err(Refusal::invalid_token(
                "signature",
                "the signed text is not the assertion that it stands for",
            ));
        }
        let text = std::str::from_utf8(&signed)
            .map_err(|_| Refusal::invalid_token("signature", "the signed text is not UTF-8"))?;
        let assertion = Assertion::read(text)?;
        if assertion.issuer != response.issuer || assertion.id != response.assertion_id {
            return Err(Refusal::invalid_token(
                "wrapping",
                "the signed assertion is not the one that was looked at",
            ));
        }
        Ok(Authentic(assertion))
    }

    /// What was signed.
    pub(crate) fn assertion(&self) -> &Assertion {
        &self.0
    }
}

/// The canonical text of the assertion without its signature, if the signature holds.
fn signed_bytes(response: &Response<'_>, certificates: &[Vec<u8>]) -> Result<Vec<u8>, Refusal> {
    let invalid = |text: String| Refusal::invalid_token("signature", text);
    let mut keys = KeysManager::new();
    for certificate in certificates {
        let key = load_x509_cert_der(certificate).map_err(|error| {
            invalid(format!(
                "a signing certificate of the domain cannot be read ({error})"
            ))
        })?;
        keys.add_key(key);
    }
    if keys.is_empty() {
        return Err(Refusal::unknown_key());
    }
    let context = DsigContext::new(keys)
        .with_trusted_keys_only(true)
        .with_strict_verification(true);
    let document = uppsala::parse(response.text())
        .map_err(|error| invalid(format!("it cannot be parsed ({error})")))?;
    let outcome = verify_document_with_source(&context, &document, Some(response.text()))
        .map_err(|error| invalid(format!("the signature cannot be processed ({error})")))?;
    let VerifyResult::Valid {
        signature_node,
        references,
        ..
    } = outcome
    else {
        return Err(invalid("the signature does not match".to_owned()));
    };
    let [reference] = references.as_slice() else {
        return Err(invalid(
            "the signature must cover exactly one element".to_owned(),
        ));
    };
    let covered = reference
        .resolved_node
        .filter(|_| reference.digest_verified);
    let Some(node) = covered.filter(|node| document.parent(signature_node) == Some(*node)) else {
        return Err(invalid(
            "the signature does not cover the assertion around it".to_owned(),
        ));
    };
    if !document
        .element(node)
        .is_some_and(|element| element.matches_name_ns(SAML, "Assertion"))
    {
        return Err(invalid(
            "the signature covers something else than an assertion".to_owned(),
        ));
    }
    let visible = NodeSet::tree_without_comments(node, &document)
        .subtract(&NodeSet::tree_with_comments(signature_node, &document));
    canonicalize_doc(
        &document,
        C14nMode::Exclusive,
        Some(&visible),
        &[] as &[&str],
    )
    .map_err(|error| invalid(format!("it cannot be canonicalized ({error})")))
}
