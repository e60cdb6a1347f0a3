//! Whose turn it is while a request goes out: a back end may be given up only for time that it had itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Since when the back end has had all that there is of a request; nothing while the end client is waited for, who has
/// a deadline of its own.
pub(super) struct Progress(Mutex<Option<Instant>>);

impl Progress {
    pub(super) fn new() -> Arc<Progress> {
        Arc::new(Progress(Mutex::new(Some(Instant::now()))))
    }

    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Ends when the back end has kept everybody waiting for `patience`.
    pub(super) async fn silence(&self, patience: Duration) {
        loop {
            let now = Instant::now();
            let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let due = since.unwrap_or(now) + patience;
            if due <= now {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

/// The body's side. When the body is dropped, at its end or because nobody wants the rest, it is the back end's turn.
pub(super) struct Report(pub(super) Arc<Progress>);

impl Report {
    /// Something has passed.
    pub(super) fn moved(&self) {
        self.0.set(Some(Instant::now()));
    }

    /// There is nothing to pass on yet.
    pub(super) fn waiting(&self) {
        self.0.set(None);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.moved();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn only_the_back_ends_own_time_counts() {
        let progress = Progress::new();
        let report = Report(progress.clone());
        let start = Instant::now();
        let upload = async {
            for _ in 0..10 {
                sleep(Duration::from_secs(9)).await;
                report.moved();
            }
            report.waiting();
            sleep(Duration::from_secs(25)).await;
            drop(report);
        };
        let ((), ()) = tokio::join!(progress.silence(PATIENCE), upload);
        assert_eq!(start.elapsed().as_secs(), 90 + 25 + 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_back_end_that_takes_nothing_is_given_up() {
        let progress = Progress::new();
        let report = Report(progress.clone());
        report.waiting();
        report.moved();
        let start = Instant::now();
        progress.silence(PATIENCE).await;
        assert_eq!(start.elapsed(), PATIENCE);
        drop(report);
    }
}
