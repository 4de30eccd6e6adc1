//! Payload: small application messages, and a pool of pseudo-random bytes.
//!
//! Bulk data are slices of one pool. Sums over any slice come from prefix sums, so a right checksum costs no walk over the payload.

use netanalyze_corpus::Rng;
use std::io::Write;

/// Bytes that a slice may start at.
const STARTS: usize = 1 << 16;
/// The longest slice.
pub const LONGEST: usize = 1 << 16;

/// The pool.
#[derive(Debug)]
pub struct Pool {
    bytes: Vec<u8>,
    sums: Vec<u64>,
}

impl Pool {
    /// A pool filled from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x706f_6f6c);
        let bytes: Vec<u8> = (0..(STARTS + LONGEST) / 8).flat_map(|_| rng.bits().to_le_bytes()).collect();
        let mut sum = 0;
        let mut sums = vec![0];
        for pair in bytes.chunks_exact(2) {
            sum += u64::from(u16::from_be_bytes([pair[0], pair[1]]));
            sums.push(sum);
        }
        Self { bytes, sums }
    }

    /// The `len` bytes (at most [`LONGEST`]) that a stream carries at `position`, and their sum as big-endian 16-bit words: the same
    /// position always gives the same bytes, as a retransmission must.
    #[inline]
    #[must_use]
    pub fn slice(&self, position: u32, len: usize) -> (&[u8], u64) {
        let len = len.min(LONGEST);
        let start = (position.wrapping_mul(0x9e37_79b1) >> 16) as usize & !1;
        let bytes = &self.bytes[start..start + len];
        let mut sum = self.sums[(start + len) / 2] - self.sums[start / 2];
        if len % 2 == 1 {
            sum += u64::from(bytes[len - 1]) << 8;
        }
        (bytes, sum)
    }
}

/// What a payload begins with, before bytes of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// Nothing.
    None,
    /// An HTTP request for a numbered page.
    Request(u32),
    /// The head of an HTTP response with a body of so many bytes.
    Response(u32),
    /// A TLS ClientHello that names a numbered host.
    ClientHello(u32),
    /// A TLS 1.3 ServerHello.
    ServerHello,
    /// The header of an encrypted TLS record of so many bytes.
    Record(u16),
    /// A DNS query for a numbered host, with its identifier.
    Query(u16, u32),
    /// The answer to it.
    Answer(u16, u32),
    /// The statement that the host does not exist.
    NoSuchName(u16, u32),
}

impl Head {
    /// Appends the message to `out`.
    pub fn append(self, out: &mut Vec<u8>) {
        let written = match self {
            Self::None => Ok(()),
            Self::Request(page) => {
                write!(
                    out,
                    "GET /page/{page} HTTP/1.1\r\nHost: h{}.example\r\nAccept: */*\r\n\r\n",
                    page % 997
                )
            }
            Self::Response(len) => write!(
                out,
                "HTTP/1.1 {}\r\nContent-Type: application/octet-stream\r\nContent-Length: {len}\r\n\r\n",
                if len % 31 == 0 { "503 Service Unavailable" } else { "200 OK" }
            ),
            Self::ClientHello(host) => client_hello(out, host),
            Self::ServerHello => server_hello(out),
            Self::Record(len) => out.write_all(&[23, 3, 3, (len >> 8) as u8, len as u8]),
            Self::Query(id, host) => dns(out, id, host, [0x01, 0x00], 0),
            Self::Answer(id, host) => dns(out, id, host, [0x81, 0x80], 1),
            Self::NoSuchName(id, host) => dns(out, id, host, [0x81, 0x83], 0),
        };
        debug_assert!(written.is_ok(), "a vector takes every write");
    }
}

fn dns(out: &mut Vec<u8>, id: u16, host: u32, flags: [u8; 2], answers: u8) -> std::io::Result<()> {
    let label = format!("h{host}");
    out.write_all(&id.to_be_bytes())?;
    out.write_all(&flags)?;
    out.write_all(&[0, 1, 0, answers, 0, 0, 0, 0, label.len() as u8])?;
    out.write_all(label.as_bytes())?;
    out.write_all(b"\x07example\0\0\x01\0\x01")?;
    if answers > 0 {
        out.write_all(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0x2c, 0, 4, 198, 18, (host >> 8) as u8, host as u8])?;
    }
    Ok(())
}

/// A handshake message in a record of its own (RFC 8446 §4, §5.1).
fn handshake(out: &mut Vec<u8>, kind: u8, body: &[u8]) -> std::io::Result<()> {
    let len = body.len();
    out.write_all(&[
        22,
        3,
        3,
        ((len + 4) >> 8) as u8,
        (len + 4) as u8,
        kind,
        0,
        (len >> 8) as u8,
        len as u8,
    ])?;
    out.write_all(body)
}

fn client_hello(out: &mut Vec<u8>, host: u32) -> std::io::Result<()> {
    let name = format!("h{host}.example");
    let n = name.len() as u8;
    let mut extensions = vec![0, 0, 0, n + 5, 0, n + 3, 0, 0, n];
    extensions.extend_from_slice(name.as_bytes());
    extensions.extend_from_slice(&[0, 43, 0, 3, 2, 3, 4, 0, 10, 0, 4, 0, 2, 0, 29, 0, 13, 0, 4, 0, 2, 4, 3]);
    extensions.extend_from_slice(&[0, 51, 0, 38, 0, 36, 0, 29, 0, 32]);
    extensions.extend_from_slice(&[0x4b; 32]);
    let mut body = vec![3, 3];
    body.extend_from_slice(&host.to_be_bytes().repeat(8));
    body.push(0);
    body.extend_from_slice(&[0, 4, 0x13, 0x01, 0x13, 0x02, 1, 0]);
    body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
    body.extend_from_slice(&extensions);
    handshake(out, 1, &body)
}

fn server_hello(out: &mut Vec<u8>) -> std::io::Result<()> {
    let mut body = vec![3, 3];
    body.extend_from_slice(&[0x5e; 32]);
    body.extend_from_slice(&[0, 0x13, 0x01, 0, 0, 46, 0, 43, 0, 2, 3, 4, 0, 51, 0, 36, 0, 29, 0, 32]);
    body.extend_from_slice(&[0x77; 32]);
    handshake(out, 2, &body)?;
    out.write_all(&[20, 3, 3, 0, 1, 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_a_slice_is_the_sum_of_its_words() {
        let pool = Pool::new(3);
        for (position, len) in [(0, 0), (1, 1), (77, 1460), (u32::MAX, LONGEST), (5, 333)] {
            let (bytes, sum) = pool.slice(position, len);
            let slow: u64 = bytes
                .chunks(2)
                .map(|pair| u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u64::from(*low)))
                .sum();
            assert_eq!((bytes.len(), sum), (len, slow));
        }
    }
}
