//! Compressed containers, written by hand so that the bytes never change with a library's version.
//!
//! gzip (RFC 1952) with stored or fixed-code deflate blocks (RFC 1951); Zstandard (RFC 8878) with raw and run-length blocks;
//! the LZ4 frame format with stored blocks and blocks of one literal run.

/// A gzip member that stores `data` in blocks of at most `step` bytes.
#[must_use]
pub fn gzip_stored(data: &[u8], step: usize) -> Vec<u8> {
    let mut body = Vec::new();
    let pieces: Vec<&[u8]> =
        if data.is_empty() { vec![data] } else { data.chunks(step.clamp(1, 0xffff)).collect() };
    for (index, piece) in pieces.iter().enumerate() {
        body.push(u8::from(index + 1 == pieces.len()));
        body.extend_from_slice(&(piece.len() as u16).to_le_bytes());
        body.extend_from_slice(&(!(piece.len() as u16)).to_le_bytes());
        body.extend_from_slice(piece);
    }
    gzip_member(data, &body, None)
}

/// A gzip member with a file name, whose deflate stream is one block of literals in the fixed code (RFC 1951 §3.2.6).
#[must_use]
pub fn gzip_fixed(data: &[u8], name: &str) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.low_first(0b011, 3);
    for &byte in data {
        let byte = u32::from(byte);
        if byte < 144 { bits.high_first(0x30 + byte, 8) } else { bits.high_first(0x190 + byte - 144, 9) }
    }
    bits.high_first(0, 7);
    gzip_member(data, &bits.finish(), Some(name))
}

fn gzip_member(data: &[u8], body: &[u8], name: Option<&str>) -> Vec<u8> {
    let mut member = vec![0x1f, 0x8b, 8, if name.is_some() { 8 } else { 0 }, 0, 0, 0, 0, 0, 255];
    if let Some(name) = name {
        member.extend_from_slice(name.as_bytes());
        member.push(0);
    }
    member.extend_from_slice(body);
    member.extend_from_slice(&crc32(data).to_le_bytes());
    member.extend_from_slice(&(data.len() as u32).to_le_bytes());
    member
}

/// Bits packed as deflate packs them.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn one(&mut self, bit: u32) {
        if self.used.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= ((bit & 1) as u8) << (self.used % 8);
        }
        self.used += 1;
    }

    fn low_first(&mut self, value: u32, count: u32) {
        (0..count).for_each(|at| self.one(value >> at));
    }

    fn high_first(&mut self, value: u32, count: u32) {
        (0..count).rev().for_each(|at| self.one(value >> at));
    }

    fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// The CRC that gzip and Ethernet use (polynomial 0xedb88320, reflected).
#[must_use]
pub fn crc32(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in data {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

/// A Zstandard frame of raw blocks of at most `step` bytes; a block of equal bytes becomes a run-length block. The frame says
/// its content size and no checksum.
#[must_use]
pub fn zstd_frame(data: &[u8], step: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000];
    frame.extend_from_slice(&(data.len() as u32).to_le_bytes());
    let pieces: Vec<&[u8]> =
        if data.is_empty() { vec![data] } else { data.chunks(step.clamp(1, 0x1_ffff)).collect() };
    for (index, piece) in pieces.iter().enumerate() {
        let last = u32::from(index + 1 == pieces.len());
        let same = piece.len() > 1 && piece.windows(2).all(|pair| pair[0] == pair[1]);
        let head = last | u32::from(same) << 1 | (piece.len() as u32) << 3;
        frame.extend_from_slice(&head.to_le_bytes()[..3]);
        frame.extend_from_slice(if same { &piece[..1] } else { piece });
    }
    frame
}

/// A skippable frame, which Zstandard and LZ4 share.
#[must_use]
pub fn skippable_frame(content: &[u8]) -> Vec<u8> {
    let mut frame = 0x184d_2a53u32.to_le_bytes().to_vec();
    frame.extend_from_slice(&(content.len() as u32).to_le_bytes());
    frame.extend_from_slice(content);
    frame
}

/// An LZ4 frame of independent blocks of at most 64 KiB, with a content checksum. Every second block is stored, the others are
/// one run of literals in the block format.
#[must_use]
pub fn lz4_frame(data: &[u8], step: usize) -> Vec<u8> {
    let descriptor = [0b0110_0100, 0b0100_0000];
    let mut frame = 0x184d_2204u32.to_le_bytes().to_vec();
    frame.extend_from_slice(&descriptor);
    frame.push((xxh32(&descriptor) >> 8) as u8);
    for (index, piece) in data.chunks(step.clamp(1, 65_536)).enumerate() {
        let literals = lz4_literals(piece);
        if index % 2 == 1 || literals.len() > 65_536 {
            frame.extend_from_slice(&(piece.len() as u32 | 0x8000_0000).to_le_bytes());
            frame.extend_from_slice(piece);
        } else {
            frame.extend_from_slice(&(literals.len() as u32).to_le_bytes());
            frame.extend_from_slice(&literals);
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&xxh32(data).to_le_bytes());
    frame
}

fn lz4_literals(piece: &[u8]) -> Vec<u8> {
    let mut block = vec![(piece.len().min(15) as u8) << 4];
    if let Some(mut rest) = piece.len().checked_sub(15) {
        while rest >= 255 {
            block.push(255);
            rest -= 255;
        }
        block.push(rest as u8);
    }
    block.extend_from_slice(piece);
    block
}

/// xxHash with 32 bits and seed 0.
#[must_use]
pub fn xxh32(data: &[u8]) -> u32 {
    const P: [u32; 5] = [2_654_435_761, 2_246_822_519, 3_266_489_917, 668_265_263, 374_761_393];
    let word = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let stripes = data.chunks_exact(16);
    let rest = stripes.remainder();
    let mut hash = if data.len() >= 16 {
        let mut lanes = [P[0].wrapping_add(P[1]), P[1], 0, 0u32.wrapping_sub(P[0])];
        for stripe in stripes {
            for (lane, bytes) in lanes.iter_mut().zip(stripe.chunks_exact(4)) {
                *lane = lane.wrapping_add(word(bytes).wrapping_mul(P[1])).rotate_left(13).wrapping_mul(P[0]);
            }
        }
        let [a, b, c, d] = lanes;
        a.rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18))
    } else {
        P[4]
    };
    hash = hash.wrapping_add(data.len() as u32);
    let words = rest.chunks_exact(4);
    let tail = words.remainder();
    for bytes in words {
        hash = hash.wrapping_add(word(bytes).wrapping_mul(P[2])).rotate_left(17).wrapping_mul(P[3]);
    }
    for &byte in tail {
        hash = hash.wrapping_add(u32::from(byte).wrapping_mul(P[4])).rotate_left(11).wrapping_mul(P[0]);
    }
    hash = (hash ^ (hash >> 15)).wrapping_mul(P[1]);
    hash = (hash ^ (hash >> 13)).wrapping_mul(P[2]);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_check_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(xxh32(b""), 0x02cc_5d05);
        assert_eq!(xxh32(b"abc"), 0x32d1_53ff);
        assert_eq!(xxh32(b"Nobody inspects the spammish repetition"), 0xe229_3b2f);
    }

    #[test]
    fn fixed_deflate_of_one_letter() {
        // The stream that zlib writes for "a": 4b 04 00.
        assert_eq!(gzip_fixed(b"a", "")[11..14], [0x4b, 0x04, 0x00]);
    }
}
