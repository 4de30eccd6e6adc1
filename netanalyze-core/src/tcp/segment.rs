//! A TCP header as the analysis sees it.

use crate::model::{FrameNumber, Timestamp};
use crate::packet::tcp_option::TcpOptions;

/// The twelve flag bits of the TCP header, `tcp.flags` in Wireshark (RFC 9293 §3.1, RFC 9768 for AE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TcpFlags(pub u16);

macro_rules! flag_bits {
    ($($(#[$doc:meta])* $name:ident $test:ident = $bit:literal;)*) => {
        impl TcpFlags {
            $(
                $(#[$doc])* pub const $name: TcpFlags = TcpFlags($bit);
                /// Whether the flag is set.
                #[inline]
                #[must_use]
                pub fn $test(self) -> bool { self.0 & $bit != 0 }
            )*
        }
    };
}

flag_bits! {
    /// No more data from sender.
    FIN fin = 0x001;
    /// Synchronize sequence numbers.
    SYN syn = 0x002;
    /// Reset the connection.
    RST rst = 0x004;
    /// Push function.
    PSH psh = 0x008;
    /// Acknowledgment field is significant.
    ACK ack = 0x010;
    /// Urgent pointer field is significant.
    URG urg = 0x020;
    /// ECN echo.
    ECE ece = 0x040;
    /// Congestion window reduced.
    CWR cwr = 0x080;
    /// Accurate ECN.
    AE ae = 0x100;
}

#[cfg(test)]
impl TcpFlags {
    /// Flags by the first letters of their names; `0` stands for none.
    pub(crate) fn of(letters: &str) -> TcpFlags {
        letters.chars().fold(TcpFlags(0), |flags, letter| {
            let flag = match letter {
                'S' => TcpFlags::SYN,
                'F' => TcpFlags::FIN,
                'R' => TcpFlags::RST,
                'A' => TcpFlags::ACK,
                '0' => TcpFlags(0),
                other => panic!("{other}"),
            };
            TcpFlags(flags.0 | flag.0)
        })
    }
}

impl TcpFlags {
    /// SYN without ACK: an attempt to open.
    #[inline]
    #[must_use]
    pub fn is_pure_syn(self) -> bool {
        self.0 & 0x012 == 0x002
    }

    /// SYN with ACK: the answer to an attempt.
    #[inline]
    #[must_use]
    pub fn is_syn_ack(self) -> bool {
        self.0 & 0x012 == 0x012
    }

    /// SYN, FIN or RST.
    #[inline]
    #[must_use]
    pub fn is_control(self) -> bool {
        self.0 & 0x007 != 0
    }

    /// ACK without SYN, FIN and RST.
    #[inline]
    pub(super) fn only_acknowledge(self) -> bool {
        self.0 & 0x017 == 0x010
    }

    /// SYN or FIN: the segment takes one sequence number beyond its payload.
    #[inline]
    #[must_use]
    pub fn takes_sequence_number(self) -> bool {
        self.0 & 0x003 != 0
    }
}

/// A TCP header in its frame: what the analysis reads of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    /// The frame it is in.
    pub frame: FrameNumber,
    /// The frame's time.
    pub time: Timestamp,
    /// Sequence number field.
    pub seq: u32,
    /// Acknowledgment number field, whether or not ACK is set.
    pub ack: u32,
    /// Payload bytes on the wire.
    pub len: u32,
    /// Window field, unscaled.
    pub window: u16,
    /// Flags.
    pub flags: TcpFlags,
    /// Header length field in bytes, 0 to 60.
    pub header_len: u8,
    /// Header bytes that were captured, at most `header_len` of them if that is 20 or more.
    pub header_captured: u8,
    /// Whether the urgent pointer field is not zero.
    pub urgent_pointer: bool,
    /// What the sequence analysis may do with it.
    pub scope: Scope,
    /// The options, if the header has any beyond time stamps and padding; of a cut header those before the cut.
    pub options: Option<&'a TcpOptions>,
}

impl Segment<'_> {
    /// Whether it only acknowledges and may carry data, as nearly all segments do: whole, without SYN, FIN, RST, urgent pointer or options
    /// that count.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.flags.only_acknowledge()
            && self.scope == Scope::Full
            && self.options.is_none()
            && self.header_len >= 20
            && self.header_captured >= self.header_len
            && !self.urgent_pointer
    }

    /// A segment that [`Self::is_plain`], written so that the compiler sees it and drops every rule that cannot apply: the rules stand
    /// once, for plain segments and others.
    #[inline(always)]
    pub(super) fn plain(&self) -> Segment<'static> {
        let header_captured = self.header_len.max(20);
        Segment { header_captured, urgent_pointer: false, options: None, ..self.acknowledging() }
    }

    /// The same, as far as books need it, for a segment with its whole scope and an ACK but no SYN, FIN or RST. Of its other flags only PSH
    /// is left: nothing asks for them.
    #[inline(always)]
    pub(super) fn acknowledging(&self) -> Self {
        let flags = TcpFlags(self.flags.0 & TcpFlags::PSH.0 | TcpFlags::ACK.0);
        Segment { flags, header_len: self.header_len.max(20), scope: Scope::Full, ..*self }
    }
}

/// How much of the analysis a header takes part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Scope {
    /// All of it.
    #[default]
    Full,
    /// The IP payload is shorter than the header claims to be: handshake and timing only.
    ShortSegment,
    /// A first fragment whose rest is unknown, or a header quoted in an ICMP error: handshake and timing only.
    HeaderOnly,
}
