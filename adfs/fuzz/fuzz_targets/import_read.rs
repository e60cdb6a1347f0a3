//! Whatever the bytes are, reading them as an export of AD FS ends with trusts or an error; and a text survives the two
//! encodings of PowerShell.
#![no_main]

use adfs::import::{RulesFor, decode, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = read(
        bytes,
        RulesFor::entra_connect_backup("AadTrust-1.txt").as_ref(),
    );
    if let Ok(text) = decode(bytes) {
        let mut utf16 = vec![0xFF, 0xFE];
        utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(decode(&utf16).ok(), Some(text));
    }
});
