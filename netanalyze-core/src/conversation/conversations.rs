//! All conversations of a finished run, by their stream numbers.

use std::net::IpAddr;

use super::key::FlowKey;
use super::numbering::Numbering;
use super::record::{Conversation, Protocol, Side, TcpConversationFacts, TtlRange};
use super::shard::{ConversationRef, Shard, TcpConversation};
use super::silence::LastSilence;
use super::udp::UdpConversation;
use crate::model::{Direction, FrameNumber, Span, Timestamp};
use crate::tcp::{Account, RoundTrips};

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
    tcp: Vec<ConversationRef>,
    udp: Vec<ConversationRef>,
    bounds: Bounds,
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
    /// What the shards hold, in the order of the stream numbers.
    pub(crate) fn new(shards: Vec<Shard>, tcp: &Numbering, udp: &Numbering, bounds: Bounds) -> Self {
        Conversations { shards, tcp: tcp.order(), udp: udp.order(), bounds }
    }

    /// Stream numbers of a protocol, from 0. Wireshark leaves out none, but some belong to no conversation with packets of its own.
    #[must_use]
    pub fn count(&self, protocol: Protocol) -> u32 {
        let order = match protocol {
            Protocol::Tcp => &self.tcp,
            Protocol::Udp => &self.udp,
        };
        u32::try_from(order.len()).unwrap_or(u32::MAX)
    }

    /// A conversation by its stream number; `None` if there is none.
    #[must_use]
    pub fn get(&self, protocol: Protocol, stream: u32) -> Option<Conversation> {
        match protocol {
            Protocol::Tcp => {
                let (reference, conversation) = self.tcp_at(stream)?;
                let round_trips = self.shards.get(usize::from(reference.shard))?.round_trips();
                Some(self.tcp_record(stream, conversation, round_trips))
            }
            Protocol::Udp => {
                let &ConversationRef { shard, index } = self.udp.get(stream as usize)?;
                Some(udp_record(stream, self.shards.get(usize::from(shard))?.udp_at(index)?))
            }
        }
    }

    /// TCP conversations by stream number, then UDP conversations.
    pub fn iter(&self) -> impl Iterator<Item = Conversation> {
        let of = |protocol| (0..self.count(protocol)).filter_map(move |stream| self.get(protocol, stream));
        of(Protocol::Tcp).chain(of(Protocol::Udp))
    }

    /// Time of the capture's first frame, from which relative times count.
    #[must_use]
    pub fn capture_start(&self) -> Timestamp {
        self.bounds.start
    }

    /// Time of the capture's last packet.
    #[must_use]
    pub fn capture_end(&self) -> Timestamp {
        self.bounds.end
    }

    /// The capture's last frame.
    #[must_use]
    pub fn last_frame(&self) -> FrameNumber {
        self.bounds.last_frame
    }

    /// Addresses of every conversation, and what each end sent, in the order of stream numbers.
    pub(crate) fn volumes(&self, take: &mut dyn FnMut([IpAddr; 2], [Volume; 2])) {
        let ends = |key: &FlowKey| {
            let (a, b) = key.endpoints(Direction::AtoB);
            [a.ip(), b.ip()]
        };
        for stream in 0..self.count(Protocol::Tcp) {
            let Some((_, conversation)) = self.tcp_at(stream) else { continue };
            let account = conversation.account();
            let of = |end| Volume { packets: account.packets(end), wire_bytes: account.wire_bytes(end) };
            take(ends(conversation.key()), [of(Direction::AtoB), of(Direction::BtoA)]);
        }
        for &ConversationRef { shard, index } in &self.udp {
            let shard = self.shards.get(usize::from(shard));
            let Some(conversation) = shard.and_then(|shard| shard.udp_at(index)) else { continue };
            let of = |end| {
                let end = conversation.account.end(end);
                Volume { packets: u64::from(end.packets), wire_bytes: end.wire_bytes }
            };
            take(ends(&conversation.key), [of(Direction::AtoB), of(Direction::BtoA)]);
        }
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

    /// The compact state of a TCP conversation.
    pub(crate) fn tcp_at(&self, stream: u32) -> Option<(ConversationRef, &TcpConversation)> {
        let &reference = self.tcp.get(stream as usize)?;
        let shard = self.shards.get(usize::from(reference.shard))?;
        Some((reference, shard.tcp_at(reference.index)?))
    }

    fn tcp_record(
        &self,
        stream: u32,
        conversation: &TcpConversation,
        round_trips: &RoundTrips,
    ) -> Conversation {
        let (account, connection) = (conversation.account(), conversation.connection());
        let client = account.client();
        let side = |end| tcp_side(account, end, round_trips, self.bounds.end);
        let (client_end, server_end) = conversation.key().endpoints(client);
        Conversation {
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
                history: account.history().text(client),
                completeness: connection.completeness(),
                initial_rtt: Some(connection.initial_rtt()).filter(|&rtt| rtt != Span(0)),
                stalled: self.stalled(conversation),
            }),
        }
    }
}

fn ttl_range((min, max): (u8, u8)) -> TtlRange {
    TtlRange { min, max }
}

fn tcp_side(account: &Account, end: Direction, round_trips: &RoundTrips, capture_end: Timestamp) -> Side {
    Side {
        packets: account.packets(end),
        wire_bytes: account.wire_bytes(end),
        payload_bytes: account.payload_bytes(end),
        ttl: account.ttl(end).map(ttl_range),
        tcp: Some(account.facts(end, round_trips, capture_end)),
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
