//! What happened in recent sign-ins, step by step, for the dashboard and for tests (spec cloud-scenario 1, lab rule 3).
//! No password, token or cookie ever enters a trace.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

const MAX_RUNS: usize = 50;
const MAX_STEPS: usize = 40;
/// Longer texts come from requests; the dashboard needs no more of them.
const MAX_TEXT: usize = 300;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mark {
    /// As it should.
    Passed,
    /// Refused; the run ends here.
    Refused,
    /// Worth a look.
    Noted,
}

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Step {
    /// Counts over all runs.
    pub(crate) sequence: u64,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) at: OffsetDateTime,
    /// Who did it.
    pub(crate) actor: &'static str,
    /// What happened.
    pub(crate) text: String,
    /// How it ended.
    pub(crate) mark: Mark,
}

/// One sign-in from its first request on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Run {
    /// `client-request-id`.
    pub(crate) id: Uuid,
    /// Who was named, first by hint, then by the token.
    pub(crate) user: Option<String>,
    /// In order.
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Default)]
struct Log {
    runs: VecDeque<Run>,
    sequence: u64,
}

/// The newest runs.
#[derive(Debug, Default)]
pub(crate) struct Trace(Mutex<Log>);

impl Trace {
    /// Adds a step; a run that is not known yet begins with it.
    pub(crate) fn add(
        &self,
        run: Uuid,
        at: OffsetDateTime,
        mark: Mark,
        actor: &'static str,
        text: impl Into<String>,
    ) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.sequence += 1;
        let step = Step {
            sequence: log.sequence,
            at,
            actor,
            text: shortened(text.into()),
            mark,
        };
        if let Some(known) = log.runs.iter_mut().find(|known| known.id == run) {
            if known.steps.len() < MAX_STEPS {
                known.steps.push(step);
            }
            return;
        }
        log.runs.push_front(Run {
            id: run,
            user: None,
            steps: vec![step],
        });
        log.runs.truncate(MAX_RUNS);
    }

    /// Says who the run is about.
    pub(crate) fn name(&self, run: Uuid, user: &str) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = log.runs.iter_mut().find(|known| known.id == run) {
            known.user = Some(shortened(user.to_owned()));
        }
    }

    /// Newest first.
    pub(crate) fn runs(&self) -> Vec<Run> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .runs
            .iter()
            .cloned()
            .collect()
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn keeps_the_newest_runs_and_bounded_text() {
        let trace = Trace::default();
        let at = datetime!(2026-01-01 12:00 UTC);
        for number in 0..60 {
            trace.add(
                Uuid::from_u128(number),
                at,
                Mark::Passed,
                "entra",
                "ä".repeat(1000),
            );
        }
        trace.add(Uuid::from_u128(59), at, Mark::Refused, "entra", "second");
        let runs = trace.runs();
        assert_eq!(runs.len(), MAX_RUNS);
        assert_eq!(runs[0].id, Uuid::from_u128(59));
        assert_eq!(
            runs[0]
                .steps
                .iter()
                .map(|step| step.sequence)
                .collect::<Vec<_>>(),
            [60, 61]
        );
        assert_eq!(runs[0].steps[0].text.chars().count(), MAX_TEXT + 1);
    }
}
