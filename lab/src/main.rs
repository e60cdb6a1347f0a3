#![forbid(unsafe_code)]
//! The lab's program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::cli::run()
}
