//! Throw-away certificates.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};

/// An authority and a server certificate of it, for `localhost`.
pub(crate) struct Certificates {
    authority: X509,
    server: X509,
    key: PKey<Private>,
}

impl Certificates {
    pub(crate) fn for_name(name: &str) -> Certificates {
        Certificates::make(name).expect("certificates")
    }

    fn make(name: &str) -> Result<Certificates, ErrorStack> {
        let authority_key = key()?;
        let mut builder = builder("Lab authority", &authority_key)?;
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        let subject = builder_name("Lab authority")?;
        builder.set_issuer_name(&subject)?;
        builder.sign(&authority_key, MessageDigest::sha256())?;
        let authority = builder.build();

        let key = key()?;
        let mut builder = self::builder(name, &key)?;
        builder.set_issuer_name(authority.subject_name())?;
        let names = SubjectAlternativeName::new()
            .dns(name)
            .build(&builder.x509v3_context(Some(&authority), None))?;
        builder.append_extension(names)?;
        builder.sign(&authority_key, MessageDigest::sha256())?;
        Ok(Certificates {
            authority,
            server: builder.build(),
            key,
        })
    }

    /// PEM of the authority.
    pub(crate) fn authority(&self) -> Vec<u8> {
        self.authority.to_pem().expect("PEM")
    }

    pub(crate) fn acceptor(&self) -> SslAcceptor {
        let mut builder =
            SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("an acceptor");
        builder.set_private_key(&self.key).expect("a key");
        builder
            .set_certificate(&self.server)
            .expect("a certificate");
        builder.build()
    }
}

fn key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn builder_name(name: &str) -> Result<openssl::x509::X509Name, ErrorStack> {
    let mut subject = X509NameBuilder::new()?;
    subject.append_entry_by_nid(Nid::COMMONNAME, name)?;
    Ok(subject.build())
}

fn builder(name: &str, key: &PKey<Private>) -> Result<X509Builder, ErrorStack> {
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let mut serial = BigNum::new()?;
    serial.rand(64, openssl::bn::MsbOption::ONE, false)?;
    let serial = serial.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    let subject = builder_name(name)?;
    builder.set_subject_name(&subject)?;
    builder.set_pubkey(key)?;
    let (from, to) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(2)?);
    builder.set_not_before(&from)?;
    builder.set_not_after(&to)?;
    Ok(builder)
}
