//! What a SYN or SYN-ACK offers, in a byte and a few numbers.

use super::compact::Coder;
use super::segment::Segment;
use crate::packet::tcp_option::TcpOptions;

/// Options of a SYN or SYN-ACK (RFC 9293 §3.2, RFC 7323, RFC 2018, RFC 7413, RFC 8684, RFC 3168).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SynOptions {
    /// Maximum segment size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mss: Option<u16>,
    /// Shift of the window scale, at most 14.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_scale: Option<u8>,
    /// SACK permitted.
    pub sack_permitted: bool,
    /// Time stamps.
    pub timestamps: bool,
    /// Fast Open, with or without a cookie.
    pub fast_open: bool,
    /// Multipath TCP.
    pub mptcp: bool,
    /// Explicit congestion notification asked for or accepted.
    pub ecn: bool,
}

/// The same, compact: the flags of what was offered, and two numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SynSeen {
    mss: u16,
    offered: u8,
    window_shift: u8,
}

const SEEN: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 4;
const SACK: u8 = 8;
const TIMESTAMPS: u8 = 16;
const FAST_OPEN: u8 = 32;
const MPTCP: u8 = 64;
const ECN: u8 = 128;

impl SynSeen {
    pub(super) fn code<C: Coder>(&mut self, c: &mut C) {
        let SynSeen { mss, offered, window_shift } = self;
        c.u16(mss);
        c.u8(offered);
        c.u8(window_shift);
    }

    pub(super) fn new(segment: &Segment<'_>) -> Self {
        let flags = segment.flags;
        // RFC 3168 §6.1.1: a SYN asks with both bits, a SYN-ACK accepts with one.
        let ecn = flags.ece() && flags.cwr() != flags.ack();
        let none = TcpOptions::default();
        let options = segment.options.unwrap_or(&none);
        let given = [
            (true, SEEN),
            (options.mss.is_some(), MSS),
            (options.window_shift.is_some(), WINDOW_SCALE),
            (options.sack_permitted, SACK),
            (options.timestamps.is_some(), TIMESTAMPS),
            (options.fast_open.is_some(), FAST_OPEN),
            (options.mptcp != 0, MPTCP),
            (ecn, ECN),
        ];
        SynSeen {
            mss: options.mss.unwrap_or(0),
            offered: given.iter().filter(|(given, _)| *given).fold(0, |bits, (_, bit)| bits | bit),
            window_shift: options.window_scale().unwrap_or(0),
        }
    }

    /// The options; `None` if no SYN was seen.
    pub(super) fn options(self) -> Option<SynOptions> {
        let has = |bit| self.offered & bit != 0;
        has(SEEN).then(|| SynOptions {
            mss: has(MSS).then_some(self.mss),
            window_scale: has(WINDOW_SCALE).then_some(self.window_shift),
            sack_permitted: has(SACK),
            timestamps: has(TIMESTAMPS),
            fast_open: has(FAST_OPEN),
            mptcp: has(MPTCP),
            ecn: has(ECN),
        })
    }
}
