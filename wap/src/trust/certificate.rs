//! Making the certificate.

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use openssl::x509::{X509, X509NameBuilder};
use time::OffsetDateTime;

use super::TrustIdentity;

/// Clocks of proxy and server differ a little; a certificate that starts now would be refused by a server that is late.
const SKEW_SECONDS: i64 = 300;
/// Upper bound of a common name (RFC 5280, ub-common-name).
const COMMON_NAME: usize = 64;

pub(super) fn make(
    machine: &str,
    minutes: u32,
    now: OffsetDateTime,
) -> Result<TrustIdentity, ErrorStack> {
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let subject: String = format!("ADFS ProxyTrust - {machine}")
        .chars()
        .take(COMMON_NAME)
        .collect();
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, &subject)?;
    let name = name.build();
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let first = now.unix_timestamp().saturating_sub(SKEW_SECONDS);
    let last = now
        .unix_timestamp()
        .saturating_add(i64::from(minutes).saturating_mul(60));

    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(serial.to_asn1_integer()?.as_ref())?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_pubkey(&key)?;
    builder.set_not_before(Asn1Time::from_unix(first)?.as_ref())?;
    builder.set_not_after(Asn1Time::from_unix(last)?.as_ref())?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?;
    builder.sign(&key, MessageDigest::sha256())?;
    Ok(TrustIdentity {
        key,
        certificate: builder.build(),
    })
}

pub(super) fn moment(time: &Asn1TimeRef) -> Option<OffsetDateTime> {
    let epoch = Asn1Time::from_unix(0).ok()?;
    let since = epoch.diff(time).ok()?;
    let seconds = i64::from(since.days) * 86_400 + i64::from(since.secs);
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn it_is_what_the_protocol_asks_for() {
        let now = datetime!(2026-01-01 00:00 UTC);
        let identity = make("wap01.contoso.com", 21_600, now).unwrap();
        let (first, last) = identity.validity().unwrap();
        assert_eq!(first, datetime!(2025-12-31 23:55 UTC));
        assert_eq!(last, datetime!(2026-01-16 00:00 UTC));
        let certificate = identity.certificate();
        let name = certificate.subject_name().entries().next().unwrap();
        assert_eq!(
            name.data().to_string().unwrap(),
            "ADFS ProxyTrust - wap01.contoso.com"
        );
        assert!(
            certificate.verify(identity.key()).unwrap(),
            "signed by itself"
        );
        assert_eq!(certificate.public_key().unwrap().bits(), 2048);
        let text = String::from_utf8(certificate.to_text().unwrap()).unwrap();
        assert!(text.contains("TLS Web Client Authentication"), "{text}");
    }

    #[test]
    fn a_long_machine_name_is_cut_rather_than_refused() {
        assert!(make(&"x".repeat(200), 1, datetime!(2026-01-01 00:00 UTC)).is_ok());
    }
}
