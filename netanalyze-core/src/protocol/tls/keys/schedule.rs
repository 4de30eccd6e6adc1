//! From secrets to keys: the PRF of TLS 1.2 (RFC 5246 section 5) and the key schedule of TLS 1.3 (RFC 8446 section 7), which QUIC shares
//! (RFC 9001 section 5.1).

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384};

use super::suite::{Hash, Suite};

/// The longest hash: bytes of a secret.
pub(crate) const SECRET: usize = 48;

/// A secret of at most 48 bytes. `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret {
    bytes: [u8; SECRET],
    len: u8,
}

impl Secret {
    /// `None` if there are too many bytes, or none.
    pub(crate) fn new(from: &[u8]) -> Option<Secret> {
        let mut bytes = [0; SECRET];
        bytes.get_mut(..from.len()).filter(|bytes| !bytes.is_empty())?.copy_from_slice(from);
        Some(Secret { bytes, len: from.len() as u8 })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret of {} bytes", self.len)
    }
}

/// The longest label with its context that is asked for, with the three length fields (RFC 8446 section 7.1).
const INFO: usize = 64;

/// HKDF-Expand-Label with an empty context. `None` if the secret is shorter than the hash, or the label too long: neither comes from here.
pub(crate) fn expand_label(hash: Hash, secret: &[u8], label: &[u8], out: &mut [u8]) -> Option<()> {
    const PREFIX: &[u8] = b"tls13 ";
    let mut info = [0; INFO];
    let len = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_len = u8::try_from(PREFIX.len() + label.len()).ok()?;
    let used = {
        let parts: [&[u8]; 5] = [&len, &[label_len], PREFIX, label, &[0]];
        let mut at = 0;
        for part in parts {
            info.get_mut(at..at + part.len())?.copy_from_slice(part);
            at += part.len();
        }
        at
    };
    let info = info.get(..used)?;
    match hash {
        Hash::Sha256 => Hkdf::<Sha256>::from_prk(secret).ok()?.expand(info, out).ok(),
        Hash::Sha384 => Hkdf::<Sha384>::from_prk(secret).ok()?.expand(info, out).ok(),
    }
}

/// HKDF-Extract with SHA-256.
pub(crate) fn extract(salt: &[u8], material: &[u8]) -> Secret {
    let (secret, _) = Hkdf::<Sha256>::extract(Some(salt), material);
    let mut bytes = [0; SECRET];
    bytes.iter_mut().zip(secret.iter()).for_each(|(to, from)| *to = *from);
    Secret { bytes, len: 32 }
}

/// A secret that follows from another one by a label: as long as the hash.
pub(crate) fn derive(hash: Hash, secret: &Secret, label: &[u8]) -> Option<Secret> {
    let mut bytes = [0; SECRET];
    expand_label(hash, secret.bytes(), label, bytes.get_mut(..hash.output_len())?)?;
    Some(Secret { bytes, len: hash.output_len() as u8 })
}

/// The traffic secret after a KeyUpdate (RFC 8446 section 7.2).
pub(crate) fn next_traffic_secret(hash: Hash, secret: &Secret) -> Option<Secret> {
    derive(hash, secret, b"traffic upd")
}

/// Write key and write IV of one direction. Of an IV of TLS 1.2 with an explicit nonce only the first four bytes count.
pub(crate) struct Material {
    pub(crate) key: [u8; 32],
    pub(crate) iv: [u8; 12],
}

/// Key and IV of a traffic secret (RFC 8446 section 7.3; with QUIC's labels RFC 9001 section 5.1).
pub(crate) fn traffic(suite: Suite, secret: &Secret, labels: [&[u8]; 2]) -> Option<Material> {
    let mut material = Material { key: [0; 32], iv: [0; 12] };
    let [key, iv] = labels;
    expand_label(suite.hash, secret.bytes(), key, material.key.get_mut(..suite.cipher.key_len())?)?;
    expand_label(suite.hash, secret.bytes(), iv, &mut material.iv)?;
    Some(material)
}

/// Labels of a traffic secret's key and IV in TLS.
pub(crate) const TLS_LABELS: [&[u8]; 2] = [b"key", b"iv"];

/// The keys of a TLS 1.2 connection, client's first (RFC 5246 section 6.3): an AEAD has no MAC keys.
pub(crate) fn key_block(
    suite: Suite,
    master: &Secret,
    client_random: &[u8; 32],
    server_random: &[u8; 32],
) -> Option<[Material; 2]> {
    let mut seed = [0; 64];
    seed.get_mut(..32)?.copy_from_slice(server_random);
    seed.get_mut(32..)?.copy_from_slice(client_random);
    let key = suite.cipher.key_len();
    let iv = 12 - suite.cipher.explicit_nonce_len();
    let mut block = [0; 2 * (32 + 12)];
    let block = block.get_mut(..2 * (key + iv))?;
    prf(suite.hash, master.bytes(), b"key expansion", &seed, block)?;
    let material = |index: usize| -> Option<Material> {
        let mut material = Material { key: [0; 32], iv: [0; 12] };
        material.key.get_mut(..key)?.copy_from_slice(block.get(index * key..(index + 1) * key)?);
        let at = 2 * key + index * iv;
        material.iv.get_mut(..iv)?.copy_from_slice(block.get(at..at + iv)?);
        Some(material)
    };
    Some([material(0)?, material(1)?])
}

/// The PRF of TLS 1.2.
fn prf(hash: Hash, secret: &[u8], label: &[u8], seed: &[u8], out: &mut [u8]) -> Option<()> {
    match hash {
        Hash::Sha256 => {
            expand_prf(|| <Hmac<Sha256> as KeyInit>::new_from_slice(secret).ok(), label, seed, out)
        }
        Hash::Sha384 => {
            expand_prf(|| <Hmac<Sha384> as KeyInit>::new_from_slice(secret).ok(), label, seed, out)
        }
    }
}

/// P_hash of RFC 5246 section 5.
fn expand_prf<M: Mac>(mac: impl Fn() -> Option<M>, label: &[u8], seed: &[u8], out: &mut [u8]) -> Option<()> {
    let hash = |parts: [&[u8]; 3]| -> Option<_> {
        let mut mac = mac()?;
        parts.iter().for_each(|part| mac.update(part));
        Some(mac.finalize().into_bytes())
    };
    let mut a = hash([label, seed, &[]])?;
    let mut at = 0;
    while at < out.len() {
        let block = hash([&a, label, seed])?;
        for (to, from) in out.iter_mut().skip(at).zip(block.iter()) {
            *to = *from;
        }
        at += block.len();
        a = hash([&a, &[], &[]])?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::aead::Cipher;
    use super::*;
    use crate::protocol::tls::keys::sample::hex;

    #[test]
    fn traffic_keys_are_those_of_rfc_8448() {
        let suite = Suite { cipher: Cipher::Aes128Gcm, hash: Hash::Sha256 };
        for (secret, key, iv) in [
            (
                "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
                "3fce516009c21727d0f2e4e86ee403bc",
                "5d313eb2671276ee13000b30",
            ),
            (
                "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
                "dbfaa693d1762c5b666af5d950258d01",
                "5bd3c71b836e0b76bb73265f",
            ),
            (
                "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
                "17422dda596ed5d9acd890e3c63f5051",
                "5b78923dee08579033e523d9",
            ),
        ] {
            let secret = Secret::new(&hex(secret)).unwrap();
            let material = traffic(suite, &secret, TLS_LABELS).unwrap();
            assert_eq!((&material.key[..16], &material.iv[..]), (&hex(key)[..], &hex(iv)[..]));
        }
    }

    #[test]
    fn the_prf_is_that_of_tls_1_2() {
        // Test vectors that were published on the TLS working group's list for P_SHA256 and P_SHA384.
        for (hash, secret, seed, out) in [
            (
                Hash::Sha256,
                "9bbe436ba940f017b17652849a71db35",
                "a0ba9f936cda311827a6f796ffd5198c",
                "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66",
            ),
            (
                Hash::Sha384,
                "b80b733d6ceefcdc71566ea48e5567df",
                "cd665cf6a8447dd6ff8b27555edb7465",
                "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d9184259b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee691c8f3a26854308d5eaa3be85e0990703d73e56f",
            ),
        ] {
            let out = hex(out);
            let mut found = vec![0; out.len()];
            prf(hash, &hex(secret), b"test label", &hex(seed), &mut found).unwrap();
            assert_eq!(found, out);
        }
    }

    #[test]
    fn secrets_are_never_shown() {
        let secret = Secret::new(&[0xab; 32]).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret of 32 bytes");
        assert!(Secret::new(&[]).is_none() && Secret::new(&[0; 49]).is_none());
    }
}
