//! The cipher suites whose records can be opened: those with an AEAD.

use super::aead::Cipher;

/// The hash of a suite's key schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
}

impl Hash {
    /// Bytes of its output, and of the secrets of TLS 1.3 with it.
    #[must_use]
    pub(crate) const fn output_len(self) -> usize {
        match self {
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
        }
    }
}

/// What a cipher suite says about records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    /// How records are protected.
    pub(crate) cipher: Cipher,
    /// How keys are derived.
    pub(crate) hash: Hash,
}

impl Suite {
    /// The suite of this number in IANA's registry "TLS Cipher Suites"; nothing for one without an AEAD that we know.
    #[must_use]
    pub(crate) const fn from_number(number: u16) -> Option<Suite> {
        let (cipher, hash) = match number {
            // RFC 8446: the five suites of TLS 1.3.
            0x1301 => (Cipher::Aes128Gcm, Hash::Sha256),
            0x1302 => (Cipher::Aes256Gcm, Hash::Sha384),
            0x1303 => (Cipher::ChaCha20Poly1305, Hash::Sha256),
            0x1304 => (Cipher::Aes128Ccm, Hash::Sha256),
            0x1305 => (Cipher::Aes128Ccm8, Hash::Sha256),
            // RFC 5288 (RSA, DHE, DH, anonymous), RFC 5487 (PSK), RFC 5289 (ECDHE, ECDH), RFC 8442 (ECDHE_PSK): GCM.
            0x009c | 0x009e | 0x00a0 | 0x00a2 | 0x00a4 | 0x00a6 | 0x00a8 | 0x00aa | 0x00ac | 0xc02b
            | 0xc02d | 0xc02f | 0xc031 | 0xd001 => (Cipher::Aes128Gcm, Hash::Sha256),
            0x009d | 0x009f | 0x00a1 | 0x00a3 | 0x00a5 | 0x00a7 | 0x00a9 | 0x00ab | 0x00ad | 0xc02c
            | 0xc02e | 0xc030 | 0xc032 | 0xd002 => (Cipher::Aes256Gcm, Hash::Sha384),
            // RFC 7905: ChaCha20-Poly1305.
            0xcca8..=0xccae => (Cipher::ChaCha20Poly1305, Hash::Sha256),
            // RFC 6655 (RSA, DHE, PSK), RFC 7251 (ECDHE_ECDSA), RFC 8442 (ECDHE_PSK): CCM.
            0xc09c | 0xc09e | 0xc0a4 | 0xc0a6 | 0xc0ac | 0xd005 => (Cipher::Aes128Ccm, Hash::Sha256),
            0xc09d | 0xc09f | 0xc0a5 | 0xc0a7 | 0xc0ad => (Cipher::Aes256Ccm, Hash::Sha256),
            0xc0a0 | 0xc0a2 | 0xc0a8 | 0xc0aa | 0xc0ae | 0xd003 => (Cipher::Aes128Ccm8, Hash::Sha256),
            0xc0a1 | 0xc0a3 | 0xc0a9 | 0xc0ab | 0xc0af => (Cipher::Aes256Ccm8, Hash::Sha256),
            _ => return None,
        };
        Some(Suite { cipher, hash })
    }
}
