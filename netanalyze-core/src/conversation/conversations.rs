//! All conversations of a finished run, by their stream numbers.

use std::net::IpAddr;

use super::key::FlowKey;
use super::numbering::Numbering;
use super::record::{Conversation, Protocol, Side, TcpConversationFacts, TtlRange};
use super::shard::{ConversationRef, Shard, TcpConversation};
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
    capture_start: Timestamp,
    capture_end: Timestamp,
    last_frame: FrameNumber,
}

impl Conversations {
    /// What the shards hold, in the order of the stream numbers. The capture lasts from its first frame's
    /// time to its latest; its last frame is `last_frame`.
    pub(crate) fn new(
        shards: Vec<Shard>,
        tcp: &Numbering,
        udp: &Numbering,
        (capture_start, capture_end): (Timestamp, Timestamp),
        last_frame: FrameNumber,
    ) -> Self {
        Conversations { shards, tcp: tcp.order(), udp: udp.order(), capture_start, capture_end, last_frame }
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
                Some(tcp_record(stream, conversation, round_trips))
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
        self.capture_start
    }

    /// Time of the capture's last packet.
    #[must_use]
    pub fn capture_end(&self) -> Timestamp {
        self.capture_end
    }

    /// The capture's last frame.
    #[must_use]
    pub fn last_frame(&self) -> FrameNumber {
        self.last_frame
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

    /// The compact state of a TCP conversation.
    pub(crate) fn tcp_at(&self, stream: u32) -> Option<(ConversationRef, &TcpConversation)> {
        let &reference = self.tcp.get(stream as usize)?;
        let shard = self.shards.get(usize::from(reference.shard))?;
        Some((reference, shard.tcp_at(reference.index)?))
    }
}

fn ttl_range((min, max): (u8, u8)) -> TtlRange {
    TtlRange { min, max }
}

fn tcp_side(account: &Account, end: Direction, round_trips: &RoundTrips) -> Side {
    Side {
        packets: account.packets(end),
        wire_bytes: account.wire_bytes(end),
        payload_bytes: account.payload_bytes(end),
        ttl: account.ttl(end).map(ttl_range),
        tcp: Some(account.facts(end, round_trips)),
    }
}

fn tcp_record(stream: u32, conversation: &TcpConversation, round_trips: &RoundTrips) -> Conversation {
    let (account, connection) = (conversation.account(), conversation.connection());
    let client = account.client();
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
        sent_by_client: tcp_side(account, client, round_trips),
        sent_by_server: tcp_side(account, client.reverse(), round_trips),
        tcp: Some(TcpConversationFacts {
            roles_known: account.roles_known(),
            from_start: account.begins_with_syn(),
            closed_by: account.closed_by(),
            history: account.history().text(client),
            completeness: connection.completeness(),
            initial_rtt: Some(connection.initial_rtt()).filter(|&rtt| rtt != Span(0)),
            stalled: account.stalled(),
        }),
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
