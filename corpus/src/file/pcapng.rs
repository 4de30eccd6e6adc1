//! The pcapng format (draft-ietf-opsawg-pcapng): sections, interfaces, every packet block, and the blocks around them.

use super::Order;
use crate::trace::Frame;

/// An option: code and value.
pub type Opt<'a> = (u16, &'a [u8]);

/// Block types.
pub mod block {
    /// Interface description.
    pub const INTERFACE: u32 = 1;
    /// The obsolete packet block.
    pub const OLD_PACKET: u32 = 2;
    /// Simple packet.
    pub const SIMPLE_PACKET: u32 = 3;
    /// Name resolution.
    pub const NAMES: u32 = 4;
    /// Interface statistics.
    pub const STATISTICS: u32 = 5;
    /// Enhanced packet.
    pub const PACKET: u32 = 6;
    /// Decryption secrets.
    pub const SECRETS: u32 = 10;
    /// An entry of the systemd journal.
    pub const JOURNAL: u32 = 9;
    /// Custom block that may be copied.
    pub const CUSTOM: u32 = 0x0bad;
    /// Section header.
    pub const SECTION: u32 = 0x0a0d_0d0a;
}

/// A file in the making.
#[derive(Clone, Debug)]
pub struct PcapNg {
    order: Order,
    bytes: Vec<u8>,
}

impl PcapNg {
    /// A file with its first section.
    #[must_use]
    pub fn new(order: Order, options: &[Opt<'_>]) -> Self {
        let mut file = Self { order, bytes: Vec::new() };
        file.section(order, options);
        file
    }

    /// Starts another section, perhaps in another byte order.
    pub fn section(&mut self, order: Order, options: &[Opt<'_>]) -> &mut Self {
        self.order = order;
        let mut body = order.u32(0x1a2b_3c4d).to_vec();
        body.extend_from_slice(&order.u16(1));
        body.extend_from_slice(&order.u16(0));
        body.extend_from_slice(&order.u64(u64::MAX));
        self.options(&mut body, options);
        self.block(block::SECTION, &body)
    }

    /// An interface; options as the format numbers them (2 name, 9 resolution, 13 FCS length, 14 time offset).
    pub fn interface(&mut self, link: u16, snaplen: u32, options: &[Opt<'_>]) -> &mut Self {
        let mut body = self.order.u16(link).to_vec();
        body.extend_from_slice(&self.order.u16(0));
        body.extend_from_slice(&self.order.u32(snaplen));
        self.options(&mut body, options);
        self.block(block::INTERFACE, &body)
    }

    /// An enhanced packet; `time` is in the interface's own units.
    pub fn packet(&mut self, interface: u32, time: u64, frame: &Frame, options: &[Opt<'_>]) -> &mut Self {
        let mut body = self.order.u32(interface).to_vec();
        body.extend_from_slice(&self.order.u32((time >> 32) as u32));
        body.extend_from_slice(&self.order.u32(time as u32));
        body.extend_from_slice(&self.order.u32(frame.bytes.len() as u32));
        body.extend_from_slice(&self.order.u32(frame.wire_len));
        body.extend_from_slice(&frame.bytes);
        pad(&mut body);
        self.options(&mut body, options);
        self.block(block::PACKET, &body)
    }

    /// Enhanced packets with microsecond times, all on one interface.
    pub fn packets(&mut self, interface: u32, frames: &[Frame]) -> &mut Self {
        for frame in frames {
            self.packet(interface, frame.time_ns / 1_000, frame, &[]);
        }
        self
    }

    /// A packet in the obsolete block; `time` is in the interface's own units.
    pub fn old_packet(&mut self, interface: u16, drops: u16, time: u64, frame: &Frame) -> &mut Self {
        let mut body = self.order.u16(interface).to_vec();
        body.extend_from_slice(&self.order.u16(drops));
        body.extend_from_slice(&self.order.u32((time >> 32) as u32));
        body.extend_from_slice(&self.order.u32(time as u32));
        body.extend_from_slice(&self.order.u32(frame.bytes.len() as u32));
        body.extend_from_slice(&self.order.u32(frame.wire_len));
        body.extend_from_slice(&frame.bytes);
        pad(&mut body);
        self.block(block::OLD_PACKET, &body)
    }

    /// A simple packet: no time, no interface; it is cut at the first interface's snap length, which the caller sees to.
    pub fn simple_packet(&mut self, frame: &Frame) -> &mut Self {
        let mut body = self.order.u32(frame.wire_len).to_vec();
        body.extend_from_slice(&frame.bytes);
        pad(&mut body);
        self.block(block::SIMPLE_PACKET, &body)
    }

    /// Names of IPv4 addresses.
    pub fn names(&mut self, names: &[([u8; 4], &str)]) -> &mut Self {
        let mut body = Vec::new();
        for (address, name) in names {
            body.extend_from_slice(&self.order.u16(1));
            body.extend_from_slice(&self.order.u16((5 + name.len()) as u16));
            body.extend_from_slice(address);
            body.extend_from_slice(name.as_bytes());
            body.push(0);
            pad(&mut body);
        }
        body.extend_from_slice(&[0; 4]);
        self.block(block::NAMES, &body)
    }

    /// Interface statistics: packets received (4) and dropped by the interface (5) and the system (7).
    pub fn statistics(&mut self, interface: u32, time: u64, counters: &[(u16, u64)]) -> &mut Self {
        let mut body = self.order.u32(interface).to_vec();
        body.extend_from_slice(&self.order.u32((time >> 32) as u32));
        body.extend_from_slice(&self.order.u32(time as u32));
        let values: Vec<(u16, [u8; 8])> =
            counters.iter().map(|(code, count)| (*code, self.order.u64(*count))).collect();
        let options: Vec<Opt<'_>> = values.iter().map(|(code, value)| (*code, &value[..])).collect();
        self.options(&mut body, &options);
        self.block(block::STATISTICS, &body)
    }

    /// TLS secrets in the key log form.
    pub fn secrets(&mut self, key_log: &str) -> &mut Self {
        let mut body = self.order.u32(0x544c_534b).to_vec();
        body.extend_from_slice(&self.order.u32(key_log.len() as u32));
        body.extend_from_slice(key_log.as_bytes());
        pad(&mut body);
        self.block(block::SECRETS, &body)
    }

    /// Any block.
    pub fn block(&mut self, kind: u32, body: &[u8]) -> &mut Self {
        let length = self.order.u32(12 + body.len() as u32);
        self.bytes.extend_from_slice(&self.order.u32(kind));
        self.bytes.extend_from_slice(&length);
        self.bytes.extend_from_slice(body);
        self.bytes.extend_from_slice(&length);
        self
    }

    /// Bytes as they are, for damaged files.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// The file so far.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    fn options(&self, body: &mut Vec<u8>, options: &[Opt<'_>]) {
        if options.is_empty() {
            return;
        }
        for (code, value) in options {
            body.extend_from_slice(&self.order.u16(*code));
            body.extend_from_slice(&self.order.u16(value.len() as u16));
            body.extend_from_slice(value);
            pad(body);
        }
        body.extend_from_slice(&[0; 4]);
    }
}

/// Fills up to a multiple of four.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_repeat_their_length_and_are_padded() {
        let frame = Frame::whole(0, vec![1, 2, 3, 4, 5]);
        let mut file = PcapNg::new(Order::Big, &[]);
        let start = file.bytes().len();
        file.packet(0, 1 << 32 | 7, &frame, &[(1, b"odd")]);
        let block = file.bytes()[start..].to_vec();
        assert_eq!(block.len(), 12 + 20 + 8 + 8 + 4);
        assert_eq!(block[4..8], block[block.len() - 4..]);
        assert_eq!(block[12..20], [0, 0, 0, 1, 0, 0, 0, 7]);
        assert_eq!(block[36..44], [0, 1, 0, 3, b'o', b'd', b'd', 0]);
    }
}
