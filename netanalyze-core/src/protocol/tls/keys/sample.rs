//! What tests and fuzzing need to make protected records and packets: the other direction of what is opened here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use aes_gcm::aead::{AeadInOut, KeyInit};

use super::aead::{Cipher, NONCE};
use super::schedule::{self, Material, Secret, TLS_LABELS};
use super::suite::Suite;

/// Bytes of hexadecimal digits; blanks are passed over.
#[cfg(test)]
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// Protects a text.
pub(crate) fn seal(
    cipher: Cipher,
    key: &[u8],
    nonce: &[u8; NONCE],
    associated: &[u8],
    text: &[u8],
) -> Vec<u8> {
    fn with<A>(key: &[u8], nonce: &[u8; NONCE], associated: &[u8], text: &[u8]) -> Vec<u8>
    where
        A: AeadInOut + KeyInit + aes_gcm::aead::AeadCore<NonceSize = aes_gcm::aead::consts::U12>,
    {
        let mut sealed = text.to_vec();
        let aead = A::new_from_slice(key).unwrap();
        let tag =
            aead.encrypt_inout_detached(&(*nonce).into(), associated, sealed.as_mut_slice().into()).unwrap();
        sealed.extend_from_slice(&tag);
        sealed
    }
    use aes_gcm::aead::consts::{U8, U12, U16};
    let key = &key[..cipher.key_len()];
    match cipher {
        Cipher::Aes128Gcm => with::<aes_gcm::Aes128Gcm>(key, nonce, associated, text),
        Cipher::Aes256Gcm => with::<aes_gcm::Aes256Gcm>(key, nonce, associated, text),
        Cipher::ChaCha20Poly1305 => with::<chacha20poly1305::ChaCha20Poly1305>(key, nonce, associated, text),
        Cipher::Aes128Ccm => with::<ccm::Ccm<aes::Aes128, U16, U12>>(key, nonce, associated, text),
        Cipher::Aes256Ccm => with::<ccm::Ccm<aes::Aes256, U16, U12>>(key, nonce, associated, text),
        Cipher::Aes128Ccm8 => with::<ccm::Ccm<aes::Aes128, U8, U12>>(key, nonce, associated, text),
        Cipher::Aes256Ccm8 => with::<ccm::Ccm<aes::Aes256, U8, U12>>(key, nonce, associated, text),
    }
}

fn nonce(iv: [u8; NONCE], sequence: u64) -> [u8; NONCE] {
    let mut nonce = iv;
    nonce.iter_mut().rev().zip(sequence.to_le_bytes()).for_each(|(byte, number)| *byte ^= number);
    nonce
}

/// A record of TLS 1.3, header and all.
pub(crate) fn record_13(
    suite: Suite,
    secret: &Secret,
    sequence: u64,
    content_type: u8,
    text: &[u8],
    padding: usize,
) -> Vec<u8> {
    let Material { key, iv } = schedule::traffic(suite, secret, TLS_LABELS).unwrap();
    let inner = [text, &[content_type], &vec![0; padding]].concat();
    let [high, low] = ((inner.len() + suite.cipher.tag_len()) as u16).to_be_bytes();
    let header = [23, 3, 3, high, low];
    [&header[..], &seal(suite.cipher, &key, &nonce(iv, sequence), &header, &inner)].concat()
}

/// A record of TLS 1.2, header and all.
pub(crate) fn record_12(
    suite: Suite,
    material: &Material,
    sequence: u64,
    content_type: u8,
    text: &[u8],
) -> Vec<u8> {
    let explicit = suite.cipher.explicit_nonce_len();
    let mut nonce = nonce(material.iv, sequence);
    let mut sent = Vec::new();
    if explicit > 0 {
        // Whatever the sender likes: not the sequence number here.
        sent = (sequence ^ 0x5555).to_be_bytes().to_vec();
        nonce = material.iv;
        nonce[4..].copy_from_slice(&sent);
    }
    let [high, low] = (text.len() as u16).to_be_bytes();
    let associated = [&sequence.to_be_bytes()[..], &[content_type, 3, 3, high, low]].concat();
    sent.extend(seal(suite.cipher, &material.key, &nonce, &associated, text));
    let [high, low] = (sent.len() as u16).to_be_bytes();
    [&[content_type, 3, 3, high, low][..], &sent].concat()
}
