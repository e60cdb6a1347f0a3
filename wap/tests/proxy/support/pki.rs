//! A certification authority.

use std::path::{Path, PathBuf};

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};

pub(crate) struct Pki {
    folder: PathBuf,
    key: PKey<Private>,
    certificate: X509,
}

impl Pki {
    pub(crate) fn new(folder: &Path) -> Pki {
        let key = key();
        let mut builder = builder("Test CA", &key);
        builder
            .append_extension(BasicConstraints::new().critical().ca().build().unwrap())
            .unwrap();
        let subject = name("Test CA");
        builder.set_issuer_name(&subject).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let certificate = builder.build();
        std::fs::write(folder.join("ca.pem"), certificate.to_pem().unwrap()).unwrap();
        Pki {
            folder: folder.to_owned(),
            key,
            certificate,
        }
    }

    /// Writes `file.pem` and `file.key` for some hosts.
    pub(crate) fn issue(&self, file: &str, hosts: &[&str]) -> (PathBuf, PathBuf) {
        let key = key();
        let mut builder = builder(hosts[0], &key);
        let mut names = SubjectAlternativeName::new();
        for host in hosts {
            match host.parse::<std::net::IpAddr>() {
                Ok(_) => names.ip(host),
                Err(_) => names.dns(host),
            };
        }
        let names = names
            .build(&builder.x509v3_context(Some(&self.certificate), None))
            .unwrap();
        builder.append_extension(names).unwrap();
        builder
            .set_issuer_name(self.certificate.subject_name())
            .unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        let paths = (self.path(file, "pem"), self.path(file, "key"));
        std::fs::write(&paths.0, builder.build().to_pem().unwrap()).unwrap();
        std::fs::write(&paths.1, key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        paths
    }

    pub(crate) fn path(&self, file: &str, extension: &str) -> PathBuf {
        self.folder.join(format!("{file}.{extension}"))
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.path("ca", "pem")
    }
}

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn name(common: &str) -> openssl::x509::X509Name {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, common).unwrap();
    name.build()
}

fn builder(common: &str, key: &PKey<Private>) -> X509Builder {
    let mut serial = BigNum::new().unwrap();
    serial
        .rand(100, openssl::bn::MsbOption::MAYBE_ZERO, false)
        .unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder
        .set_serial_number(&serial.to_asn1_integer().unwrap())
        .unwrap();
    builder.set_subject_name(&name(common)).unwrap();
    builder.set_pubkey(key).unwrap();
    builder
        .set_not_before(&Asn1Time::days_from_now(0).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::days_from_now(2).unwrap())
        .unwrap();
    builder
}
