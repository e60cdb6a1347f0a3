//! Any text as an artifact, and as an envelope with a request for one.
#![no_main]

#[expect(dead_code, reason = "others check the rest")]
#[path = "../checks/bindings.rs"]
mod bindings;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| bindings::artifact(text));
