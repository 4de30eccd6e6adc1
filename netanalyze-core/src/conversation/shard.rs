//! One shard's conversations. Packets come in frame order; which shard a packet belongs to is decided by its key's hash alone.

use hashbrown::HashTable;

use super::SHARDS;
use super::key::{FlowKey, KeyHasher};
use super::packet::{TcpPacket, UdpPacket};
use super::twin::Twins;
use super::udp::{UdpAccount, UdpConversation};
use crate::model::FrameNumber;
use crate::packet::tcp_option::TcpOptions;
use crate::protocol::socks::{self, Negotiation};
use crate::tcp::{
    Account, Birth, Connection, Flags, Passing, Pool, RoundTrips, Segment, Slab, SynOutcome, Verdict,
};

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

/// A TCP conversation and what the floors above remember of it.
#[derive(Debug)]
pub(crate) struct TcpConversation {
    key: FlowKey,
    connection: Connection,
    account: Account,
    succession: Succession,
    negotiation: Negotiation,
    /// Kinds of findings reported for it so far, one bit a kind.
    pub kinds_seen: u64,
}

const _: () = assert!(size_of::<TcpConversation>() <= 512, "conversations are what memory grows with");

/// Whether another conversation follows on the same addresses and ports, as Wireshark has it for some protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Succession {
    /// Not so far.
    #[default]
    None,
    /// The next packet is the first of another one.
    Due,
    /// This is that other one: its protocol is known, nothing follows it.
    Settled,
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

/// A 64th of all conversations.
#[derive(Debug)]
pub(crate) struct Shard {
    number: u8,
    hasher: KeyHasher,
    tcp: Slab<TcpConversation>,
    round_trips: RoundTrips,
    /// The most recent conversation of each key, as indices into `tcp`.
    tcp_index: HashTable<u32>,
    udp: Slab<UdpConversation>,
    udp_index: HashTable<u32>,
    pool: Pool,
    twins: Twins,
}

impl Shard {
    /// Shard `number` of [`SHARDS`]. All shards share a hasher with the decoder.
    #[must_use]
    pub(crate) fn new(number: u8, hasher: KeyHasher) -> Self {
        Shard {
            number,
            hasher,
            tcp: Slab::default(),
            round_trips: RoundTrips::default(),
            tcp_index: HashTable::new(),
            udp: Slab::default(),
            udp_index: HashTable::new(),
            pool: Pool::default(),
            twins: Twins::default(),
        }
    }

    /// Which shard a hash belongs to. Bits from the middle: the table uses both ends.
    #[inline]
    #[must_use]
    pub(crate) fn of(hash: u64) -> usize {
        (hash >> 24) as usize % SHARDS
    }

    /// Takes a TCP packet and writes its verdict over the last one. `None` cannot happen with an index that only this shard writes; callers then skip the packet.
    pub(crate) fn tcp(
        &mut self,
        packet: &TcpPacket,
        frame: FrameNumber,
        options: &[TcpOptions],
        passing: Passing,
        verdict: &mut Verdict,
    ) -> Option<Touched<'_>> {
        let segment = packet.segment(frame, options);
        let tcp = &self.tcp;
        let same_key = |&i: &u32| tcp.get(i).is_some_and(|c| c.key == packet.key);
        let known = self.tcp_index.find_mut(packet.hash, same_key);
        let (index, arrival) = match known {
            Some(place) => {
                let index = *place;
                let conversation = self.tcp.get_mut(index)?;
                let birth = match conversation.connection.syn_outcome(packet.direction, &segment) {
                    _ if conversation.succession == Succession::Due => Birth::Announced,
                    SynOutcome::Reopens => Birth::Reused,
                    SynOutcome::Continues => Birth::Known,
                };
                if birth == Birth::Known {
                    let twin = self.twins.find(index, &segment);
                    let connection = &mut conversation.connection;
                    connection.advance(packet.direction, &segment, twin, &mut self.pool, verdict);
                    (index, Arrival::Known)
                } else {
                    *place = self.tcp.push(open(packet, &segment, birth, &mut self.pool, verdict));
                    (*place, Arrival::New)
                }
            }
            None => {
                let index = self.tcp.push(open(packet, &segment, Birth::New, &mut self.pool, verdict));
                let (tcp, hasher) = (&self.tcp, &self.hasher);
                self.tcp_index
                    .insert_unique(packet.hash, index, |&i| tcp.get(i).map_or(0, |c| hasher.hash(&c.key)));
                (index, Arrival::New)
            }
        };
        if passing.shares_frame {
            self.twins.remember(index, &segment, verdict.analysis.as_ref());
        }
        let conversation = self.tcp.get_mut(index)?;
        if !packet.origin.is_quoted() {
            conversation.account.book(packet.direction, &segment, verdict, passing, &mut self.round_trips);
        }
        let handed_on = is_handed_on(verdict);
        if packet.opens_successor && conversation.succession == Succession::None && handed_on {
            conversation.succession = Succession::Due;
        }
        let relay_begins = packet.negotiation.filter(|_| handed_on).is_some_and(|lead| {
            let from_client = conversation.key.endpoints(packet.direction).1.port() == socks::PORT;
            conversation.negotiation.step(from_client, lead)
        });
        Some(Touched {
            relay_begins,
            conversation,
            reference: ConversationRef { shard: self.number, index },
            arrival,
        })
    }

    /// Takes a UDP packet, in a frame of `wire_len` bytes.
    pub(crate) fn udp(
        &mut self,
        packet: &UdpPacket,
        frame: FrameNumber,
        wire_len: u32,
    ) -> (ConversationRef, Arrival) {
        let udp = &self.udp;
        let known =
            self.udp_index.find_mut(packet.hash, |&i| udp.get(i).is_some_and(|c| c.key == packet.key));
        let conversation =
            |succession| UdpConversation { key: packet.key, account: UdpAccount::default(), succession };
        let (index, arrival) = match known {
            Some(place) => {
                let due = udp.get(*place).is_some_and(|c| c.succession == Succession::Due);
                if due {
                    *place = self.udp.push(conversation(Succession::Settled));
                }
                (*place, if due { Arrival::New } else { Arrival::Known })
            }
            None => {
                let index = self.udp.push(conversation(Succession::None));
                let (udp, hasher) = (&self.udp, &self.hasher);
                self.udp_index
                    .insert_unique(packet.hash, index, |&i| udp.get(i).map_or(0, |c| hasher.hash(&c.key)));
                (index, Arrival::New)
            }
        };
        if let Some(conversation) = self.udp.get_mut(index) {
            if !packet.origin.is_quoted() {
                conversation.account.book(packet, frame, wire_len);
            }
            if packet.opens_successor && conversation.succession == Succession::None {
                conversation.succession = Succession::Due;
            }
        }
        (ConversationRef { shard: self.number, index }, arrival)
    }

    /// The round-trip times of its TCP conversations.
    pub(super) fn round_trips(&self) -> &RoundTrips {
        &self.round_trips
    }

    /// A TCP conversation by its place.
    pub(super) fn tcp_at(&self, index: u32) -> Option<&TcpConversation> {
        self.tcp.get(index)
    }

    /// A UDP conversation by its place.
    pub(super) fn udp_at(&self, index: u32) -> Option<&UdpConversation> {
        self.udp.get(index)
    }
}

impl TcpConversation {
    /// Its key.
    pub(crate) fn key(&self) -> &FlowKey {
        &self.key
    }

    /// Its analysis.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Its books.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }
}

/// Whether Wireshark hands a segment's payload to the application's decoder.
fn is_handed_on(verdict: &Verdict) -> bool {
    let held_back = Flags(Flags::OUT_OF_ORDER.0 | Flags::RETRANSMISSION.0 | Flags::SPURIOUS_RETRANSMISSION.0);
    verdict.shown.len && !verdict.flags.intersects(held_back)
}

/// A conversation from its first packet.
#[inline(never)]
fn open(
    packet: &TcpPacket,
    segment: &Segment<'_>,
    birth: Birth,
    pool: &mut Pool,
    verdict: &mut Verdict,
) -> TcpConversation {
    let mut connection = Connection::new(packet.time);
    connection.open(packet.direction, segment, birth, pool, verdict);
    let succession = if birth == Birth::Announced { Succession::Settled } else { Succession::None };
    TcpConversation {
        key: packet.key,
        connection,
        account: Account::default(),
        succession,
        negotiation: Negotiation::default(),
        kinds_seen: 0,
    }
}
