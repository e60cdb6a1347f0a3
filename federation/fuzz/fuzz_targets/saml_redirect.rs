//! Any query as a message of the Redirect binding.
#![no_main]

#[expect(dead_code, reason = "others check the rest")]
#[path = "../checks/bindings.rs"]
mod bindings;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|query: &str| bindings::redirect(query));
