//! Certificates of partners in trust files: as text or by the name of a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::x509::X509;
use serde::Deserialize;

use super::reader::Section;

/// No certificate file is larger.
const MAX_BYTES: u64 = 64 * 1024;
/// Most certificates that one trust may have for one purpose.
const MAX_CERTIFICATES: usize = 16;

/// What stands in a file for [`certificates`] and for [`certificate`].
pub(super) const EXPECTED: &str = "a certificate as PEM or base64 text, or the name of a file beside the trust file that holds one";

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// All certificates of a setting; problems are noted.
pub(super) fn certificates(section: &mut Section<'_>, key: &'static str) -> Vec<X509> {
    let Some(found) = section.find::<OneOrMore>(key, EXPECTED) else {
        return Vec::new();
    };
    let texts = match found.value {
        OneOrMore::One(text) if text.is_empty() => Vec::new(),
        OneOrMore::One(text) => vec![text],
        OneOrMore::More(texts) => texts,
    };
    if texts.len() > MAX_CERTIFICATES {
        let message = format!("there are more than {MAX_CERTIFICATES} certificates");
        section.complain(
            key,
            &found.at,
            message,
            "remove those that are not used any more".to_owned(),
        );
        return Vec::new();
    }
    let folder = section.document.path.with_file_name("");
    let mut certificates = Vec::new();
    for text in texts {
        match read(&text, &folder) {
            Ok(certificate) => certificates.push(certificate),
            Err(message) => {
                section.complain(key, &found.at, message, format!("write {EXPECTED}"));
            }
        }
    }
    certificates
}

/// The one certificate of a setting.
pub(super) fn certificate(section: &mut Section<'_>, key: &'static str) -> Option<X509> {
    certificates(section, key).pop()
}

fn read(text: &str, folder: &Path) -> Result<X509, String> {
    if text.contains("-----BEGIN") {
        return X509::from_pem(text.as_bytes())
            .map_err(|_| "this is no certificate in PEM".to_owned());
    }
    let compact: String = text.split_ascii_whitespace().collect();
    if let Ok(der) = STANDARD.decode(&compact)
        && let Ok(certificate) = X509::from_der(&der)
    {
        return Ok(certificate);
    }
    let path = folder.join(text);
    let mut octets = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut octets));
    read.map_err(|error| {
        format!(
            "this is no certificate, and no file: {}: {error}",
            path.display()
        )
    })?;
    X509::from_pem(&octets)
        .or_else(|_| X509::from_der(&octets))
        .map_err(|_| format!("{} holds no certificate", path.display()))
}
