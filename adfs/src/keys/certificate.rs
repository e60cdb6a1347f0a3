//! Token certificates (spec passive-sign-in 9).

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};
use time::{Duration, OffsetDateTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BITS: u32 = 2048;
/// Longest common name of X.509 (RFC 5280 appendix A, `ub-common-name`).
const MAX_COMMON_NAME: usize = 64;

/// `CertificateType` of AD FS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CertificateType {
    /// Signs tokens and metadata.
    TokenSigning,
    /// Claims providers encrypt to it.
    TokenDecrypting,
}

impl CertificateType {
    /// Both.
    pub const ALL: [CertificateType; 2] = [
        CertificateType::TokenSigning,
        CertificateType::TokenDecrypting,
    ];

    /// The name that AD FS's cmdlets use.
    pub const fn name(self) -> &'static str {
        match self {
            CertificateType::TokenSigning => "Token-Signing",
            CertificateType::TokenDecrypting => "Token-Decrypting",
        }
    }

    pub(super) const fn file_stem(self) -> &'static str {
        match self {
            CertificateType::TokenSigning => "token-signing",
            CertificateType::TokenDecrypting => "token-decrypting",
        }
    }

    fn common_name(self, host_name: &str) -> String {
        let role = match self {
            CertificateType::TokenSigning => "Signing",
            CertificateType::TokenDecrypting => "Encryption",
        };
        // The name is for people; nothing finds or trusts the certificate by it, so a very long host name may be cut.
        format!("ADFS {role} - {host_name}")
            .chars()
            .take(MAX_COMMON_NAME)
            .collect()
    }
}

/// A certificate with what people and documents want to know of it.
#[derive(Debug, Clone)]
pub struct Certificate {
    x509: X509,
    base64: String,
    thumbprint: String,
    subject: String,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl Certificate {
    pub(super) fn new(x509: X509) -> Result<Certificate, ErrorStack> {
        let digest = x509.digest(MessageDigest::sha1())?;
        let thumbprint = digest.iter().map(|octet| format!("{octet:02X}")).collect();
        let subject = x509.subject_name().entries().map(|entry| {
            let name = entry.object().nid().short_name().unwrap_or("?");
            let value = entry.data().to_string().unwrap_or_default();
            format!("{name}={value}")
        });
        Ok(Certificate {
            base64: STANDARD.encode(x509.to_der()?),
            thumbprint,
            subject: subject.collect::<Vec<_>>().join(", "),
            not_before: instant(x509.not_before())?,
            not_after: instant(x509.not_after())?,
            x509,
        })
    }

    pub(super) fn x509(&self) -> &X509 {
        &self.x509
    }

    /// DER in base64, in one line.
    pub fn base64(&self) -> &str {
        &self.base64
    }

    /// SHA-1 of the DER in upper-case hexadecimal, by which AD FS and Windows name certificates. A name, not a proof.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Distinguished name of the subject.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Begin of its validity.
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// End of its validity.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// PEM.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn to_pem(&self) -> Result<String, ErrorStack> {
        Ok(String::from_utf8_lossy(&self.x509.to_pem()?).into_owned())
    }

    /// DER.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn to_der(&self) -> Result<Vec<u8>, ErrorStack> {
        self.x509.to_der()
    }
}

/// A new key, and a self-signed certificate over it that is valid from now on, for `duration`.
pub(super) fn make(
    role: CertificateType,
    host_name: &str,
    now: OffsetDateTime,
    duration: Duration,
) -> Result<(PKey<Private>, X509), ErrorStack> {
    let key = PKey::from_rsa(Rsa::generate(BITS)?)?;
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, &role.common_name(host_name))?;
    let name = name.build();
    let mut serial = BigNum::new()?;
    // 127 bits with the top one set: positive, and never shorter than it looks (RFC 5280 section 4.1.2.2).
    serial.rand(127, MsbOption::ONE, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let serial = serial.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    let not_before = Asn1Time::from_unix(now.unix_timestamp())?;
    let not_after = Asn1Time::from_unix((now.saturating_add(duration)).unix_timestamp())?;
    builder.set_not_before(&not_before)?;
    builder.set_not_after(&not_after)?;
    builder.set_pubkey(&key)?;
    builder.sign(&key, MessageDigest::sha256())?;
    Ok((key, builder.build()))
}

fn instant(time: &Asn1TimeRef) -> Result<OffsetDateTime, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(OffsetDateTime::UNIX_EPOCH
        + Duration::days(since.days.into())
        + Duration::seconds(since.secs.into()))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const YEAR: Duration = Duration::days(365);

    #[test]
    fn certificates_look_like_those_of_ad_fs() {
        let now = datetime!(2026-11-25 12:00:07 UTC);
        let (key, x509) =
            make(CertificateType::TokenSigning, "sts.contoso.test", now, YEAR).expect("made");
        assert!(x509.verify(&key).expect("checked"), "self-signed");
        assert_eq!(
            x509.signature_algorithm().object().nid(),
            Nid::SHA256WITHRSAENCRYPTION
        );
        assert!(
            !x509
                .to_text()
                .map(|text| String::from_utf8_lossy(&text).contains("extensions"))
                .expect("text")
        );
        let certificate = Certificate::new(x509).expect("read");
        assert_eq!(certificate.subject(), "CN=ADFS Signing - sts.contoso.test");
        assert_eq!(certificate.not_before(), now);
        assert_eq!(certificate.not_after(), datetime!(2027-11-25 12:00:07 UTC));
        assert_eq!(certificate.thumbprint().len(), 40);
        assert_eq!(key.bits(), 2048);
    }

    #[test]
    fn a_long_host_name_does_not_keep_a_certificate_from_being_made() {
        let host_name = format!("{}.contoso.test", "x".repeat(60));
        let (_, x509) = make(
            CertificateType::TokenDecrypting,
            &host_name,
            OffsetDateTime::UNIX_EPOCH,
            YEAR,
        )
        .expect("made");
        let certificate = Certificate::new(x509).expect("read");
        assert_eq!(
            certificate.subject(),
            format!("CN=ADFS Encryption - {}", "x".repeat(46))
        );
    }
}
