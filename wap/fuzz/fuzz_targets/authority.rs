//! Host fields: what is read is written back as something that means the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wap::request::Authority;

fuzz_target!(|text: &str| {
    if let Some(authority) = Authority::parse(text) {
        assert_eq!(Authority::parse(&authority.to_string()), Some(authority));
    }
});
