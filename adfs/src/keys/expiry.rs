//! Warnings before a certificate expires (spec security KEY-11).

use std::collections::HashMap;

use openssl::error::ErrorStack;
use openssl::x509::X509;
use time::{Duration, OffsetDateTime};

use super::Certificate;

/// Days before the end at which a warning is due.
const MARKS: [i64; 5] = [1, 3, 7, 14, 30];
const DAY: Duration = Duration::DAY;

/// Days that are left, rounded down; negative when it has expired.
pub fn days_left(not_after: OffsetDateTime, now: OffsetDateTime) -> i64 {
    (not_after - now)
        .whole_seconds()
        .div_euclid(DAY.whole_seconds())
}

/// End of the validity of the first certificate in a PEM file.
///
/// # Errors
/// When it is no certificate.
pub fn end_of_pem(pem: &[u8]) -> Result<OffsetDateTime, ErrorStack> {
    Ok(Certificate::new(X509::from_pem(pem)?)?.not_after())
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
