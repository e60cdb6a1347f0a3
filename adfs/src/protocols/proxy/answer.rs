//! Answers of the control channel (spec proxy-integration 2.0).

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use federation::proxy::{ApiVersionError, Document, ErrorResponse, WireError, headers, write};
use serde::Serialize;
use thiserror::Error;

use super::certificate::Unfit;
use crate::store::StoreError;

/// What a call that succeeded answers.
#[derive(Debug)]
pub(super) enum Reply {
    /// Nothing but the status 200.
    Done,
    /// 200 with JSON.
    Json(Vec<u8>),
}

impl Reply {
    pub(super) fn json(document: &(impl Document + Serialize)) -> Result<Reply, Refused> {
        Ok(Reply::Json(write(document)?))
    }

    pub(super) fn response(self) -> HttpResponse {
        let mut response = uncached(StatusCode::OK);
        match self {
            Reply::Done => response.finish(),
            Reply::Json(json) => response
                .insert_header((header::CONTENT_TYPE, headers::JSON))
                .body(json),
        }
    }
}

/// Why a call is refused. The texts go to the caller; what only the administrator may know is in the audit.
#[derive(Debug, Error)]
pub(super) enum Refused {
    #[error(
        "the connection has no client certificate of a trusted proxy; install the proxy again if its trust has expired or was revoked"
    )]
    NotTrusted,
    #[error(
        "the certificate of this connection is not trusted, so it cannot be renewed; install the proxy again"
    )]
    RenewalNotTrusted,
    #[error("user name or password is wrong, or the account may not add proxies")]
    Credentials,
    #[error("too many failed attempts from this address; try again later")]
    TooManyAttempts {
        /// Seconds to wait.
        retry_after: u64,
    },
    #[error("the method is not supported here; supported: {allowed}")]
    Method {
        /// As the `Allow` header has it.
        allowed: &'static str,
    },
    #[error("{0}")]
    Version(#[from] ApiVersionError),
    #[error("{0}")]
    Malformed(String),
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    #[error("the certificate cannot be trusted: {0}")]
    Unfit(#[from] Unfit),
    #[error(
        "the certificate cannot be trusted: its key was revoked, or belongs to another proxy; make a new key"
    )]
    KeyInUse,
    #[error("{0} is not there")]
    Absent(&'static str),
    #[error("{0} is there already")]
    Exists(&'static str),
    #[error("there are too many {0}; remove some first")]
    Full(&'static str),
    #[error("the entry has been changed since the version that the request names; read it again")]
    OtherVersion,
    #[error("this server does not offer {0}")]
    NotOffered(&'static str),
    #[error("the federation service's directory does not answer; try again later")]
    Directory,
    #[error("the federation service failed; its log says why")]
    Store(#[from] StoreError),
    #[error("the federation service failed; its log says why")]
    Internal(String),
}

impl From<WireError> for Refused {
    fn from(error: WireError) -> Refused {
        Refused::Malformed(error.to_string())
    }
}

impl Refused {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Refused::NotTrusted | Refused::Credentials => StatusCode::UNAUTHORIZED,
            Refused::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Refused::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Refused::Version(error) => {
                StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            // A renewal that is not trusted is the one exception from 401 (spec 1.5, rule 2).
            Refused::RenewalNotTrusted
            | Refused::Malformed(_)
            | Refused::Unfit(_)
            | Refused::KeyInUse
            | Refused::Full(_) => StatusCode::BAD_REQUEST,
            Refused::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Refused::Absent(_) | Refused::NotOffered(_) => StatusCode::NOT_FOUND,
            Refused::Exists(_) => StatusCode::CONFLICT,
            Refused::OtherVersion => StatusCode::PRECONDITION_FAILED,
            Refused::Directory => StatusCode::SERVICE_UNAVAILABLE,
            Refused::Store(_) | Refused::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the log says: the message, and the cause that the caller is not told.
    pub(super) fn for_log(&self) -> String {
        match self {
            Refused::Store(error) => error.to_string(),
            Refused::Internal(error) => error.clone(),
            refused => refused.to_string(),
        }
    }

    pub(super) fn response(&self) -> HttpResponse {
        let status = self.status();
        let mut response = uncached(status);
        match self {
            Refused::Credentials => {
                response.insert_header((
                    header::WWW_AUTHENTICATE,
                    r#"Basic realm="proxy trust", charset="UTF-8""#,
                ));
            }
            Refused::TooManyAttempts { retry_after } => {
                response.insert_header((header::RETRY_AFTER, retry_after.to_string()));
            }
            Refused::Method { allowed } => {
                response.insert_header((header::ALLOW, *allowed));
            }
            _ => {}
        }
        let body = ErrorResponse {
            id: status.as_u16().into(),
            message: self.to_string(),
            kind: String::new(),
        };
        match write(&body) {
            Ok(json) => response
                .insert_header((header::CONTENT_TYPE, headers::JSON))
                .body(json),
            Err(_) => response.finish(),
        }
    }
}

fn uncached(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"));
    response
}
