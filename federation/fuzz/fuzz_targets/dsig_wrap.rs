//! Signed documents, rearranged.
#![no_main]

#[path = "../checks/dsig.rs"]
mod dsig;
#[path = "../checks/wrapping.rs"]
mod wrapping;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|program: &[u8]| wrapping::check(program));
