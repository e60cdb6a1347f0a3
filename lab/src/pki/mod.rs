//! The lab's own certification authority and the TLS certificates it issues, fresh for each state folder.
//!
//! Every subject names the organisation [`LAB_ORGANISATION`], so that nobody takes such a certificate for a real one.

use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslFiletype, SslMethod};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};
use thiserror::Error;

use crate::addresses::Addresses;

/// `O` of every subject.
pub const LAB_ORGANISATION: &str = "AD FS Lab - not for production";

const AUTHORITY_DAYS: u32 = 825;
const CERTIFICATE_DAYS: u32 = 397;
/// A certificate that ends sooner is issued anew at the next start.
const RENEW_DAYS: u32 = 30;

/// Why the lab has no certificates.
#[derive(Debug, Error)]
pub enum PkiError {
    /// A file of the state folder.
    #[error("{}: {source}; the state folder must be writable", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// OpenSSL.
    #[error("a certificate cannot be made: {0}")]
    Library(#[from] ErrorStack),
}

/// A certificate with its key, as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM; the certificate, then the authority's.
    pub certificate: PathBuf,
    /// PEM, mode 0600.
    pub private_key: PathBuf,
}

impl CertificateFiles {
    /// A TLS acceptor (Mozilla intermediate) that presents it.
    ///
    /// # Errors
    /// When OpenSSL does not take the files.
    pub fn acceptor(&self) -> Result<SslAcceptorBuilder, PkiError> {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        acceptor.set_certificate_chain_file(&self.certificate)?;
        acceptor.set_private_key_file(&self.private_key, SslFiletype::PEM)?;
        acceptor.check_private_key()?;
        Ok(acceptor)
    }
}

/// Everything that the lab's servers present.
#[derive(Debug, Clone)]
pub struct Pki {
    /// PEM of the authority that all clients trust.
    pub ca_file: PathBuf,
    /// The federation service's name, for `adfs` and `wap`.
    pub sts: CertificateFiles,
    /// The published applications' names, for `wap`.
    pub published: CertificateFiles,
    /// The cloud's names.
    pub cloud: CertificateFiles,
    /// The applications' names and `localhost`, for the back ends.
    pub backends: CertificateFiles,
    /// `localhost` and `127.0.0.1`, for LDAPS.
    pub directory: CertificateFiles,
}

impl Pki {
    /// Takes what the folder holds and issues what is missing, ends soon or has other names.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn open(folder: &Path, addresses: &Addresses) -> Result<Pki, PkiError> {
        fs::create_dir_all(folder).map_err(|source| PkiError::File {
            path: folder.to_owned(),
            source,
        })?;
        let authority = Authority::open(folder)?;
        let contoso = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| addresses.contoso(name)).collect()
        };
        let applications = contoso(&["app", "mail", "autodiscover"]);
        let local = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        Ok(Pki {
            sts: authority.certificate(folder, "sts", &contoso(&["sts", "certauth.sts"]))?,
            published: authority.certificate(folder, "published", &applications)?,
            cloud: authority.certificate(folder, "cloud", &addresses.cloud_hosts())?,
            backends: authority.certificate(
                folder,
                "backends",
                &[applications.as_slice(), &local].concat(),
            )?,
            directory: authority.certificate(folder, "directory", &local)?,
            ca_file: authority.file,
        })
    }
}

struct Authority {
    file: PathBuf,
    certificate: X509,
    key: PKey<Private>,
}

impl Authority {
    fn open(folder: &Path) -> Result<Authority, PkiError> {
        let (file, key_file) = (folder.join("ca.pem"), folder.join("ca.key.pem"));
        let known = fs::read(&file)
            .ok()
            .and_then(|pem| X509::from_pem(&pem).ok());
        let key = fs::read(&key_file)
            .ok()
            .and_then(|pem| PKey::private_key_from_pem(&pem).ok());
        if let (Some(certificate), Some(key)) = (known, key)
            && lasts(&certificate)?
            && certificate.public_key()?.public_eq(&key)
        {
            return Ok(Authority {
                file,
                certificate,
                key,
            });
        }
        let key = new_key()?;
        // The state folder's number keeps authorities of several labs apart in a browser's list.
        let name = subject(&format!("AD FS Lab CA {}", crate::random::guid()))?;
        let mut builder = begin(&name, &name, &key, AUTHORITY_DAYS)?;
        builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
        builder.append_extension(
            KeyUsage::new()
                .critical()
                .key_cert_sign()
                .crl_sign()
                .build()?,
        )?;
        let key_identifier =
            SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
        builder.append_extension(key_identifier)?;
        builder.sign(&key, MessageDigest::sha256())?;
        let certificate = builder.build();
        write(&key_file, 0o600, &key.private_key_to_pem_pkcs8()?)?;
        write(&file, 0o644, &certificate.to_pem()?)?;
        Ok(Authority {
            file,
            certificate,
            key,
        })
    }

    fn certificate(
        &self,
        folder: &Path,
        name: &str,
        hosts: &[String],
    ) -> Result<CertificateFiles, PkiError> {
        let files = CertificateFiles {
            certificate: folder.join(format!("{name}.pem")),
            private_key: folder.join(format!("{name}.key.pem")),
        };
        if !self.is_current(&files, hosts)? {
            self.issue(&files, hosts)?;
        }
        Ok(files)
    }

    fn is_current(&self, files: &CertificateFiles, hosts: &[String]) -> Result<bool, PkiError> {
        let certificate = fs::read(&files.certificate)
            .ok()
            .and_then(|pem| X509::from_pem(&pem).ok());
        let key = fs::read(&files.private_key)
            .ok()
            .and_then(|pem| PKey::private_key_from_pem(&pem).ok());
        let (Some(certificate), Some(key)) = (certificate, key) else {
            return Ok(false);
        };
        let ours = self.certificate.public_key()?;
        Ok(certificate.verify(&ours).unwrap_or(false)
            && certificate.public_key()?.public_eq(&key)
            && lasts(&certificate)?
            && names(&certificate) == hosts)
    }

    fn issue(&self, files: &CertificateFiles, hosts: &[String]) -> Result<(), PkiError> {
        let key = new_key()?;
        let first = hosts.first().map_or("localhost", String::as_str);
        let subject = subject(first)?;
        let mut builder = begin(
            &subject,
            self.certificate.subject_name(),
            &key,
            CERTIFICATE_DAYS,
        )?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
        let mut alternatives = SubjectAlternativeName::new();
        for host in hosts {
            if host.parse::<IpAddr>().is_ok() {
                alternatives.ip(host)
            } else {
                alternatives.dns(host)
            };
        }
        let context = builder.x509v3_context(Some(&self.certificate), None);
        let extensions = [
            alternatives.build(&context)?,
            SubjectKeyIdentifier::new().build(&context)?,
            AuthorityKeyIdentifier::new().keyid(true).build(&context)?,
        ];
        for extension in extensions {
            builder.append_extension(extension)?;
        }
        builder.sign(&self.key, MessageDigest::sha256())?;
        let chain = [builder.build().to_pem()?, self.certificate.to_pem()?].concat();
        write(&files.private_key, 0o600, &key.private_key_to_pem_pkcs8()?)?;
        write(&files.certificate, 0o644, &chain)
    }
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn subject(common_name: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::ORGANIZATIONNAME, LAB_ORGANISATION)?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(name.build())
}

fn begin(
    subject: &openssl::x509::X509NameRef,
    issuer: &openssl::x509::X509NameRef,
    key: &PKey<Private>,
    days: u32,
) -> Result<X509Builder, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let serial = serial.to_asn1_integer()?;
    let (from, until) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(days)?);
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&from)?;
    builder.set_not_after(&until)?;
    Ok(builder)
}

fn lasts(certificate: &X509) -> Result<bool, ErrorStack> {
    Ok(certificate.not_after() > Asn1Time::days_from_now(RENEW_DAYS)?)
}

fn names(certificate: &X509) -> Vec<String> {
    let alternatives = certificate.subject_alt_names().into_iter().flatten();
    alternatives
        .filter_map(|name| {
            let address = |bytes: &[u8]| {
                <[u8; 4]>::try_from(bytes)
                    .ok()
                    .map(|bytes| IpAddr::from(bytes).to_string())
            };
            name.dnsname()
                .map(str::to_owned)
                .or_else(|| name.ipaddress().and_then(address))
        })
        .collect()
}

/// Writes beside and renames, so that no reader ever sees half a key.
fn write(path: &Path, mode: u32, content: &[u8]) -> Result<(), PkiError> {
    let beside = path.with_extension("new");
    let attempt = || -> io::Result<()> {
        let _ = fs::remove_file(&beside);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&beside)?;
        file.write_all(content)?;
        fs::rename(&beside, path)
    };
    attempt().map_err(|source| PkiError::File {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
