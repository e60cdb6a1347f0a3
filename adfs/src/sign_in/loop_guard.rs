//! Loop detection (spec passive-sign-in 6.4): a browser that got five tokens in twenty seconds is caught between an
//! application that refuses the token and us, who gladly make another.

use time::OffsetDateTime;

use super::Refusal;
use crate::config::LoopDetection;

/// Tokens that one browser got since a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenCount {
    /// First token of the window.
    pub since: OffsetDateTime,
    /// Tokens since then.
    pub tokens: u32,
}

/// Counts one more token. `limit` is `None` when the guard is off.
///
/// # Errors
/// [`Refusal::Loop`] when the window is full.
pub fn count_token(
    before: Option<TokenCount>,
    limit: Option<LoopDetection>,
    now: OffsetDateTime,
) -> Result<TokenCount, Refusal> {
    let first = TokenCount {
        since: now,
        tokens: 1,
    };
    let (Some(before), Some(limit)) = (before, limit) else {
        return Ok(first);
    };
    // A time in the future is a clock that was set back, or an invention; both begin anew.
    if before.since > now || now - before.since >= limit.time_interval {
        return Ok(first);
    }
    if before.tokens >= limit.maximum_tokens_issued_in_interval {
        return Err(Refusal::Loop);
    }
    Ok(TokenCount {
        since: before.since,
        tokens: before.tokens.saturating_add(1),
    })
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_sixth_token_within_the_window_is_refused_and_the_next_window_begins_anew() {
        let limit = Some(LoopDetection {
            time_interval: Duration::seconds(20),
            maximum_tokens_issued_in_interval: 5,
        });
        let start = datetime!(2026-01-01 00:00 UTC);
        let mut count = None;
        for second in 0..5 {
            count = count_token(count, limit, start + Duration::seconds(second)).ok();
            assert!(count.is_some());
        }
        assert_eq!(
            count_token(count, limit, start + Duration::seconds(19)),
            Err(Refusal::Loop)
        );
        let later = start + Duration::seconds(20);
        assert_eq!(
            count_token(count, limit, later),
            Ok(TokenCount {
                since: later,
                tokens: 1
            })
        );
        assert!(count_token(count, None, start + Duration::seconds(19)).is_ok());
    }
}
