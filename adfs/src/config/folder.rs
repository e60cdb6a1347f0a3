//! Folders of files, one for each thing that is configured.

use std::path::{Path, PathBuf};

use super::error::{Place, Problem};

/// A folder with more files is a mistake.
const MAX_FILES: usize = 10_000;

/// The TOML files of a folder beside the configuration file, in the order of their names; none when there is no such
/// folder.
pub(super) fn toml_files(configuration: &Path, folder: &str) -> Result<Vec<PathBuf>, Box<Problem>> {
    toml_files_in(&configuration.parent().unwrap_or(Path::new("")).join(folder))
}

/// The TOML files of a folder, in the order of their names; none when there is no such folder.
pub(super) fn toml_files_in(folder: &Path) -> Result<Vec<PathBuf>, Box<Problem>> {
    let problem = |message: String, remedy: &str| {
        Box::new(Problem {
            place: Place::File {
                path: folder.to_owned(),
                line: None,
            },
            key: String::new(),
            message,
            remedy: remedy.to_owned(),
            excerpt: None,
        })
    };
    let unreadable = |error: std::io::Error| {
        problem(
            format!("the folder cannot be read ({error})"),
            "let the service's user read it",
        )
    };
    let entries = match std::fs::read_dir(folder) {
        // A server without relying parties is of little use, but it starts; they are added later.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(unreadable)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden
            && path
                .extension()
                .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    if files.len() > MAX_FILES {
        return Err(problem(
            format!("there are more than {MAX_FILES} files"),
            "name the folder that is meant",
        ));
    }
    files.sort();
    Ok(files)
}
