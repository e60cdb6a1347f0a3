//! What is written to standard error: events, and one line for every request.

use std::net::IpAddr;
use std::time::Instant;

use http::{Method, StatusCode};
use tracing_subscriber::EnvFilter;
use uuid::Uuid;

use crate::config::{Log, LogFormat};
use crate::relay::BodyError;

/// Untrusted text is cut at this many characters.
const MAX_TEXT: usize = 256;

/// Starts writing. A second call in the same process (tests) changes nothing.
pub(crate) fn start(log: &Log) -> Result<(), String> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| {
        format!("log.filter: {:?} is no filter ({error}); write one such as \"info\" or \"wap=debug,info\"", log.filter)
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would complain on standard error about standard error, and panic there.
        .log_internal_errors(false)
        .with_ansi(false);
    let _ = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Text that a stranger sent, fit for a line: control characters escaped, and cut.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .take(MAX_TEXT)
        .flat_map(char::escape_default)
        .collect()
}

/// The line of one request. It holds no query, cookie or credential. Written when it is dropped.
pub(crate) struct AccessLine {
    pub(crate) activity_id: Uuid,
    pub(crate) client: IpAddr,
    pub(crate) method: Method,
    pub(crate) host: String,
    pub(crate) path: String,
    /// `service`, the name of an application, or `refused`.
    pub(crate) route: String,
    pub(crate) status: StatusCode,
    pub(crate) started: Instant,
    pub(crate) sent: u64,
    pub(crate) problem: Option<String>,
}

impl AccessLine {
    pub(crate) fn count(&mut self, bytes: usize) {
        self.sent = self
            .sent
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    pub(crate) fn broken(&mut self, error: &BodyError) {
        self.problem = Some(error.to_string());
    }
}

impl Drop for AccessLine {
    fn drop(&mut self) {
        tracing::info!(
            target: "access",
            activity_id = %self.activity_id,
            client = %self.client,
            method = self.method.as_str(),
            host = self.host,
            path = self.path,
            route = self.route,
            status = self.status.as_u16(),
            bytes = self.sent,
            milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            problem = self.problem.as_deref(),
            "request"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_cannot_write_lines_or_colours() {
        assert_eq!(printable("a\r\nb\u{1b}[31m"), "a\\r\\nb\\u{1b}[31m");
        assert_eq!(printable(&"x".repeat(1000)).len(), MAX_TEXT);
    }
}
