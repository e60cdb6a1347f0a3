//! What can go wrong with the store.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// The store cannot be opened or does not answer.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file cannot be made, or its mode cannot be set.
    #[error("the store {} cannot be made private to its owner: {reason}; check that the folder exists and belongs to the service's user", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// No file.
    #[error("there is no store at {}; it is made when the server first starts with this configuration", .path.display())]
    Absent {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The database engine cannot open the file.
    #[error("the store {} cannot be opened: {reason}; is it a store of this program, and may this user write it and its folder?", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        reason: sqlx::Error,
    },
    /// The tables cannot be brought up to date.
    #[error("the tables of the store {} cannot be brought up to date: {reason}; was it used by a newer version of this program?", .path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        reason: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("the store could not {action}: {reason}")]
    Query {
        /// What was tried, as a verb with its object.
        action: &'static str,
        /// What the engine said.
        reason: sqlx::Error,
    },
    /// A row does not have the form that this program writes.
    #[error(
        "the store holds {what} that this program cannot have written; restore it from a backup"
    )]
    Damaged {
        /// Which value.
        what: &'static str,
    },
}

impl StoreError {
    /// Adds what was tried, for `map_err`.
    pub(super) fn query(action: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
        move |reason| StoreError::Query { action, reason }
    }
}
