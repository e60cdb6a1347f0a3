//! xmlsec1, on which most service providers are built, signs and we verify.

use std::fs;
use std::process::Command;

use federation::dsig::{AcceptedAlgorithms, Algorithm, SignatureError, authenticate_root};
use federation::xml::Limits;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::signer::SIGNER;

/// A message in which everything occurs that canonicalisation changes.
fn template(algorithm: Algorithm, digest: &str, prefixes: &str) -> String {
    let uri = algorithm.uri();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<p:Response xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:unused=\"urn:unused\" Version='2.0' \
         xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol'   ID='_1'\n  b=\"2\" a=\"&lt;&#9;&#xA;&quot;'&#13;\">\n\
         <a:Issuer xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\">https://idp.test/</a:Issuer><ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\n\
         <ds:SignedInfo>\n<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\n<ds:SignatureMethod Algorithm=\"{uri}\"/>\n\
         <ds:Reference URI=\"#_1\">\n<ds:Transforms>\n<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\n\
         <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">{prefixes}</ds:Transform>\n</ds:Transforms>\n<ds:DigestMethod Algorithm=\"{digest}\"/>\n<ds:DigestValue/>\n\
         </ds:Reference>\n</ds:SignedInfo>\n<ds:SignatureValue/>\n</ds:Signature>\r\n\
         <v xmlns=\"urn:v\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:string\"><![CDATA[<é&>]]>&#xD;&gt;\"<!-- gone --><w xmlns=\"\"/><w xmlns:z=\"urn:z\" z:c=\"\" xml:space=\"preserve\"> </w></v></p:Response>"
    )
    // A comment in text is refused, so it stands beside elements only.
    .replace("<![CDATA[<é&>]]>&#xD;&gt;\"<!-- gone -->", "<!-- gone --><u><![CDATA[<é&>]]>&#xD;&gt;\"</u>")
}

fn sign(template: &str, key: &PKey<Private>) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let (key_file, document) = (
        folder.path().join("key.pem"),
        folder.path().join("document.xml"),
    );
    fs::write(&key_file, key.private_key_to_pem_pkcs8().expect("PEM")).expect("written");
    fs::write(&document, template).expect("written");
    let output = Command::new("xmlsec1")
        .args([
            "--sign",
            "--id-attr:ID",
            "urn:oasis:names:tc:SAML:2.0:protocol:Response",
            "--privkey-pem",
        ])
        .arg(&key_file)
        .arg(&document)
        .output()
        .expect("xmlsec1 is installed");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The exclusive canonical form by libxml2, of a document that has been made canonical already: it must not change.
fn canonical_by_xmllint(document: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("document.xml");
    fs::write(&path, document).expect("written");
    let output = Command::new("xmllint")
        .arg("--exc-c14n")
        .arg(&path)
        .output();
    String::from_utf8(output.expect("xmllint is installed").stdout).expect("UTF-8")
}

fn certificate(key: &PKey<Private>) -> X509 {
    let mut builder = X509::builder().expect("a builder");
    builder.set_pubkey(key).expect("the key");
    builder
        .set_not_before(&Asn1Time::days_from_now(0).expect("now"))
        .expect("begin");
    builder
        .set_not_after(&Asn1Time::days_from_now(1).expect("tomorrow"))
        .expect("end");
    builder.sign(key, MessageDigest::sha256()).expect("signed");
    builder.build()
}

fn curve(nid: Nid) -> PKey<Private> {
    let group = EcGroup::from_curve_name(nid).expect("a curve");
    PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key")
}

#[test]
fn what_xmlsec1_signs_is_verified_with_every_algorithm() {
    let sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";
    let sha384 = "http://www.w3.org/2001/04/xmldsig-more#sha384";
    let sha512 = "http://www.w3.org/2001/04/xmlenc#sha512";
    let (rsa, p256) = (SIGNER.key.clone(), curve(Nid::X9_62_PRIME256V1));
    let (p384, p521) = (curve(Nid::SECP384R1), curve(Nid::SECP521R1));
    for (algorithm, digest, key) in [
        (Algorithm::RsaSha256, sha256, &rsa),
        (Algorithm::RsaSha384, sha384, &rsa),
        (Algorithm::RsaSha512, sha512, &rsa),
        (Algorithm::EcdsaSha256, sha256, &p256),
        (Algorithm::EcdsaSha384, sha384, &p384),
        (Algorithm::EcdsaSha512, sha512, &p521),
        (Algorithm::EcdsaSha256, sha512, &p521),
    ] {
        let signed = sign(&template(algorithm, digest, ""), key);
        let certificates = [SIGNER.certificate.clone(), certificate(key)];
        let accepted = AcceptedAlgorithms::default();
        let authentic = authenticate_root(&signed, &certificates, &accepted).expect("verified");
        assert_eq!(authentic.algorithm(), algorithm);
        let others = AcceptedAlgorithms::only(&[Algorithm::RsaPssSha256]);
        assert_eq!(
            authenticate_root(&signed, &certificates, &others).map(|_| ()),
            Err(SignatureError::Algorithm)
        );
        assert_eq!(
            canonical_by_xmllint(authentic.element()),
            authentic.element()
        );
        assert!(authentic.read(&Limits::message()).is_ok());
    }
}

#[test]
fn what_the_signer_lists_as_inclusive_stays_declared() {
    let sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";
    let list = "<e:InclusiveNamespaces xmlns:e=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"xs\"/>";
    for (prefixes, declared) in [(list, true), ("", false)] {
        let signed = sign(
            &template(Algorithm::RsaSha256, sha256, prefixes),
            &SIGNER.key,
        );
        let certificates = std::slice::from_ref(&SIGNER.certificate);
        let authentic = authenticate_root(&signed, certificates, &AcceptedAlgorithms::default());
        let authentic = authentic.expect("verified");
        assert_eq!(authentic.element().contains("xmlns:xs="), declared);
    }
}

#[test]
fn keys_that_do_not_fit_are_told_from_signatures_that_do_not_hold() {
    let sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";
    let signed = sign(&template(Algorithm::RsaSha256, sha256, ""), &SIGNER.key);
    let weak = PKey::from_rsa(openssl::rsa::Rsa::generate(1024).expect("a key")).expect("a key");
    let by_weak = sign(&template(Algorithm::RsaSha256, sha256, ""), &weak);
    let accepted = AcceptedAlgorithms::default();
    for (document, key, expected) in [
        (
            &signed,
            curve(Nid::X9_62_PRIME256V1),
            SignatureError::UnfitKeys(1),
        ),
        (&by_weak, weak, SignatureError::UnfitKeys(1)),
        (&by_weak, SIGNER.key.clone(), SignatureError::Invalid),
    ] {
        let certificates = [certificate(&key)];
        assert_eq!(
            authenticate_root(document, &certificates, &accepted).map(|_| ()),
            Err(expected)
        );
    }
}
