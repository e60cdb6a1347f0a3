//! When token certificates are replaced: the rollover properties of `[properties]` (spec passive-sign-in 9).

use time::Duration;

use super::reader::Section;

/// How token-signing and token-decrypting certificates are renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateRollover {
    /// Whether this service makes and rotates them itself (AutoCertificateRollover).
    pub automatic: bool,
    /// Validity of new ones (CertificateDuration).
    pub duration: Duration,
    /// That long before the primary one expires its successor is made, as secondary (CertificateGenerationThreshold).
    pub generation_threshold: Duration,
    /// A successor is published for that long before it becomes primary (CertificatePromotionThreshold).
    pub promotion_threshold: Duration,
    /// When only that is left of the primary one, a successor is promoted at once (CertificateCriticalThreshold).
    pub critical_threshold: Duration,
    /// Time between two looks at the certificates (CertificateRolloverInterval).
    pub interval: Duration,
}

impl Default for CertificateRollover {
    fn default() -> CertificateRollover {
        CertificateRollover {
            automatic: true,
            duration: Duration::days(365),
            generation_threshold: Duration::days(20),
            promotion_threshold: Duration::days(5),
            critical_threshold: Duration::days(2),
            interval: Duration::minutes(720),
        }
    }
}

const DAY_MINUTES: u32 = 24 * 60;
const TEN_YEARS: u32 = 3660;

pub(super) fn certificate_rollover(section: &mut Section<'_>) -> CertificateRollover {
    let automatic = section.flag("auto_certificate_rollover", true);
    let multiplier = section.number(
        "certificate_threshold_multiplier",
        1..=DAY_MINUTES,
        DAY_MINUTES,
    );
    let unit = Duration::minutes(multiplier.into());
    let mut units = |key, most, default| {
        // At most ten years of days, so that the product stays far from every limit of its type.
        unit * i32::try_from(section.number(key, 1..=most, default)).unwrap_or(i32::MAX)
    };
    let duration = units("certificate_duration", TEN_YEARS, 365);
    let generation_threshold = units("certificate_generation_threshold", TEN_YEARS, 20);
    let promotion_threshold = units("certificate_promotion_threshold", TEN_YEARS, 5);
    let critical_threshold = units("certificate_critical_threshold", TEN_YEARS, 2);
    let interval = section.minutes("certificate_rollover_interval", 1..=7 * DAY_MINUTES, 720);
    if generation_threshold >= duration
        || promotion_threshold + critical_threshold > generation_threshold
    {
        section.complain_about_all(
            "the rollover thresholds do not fit one another".to_owned(),
            "choose them so that certificate_promotion_threshold + certificate_critical_threshold \
             <= certificate_generation_threshold < certificate_duration",
        );
    }
    CertificateRollover {
        automatic,
        duration,
        generation_threshold,
        promotion_threshold,
        critical_threshold,
        interval,
    }
}
