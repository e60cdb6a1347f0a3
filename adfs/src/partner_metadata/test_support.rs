//! Certificates and documents of partners that tests make up.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use time::OffsetDateTime;

/// A key and its own certificate for `localhost`, valid from 1970 to `end`.
pub(crate) fn pair_until(serial: u32, end: OffsetDateTime) -> (PKey<Private>, X509) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "localhost").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    let serial = BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap();
    certificate.set_serial_number(&serial).unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    let (start, end) = (
        Asn1Time::from_unix(0).unwrap(),
        Asn1Time::from_unix(end.unix_timestamp()).unwrap(),
    );
    certificate.set_not_before(&start).unwrap();
    certificate.set_not_after(&end).unwrap();
    let context = certificate.x509v3_context(None, None);
    let names = SubjectAlternativeName::new()
        .dns("localhost")
        .build(&context)
        .unwrap();
    let authority = BasicConstraints::new().ca().build().unwrap();
    certificate.append_extension(names).unwrap();
    certificate.append_extension(authority).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    (key, certificate.build())
}

/// A certificate that is valid for long.
pub(crate) fn certificate(serial: u32) -> X509 {
    pair_until(serial, time::macros::datetime!(2090-01-01 0:00 UTC)).1
}

/// DER in base64, in one line.
pub(crate) fn base64(certificate: &X509) -> String {
    openssl::base64::encode_block(&certificate.to_der().unwrap()).replace('\n', "")
}

/// A service provider's document: `keys` are purposes with certificates, `more` are attributes of its role.
pub(crate) fn service_provider(
    entity_id: &str,
    consumer: &str,
    keys: &[(&str, &X509)],
    more: &str,
) -> String {
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{entity_id}\"><SPSSODescriptor {more} \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{}<AssertionConsumerService \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"{consumer}\" index=\"0\"/></SPSSODescriptor>\
         </EntityDescriptor>",
        descriptors(keys)
    )
}

/// An identity provider's document.
pub(crate) fn identity_provider(entity_id: &str, sign_on: &str, keys: &[(&str, &X509)]) -> String {
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{entity_id}\"><IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{}<SingleSignOnService \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{sign_on}\"/></IDPSSODescriptor>\
         </EntityDescriptor>",
        descriptors(keys)
    )
}

fn descriptors(keys: &[(&str, &X509)]) -> String {
    let one = |(purpose, certificate): &(&str, &X509)| {
        format!(
            "<KeyDescriptor use=\"{purpose}\"><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data>\
             <X509Certificate>{}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>",
            base64(certificate)
        )
    };
    keys.iter().map(one).collect()
}
