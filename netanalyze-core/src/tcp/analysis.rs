//! The rules of the sequence analysis, in Wireshark 4.0's order. The order decides: earlier rules change what later ones compare with.

use super::connection::Sides;
use super::flow::{DuplicateAcks, Flow, WindowScale};
use super::segment::Segment;
use super::sequence::{after, at_or_before, before};
use super::unacked::Pool;
use super::verdict::Record;
use crate::model::Span;

/// What was flagged, one bit a kind. The low 16 bits are the sequence analysis, the others single headers and events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Flags(pub u64);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Flags { $($(#[$doc])* pub const $name: Flags = Flags(1 << $bit);)* }
    };
}

flags! {
    /// Plain retransmission.
    RETRANSMISSION = 0;
    /// Fast retransmission.
    FAST_RETRANSMISSION = 1;
    /// Retransmission of data that was already acknowledged.
    SPURIOUS_RETRANSMISSION = 2;
    /// Out of order.
    OUT_OF_ORDER = 3;
    /// A previous segment was not captured.
    LOST_SEGMENT = 4;
    /// Acknowledges a segment that was not captured.
    ACK_LOST_SEGMENT = 5;
    /// Window update.
    WINDOW_UPDATE = 6;
    /// The window is full with this segment.
    WINDOW_FULL = 7;
    /// Keep-alive.
    KEEP_ALIVE = 8;
    /// Answer to a keep-alive.
    KEEP_ALIVE_ACK = 9;
    /// Duplicate ACK.
    DUPLICATE_ACK = 10;
    /// Zero window.
    ZERO_WINDOW = 11;
    /// Zero-window probe.
    ZERO_WINDOW_PROBE = 12;
    /// Answer to a zero-window probe.
    ZERO_WINDOW_PROBE_ACK = 13;
    /// A new connection on a pair of ports used before.
    REUSED_PORTS = 14;
    /// SYN without ACK.
    SYN = 16;
    /// SYN with ACK.
    SYN_ACK = 17;
    /// FIN.
    FIN = 18;
    /// FIN of the side that closed first.
    FIN_ACTIVE = 19;
    /// FIN of the other side.
    FIN_PASSIVE = 20;
    /// RST.
    RST = 21;
    /// SYN with a Fast Open cookie.
    TFO_SYN = 22;
    /// SYN-ACK that accepts Fast Open data.
    TFO_ACK = 23;
    /// SYN-ACK that ignores Fast Open data.
    TFO_IGNORED = 24;
    /// Acknowledgment field without the ACK flag.
    ACK_NONZERO = 25;
    /// Urgent pointer without the URG flag.
    URGENT_POINTER = 26;
    /// Segment shorter than its header.
    SHORT_SEGMENT = 27;
    /// Header length below 20.
    BOGUS_HEADER_LENGTH = 28;
    /// D-SACK.
    DUPLICATE_SACK = 29;
    /// A TCP option of wrong length.
    OPTION_LENGTH = 30;
    /// Window-scale shift above 14.
    WINDOW_SCALE_SHIFT = 32;
    /// SYN with options but without MSS.
    MSS_ABSENT = 33;
    /// MSS on a segment without SYN.
    MSS_PRESENT = 34;
    /// Four NOPs in a row.
    NOPS = 35;
    /// Bytes other than zero after the end of the options.
    AFTER_END_OF_OPTIONS = 36;
    /// Truncated SACK edge.
    SACK_TRUNCATED = 37;
    /// Silence longer than the caller's threshold while somebody owed data, an acknowledgement or an answer; set by whoever knows the threshold.
    GAP = 38;
    /// Such silence while nobody owed anything.
    IDLE = 39;
    /// A SYN was answered with an RST.
    REFUSED = 40;
    /// The conversation's first packet is no SYN.
    MIDSTREAM = 41;
    /// A SYN was never answered; known when the capture ends, as what follows.
    UNANSWERED = 42;
    /// One end closed, the other did not.
    HALF_CLOSED = 43;
    /// Neither end closed.
    NEVER_CLOSED = 44;
    /// Packets of one end only, which hears the other.
    ONE_SIDED = 45;
    /// Silence until the capture ends although something was owed.
    SILENT_END = 46;
}

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);
    /// What bits belong to the sequence analysis (`tcp.analysis.flags`).
    pub const SEQUENCE: Flags = Flags(0xffff);
    /// Every kind of retransmission.
    pub const ANY_RETRANSMISSION: Flags = Flags(0b111);

    /// Whether all of `other` is set.
    #[inline]
    #[must_use]
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is set.
    #[inline]
    #[must_use]
    pub fn intersects(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    /// Adds `other`.
    #[inline]
    pub fn set(&mut self, other: Flags) {
        self.0 |= other.0;
    }
}

/// Figures behind the flags, in bytes; 0 where they do not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Figures {
    /// Bytes between the highest sequence number seen and this segment's ([`Flags::LOST_SEGMENT`]).
    pub missing: u32,
    /// Where the hole that an acknowledgement covers begins, as a sequence number ([`Flags::ACK_LOST_SEGMENT`]).
    pub hole: u32,
    /// The sender's window before this packet, in bytes ([`Flags::WINDOW_UPDATE`]).
    pub previous_window: u32,
    /// The receiver's window, in bytes ([`Flags::WINDOW_FULL`]).
    pub peer_window: u32,
    /// Whether the sender, and the receiver, had data outstanding before this packet.
    pub outstanding: (bool, bool),
    /// Whether the last data before this packet came from its receiver, so that the sender may have owed an answer.
    pub answers: bool,
}

/// A packet that never returned a segment within this time after the last packet of the other side is no fast retransmission.
const FAST_RETRANSMISSION_NS: u64 = 20_000_000;
/// Reordering that undoes itself within this time, if no round-trip time is known.
const DEFAULT_REORDERING_NS: u64 = 3_000_000;

/// What the rules know of the connection beside its two flows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'c> {
    /// Base of the sender's numbers.
    pub(super) seq_base: u32,
    /// Base of the receiver's numbers.
    pub(super) ack_base: u32,
    /// Borrowed, because hardly a packet asks for it.
    pub(super) initial_rtt: &'c Span,
    pub(super) mptcp_seen: &'c Option<u16>,
}

/// Runs the analysis on a segment and moves both flows' state on.
///
/// `record` is the packet's record so far: it may exist already, for a repeated SYN, reused ports, or a twin header in the same frame.
#[inline(always)]
pub(super) fn analyse(
    sides: Sides<'_>,
    segment: &Segment<'_>,
    context: Context<'_>,
    record: &mut Record<'_>,
    figures: &mut Figures,
    pool: &mut Pool,
) {
    let Context { seq_base, ack_base, initial_rtt, mptcp_seen } = context;
    let Sides { sender: f, receiver: r } = sides;
    let &Segment { seq, ack, len, window, flags, .. } = segment;
    let control = flags.is_control();
    let bears_sequence = len > 0 || flags.takes_sequence_number();
    let mut found = record.flags();
    let before_rules = found;

    if flags.ack() {
        r.in_flight_known = true;
    }

    let expected = seq == f.next;
    let probe = expected && len == 1 && r.window == Some(0);
    if probe {
        found.set(Flags::ZERO_WINDOW_PROBE);
    } else {
        if window == 0 && !control {
            found.set(Flags::ZERO_WINDOW);
        }
        if !expected {
            if f.next != 0 && after(seq, f.next) && !flags.rst() {
                found.set(Flags::LOST_SEGMENT);
                figures.missing = seq.wrapping_sub(f.next);
                f.in_flight_known = false;
            }
            if len <= 1 && seq == f.next.wrapping_sub(1) && !control {
                found.set(Flags::KEEP_ALIVE);
            }
        }
        if len > 0 {
            if r.scale != WindowScale::Unknown && !control {
                let peer_window = match (r.window, r.window_from_syn) {
                    (None, _) => u32::MAX, // nothing seen of the peer yet, only that scaling is off
                    (Some(w), true) => u32::from(w),
                    (Some(w), false) => r.scale.apply(w),
                };
                if seq.wrapping_add(len) == r.ack.wrapping_add(peer_window) {
                    found.set(Flags::WINDOW_FULL);
                    figures.peer_window = peer_window;
                }
            }
        } else if expected && ack == f.ack && !control {
            // The packet repeats the last one of its side, perhaps but for the window.
            let previous = Flags(u64::from(r.last_flags));
            if f.window != Some(window) {
                if window != 0 {
                    found.set(Flags::WINDOW_UPDATE);
                    figures.previous_window = f.scale.apply(f.window.unwrap_or(0));
                }
            } else if window == 0 {
                if previous.has(Flags::ZERO_WINDOW_PROBE) {
                    found.set(Flags::ZERO_WINDOW_PROBE_ACK);
                }
            } else if previous.has(Flags::KEEP_ALIVE) {
                found.set(Flags::KEEP_ALIVE_ACK);
            } else if mptcp_seen.is_none_or(|seen| seen == f.mptcp_seen) {
                // A new kind of MPTCP option would excuse one repeat: the subflow was busy elsewhere.
                found.set(Flags::DUPLICATE_ACK);
                let p = record.make();
                p.duplicate_ack_number = f.duplicate_acks.count_one();
                p.duplicate_ack_frame = f.ack_frame;
            }
        }
    }

    if ack != f.ack {
        f.ack_frame = segment.frame;
        f.duplicate_acks = DuplicateAcks::default();
    }

    if r.cont != 0 && after(ack, r.cont) && flags.ack() {
        record.make();
        figures.hole = r.cont;
        if before(r.cont, r.next) {
            r.cont = r.next;
            found.set(Flags::ACK_LOST_SEGMENT);
        } else {
            if r.duplicate_acks.is_none() {
                found.set(Flags::ACK_LOST_SEGMENT);
            }
            r.duplicate_acks = DuplicateAcks::UNSEEN_ACKED;
        }
    }

    if bears_sequence && !found.has(Flags::KEEP_ALIVE) {
        let kind = retransmission_kind(f, r, segment, *initial_rtt);
        found.set(kind);
        if kind == Flags::RETRANSMISSION {
            let (frame, time) =
                f.unacked.oldest().map_or((f.next_frame, f.next_time), |entry| (entry.frame, entry.time));
            let p = record.make();
            p.rto = segment.time.since(time);
            p.rto_frame = frame;
        }
    }

    let mut end = seq.wrapping_add(len);
    if bears_sequence && !f.unacked.is_full() {
        if flags.takes_sequence_number() {
            end = end.wrapping_add(1);
        }
        f.unacked.push((segment.frame, segment.time), (seq, end), seq_base, pool);
    }
    let probe = found.has(Flags::ZERO_WINDOW_PROBE);
    if (after(end, f.next) || f.next == 0) && !probe {
        f.next = end;
        f.next_frame = segment.frame;
        f.next_time = segment.time;
    }
    if (seq == f.cont || f.cont == 0) && !probe {
        f.cont = f.next;
    }

    if found != before_rules {
        record.make().flags = found;
    }
    f.window = Some(window);
    f.ack = ack;
    f.last_time = segment.time;
    if let Some(seen) = *mptcp_seen {
        f.mptcp_seen = seen;
    }
    f.last_flags = (record.flags().0 & Flags::SEQUENCE.0) as u16;

    if let Some((frame, time)) = r.unacked.acknowledge(ack, ack_base, pool) {
        let p = record.make();
        p.acked_frame = frame;
        p.ack_rtt = segment.time.since(time);
    }
    if len > 0 && f.in_flight_known {
        account_in_flight(f, r, segment, seq_base, record);
    }
}

/// The retransmission family, first match wins.
#[inline(always)]
fn retransmission_kind(f: &Flow, r: &Flow, segment: &Segment<'_>, initial_rtt: Span) -> Flags {
    let &Segment { seq, len, flags, time, .. } = segment;
    let end = seq.wrapping_add(len);
    if len > 0 && r.ack != 0 && at_or_before(end, r.ack) {
        return Flags::SPURIOUS_RETRANSMISSION;
    }
    if seq == f.next {
        return Flags::NONE;
    }
    // More than one byte from just before the highest: a probe's byte sent again with what follows it.
    let resent_probe = len > 1 && seq == f.next.wrapping_sub(1);
    let old = f.next != 0 && before(seq, f.next) && !resent_probe;
    if !old {
        return Flags::NONE;
    }
    if r.duplicate_acks.at_least_two()
        && r.ack == seq
        && time.since(r.last_time).unsigned() < FAST_RETRANSMISSION_NS
    {
        return Flags::FAST_RETRANSMISSION;
    }
    let reordering = if initial_rtt == Span(0) { DEFAULT_REORDERING_NS } else { initial_rtt.unsigned() };
    let ends_at = end.wrapping_add(u32::from(flags.takes_sequence_number()));
    if time.since(f.next_time).unsigned() < reordering && f.next != ends_at {
        return Flags::OUT_OF_ORDER;
    }
    Flags::RETRANSMISSION
}

/// Bytes in flight and since the last PSH, for a segment with data.
#[inline(always)]
fn account_in_flight(f: &mut Flow, r: &Flow, segment: &Segment<'_>, base: u32, record: &mut Record<'_>) {
    let Some(span) = f.unacked.span(base) else { return };
    let in_flight = span.wrapping_sub(r.sacked_bytes);
    let p = record.make();
    if in_flight > 0 && in_flight < 2_000_000_000 {
        p.bytes_in_flight = in_flight - u32::from(segment.flags.takes_sequence_number());
    }
    // PSH closes a burst; the segment after it opens the next.
    let len = segment.len;
    f.push_bytes = match (segment.flags.psh(), f.push_set) {
        (true, false) | (false, false) => f.push_bytes.wrapping_add(len),
        _ => len,
    };
    f.push_set = segment.flags.psh();
    p.push_bytes = f.push_bytes;
}
