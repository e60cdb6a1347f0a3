//! Audience and time (spec cloud-scenario 2.5, row 7).

use time::{Duration, OffsetDateTime};

use super::Authentic;
use crate::cloud::refusal::Refusal;

/// How far two clocks may stand apart.
pub(crate) const SKEW: Duration = Duration::minutes(5);

/// Whether the token is meant for `audience` and valid at `now`.
///
/// # Errors
/// 50008 with the reason.
pub(crate) fn check_conditions(
    token: &Authentic,
    audience: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let assertion = token.assertion();
    if !assertion.audiences.iter().any(|named| named == audience) {
        return Err(Refusal::invalid_token(
            "audience",
            format!("its audience is not '{audience}'"),
        ));
    }
    let (from, until) = (assertion.not_before, assertion.not_on_or_after);
    if from >= until {
        return Err(Refusal::invalid_token(
            "time",
            "its validity ends before it begins",
        ));
    }
    if now < from.saturating_sub(SKEW) {
        return Err(Refusal::invalid_token(
            "not_yet_valid",
            format!("it is valid from {from}, and it is {now}"),
        ));
    }
    if now >= until.saturating_add(SKEW) {
        return Err(Refusal::invalid_token(
            "expired",
            format!("it was valid until {until}, and it is {now}"),
        ));
    }
    Ok(())
}
