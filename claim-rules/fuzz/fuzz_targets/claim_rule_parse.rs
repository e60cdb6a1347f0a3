//! Any text as rules.
#![no_main]

#[path = "../checks/parsing.rs"]
mod parsing;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| parsing::check(text));
