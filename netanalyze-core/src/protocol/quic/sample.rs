//! Packets for tests and fuzzing: the other direction of what is opened here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use aes::cipher::{BlockCipherEncrypt, KeyInit};

use super::version::dialect;
use crate::protocol::tls::keys::aead::Cipher;
use crate::protocol::tls::keys::sample::seal;
use crate::protocol::tls::keys::schedule::{self, Material, Secret};
use crate::protocol::tls::keys::suite::{Hash, Suite};

/// The suite of Initial packets, and of all others here.
pub(crate) const SUITE: Suite = Suite { cipher: Cipher::Aes128Gcm, hash: Hash::Sha256 };

/// A variable-length integer of four bytes.
pub(crate) fn integer(number: usize) -> [u8; 4] {
    (number as u32 | 0x8000_0000).to_be_bytes()
}

/// A CRYPTO frame.
pub(crate) fn crypto(offset: usize, data: &[u8]) -> Vec<u8> {
    [&[6][..], &integer(offset), &integer(data.len()), data].concat()
}

/// A handshake message.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = (body.len() as u32).to_be_bytes();
    [&[kind, high, middle, low][..], body].concat()
}

/// The Initial secret of a side.
pub(crate) fn initial_secret(version: u32, id: &[u8], client: bool) -> Secret {
    let secret = schedule::extract(&dialect(version).unwrap().salt, id);
    let label: &[u8] = if client { b"client in" } else { b"server in" };
    schedule::derive(Hash::Sha256, &secret, label).unwrap()
}

/// A packet with a long header: its two type bits, ids of receiver and sender.
pub(crate) fn long(
    version: u32,
    bits: u8,
    to: &[u8],
    from: &[u8],
    secret: &Secret,
    number: u32,
    frames: &[u8],
) -> Vec<u8> {
    let initial = bits == u8::from(dialect(version).unwrap().second);
    let mut header = vec![0xc3 | bits << 4];
    header.extend(version.to_be_bytes());
    header.push(to.len() as u8);
    header.extend(to);
    header.push(from.len() as u8);
    header.extend(from);
    if initial {
        header.push(0);
    }
    header.extend(integer(4 + frames.len() + 16));
    protect(version, header, secret, number, frames)
}

/// A packet with a short header.
pub(crate) fn short(version: u32, to: &[u8], secret: &Secret, number: u32, frames: &[u8]) -> Vec<u8> {
    protect(version, [&[0x43][..], to].concat(), secret, number, frames)
}

/// Protects a packet, with four bytes of packet number behind the header (RFC 9001 section 5).
fn protect(version: u32, mut header: Vec<u8>, secret: &Secret, number: u32, frames: &[u8]) -> Vec<u8> {
    let [key, iv, hp] = dialect(version).unwrap().labels;
    let Material { key, iv } = schedule::traffic(SUITE, secret, [key, iv]).unwrap();
    let mut mask_key = [0; 16];
    schedule::expand_label(SUITE.hash, secret.bytes(), hp, &mut mask_key).unwrap();
    let number_at = header.len();
    header.extend(number.to_be_bytes());
    let mut nonce = iv;
    nonce.iter_mut().rev().zip(number.to_le_bytes()).for_each(|(byte, number)| *byte ^= number);
    let text = seal(SUITE.cipher, &key, &nonce, &header, frames);
    let sample: [u8; 16] = text[..16].try_into().unwrap();
    let mut block = sample.into();
    aes::Aes128::new_from_slice(&mask_key).unwrap().encrypt_block(&mut block);
    header[0] ^= block[0] & if header[0] & 0x80 == 0 { 0x1f } else { 0x0f };
    for i in 0..4 {
        header[number_at + i] ^= block[1 + i];
    }
    [header, text].concat()
}
