//! Keys for tests; made once, since making them takes long.

use std::sync::LazyLock;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};

use crate::signature::SigningKey;

pub(crate) static KEY: LazyLock<PKey<Private>> = LazyLock::new(key);
pub(crate) static CERTIFICATE: LazyLock<X509> = LazyLock::new(|| certificate(&KEY));
pub(crate) static SIGNING: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::new(KEY.clone(), &CERTIFICATE).unwrap());
pub(crate) static OTHER_KEY: LazyLock<PKey<Private>> = LazyLock::new(key);
pub(crate) static OTHER_CERTIFICATE: LazyLock<X509> = LazyLock::new(|| certificate(&OTHER_KEY));

fn key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

pub(crate) fn certificate(key: &PKey<Private>) -> X509 {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "test").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder
        .set_serial_number(&BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap())
        .unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(key).unwrap();
    builder
        .set_not_before(&Asn1Time::days_from_now(0).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::days_from_now(1).unwrap())
        .unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build()
}
