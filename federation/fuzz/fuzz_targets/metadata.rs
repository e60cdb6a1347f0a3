//! Any text as a partner's metadata.
#![no_main]

#[path = "../checks/metadata.rs"]
mod metadata;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &str| metadata::check(document));
