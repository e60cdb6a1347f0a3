//! Times as Active Directory stores them: 100 ns since 1601-01-01 UTC ([MS-DTYP] 2.3.3).

use time::OffsetDateTime;

/// 1601-01-01 to 1970-01-01 in 100 ns.
const UNIX_EPOCH: i128 = 116_444_736_000_000_000;

/// A time attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileTime {
    /// 0 or the largest number: nothing is set, or it never happens.
    Never,
    /// At this moment.
    At(OffsetDateTime),
}

impl FileTime {
    /// Reads the attribute's text. `None`: it is no time, and whoever asks must take the worst for true.
    pub(super) fn parse(text: &str) -> Option<FileTime> {
        match text.parse::<i64>().ok()? {
            0 | i64::MAX => Some(FileTime::Never),
            ..0 => None,
            ticks => {
                let nanoseconds = (i128::from(ticks) - UNIX_EPOCH) * 100;
                match OffsetDateTime::from_unix_timestamp_nanos(nanoseconds) {
                    Ok(instant) => Some(FileTime::At(instant)),
                    // Beyond the year 9999.
                    Err(_) => Some(FileTime::Never),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_and_their_limits() {
        for (text, expected) in [
            ("0", Some(FileTime::Never)),
            ("9223372036854775807", Some(FileTime::Never)),
            ("9223372036854775806", Some(FileTime::Never)),
            (
                "116444736000000000",
                Some(FileTime::At(datetime!(1970-01-01 00:00 UTC))),
            ),
            (
                "133485408000000000",
                Some(FileTime::At(datetime!(2024-01-01 00:00 UTC))),
            ),
            (
                "1",
                Some(FileTime::At(datetime!(1601-01-01 00:00:00.0000001 UTC))),
            ),
            ("-1", None),
            ("-9223372036854775808", None),
            ("9223372036854775808", None),
            ("", None),
            ("1e9", None),
            ("20240101000000Z", None),
        ] {
            assert_eq!(FileTime::parse(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_number_is_read_without_overflow(ticks in any::<i64>()) {
            prop_assert_eq!(FileTime::parse(&ticks.to_string()).is_some(), ticks >= 0);
        }
    }
}
