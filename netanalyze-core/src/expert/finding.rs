//! A finding: a kind, a frame, the endpoints, and the figures that its sentence quotes.

use std::fmt;

use serde::Serialize;

use super::catalogue::{Kind, KindId};
use super::dns::DnsDetail;
use super::ending::EndingDetail;
use super::http::HttpDetail;
use super::icmp::IcmpDetail;
use super::tls_detail::TlsDetail;
use crate::conversation::{ConversationRef, Protocol};
use crate::model::{Endpoint, FrameNumber, Span, Timestamp};
use crate::tcp::ConnectionState;

/// Which end of a connection, as far as the capture tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The end that sent the SYN.
    Client,
    /// The end that answered it.
    Server,
    /// No SYN was seen: the finding's source.
    Sender,
    /// No SYN was seen: the finding's destination.
    Receiver,
    /// Both.
    Both,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Party::Client => "the client",
            Party::Server => "the server",
            Party::Sender => "the sender",
            Party::Receiver => "the receiver",
            Party::Both => "both sides",
        })
    }
}

/// Who reset a connection, and how far it had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ResetDetail {
    /// Who sent the RST.
    pub by: Party,
    /// The connection's state before it.
    pub state: ConnectionState,
    /// Data of the side that reset was not yet acknowledged.
    pub own_data_outstanding: bool,
    /// Data of the other side was not yet acknowledged.
    pub peer_data_outstanding: bool,
}

/// The figures behind a finding. Sequence and acknowledgment numbers are relative, as Wireshark shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum Detail {
    /// The kind says it all.
    None {},
    /// A segment sent again or out of order.
    Segment {
        /// Relative sequence number.
        seq: u32,
        /// Payload bytes.
        payload_bytes: u32,
        /// It is a SYN.
        syn: bool,
        /// It is a FIN.
        fin: bool,
        /// Frame of the oldest unacknowledged segment; 0 if it does not apply.
        rto_frame: FrameNumber,
        /// Time since that frame.
        #[serde(rename = "rto_ns")]
        rto: Span,
    },
    /// A hole before a segment.
    Missing {
        /// Relative sequence number of the segment.
        seq: u32,
        /// Bytes that are missing before it.
        missing_bytes: u32,
    },
    /// An acknowledgement of bytes that were not captured.
    Unseen {
        /// Relative acknowledgment number.
        ack: u32,
        /// Relative sequence number where the hole in the capture begins.
        hole_seq: u32,
    },
    /// A changed window.
    WindowUpdate {
        /// Window before.
        previous_window_bytes: u32,
        /// Window now.
        window_bytes: u32,
    },
    /// A segment that fills a window.
    WindowFull {
        /// The window.
        window_bytes: u32,
    },
    /// A repeated acknowledgement.
    DuplicateAck {
        /// Relative acknowledgment number.
        ack: u32,
        /// How many repeats so far.
        number: u32,
        /// Frame that it repeats.
        of_frame: FrameNumber,
    },
    /// A reset.
    Reset(ResetDetail),
    /// What became of the whole conversation.
    Ending(EndingDetail),
    /// A silence.
    Gap {
        /// How long.
        #[serde(rename = "silence_ns")]
        silence: Span,
        /// Who was silent.
        silent: Party,
        /// Whether data, a SYN or a FIN was waiting for its acknowledgement all the while.
        data_outstanding: bool,
        /// The connection's state during the silence.
        state: ConnectionState,
    },
    /// What DNS says.
    Dns(Box<DnsDetail>),
    /// What TLS says.
    Tls(Box<TlsDetail>),
    /// What HTTP says.
    Http(Box<HttpDetail>),
    /// What ICMP, neighbour discovery or ARP says.
    Icmp(Box<IcmpDetail>),
    /// A finding of a caller's rule.
    Custom {
        /// Its kind, which the catalogue does not have.
        #[serde(skip)]
        kind: &'static Kind,
        /// Its sentence.
        #[serde(skip)]
        message: Box<str>,
    },
}

const _: () = assert!(size_of::<Detail>() <= 40, "findings come by the hundred thousand");

/// A fact about a frame that an engineer may want to know.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Catalogue row; [`KindId::CUSTOM`] if it is of a caller's own kind. [`Finding::kind`] knows both.
    pub kind: KindId,
    /// The frame that it is about.
    pub frame: FrameNumber,
    /// The frame with which it became known.
    pub known_at: FrameNumber,
    /// Position of the header among the layers of its frame.
    pub ordinal: u16,
    /// Time of the frame; of a finding about a whole conversation the earliest or the latest time of its packets, as `frame` is its first
    /// or its last one.
    pub time: Timestamp,
    /// What `stream` counts; `None` where there is no conversation: of ICMP and ARP, and for what a caller's rule finds in a frame without TCP and UDP.
    pub protocol: Option<Protocol>,
    /// Stream number; `None` only before it is assigned, and where there is no conversation.
    pub stream: Option<u32>,
    /// Source of the packet, of an ICMP error that of the packet that it quotes; with port 0 where there are no ports. `0.0.0.0:0` only for what a
    /// caller's rule finds in a frame without TCP and UDP.
    pub source: Endpoint,
    /// Destination of the packet.
    pub destination: Endpoint,
    /// Figures.
    pub detail: Detail,
    /// The first of its kind in its conversation; of those without one, between its two addresses.
    pub first_of_conversation: bool,
    /// The conversation.
    pub conversation: ConversationRef,
}

impl Finding {
    /// What kind it is: of the catalogue, or of a caller's own.
    #[must_use]
    pub fn kind(&self) -> &'static Kind {
        match self.detail {
            Detail::Custom { kind, .. } => kind,
            _ => self.kind.kind(),
        }
    }

    /// A display filter that shows this frame in Wireshark, and those of the same kind: [`Kind::filter`]. Empty if there is none: as QUIC ends without
    /// a segment of TCP or a record of TLS, that of a kind of TLS is.
    #[must_use]
    pub fn kind_filter(&self) -> &'static str {
        let kind = self.kind();
        let ends = kind.filter.starts_with("tcp.") || kind.filter.starts_with("tls.alert");
        if ends && self.protocol == Some(Protocol::Udp) { "" } else { kind.filter }
    }

    /// A display filter that shows exactly this frame in Wireshark.
    #[must_use]
    pub fn filter(&self) -> String {
        format!("frame.number == {}", self.frame)
    }
}
