//! How a connection was reset: the shape of the RST tells who sent it, and why.

use super::super::account::Passing;
use super::super::segment::Segment;
use super::super::sequence::{after, before};
use super::lane::Lane;
use super::opening::Opening;
use super::{Frames, Turn};
use crate::model::{Direction, FrameNumber, Span, Timestamp};

/// What the RST looks like (RFC 9293 §3.5.2 and §3.10.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// It answers a SYN: no such port.
    Refusal,
    /// No ACK flag: nothing there knows the connection any more.
    NoSocket,
    /// With ACK, at the sequence number that its sender had come to: its owner gave the connection up.
    Abort,
    /// Anything else.
    Other,
}

/// The first RST.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reset {
    pub(crate) by: Direction,
    pub(crate) frame: FrameNumber,
    pub(crate) time: Timestamp,
    pub(crate) shape: Shape,
    seq: u32,
    /// As a host answers a segment that belongs to nothing (RFC 9293 §3.10.7.1): it knows no window.
    pub(crate) is_bare: bool,
    pub(crate) ttl: u8,
    /// Time to live of its sender's other packets, if they agree and are at least `ttl_packets`.
    pub(crate) usual_ttl: Option<u8>,
    pub(crate) ttl_packets: u32,
    /// The silence before it.
    pub(crate) pause: Span,
    /// The handshake was complete.
    pub(crate) established: bool,
    /// Its sender, and the other end, had sent a FIN.
    pub(crate) after_own_fin: bool,
    pub(crate) after_peer_fin: bool,
    pub(crate) last_data: Option<Turn>,
    /// Bytes of the last segment with data of its sender, and of the other end.
    pub(crate) last_sizes: [u32; 2],
    /// Bytes that each had sent: its sender, the other end.
    pub(crate) own_bytes: u64,
    pub(crate) peer_bytes: u64,
    /// Data of the other end that came behind its sender's last, and which its sender acknowledged, if at all, without an answer.
    pub(crate) unanswered: bool,
    /// The first of it had reached its sender's kernel: the RST, or an acknowledgement before it, covers it.
    pub(crate) reached: bool,
    /// And what it does not cover can still have been on its way.
    pub(crate) in_order: bool,
    /// Its sender went on as if nothing had happened: the frame.
    pub(crate) contradicted: Option<FrameNumber>,
    /// RSTs of the same sender with other sequence numbers.
    pub(crate) others: u32,
    pub(crate) frames: Frames,
    /// Smoothed round-trip time of the path, if known.
    pub(crate) rtt: Span,
}

/// A record with an alert: five bytes, two of the alert, and what ciphers add to it.
const CLOSE_NOTIFY: [u32; 4] = [7, 23, 24, 31];

/// Who has said all ends the connection at once.
const SOON: Span = Span(100_000_000);

impl Reset {
    pub(super) fn new(
        by: Direction,
        segment: &Segment<'_>,
        passing: &Passing,
        (own, peer): (&Lane, &Lane),
        last_data: Option<Turn>,
        pause: Span,
        opening: &Opening,
    ) -> Self {
        let answers_syn = opening.client() == Some(by.reverse())
            && opening.syn_acks == 0
            && segment.flags.ack()
            && segment.ack == opening.seq().wrapping_add(1);
        let shape = if answers_syn {
            Shape::Refusal
        } else if !segment.flags.ack() {
            Shape::NoSocket
        } else if segment.window > 0 && own.next().is_none_or(|next| next == segment.seq) {
            Shape::Abort
        } else {
            Shape::Other
        };
        let mut frames = Frames::default();
        frames.push(segment.frame);
        // What lies beyond a hole is not acknowledged, and what was still on its way neither.
        let covered = |end: u32| {
            let by_reset = segment.flags.ack() && !before(segment.ack, end);
            by_reset || peer.acknowledged_to().is_some_and(|una| !before(una, end))
        };
        let behind_own = own.last_data_ack().wrapping_add(1);
        let reached =
            last_data.is_some_and(|turn| covered(turn.first_end)) || own.bytes() > 0 && covered(behind_own);
        let has_hole = peer.trouble.as_ref().is_some_and(|trouble| trouble.has_hole());
        let rtt = opening.rtt().unwrap_or(own.path_rtt(peer));
        let in_order = peer.next().is_none_or(covered) || !has_hole && pause.0 < rtt.0 / 2;
        Reset {
            by,
            frame: segment.frame,
            time: segment.time,
            shape,
            seq: segment.seq,
            is_bare: segment.window == 0,
            ttl: passing.ttl,
            usual_ttl: own.usual_ttl(),
            ttl_packets: own.packets(),
            pause,
            established: opening.is_complete(),
            after_own_fin: own.fin_sent(),
            after_peer_fin: peer.fin_sent(),
            last_data,
            last_sizes: [own.last_size(), peer.last_size()],
            own_bytes: own.bytes(),
            peer_bytes: peer.bytes(),
            unanswered: last_data.is_some_and(|turn| turn.by != by),
            reached,
            in_order,
            contradicted: None,
            others: 0,
            frames,
            rtt: own.path_rtt(peer),
        }
    }
    /// Nothing was lost by it: an end had closed before, nothing was ever sent, or all was said, down to the close_notify of TLS (RFC 8446 §6.1), which
    /// programs often do not wait for.
    pub(crate) fn is_ordinary(&self) -> bool {
        let [own, peer] = self.last_sizes;
        let last = if self.unanswered { peer } else { own };
        let said_all =
            self.own_bytes > 0 && self.peer_bytes > 0 && CLOSE_NOTIFY.contains(&last) && self.pause < SOON;
        self.established
            && self.others == 0
            && (self.after_own_fin
                || self.after_peer_fin
                || (self.own_bytes, self.peer_bytes) == (0, 0)
                || said_all)
    }

    /// Its time to live is that of its sender's other packets, as far as that is known.
    pub(crate) fn has_usual_ttl(&self) -> bool {
        self.usual_ttl.is_none_or(|usual| made_same_way(usual, self.ttl))
    }

    /// Another RST.
    pub(super) fn again(&mut self, other: &Reset) {
        if other.by == self.by && after(other.seq, self.seq) {
            self.others = self.others.saturating_add(1);
            self.frames.push(other.frame);
        }
    }

    /// A segment that follows it. Its sender cannot go on with data if it meant it (within two seconds: later, ports are used again).
    pub(super) fn followed_by(&mut self, direction: Direction, segment: &Segment<'_>) {
        let soon = segment.time.since(self.time).0 <= 2_000_000_000;
        let goes_on = segment.len > 0 && !segment.flags.syn() && !before(segment.seq, self.seq);
        if direction == self.by && soon && goes_on && self.contradicted.is_none() {
            self.contradicted = Some(segment.frame);
        }
    }
}

/// Whether two packets, by their times to live, can come from one host. Where neither has passed a router, a kernel's own packets may begin with another
/// number than those of a program that sets it, as routing daemons do.
pub(crate) fn made_same_way(a: u8, b: u8) -> bool {
    let is_fresh = |ttl: u8| matches!(ttl, 64 | 128 | 255);
    a.abs_diff(b) <= 1 || is_fresh(a) && is_fresh(b)
}
