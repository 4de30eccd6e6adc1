//! The pcap format (draft-ietf-opsawg-pcap) in both byte orders, with microseconds or nanoseconds, and the modified form
//! that a patched libpcap once wrote.

use super::Order;
use crate::trace::Frame;

/// How a file is written.
#[derive(Clone, Copy, Debug)]
pub struct Pcap {
    /// Byte order of the headers.
    pub order: Order,
    /// Nanoseconds instead of microseconds.
    pub nanoseconds: bool,
    /// Records with interface, protocol and packet type after the lengths (magic 0xa1b2cd34).
    pub modified: bool,
    /// The link type word: link type, and FCS bits if any.
    pub link: u32,
    /// Snap length.
    pub snaplen: u32,
}

impl Default for Pcap {
    fn default() -> Self {
        Self { order: Order::Little, nanoseconds: false, modified: false, link: 1, snaplen: 262_144 }
    }
}

impl Pcap {
    /// A file on another link.
    #[must_use]
    pub fn link(link: u32) -> Self {
        Self { link, ..Self::default() }
    }

    /// The file header.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        let magic: u32 = match (self.modified, self.nanoseconds) {
            (true, _) => 0xa1b2_cd34,
            (false, true) => 0xa1b2_3c4d,
            (false, false) => 0xa1b2_c3d4,
        };
        let mut bytes = self.order.u32(magic).to_vec();
        bytes.extend_from_slice(&self.order.u16(2));
        bytes.extend_from_slice(&self.order.u16(4));
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&self.order.u32(self.snaplen));
        bytes.extend_from_slice(&self.order.u32(self.link));
        bytes
    }

    /// One record.
    #[must_use]
    pub fn record(&self, frame: &Frame) -> Vec<u8> {
        let unit = if self.nanoseconds { 1 } else { 1_000 };
        let mut bytes = self.order.u32((frame.time_ns / 1_000_000_000) as u32).to_vec();
        bytes.extend_from_slice(&self.order.u32((frame.time_ns % 1_000_000_000 / unit) as u32));
        bytes.extend_from_slice(&self.order.u32(frame.bytes.len() as u32));
        bytes.extend_from_slice(&self.order.u32(frame.wire_len));
        if self.modified {
            bytes.extend_from_slice(&self.order.u32(2));
            bytes.extend_from_slice(&self.order.u16(0x0800));
            bytes.extend_from_slice(&[4, 0]);
        }
        bytes.extend_from_slice(&frame.bytes);
        bytes
    }

    /// The whole file.
    #[must_use]
    pub fn write(&self, frames: &[Frame]) -> Vec<u8> {
        let mut bytes = self.header();
        for frame in frames {
            bytes.extend_from_slice(&self.record(frame));
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_in_both_orders_and_resolutions() {
        let frame = Frame { wire_len: 9, ..Frame::whole(3_000_004_005, vec![0xaa]) };
        let little = Pcap::default().record(&frame);
        assert_eq!(little, [3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0xaa]);
        let big = Pcap { order: Order::Big, nanoseconds: true, ..Pcap::default() }.record(&frame);
        assert_eq!(big, [0, 0, 0, 3, 0, 0, 0x0f, 0xa5, 0, 0, 0, 1, 0, 0, 0, 9, 0xaa]);
    }
}
