//! Why the control channel failed, and what to do about it.

use std::error::Error;
use std::path::PathBuf;

use federation::proxy::WireError;
use hyper_util::client::legacy;
use openssl::error::ErrorStack;
use thiserror::Error;

use crate::trust::TrustError;

/// A failed exchange with the federation server.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// No connection.
    #[error(
        "the federation service cannot be reached at {address} ({reason}); check that it runs, and federation_service.connect in the configuration"
    )]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// The server's certificate is not accepted, or it does not accept ours.
    #[error(
        "the TLS handshake with the federation service at {address} failed ({reason}); check that federation_service.ca_file holds the authority that issued its certificate and that the certificate carries federation_service.name"
    )]
    Tls {
        /// Host and port.
        address: String,
        /// What the library says.
        reason: String,
    },
    /// No answer in time.
    #[error(
        "the federation service at {address} did not answer within {seconds} s; try again, or look at its log"
    )]
    Silent {
        /// Host and port.
        address: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The connection ended in the middle.
    #[error(
        "the federation service at {address} broke off its answer ({reason}); try again, or look at its log"
    )]
    Broken {
        /// Host and port.
        address: String,
        /// What happened.
        reason: String,
    },
    /// Credentials that cannot be sent.
    #[error("the credentials cannot be used: {0}")]
    Credentials(&'static str),
    /// The administrator was not let in.
    #[error(
        "the federation service refused the credentials of {user:?}; check name and password, and that the account may add proxies"
    )]
    CredentialsRefused {
        /// As typed.
        user: String,
    },
    /// The server does not know our certificate.
    #[error(
        "the federation service does not trust this proxy (its certificate is unknown, expired or revoked); run `wap install` again"
    )]
    TrustRefused,
    /// Another proxy wrote at the same time.
    #[error("another proxy changed the published applications at the same time; try again")]
    Conflict,
    /// Another status.
    #[error(
        "{doing} failed: the federation service at {address} answered {status} ({detail}); look at its log"
    )]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// Host and port.
        address: String,
        /// HTTP status code.
        status: u16,
        /// Start of the answer, escaped.
        detail: String,
    },
    /// An answer that is not what the protocol says.
    #[error("the federation service answered something else than expected: {0}")]
    Answer(#[from] WireError),
    /// The file of authorities.
    #[error("{}: certificates of authorities cannot be read ({reason}); the file must hold PEM", path.display())]
    CaFile {
        /// File.
        path: PathBuf,
        /// What the library says.
        reason: ErrorStack,
    },
    /// Our own certificate.
    #[error(transparent)]
    Identity(#[from] TrustError),
    /// The cryptographic library failed.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] ErrorStack),
    /// A request that could not be built.
    #[error("a request to the federation service could not be built: {0}")]
    Internal(String),
}

impl ServiceError {
    pub(super) fn internal(error: impl Error) -> ServiceError {
        ServiceError::Internal(error.to_string())
    }

    pub(super) fn of_client(address: String, error: &legacy::Error) -> ServiceError {
        let reason = reason(error);
        if !error.is_connect() {
            return ServiceError::Broken { address, reason };
        }
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(current) = cause {
            if current.is::<openssl::ssl::Error>() {
                return ServiceError::Tls { address, reason };
            }
            cause = current.source();
        }
        ServiceError::Unreachable { address, reason }
    }

    /// Whether trying again later, without anybody doing anything, may help.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            ServiceError::Unreachable { .. }
                | ServiceError::Silent { .. }
                | ServiceError::Broken { .. }
                | ServiceError::Conflict
        ) || matches!(self, ServiceError::Refused { status: 500.., .. })
    }
}

/// The innermost causes of an error in one line; the outer layers of the client say only "client error".
pub(crate) fn reason(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(current) = cause {
        let text = current.to_string();
        if parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        cause = current.source();
    }
    if parts.is_empty() {
        error.to_string()
    } else {
        parts.join(": ")
    }
}
