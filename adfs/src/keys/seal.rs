//! The seal: AES-256-GCM with a key of its own for each purpose.
//!
//! A sealed value is base64url, without padding, of: version (1 octet), key id (4), nonce (12), ciphertext, tag (16). What
//! is not encrypted is authenticated as associated data, and so is the purpose.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

use super::service_key::{KeyId, ServiceKey, ServiceKeys};
use super::{KeyError, SealError};
use crate::ids;

const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
/// Most that can be sealed, in bytes. The largest value is a private key or a session.
const MAX_PLAIN: usize = 64 * 1024;
const HEADER: usize = 1 + size_of::<KeyId>() + NONCE;
/// The longest text that can have come from a seal.
const MAX_SEALED: usize = (HEADER + MAX_PLAIN + TAG).div_ceil(3) * 4;

/// Seals and opens under the service keys.
pub(super) struct Seal(ServiceKeys);

impl Seal {
    /// Tries the keys out (spec security KEY-6).
    pub(super) fn new(keys: ServiceKeys) -> Result<Seal, KeyError> {
        let seal = Seal(keys);
        let sealed = seal
            .seal("self-test", b"self-test")
            .map_err(|_| KeyError::SelfTest)?;
        match seal.open("self-test", &sealed) {
            Ok(plain) if plain == b"self-test" => Ok(seal),
            _ => Err(KeyError::SelfTest),
        }
    }

    pub(super) fn seal(&self, purpose: &str, plain: &[u8]) -> Result<String, SealError> {
        if plain.len() > MAX_PLAIN {
            return Err(SealError::TooLong(plain.len()));
        }
        let key = &self.0.current;
        let nonce: [u8; NONCE] = ids::random()?;
        let mut tag = [0; TAG];
        let encrypted = encrypt_aead(
            Cipher::aes_256_gcm(),
            key.for_purpose(purpose)?.as_slice(),
            Some(&nonce),
            &associated(key.id, purpose),
            plain,
            &mut tag,
        )?;
        let mut sealed = Vec::with_capacity(HEADER + encrypted.len() + TAG);
        sealed.push(VERSION);
        sealed.extend_from_slice(&key.id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&encrypted);
        sealed.extend_from_slice(&tag);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    pub(super) fn open(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        if sealed.len() > MAX_SEALED {
            return Err(SealError::NotOurs);
        }
        let octets = URL_SAFE_NO_PAD
            .decode(sealed)
            .map_err(|_| SealError::NotOurs)?;
        self.open_octets(purpose, &octets).ok_or(SealError::NotOurs)
    }

    /// A keyed digest of `data`. Under the oldest key there is, so that replacing the service key changes none of them.
    pub(super) fn pseudonym(&self, purpose: &str, data: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let oldest = self.0.older.last().unwrap_or(&self.0.current);
        let key = PKey::hmac(oldest.for_purpose(purpose)?.as_slice())?;
        let mut hmac = Signer::new(MessageDigest::sha256(), &key)?;
        hmac.update(data)?;
        hmac.sign_to_vec()
    }

    fn open_octets(&self, purpose: &str, octets: &[u8]) -> Option<Vec<u8>> {
        let (version, rest) = octets.split_first()?;
        let (id, rest) = rest.split_first_chunk::<{ size_of::<KeyId>() }>()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>()?;
        let (encrypted, tag) = rest.split_last_chunk::<TAG>()?;
        let mut keys = std::iter::once(&self.0.current).chain(&self.0.older);
        let key = keys
            .find(|key| key.id == *id)
            .filter(|_| *version == VERSION)?;
        decrypt_aead(
            Cipher::aes_256_gcm(),
            key.for_purpose(purpose).ok()?.as_slice(),
            Some(nonce),
            &associated(*id, purpose),
            encrypted,
            tag,
        )
        .ok()
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Seal")
            .field("older", &self.0.older.len())
            .finish_non_exhaustive()
    }
}

impl ServiceKey {
    /// One key, one purpose (spec security KEY-3): HKDF-Expand of RFC 5869 for one block. The service key is uniformly
    /// random, so nothing must be extracted first.
    fn for_purpose(&self, purpose: &str) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let key = PKey::hmac(self.secret.as_slice())?;
        let mut hmac = Signer::new(MessageDigest::sha256(), &key)?;
        hmac.update(b"adfs seal ")?;
        hmac.update(purpose.as_bytes())?;
        hmac.update(&[1])?;
        hmac.sign_to_vec().map(Zeroizing::new)
    }
}

fn associated(id: KeyId, purpose: &str) -> Vec<u8> {
    [
        b"adfs seal ".as_slice(),
        &[VERSION],
        &id,
        purpose.as_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    fn seal_in(folder: &std::path::Path) -> Seal {
        Seal::new(ServiceKeys::make(&folder.join("key"), false).expect("keys")).expect("a seal")
    }

    static SEAL: LazyLock<Seal> =
        LazyLock::new(|| seal_in(tempfile::tempdir().expect("a folder").path()));

    #[test]
    fn only_the_same_service_and_purpose_open_a_value() {
        let sealed = SEAL.seal("session", b"alice").expect("sealed");
        assert_eq!(SEAL.open("session", &sealed).expect("opened"), b"alice");
        let other = seal_in(tempfile::tempdir().expect("a folder").path());
        for refused in [
            SEAL.open("sessio", &sealed),
            SEAL.open("session ", &sealed),
            SEAL.open("", &sealed),
            other.open("session", &sealed),
            SEAL.open("session", ""),
            SEAL.open("session", &format!("{sealed}=")),
            SEAL.open("session", &format!(" {sealed}")),
        ] {
            assert!(matches!(refused, Err(SealError::NotOurs)));
        }
    }

    #[test]
    fn two_seals_of_one_value_differ() {
        assert_ne!(
            SEAL.seal("a", b"x").expect("sealed"),
            SEAL.seal("a", b"x").expect("sealed")
        );
    }

    #[test]
    fn values_are_bounded_both_ways() {
        let largest = vec![0; MAX_PLAIN];
        let sealed = SEAL.seal("a", &largest).expect("sealed");
        assert!(sealed.len() <= MAX_SEALED);
        assert_eq!(SEAL.open("a", &sealed).expect("opened"), largest);
        assert!(matches!(
            SEAL.seal("a", &vec![0; MAX_PLAIN + 1]),
            Err(SealError::TooLong(_))
        ));
        assert!(matches!(
            SEAL.open("a", &"A".repeat(MAX_SEALED + 1)),
            Err(SealError::NotOurs)
        ));
    }

    #[test]
    fn an_older_key_opens_and_no_longer_seals() {
        let folder = tempfile::tempdir().expect("a folder");
        let before = Seal(ServiceKeys::make(&folder.path().join("old"), false).expect("keys"));
        let mut old = ServiceKeys::load(&folder.path().join("old"))
            .expect("read")
            .expect("there");
        let new = ServiceKeys::make(&folder.path().join("new"), false).expect("keys");
        let sealed = before.seal("a", b"x").expect("sealed");
        old.older
            .push(std::mem::replace(&mut old.current, new.current));
        let rotated = Seal(old);
        assert_eq!(rotated.open("a", &sealed).expect("opened"), b"x");
        let after = rotated.seal("a", b"x").expect("sealed");
        assert!(before.open("a", &after).is_err());
    }

    #[test]
    fn pseudonyms_depend_on_purpose_and_data_and_outlive_a_rotation() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut keys = ServiceKeys::make(&folder.path().join("old"), false).expect("keys");
        let new = ServiceKeys::make(&folder.path().join("new"), false).expect("keys");
        let before = Seal(
            ServiceKeys::load(&folder.path().join("old"))
                .expect("read")
                .expect("there"),
        );
        keys.older
            .push(std::mem::replace(&mut keys.current, new.current));
        let name = |seal: &Seal, purpose, data| seal.pseudonym(purpose, data).expect("a name");
        let first = name(&before, "a", b"alice");
        assert_eq!(first.len(), 32);
        assert_eq!(first, name(&Seal(keys), "a", b"alice"));
        assert_ne!(first, name(&before, "b", b"alice"));
        assert_ne!(first, name(&before, "a", b"bob"));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_and_what_is_changed_does_not(
            purpose in ".{0,20}", plain in proptest::collection::vec(any::<u8>(), 0..100), at in any::<prop::sample::Index>(), flip in 1..=255u8
        ) {
            let sealed = SEAL.seal(&purpose, &plain).expect("sealed");
            prop_assert!(sealed.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
            prop_assert_eq!(SEAL.open(&purpose, &sealed).expect("opened"), plain);

            let mut octets = URL_SAFE_NO_PAD.decode(&sealed).expect("base64");
            let place = at.index(octets.len());
            octets[place] ^= flip;
            prop_assert!(SEAL.open(&purpose, &URL_SAFE_NO_PAD.encode(&octets)).is_err());
            octets[place] ^= flip;
            octets.truncate(place);
            prop_assert!(SEAL.open(&purpose, &URL_SAFE_NO_PAD.encode(&octets)).is_err());

            let mut text = sealed.into_bytes();
            let place = at.index(text.len());
            text[place] = if text[place] == b'A' { b'B' } else { b'A' };
            prop_assert!(SEAL.open(&purpose, std::str::from_utf8(&text).expect("ASCII")).is_err());
        }

        #[test]
        fn foreign_text_never_opens(text in ".{0,200}") {
            prop_assert!(SEAL.open("a", &text).is_err());
        }
    }
}
