use std::path::PathBuf;

use federation::xml::ReadError;
use thiserror::Error;

use super::{MAX_BYTES, MAX_TRUSTS};
use crate::config::ConfigError;

/// Why nothing could be imported or changed.
#[derive(Debug, Error)]
pub enum ImportError {
    /// A file or folder.
    #[error("{}: cannot {what} ({source})", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was tried, ending the sentence "cannot ...".
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The export is larger than [`MAX_BYTES`].
    #[error("the export has more than {MAX_BYTES} bytes; export fewer trusts at once")]
    TooLarge,
    /// The export has more than [`MAX_TRUSTS`] objects.
    #[error("the export has more than {MAX_TRUSTS} trusts; export fewer at once")]
    TooMany,
    /// Neither UTF-8 nor UTF-16.
    #[error(
        "the export is not {encoding} text at byte {offset}; export again, for example with `... | ConvertTo-Json -Depth 5 | \
         Out-File -Encoding utf8 FILE`"
    )]
    Encoding {
        /// What it seemed to be.
        encoding: &'static str,
        /// The first octet that does not fit.
        offset: usize,
    },
    /// No JSON, or too much of it.
    #[error("the export is not JSON as ConvertTo-Json writes it: {0}")]
    Json(#[source] serde_json::Error),
    /// No XML, or XML that is never accepted.
    #[error("the export is not XML as Export-Clixml writes it: {0}")]
    Xml(#[from] ReadError),
    /// XML, but no Clixml.
    #[error("the export is not XML as Export-Clixml writes it: line {line}: {what}")]
    Clixml {
        /// From 1.
        line: u32,
        /// What is wrong there.
        what: &'static str,
    },
    /// Text that is none of the forms.
    #[error(
        "the file is neither JSON (ConvertTo-Json -Depth 5) nor XML (Export-Clixml) nor claim rules: {0}"
    )]
    NotRecognised(String),
    /// Rules alone say nothing about the trust that they are for.
    #[error(
        "the file holds claim rules alone; say which trust they are for with --name and --identifier"
    )]
    RulesAlone,
    /// An export without a single object.
    #[error("there is no trust in the export")]
    Empty,
    /// The trusts as they would be do not load.
    #[error("nothing was changed, since afterwards {0}")]
    Configuration(#[from] ConfigError),
    /// The random generator, for names of unfinished files.
    #[error("no random name could be made: {0}")]
    Random(#[from] openssl::error::ErrorStack),
}
