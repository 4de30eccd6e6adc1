//! Frames in, layers out: link layers, tunnels, IP with fragments, down to the transport header.
//!
//! Owns: everything between a frame's first byte and the first byte of a TCP, UDP or ICMP header. Reads: one frame at a time, borrowed.
//! Emits: [`Layer`]s to a [`Sink`], outermost first. Keeps nothing between frames but [`fragment::FragmentTable`].
//! Costs one pass over the headers, no allocation.
//!
//! Two lengths travel together: the bytes that were captured and the bytes that were on the wire ("reported"). Decoding goes left to
//! right and stops at the first byte that was not captured; lengths of what follows come from the headers, not from the captured bytes.

mod cooked;
mod dissect;
mod ethernet;
pub mod fragment;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod gre;
mod gtp;
mod icmp;
mod ipv4;
mod ipv6;
mod mpls;
mod plain;
mod ppp;
mod protocol;
mod rare_links;
#[cfg(test)]
mod sample;
mod sflow;
pub mod tcp_option;
mod udp_tunnel;
mod window;
mod wlan;

pub use dissect::{dissect, dissect_datagram};
pub use ipv4::ipv4_final_destination;
pub use plain::{PLAIN_LAYERS, PlainSink, PlainTcp, plain};
pub use protocol::Protocol;

use std::net::IpAddr;

/// Receives the layers of a frame, outermost first. One type of sink, one compiled decoder: what a sink ignores costs nothing.
pub trait Sink<'a> {
    /// One layer. `Layer` borrows from the frame.
    fn layer(&mut self, layer: Layer<'a>);

    /// A fragment that was not captured whole, and of which no layer shows anything; [`Layer::Cut`] follows.
    #[inline]
    fn cut_fragment(&mut self, fragment: Fragment<'a>) {
        let _ = fragment;
    }
}

/// Where a transport header was found; it decides how much of the analysis it takes part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Origin {
    /// In an ordinary packet, or in a datagram completed from fragments.
    #[default]
    Packet,
    /// In the first fragment of a datagram that cannot be reassembled because bytes were not captured (IPv4 only).
    Fragment,
    /// Quoted in an ICMP error message.
    QuotedIcmp,
    /// Quoted in an ICMPv6 error message, or sampled by sFlow, which Wireshark treats alike.
    QuotedIcmpv6,
}

impl Origin {
    /// Whether the header was quoted in an ICMP or ICMPv6 error.
    #[must_use]
    pub fn is_quoted(self) -> bool {
        matches!(self, Origin::QuotedIcmp | Origin::QuotedIcmpv6)
    }
}

/// A TCP, UDP, ICMP or ICMPv6 header with what follows it, between two network addresses.
#[derive(Clone, Copy, Debug)]
pub struct Transport<'a> {
    /// Network source address (innermost).
    pub source: IpAddr,
    /// Network destination address (innermost; the final hop of a source route or routing header).
    pub destination: IpAddr,
    /// Captured bytes from the transport header's first byte on, at most `reported` of them.
    pub bytes: &'a [u8],
    /// Bytes on the wire from the transport header's first byte on, as the IP header gives them.
    pub reported: u32,
    /// Where it was found.
    pub origin: Origin,
}

impl Transport<'_> {
    /// Length of a UDP datagram on the wire, header included. `None` if the header was not captured or its length field is too small:
    /// Wireshark gives such a datagram no `udp.stream`.
    #[inline]
    #[must_use]
    pub fn udp_len(&self) -> Option<u32> {
        let &[_, _, _, _, high, low, _, _] = self.bytes.first_chunk()?;
        match u32::from(u16::from_be_bytes([high, low])) {
            0 if self.source.is_ipv6() => Some(self.reported), // Jumbogram, RFC 2675 §4.
            0..8 => None,
            len => Some(len.min(self.reported)),
        }
    }
}

/// A piece of an IP datagram whose bytes were all captured, unless [`Sink::cut_fragment`] is told of it.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// IPv4 identification (16 bits) or IPv6 fragment identification (32 bits).
    pub identification: u32,
    /// Protocol number of the datagram's payload (IPv6: next header of the fragment header of the first fragment counts).
    pub protocol: u8,
    /// The frame's first VLAN id, for the reassembly key.
    pub vlan: Option<u16>,
    /// Offset of `payload` in the datagram's payload, in bytes.
    pub offset: u32,
    /// More fragments follow.
    pub more: bool,
    /// The fragment's payload.
    pub payload: &'a [u8],
    /// Where it was found: in an ordinary packet, or quoted in an error.
    pub origin: Origin,
}

/// One layer of a frame. Header slices hold the bytes that were captured, which can be fewer than the header has.
#[derive(Clone, Copy, Debug)]
pub enum Layer<'a> {
    /// Ethernet II or 802.3: destination, source, type or length.
    Ethernet(&'a [u8]),
    /// An 802.1Q tag: tag control information and the type that follows (4 bytes).
    Vlan(&'a [u8]),
    /// An IPv4 header with its options.
    Ipv4(&'a [u8]),
    /// An IPv6 header (40 bytes).
    Ipv6(&'a [u8]),
    /// A fragment that waits for the rest of its datagram; nothing else follows for it.
    Fragment(Fragment<'a>),
    /// A TCP segment. Its header may be cut off: as Wireshark 4.0 has it, ports need 4 bytes, everything that touches the stream 16.
    Tcp(Transport<'a>),
    /// A UDP datagram; [`Transport::udp_len`] tells whether it has a stream. A tunnel that it carries follows as layers of its own.
    Udp(Transport<'a>),
    /// An ICMP message (Wireshark 4.0 shows its fields if 6 bytes were captured). For errors, the layers of the quoted packet follow.
    Icmp(Transport<'a>),
    /// An ICMPv6 message. For errors, the layers of the quoted packet follow.
    Icmpv6(Transport<'a>),
    /// An ARP packet.
    Arp(&'a [u8]),
    /// An 802.11 header, up to its third address (24 bytes).
    Wlan(&'a [u8]),
    /// An EAPOL frame (IEEE 802.1X §11.3).
    Eapol(&'a [u8]),
    /// A layer of which only the name matters.
    Other(Protocol),
    /// Decoding stopped here because the frame was not captured further (within the named layer).
    Cut(Protocol),
    /// Decoding stopped here because the frame nests more layers than [`crate::model::limits::MAX_LAYERS`].
    TooDeep,
    /// Decoding stopped here because the named layer contradicts itself or runs past the wire length.
    Malformed(Protocol),
}
