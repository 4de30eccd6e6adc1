//! Packet protection of QUIC (RFC 9001 section 5): keys, header protection, authenticated decryption.

use std::fmt;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};

use super::version::Dialect;
use crate::protocol::tls::keys::aead::{Cipher, Key};
use crate::protocol::tls::keys::schedule::{self, Secret};
use crate::protocol::tls::keys::suite::{Hash, Suite};

/// The suite of Initial packets (RFC 9001 section 5.2).
const INITIAL: Suite = Suite { cipher: Cipher::Aes128Gcm, hash: Hash::Sha256 };

/// Bytes of the cipher text that header protection takes.
const SAMPLE: usize = 16;

/// Keys for one direction's packets of one kind. `Debug` does not show them.
pub(crate) struct Keys {
    key: Key,
    iv: [u8; 12],
    mask: Mask,
}

/// The cipher of the header protection.
#[derive(Clone)]
enum Mask {
    Aes128(Box<aes::Aes128>),
    Aes256(Box<aes::Aes256>),
    ChaCha20(Box<[u8; 32]>),
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// Keys that follow from a traffic secret.
    pub(crate) fn new(suite: Suite, secret: &Secret, dialect: &Dialect) -> Option<Keys> {
        let [key, iv, hp] = dialect.labels;
        let material = schedule::traffic(suite, secret, [key, iv])?;
        let mut mask = [0; 32];
        let len = suite.cipher.key_len();
        schedule::expand_label(suite.hash, secret.bytes(), hp, mask.get_mut(..len)?)?;
        let mask = match suite.cipher {
            Cipher::ChaCha20Poly1305 => Mask::ChaCha20(Box::new(mask)),
            _ if len == 16 => Mask::Aes128(Box::new(aes::Aes128::new_from_slice(mask.get(..16)?).ok()?)),
            _ => Mask::Aes256(Box::new(aes::Aes256::new_from_slice(&mask).ok()?)),
        };
        Some(Keys { key: Key::new(suite.cipher, material.key.get(..len)?)?, iv: material.iv, mask })
    }

    /// Keys of Initial packets, the client's first: from the destination connection id of the client's first one, or of the first behind a
    /// Retry (RFC 9001 section 5.2).
    pub(crate) fn initial(dialect: &Dialect, id: &[u8]) -> Option<[Keys; 2]> {
        let secret = schedule::extract(&dialect.salt, id);
        let keys = |label| Keys::new(INITIAL, &schedule::derive(INITIAL.hash, &secret, label)?, dialect);
        Some([keys(b"client in")?, keys(b"server in")?])
    }

    /// These keys with the header protection of others, which a key update leaves as it is (RFC 9001 section 6).
    pub(crate) fn with_mask_of(self, other: &Keys) -> Keys {
        Keys { mask: other.mask.clone(), ..self }
    }

    /// Opens a packet whose protected number begins at `number_at`, into `buffer`; `largest` is the largest number opened so far in
    /// this direction and space. Gives the packet's number; `buffer` holds its frames then.
    pub(crate) fn open(
        &self,
        packet: &[u8],
        number_at: usize,
        largest: Option<u64>,
        buffer: &mut Vec<u8>,
    ) -> Option<u64> {
        let sample = packet.get(number_at..)?.get(4..)?.first_chunk::<SAMPLE>()?;
        let [first_mask, number_mask @ ..] = self.mask.of(sample);
        let (&first, _) = packet.split_first()?;
        // RFC 9001 section 5.4.1: four bits of a long header, five of a short one.
        let first = first ^ first_mask & if first & 0x80 == 0 { 0x1f } else { 0x0f };
        let number_len = usize::from(first & 3) + 1;
        // The header is what is authenticated with the text: with its protection removed.
        let (header, text) = packet.split_at_checked(number_at + number_len)?;
        let mut unmasked = [0; MAX_HEADER];
        let mut long = Vec::new();
        let open_header = match unmasked.get_mut(..header.len()) {
            Some(place) => place,
            None => {
                // A header with a token.
                long.resize(header.len(), 0);
                &mut long
            }
        };
        open_header.copy_from_slice(header);
        *open_header.first_mut()? = first;
        let mut truncated = 0;
        for (byte, mask) in open_header.get_mut(number_at..)?.iter_mut().zip(number_mask) {
            *byte ^= mask;
            truncated = truncated << 8 | u64::from(*byte);
        }
        let number = full_number(largest, truncated, number_len);
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte ^= number;
        }
        buffer.clear();
        buffer.extend_from_slice(text);
        let len = self.key.open(&nonce, open_header, buffer)?;
        buffer.truncate(len);
        Some(number)
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        let mask = match &self.mask {
            Mask::Aes128(cipher) => size_of_val(&**cipher),
            Mask::Aes256(cipher) => size_of_val(&**cipher),
            Mask::ChaCha20(key) => key.len(),
        };
        self.key.heap() + mask
    }
}

/// Headers up to this length need no heap: two connection ids, a version, a length, a number.
const MAX_HEADER: usize = 64;

impl Mask {
    /// The mask of a sample (RFC 9001 sections 5.4.3 and 5.4.4).
    fn of(&self, sample: &[u8; SAMPLE]) -> [u8; 5] {
        let mut block = (*sample).into();
        match self {
            Mask::Aes128(cipher) => cipher.encrypt_block(&mut block),
            Mask::Aes256(cipher) => cipher.encrypt_block(&mut block),
            Mask::ChaCha20(key) => {
                let [a, b, c, d, nonce @ ..] = *sample;
                let mut cipher = chacha20::ChaCha20::new((&**key).into(), &nonce.into());
                let mut mask = [0; 5];
                // 64 bytes of key stream a block. The last blocks of the counter's range cannot be asked for.
                let at = u64::from(u32::from_le_bytes([a, b, c, d])) * 64;
                let sought = cipher.try_seek(at).and_then(|()| cipher.try_apply_keystream(&mut mask));
                return if sought.is_ok() { mask } else { [0; 5] };
            }
        }
        let [a, b, c, d, e, ..] = block.0;
        [a, b, c, d, e]
    }
}

/// The packet number that a truncated one stands for (RFC 9000 appendix A.3).
fn full_number(largest: Option<u64>, truncated: u64, len: usize) -> u64 {
    let expected = largest.map_or(0, |largest| largest.saturating_add(1));
    let window = 1_u64 << (8 * len.min(4));
    let candidate = expected & !(window - 1) | truncated;
    if candidate.saturating_add(window / 2) <= expected && candidate < (1 << 62) - window {
        candidate + window
    } else if candidate > expected.saturating_add(window / 2) && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::quic::packet::{Packet, packet};
    use crate::protocol::quic::version::dialect;
    use crate::protocol::tls::keys::sample::hex;

    /// The server's Initial of RFC 9001 appendix A.3, and that of RFC 9369 appendix A.3.
    const SERVER: [&str; 2] = [
        "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3e\
         c2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850\
         abbdca3d20398c276456cbc42158407dd074ee",
        "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf87263017915358230035f7fd39\
         45d88965cf17f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2c984c707f0a0812d8cd5a6881eaf21ceda98f4bd\
         23f6fe1a3e2c43edd9ce7ca84bed8521e2e140",
    ];

    #[test]
    fn opens_the_packets_of_rfc_9001_and_rfc_9369() {
        let id = hex("8394c8f03e515708");
        for bytes in SERVER.map(hex) {
            let Some(Packet::Long(long)) = packet(&bytes, 0) else { panic!() };
            let [client, server] = Keys::initial(&long.dialect, &id).unwrap();
            let mut buffer = Vec::new();
            assert_eq!(server.open(long.bytes, long.number_at, None, &mut buffer), Some(1));
            // ACK of packet 0, then CRYPTO of 90 bytes with a ServerHello.
            assert_eq!(buffer[..9], [2, 0, 0, 0, 0, 6, 0, 0x40, 0x5a]);
            assert_eq!((buffer[9], buffer.len()), (2, 99));
            assert_eq!(client.open(long.bytes, long.number_at, None, &mut buffer), None);
            for at in 0..bytes.len() {
                let mut bad = bytes.clone();
                bad[at] ^= 0x80;
                assert_eq!(server.open(&bad, long.number_at, None, &mut buffer), None, "{at}");
                assert_eq!(server.open(&bytes[..at], long.number_at, None, &mut buffer), None, "{at}");
            }
        }
    }

    #[test]
    fn opens_the_short_packet_of_rfc_9001() {
        // Appendix A.5: ChaCha20-Poly1305, packet number 654,360,564, a PING.
        let secret =
            Secret::new(&hex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b")).unwrap();
        let suite = Suite::from_number(0x1303).unwrap();
        let keys = Keys::new(suite, &secret, &dialect(1).unwrap()).unwrap();
        let mut buffer = Vec::new();
        let packet = hex("4cfe4189655e5cd55c41f69080575d7999c25a5bfb");
        assert_eq!(keys.open(&packet, 1, Some(654_360_000), &mut buffer), Some(654_360_564));
        assert_eq!(buffer, [1]);
        assert_eq!(keys.open(&packet, 1, None, &mut buffer), None, "the number is not known");
        assert_eq!(format!("{keys:?}"), "Keys");
    }

    #[test]
    fn truncated_numbers_are_those_nearest_to_what_is_expected() {
        // RFC 9000 appendix A.3, and the edges.
        assert_eq!(full_number(Some(0xa82f_30ea), 0x9b32, 2), 0xa82f_9b32);
        for (largest, truncated, len, full) in [
            (None, 0, 1, 0),
            (None, 255, 1, 255),
            (Some(255), 0, 1, 256),
            (Some(300), 250, 1, 250),
            (Some(0), 200, 1, 200),
            (Some((1 << 62) - 1), 0xff, 1, (1 << 62) - 1),
        ] {
            assert_eq!(full_number(largest, truncated, len), full);
        }
    }
}
