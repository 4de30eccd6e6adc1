//! Opening and closing: port reuse, completeness, initial round-trip time, window scaling, Fast Open, who closed first.

use super::analysis::Flags;
use super::connection::{Birth, Connection, Sides};
use super::flow::WindowScale;
use super::segment::{Scope, Segment};
use super::sequence::{at_or_before, before};
use super::verdict::{ConnectionState, Opener, Record, Verdict};
use crate::model::{Direction, Span, Timestamp};
use crate::packet::tcp_option::{FastOpen, TcpOptions};

/// Bits of `tcp.completeness`.
pub(super) mod completeness {
    /// A SYN without ACK opened the conversation.
    pub(crate) const SYN: u8 = 1;
    pub(in super::super) const SYN_ACK: u8 = 2;
    pub(in super::super) const ACK: u8 = 4;
    pub(in super::super) const DATA: u8 = 8;
    pub(in super::super) const FIN: u8 = 16;
    pub(in super::super) const RST: u8 = 32;
}

impl Connection {
    /// A SYN whose number is known again: repeated, or answered with another number.
    #[inline(always)]
    pub(super) fn check_isn(&mut self, direction: Direction, segment: &Segment<'_>, record: &mut Record<'_>) {
        let sender = self.sides(direction).sender;
        let Some(base) = sender.base else { return };
        if segment.flags.is_pure_syn() && base == segment.seq {
            sender.next = sender.cont;
            record.make();
        } else if segment.flags.is_syn_ack() && base != segment.seq {
            sender.set_base(segment.seq);
            record.make().flags.set(Flags::REUSED_PORTS);
        }
    }

    #[inline(always)]
    pub(super) fn update_completeness(&mut self, segment: &Segment<'_>, birth: Birth) {
        let flags = segment.flags;
        let len = if segment.scope == Scope::Full { segment.len } else { 0 };
        let bits = match birth {
            Birth::New if flags.is_pure_syn() => {
                completeness::SYN | if len > 0 { completeness::DATA } else { 0 }
            }
            Birth::New => 0,
            Birth::Known | Birth::Reused | Birth::Announced => {
                let mut bits = 0;
                if flags.is_syn_ack() {
                    bits |= completeness::SYN_ACK;
                } else if flags.ack() {
                    bits |= if len > 0 { completeness::DATA } else { completeness::ACK };
                }
                if flags.fin() && flags.ack() {
                    bits |= completeness::FIN;
                }
                if flags.rst() {
                    bits |= completeness::RST;
                }
                bits
            }
        };
        self.completeness |= bits;
    }

    /// Fast Open's answer, and an acknowledgment field that should be zero.
    #[inline(always)]
    pub(super) fn check_ack_field(&self, segment: &Segment<'_>, verdict: &mut Verdict) {
        let relative_ack = segment.ack.wrapping_sub(verdict.ack_base);
        if segment.flags.is_syn_ack() && segment.scope == Scope::Full {
            if relative_ack > 1 {
                verdict.flags.set(Flags::TFO_ACK);
            } else if self.tfo_data {
                verdict.flags.set(Flags::TFO_IGNORED);
            }
        }
        if !segment.flags.ack() && segment.ack != 0 {
            verdict.flags.set(Flags::ACK_NONZERO);
        }
    }

    /// SYN, FIN and RST, and the first acknowledgement after a SYN.
    #[inline(always)]
    pub(super) fn follow_handshake(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        found: &mut Flags,
    ) {
        let flags = segment.flags;
        if flags.syn() {
            if flags.ack() {
                found.set(Flags::SYN_ACK);
                self.opener = Some(direction.reverse());
            } else {
                found.set(Flags::SYN);
                self.opener = Some(direction);
                self.syn_time = segment.time;
            }
            self.sides(direction).sender.window_from_syn = true;
        }
        if flags.fin() {
            found.set(Flags::FIN);
            let Sides { sender, receiver } = self.sides(direction);
            sender.fin_sent = true;
            if receiver.closer {
                found.set(Flags::FIN_PASSIVE);
            } else {
                sender.closer = true;
                found.set(Flags::FIN_ACTIVE);
            }
        }
        if flags.rst() {
            found.set(Flags::RST);
        }
        if flags.ack() && !flags.syn() {
            if self.syn_time != Timestamp(0) && self.initial_rtt == Span(0) {
                self.initial_rtt = segment.time.since(self.syn_time);
            }
            self.sides(direction).sender.window_from_syn = false;
        }
    }

    /// What the options change for later packets (RFC 7323 for the scale, RFC 2018 for SACK, RFC 8684 for MPTCP, RFC 7413 for Fast Open).
    #[inline(always)]
    pub(super) fn read_options(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        verdict: &mut Verdict,
    ) {
        let flags = segment.flags;
        let Sides { sender, receiver } = self.sides(direction);
        if let Some(options) = segment.options {
            if let Some(shift) = options.window_scale() {
                sender.scale = WindowScale::Shift(shift);
            }
            sender.sacked_bytes = sacked_bytes(options);
        }
        let abandoned = segment.options.is_some_and(|options| options.abandoned);
        verdict.shown.analysis &= !abandoned;
        if flags.syn() && !abandoned {
            if sender.scale == WindowScale::Unknown {
                sender.scale = WindowScale::Unused;
                receiver.scale = WindowScale::Unused;
            } else if flags.ack() && receiver.scale == WindowScale::Unused {
                sender.scale = WindowScale::Unused;
            }
        }
        let Some(options) = segment.options else { return };
        let found = &mut verdict.flags;
        let mut set_if = |condition: bool, flag| {
            if condition {
                found.set(flag)
            }
        };
        set_if(options.invalid_lengths > 0, Flags::OPTION_LENGTH);
        set_if(options.nop_runs > 0, Flags::NOPS);
        set_if(options.non_zero_after_eol, Flags::AFTER_END_OF_OPTIONS);
        set_if(options.window_shift.is_some_and(|shift| shift > 14), Flags::WINDOW_SCALE_SHIFT);
        set_if(options.sack_truncated, Flags::SACK_TRUNCATED);
        // Wireshark compares relative numbers, and leaves the field as it is where the ACK flag is missing.
        let base = if flags.ack() { 0 } else { verdict.ack_base };
        let duplicate = !options.sack_cut && is_duplicate_sack(options, segment.ack.wrapping_add(base));
        set_if(duplicate, Flags::DUPLICATE_SACK);
        set_if(!flags.syn() && options.mss_present, Flags::MSS_PRESENT);
        let whole = !options.abandoned && !options.ended_early;
        set_if(flags.syn() && !options.mss_present && whole, Flags::MSS_ABSENT);
        if flags.is_pure_syn() && options.fast_open == Some(FastOpen::Cookie) {
            found.set(Flags::TFO_SYN);
            self.tfo_data |= segment.len > 0;
        }
        if options.mptcp != 0 {
            self.mptcp_seen = Some(self.mptcp_seen.unwrap_or(0) | options.mptcp);
        }
    }

    /// How far the connection has come.
    #[inline]
    pub(crate) fn connection_state(&self) -> ConnectionState {
        let has = |bits| self.completeness & bits == bits;
        let [a, b] = &self.flows;
        if has(completeness::RST) {
            ConnectionState::Reset
        } else if a.fin_sent && b.fin_sent {
            ConnectionState::Closed
        } else if a.fin_sent || b.fin_sent {
            ConnectionState::HalfClosed
        } else if self.completeness & (completeness::DATA | completeness::ACK) != 0 {
            ConnectionState::Established
        } else if has(completeness::SYN_ACK) {
            ConnectionState::SynReceived
        } else if has(completeness::SYN) {
            ConnectionState::SynSent
        } else {
            ConnectionState::Unknown
        }
    }

    /// Who opened, seen from a packet of this direction.
    #[inline]
    pub(super) fn opener_seen_by(&self, direction: Direction) -> Opener {
        match self.opener {
            None => Opener::Unknown,
            Some(opener) if opener == direction => Opener::Sender,
            Some(_) => Opener::Receiver,
        }
    }
}

/// Bytes that the first three SACK blocks cover: what Wireshark takes off the bytes in flight.
fn sacked_bytes(options: &TcpOptions) -> u32 {
    options.sack().iter().take(3).fold(0, |sum, b| sum.wrapping_add(b.right.wrapping_sub(b.left)))
}

/// RFC 2883 §4: the first block lies below the acknowledgement, or inside the second block.
fn is_duplicate_sack(options: &TcpOptions, ack: u32) -> bool {
    match options.sack() {
        [first, ..] if at_or_before(first.right, ack) => true,
        [first, second, ..] => before(second.left, first.right) && !before(second.right, first.right),
        _ => false,
    }
}
