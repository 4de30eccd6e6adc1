//! Compact packets: what a shard needs of a decoded transport header, without the frame.

use super::key::FlowKey;
use crate::model::{Direction, FrameNumber, Timestamp};
use crate::packet::Origin;
use crate::packet::tcp_option::{self, TcpOptions, Timestamps};
use crate::tcp::{Checksum, Scope, Segment, TcpFlags, Wire};

/// [`TcpPacket::options`] of a header whose options change no state: none, or padding and time stamps only.
pub(crate) const NO_OPTIONS: u32 = u32::MAX;

/// A TCP header with at least its first 16 bytes captured. At most 96 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpPacket {
    /// Conversation key.
    pub key: FlowKey,
    /// Its hash.
    pub hash: u32,
    /// Where the transport header is in its frame, and whether that is a datagram completed from fragments.
    pub at: At,
    /// Frame time.
    pub time: Timestamp,
    /// Frame, as an index into the batch.
    pub frame_index: u32,
    /// Number of the transport header within the batch, in frame order (datagrams completed from fragments come after the rest).
    pub slot: u32,
    /// Sequence number field.
    pub seq: u32,
    /// Acknowledgment number field.
    pub ack: u32,
    /// Bytes on the wire from the header's first byte on.
    pub reported: u32,
    /// Index into the batch's parsed options, or [`NO_OPTIONS`].
    pub options: u32,
    /// Window field.
    pub window: u16,
    /// Flags.
    pub flags: TcpFlags,
    /// Position of the header among the layers of its frame.
    pub ordinal: u16,
    /// Header length field, in bytes.
    pub header_len: u8,
    /// Header bytes captured.
    pub header_captured: u8,
    /// Which way it travels.
    pub direction: Direction,
    /// Where it was found.
    pub origin: Origin,
    /// Identification field of the IPv4 packet; 0 for IPv6.
    pub ip_id: u16,
    /// Time to live or hop limit of the packet; 0 if unknown.
    pub ttl: u8,
    /// Whether the urgent pointer is not zero.
    pub urgent_pointer: bool,
    /// Whether the payload is one after which a new conversation begins ([`crate::protocol::vnc`]).
    pub opens_successor: bool,
    /// Whether the payload belongs to a negotiation with a proxy ([`crate::protocol::socks`]).
    pub negotiates: bool,
}

const _: () = assert!(size_of::<TcpPacket>() <= 96);

/// Where a transport header is: an offset, with the uppermost bit for those in datagrams that fragments completed. Records are far shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At(pub(crate) u32);

impl At {
    const IN_DATAGRAM: u32 = 1 << 31;

    /// A place in a frame or, if a fragment completed it, in a datagram.
    #[inline]
    pub(crate) fn new(offset: usize, in_datagram: bool) -> Self {
        At(offset as u32 & !At::IN_DATAGRAM | if in_datagram { At::IN_DATAGRAM } else { 0 })
    }

    /// Whether it is in a datagram completed from fragments.
    pub(crate) fn is_in_datagram(self) -> bool {
        self.0 & At::IN_DATAGRAM != 0
    }

    /// Bytes before it.
    pub(crate) fn offset(self) -> usize {
        (self.0 & !At::IN_DATAGRAM) as usize
    }
}

impl TcpPacket {
    /// The time stamps, if they are all that its options are; `area` are the first twelve bytes of these.
    pub(crate) fn stamps(&self, area: &[u8]) -> Option<Timestamps> {
        let alone = self.options == NO_OPTIONS && self.header_len == 32 && area.len() == 12;
        if alone { tcp_option::parse(area).timestamps } else { None }
    }

    /// Bytes of payload on the wire.
    #[inline]
    pub(crate) fn payload_len(&self) -> u32 {
        self.reported.saturating_sub(u32::from(self.header_len))
    }

    /// Fills room for packets to come.
    pub(crate) const BLANK: TcpPacket = TcpPacket {
        key: FlowKey::NONE,
        hash: 0,
        at: At(0),
        time: Timestamp(0),
        frame_index: 0,
        slot: 0,
        seq: 0,
        ack: 0,
        reported: 0,
        options: NO_OPTIONS,
        window: 0,
        flags: TcpFlags(0),
        ordinal: 0,
        header_len: 0,
        header_captured: 0,
        direction: Direction::AtoB,
        origin: Origin::Packet,
        ip_id: 0,
        ttl: 0,
        urgent_pointer: false,
        opens_successor: false,
        negotiates: false,
    };

    /// The packet as the analysis reads it. `options` are the batch's.
    #[inline]
    #[must_use]
    pub(crate) fn segment<'a>(&self, frame: FrameNumber, options: &'a [TcpOptions]) -> Segment<'a> {
        let header_len = u32::from(self.header_len);
        let scope = match self.origin {
            Origin::Packet if self.reported < header_len => Scope::ShortSegment,
            Origin::Packet => Scope::Full,
            Origin::Fragment | Origin::QuotedIcmp | Origin::QuotedIcmpv6 => Scope::HeaderOnly,
        };
        Segment {
            frame,
            time: self.time,
            seq: self.seq,
            ack: self.ack,
            len: self.reported.saturating_sub(header_len),
            window: self.window,
            flags: self.flags,
            header_len: self.header_len,
            header_captured: self.header_captured,
            urgent_pointer: self.urgent_pointer,
            scope,
            options: options.get(self.options as usize),
        }
    }
}

/// A TCP packet with a way to its bytes: those behind the first so many of its header and payload, at most so many.
pub(crate) struct InFrame<'p, 'b> {
    pub packet: &'p TcpPacket,
    pub bytes: &'p dyn Fn(u32, u32) -> &'b [u8],
}

impl Wire for InFrame<'_, '_> {
    fn stamps(&self) -> Option<Timestamps> {
        self.packet.stamps((self.bytes)(20, 12))
    }

    fn checksum(&self) -> Checksum {
        let (from, to) = self.packet.key.endpoints(self.packet.direction);
        let reported = self.packet.reported;
        Checksum::of((from.ip(), to.ip()), (self.bytes)(0, reported), reported)
    }
}

/// A UDP header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UdpPacket {
    /// Conversation key.
    pub key: FlowKey,
    /// Its hash.
    pub hash: u32,
    /// Where the transport header is in its frame, and whether that is a datagram completed from fragments.
    pub at: At,
    /// Frame time.
    pub time: Timestamp,
    /// Frame, as an index into the batch.
    pub frame_index: u32,
    /// As [`TcpPacket::slot`].
    pub slot: u32,
    /// Bytes of payload on the wire.
    pub payload_len: u32,
    /// As [`TcpPacket::ordinal`].
    pub ordinal: u16,
    /// Which way it travels.
    pub direction: Direction,
    /// Where it was found.
    pub origin: Origin,
    /// As [`TcpPacket::ip_id`].
    pub ip_id: u16,
    /// As [`TcpPacket::ttl`].
    pub ttl: u8,
    /// Whether the payload is one after which a new conversation begins ([`crate::protocol::snmp`]).
    pub opens_successor: bool,
}
