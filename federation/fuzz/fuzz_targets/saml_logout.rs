//! Any text as a LogoutRequest or LogoutResponse.
#![no_main]

#[expect(dead_code, reason = "others check the rest")]
#[path = "../checks/saml_messages.rs"]
mod saml_messages;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &str| saml_messages::logout(message));
