#![forbid(unsafe_code)]
//! The proxy's program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    wap::cli::run()
}
