//! Headers and pcap records, written straight into the output.
//!
//! Headers are laid out by hand: building them through a library costs more than all the rest. Checksums are right
//! (RFC 1071), with the payload's part from the pool's prefix sums. A little-endian pcap file with microseconds.

use crate::payload::{Head, Pool};
use std::io::{Result, Write};

/// TCP flags.
pub mod flag {
    /// FIN.
    pub const FIN: u8 = 1;
    /// SYN.
    pub const SYN: u8 = 2;
    /// RST.
    pub const RST: u8 = 4;
    /// PSH.
    pub const PSH: u8 = 8;
    /// ACK.
    pub const ACK: u8 = 16;
}

/// The two ends of a conversation; end 0 is the client.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// IPv6 instead of IPv4.
    pub v6: bool,
    /// Addresses; IPv4 uses the last four bytes.
    pub address: [[u8; 16]; 2],
    /// Ports.
    pub port: [u16; 2],
}

/// A TCP segment or, for [`Output::udp`], the part of it that a datagram needs.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Who sends it: 0 client, 1 server.
    pub from: u8,
    /// Flags.
    pub flags: u8,
    /// Window field.
    pub window: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// A SACK block; equal edges: none.
    pub sack: (u32, u32),
    /// What the payload begins with.
    pub head: Head,
    /// Bytes of the pool behind it.
    pub body: u16,
}

/// An IP packet cut into fragments.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Payload bytes of a fragment, a multiple of 8.
    pub size: usize,
    /// Fragments in reverse order.
    pub reversed: bool,
    /// The number of the fragment to leave out.
    pub missing: Option<usize>,
    /// The number of the only fragment to write.
    pub keep: Option<usize>,
}

/// How large a capture becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So many bytes of file, and less than a frame more.
    Bytes(u64),
    /// Exactly so many packets.
    Packets(u64),
}

/// The capture being written.
#[derive(Debug)]
pub struct Output<W> {
    out: W,
    pool: Pool,
    frame: Vec<u8>,
    extent: Extent,
    /// Frames are padded to this length, as Ethernet does below 60 bytes; 0: they are not.
    pub least: usize,
    /// Of each frame so many bytes are kept, as `tcpdump -s` does.
    pub snap: usize,
    /// Bytes written so far.
    pub bytes: u64,
    /// Frames written so far.
    pub frames: u64,
    ident: u16,
}

impl<W: Write> Output<W> {
    /// Writes the file header.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(mut out: W, pool: Pool, extent: Extent) -> Result<Self> {
        out.write_all(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])?;
        let frame = Vec::with_capacity(2_048);
        Ok(Self { out, pool, frame, extent, least: 0, snap: usize::MAX, bytes: 24, frames: 0, ident: 0 })
    }

    /// Whether the capture is as large as it should be.
    #[inline]
    #[must_use]
    pub fn full(&self) -> bool {
        match self.extent {
            Extent::Bytes(bytes) => self.bytes >= bytes,
            Extent::Packets(packets) => self.frames >= packets,
        }
    }

    /// Flushes what is buffered.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> Result<()> {
        self.out.flush()
    }

    /// Writes a TCP segment.
    ///
    /// # Errors
    /// Those of the writer.
    #[inline]
    pub fn tcp(&mut self, time_us: u64, ends: &Ends, segment: &Segment) -> Result<()> {
        self.build_tcp(ends, segment);
        self.write(time_us, segment)
    }

    /// The frame of a segment up to the bytes of the pool.
    #[inline]
    fn build_tcp(&mut self, ends: &Ends, segment: &Segment) {
        let ip = self.headers(ends, segment, 6);
        let start = self.frame.len();
        let (from, to) = sides(segment);
        self.frame.extend_from_slice(&ends.port[from].to_be_bytes());
        self.frame.extend_from_slice(&ends.port[to].to_be_bytes());
        self.frame.extend_from_slice(&segment.seq.to_be_bytes());
        self.frame.extend_from_slice(&segment.ack.to_be_bytes());
        self.frame.extend_from_slice(&[0, segment.flags]);
        self.frame.extend_from_slice(&segment.window.to_be_bytes());
        self.frame.extend_from_slice(&[0; 4]);
        if segment.flags & flag::SYN != 0 {
            self.frame.extend_from_slice(&[2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7]);
        } else if segment.sack.0 != segment.sack.1 {
            self.frame.extend_from_slice(&[1, 1, 5, 10]);
            self.frame.extend_from_slice(&segment.sack.0.to_be_bytes());
            self.frame.extend_from_slice(&segment.sack.1.to_be_bytes());
        }
        self.frame[start + 12] = ((self.frame.len() - start) as u8 / 4) << 4;
        segment.head.append(&mut self.frame);
        self.close(ends, segment, &Layers { ip, transport: start, checksum: start + 16, protocol: 6 });
    }

    /// Writes a UDP datagram.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn udp(&mut self, time_us: u64, ends: &Ends, segment: &Segment) -> Result<()> {
        let ip = self.headers(ends, segment, 17);
        let start = self.frame.len();
        let (from, to) = sides(segment);
        self.frame.extend_from_slice(&ends.port[from].to_be_bytes());
        self.frame.extend_from_slice(&ends.port[to].to_be_bytes());
        self.frame.extend_from_slice(&[0; 4]);
        segment.head.append(&mut self.frame);
        let len = (self.frame.len() - start + usize::from(segment.body)) as u16;
        self.frame[start + 4..start + 6].copy_from_slice(&len.to_be_bytes());
        self.close(ends, segment, &Layers { ip, transport: start, checksum: start + 6, protocol: 17 });
        self.write(time_us, segment)
    }

    /// Writes an IPv4 TCP segment in fragments, a microsecond apart, as many as the capture still takes.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn fragments(&mut self, time_us: u64, ends: &Ends, segment: &Segment, cut: Cut) -> Result<()> {
        self.build_tcp(&Ends { v6: false, ..*ends }, segment);
        let (slice, _) = self.pool.slice(segment.seq, usize::from(segment.body));
        let whole = [&self.frame, slice].concat();
        let (front, payload) = whole.split_at(34);
        let count = payload.len().div_ceil(cut.size);
        for turn in 0..count {
            let index = if cut.reversed { count - 1 - turn } else { turn };
            if cut.keep.is_some_and(|keep| keep != index) || cut.missing == Some(index) {
                continue;
            }
            if self.full() {
                break;
            }
            let piece = &payload[index * cut.size..payload.len().min((index + 1) * cut.size)];
            self.frame.clear();
            self.frame.extend_from_slice(front);
            self.frame[16..18].copy_from_slice(&((20 + piece.len()) as u16).to_be_bytes());
            let more = if index + 1 == count { 0 } else { 0x2000 };
            self.frame[20..22].copy_from_slice(&(more | (index * cut.size / 8) as u16).to_be_bytes());
            self.frame[24..26].fill(0);
            let sum = fold(words(&self.frame[14..34]));
            self.frame[24..26].copy_from_slice(&(!sum).to_be_bytes());
            self.frame.extend_from_slice(piece);
            self.bytes += record(&mut self.out, self.snap, time_us + turn as u64, &self.frame, &[])?;
            self.frames += 1;
        }
        Ok(())
    }

    /// Ethernet and IP header with the length still open; returns where the IP header starts.
    #[inline]
    fn headers(&mut self, ends: &Ends, segment: &Segment, protocol: u8) -> usize {
        let (from, to) = sides(segment);
        let frame = &mut self.frame;
        frame.clear();
        frame.extend_from_slice(&[2, 0, 0, 0, 0, to as u8, 2, 0, 0, 0, 0, from as u8]);
        if ends.v6 {
            frame.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, protocol, 60]);
            frame.extend_from_slice(&ends.address[from]);
            frame.extend_from_slice(&ends.address[to]);
        } else {
            self.ident = self.ident.wrapping_add(1);
            let id = self.ident.to_be_bytes();
            frame.extend_from_slice(&[8, 0, 0x45, 0, 0, 0, id[0], id[1], 0x40, 0, 60, protocol, 0, 0]);
            frame.extend_from_slice(&ends.address[from][12..]);
            frame.extend_from_slice(&ends.address[to][12..]);
        }
        14
    }

    /// Fills in lengths and checksums.
    #[inline]
    fn close(&mut self, ends: &Ends, segment: &Segment, at: &Layers) {
        let body = usize::from(segment.body);
        let odd = (self.frame.len() - at.transport) % 2 == 1;
        let (_, sum) = self.pool.slice(segment.seq, body);
        let length = self.frame.len() - at.transport + body;
        let addresses = if ends.v6 {
            self.frame[at.ip + 4..at.ip + 6].copy_from_slice(&(length as u16).to_be_bytes());
            &self.frame[at.ip + 8..at.ip + 40]
        } else {
            self.frame[at.ip + 2..at.ip + 4].copy_from_slice(&((length + 20) as u16).to_be_bytes());
            let sum = fold(words(&self.frame[at.ip..at.ip + 20]));
            self.frame[at.ip + 10..at.ip + 12].copy_from_slice(&(!sum).to_be_bytes());
            &self.frame[at.ip + 12..at.ip + 20]
        };
        let pseudo = words(addresses) + u64::from(at.protocol) + length as u64;
        let sum = if odd { u64::from(fold(sum).swap_bytes()) } else { sum };
        let total = fold(pseudo + words(&self.frame[at.transport..]) + sum);
        self.frame[at.checksum..at.checksum + 2].copy_from_slice(&(!total).to_be_bytes());
    }

    /// Writes the frame with the segment's bytes of the pool behind it.
    #[inline]
    fn write(&mut self, time_us: u64, segment: &Segment) -> Result<()> {
        let (slice, _) = self.pool.slice(segment.seq, usize::from(segment.body));
        let len = self.frame.len() + slice.len();
        if len < self.least {
            self.frame.extend_from_slice(slice);
            self.frame.resize(self.least, 0);
            self.bytes += record(&mut self.out, self.snap, time_us, &self.frame, &[])?;
        } else {
            self.bytes += record(&mut self.out, self.snap, time_us, &self.frame, slice)?;
        }
        self.frames += 1;
        Ok(())
    }
}

/// Where the parts of a frame start.
struct Layers {
    ip: usize,
    transport: usize,
    checksum: usize,
    protocol: u8,
}

fn sides(segment: &Segment) -> (usize, usize) {
    let from = usize::from(segment.from & 1);
    (from, 1 - from)
}

/// Writes a record; returns its size.
fn record(out: &mut impl Write, snap: usize, time_us: u64, front: &[u8], back: &[u8]) -> Result<u64> {
    let len = front.len() + back.len();
    let kept = len.min(snap);
    let mut head = [0; 16];
    head[..4].copy_from_slice(&((time_us / 1_000_000) as u32).to_le_bytes());
    head[4..8].copy_from_slice(&((time_us % 1_000_000) as u32).to_le_bytes());
    head[8..12].copy_from_slice(&(kept as u32).to_le_bytes());
    head[12..].copy_from_slice(&(len as u32).to_le_bytes());
    out.write_all(&head)?;
    out.write_all(&front[..front.len().min(kept)])?;
    out.write_all(&back[..kept.saturating_sub(front.len())])?;
    Ok(16 + kept as u64)
}

/// The sum of `bytes` as big-endian 16-bit words.
#[inline]
fn words(bytes: &[u8]) -> u64 {
    let pairs = bytes.chunks_exact(2);
    let last = pairs.remainder().first().map_or(0, |byte| u64::from(*byte) << 8);
    pairs.map(|pair| u64::from(u16::from_be_bytes([pair[0], pair[1]]))).sum::<u64>() + last
}

/// The sum with its carries added in.
#[inline]
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
