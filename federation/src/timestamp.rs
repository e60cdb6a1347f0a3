//! Times as AD FS writes them.

use time::{OffsetDateTime, UtcOffset};

/// `instant` in UTC with milliseconds and `Z`: `2026-01-31T09:05:00.007Z` (spec passive-sign-in 2.5). What is below a
/// millisecond is cut off, so that a time never moves into the future.
pub fn timestamp(instant: OffsetDateTime) -> String {
    let utc = instant.to_offset(UtcOffset::UTC);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        utc.year(),
        u8::from(utc.month()),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second(),
        utc.millisecond()
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_are_utc_with_milliseconds_cut_off() {
        for (instant, text) in [
            (
                datetime!(2026-01-31 09:05:00 UTC),
                "2026-01-31T09:05:00.000Z",
            ),
            (
                datetime!(2026-01-31 09:05:00.0079999 UTC),
                "2026-01-31T09:05:00.007Z",
            ),
            (
                datetime!(2026-01-01 00:30:00 +02:00),
                "2025-12-31T22:30:00.000Z",
            ),
            (
                datetime!(0033-04-03 15:00:00 UTC),
                "0033-04-03T15:00:00.000Z",
            ),
        ] {
            assert_eq!(timestamp(instant), text);
        }
    }
}
