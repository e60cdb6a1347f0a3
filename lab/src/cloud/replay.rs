//! Each assertion is taken once (spec cloud-scenario 2.5, row 8).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use super::refusal::Refusal;

const MAX_REMEMBERED: usize = 20_000;

/// Ids of assertions that were taken, for as long as each would still be valid.
#[derive(Debug, Default)]
pub(crate) struct Replays(Mutex<HashMap<(String, String), OffsetDateTime>>);

impl Replays {
    /// Takes the assertion, or refuses it when it was taken before.
    ///
    /// # Errors
    /// 50008; also when too many are remembered, since a forgotten one could come again.
    pub(crate) fn take(
        &self,
        issuer: &str,
        id: &str,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (issuer.to_owned(), id.to_owned());
        if taken.get(&key).is_some_and(|until| *until > now) {
            return Err(Refusal::invalid_token(
                "replayed",
                format!("the assertion '{id}' has been used before"),
            ));
        }
        if taken.len() >= MAX_REMEMBERED {
            taken.retain(|_, until| *until > now);
            if taken.len() >= MAX_REMEMBERED {
                return Err(Refusal::invalid_token(
                    "replay_memory",
                    "too many assertions are remembered, try again later",
                ));
            }
        }
        taken.insert(key, until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn once_and_not_again_while_it_is_valid() {
        let now = datetime!(2026-01-01 12:00 UTC);
        let until = now + Duration::minutes(60);
        let replays = Replays::default();
        replays.take("i", "_a", until, now).unwrap();
        assert_eq!(
            replays.take("i", "_a", until, now).unwrap_err().sub,
            Some("replayed")
        );
        replays.take("i", "_b", until, now).unwrap();
        replays.take("other", "_a", until, now).unwrap();
    }

    #[test]
    fn a_full_memory_refuses_until_old_ones_have_ended() {
        let now = datetime!(2026-01-01 12:00 UTC);
        let until = now + Duration::minutes(60);
        let replays = Replays::default();
        for number in 0..MAX_REMEMBERED {
            replays.take("i", &number.to_string(), until, now).unwrap();
        }
        assert_eq!(
            replays.take("i", "one more", until, now).unwrap_err().sub,
            Some("replay_memory")
        );
        replays
            .take("i", "one more", until + Duration::hours(2), until)
            .unwrap();
    }
}
