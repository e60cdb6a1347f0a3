//! Extranet smart lockout: when guessing a password from outside ends (spec passive-sign-in 7.3, security 2.8).

use time::Duration;

use super::access_control::Network;
use super::reader::Section;

/// The properties of extranet lockout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtranetLockout {
    /// Whether attempts are counted at all (EnableExtranetLockout).
    pub enabled: bool,
    /// What happens at the threshold (ExtranetLockoutMode). `None`: log-only during the first week of an installation,
    /// so that an administrator sees what it would do, and then enforced.
    pub mode: Option<LockoutMode>,
    /// Wrong passwords from addresses that are not familiar (ExtranetLockoutThreshold).
    pub threshold: u32,
    /// Wrong passwords from familiar addresses (ExtranetLockoutThresholdFamiliarLocation).
    pub threshold_familiar_location: u32,
    /// How long after the last wrong password another attempt is allowed (ExtranetObservationWindow).
    pub observation_window: Duration,
    /// Addresses whose sign-ins are refused before a password is looked at (BannedIpList).
    pub banned: Vec<Network>,
}

/// Values of ExtranetLockoutMode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockoutMode {
    /// One counter, no familiar addresses.
    AdPasswordCounter,
    /// Counts and tells, refuses nobody.
    LogOnly,
    /// Refuses.
    Enforce,
}

const THRESHOLD: u32 = 10;
const WINDOW_MINUTES: u32 = 30;
const DAY_MINUTES: u32 = 24 * 60;
/// As AD FS has it where lockout never happens.
const NEVER: u32 = i32::MAX.unsigned_abs();

pub(super) fn extranet_lockout(section: &mut Section<'_>) -> ExtranetLockout {
    let enabled = section.flag("enable_extranet_lockout", true);
    let threshold = section.number("extranet_lockout_threshold", 1..=NEVER, THRESHOLD);
    let threshold_familiar_location = section.number(
        "extranet_lockout_threshold_familiar_location",
        1..=NEVER,
        THRESHOLD,
    );
    let observation_window = section.minutes(
        "extranet_observation_window",
        1..=DAY_MINUTES,
        WINDOW_MINUTES,
    );
    const MODE: &str = "extranet_lockout_mode";
    let expected =
        "\"ADFSSmartLockoutEnforce\", \"ADFSSmartLockoutLogOnly\" or \"ADPasswordCounter\"";
    let mode = section.text(MODE, expected).and_then(|found| {
        section.check(MODE, found, expected, |text| match text.as_str() {
            "ADFSSmartLockoutEnforce" => Ok(LockoutMode::Enforce),
            "ADFSSmartLockoutLogOnly" => Ok(LockoutMode::LogOnly),
            "ADPasswordCounter" => Ok(LockoutMode::AdPasswordCounter),
            _ => Err(format!("{text:?} is no mode of extranet lockout")),
        })
    });
    // Attempts are counted in the store and not read from a domain controller, so there is none to require.
    section.flag("extranet_lockout_require_pdc", true);
    const BANNED: &str = "banned_ip_list";
    let expected =
        "a list of addresses and ranges, for example [\"203.0.113.7\", \"198.51.100.0/24\"]";
    let banned = section
        .find::<Vec<String>>(BANNED, expected)
        .and_then(|found| {
            section.check(BANNED, found, expected, |texts| {
                texts.iter().map(|text| network(text)).collect()
            })
        })
        .map(|found| found.value)
        .unwrap_or_default();
    ExtranetLockout {
        enabled,
        mode: mode.map(|found| found.value),
        threshold,
        threshold_familiar_location,
        observation_window,
        banned,
    }
}

/// A range, or one address.
fn network(text: &str) -> Result<Network, String> {
    let range = match text.parse::<std::net::IpAddr>() {
        Ok(address @ std::net::IpAddr::V4(_)) => format!("{address}/32"),
        Ok(address @ std::net::IpAddr::V6(_)) => format!("{address}/128"),
        Err(_) => text.to_owned(),
    };
    range.parse()
}
