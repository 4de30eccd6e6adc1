//! All conversations of a finished run, by their stream numbers.

use std::net::IpAddr;
use std::ops::Range;

use super::key::FlowKey;
use super::numbering::Numbering;
use super::record::{Conversation, Protocol, Side, TcpConversationFacts, TtlRange};
use super::shard::{ConversationRef, Shard};
use super::silence::LastSilence;
use super::store::{Record, Seen, Store};
use super::tcp::TcpConversation;
use super::udp::UdpConversation;
use crate::model::{Direction, Endpoint, FrameNumber, Span, Timestamp};
use crate::tcp::Account;

/// What an end sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Volume {
    pub(crate) packets: u64,
    pub(crate) wire_bytes: u64,
}

/// The conversations. Records are made one by one when they are asked for; here they stay compact.
#[derive(Debug)]
pub struct Conversations {
    shards: Vec<Shard>,
    tcp: Streams,
    udp: Streams,
    bounds: Bounds,
}

/// Where the conversations of one protocol are.
#[derive(Debug)]
struct Streams {
    given: u32,
    /// Those that are kept, by their numbers, if they may be asked for.
    kept: Vec<(u32, ConversationRef)>,
}

impl Streams {
    fn new(numbering: &Numbering, by_stream: bool, is_kept: impl Fn(ConversationRef) -> bool) -> Self {
        Streams {
            given: numbering.given(),
            kept: if by_stream { numbering.order(is_kept) } else { Vec::new() },
        }
    }

    /// Those with certain numbers.
    fn some(&self, streams: Range<u32>) -> &[(u32, ConversationRef)] {
        let before = |stream| self.kept.partition_point(|&(number, _)| number < stream);
        self.kept.get(before(streams.start)..before(streams.end)).unwrap_or_default()
    }

    fn get(&self, stream: u32) -> Option<ConversationRef> {
        // Nearly always none is missing.
        let found = match self.kept.get(stream as usize) {
            Some(&(number, reference)) if number == stream => return Some(reference),
            _ => self.kept.binary_search_by_key(&stream, |&(number, _)| number).ok()?,
        };
        self.kept.get(found).map(|&(_, reference)| reference)
    }
}

/// Where the capture begins and ends, and what silence counts in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Time of its first frame.
    pub(crate) start: Timestamp,
    /// The latest time.
    pub(crate) end: Timestamp,
    pub(crate) last_frame: FrameNumber,
    /// Silence that is worth a finding.
    pub(crate) gap: Span,
}

impl Conversations {
    /// What the shards hold, in the order of the stream numbers. Those of TCP cannot be asked for unless `by_stream`.
    pub(crate) fn new(
        shards: Vec<Shard>,
        (tcp, udp): (&Numbering, &Numbering),
        by_stream: bool,
        bounds: Bounds,
    ) -> Self {
        let shard = |reference: ConversationRef| shards.get(usize::from(reference.shard));
        let tcp =
            Streams::new(tcp, by_stream, |of| shard(of).is_some_and(|s| s.tcp_store().is_kept(of.index)));
        let udp = Streams::new(udp, true, |of| shard(of).is_some_and(|s| s.udp_store().is_kept(of.index)));
        Conversations { shards, tcp, udp, bounds }
    }

    /// Stream numbers of a protocol, from 0. Wireshark leaves out none, but some belong to no conversation with packets of its own.
    #[must_use]
    pub fn count(&self, protocol: Protocol) -> u32 {
        match protocol {
            Protocol::Tcp => self.tcp.given,
            Protocol::Udp => self.udp.given,
        }
    }

    /// How many conversations of a protocol were forgotten under the memory limit.
    #[must_use]
    pub fn forgotten(&self, protocol: Protocol) -> u64 {
        let of = |shard: &Shard| match protocol {
            Protocol::Tcp => shard.forgotten().tcp,
            Protocol::Udp => shard.forgotten().udp,
        };
        self.shards.iter().map(of).sum()
    }

    /// A conversation by its stream number; `None` if there is none, if it was forgotten under a memory limit, or if the books were not kept
    /// ([`Interests::books`](crate::engine::Interests::books)).
    #[must_use]
    pub fn get(&self, protocol: Protocol, stream: u32) -> Option<Conversation> {
        match protocol {
            Protocol::Tcp => {
                let (_, conversation) = self.tcp_at(stream)?;
                self.tcp_record(stream, &conversation)
            }
            Protocol::Udp => Some(udp_record(stream, &*self.udp_at(self.udp.get(stream)?)?)),
        }
    }

    /// TCP conversations by stream number, then UDP conversations.
    pub fn iter(&self) -> impl Iterator<Item = Conversation> {
        let of = |protocol, streams: &'_ Streams| {
            let numbers: Vec<u32> = streams.kept.iter().map(|&(number, _)| number).collect();
            numbers.into_iter().filter_map(move |stream| self.get(protocol, stream))
        };
        of(Protocol::Tcp, &self.tcp).chain(of(Protocol::Udp, &self.udp))
    }

    /// Time of the capture's first frame, from which relative times count.
    #[must_use]
    pub fn capture_start(&self) -> Timestamp {
        self.bounds.start
    }

    /// The latest time of a frame.
    #[must_use]
    pub fn capture_end(&self) -> Timestamp {
        self.bounds.end
    }

    /// The capture's last frame.
    #[must_use]
    pub fn last_frame(&self) -> FrameNumber {
        self.bounds.last_frame
    }

    /// Addresses of every UDP conversation, and what each end sent.
    pub(crate) fn udp_volumes(&self, take: &mut dyn FnMut([IpAddr; 2], [Volume; 2])) {
        for &(_, reference) in &self.udp.kept {
            let Some(conversation) = self.udp_at(reference) else { continue };
            let of = |end| {
                let end = conversation.account.end(end);
                Volume { packets: u64::from(end.packets), wire_bytes: end.wire_bytes }
            };
            take(addresses(&conversation.key), [of(Direction::AtoB), of(Direction::BtoA)]);
        }
    }

    /// Ends of every UDP conversation.
    pub(crate) fn udp_ends(&self) -> impl Iterator<Item = [Endpoint; 2]> + '_ {
        let of = |&(_, reference): &(u32, ConversationRef)| {
            let (a, b) = self.udp_at(reference)?.key.endpoints(Direction::AtoB);
            Some([a, b])
        };
        self.udp.kept.iter().filter_map(of)
    }

    /// Hands over every TCP conversation that is kept, by stream numbers.
    pub(crate) fn each_tcp(&self, take: &mut dyn FnMut(u32, &TcpConversation)) {
        let mut room = TcpConversation::blank();
        for &(stream, reference) in &self.tcp.kept {
            if let Some(store) = self.tcp_store(reference) {
                store.visit(reference.index, &mut room, &mut |conversation| take(stream, conversation));
            }
        }
    }

    /// As [`Conversations::each_tcp`], for some stream numbers, without those of which there is nothing to say when the capture ends.
    pub(crate) fn each_tcp_in_the_end(
        &self,
        streams: Range<u32>,
        take: &mut dyn FnMut(u32, &TcpConversation),
    ) {
        let mut room = TcpConversation::blank();
        for &(stream, reference) in self.tcp.some(streams) {
            let Some(store) = self.tcp_store(reference) else { continue };
            if !store.is_over(reference.index) {
                store.visit(reference.index, &mut room, &mut |conversation| {
                    if !conversation.is_over() {
                        take(stream, conversation);
                    }
                });
            }
        }
    }

    /// Hands over the TCP conversations that are named by something with a stream number.
    pub(crate) fn each_named<N>(
        &self,
        names: &[N],
        stream: fn(&N) -> u32,
        take: &mut dyn FnMut(&N, ConversationRef, &TcpConversation),
    ) {
        let mut room = TcpConversation::blank();
        for name in names {
            let Some(reference) = self.tcp.get(stream(name)) else { continue };
            if let Some(store) = self.tcp_store(reference) {
                let mut look = |conversation: &TcpConversation| take(name, reference, conversation);
                store.visit(reference.index, &mut room, &mut look);
            }
        }
    }

    fn tcp_store(&self, reference: ConversationRef) -> Option<&Store<TcpConversation>> {
        self.shards.get(usize::from(reference.shard)).map(Shard::tcp_store)
    }

    /// The silence in which the capture ended for a TCP conversation, if it counts and somebody owed something.
    pub(crate) fn last_silence(&self, conversation: &TcpConversation) -> Option<LastSilence> {
        conversation.last_silence(self.bounds.end, self.bounds.gap)
    }

    /// Time that a TCP conversation lost in silences, the last one included.
    pub(crate) fn stalled(&self, conversation: &TcpConversation) -> Span {
        let account = conversation.account();
        let until_the_end = self.bounds.end.since(account.last());
        let last = match self.last_silence(conversation) {
            Some(silence) => silence.span,
            None if account.has_closed_window() && until_the_end > Span(0) => until_the_end,
            None => Span(0),
        };
        Span(account.stalled().0.saturating_add(last.0))
    }

    /// What is kept of a TCP conversation.
    pub(crate) fn tcp_at(&self, stream: u32) -> Option<(ConversationRef, Seen<'_, TcpConversation>)> {
        let reference = self.tcp.get(stream)?;
        Some((reference, self.tcp_of(reference)?))
    }

    fn tcp_of(&self, reference: ConversationRef) -> Option<Seen<'_, TcpConversation>> {
        self.tcp_store(reference)?.get(reference.index)
    }

    fn udp_at(&self, reference: ConversationRef) -> Option<Seen<'_, UdpConversation>> {
        self.shards.get(usize::from(reference.shard))?.udp_store().get(reference.index)
    }

    fn tcp_record(&self, stream: u32, conversation: &TcpConversation) -> Option<Conversation> {
        let (account, connection) = (conversation.account(), conversation.connection());
        let client = account.client();
        if !account.has_books() {
            return None;
        }
        let side = |end| tcp_side(account, end, self.bounds.end);
        let (client_end, server_end) = conversation.key().endpoints(client);
        Some(Conversation {
            protocol: Protocol::Tcp,
            stream,
            client: client_end,
            server: server_end,
            first_frame: account.first_frame(),
            last_frame: account.last_frame(),
            start: account.first(),
            duration: account.last().since(account.first()),
            sent_by_client: side(client),
            sent_by_server: side(client.reverse()),
            tcp: Some(TcpConversationFacts {
                roles_known: account.roles_known(),
                from_start: account.begins_with_syn(),
                closed_by: account.closed_by(),
                history: account.history(client),
                completeness: connection.completeness(),
                initial_rtt: Some(connection.initial_rtt()).filter(|&rtt| rtt != Span(0)),
                stalled: self.stalled(conversation),
            }),
        })
    }
}

/// Addresses of both ends.
pub(crate) fn addresses(key: &FlowKey) -> [IpAddr; 2] {
    let (a, b) = key.endpoints(Direction::AtoB);
    [a.ip(), b.ip()]
}

fn ttl_range((min, max): (u8, u8)) -> TtlRange {
    TtlRange { min, max }
}

fn tcp_side(account: &Account, end: Direction, capture_end: Timestamp) -> Side {
    Side {
        packets: account.packets(end),
        wire_bytes: account.wire_bytes(end),
        payload_bytes: account.payload_bytes(end),
        ttl: account.ttl(end).map(ttl_range),
        tcp: account.facts(end, capture_end),
    }
}

fn udp_record(stream: u32, conversation: &UdpConversation) -> Conversation {
    let account = &conversation.account;
    let client = account.first_sender;
    let (client_end, server_end) = conversation.key.endpoints(client);
    let side = |direction| {
        let end = account.end(direction);
        Side {
            packets: u64::from(end.packets),
            wire_bytes: end.wire_bytes,
            payload_bytes: end.payload_bytes,
            ttl: end.ttl().map(ttl_range),
            tcp: None,
        }
    };
    Conversation {
        protocol: Protocol::Udp,
        stream,
        client: client_end,
        server: server_end,
        first_frame: account.first_frame,
        last_frame: account.last_frame,
        start: account.first,
        duration: account.last.since(account.first),
        sent_by_client: side(client),
        sent_by_server: side(client.reverse()),
        tcp: None,
    }
}
