#![forbid(unsafe_code)]
//! The federation server's program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    adfs::cli::run()
}
