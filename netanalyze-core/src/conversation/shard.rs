//! One shard's conversations. Packets come in frame order; which shard a packet belongs to is decided by its key alone.

use std::cmp::Ordering;

use super::SHARDS;
use super::chronicles::Chronicles;
use super::key::{FlowKey, KeyHasher};
use super::packet::{InFrame, TcpPacket, UdpPacket};
use super::record::Protocol;
use super::services::Services;
use super::store::{Spot, Store};
use super::tcp::{KindsSeen, TcpConversation};
use super::twin::Twins;
use super::udp::UdpConversation;
use crate::model::FrameNumber;
use crate::packet::tcp_option::TcpOptions;
use crate::protocol::message::Messages;
use crate::protocol::socks;
use crate::protocol::stream::Moment;
use crate::tcp::{Birth, Chronicle, Flags, Passing, Patience, Pool, Segment, Spare, SynOutcome, Verdict};

/// Which conversation, before it has its stream number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConversationRef {
    pub(super) shard: u8,
    pub(super) index: u32,
}

impl ConversationRef {
    /// Stands for "no conversation"; it never resolves to a stream.
    pub const NONE: ConversationRef = ConversationRef { shard: u8::MAX, index: u32::MAX };
}

/// Whether a packet made its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The conversation was known.
    Known,
    /// The packet is the first of a new one.
    New,
}

/// Whether another conversation follows on the same addresses and ports, as Wireshark has it for some protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Succession {
    /// Not so far.
    #[default]
    None,
    /// The next packet is the first of another one.
    Due,
    /// This is that other one: its protocol is known, nothing follows it.
    Settled,
}

impl Succession {
    pub(super) const ALL: [Succession; 3] = [Succession::None, Succession::Due, Succession::Settled];
}

/// The result of handing a packet to its shard.
#[derive(Debug)]
pub(crate) struct Touched<'s> {
    /// The conversation.
    pub conversation: &'s mut TcpConversation,
    /// Its reference.
    pub reference: ConversationRef,
    /// Whether it is new.
    pub arrival: Arrival,
    /// The packet carries the first payload that a proxy relays: Wireshark gives that a stream number, too.
    pub relay_begins: bool,
}

/// The result of handing a UDP packet to its shard.
#[derive(Debug)]
pub(crate) struct TouchedUdp<'s> {
    /// The conversation.
    pub conversation: &'s mut UdpConversation,
    /// Its reference.
    pub reference: ConversationRef,
    /// Whether it is new.
    pub arrival: Arrival,
}

/// A 64th of all conversations.
#[derive(Debug)]
pub(crate) struct Shard {
    number: u8,
    tcp: Store<TcpConversation>,
    udp: Store<UdpConversation>,
    twins: Twins,
    chronicles: Chronicles,
    terms: Terms,
    packets: u64,
    forgotten: Forgotten,
}

/// What a conversation's application said at the end of the capture.
#[derive(Debug)]
pub(crate) struct Ended<'o> {
    pub(crate) protocol: Protocol,
    pub(crate) reference: ConversationRef,
    pub(crate) key: FlowKey,
    /// Kinds of findings that were reported for it.
    pub(crate) seen: KindsSeen,
    pub(crate) out: &'o mut Messages,
}

/// What is kept of conversations, and how many of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Whether their books are kept.
    pub(crate) books: bool,
    /// Whether chronicles are kept, and what is slow for them.
    pub(crate) chronicles: Option<Patience>,
    /// Bytes that all shards together may take.
    pub(crate) memory: u64,
    /// Frames after which a quiet conversation is kept in compact form.
    pub(crate) quiet_frames: u64,
}

/// What a memory limit cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forgotten {
    /// TCP conversations.
    pub(crate) tcp: u64,
    /// UDP conversations.
    pub(crate) udp: u64,
    /// The frame at which it first happened; 0 if it did not.
    pub(crate) first: FrameNumber,
}

impl Forgotten {
    /// This and another shard's.
    pub(crate) fn and(self, other: Forgotten) -> Forgotten {
        let first = [self, other].iter().filter(|of| of.count() > 0).map(|of| of.first).min();
        Forgotten { tcp: self.tcp + other.tcp, udp: self.udp + other.udp, first: first.unwrap_or_default() }
    }

    /// Conversations of both protocols.
    pub(crate) fn count(self) -> u64 {
        self.tcp + self.udp
    }
}

/// What a worker lends from header to header: the verdict on the one at hand, and memory that is still in its cache. No result depends on who lends it.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) verdict: Verdict,
    pool: Pool,
    spare: Spare,
}

/// One that might be forgotten: frame of its last packet, whether it is TCP, index.
type Candidate = (FrameNumber, bool, u32);

/// Packets of a shard between two looks at its memory, and between two at what lies on the heap: fewer where memory is short, because conversations
/// that begin to speak get much of it at once.
const LOOK_EVERY: u64 = 64;
const LOOK_CLOSELY_EVERY: u64 = 4_096;
const LOOK_OFTEN: u64 = 512;
/// What part of the conversations is forgotten at a time: each time costs a look at all of them.
const FORGET_PART: usize = 8;

impl Shard {
    /// Shard `number` of [`SHARDS`]. All shards share a hasher with the decoder.
    #[must_use]
    pub(crate) fn new(number: u8, hasher: KeyHasher, terms: Terms) -> Self {
        Shard {
            number,
            tcp: Store::new(hasher.clone(), terms.quiet_frames),
            udp: Store::new(hasher, terms.quiet_frames),
            twins: Twins::default(),
            chronicles: Chronicles::default(),
            terms,
            packets: 0,
            forgotten: Forgotten::default(),
        }
    }

    /// A new batch's packets follow.
    pub(crate) fn begin_batch(&mut self) {
        self.tcp.begin_batch();
        self.udp.begin_batch();
    }

    /// Takes a TCP packet and writes its verdict over the last one. `bytes` are those of its header and payload behind the first so many, at most so many. `None` cannot happen with an index that only this shard writes; callers
    /// then skip the packet.
    pub(crate) fn tcp<'b>(
        &mut self,
        packet: &TcpPacket,
        frame: FrameNumber,
        options: &[TcpOptions],
        passing: Passing,
        bytes: &dyn Fn(u32, u32) -> &'b [u8],
        scratch: &mut Scratch,
    ) -> Option<Touched<'_>> {
        let Scratch { verdict, pool, spare } = scratch;
        self.watch_memory(frame);
        let segment = packet.segment(frame, options);
        let known = self.tcp.seek(packet.hash, &packet.key, frame);
        let (mut birth, mut is_plain) = (Birth::New, false);
        if let Some(spot) = known {
            if self.terms.chronicles.is_some() {
                self.chronicles.ask_ahead(spot.index);
            }
            let conversation = self.tcp.at(spot)?;
            birth = match conversation.connection.syn_outcome(packet.direction, &segment) {
                _ if conversation.succession == Succession::Due => Birth::Announced,
                SynOutcome::Reopens => Birth::Reused,
                SynOutcome::Continues => Birth::Known,
            };
            if birth == Birth::Known {
                let twin = self.twins.find(spot.index, &segment);
                let connection = &mut conversation.connection;
                is_plain = connection.advance(packet.direction, &segment, twin, pool, verdict);
            }
        }
        let (spot, arrival) = match known.filter(|_| birth == Birth::Known) {
            Some(spot) => (spot, Arrival::Known),
            None => (self.bear(packet, &segment, birth, (pool, verdict)), Arrival::New),
        };
        let index = spot.index;
        if passing.shares_frame {
            self.twins.remember(index, &segment, verdict.analysis.as_ref());
        }
        let conversation = self.tcp.at(spot)?;
        if !packet.origin.is_quoted() {
            conversation.account.book(packet.direction, &segment, verdict, passing);
            if let Some(patience) = &self.terms.chronicles {
                let of = (index, &*conversation);
                if !(is_plain && self.chronicles.go_on(index, packet.direction, &segment, &passing, patience))
                {
                    let wire = InFrame { packet, bytes };
                    self.chronicles.note(of, packet, &segment, (verdict, &passing), (&wire, patience, spare));
                }
            }
        }
        let handed_on = is_handed_on(verdict);
        if packet.opens_successor && conversation.succession == Succession::None && handed_on {
            conversation.succession = Succession::Due;
        }
        let relay_begins = packet.negotiates && handed_on && {
            let from_client = conversation.key.endpoints(packet.direction).1.port() == socks::PORT;
            let lead = bytes(u32::from(packet.header_len), 2);
            conversation.negotiation.step(from_client, [0, 1].map(|at| lead.get(at).copied().unwrap_or(0)))
        };
        Some(Touched {
            relay_begins,
            conversation,
            reference: ConversationRef { shard: self.number, index },
            arrival,
        })
    }

    /// The conversation of a TCP header of which only the addresses and ports are known, if there is one.
    pub(crate) fn known_tcp(
        &mut self,
        hash: u32,
        key: &FlowKey,
        frame: FrameNumber,
    ) -> Option<(&mut TcpConversation, ConversationRef)> {
        let spot = self.tcp.seek(hash, key, frame)?;
        let reference = ConversationRef { shard: self.number, index: spot.index };
        Some((self.tcp.at(spot)?, reference))
    }

    /// A conversation from its first packet.
    #[inline(never)]
    fn bear(
        &mut self,
        packet: &TcpPacket,
        segment: &Segment<'_>,
        birth: Birth,
        (pool, verdict): (&mut Pool, &mut Verdict),
    ) -> Spot {
        let make = || TcpConversation::new(packet.key, packet.time, self.terms.books);
        let spot = self.tcp.insert((packet.hash, &packet.key), make, packet.time, segment.frame);
        if let Some(conversation) = self.tcp.at(spot) {
            if birth == Birth::Announced {
                conversation.succession = Succession::Settled;
            }
            conversation.connection.open(packet.direction, segment, birth, pool, verdict);
        }
        if self.terms.chronicles.is_some() {
            self.chronicles.begin(spot.index, packet.time);
        }
        spot
    }

    /// Takes a UDP packet, in a frame of `wire_len` bytes.
    pub(crate) fn udp(
        &mut self,
        packet: &UdpPacket,
        frame: FrameNumber,
        wire_len: u32,
    ) -> Option<TouchedUdp<'_>> {
        self.watch_memory(frame);
        let known = self.udp.seek(packet.hash, &packet.key, frame);
        let due = match known {
            Some(spot) => self.udp.at(spot)?.succession == Succession::Due,
            None => false,
        };
        let (spot, arrival) = match known.filter(|_| !due) {
            Some(spot) => (spot, Arrival::Known),
            None => {
                let succession = if due { Succession::Settled } else { Succession::None };
                let make = || UdpConversation::new(packet.key, succession);
                (self.udp.insert((packet.hash, &packet.key), make, packet.time, frame), Arrival::New)
            }
        };
        let conversation = self.udp.at(spot)?;
        if !packet.origin.is_quoted() {
            conversation.account.book(packet, frame, wire_len);
        }
        if packet.opens_successor && conversation.succession == Succession::None {
            conversation.succession = Succession::Due;
        }
        let reference = ConversationRef { shard: self.number, index: spot.index };
        Some(TouchedUdp { conversation, reference, arrival })
    }

    /// Forgets the least recently active conversations if there are too many.
    #[inline]
    fn watch_memory(&mut self, frame: FrameNumber) {
        self.packets += 1;
        if self.packets.is_multiple_of(LOOK_EVERY) {
            self.look_at_memory(frame);
        }
    }

    fn look_at_memory(&mut self, frame: FrameNumber) {
        let limit = self.terms.memory / SHARDS as u64;
        let bytes = self.bytes(false);
        let is_due = self.packets.is_multiple_of(LOOK_CLOSELY_EVERY)
            || bytes > limit / 2 && self.packets.is_multiple_of(LOOK_OFTEN);
        // What lies on the heap may be less by now, too: what was forgotten a moment ago is not to be paid for twice.
        if !(is_due || bytes > limit) || self.bytes(true) <= limit {
            return;
        }
        let tcp = self.tcp.last_frames().map(|(last, index)| (last, true, index));
        let udp = self.udp.last_frames().map(|(last, index)| (last, false, index));
        let mut all: Vec<Candidate> = tcp.chain(udp).collect();
        let part = all.len() / FORGET_PART;
        if part == 0 {
            return;
        }
        let order = |a: &Candidate, b: &Candidate| self.order(a, b);
        let (least, _, _) = all.select_nth_unstable_by(part, order);
        least.sort_unstable_by(order);
        if self.forgotten.count() == 0 {
            self.forgotten.first = frame;
        }
        for &mut (_, is_tcp, index) in least {
            if is_tcp {
                self.tcp.forget(index);
                self.chronicles.forget(index);
                self.forgotten.tcp += 1;
            } else {
                self.udp.forget(index);
                self.forgotten.udp += 1;
            }
        }
    }

    /// Bytes that all its conversations take, and will have left behind.
    fn bytes(&mut self, anew: bool) -> u64 {
        // What grows leaves behind pieces of every size that it had, and so do many conversations of one kind for those of another, where some of each
        // stay: counted twice, with books three times, floods and interleaved connections stay below the limit. Chronicles are of one size.
        let times = if self.terms.books { 3 } else { 2 };
        let conversations = self.tcp.bytes(anew).saturating_add(self.udp.bytes(anew)).saturating_mul(times);
        conversations.saturating_add(self.chronicles.bytes()) as u64
    }

    /// Which of two is to be forgotten first. Many can have the same last frame: those that are only quoted in ICMP errors have none at all.
    /// An index says little, because which one is vacant depends on where batches end; two of one key and one frame are hardly ever met.
    fn order(&self, a: &Candidate, b: &Candidate) -> Ordering {
        let key = |&(_, is_tcp, index): &Candidate| {
            if is_tcp { self.tcp.key_of(index) } else { self.udp.key_of(index) }
        };
        (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| key(a).cmp(&key(b))).then(a.2.cmp(&b.2))
    }

    /// Ends the applications of all conversations, in the order of their indices: what they have yet to say goes to `take`, with the protocol, the
    /// conversation, its key and the kinds of findings that were reported for it.
    pub(crate) fn finish_applications(
        &mut self,
        now: Moment,
        out: &mut Messages,
        take: &mut dyn FnMut(Ended<'_>),
    ) {
        let number = self.number;
        for (index, mut session) in self.tcp.detach_all() {
            let known = if session.minds_missing() {
                self.tcp.get(index).map(|conversation| (conversation.missing(), conversation.acked()))
            } else {
                None
            };
            let (missing, acked) = known.unwrap_or_default();
            session.finish(missing, acked, now, out);
            if let Some(key) = self.tcp.key_of(index).filter(|_| !out.is_empty()) {
                let reference = ConversationRef { shard: number, index };
                let seen = self
                    .tcp
                    .get(index)
                    .map_or(KindsSeen::default(), |conversation| conversation.kinds_seen());
                take(Ended { protocol: Protocol::Tcp, reference, key, seen, out });
            }
        }
        for (index, mut decoder) in self.udp.detach_all() {
            decoder.finish(now, out);
            if let Some(key) = self.udp.key_of(index).filter(|_| !out.is_empty()) {
                let reference = ConversationRef { shard: number, index };
                let seen =
                    self.udp.get(index).map_or(KindsSeen::default(), |conversation| conversation.kinds_seen);
                take(Ended { protocol: Protocol::Udp, reference, key, seen, out });
            }
        }
    }

    /// The chronicles of its TCP conversations, by index, each with the conversation's reference and key; and what is known of servers.
    pub(crate) fn finish_chronicles(
        &mut self,
        mut take: impl FnMut(ConversationRef, FlowKey, Box<Chronicle>),
    ) -> Services {
        let (kept, mut census) = self.chronicles.finish(self.terms.chronicles);
        for (index, chronicle) in kept {
            if let Some(key) = self.tcp.key_of(index) {
                census.add(&key, &chronicle.brief(), usize::MAX);
                take(ConversationRef { shard: self.number, index }, key, chronicle);
            }
        }
        census.finish()
    }

    /// What the memory limit cost.
    pub(crate) fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// Its TCP conversations.
    pub(super) fn tcp_store(&self) -> &Store<TcpConversation> {
        &self.tcp
    }

    /// Its UDP conversations.
    pub(super) fn udp_store(&self) -> &Store<UdpConversation> {
        &self.udp
    }
}

/// Whether Wireshark hands a segment's payload to the application's decoder.
fn is_handed_on(verdict: &Verdict) -> bool {
    let held_back = Flags(Flags::OUT_OF_ORDER.0 | Flags::RETRANSMISSION.0 | Flags::SPURIOUS_RETRANSMISSION.0);
    verdict.shown.len && !verdict.flags.intersects(held_back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_shards_forgot_is_added_and_the_first_time_is_the_earlier_one() {
        let of = |tcp, first| Forgotten { tcp, udp: 2 * tcp, first: FrameNumber(first) };
        let none = Forgotten::default();
        for (a, b, both) in [
            (none, none, none),
            (of(3, 70), none, of(3, 70)),
            (of(3, 70), of(5, 9), of(8, 9)),
            (of(1, 1), of(1, 1), of(2, 1)),
        ] {
            assert_eq!(a.and(b), both);
            assert_eq!(b.and(a), both);
        }
    }
}
