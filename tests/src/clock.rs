//! The tests' own view of the time.

use std::time::Duration;

use time::OffsetDateTime;

/// Longest time that a program may take to start before a test gives up. Not a performance limit: machines that build and
/// test at once are slow.
pub const START_LIMIT: Duration = Duration::from_secs(60);

/// Between two looks at something that has no way to say that it changed.
pub const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Now, in UTC.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests stand outside the programs and have a clock of their own"
)]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
