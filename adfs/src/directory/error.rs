//! Why a directory gave no answer.

use std::path::PathBuf;

use thiserror::Error;

/// No answer from a directory. None of these says anything about a user or a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DirectoryError {
    /// The authorities' file does not serve.
    #[error("{}: the authorities that certify directory {directory:?} cannot be read ({reason}); it must be PEM", path.display())]
    Authorities {
        /// Section of the configuration.
        directory: String,
        /// File named there.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// TLS or a pool cannot be set up.
    #[error("connections to directory {directory:?} cannot be prepared: {reason}")]
    Setup {
        /// Section of the configuration.
        directory: String,
        /// What is wrong.
        reason: String,
    },
    /// No server answers.
    #[error(
        "directory {directory:?} cannot be reached: {reason}; start it or correct `servers` and `ca_file`"
    )]
    Unavailable {
        /// Section of the configuration.
        directory: String,
        /// The last failure, with the server's address.
        reason: String,
    },
    /// All servers failed moments ago; nothing was sent.
    #[error(
        "directory {directory:?} could not be reached moments ago and is given time to recover"
    )]
    Recovering {
        /// Section of the configuration.
        directory: String,
    },
    /// The account that searches may not.
    #[error(
        "directory {directory:?} does not take the service account: {reason}; correct `bind_dn` and its password"
    )]
    ServiceAccount {
        /// Section of the configuration.
        directory: String,
        /// The server's result.
        reason: String,
    },
    /// A server said no to an operation.
    #[error("directory {directory:?} refuses the operation: {reason}")]
    Refused {
        /// Section of the configuration.
        directory: String,
        /// The server's result.
        reason: String,
    },
    /// The time for the whole request is over.
    #[error("directory {directory:?} did not answer in time")]
    Timeout {
        /// Section of the configuration.
        directory: String,
    },
    /// More entries than a query may return.
    #[error("the query finds more than {limit} entries; make its filter narrower")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
    /// An account cannot be told from others.
    #[error(
        "the entry {dn:?} of directory {directory:?} has no usable {attribute}; name attributes that every account has in [directories.{directory}.attributes]"
    )]
    NoIdentifier {
        /// Section of the configuration.
        directory: String,
        /// Name of the entry.
        dn: String,
        /// Attribute that should identify it.
        attribute: String,
    },
    /// There is no directory at all.
    #[error("no directory is configured")]
    NoDirectory,
    /// The filter cannot be sent.
    #[error("{0:?} is not an LDAP filter (RFC 4515)")]
    Filter(String),
    /// The attribute name cannot be sent.
    #[error("{0:?} cannot be the name of an attribute")]
    Attribute(String),
    /// No directory has the domain.
    #[error("no directory is configured for {0:?}; compare `net_bios_name` and `dns_name`")]
    UnknownDomain(String),
}
