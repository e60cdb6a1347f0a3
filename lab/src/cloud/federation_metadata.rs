//! What an administrator would copy from the federation service's metadata into the domain's federation settings:
//! its token-signing certificates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::x509::X509;
use roxmltree::{Document, ParsingOptions};
use thiserror::Error;

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const MAX_LENGTH: usize = 1024 * 1024;

/// Why metadata could not be used.
#[derive(Debug, Error)]
pub enum MetadataError {
    /// Longer than any real one.
    #[error("the federation metadata is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// Not the expected document.
    #[error("the federation metadata cannot be read: {0}")]
    Unreadable(String),
    /// Nothing to trust.
    #[error("the federation metadata lists no signing certificate")]
    NoCertificate,
}

/// DER of every token-signing certificate of the document, each once, in its order.
///
/// # Errors
/// When the document cannot be read or lists none.
pub fn signing_certificates(metadata: &str) -> Result<Vec<Vec<u8>>, MetadataError> {
    if metadata.len() > MAX_LENGTH {
        return Err(MetadataError::TooLong);
    }
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: 50_000,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(metadata, options)
        .map_err(|error| MetadataError::Unreadable(error.to_string()))?;
    if !document
        .root_element()
        .has_tag_name((METADATA, "EntityDescriptor"))
    {
        return Err(MetadataError::Unreadable(
            "the root element is not EntityDescriptor".to_owned(),
        ));
    }
    let mut certificates: Vec<Vec<u8>> = Vec::new();
    let descriptors = document.descendants().filter(|node| {
        node.has_tag_name((METADATA, "KeyDescriptor")) && node.attribute("use") == Some("signing")
    });
    for node in descriptors
        .flat_map(|descriptor| descriptor.descendants())
        .filter(|node| node.has_tag_name((DSIG, "X509Certificate")))
    {
        let text: String = node
            .text()
            .unwrap_or_default()
            .split_ascii_whitespace()
            .collect();
        let der = STANDARD.decode(text).map_err(|error| {
            MetadataError::Unreadable(format!("a certificate is not base64 ({error})"))
        })?;
        X509::from_der(&der).map_err(|error| {
            MetadataError::Unreadable(format!("a certificate cannot be read ({error})"))
        })?;
        if !certificates.contains(&der) {
            certificates.push(der);
        }
    }
    if certificates.is_empty() {
        Err(MetadataError::NoCertificate)
    } else {
        Ok(certificates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::token::signer::Signer;

    fn metadata(keys: &[(&str, &[u8])]) -> String {
        let key = |(use_, der): &(&str, &[u8])| {
            format!(
                "<KeyDescriptor use=\"{use_}\"><KeyInfo xmlns=\"{DSIG}\"><X509Data><X509Certificate>\n{}\n</X509Certificate></X509Data></KeyInfo></KeyDescriptor>",
                STANDARD.encode(der)
            )
        };
        let keys: String = keys.iter().map(key).collect();
        format!(
            "<EntityDescriptor xmlns=\"{METADATA}\"><RoleDescriptor>{keys}</RoleDescriptor></EntityDescriptor>"
        )
    }

    #[test]
    fn signing_certificates_are_taken_in_order_and_once() {
        let (current, next, encryption) = (
            Signer::new().certificate,
            Signer::new().certificate,
            Signer::new().certificate,
        );
        let text = metadata(&[
            ("signing", &current),
            ("encryption", &encryption),
            ("signing", &next),
            ("signing", &current),
        ]);
        assert_eq!(signing_certificates(&text).unwrap(), [current, next]);
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        let certificate = Signer::new().certificate;
        let good = metadata(&[("signing", &certificate)]);
        for bad in [
            String::new(),
            "<html/>".to_owned(),
            format!("<!DOCTYPE x>{good}"),
            good.replace("EntityDescriptor", "Other"),
            metadata(&[("signing", b"no certificate")]),
            metadata(&[("encryption", &certificate)]),
            format!("{good}{}", " ".repeat(MAX_LENGTH)),
        ] {
            assert!(signing_certificates(&bad).is_err(), "{:.60}", bad);
        }
    }
}
