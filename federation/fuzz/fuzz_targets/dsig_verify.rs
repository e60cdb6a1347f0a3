//! Any text as a signed document.
#![no_main]

#[path = "../checks/dsig.rs"]
mod dsig;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &str| dsig::check(document));
