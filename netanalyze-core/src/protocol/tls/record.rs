//! Records (RFC 8446 §5.1): five bytes of header, then at most 2^14 bytes and what encryption adds. And how TLS is told from other protocols.

use super::code::{ContentType, Version};

/// Bytes of a record's header.
pub(super) const HEADER: usize = 5;

/// The longest content (RFC 5246 §6.2.3: 2^14 and 2,048 that compression and encryption may add).
pub(super) const MAX_CONTENT: u16 = (1 << 14) + 2048;

/// The longest content of TLS 1.3 (RFC 8446 §5.2).
pub(super) const MAX_CONTENT_13: u16 = (1 << 14) + 256;

/// A record's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Type of the content.
    pub content_type: ContentType,
    /// Version; of TLS 1.3 always that of TLS 1.2 or 1.0.
    pub version: Version,
    /// Bytes of content.
    pub len: u16,
}

impl Record {
    /// Reads a header, whatever it says; `None` of fewer than five bytes.
    #[inline]
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let &[kind, v0, v1, l0, l1] = bytes.first_chunk::<HEADER>()?;
        Some(Record {
            content_type: ContentType(kind),
            version: Version(u16::from_be_bytes([v0, v1])),
            len: u16::from_be_bytes([l0, l1]),
        })
    }

    /// Header and content.
    #[inline]
    #[must_use]
    pub fn total(self) -> usize {
        HEADER + usize::from(self.len)
    }

    /// A type that records have, a version that exists, and a length that is allowed.
    #[must_use]
    pub fn is_plausible(self) -> bool {
        self.content_type.is_known()
            && is_record_version(self.version)
            && (1..=MAX_CONTENT).contains(&self.len)
    }
}

/// A version that headers of records have.
#[must_use]
pub(super) fn is_record_version(version: Version) -> bool {
    matches!(version.0, 0x0300..=0x0304 | 0x0101)
}

/// An SSL 2.0 ClientHello of a client that offers newer versions, too (RFC 5246 appendix E.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ssl2ClientHello {
    /// The highest version offered.
    pub version: Version,
    /// Bytes of the whole message with its two bytes of length.
    pub total: usize,
}

impl Ssl2ClientHello {
    /// Reads one at the start; `None` if it is none. Wants eleven bytes.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let &[high, low, 1, v0, v1, c0, c1, s0, s1, n0, n1] = bytes.first_chunk::<11>()? else { return None };
        let [ciphers, session, challenge] = [[c0, c1], [s0, s1], [n0, n1]].map(u16::from_be_bytes);
        let len = u16::from_be_bytes([high & 0x7f, low]);
        let claimed = 9u32.saturating_add([ciphers, session, challenge].map(u32::from).iter().sum());
        let fits = high & 0x80 != 0
            && ciphers > 0
            && ciphers.is_multiple_of(3)
            && matches!(session, 0 | 16)
            && (16..=32).contains(&challenge)
            && claimed == u32::from(len);
        let version = Version(u16::from_be_bytes([v0, v1]));
        let known = version == Version::SSL2 || is_record_version(version);
        (fits && known).then_some(Ssl2ClientHello { version, total: usize::from(len) + 2 })
    }
}

/// Whether a payload on any port is TLS (as Wireshark 4.0 guesses): a record of a handshake or of application data, or an SSL 2.0 ClientHello.
#[must_use]
pub fn looks_like_tls(bytes: &[u8]) -> bool {
    let Some(record) = Record::parse(bytes) else { return false };
    let kind = matches!(record.content_type, ContentType::HANDSHAKE | ContentType::APPLICATION_DATA);
    let version = matches!(record.version.0, 0x0300..=0x0303 | 0x0101);
    kind && version && (1..MAX_CONTENT).contains(&record.len) || Ssl2ClientHello::parse(bytes).is_some()
}

/// Whether a payload on a port of TLS is taken for TLS: all is but text (as Wireshark 4.0 decides).
#[must_use]
pub fn accepts(bytes: &[u8]) -> bool {
    !begins_with_text(bytes)
}

/// More than four bytes, the first four printable: no record begins so.
#[must_use]
pub fn begins_with_text(bytes: &[u8]) -> bool {
    bytes.len() > 4 && bytes.iter().take(4).all(|b| matches!(b, 0x20..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_tls_from_other_protocols() {
        for (bytes, guess, on_port) in [
            (&[22, 3, 1, 0, 5, 1][..], true, true),
            (&[23, 3, 3, 0x10, 0], true, true),
            (&[23, 3, 3, 0x48, 0], false, true),
            (&[23, 3, 3, 0, 0], false, true),
            (&[21, 3, 3, 0, 2, 2, 40], false, true),
            (&[20, 3, 3, 0, 1, 1], false, true),
            (&[22, 3, 4, 0, 5], false, true),
            (&[22, 1, 1, 0, 5], true, true),
            (&[22, 3, 3, 0], false, true),
            (b"GET / HTTP/1.1", false, false),
            (b"GET ", false, true),
            (b"GE\r\n\r\n", false, true),
            (&[0; 9], false, true),
        ] {
            assert_eq!((looks_like_tls(bytes), accepts(bytes)), (guess, on_port), "{bytes:?}");
        }
    }

    #[test]
    fn knows_an_ssl2_client_hello() {
        let mut hello = vec![0x80, 0x2e, 1, 3, 1, 0, 3, 0, 0, 0, 0x20, 0, 0, 0x2f];
        hello[1] = 9 + 3 + 32;
        hello.resize(usize::from(hello[1]) + 2, 7);
        let parsed = Ssl2ClientHello::parse(&hello).unwrap();
        assert_eq!((parsed.version, parsed.total), (Version::TLS10, hello.len()));
        assert!(looks_like_tls(&hello));
        for (at, value) in [(0, 0), (2, 2), (3, 9), (6, 4), (8, 5), (10, 0x21)] {
            let mut other = hello.clone();
            other[at] = value;
            assert_eq!(Ssl2ClientHello::parse(&other), None, "byte {at}");
        }
        assert!((0..11).all(|len| Ssl2ClientHello::parse(&hello[..len]).is_none()));
    }

    #[test]
    fn a_plausible_record_has_a_type_a_version_and_a_length() {
        let plausible = |bytes: [u8; 5]| Record::parse(&bytes).unwrap().is_plausible();
        assert!(plausible([23, 3, 3, 0x48, 0]) && plausible([21, 3, 0, 0, 2]) && plausible([20, 3, 4, 0, 1]));
        assert!(
            !plausible([23, 3, 3, 0x48, 1]) && !plausible([19, 3, 3, 0, 2]) && !plausible([22, 2, 3, 0, 2])
        );
    }
}
