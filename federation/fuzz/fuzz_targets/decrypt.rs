//! Any text as an encrypted element.
#![no_main]

#[path = "../checks/decryption.rs"]
mod decryption;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &str| decryption::check(document));
