//! What the analysis says of one TCP header.

use super::flow::WindowScale;
use super::{Figures, Flags};
use crate::model::{FrameNumber, Span};

/// The analysis record of a packet: Wireshark's `tcp.analysis` subtree. It exists for packets with a flag, with an exact
/// acknowledgement, or with bytes in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Analysis {
    /// The flags of the sequence analysis among them.
    pub flags: Flags,
    /// The frame whose segment this packet acknowledges exactly; 0 if none.
    pub acked_frame: FrameNumber,
    /// Time since that frame.
    pub ack_rtt: Span,
    /// Time since the reference of a retransmission; 0 if none.
    pub rto: Span,
    /// That reference.
    pub rto_frame: FrameNumber,
    /// Which duplicate ACK in a row this is, from 1.
    pub duplicate_ack_number: u32,
    /// The frame whose ACK it repeats.
    pub duplicate_ack_frame: FrameNumber,
    /// Bytes sent and not acknowledged; 0 if unknown.
    pub bytes_in_flight: u32,
    /// Bytes since the last PSH.
    pub push_bytes: u32,
}

/// A packet's record while the rules write it, in its place in the verdict. It exists once one of them asked for it.
pub(super) struct Record<'v> {
    fields: &'v mut Analysis,
    exists: bool,
}

impl<'v> Record<'v> {
    /// The record of an earlier header of the frame, or none so far.
    #[inline]
    pub(super) fn new(place: &'v mut Option<Analysis>, twin: Option<&Analysis>) -> Self {
        Record { fields: place.insert(twin.copied().unwrap_or_default()), exists: twin.is_some() }
    }

    /// The record, which exists from now on.
    #[inline]
    pub(super) fn make(&mut self) -> &mut Analysis {
        self.exists = true;
        self.fields
    }

    #[inline]
    pub(super) fn exists(&self) -> bool {
        self.exists
    }

    /// Its flags; none while it does not exist.
    #[inline]
    pub(super) fn flags(&self) -> Flags {
        self.fields.flags
    }
}

/// Which parts of a verdict Wireshark shows: what comes after the first byte that was not captured is worked out, but not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Shown {
    /// `tcp.len`.
    pub len: bool,
    /// `tcp.seq` and `tcp.ack` are relative to their bases.
    pub relative: bool,
    /// Flags, window and what follows from them: completeness, SYN, FIN and RST events.
    pub events: bool,
    /// `tcp.time_delta` and `tcp.time_relative`.
    pub times: bool,
    /// The analysis record.
    pub analysis: bool,
}

/// Which end opened the connection, seen from the packet at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Opener {
    /// No SYN was seen.
    #[default]
    Unknown,
    /// The sender of this packet.
    Sender,
    /// Its receiver.
    Receiver,
}

/// How far a connection had come before the packet at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ConnectionState {
    /// The capture holds no handshake of it.
    #[default]
    Unknown,
    /// A SYN, not yet answered.
    SynSent,
    /// A SYN and its SYN-ACK, the handshake not yet finished.
    SynReceived,
    /// Open.
    Established,
    /// One end sent its FIN.
    HalfClosed,
    /// Both ends sent their FIN.
    Closed,
    /// Reset before.
    Reset,
}

/// The verdict on one TCP header.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Verdict {
    /// Everything flagged, analysis and events together.
    pub flags: Flags,
    /// The record, if it exists.
    pub analysis: Option<Analysis>,
    /// What is shown of all this.
    pub shown: Shown,
    /// `tcp.completeness` before this packet.
    pub completeness: u8,
    /// Scale of the sender's windows, before this packet's options.
    pub scale: WindowScale,
    /// Base of the sender's sequence numbers.
    pub seq_base: u32,
    /// Base of the receiver's sequence numbers.
    pub ack_base: u32,
    /// Time since the conversation's first packet.
    pub time_relative: Span,
    /// Time since the conversation's previous packet.
    pub time_delta: Span,
    /// `tcp.analysis.initial_rtt`; 0 if unknown.
    pub initial_rtt: Span,
    /// Who opened.
    pub opener: Opener,
    /// How far the connection had come.
    pub state: ConnectionState,
    /// Figures that the findings' sentences quote.
    pub figures: Figures,
}

impl Verdict {
    /// Whether somebody owed something before this packet: an acknowledgement, or an answer. A client may think for as long as it likes;
    /// a server has a request to answer. Where roles are unknown, nobody is accused.
    #[inline]
    #[must_use]
    pub fn owed(&self) -> bool {
        let (own, peers) = self.figures.outstanding;
        own || peers || self.figures.answers && self.opener == Opener::Receiver
    }
}

impl ConnectionState {
    /// Every state, in the order of a connection's life.
    pub const ALL: [ConnectionState; 7] = [
        ConnectionState::Unknown,
        ConnectionState::SynSent,
        ConnectionState::SynReceived,
        ConnectionState::Established,
        ConnectionState::HalfClosed,
        ConnectionState::Closed,
        ConnectionState::Reset,
    ];

    /// Lower-case name with underscores, as machine-readable output spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ConnectionState::Unknown => "unknown",
            ConnectionState::SynSent => "syn_sent",
            ConnectionState::SynReceived => "syn_received",
            ConnectionState::Established => "established",
            ConnectionState::HalfClosed => "half_closed",
            ConnectionState::Closed => "closed",
            ConnectionState::Reset => "reset",
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for ConnectionState {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ConnectionState".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "How far a connection had come.",
            "type": "string",
            "enum": ConnectionState::ALL.map(ConnectionState::name),
        })
    }
}

impl serde::Serialize for ConnectionState {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}
