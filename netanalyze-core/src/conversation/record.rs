//! What is known of a conversation, in plain values: the row of a table, the object of a machine-readable list.
//!
//! A record is made when somebody asks for it, from the compact state that the shard keeps. Sizes are bytes, durations nanoseconds; the
//! names of the serialised keys carry the unit.

use serde::Serialize;

use crate::model::{Endpoint, FrameNumber, Span, Timestamp};
use crate::tcp::{ClosedBy, TcpSide};

/// Whose streams a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// `tcp.stream`.
    Tcp,
    /// `udp.stream`.
    Udp,
}

impl Protocol {
    /// Lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

/// A conversation. Headers that ICMP errors quote make a conversation, as in Wireshark, but are not counted in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Conversation {
    /// What `stream` counts.
    pub protocol: Protocol,
    /// `tcp.stream` or `udp.stream`.
    pub stream: u32,
    /// The end that opened: the sender of the SYN, or else of the first packet.
    pub client: Endpoint,
    /// The other end.
    pub server: Endpoint,
    /// Frame of the first packet.
    pub first_frame: FrameNumber,
    /// Frame of the last packet.
    pub last_frame: FrameNumber,
    /// Earliest time of its packets: of the first one, unless times step back.
    pub start: Timestamp,
    /// From the earliest time of its packets to the latest.
    #[serde(rename = "duration_ns")]
    pub duration: Span,
    /// What the client sent.
    #[serde(rename = "client_side")]
    pub sent_by_client: Side,
    /// What the server sent.
    #[serde(rename = "server_side")]
    pub sent_by_server: Side,
    /// What only TCP has.
    #[serde(flatten)]
    pub tcp: Option<TcpConversationFacts>,
}

/// What one end of a conversation sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Side {
    /// Packets.
    pub packets: u64,
    /// Bytes of the frames that carried them, on the wire.
    pub wire_bytes: u64,
    /// Bytes of payload on the wire, repeated ones counted again.
    pub payload_bytes: u64,
    /// Least and greatest time to live, or hop limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<TtlRange>,
    /// What only TCP has.
    #[serde(flatten)]
    pub tcp: Option<TcpSide>,
}

/// Least and greatest time to live (IPv4) or hop limit (IPv6) that an end's packets had where they were captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TtlRange {
    /// The least.
    pub min: u8,
    /// The greatest.
    pub max: u8,
}

/// What TCP tells of a conversation as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TcpConversationFacts {
    /// Whether the SYN or SYN-ACK was seen, so that client and server are known and not merely first sender and other end.
    pub roles_known: bool,
    /// Whether the first packet is the SYN: else the conversation began before the capture, or its start was not captured.
    pub from_start: bool,
    /// Who closed, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<ClosedBy>,
    /// What happened in order, in letters in the manner of Zeek: see [`crate::tcp::History`]. Upper case is the client.
    pub history: String,
    /// `tcp.completeness`.
    pub completeness: u8,
    /// Time from the SYN to the first acknowledgement after it (`tcp.analysis.initial_rtt`).
    #[serde(rename = "initial_rtt_ns", skip_serializing_if = "Option::is_none")]
    pub initial_rtt: Option<Span>,
    /// Time that passed in silences which ended in a retransmission, or while a window was closed, or that were worth a finding; the silence
    /// in which the capture ended is one of them if it was worth a finding, or if a window was still closed.
    #[serde(rename = "stalled_ns")]
    pub stalled: Span,
}

impl Conversation {
    /// Packets of both ends.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.sent_by_client.packets.saturating_add(self.sent_by_server.packets)
    }

    /// Bytes on the wire of both ends.
    #[must_use]
    pub fn wire_bytes(&self) -> u64 {
        self.sent_by_client.wire_bytes.saturating_add(self.sent_by_server.wire_bytes)
    }

    /// A display filter that shows its packets in Wireshark.
    #[must_use]
    pub fn filter(&self) -> String {
        format!("{}.stream == {}", self.protocol.name(), self.stream)
    }
}
