//! xmlsec1 of Debian: signs our requests, verifies and decrypts what the federation server issued.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use openssl::x509::X509;
use roxmltree::Document;
use tempfile::TempDir;

use super::{ASSERTION, PROTOCOL};
use crate::token::DSIG;

/// Elements that the messages of this protocol name by `ID`.
const NAMED: [(&str, &str); 7] = [
    (PROTOCOL, "Response"),
    (PROTOCOL, "AuthnRequest"),
    (PROTOCOL, "LogoutRequest"),
    (PROTOCOL, "LogoutResponse"),
    (PROTOCOL, "ArtifactResolve"),
    (PROTOCOL, "ArtifactResponse"),
    (ASSERTION, "Assertion"),
];

/// How a request is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// As every trust expects unless told otherwise.
    RsaSha256,
    /// Old.
    RsaSha1,
}

impl Algorithm {
    /// Its URI.
    pub fn uri(self) -> &'static str {
        match self {
            Algorithm::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Algorithm::RsaSha1 => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        }
    }

    fn digest_uri(self) -> &'static str {
        match self {
            Algorithm::RsaSha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Algorithm::RsaSha1 => "http://www.w3.org/2000/09/xmldsig#sha1",
        }
    }
}

/// The element that xmlsec1 fills in.
pub fn template(id: &str, algorithm: Algorithm) -> String {
    format!(
        "<ds:Signature xmlns:ds=\"{DSIG}\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         <ds:SignatureMethod Algorithm=\"{}\"/><ds:Reference URI=\"#{id}\"><ds:Transforms>\
         <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
         <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{}\"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/>\
         </ds:Signature>",
        algorithm.uri(),
        algorithm.digest_uri()
    )
}

/// Fills in the one template of a document.
///
/// # Errors
/// When xmlsec1 does not.
pub fn sign(document: &str, key_pem: &[u8]) -> Result<String> {
    let work = Work::new(document)?;
    let key = work.file("key.pem", key_pem)?;
    let output = work.run(&["--sign", "--privkey-pem"], &key, &[])?;
    said(output)
}

/// Verifies the signature that is a child of the element with this id, and that it covers just that element.
///
/// # Errors
/// When it does not hold.
pub fn verify(document: &str, id: &str, certificate: &X509) -> Result<()> {
    let read = Document::parse(document).context("what was issued is not XML")?;
    let element = read
        .descendants()
        .find(|node| node.attribute("ID") == Some(id))
        .with_context(|| format!("nothing has the id {id}"))?;
    let signature = element
        .children()
        .find(|node| node.has_tag_name((DSIG, "Signature")))
        .with_context(|| format!("{id} carries no signature:\n{document}"))?;
    let references: Vec<_> = signature
        .descendants()
        .filter(|node| node.has_tag_name((DSIG, "Reference")))
        .map(|node| node.attribute("URI").unwrap_or_default())
        .collect();
    ensure!(
        references == [format!("#{id}")],
        "the signature of {id} covers {references:?}"
    );
    let work = Work::new(document)?;
    let pem = work.file("certificate.pem", &certificate.to_pem()?)?;
    let place = format!("//*[@ID='{id}']/*[local-name()='Signature']");
    let options = ["--node-xpath", place.as_str()];
    let arguments = [
        "--verify",
        "--enabled-key-data",
        "rsa,x509,key-value",
        "--pubkey-cert-pem",
    ];
    work.run(&arguments, &pem, &options).map(drop)
}

/// The document with its one `EncryptedData` replaced by what was in it.
///
/// # Errors
/// When the key does not open it.
pub fn decrypt(document: &str, key_pem: &[u8]) -> Result<String> {
    let work = Work::new(document)?;
    let key = work.file("key.pem", key_pem)?;
    let place = ["--node-xpath", "//*[local-name()='EncryptedData']"];
    said(work.run(&["--decrypt", "--privkey-pem"], &key, &place)?)
}

struct Work(TempDir);

impl Work {
    fn new(document: &str) -> Result<Work> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        fs::write(folder.path().join("document.xml"), document)?;
        Ok(Work(folder))
    }

    fn file(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        let path = self.0.path().join(name);
        fs::write(&path, content)?;
        Ok(path)
    }

    fn run(&self, what: &[&str], key: &PathBuf, options: &[&str]) -> Result<Output> {
        let mut command = Command::new("xmlsec1");
        command.args(what).arg(key);
        for (namespace, name) in NAMED {
            command
                .arg("--id-attr:ID")
                .arg(format!("{namespace}:{name}"));
        }
        let output = command
            .args(options)
            .arg(self.0.path().join("document.xml"))
            .output()
            .context("xmlsec1 cannot be run (Debian package xmlsec1)")?;
        ensure!(
            output.status.success(),
            "xmlsec1 {what:?} fails:\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(output)
    }
}

fn said(output: Output) -> Result<String> {
    String::from_utf8(output.stdout).context("xmlsec1 printed something else than text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::request::AuthnRequest;
    use crate::saml::service_provider::Identity;

    #[test]
    fn what_is_signed_here_holds_here_and_only_as_it_was() {
        let (identity, stranger) = (Identity::new("one").unwrap(), Identity::new("two").unwrap());
        let to = url::Url::parse("https://sts.example/adfs/ls/").unwrap();
        let request = AuthnRequest::new("urn:one&two", &to).with_content("<samlp:Extensions/>");
        for algorithm in [Algorithm::RsaSha256, Algorithm::RsaSha1] {
            let signed = request.signed_xml(&identity.key, algorithm).unwrap();
            verify(&signed, &request.id, &identity.certificate).unwrap();
            assert!(verify(&signed, &request.id, &stranger.certificate).is_err());
            let changed = signed.replacen("Extensions", "Extension", 1);
            assert!(verify(&changed, &request.id, &identity.certificate).is_err());
            let other = signed.replacen("urn:one", "urn:two", 1);
            assert!(verify(&other, &request.id, &identity.certificate).is_err());
        }
    }

    #[test]
    fn what_is_encrypted_to_a_key_opens_with_it_alone() {
        let (identity, stranger) = (Identity::new("one").unwrap(), Identity::new("two").unwrap());
        let work = Work::new("<a>secret</a>").unwrap();
        let certificate = work
            .file("certificate.pem", &identity.certificate.to_pem().unwrap())
            .unwrap();
        let template = work.file("template.xml", TEMPLATE.as_bytes()).unwrap();
        let output = Command::new("xmlsec1")
            .args(["--encrypt", "--session-key", "aes-256", "--xml-data"])
            .arg(work.0.path().join("document.xml"))
            .arg("--pubkey-cert-pem")
            .arg(certificate)
            .arg(template)
            .output()
            .unwrap();
        let encrypted = String::from_utf8(output.stdout).unwrap();
        assert!(encrypted.contains("CipherValue") && !encrypted.contains("secret"));
        let opened = decrypt(&encrypted, &identity.key_pem().unwrap()).unwrap();
        assert!(opened.contains("<a>secret</a>"), "{opened}");
        assert!(decrypt(&encrypted, &stranger.key_pem().unwrap()).is_err());
    }

    const TEMPLATE: &str = r#"<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element"><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes256-cbc"/><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><EncryptedKey xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"/><CipherData><CipherValue/></CipherData></EncryptedKey></KeyInfo><CipherData><CipherValue/></CipherData></EncryptedData>"#;
}
