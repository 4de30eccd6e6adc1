//! What is remembered of one direction of a connection.

use super::compact::Coder;
use super::unacked::Unacked;
use crate::model::{FrameNumber, Timestamp};

/// Whether and how far the windows that a direction advertises are scaled (RFC 7323 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum WindowScale {
    /// No SYN of this direction was seen, and no option either.
    #[default]
    Unknown,
    /// A SYN without the option was seen: scaling is off.
    Unused,
    /// The shift count, at most 14.
    Shift(u8),
}

impl WindowScale {
    /// The window in bytes that a raw window field means.
    #[inline]
    #[must_use]
    pub fn apply(self, window: u16) -> u32 {
        match self {
            WindowScale::Shift(shift) => u32::from(window) << shift.min(14),
            _ => u32::from(window),
        }
    }

    /// As `tcp.window_size_scalefactor` prints it: −1 unknown, −2 not used, else the factor.
    #[must_use]
    pub fn factor(self) -> i32 {
        match self {
            WindowScale::Unknown => -1,
            WindowScale::Unused => -2,
            WindowScale::Shift(shift) => 1 << shift.min(14),
        }
    }
}

/// Duplicate ACKs in a row. Wireshark 4.0 marks an ACK of unseen data with the value −1 in an unsigned counter, so that the mark counts as
/// "many" where a fast retransmission asks for two; the verdicts depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct DuplicateAcks(u32);

impl WindowScale {
    /// As a small number. No shift is above 14 ([`TcpOptions::window_scale`](crate::packet::tcp_option::TcpOptions::window_scale)).
    fn as_code(self) -> u64 {
        match self {
            WindowScale::Unknown => 0,
            WindowScale::Unused => 1,
            WindowScale::Shift(shift) => 2 + u64::from(shift),
        }
    }

    fn from_code(code: u64) -> Self {
        match code {
            0 => WindowScale::Unknown,
            1 => WindowScale::Unused,
            shift => WindowScale::Shift((shift - 2) as u8),
        }
    }
}

impl DuplicateAcks {
    pub(crate) const UNSEEN_ACKED: Self = Self(u32::MAX);

    pub(crate) fn count_one(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(1).max(1);
        self.0
    }

    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn at_least_two(self) -> bool {
        self.0 >= 2
    }
}

/// State of one direction. For `next`, `cont` and `ack` the value 0 means "unknown": a true 0 cannot be told from it, in Wireshark either.
#[derive(Debug)]
pub(crate) struct Flow {
    /// Initial sequence number, or what stands in for it: relative numbers count from here.
    pub(crate) base: Option<u32>,
    /// Highest sequence number seen, plus one.
    pub(crate) next: u32,
    /// Highest end of data without holes: the upper bound of a legitimate acknowledgement.
    pub(crate) cont: u32,
    /// Acknowledgment field of the last packet, whether or not ACK was set.
    pub(crate) ack: u32,
    /// Raw window field of the last packet.
    pub(crate) window: Option<u16>,
    pub(crate) scale: WindowScale,
    /// The last window came from a SYN, so it is not scaled.
    pub(crate) window_from_syn: bool,
    /// Bytes in flight can be told: no hole since the peer's last ACK.
    pub(crate) in_flight_known: bool,
    pub(crate) push_set: bool,
    /// Sent the first FIN.
    pub(crate) closer: bool,
    /// Sent a FIN, first or second.
    pub(crate) fin_sent: bool,
    pub(crate) duplicate_acks: DuplicateAcks,
    pub(crate) push_bytes: u32,
    /// Analysis flags of the last packet.
    pub(crate) last_flags: u16,
    /// MPTCP option kinds known when the last packet was seen.
    pub(crate) mptcp_seen: u16,
    /// Bytes that the SACK blocks of the last packet cover.
    pub(crate) sacked_bytes: u32,
    pub(crate) next_frame: FrameNumber,
    pub(crate) next_time: Timestamp,
    pub(crate) ack_frame: FrameNumber,
    /// Time of the last packet of this direction, of any kind.
    pub(crate) last_time: Timestamp,
    pub(crate) unacked: Unacked,
}

impl Default for Flow {
    fn default() -> Self {
        Flow {
            base: None,
            next: 0,
            cont: 0,
            ack: 0,
            window: None,
            scale: WindowScale::Unknown,
            window_from_syn: false,
            in_flight_known: true,
            push_set: false,
            closer: false,
            fin_sent: false,
            duplicate_acks: DuplicateAcks::default(),
            push_bytes: 0,
            last_flags: 0,
            mptcp_seen: 0,
            sacked_bytes: 0,
            next_frame: FrameNumber(0),
            next_time: Timestamp(0),
            ack_frame: FrameNumber(0),
            last_time: Timestamp(0),
            unacked: Unacked::default(),
        }
    }
}

impl Flow {
    /// The base as arithmetic needs it before one is known.
    pub(crate) fn base_or_zero(&self) -> u32 {
        self.base.unwrap_or(0)
    }

    /// Goes over what the numbers of both directions count from.
    pub(super) fn code_bases<C: Coder>(flows: &mut [Flow; 2], c: &mut C) {
        let [a, b] = flows;
        let (mut of_a, mut of_b) = (a.base.is_some(), b.base.is_some());
        c.bits([&mut of_a, &mut of_b]);
        for (flow, is_known) in [(a, of_a), (b, of_b)] {
            let mut base = flow.base.unwrap_or(0);
            c.u32(&mut base);
            flow.base = is_known.then_some(base);
        }
    }

    /// Goes over its other fields. A time and a frame lie near; `peer_base` is the base of the other direction.
    pub(super) fn code<C: Coder>(&mut self, c: &mut C, time: Timestamp, frame: FrameNumber, peer_base: u32) {
        let Flow {
            base,
            next,
            cont,
            ack,
            window,
            scale,
            window_from_syn,
            in_flight_known,
            push_set,
            closer,
            fin_sent,
            duplicate_acks,
            push_bytes,
            last_flags,
            mptcp_seen,
            sacked_bytes,
            next_frame,
            next_time,
            ack_frame,
            last_time,
            unacked,
        } = self;
        let base = base.unwrap_or(0);
        // An end that was not heard so far has nothing but a base; few have anything rare.
        let mut is_rare = *duplicate_acks != DuplicateAcks::default()
            || *last_flags != 0
            || *mptcp_seen != 0
            || *sacked_bytes != 0;
        let is_heard = *last_time != Timestamp(0) || next_frame.0 != 0 || ack_frame.0 != 0;
        let has_numbers = *next != 0 || *cont != 0 || *ack != 0 || *push_bytes != 0 || next_time.0 != 0;
        let mut is_heard = is_heard || has_numbers || is_rare || !unacked.is_empty();
        let (mut has_window, mut some_window) = (window.is_some(), u64::from(window.unwrap_or(0)));
        let mut scale_code = scale.as_code();
        c.parts(
            [(&mut some_window, 16), (&mut scale_code, 8)],
            [
                &mut has_window,
                window_from_syn,
                in_flight_known,
                push_set,
                closer,
                fin_sent,
                &mut is_heard,
                &mut is_rare,
            ],
        );
        *window = has_window.then_some(some_window as u16);
        *scale = WindowScale::from_code(scale_code);
        if !is_heard {
            (*next, *cont, *ack, *push_bytes) = (0, 0, 0, 0);
            (*duplicate_acks, *last_flags, *mptcp_seen, *sacked_bytes) = (DuplicateAcks::default(), 0, 0, 0);
            (*next_frame, *ack_frame) = (FrameNumber(0), FrameNumber(0));
            (*next_time, *last_time) = (Timestamp(0), Timestamp(0));
            *unacked = Unacked::default();
            return;
        }
        c.u32_from(next, base);
        c.u32_from(cont, *next);
        c.u32_from(ack, peer_base);
        c.u32(push_bytes);
        if is_rare {
            c.u32(&mut duplicate_acks.0);
            c.u16(last_flags);
            c.u16(mptcp_seen);
            c.u32(sacked_bytes);
        } else {
            (*duplicate_acks, *last_flags, *mptcp_seen, *sacked_bytes) = (DuplicateAcks::default(), 0, 0, 0);
        }
        c.frame(next_frame, frame);
        c.frame(ack_frame, frame);
        c.time(next_time, time);
        c.time(last_time, *next_time);
        unacked.code(c, base, time, frame);
    }

    pub(crate) fn set_base(&mut self, base: u32) {
        self.base = Some(base);
        self.unacked.rebase();
    }
}
