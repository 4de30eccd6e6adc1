//! Findings of a TCP header: the verdict's flags become kinds, its figures become details.

use super::catalogue::{KINDS, KindId, KindSet, kind};
use super::finding::{Detail, Finding, Party, ResetDetail};
use crate::conversation::{ConversationRef, Protocol, TcpPacket};
use crate::model::{Direction, FrameNumber, Span};
use crate::tcp::{Account, Flags, Opener, Verdict};

const GAP: KindId = kind("netanalyze.gap");

/// What a finding says besides the verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// The frame.
    pub frame: FrameNumber,
    /// The packet.
    pub packet: &'a TcpPacket,
    /// Its conversation.
    pub conversation: ConversationRef,
    /// Kinds reported for the conversation before this packet.
    pub kinds_seen: KindSet,
}

/// Place of the catalogue row behind each flag bit; 255 where none is.
const KIND_OF_FLAG: [u8; 64] = {
    let mut map = [u8::MAX; 64];
    let mut i = 0;
    while i < KINDS.len() {
        // Kinds of application protocols have no flag.
        if KINDS[i].flag.0 != 0 {
            map[KINDS[i].flag.0.trailing_zeros() as usize] = i as u8;
        }
        i += 1;
    }
    map
};

/// All kinds of findings about TCP, of headers and of whole conversations.
pub(crate) const TCP_KINDS: KindSet = {
    let (mut set, mut i) = (0, 0);
    while i < KINDS.len() {
        if KINDS[i].flag.0 != 0 {
            set |= 1 << i;
        }
        i += 1;
    }
    KindSet(set)
};

/// Adds the silence before this packet to a verdict's flags, if it is longer than `gap`: a gap if somebody owed something, else idleness.
#[inline]
fn with_silence(verdict: &Verdict, gap: Span) -> Flags {
    let mut flags = verdict.flags;
    if verdict.time_delta > gap && verdict.shown.times {
        flags.set(if verdict.owed() { Flags::GAP } else { Flags::IDLE });
    }
    flags
}

/// The kinds of finding that a verdict holds.
#[inline]
#[must_use]
pub(crate) fn tcp_kinds(verdict: &Verdict, gap: Span) -> KindSet {
    let mut left = with_silence(verdict, gap).0;
    let mut kinds = 0u64;
    while left != 0 {
        let bit = left.trailing_zeros() as usize;
        left &= left - 1;
        if let Some(kind) = KIND_OF_FLAG.get(bit).filter(|&&k| k != u8::MAX) {
            kinds |= 1 << kind;
        }
    }
    KindSet(u128::from(kinds))
}

/// Leaves out silence while something was owed, if the other end was heard and never captured: what it sent meanwhile, nobody knows.
#[must_use]
pub(crate) fn accusable(kinds: KindSet, account: &Account, sender: Direction) -> KindSet {
    let is_gap = kinds.contains(GAP);
    if is_gap && account.packets(sender.reverse()) == 0 && account.proves_peer(sender) {
        return KindSet(kinds.0 & !(1 << GAP.0));
    }
    kinds
}

/// Makes the findings of `kinds` for a packet, in catalogue order.
pub(crate) fn tcp_findings(context: Context<'_>, verdict: &Verdict, kinds: KindSet, out: &mut Vec<Finding>) {
    let Context { frame, packet, conversation, kinds_seen } = context;
    let (source, destination) = packet.key.endpoints(packet.direction);
    for kind in kinds.iter() {
        out.push(Finding {
            kind,
            frame,
            known_at: frame,
            ordinal: packet.ordinal,
            time: packet.time,
            protocol: Some(Protocol::Tcp),
            stream: None,
            source,
            destination,
            detail: detail(kind, packet, verdict),
            first_of_conversation: !kinds_seen.contains(kind),
            conversation,
        });
    }
}

fn detail(kind: KindId, packet: &TcpPacket, verdict: &Verdict) -> Detail {
    let seq = packet.seq.wrapping_sub(verdict.seq_base);
    let ack = packet.ack.wrapping_sub(verdict.ack_base);
    let bytes = packet.reported.saturating_sub(u32::from(packet.header_len));
    let record = verdict.analysis.unwrap_or_default();
    let figures = verdict.figures;
    match kind.kind().flag {
        Flags::RETRANSMISSION
        | Flags::FAST_RETRANSMISSION
        | Flags::SPURIOUS_RETRANSMISSION
        | Flags::OUT_OF_ORDER => Detail::Segment {
            seq,
            payload_bytes: bytes,
            syn: packet.flags.syn(),
            fin: packet.flags.fin(),
            rto_frame: record.rto_frame,
            rto: record.rto,
        },
        // A number that belongs to another connection: the distance means nothing.
        Flags::LOST_SEGMENT if verdict.flags.has(Flags::REUSED_PORTS) => Detail::None {},
        Flags::LOST_SEGMENT => Detail::Missing { seq, missing_bytes: figures.missing },
        Flags::ACK_LOST_SEGMENT => {
            Detail::Unseen { ack, hole_seq: figures.hole.wrapping_sub(verdict.ack_base) }
        }
        Flags::WINDOW_UPDATE => Detail::WindowUpdate {
            previous_window_bytes: figures.previous_window,
            window_bytes: verdict.scale.apply(packet.window),
        },
        Flags::WINDOW_FULL => Detail::WindowFull { window_bytes: figures.peer_window },
        Flags::DUPLICATE_ACK => Detail::DuplicateAck {
            ack,
            number: record.duplicate_ack_number,
            of_frame: record.duplicate_ack_frame,
        },
        Flags::RST => Detail::Reset(ResetDetail {
            by: sender(verdict.opener),
            state: verdict.state,
            own_data_outstanding: figures.outstanding.0,
            peer_data_outstanding: figures.outstanding.1,
        }),
        Flags::GAP | Flags::IDLE => gap_detail(verdict),
        _ => Detail::None {},
    }
}

fn sender(opener: Opener) -> Party {
    match opener {
        Opener::Sender => Party::Client,
        Opener::Receiver => Party::Server,
        Opener::Unknown => Party::Sender,
    }
}

fn receiver(opener: Opener) -> Party {
    match opener {
        Opener::Sender => Party::Server,
        Opener::Receiver => Party::Client,
        Opener::Unknown => Party::Receiver,
    }
}

/// Who let the other wait before this packet. Whoever owed an acknowledgement was silent; with nothing outstanding it is the side that
/// speaks now, if the last data was its peer's: a request waited for its answer. Else nobody owed anything.
fn gap_detail(verdict: &Verdict) -> Detail {
    let (own, peers) = verdict.figures.outstanding;
    let (silent, data_outstanding) = match (own, peers, verdict.figures.answers) {
        (true, ..) => (receiver(verdict.opener), true),
        (false, true, _) => (sender(verdict.opener), true),
        (false, false, true) => (sender(verdict.opener), false),
        (false, false, false) => (Party::Both, false),
    };
    Detail::Gap { silence: verdict.time_delta, silent, data_outstanding, state: verdict.state }
}
