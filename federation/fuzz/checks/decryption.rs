//! Anything as an encrypted element, with a key that opens whatever it is given.

use federation::xml::{Limits, read};
use federation::xmlenc::decrypt::{DecryptionKey, Integrity, KeyTransport, decrypt};
use zeroize::Zeroizing;

struct Open(usize);

impl DecryptionKey for Open {
    fn unwrap_key(&self, _: &[u8], _: KeyTransport) -> Option<Zeroizing<Vec<u8>>> {
        Some(Zeroizing::new(vec![7; self.0]))
    }
}

pub(crate) fn check(document: &str) {
    for integrity in [Integrity::Verified, Integrity::Unknown] {
        if let Ok(plain) = decrypt(document, &[&Open(16), &Open(24), &Open(32)], integrity) {
            assert!(read(plain.as_bytes(), &Limits::message()).is_ok());
            assert!(integrity == Integrity::Verified || document.contains("gcm"));
        }
    }
}
