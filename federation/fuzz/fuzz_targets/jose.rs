//! Any text as a signed token and as a set of keys.
#![no_main]

#[path = "../checks/signed_json.rs"]
mod signed_json;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| signed_json::check(text));
