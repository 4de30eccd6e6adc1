//! Authenticated decryption, as TLS records and QUIC packets have it. The ciphers are RustCrypto's.

use std::fmt;

use aes_gcm::aead::consts::{U8, U12, U16};
use aes_gcm::aead::{AeadInOut, KeyInit};

/// A cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cipher {
    /// AES-128-GCM.
    Aes128Gcm,
    /// AES-256-GCM.
    Aes256Gcm,
    /// ChaCha20-Poly1305.
    ChaCha20Poly1305,
    /// AES-128-CCM.
    Aes128Ccm,
    /// AES-256-CCM.
    Aes256Ccm,
    /// AES-128-CCM with a tag of 8 bytes.
    Aes128Ccm8,
    /// AES-256-CCM with a tag of 8 bytes.
    Aes256Ccm8,
}

impl Cipher {
    /// Bytes of its key.
    #[must_use]
    pub(crate) const fn key_len(self) -> usize {
        match self {
            Cipher::Aes128Gcm | Cipher::Aes128Ccm | Cipher::Aes128Ccm8 => 16,
            _ => 32,
        }
    }

    /// Bytes that a protected text has more than the plain one.
    #[must_use]
    pub(crate) const fn tag_len(self) -> usize {
        match self {
            Cipher::Aes128Ccm8 | Cipher::Aes256Ccm8 => 8,
            _ => 16,
        }
    }

    /// Bytes of the nonce that a record of TLS 1.2 begins with (RFC 5288 section 3, RFC 6655 section 3; none in RFC 7905).
    #[must_use]
    pub(crate) const fn explicit_nonce_len(self) -> usize {
        if matches!(self, Cipher::ChaCha20Poly1305) { 0 } else { 8 }
    }
}

/// Bytes of a nonce, whatever the cipher.
pub(crate) const NONCE: usize = 12;

/// A cipher with its key. `Debug` does not show the key.
pub(crate) enum Key {
    Aes128Gcm(Box<aes_gcm::Aes128Gcm>),
    Aes256Gcm(Box<aes_gcm::Aes256Gcm>),
    ChaCha20Poly1305(Box<chacha20poly1305::ChaCha20Poly1305>),
    Aes128Ccm(Box<ccm::Ccm<aes::Aes128, U16, U12>>),
    Aes256Ccm(Box<ccm::Ccm<aes::Aes256, U16, U12>>),
    Aes128Ccm8(Box<ccm::Ccm<aes::Aes128, U8, U12>>),
    Aes256Ccm8(Box<ccm::Ccm<aes::Aes256, U8, U12>>),
}

impl Key {
    /// `None` if the key's length is not the cipher's.
    pub(crate) fn new(cipher: Cipher, key: &[u8]) -> Option<Key> {
        fn boxed<A: KeyInit>(key: &[u8]) -> Option<Box<A>> {
            A::new_from_slice(key).ok().map(Box::new)
        }
        Some(match cipher {
            Cipher::Aes128Gcm => Key::Aes128Gcm(boxed(key)?),
            Cipher::Aes256Gcm => Key::Aes256Gcm(boxed(key)?),
            Cipher::ChaCha20Poly1305 => Key::ChaCha20Poly1305(boxed(key)?),
            Cipher::Aes128Ccm => Key::Aes128Ccm(boxed(key)?),
            Cipher::Aes256Ccm => Key::Aes256Ccm(boxed(key)?),
            Cipher::Aes128Ccm8 => Key::Aes128Ccm8(boxed(key)?),
            Cipher::Aes256Ccm8 => Key::Aes256Ccm8(boxed(key)?),
        })
    }

    /// Opens a protected text, of which the tag is the end, in place; gives the length of the plain text before the tag. If it is not
    /// authentic, nothing is given, and what `text` holds then is of no use.
    pub(crate) fn open(&self, nonce: &[u8; NONCE], associated: &[u8], text: &mut [u8]) -> Option<usize> {
        fn detached<A>(aead: &A, nonce: &[u8; NONCE], associated: &[u8], text: &mut [u8]) -> Option<usize>
        where
            A: AeadInOut + aes_gcm::aead::AeadCore<NonceSize = U12>,
        {
            let tag_len = aes_gcm::aead::Tag::<A>::default().len();
            let len = text.len().checked_sub(tag_len)?;
            let (text, tag) = text.split_at_mut_checked(len)?;
            let tag = aes_gcm::aead::Tag::<A>::try_from(&*tag).ok()?;
            aead.decrypt_inout_detached(&(*nonce).into(), associated, text.into(), &tag).ok()?;
            Some(len)
        }
        match self {
            Key::Aes128Gcm(aead) => detached(&**aead, nonce, associated, text),
            Key::Aes256Gcm(aead) => detached(&**aead, nonce, associated, text),
            Key::ChaCha20Poly1305(aead) => detached(&**aead, nonce, associated, text),
            Key::Aes128Ccm(aead) => detached(&**aead, nonce, associated, text),
            Key::Aes256Ccm(aead) => detached(&**aead, nonce, associated, text),
            Key::Aes128Ccm8(aead) => detached(&**aead, nonce, associated, text),
            Key::Aes256Ccm8(aead) => detached(&**aead, nonce, associated, text),
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        match self {
            Key::Aes128Gcm(aead) => size_of_val(&**aead),
            Key::Aes256Gcm(aead) => size_of_val(&**aead),
            Key::ChaCha20Poly1305(aead) => size_of_val(&**aead),
            Key::Aes128Ccm(aead) => size_of_val(&**aead),
            Key::Aes256Ccm(aead) => size_of_val(&**aead),
            Key::Aes128Ccm8(aead) => size_of_val(&**aead),
            Key::Aes256Ccm8(aead) => size_of_val(&**aead),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}
