//! JSON that comes from the federation server.
#![no_main]

use federation::proxy::{Configuration, StoreEntry, read, write};
use libfuzzer_sys::fuzz_target;
use wap::applications::Applications;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(configuration) = read::<Configuration>(bytes) {
        let json = write(&configuration).expect("what was read has a JSON form");
        assert_eq!(read::<Configuration>(&json).expect("what is written is read"), configuration);
    }
    let _ = read::<Vec<StoreEntry>>(bytes);
    if let Ok(applications) = Applications::read(bytes) {
        let json = applications.write().expect("what was read has a JSON form");
        let again = Applications::read(json.as_bytes()).expect("what is written is read");
        assert!(again.iter().eq(applications.iter()));
    }
});
