//! A TCP host's state, and a segment before it becomes bytes. RFC 9293, 7323, 2018.

use crate::layer;
use etherparse::{TcpHeader, TcpOptions};
use std::net::IpAddr;

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who sends the first SYN.
    Client,
    /// Who answers it.
    Server,
}

impl Side {
    /// The other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// TCP flag bits as the header holds them.
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u16 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u16 = 0x02;
    /// Reset the connection.
    pub const RST: u16 = 0x04;
    /// Push.
    pub const PSH: u16 = 0x08;
    /// The acknowledgement field is meant.
    pub const ACK: u16 = 0x10;
    /// The urgent pointer is meant.
    pub const URG: u16 = 0x20;
    /// Congestion was experienced.
    pub const ECE: u16 = 0x40;
    /// The congestion window was reduced.
    pub const CWR: u16 = 0x80;
    /// Accurate ECN (formerly nonce sum).
    pub const AE: u16 = 0x100;
}

/// The state of one end.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Address.
    pub addr: IpAddr,
    /// Port.
    pub port: u16,
    /// Initial sequence number.
    pub isn: u32,
    /// Next sequence number to send.
    pub next: u32,
    /// Next sequence number expected: what is acknowledged.
    pub expected: u32,
    /// Ranges that arrived out of order, latest first (RFC 2018 §4).
    pub held: Vec<(u32, u32)>,
    /// Free receive buffer in bytes; the header gets it shifted.
    pub window: u32,
    /// Window scale offered in the SYN; `None`: the option is not sent.
    pub scale: Option<u8>,
    /// Maximum segment size offered; 0: the option is not sent.
    pub mss: u16,
    /// Selective acknowledgement permitted.
    pub sack: bool,
    /// Timestamps offered: the value at the start of the trace.
    pub timestamps: Option<u32>,
    /// The peer's latest timestamp value.
    pub recent: u32,
    /// Time to live that a capture near this host sees.
    pub ttl: u8,
    /// Next IPv4 identification.
    pub id: u16,
}

impl Endpoint {
    /// An endpoint with a window of 64,240 bytes, scale 7, MSS 1460 and SACK, without timestamps.
    #[must_use]
    pub fn new(addr: IpAddr, port: u16, isn: u32) -> Self {
        Self {
            addr,
            port,
            isn,
            next: isn,
            expected: 0,
            held: Vec::new(),
            window: 64_240,
            scale: Some(7),
            mss: 1460,
            sack: true,
            timestamps: None,
            recent: 0,
            ttl: 64,
            id: isn as u16,
        }
    }

    /// Takes in the sequence range `start..end` (serial arithmetic, RFC 1982).
    pub fn receive(&mut self, start: u32, end: u32) {
        let ahead = |a: u32, b: u32| a.wrapping_sub(b) as i32 > 0;
        if ahead(start, self.expected) {
            let (mut low, mut high) = (start, end);
            self.held.retain(|&(a, b)| {
                let apart = ahead(a, high) || ahead(low, b);
                if !apart {
                    low = if ahead(low, a) { a } else { low };
                    high = if ahead(b, high) { b } else { high };
                }
                apart
            });
            self.held.insert(0, (low, high));
            return;
        }
        if ahead(end, self.expected) {
            self.expected = end;
        }
        while let Some(at) = self.held.iter().position(|&(a, _)| !ahead(a, self.expected)) {
            let (_, b) = self.held.remove(at);
            if ahead(b, self.expected) {
                self.expected = b;
            }
        }
    }
}

/// A TCP segment before it becomes bytes; every field may be changed by a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The sender.
    pub from: Side,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement field.
    pub ack: u32,
    /// Flag bits, see [`flag`].
    pub flags: u16,
    /// The window field as sent, not scaled.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options; padded with zero bytes to a multiple of four, cut at 40.
    pub options: Vec<u8>,
    /// Payload.
    pub payload: Vec<u8>,
}

impl Segment {
    /// The sequence number after this segment.
    #[must_use]
    pub fn end(&self) -> u32 {
        let marks = u32::from(self.flags & flag::SYN != 0) + u32::from(self.flags & flag::FIN != 0);
        self.seq.wrapping_add(self.payload.len() as u32).wrapping_add(marks)
    }
}

/// The header of a segment between two endpoints, without checksum.
#[must_use]
pub fn tcp_header(from: &Endpoint, to: &Endpoint, segment: &Segment) -> TcpHeader {
    let has = |bit: u16| segment.flags & bit != 0;
    let kept = &segment.options[..segment.options.len().min(40)];
    TcpHeader {
        source_port: from.port,
        destination_port: to.port,
        sequence_number: segment.seq,
        acknowledgment_number: segment.ack,
        ns: has(flag::AE),
        fin: has(flag::FIN),
        syn: has(flag::SYN),
        rst: has(flag::RST),
        psh: has(flag::PSH),
        ack: has(flag::ACK),
        urg: has(flag::URG),
        ece: has(flag::ECE),
        cwr: has(flag::CWR),
        window_size: segment.window,
        checksum: 0,
        urgent_pointer: segment.urgent,
        options: TcpOptions::try_from_slice(kept).unwrap_or_default(),
    }
}

/// The bytes of a segment between two endpoints.
#[must_use]
pub fn tcp(from: &Endpoint, to: &Endpoint, segment: &Segment) -> Vec<u8> {
    let mut head = tcp_header(from, to, segment);
    head.checksum = match (from.addr, to.addr) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            head.calc_checksum_ipv4_raw(a.octets(), b.octets(), &segment.payload).unwrap_or(0)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            head.calc_checksum_ipv6_raw(a.octets(), b.octets(), &segment.payload).unwrap_or(0)
        }
        _ => 0,
    };
    layer::join(&head.to_bytes(), &segment.payload)
}

/// The SACK option (RFC 2018) for up to three blocks; nothing without blocks.
#[must_use]
pub fn sack_option(blocks: &[(u32, u32)]) -> Vec<u8> {
    let blocks = &blocks[..blocks.len().min(3)];
    if blocks.is_empty() {
        return Vec::new();
    }
    let mut option = vec![1, 1, 5, (2 + 8 * blocks.len()) as u8];
    for (left, right) in blocks {
        option.extend_from_slice(&left.to_be_bytes());
        option.extend_from_slice(&right.to_be_bytes());
    }
    option
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(expected: u32) -> Endpoint {
        Endpoint { expected, ..Endpoint::new(IpAddr::from([10, 0, 0, 1]), 1, 0) }
    }

    #[test]
    fn a_filled_hole_releases_what_was_held_across_the_wrap() {
        let mut end = endpoint(0xffff_ff00);
        end.receive(0x100, 0x200);
        end.receive(0, 0x100);
        assert_eq!(end.held, [(0, 0x200)]);
        end.receive(0xffff_ff00, 0);
        assert_eq!((end.expected, end.held.len()), (0x200, 0));
    }

    #[test]
    fn the_latest_range_comes_first() {
        let mut end = endpoint(0);
        end.receive(100, 200);
        end.receive(300, 400);
        assert_eq!(end.held, [(300, 400), (100, 200)]);
        end.receive(0, 50);
        assert_eq!(end.expected, 50);
    }
}
