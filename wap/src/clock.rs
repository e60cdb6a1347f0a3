//! The one source of time.

use time::OffsetDateTime;

/// Now, in UTC.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that asks the machine"
)]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
