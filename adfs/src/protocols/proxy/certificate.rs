//! Whether a certificate may become a proxy's trust certificate (spec proxy-integration 1.4, security PIP-2).

use std::cmp::min;

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::sha::sha256;
use openssl::x509::{X509, X509ExtendedKeyUsage, X509Ref};
use thiserror::Error;
use time::{Duration, OffsetDateTime};

use crate::store::NewProxyCertificate;

/// Largest certificate; one with an RSA key of 16,384 bits has half of it.
const MAX_DER: usize = 8 * 1024;
const MIN_RSA_BITS: u32 = 2048;
/// Checking signatures of longer keys is a burden that nobody needs.
const MAX_RSA_BITS: u32 = 8192;
/// The subject that proxies give their certificate, before the machine's name.
const SUBJECT_PREFIX: &str = "ADFS ProxyTrust - ";
const MAX_NAME: usize = 64;

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Unfit {
    #[error("it is not exactly one X.509 certificate in DER of at most 8 KiB")]
    NotACertificate,
    #[error("it has no extended key usage for client authentication (1.3.6.1.5.5.7.3.2)")]
    NotForClientAuthentication,
    #[error("it is not valid yet; compare the clocks of proxy and federation server")]
    NotYetValid,
    #[error("it has expired")]
    Expired,
    #[error("it is not signed by its own key")]
    NotSelfSigned,
    #[error("its key is not RSA of 2048 to 8192 bits or a curve of P-256, P-384 or P-521")]
    Key,
    #[error("its key is one of the federation service's own")]
    OwnKey,
}

/// Checks a certificate that somebody asks to trust from `now` on for `lifetime` at most. `own_keys` are the keys of
/// the federation service, as [`public_key_sha256`] gives them.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn check(
    der: &[u8],
    now: OffsetDateTime,
    lifetime: Duration,
    own_keys: &[[u8; 32]],
) -> Result<NewProxyCertificate, Unfit> {
    let malformed = |_: ErrorStack| Unfit::NotACertificate;
    if der.len() > MAX_DER {
        return Err(Unfit::NotACertificate);
    }
    let certificate = X509::from_der(der).map_err(malformed)?;
    // What is recognised later is the hash of what TLS presents; anything after the certificate would change it.
    if certificate.to_der().map_err(malformed)? != der {
        return Err(Unfit::NotACertificate);
    }
    let key = certificate.public_key().map_err(|_| Unfit::Key)?;
    if !acceptable(&key) {
        return Err(Unfit::Key);
    }
    if !is_self_signed(&certificate, &key) {
        return Err(Unfit::NotSelfSigned);
    }
    let usage = certificate
        .extended_key_usage()
        .unwrap_or(X509ExtendedKeyUsage::empty());
    if !usage.contains(X509ExtendedKeyUsage::SSL_CLIENT) {
        return Err(Unfit::NotForClientAuthentication);
    }
    let not_before = moment(certificate.not_before()).ok_or(Unfit::NotACertificate)?;
    let not_after = moment(certificate.not_after()).ok_or(Unfit::NotACertificate)?;
    if now < not_before {
        return Err(Unfit::NotYetValid);
    }
    if now >= not_after {
        return Err(Unfit::Expired);
    }
    let public_key_sha256 = public_key_sha256(&certificate).map_err(malformed)?;
    if own_keys.contains(&public_key_sha256) {
        return Err(Unfit::OwnKey);
    }
    let sha1 = certificate
        .digest(MessageDigest::sha1())
        .map_err(malformed)?;
    Ok(NewProxyCertificate {
        der: der.to_vec(),
        sha256: sha256(der),
        sha1: (*sha1).try_into().map_err(|_| Unfit::NotACertificate)?,
        public_key_sha256,
        name: name(&certificate),
        not_before,
        expires: min(not_after, now.saturating_add(lifetime)),
    })
}

/// SHA-256 of the certificate's SubjectPublicKeyInfo.
///
/// # Errors
/// When the certificate's key cannot be read.
pub(super) fn public_key_sha256(certificate: &X509Ref) -> Result<[u8; 32], ErrorStack> {
    Ok(sha256(&certificate.public_key()?.public_key_to_der()?))
}

fn acceptable(key: &PKey<Public>) -> bool {
    match key.id() {
        Id::RSA => (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&key.bits()),
        Id::EC => key.ec_key().is_ok_and(|key| {
            matches!(
                key.group().curve_name(),
                Some(Nid::X9_62_PRIME256V1 | Nid::SECP384R1 | Nid::SECP521R1)
            )
        }),
        _ => false,
    }
}

fn is_self_signed(certificate: &X509Ref, key: &PKey<Public>) -> bool {
    let same_name = certificate
        .subject_name()
        .try_cmp(certificate.issuer_name())
        .is_ok_and(std::cmp::Ordering::is_eq);
    same_name && certificate.verify(key).unwrap_or(false)
}

/// The machine's name, for people; it is the proxy's own word and proves nothing.
fn name(certificate: &X509Ref) -> String {
    let common_name = certificate
        .subject_name()
        .entries_by_nid(Nid::COMMONNAME)
        .next()
        .and_then(|entry| entry.data().to_string().ok())
        .unwrap_or_default();
    let machine = common_name
        .strip_prefix(SUBJECT_PREFIX)
        .unwrap_or(&common_name);
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    let name: String = machine.trim().chars().map(plain).take(MAX_NAME).collect();
    if name.is_empty() {
        "unnamed".to_owned()
    } else {
        name
    }
}

fn moment(time: &Asn1TimeRef) -> Option<OffsetDateTime> {
    let since_epoch = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    let days = Duration::days(since_epoch.days.into());
    OffsetDateTime::UNIX_EPOCH
        .checked_add(days)?
        .checked_add(Duration::seconds(since_epoch.secs.into()))
}

#[cfg(test)]
pub(super) mod tests {
    use openssl::bn::BigNum;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::pkey::Private;
    use openssl::rsa::Rsa;
    use openssl::x509::X509NameBuilder;
    use openssl::x509::extension::ExtendedKeyUsage;
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    pub(in super::super) const NOW: OffsetDateTime = datetime!(2026-01-10 00:00 UTC);
    const LIFETIME: Duration = Duration::days(15);

    /// A certificate to be made; what is not said is as it should be.
    pub(in super::super) struct Form {
        pub(in super::super) key: PKey<Private>,
        pub(in super::super) name: &'static str,
        pub(in super::super) issuer: Option<(&'static str, PKey<Private>)>,
        pub(in super::super) usage: Option<fn(&mut ExtendedKeyUsage) -> &mut ExtendedKeyUsage>,
        pub(in super::super) not_before: OffsetDateTime,
        pub(in super::super) not_after: OffsetDateTime,
    }

    pub(in super::super) fn elliptic(curve: Nid) -> PKey<Private> {
        PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(curve).unwrap()).unwrap())
            .unwrap()
    }

    impl Form {
        pub(in super::super) fn good() -> Form {
            Form {
                key: elliptic(Nid::X9_62_PRIME256V1),
                name: "ADFS ProxyTrust - wap01",
                issuer: None,
                usage: Some(ExtendedKeyUsage::client_auth),
                not_before: NOW - Duration::HOUR,
                not_after: NOW + Duration::days(10),
            }
        }

        pub(in super::super) fn der(&self) -> Vec<u8> {
            let name = |text: &str| {
                let mut name = X509NameBuilder::new().unwrap();
                name.append_entry_by_nid(Nid::COMMONNAME, text).unwrap();
                name.build()
            };
            let time =
                |moment: OffsetDateTime| Asn1Time::from_unix(moment.unix_timestamp()).unwrap();
            let mut builder = X509::builder().unwrap();
            builder.set_version(2).unwrap();
            builder
                .set_serial_number(&BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap())
                .unwrap();
            builder.set_subject_name(&name(self.name)).unwrap();
            builder
                .set_issuer_name(&name(
                    self.issuer.as_ref().map_or(self.name, |(name, _)| name),
                ))
                .unwrap();
            builder.set_pubkey(&self.key).unwrap();
            builder.set_not_before(&time(self.not_before)).unwrap();
            builder.set_not_after(&time(self.not_after)).unwrap();
            if let Some(usage) = self.usage {
                let mut extension = ExtendedKeyUsage::new();
                builder
                    .append_extension(usage(&mut extension).build().unwrap())
                    .unwrap();
            }
            let signer = self.issuer.as_ref().map_or(&self.key, |(_, key)| key);
            builder.sign(signer, MessageDigest::sha256()).unwrap();
            builder.build().to_der().unwrap()
        }
    }

    fn judge(form: &Form) -> Result<NewProxyCertificate, Unfit> {
        check(&form.der(), NOW, LIFETIME, &[])
    }

    fn rsa(bits: u32) -> PKey<Private> {
        PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
    }

    #[test]
    fn a_good_certificate_is_taken_with_its_name_and_times() {
        let form = Form::good();
        let new = judge(&form).unwrap();
        assert_eq!(new.name, "wap01");
        assert_eq!(
            (new.not_before, new.expires),
            (form.not_before, form.not_after)
        );
        assert_eq!(new.sha256, sha256(&new.der));
        assert!(
            judge(&Form {
                key: rsa(2048),
                ..Form::good()
            })
            .is_ok()
        );
    }

    #[test]
    fn trust_ends_before_a_certificate_that_lives_too_long() {
        let new = judge(&Form {
            not_after: NOW + Duration::days(3650),
            ..Form::good()
        })
        .unwrap();
        assert_eq!(new.expires, NOW + LIFETIME);
    }

    #[test]
    fn certificates_that_are_unfit_are_told_apart() {
        let good = Form::good;
        let cases = [
            (
                Form {
                    usage: None,
                    ..good()
                },
                Unfit::NotForClientAuthentication,
            ),
            (
                Form {
                    usage: Some(ExtendedKeyUsage::server_auth),
                    ..good()
                },
                Unfit::NotForClientAuthentication,
            ),
            (
                Form {
                    not_before: NOW + Duration::SECOND,
                    ..good()
                },
                Unfit::NotYetValid,
            ),
            (
                Form {
                    not_after: NOW,
                    ..good()
                },
                Unfit::Expired,
            ),
            (
                Form {
                    key: rsa(1024),
                    ..good()
                },
                Unfit::Key,
            ),
            (
                Form {
                    key: elliptic(Nid::X9_62_PRIME192V1),
                    ..good()
                },
                Unfit::Key,
            ),
            (
                Form {
                    key: PKey::generate_ed25519().unwrap(),
                    issuer: Some(("x", rsa(2048))),
                    ..good()
                },
                Unfit::Key,
            ),
            (
                Form {
                    issuer: Some(("another", elliptic(Nid::SECP384R1))),
                    ..good()
                },
                Unfit::NotSelfSigned,
            ),
            (
                Form {
                    issuer: Some((good().name, elliptic(Nid::SECP384R1))),
                    ..good()
                },
                Unfit::NotSelfSigned,
            ),
        ];
        for (form, problem) in cases {
            assert_eq!(judge(&form).err(), Some(problem));
        }
    }

    #[test]
    fn a_key_of_the_service_is_refused() {
        let der = Form::good().der();
        let own = public_key_sha256(&X509::from_der(&der).unwrap()).unwrap();
        assert_eq!(
            check(&der, NOW, LIFETIME, &[[0; 32], own]).err(),
            Some(Unfit::OwnKey)
        );
    }

    #[test]
    fn exactly_one_certificate_is_taken() {
        let der = Form::good().der();
        let twice = [der.as_slice(), &der].concat();
        let longer = [der.as_slice(), &[0]].concat();
        for broken in [
            &[][..],
            &der[..der.len() - 1],
            &longer,
            &twice,
            &[0x30; MAX_DER + 1],
            b"MIIB",
        ] {
            assert_eq!(
                check(broken, NOW, LIFETIME, &[]).err(),
                Some(Unfit::NotACertificate)
            );
        }
    }

    #[test]
    fn names_are_short_and_plain() {
        for (given, name) in [
            ("ADFS ProxyTrust - wap01.contoso.test", "wap01.contoso.test"),
            ("wap01", "wap01"),
            ("ADFS ProxyTrust - a\r\nb\u{202e}c d", "a__b_c_d"),
            ("ADFS ProxyTrust - ", "unnamed"),
        ] {
            assert_eq!(
                judge(&Form {
                    name: given,
                    ..Form::good()
                })
                .unwrap()
                .name,
                name
            );
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_judged(octets in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert!(check(&octets, NOW, LIFETIME, &[]).is_err());
        }

        #[test]
        fn a_certificate_with_a_changed_octet_is_never_taken(at in 0usize..1000, change in 1u8..) {
            let mut der = Form::good().der();
            let length = der.len();
            der[at % length] ^= change;
            prop_assert!(check(&der, NOW, LIFETIME, &[]).is_err());
        }
    }
}
