use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::encrypt::Encrypter;
use openssl::hash::MessageDigest;
use openssl::rsa::Padding;
use openssl::symm::{self, Cipher};
use proptest::prelude::*;

use super::*;
use crate::saml2::encrypted_assertion;
use crate::signature::SignatureAlgorithm;
use crate::test_key::{CERTIFICATE, KEY, OTHER_KEY, SIGNING};
use crate::xml::{Attribute, Namespace, write};
use crate::xmlenc::ContentEncryption;

const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const SECRET: &str = "<Secret xmlns=\"urn:test\">R&amp;D ü</Secret>";
const OAEP: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const OAEP11: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";

/// How a partner encrypts.
#[derive(Clone)]
struct Partner {
    content: &'static str,
    transport: &'static str,
    /// Within `EncryptionMethod` of the key.
    parameters: &'static str,
    padding: Padding,
    digest: MessageDigest,
    mask: MessageDigest,
    plain: Vec<u8>,
}

impl Partner {
    fn usual() -> Partner {
        Partner {
            content: "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            transport: OAEP,
            parameters: "",
            padding: Padding::PKCS1_OAEP,
            digest: MessageDigest::sha1(),
            mask: MessageDigest::sha1(),
            plain: SECRET.into(),
        }
    }

    fn key(&self) -> Vec<u8> {
        let length = match self.content {
            uri if uri.contains("128") => 16,
            uri if uri.contains("192") || uri.contains("triple") => 24,
            _ => 32,
        };
        vec![7; length]
    }

    fn wrapped(&self) -> Vec<u8> {
        let public = CERTIFICATE.public_key().unwrap();
        let mut encrypter = Encrypter::new(&public).unwrap();
        encrypter.set_rsa_padding(self.padding).unwrap();
        if self.padding == Padding::PKCS1_OAEP {
            encrypter.set_rsa_oaep_md(self.digest).unwrap();
            encrypter.set_rsa_mgf1_md(self.mask).unwrap();
        }
        let mut out = vec![0; encrypter.encrypt_len(&self.key()).unwrap()];
        let length = encrypter.encrypt(&self.key(), &mut out).unwrap();
        out.truncate(length);
        out
    }

    /// Initialisation vector, ciphertext, tag.
    fn value(&self) -> Vec<u8> {
        let key = self.key();
        let gcm = |cipher| {
            let (vector, mut tag) = ([3; 12], [0; 16]);
            let text = symm::encrypt_aead(cipher, &key, Some(&vector), &[], &self.plain, &mut tag);
            [&vector[..], &text.unwrap(), &tag].concat()
        };
        let cbc = |cipher: Cipher| {
            let vector = vec![3; cipher.block_size()];
            let text = symm::encrypt(cipher, &key, Some(&vector), &self.plain);
            [vector, text.unwrap()].concat()
        };
        match self.content.rsplit('#').next().unwrap() {
            "aes128-gcm" => gcm(Cipher::aes_128_gcm()),
            "aes192-gcm" => gcm(Cipher::aes_192_gcm()),
            "aes256-gcm" => gcm(Cipher::aes_256_gcm()),
            "aes128-cbc" => cbc(Cipher::aes_128_cbc()),
            "aes192-cbc" => cbc(Cipher::aes_192_cbc()),
            "aes256-cbc" => cbc(Cipher::aes_256_cbc()),
            "tripledes-cbc" => cbc(Cipher::des_ede3_cbc()),
            other => panic!("{other}"),
        }
    }

    fn encrypted_key(&self) -> String {
        format!(
            "<e:EncryptedKey xmlns:e=\"{XENC}\"><e:EncryptionMethod Algorithm=\"{}\">{}</e:EncryptionMethod><e:CipherData><e:CipherValue>{}</e:CipherValue></e:CipherData></e:EncryptedKey>",
            self.transport,
            self.parameters,
            STANDARD.encode(self.wrapped())
        )
    }

    fn data(&self, key_info: &str) -> String {
        format!(
            "<x:EncryptedData xmlns:x=\"{XENC}\" Type=\"{XENC}Element\"><x:EncryptionMethod Algorithm=\"{}\"/>{key_info}<x:CipherData><x:CipherValue>\n{}\n</x:CipherValue></x:CipherData></x:EncryptedData>",
            self.content,
            STANDARD.encode(self.value())
        )
    }

    fn document(&self) -> String {
        self.data(&format!(
            "<KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">{}</KeyInfo>",
            self.encrypted_key()
        ))
    }
}

fn opened(document: &str, integrity: Integrity) -> Result<String, DecryptionError> {
    let other = PrivateKey::new(OTHER_KEY.clone()).unwrap();
    let own = PrivateKey::new(KEY.clone()).unwrap();
    decrypt(document, &[&other, &own], integrity)
}

#[test]
fn every_accepted_algorithm_is_decrypted() {
    let gcm = ["aes128-gcm", "aes192-gcm", "aes256-gcm"];
    for (content, integrity) in [
        (
            "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            Integrity::Unknown,
        ),
        (
            "http://www.w3.org/2009/xmlenc11#aes192-gcm",
            Integrity::Unknown,
        ),
        (
            "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            Integrity::Unknown,
        ),
        (
            "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
            Integrity::Verified,
        ),
        (
            "http://www.w3.org/2001/04/xmlenc#aes192-cbc",
            Integrity::Verified,
        ),
        (
            "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
            Integrity::Verified,
        ),
    ] {
        let document = Partner {
            content,
            ..Partner::usual()
        }
        .document();
        assert_eq!(
            opened(&document, integrity).as_deref(),
            Ok(SECRET),
            "{content}"
        );
        let unprotected = opened(&document, Integrity::Unknown);
        assert_eq!(
            unprotected.is_ok(),
            gcm.iter().any(|name| content.ends_with(name))
        );
    }
    let (sha1, sha256, sha512) = (
        MessageDigest::sha1(),
        MessageDigest::sha256(),
        MessageDigest::sha512(),
    );
    let digest = "<DigestMethod xmlns=\"http://www.w3.org/2000/09/xmldsig#\" Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>";
    let mask = "<DigestMethod xmlns=\"http://www.w3.org/2000/09/xmldsig#\" Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><MGF xmlns=\"http://www.w3.org/2009/xmlenc11#\" Algorithm=\"http://www.w3.org/2009/xmlenc11#mgf1sha512\"/>";
    for (transport, parameters, digest, mask) in [
        (OAEP, digest, sha256, sha1),
        (OAEP11, "", sha1, sha1),
        (OAEP11, digest, sha256, sha1),
        (OAEP11, mask, sha256, sha512),
    ] {
        let partner = Partner {
            transport,
            parameters,
            digest,
            mask,
            ..Partner::usual()
        };
        assert_eq!(
            opened(&partner.document(), Integrity::Unknown).as_deref(),
            Ok(SECRET),
            "{parameters}"
        );
    }
}

#[test]
fn keys_may_stand_beside_the_data_and_be_for_several_recipients() {
    let partner = Partner::usual();
    let (data, key) = (partner.data(""), partner.encrypted_key());
    let stranger = key.replace("<e:CipherValue>", "<e:CipherValue>AAAA");
    let wrapped = format!(
        "<s:EncryptedAssertion xmlns:s=\"urn:oasis:names:tc:SAML:2.0:assertion\">{data}{stranger}{key}</s:EncryptedAssertion>"
    );
    assert_eq!(opened(&wrapped, Integrity::Unknown).as_deref(), Ok(SECRET));
    let response = format!(
        "<p:Response xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\"><p:Status/>{wrapped}</p:Response>"
    );
    assert_eq!(opened(&response, Integrity::Unknown).as_deref(), Ok(SECRET));
}

#[test]
fn what_we_encrypt_ourselves_comes_back_and_verifies() {
    const ASSERTION: Namespace = Namespace::new("", "urn:oasis:names:tc:SAML:2.0:assertion");
    let assertion = write(
        ASSERTION.name("Assertion"),
        &[Attribute::new("ID", "_1")],
        |writer| {
            writer.leaf(ASSERTION.name("Issuer"), &[], "https://idp.test/");
            writer.signature("_1");
        },
    );
    let signed = SIGNING
        .sign(assertion.unwrap(), SignatureAlgorithm::RsaSha256)
        .unwrap();
    for content in [ContentEncryption::Aes256Cbc, ContentEncryption::Aes256Gcm] {
        let encrypted = encrypted_assertion(&signed, &CERTIFICATE, content).unwrap();
        let plain = opened(encrypted.as_str(), Integrity::Verified).unwrap();
        assert_eq!(plain, signed.as_str());
        let certificates = std::slice::from_ref(&*CERTIFICATE);
        let accepted = crate::dsig::AcceptedAlgorithms::default();
        assert!(crate::dsig::authenticate_root(&plain, certificates, &accepted).is_ok());
    }
}

#[test]
fn weak_algorithms_and_other_forms_are_refused_before_a_key_is_touched() {
    struct Untouched;
    impl DecryptionKey for Untouched {
        fn unwrap_key(&self, _: &[u8], _: KeyTransport) -> Option<zeroize::Zeroizing<Vec<u8>>> {
            panic!("the key was used")
        }
    }
    let usual = Partner::usual();
    let pkcs1 = Partner {
        transport: "http://www.w3.org/2001/04/xmlenc#rsa-1_5",
        padding: Padding::PKCS1,
        ..usual.clone()
    };
    let triple_des = Partner {
        content: "http://www.w3.org/2001/04/xmlenc#tripledes-cbc",
        ..usual.clone()
    };
    let label = Partner {
        parameters: "<e:OAEPparams>AAAA</e:OAEPparams>",
        ..usual.clone()
    };
    let md5 = Partner {
        parameters: "<DigestMethod xmlns=\"http://www.w3.org/2000/09/xmldsig#\" Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#md5\"/>",
        ..usual.clone()
    };
    let document = usual.document();
    let reference = document
        .replace(
            "<x:CipherValue>",
            "<x:CipherReference URI=\"http://evil.test/\"/><x:CipherValue hidden=\"\">",
        )
        .replace("CipherValue", "y");
    let many = document.replace(
        "</KeyInfo>",
        &format!("{}</KeyInfo>", usual.encrypted_key().repeat(4)),
    );
    for (name, document) in [
        ("rsa-1_5", pkcs1.document()),
        ("Triple DES", triple_des.document()),
        ("a label", label.document()),
        ("MD5", md5.document()),
        ("a reference to elsewhere", reference),
        ("no key", usual.data("")),
        ("too many keys", many),
        ("content alone", document.replace("#Element", "#Content")),
        (
            "two ciphertexts",
            format!(
                "<EncryptedAssertion xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">{document}{document}</EncryptedAssertion>"
            ),
        ),
        ("elsewhere in a document", format!("<a>{document}</a>")),
        ("a document type", format!("<!DOCTYPE a>{document}")),
        (
            "no base64",
            document.replacen("<x:CipherValue>", "<x:CipherValue>*", 1),
        ),
    ] {
        let error = decrypt(&document, &[&Untouched], Integrity::Verified).unwrap_err();
        assert_ne!(error, DecryptionError::Failed, "{name}");
    }
}

#[test]
fn every_failure_of_the_keys_and_ciphers_is_the_same() {
    let usual = Partner::usual();
    let cbc = Partner {
        content: "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
        ..usual.clone()
    };
    let plain = |partner: &Partner, plain: &[u8]| {
        Partner {
            plain: plain.to_vec(),
            ..partner.clone()
        }
        .document()
    };
    let mut altered = STANDARD.encode(cbc.value());
    altered.replace_range(40..41, if &altered[40..41] == "A" { "B" } else { "A" });
    let short = |partner: &Partner| {
        partner
            .document()
            .replace(&STANDARD.encode(partner.value()), "AAAA")
    };
    for (name, document) in [
        ("text that is no XML", plain(&usual, b"not xml")),
        (
            "text with a document type",
            plain(&usual, b"<!DOCTYPE a><a/>"),
        ),
        ("text that is no UTF-8", plain(&cbc, b"<a>\xff</a>")),
        ("nothing", plain(&cbc, b"")),
        ("a short ciphertext", short(&usual)),
        ("a short ciphertext in CBC", short(&cbc)),
        (
            "an altered ciphertext",
            cbc.document()
                .replace(&STANDARD.encode(cbc.value()), &altered),
        ),
        (
            "another digest in OAEP",
            Partner {
                digest: MessageDigest::sha256(),
                ..usual.clone()
            }
            .document(),
        ),
        (
            "a key of another length",
            usual.document().replace("aes256-gcm", "aes128-gcm"),
        ),
    ] {
        assert_eq!(
            opened(&document, Integrity::Verified),
            Err(DecryptionError::Failed),
            "{name}"
        );
    }
    let stranger = PrivateKey::new(OTHER_KEY.clone()).unwrap();
    assert_eq!(
        decrypt(&usual.document(), &[&stranger], Integrity::Verified),
        Err(DecryptionError::Failed)
    );
    assert_eq!(
        decrypt(&usual.document(), &[], Integrity::Verified),
        Err(DecryptionError::Failed)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_changed_ciphertext_in_gcm_never_opens(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let partner = Partner::usual();
        let mut value = partner.value();
        let at = at.index(value.len());
        value[at] ^= 1 << bit;
        let document = partner.document().replace(&STANDARD.encode(partner.value()), &STANDARD.encode(value));
        prop_assert_eq!(opened(&document, Integrity::Verified), Err(DecryptionError::Failed));
    }

    #[test]
    fn no_ciphertext_panics(value in proptest::collection::vec(any::<u8>(), 0..80), cbc in any::<bool>()) {
        let content = if cbc { "http://www.w3.org/2001/04/xmlenc#aes256-cbc" } else { Partner::usual().content };
        let partner = Partner { content, ..Partner::usual() };
        let document = partner.document().replace(&STANDARD.encode(partner.value()), &STANDARD.encode(value));
        prop_assert_eq!(opened(&document, Integrity::Verified), Err(DecryptionError::Failed));
    }
}
