//! Why a request that was let through has no answer.

use std::error::Error;
use std::io;

use http::StatusCode;
use hyper_util::client::legacy;
use thiserror::Error;

use super::BodyError;
use crate::service::reason;

/// A failed relay. Its text is for the log; end users see the status's page.
#[derive(Debug, Error)]
pub enum RelayError {
    /// Too much under way to the federation server.
    #[error("too many requests to the federation service are under way")]
    Busy,
    /// No connection.
    #[error("no connection to {address}: {reason}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the system or the TLS library says.
        reason: String,
    },
    /// No answer in time.
    #[error("{address} did not begin its answer within {seconds} s")]
    Silent {
        /// Host and port.
        address: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The end client sent too much.
    #[error("the request's body is longer than {0} bytes")]
    TooLarge(u64),
    /// The end client stopped in the middle.
    #[error("the request's body did not arrive: {0}")]
    Unfinished(String),
    /// The end client's body breaks the rules of HTTP.
    #[error("the request's body is malformed: {0}")]
    Malformed(String),
    /// The connection broke, or what came was not HTTP.
    #[error("no valid answer from {address}: {reason}")]
    Invalid {
        /// Host and port.
        address: String,
        /// What happened.
        reason: String,
    },
    /// 101 that nobody asked for, or the like.
    #[error("the back end switched protocols in a way that was not asked for")]
    Upgrade,
    /// Cannot happen: the target is normalised.
    #[error("the target has no URI form: {0}")]
    Target(String),
}

impl RelayError {
    /// Status of the page; `service` tells whether the federation server was asked.
    pub fn status(&self, service: bool) -> StatusCode {
        match self {
            RelayError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            RelayError::Unreachable { .. } if service => StatusCode::SERVICE_UNAVAILABLE,
            RelayError::Silent { .. } => StatusCode::GATEWAY_TIMEOUT,
            RelayError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            RelayError::Unfinished(_) => StatusCode::REQUEST_TIMEOUT,
            RelayError::Malformed(_) | RelayError::Target(_) => StatusCode::BAD_REQUEST,
            RelayError::Unreachable { .. } | RelayError::Invalid { .. } | RelayError::Upgrade => {
                StatusCode::BAD_GATEWAY
            }
        }
    }

    pub(super) fn of_client(address: &str, error: &legacy::Error) -> RelayError {
        match BodyError::within(error) {
            Some(BodyError::TooLarge(limit)) => return RelayError::TooLarge(*limit),
            Some(cut) if cut.is_malformed() => return RelayError::Malformed(reason(cut)),
            Some(cut) => return RelayError::Unfinished(cut.to_string()),
            None => {}
        }
        let (address, reason) = (address.to_owned(), reason(error));
        if error.is_connect() {
            RelayError::Unreachable { address, reason }
        } else {
            RelayError::Invalid { address, reason }
        }
    }
}

/// Whether the connection was found closed rather than the answer found wrong.
pub(super) fn is_stale(error: &legacy::Error) -> bool {
    if error.is_connect() || BodyError::within(error).is_some() {
        return false;
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(error) = current.downcast_ref::<hyper::Error>()
            && (error.is_incomplete_message() || error.is_canceled() || error.is_closed())
        {
            return true;
        }
        if let Some(error) = current.downcast_ref::<io::Error>() {
            use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
            return matches!(
                error.kind(),
                BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
            );
        }
        cause = current.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_its_page() {
        let unreachable = RelayError::Unreachable {
            address: "a".to_owned(),
            reason: "b".to_owned(),
        };
        assert_eq!(unreachable.status(true), 503);
        assert_eq!(unreachable.status(false), 502);
        assert_eq!(
            RelayError::Silent {
                address: "a".to_owned(),
                seconds: 1
            }
            .status(false),
            504
        );
        assert_eq!(RelayError::TooLarge(1).status(true), 413);
        assert_eq!(RelayError::Unfinished("x".to_owned()).status(true), 408);
    }
}
