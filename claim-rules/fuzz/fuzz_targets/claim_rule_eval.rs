//! Any rules on any claims.
#![no_main]

#[path = "../checks/evaluation.rs"]
mod evaluation;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| evaluation::check(input));
