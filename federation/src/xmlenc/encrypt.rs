//! Encryption with the recipient's certificate. The key and the initialisation vector are made here, for one element.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::encrypt::Encrypter;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::Id;
use openssl::rand::rand_bytes;
use openssl::rsa::Padding;
use openssl::symm::{self, Cipher};
use openssl::x509::{X509, X509NameRef};
use zeroize::Zeroizing;

use super::{ContentEncryption, XENC};
use crate::IssueError;
use crate::signature::DS;
use crate::xml::{self, Attribute, Fragment, Namespace, Writer};

/// The prefix that AD FS writes for the key.
const E: Namespace = Namespace::new("e", XENC.uri());
const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";
const RSA_OAEP: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const MIN_RSA_BITS: u32 = 2048;
const TAG: usize = 16;

/// An element that only its recipient can read.
#[derive(Debug, Clone)]
pub struct EncryptedElement {
    content: ContentEncryption,
    value: String,
    key: String,
    issuer: String,
    serial: String,
}

/// Encrypts a whole element.
///
/// # Errors
/// [`IssueError::EncryptionCertificate`] for a certificate without an RSA key of at least 2048 bits, or
/// [`IssueError::Encryption`].
pub fn encrypt(
    element: &Fragment,
    recipient: &X509,
    content: ContentEncryption,
) -> Result<EncryptedElement, IssueError> {
    let public = recipient.public_key().map_err(IssueError::Encryption)?;
    if public.id() != Id::RSA || public.bits() < MIN_RSA_BITS {
        return Err(IssueError::EncryptionCertificate);
    }
    let wrapped = || -> Result<(Vec<u8>, Vec<u8>), ErrorStack> {
        let (key, value) = encrypt_content(element.as_str().as_bytes(), content)?;
        let mut encrypter = Encrypter::new(&public)?;
        encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        encrypter.set_rsa_oaep_md(MessageDigest::sha1())?;
        encrypter.set_rsa_mgf1_md(MessageDigest::sha1())?;
        let mut wrapped = vec![0; encrypter.encrypt_len(&key)?];
        let length = encrypter.encrypt(&key, &mut wrapped)?;
        wrapped.truncate(length);
        Ok((wrapped, value))
    };
    let (key, value) = wrapped().map_err(IssueError::Encryption)?;
    let serial = recipient.serial_number().to_bn();
    let serial = serial.and_then(|serial| Ok(serial.to_dec_str()?.to_string()));
    Ok(EncryptedElement {
        content,
        value: STANDARD.encode(value),
        key: STANDARD.encode(key),
        issuer: distinguished_name(recipient.issuer_name()),
        serial: serial.map_err(IssueError::Encryption)?,
    })
}

/// A fresh key, and the octets of `CipherValue`: initialisation vector, ciphertext, for GCM the tag.
fn encrypt_content(
    plain: &[u8],
    content: ContentEncryption,
) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), ErrorStack> {
    let (cipher, vector_length, authenticated) = match content {
        ContentEncryption::Aes256Cbc => (Cipher::aes_256_cbc(), 16, false),
        ContentEncryption::Aes128Gcm => (Cipher::aes_128_gcm(), 12, true),
        ContentEncryption::Aes256Gcm => (Cipher::aes_256_gcm(), 12, true),
    };
    let mut key = Zeroizing::new(vec![0; cipher.key_len()]);
    rand_bytes(&mut key)?;
    let mut value = vec![0; vector_length];
    rand_bytes(&mut value)?;
    if authenticated {
        let mut tag = [0; TAG];
        let text = symm::encrypt_aead(cipher, &key, Some(&value), &[], plain, &mut tag)?;
        value.extend(text);
        value.extend(tag);
    } else {
        // The padding of PKCS #7 is one that XML Encryption allows.
        let text = symm::encrypt(cipher, &key, Some(&value), plain)?;
        value.extend(text);
    }
    Ok((key, value))
}

/// A name as RFC 4514 writes it: the last part first.
fn distinguished_name(name: &X509NameRef) -> String {
    let mut parts: Vec<String> = name
        .entries()
        .map(|entry| {
            let object = entry.object();
            let short = match object.nid() {
                Nid::UNDEF => None,
                nid => nid.short_name().ok(),
            };
            let attribute = short.map_or_else(|| format!("OID.{object}"), str::to_owned);
            let value = entry.data().to_string();
            let value = value.map_or_else(|_| String::new(), |value| escaped(&value));
            format!("{attribute}={value}")
        })
        .collect();
    parts.reverse();
    parts.join(",")
}

/// A value by RFC 4514 section 2.4.
fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut out = String::new();
    for (at, character) in value.chars().enumerate() {
        let special = matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\')
            || (at == 0 && matches!(character, ' ' | '#'))
            || (at == last && character == ' ');
        if special {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

impl EncryptedElement {
    /// Writes `EncryptedData` into the element that is open.
    pub fn write(&self, writer: &mut Writer) {
        let attributes = [Attribute::new("Type", ELEMENT)];
        writer.element(XENC.name("EncryptedData"), &attributes, |writer| {
            self.parts(writer)
        });
    }

    /// `EncryptedData` as an element of its own.
    ///
    /// # Errors
    /// When the name in the recipient's certificate holds characters that XML cannot carry.
    pub fn to_fragment(&self) -> Result<Fragment, IssueError> {
        let attributes = [Attribute::new("Type", ELEMENT)];
        let written = xml::write(XENC.name("EncryptedData"), &attributes, |writer| {
            self.parts(writer);
        })?;
        Ok(written.into_fragment())
    }

    fn parts(&self, writer: &mut Writer) {
        let ds = DS.unprefixed();
        let method = [Attribute::new("Algorithm", self.content.uri())];
        writer.leaf(XENC.name("EncryptionMethod"), &method, "");
        writer.element(ds.name("KeyInfo"), &[], |writer| {
            writer.element(E.name("EncryptedKey"), &[], |writer| {
                self.encrypted_key(writer)
            });
        });
        cipher_data(writer, XENC, &self.value);
    }

    fn encrypted_key(&self, writer: &mut Writer) {
        let ds = DS.unprefixed();
        let method = [Attribute::new("Algorithm", RSA_OAEP)];
        writer.element(E.name("EncryptionMethod"), &method, |writer| {
            let digest = [Attribute::new("Algorithm", SHA1)];
            writer.leaf(ds.name("DigestMethod"), &digest, "");
        });
        writer.element(ds.name("KeyInfo"), &[], |writer| {
            writer.element(DS.name("X509Data"), &[], |writer| {
                writer.element(DS.name("X509IssuerSerial"), &[], |writer| {
                    writer.leaf(DS.name("X509IssuerName"), &[], &self.issuer);
                    writer.leaf(DS.name("X509SerialNumber"), &[], &self.serial);
                });
            });
        });
        cipher_data(writer, E, &self.key);
    }
}

fn cipher_data(writer: &mut Writer, namespace: Namespace, value: &str) {
    writer.element(namespace.name("CipherData"), &[], |writer| {
        writer.leaf(namespace.name("CipherValue"), &[], value);
    });
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::Command;

    use openssl::x509::X509NameBuilder;

    use super::*;
    use crate::signature::SignatureAlgorithm;
    use crate::test_key::{CERTIFICATE, KEY, SIGNING};

    const OUTER: Namespace = Namespace::new("", "urn:oasis:names:tc:SAML:2.0:assertion");

    fn signed() -> Fragment {
        let attributes = [Attribute::new("ID", "_1")];
        let element = xml::write(OUTER.name("Assertion"), &attributes, |writer| {
            writer.leaf(OUTER.name("Issuer"), &[], "https://idp.test/");
            writer.signature("_1");
            writer.leaf(OUTER.name("Value"), &[], "R&D <\"Zoë\">\r\n");
        });
        SIGNING
            .sign(element.unwrap(), SignatureAlgorithm::RsaSha256)
            .unwrap()
    }

    fn bergshamra_decrypts(encrypted: &str) -> String {
        use bergshamra::keys::loader::load_rsa_private_pem;
        let pem = KEY.rsa().unwrap().private_key_to_pem().unwrap();
        let mut keys = bergshamra::KeysManager::new();
        keys.add_key(load_rsa_private_pem(&pem).unwrap());
        bergshamra::decrypt(&bergshamra::EncContext::new(keys), encrypted).unwrap()
    }

    /// The verifier of this crate knows where SAML has its signatures; this element is none of SAML's.
    fn verifies(xml: &str) -> bool {
        use bergshamra::keys::loader::load_rsa_public_pem;
        let mut keys = bergshamra::KeysManager::new();
        keys.add_key(load_rsa_public_pem(&KEY.public_key_to_pem().unwrap()).unwrap());
        bergshamra::verify(&bergshamra::DsigContext::new(keys), xml)
            .is_ok_and(|result| result.all_reference_digests_verified())
    }

    /// Decrypts with the tool that most service providers are built on.
    fn xmlsec1_decrypts(encrypted: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::File::create(&path)
                .unwrap()
                .write_all(content)
                .unwrap();
            path
        };
        let key = file("key.pem", &KEY.private_key_to_pem_pkcs8().unwrap());
        let document = file("document.xml", encrypted.as_bytes());
        let output = Command::new("xmlsec1")
            .args(["--decrypt", "--privkey-pem"])
            .arg(key)
            .arg(document)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn others_decrypt_what_was_encrypted() {
        let element = signed();
        for content in [
            ContentEncryption::Aes256Cbc,
            ContentEncryption::Aes128Gcm,
            ContentEncryption::Aes256Gcm,
        ] {
            let encrypted = encrypt(&element, &CERTIFICATE, content).unwrap();
            let encrypted = encrypted.to_fragment().unwrap().into_string();
            assert!(!encrypted.contains("<Issuer>"));
            assert!(encrypted.contains(content.uri()));
            // Both write the document anew, so what is compared is that the signature within still holds.
            for opened in [
                bergshamra_decrypts(&encrypted),
                xmlsec1_decrypts(&encrypted),
            ] {
                assert!(opened.contains("R&amp;D &lt;"), "{opened}");
                assert!(verifies(&opened), "{opened}");
            }
        }
    }

    #[test]
    fn no_key_and_no_vector_is_used_twice() {
        let element = signed();
        let mut one = encrypt(&element, &CERTIFICATE, ContentEncryption::Aes256Gcm).unwrap();
        let other = encrypt(&element, &CERTIFICATE, ContentEncryption::Aes256Gcm).unwrap();
        assert_ne!(one.value.get(..16), other.value.get(..16));
        assert_ne!(one.key, other.key);
        // The tag holds: no octet of the content can be exchanged.
        let mut octets = STANDARD.decode(&one.value).unwrap();
        octets[20] ^= 1;
        one.value = STANDARD.encode(octets);
        let keys = {
            let pem = KEY.rsa().unwrap().private_key_to_pem().unwrap();
            let mut keys = bergshamra::KeysManager::new();
            keys.add_key(bergshamra::keys::loader::load_rsa_private_pem(&pem).unwrap());
            keys
        };
        let altered = one.to_fragment().unwrap().into_string();
        assert!(bergshamra::decrypt(&bergshamra::EncContext::new(keys), &altered).is_err());
    }

    #[test]
    fn keys_that_cannot_wrap_are_refused() {
        use openssl::ec::{EcGroup, EcKey};
        use openssl::pkey::PKey;
        use openssl::rsa::Rsa;
        let element = signed();
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let curve = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let short = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
        for key in [curve, short] {
            let certificate = crate::test_key::certificate(&key);
            assert!(matches!(
                encrypt(&element, &certificate, ContentEncryption::default()),
                Err(IssueError::EncryptionCertificate)
            ));
        }
    }

    #[test]
    fn names_are_written_last_part_first_and_escaped() {
        let mut builder = X509NameBuilder::new().unwrap();
        builder.append_entry_by_text("O", "Contoso, Ltd").unwrap();
        builder.append_entry_by_text("CN", "#sts <&> ").unwrap();
        let name = builder.build();
        assert_eq!(
            distinguished_name(&name),
            "CN=\\#sts \\<&\\>\\ ,O=Contoso\\, Ltd"
        );
    }
}
