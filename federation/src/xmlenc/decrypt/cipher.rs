//! Decryption of the content (XML Encryption 1.1 section 5.2).

use openssl::rand::rand_bytes;
use openssl::symm::{self, Cipher, Crypter, Mode};
use zeroize::Zeroizing;

use super::DecryptionError;

const BLOCK: usize = 16;
const GCM_VECTOR: usize = 12;
const GCM_TAG: usize = 16;

/// How the content is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Aes128Cbc,
    Aes192Cbc,
    Aes256Cbc,
    Aes128Gcm,
    Aes192Gcm,
    Aes256Gcm,
}

impl Content {
    pub(super) fn from_uri(uri: &str) -> Result<Content, DecryptionError> {
        Ok(match uri {
            "http://www.w3.org/2001/04/xmlenc#aes128-cbc" => Content::Aes128Cbc,
            "http://www.w3.org/2001/04/xmlenc#aes192-cbc" => Content::Aes192Cbc,
            "http://www.w3.org/2001/04/xmlenc#aes256-cbc" => Content::Aes256Cbc,
            "http://www.w3.org/2009/xmlenc11#aes128-gcm" => Content::Aes128Gcm,
            "http://www.w3.org/2009/xmlenc11#aes192-gcm" => Content::Aes192Gcm,
            "http://www.w3.org/2009/xmlenc11#aes256-gcm" => Content::Aes256Gcm,
            _ => {
                return Err(DecryptionError::Algorithm(
                    "the content must be encrypted with AES in GCM or CBC mode",
                ));
            }
        })
    }

    /// Whether the cipher itself notices a change.
    pub(super) fn is_authenticated(self) -> bool {
        matches!(
            self,
            Content::Aes128Gcm | Content::Aes192Gcm | Content::Aes256Gcm
        )
    }

    fn cipher(self) -> Cipher {
        match self {
            Content::Aes128Cbc => Cipher::aes_128_cbc(),
            Content::Aes192Cbc => Cipher::aes_192_cbc(),
            Content::Aes256Cbc => Cipher::aes_256_cbc(),
            Content::Aes128Gcm => Cipher::aes_128_gcm(),
            Content::Aes192Gcm => Cipher::aes_192_gcm(),
            Content::Aes256Gcm => Cipher::aes_256_gcm(),
        }
    }

    /// In bytes.
    pub(super) fn key_length(self) -> usize {
        self.cipher().key_len()
    }

    /// A key that nobody has.
    pub(super) fn random_key(length: usize) -> Option<Zeroizing<Vec<u8>>> {
        let mut key = Zeroizing::new(vec![0; length]);
        rand_bytes(&mut key).ok()?;
        Some(key)
    }

    /// `value` begins with the initialisation vector. The key has the right length.
    pub(super) fn decrypt(self, key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        if self.is_authenticated() {
            let (vector, rest) = value.split_at_checked(GCM_VECTOR)?;
            let (text, tag) = rest.split_at_checked(rest.len().checked_sub(GCM_TAG)?)?;
            return symm::decrypt_aead(self.cipher(), key, Some(vector), &[], text, tag).ok();
        }
        let (vector, text) = value.split_at_checked(BLOCK)?;
        if text.is_empty() || text.len() % BLOCK != 0 {
            return None;
        }
        let mut crypter = Crypter::new(self.cipher(), Mode::Decrypt, key, Some(vector)).ok()?;
        // XML Encryption gives the padding's length in its last byte and leaves the rest of it open.
        crypter.pad(false);
        let mut plain = vec![0; text.len() + BLOCK];
        let written = crypter.update(text, &mut plain).ok()?;
        let rest = crypter.finalize(plain.get_mut(written..)?).ok()?;
        plain.truncate(written + rest);
        let padding = usize::from(*plain.last()?);
        if !(1..=BLOCK).contains(&padding) {
            return None;
        }
        plain.truncate(plain.len().checked_sub(padding)?);
        Some(plain)
    }
}
