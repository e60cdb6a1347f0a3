//! Verification of XML signatures by software that is not ours: xmlsec1 of Debian, and signxml for Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use openssl::x509::X509;
use serde::Deserialize;
use tempfile::TempDir;

use crate::paths::repository;

/// What signxml says was signed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Signed {
    /// Local name of the signed element.
    pub element: String,
    /// Its id.
    pub id: String,
}

/// A document and the one certificate that it is to be verified with.
#[derive(Debug)]
pub struct Evidence {
    folder: TempDir,
}

impl Evidence {
    /// Writes both where the verifiers can read them.
    ///
    /// # Errors
    /// When there is no room.
    pub fn new(document: &str, certificate: &X509) -> Result<Evidence> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        fs::write(folder.path().join("document.xml"), document)?;
        fs::write(folder.path().join("certificate.pem"), certificate.to_pem()?)?;
        Ok(Evidence { folder })
    }

    fn document(&self) -> PathBuf {
        self.folder.path().join("document.xml")
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// `xmlsec1 --verify`. `id` names the id attribute and the element that has it, as `AssertionID` and
    /// `urn:oasis:names:tc:SAML:1.0:assertion:Assertion`.
    ///
    /// # Errors
    /// When the signature does not hold; the message is the tool's.
    pub fn verify_with_xmlsec1(&self, id: (&str, &str)) -> Result<()> {
        let (attribute, element) = id;
        let output = Command::new("xmlsec1")
            .args([
                "--verify",
                "--enabled-key-data",
                "rsa,x509,key-value",
                "--pubkey-cert-pem",
            ])
            .arg(self.certificate())
            .arg(format!("--id-attr:{attribute}"))
            .arg(element)
            .arg(self.document())
            .output()
            .context("xmlsec1 cannot be run (Debian package xmlsec1)")?;
        succeeded("xmlsec1", &output)
    }

    /// signxml's `XMLVerifier`.
    ///
    /// # Errors
    /// When the signature does not hold; the message is the library's.
    pub fn verify_with_signxml(&self) -> Result<Signed> {
        let output = Command::new(python()?)
            .arg(repository().join("tests/python/verify.py"))
            .arg(self.document())
            .arg(self.certificate())
            .output()
            .context("Python cannot be run")?;
        succeeded("signxml", &output)?;
        serde_json::from_slice(&output.stdout).context("verify.py printed something else than JSON")
    }
}

/// The certificate in the first `X509Certificate` below `document`'s own signature.
///
/// # Errors
/// When there is none.
pub fn embedded_certificate(document: &str) -> Result<X509> {
    use base64::Engine as _;

    let read = roxmltree::Document::parse(document)?;
    let signature = read
        .root_element()
        .children()
        .find(|node| node.has_tag_name((crate::token::DSIG, "Signature")))
        .context("the document has no signature of its own")?;
    let text = crate::token::descendant(signature, crate::token::DSIG, "X509Certificate")?
        .text()
        .unwrap_or_default();
    let der = base64::engine::general_purpose::STANDARD
        .decode(text)
        .context("the certificate is not base64 on one line")?;
    X509::from_der(&der).context("the certificate cannot be read")
}

/// The interpreter of the virtual environment that `make test` prepares.
pub(crate) fn python() -> Result<PathBuf> {
    let path: &Path = &repository().join(".venv/bin/python");
    ensure!(
        path.exists(),
        "{} is missing; `make setup` installs the Python verifiers",
        path.display()
    );
    Ok(path.to_owned())
}

fn succeeded(tool: &str, output: &Output) -> Result<()> {
    ensure!(
        output.status.success(),
        "{tool} refuses the signature:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
