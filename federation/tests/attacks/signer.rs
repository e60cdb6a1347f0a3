//! Signatures by a library that is not ours.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bergshamra::keys::loader::{load_hmac_key, load_rsa_private_pem, load_rsa_public_pem};
use bergshamra::{DsigContext, Key, KeysManager, sign, verify_all};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::X509;

/// A key, and what verifies with it.
pub(crate) struct Signer {
    pub(crate) key: PKey<Private>,
    pub(crate) certificate: X509,
    /// Use the public key as the secret of a MAC.
    mac: bool,
}

/// Whose messages are genuine.
pub(crate) static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::new);
/// Somebody else.
pub(crate) static STRANGER: LazyLock<Signer> = LazyLock::new(Signer::new);
/// Whoever has the public key of [`SIGNER`].
pub(crate) static SECRET: LazyLock<Signer> = LazyLock::new(|| Signer {
    key: SIGNER.key.clone(),
    certificate: SIGNER.certificate.clone(),
    mac: true,
});

impl Signer {
    fn new() -> Signer {
        let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
        let mut builder = X509::builder().expect("a builder");
        builder.set_version(2).expect("the version");
        let serial = BigNum::from_u32(1).and_then(|number| number.to_asn1_integer());
        builder
            .set_serial_number(&serial.expect("a number"))
            .expect("the number");
        builder.set_pubkey(&key).expect("the key");
        builder
            .set_not_before(&Asn1Time::days_from_now(0).expect("now"))
            .expect("begin");
        builder
            .set_not_after(&Asn1Time::days_from_now(1).expect("tomorrow"))
            .expect("end");
        builder.sign(&key, MessageDigest::sha256()).expect("signed");
        Signer {
            key,
            certificate: builder.build(),
            mac: false,
        }
    }

    fn signing_key(&self) -> Key {
        let public = self.key.public_key_to_pem().expect("PEM");
        let private = self.key.private_key_to_pem_pkcs8().expect("PEM");
        let loaded = if self.mac {
            load_hmac_key(&public)
        } else {
            load_rsa_private_pem(&private)
        };
        loaded.expect("a key")
    }

    fn verifying_key(&self) -> Key {
        let public = self.key.public_key_to_pem().expect("PEM");
        let loaded = if self.mac {
            load_hmac_key(&public)
        } else {
            load_rsa_public_pem(&public)
        };
        loaded.expect("a key")
    }

    /// Fills digests and signature of a document that has places for them.
    pub(crate) fn sign(&self, template: &str) -> Result<String, String> {
        let mut keys = KeysManager::new();
        keys.add_key(self.signing_key());
        sign(&DsigContext::new_permissive(keys), template).map_err(|error| error.to_string())
    }

    pub(crate) fn certificate_base64(&self) -> String {
        STANDARD.encode(self.certificate.to_der().expect("DER"))
    }

    pub(crate) fn modulus_base64(&self) -> String {
        STANDARD.encode(self.key.rsa().expect("RSA").n().to_vec())
    }
}

/// Whether a reader that only asks if some signature of the document verifies would accept it.
pub(crate) fn accepted_elsewhere(document: &str, signer: &Signer) -> bool {
    let mut keys = KeysManager::new();
    keys.add_key(signer.verifying_key());
    let context = DsigContext::new_permissive(keys).with_trusted_keys_only(true);
    verify_all(&context, document)
        .is_ok_and(|results| results.iter().any(|result| result.is_valid()))
}
