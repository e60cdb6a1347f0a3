//! Warnings before a certificate expires (spec security KEY-11).

use std::collections::HashMap;

use openssl::x509::X509;
use time::{Duration, OffsetDateTime};

use super::Certificate;
use crate::config::Configuration;

/// Days before the end at which a warning is due.
const MARKS: [i64; 5] = [1, 3, 7, 14, 30];
const DAY: Duration = Duration::DAY;

/// Days that are left, rounded down; negative when it has expired.
pub fn days_left(not_after: OffsetDateTime, now: OffsetDateTime) -> i64 {
    (not_after - now)
        .whole_seconds()
        .div_euclid(DAY.whole_seconds())
}

/// A certificate that must not expire unnoticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// What it is for, as people call it.
    pub role: &'static str,
    /// Whose it is: the name of a trust, or a file.
    pub owner: String,
    /// SHA-1 in upper-case hexadecimal.
    pub thumbprint: String,
    /// End of its validity.
    pub not_after: OffsetDateTime,
}

impl Watched {
    /// One of a partner.
    fn of(role: &'static str, owner: &str, certificate: &X509) -> Option<Watched> {
        let certificate = Certificate::new(certificate.clone()).ok()?;
        Some(Watched {
            role,
            owner: owner.to_owned(),
            thumbprint: certificate.thumbprint().to_owned(),
            not_after: certificate.not_after(),
        })
    }
}

/// The TLS certificate, as far as it can be read, and those of every enabled trust.
pub fn watched(configuration: &Configuration) -> Vec<Watched> {
    let tls = &configuration.https.certificate;
    let own = std::fs::read(tls)
        .ok()
        .and_then(|pem| X509::from_pem(&pem).ok());
    let mut all: Vec<Watched> = own
        .and_then(|x509| Watched::of("TLS", &tls.display().to_string(), &x509))
        .into_iter()
        .collect();
    let parties = configuration.relying_parties.iter();
    for trust in parties.filter(|trust| trust.enabled) {
        let signing = trust.saml.request_signing_certificates.iter();
        let signing = signing.map(|one| ("request signing of a relying party", one));
        let encryption = trust.encryption_certificate.iter();
        let encryption = encryption.map(|one| ("encryption for a relying party", one));
        let watched = signing.chain(encryption);
        all.extend(watched.filter_map(|(role, one)| Watched::of(role, &trust.name, one)));
    }
    let providers = configuration.claims_providers.iter();
    for trust in providers.filter(|trust| trust.enabled) {
        let signing = trust.token_signing_certificates.iter();
        let role = "token signing of a claims provider";
        all.extend(signing.filter_map(|one| Watched::of(role, &trust.name, one)));
    }
    all
}

/// The mark that has been reached, if any: 30, 14, 7, 3 or 1 days; 0 when it has expired.
pub fn mark(not_after: OffsetDateTime, now: OffsetDateTime) -> Option<i64> {
    let left = not_after - now;
    if left <= Duration::ZERO {
        return Some(0);
    }
    MARKS
        .into_iter()
        .find(|mark| left <= DAY * i32::try_from(*mark).unwrap_or(i32::MAX))
}

/// Remembers what was said, so that each mark is said once, and once a day that a certificate has expired.
#[derive(Debug, Default)]
pub struct Warnings {
    said: HashMap<String, (i64, OffsetDateTime)>,
}

impl Warnings {
    /// Whether to warn now of the certificate with this thumbprint.
    pub fn is_due(
        &mut self,
        thumbprint: &str,
        not_after: OffsetDateTime,
        now: OffsetDateTime,
    ) -> bool {
        let Some(mark) = mark(not_after, now) else {
            self.said.remove(thumbprint);
            return false;
        };
        let due = self
            .said
            .get(thumbprint)
            .is_none_or(|(said, at)| mark < *said || (mark == 0 && now - *at >= DAY));
        if due {
            self.said.insert(thumbprint.to_owned(), (mark, now));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn each_mark_is_said_once_and_an_expired_certificate_every_day() {
        let end = datetime!(2026-12-31 12:00 UTC);
        let mut warnings = Warnings::default();
        let mut said = Vec::new();
        // Every twelve hours, from 40 days before the end to 3 days after it.
        for step in -80..=6 {
            let now = end + Duration::hours(12) * step;
            if warnings.is_due("AA", end, now) {
                said.push(days_left(end, now));
            }
        }
        assert_eq!(said, [30, 14, 7, 3, 1, 0, -1, -2, -3]);
        assert!(
            warnings.is_due("BB", end, end - Duration::days(5)),
            "another one"
        );
    }

    #[test]
    fn certificates_of_enabled_partners_and_tls_are_watched() {
        use crate::partner_metadata::test_support::{base64, pair_until};

        let folder = tempfile::tempdir().expect("a folder");
        let end = datetime!(2026-12-31 12:00 UTC);
        let [tls, signing, encryption, token] =
            [1, 2, 3, 4].map(|number| pair_until(number, end).1);
        let file = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        file("adfs.toml", crate::config::EXAMPLE.to_owned());
        file("secrets/directory-password", "x".to_owned());
        let path = folder.path().join("adfs.toml");
        let party = |name: &str, more: &str| {
            format!(
                "name = \"{name}\"\nidentifiers = [\"urn:{name}\"]\nws_fed_endpoint = \"https://{name}.test/\"\n{more}\
                 request_signing_certificate = \"{}\"\nencryption_certificate = \"{}\"\n",
                base64(&signing),
                base64(&encryption)
            )
        };
        file("trusts/relying-parties/a.toml", party("a", ""));
        file(
            "trusts/relying-parties/b.toml",
            party("b", "enabled = false\n"),
        );
        file(
            "trusts/claims-providers/c.toml",
            format!(
                "name = \"c\"\nidentifier = \"urn:c\"\nws_fed_endpoint = \"https://c.test/\"\ntoken_signing_certificate = \"{}\"\n",
                base64(&token)
            ),
        );
        let configuration = Configuration::load(&path).expect("a configuration");
        let pem = String::from_utf8(tls.to_pem().expect("PEM")).expect("text");
        std::fs::create_dir_all(configuration.https.certificate.parent().expect("a folder"))
            .expect("a folder");
        std::fs::write(&configuration.https.certificate, pem).expect("a file");
        let found = watched(&configuration);
        let owners: Vec<_> = found
            .iter()
            .skip(1)
            .map(|one| (one.role, one.owner.as_str()))
            .collect();
        assert_eq!(found[0].role, "TLS");
        assert_eq!(
            owners,
            [
                ("request signing of a relying party", "a"),
                ("encryption for a relying party", "a"),
                ("token signing of a claims provider", "c"),
            ]
        );
        assert!(found.iter().all(|one| one.not_after == end));
    }

    #[test]
    fn days_are_counted_down() {
        let end = datetime!(2026-12-31 12:00 UTC);
        for (hours_before, days, reached) in [
            (24 * 31, 31, None),
            (24 * 30, 30, Some(30)),
            (25, 1, Some(3)),
            (24, 1, Some(1)),
            (1, 0, Some(1)),
            (0, 0, Some(0)),
            (-1, -1, Some(0)),
        ] {
            let now = end - Duration::hours(hours_before);
            assert_eq!(
                (days_left(end, now), mark(end, now)),
                (days, reached),
                "{hours_before}"
            );
        }
    }
}
