//! What all conversations came to: in which states their ends are, who sent most, which fared worst and why.
//!
//! Made once, at the end of a run and only for views that want it: one walk over the books, and more only for states of which there are too
//! many and where there are very many hosts.

use std::net::IpAddr;

use serde::Serialize;

use super::heaviest::{Hosts, Traffic};
use crate::conversation::{Conversations, Protocol, TcpConversation, Volume, addresses};
use crate::expert::{KindId, ending_flags, kind_by_id};
use crate::model::{Direction, Endpoint, FrameNumber, Span};
use crate::tcp::{Account, ClosedBy, EndState, Flags, Troubles};

/// Addresses that are listed as top talkers.
const TOP_TALKERS: usize = 10;

/// Conversations that are listed as the worst.
const WORST: usize = 10;

/// The states whose ends a host should not have more of, and how many (the field guide that this project follows). More CLOSE-WAIT than
/// 100 are an application that forgets to close; more SYN-RECV than 500 a flood, or a listener that accepts too slowly; more SYN-SENT than
/// 200 a server that is down or filtered; more FIN-WAIT-2 than 500 peers that do not close; more TIME-WAIT than 10,000 use up ports, of
/// which only those count that are not over yet ([`StateCount::recent`]).
pub const STATE_THRESHOLDS: [(EndState, u64); 5] = [
    (EndState::SynSent, 200),
    (EndState::SynReceived, 500),
    (EndState::FinWait2, 500),
    (EndState::CloseWait, 100),
    (EndState::TimeWait, 10_000),
];

/// How long TIME-WAIT lasts on Linux, in nanoseconds. RFC 9293 section 3.4.2 would have four minutes: twice the segment lifetime.
const TIME_WAIT: Span = Span(60_000_000_000);

/// What all conversations came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ConversationSummary {
    /// Ends of TCP conversations by the state that they are in when the capture ends, in the order of a connection's life. Every
    /// conversation has two.
    pub states: Vec<StateCount>,
    /// Addresses by bytes sent and received over TCP and UDP, the first ten.
    pub top_talkers: Vec<Talker>,
    /// The ten TCP conversations that fared worst: by time stalled, then whether they failed, then retransmissions and closed windows.
    pub worst: Vec<Worst>,
    /// How many conversations have any of these.
    pub troubled: u64,
}

/// Ends in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StateCount {
    /// The state.
    pub state: EndState,
    /// Ends that are in it.
    pub ends: u64,
    /// Of TIME-WAIT, how many are in conversations whose last packet is at most 60 s before the capture's end: by then Linux frees the
    /// port. Only these are held against the threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recent: Option<u64>,
    /// How many there may be before something is wrong ([`STATE_THRESHOLDS`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u64>,
    /// Whether there are more.
    pub exceeded: bool,
    /// If so, the host that has most of them; of TIME-WAIT, of the recent ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_at: Option<HostCount>,
}

/// Ends at a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HostCount {
    /// Its address.
    pub address: IpAddr,
    /// How many.
    pub ends: u64,
}

/// What an address sent and received over TCP and UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Talker {
    /// The address.
    pub address: IpAddr,
    /// In how many conversations.
    pub conversations: u64,
    /// Packets both ways.
    pub packets: u64,
    /// Bytes on the wire that it sent.
    pub wire_bytes_sent: u64,
    /// Bytes on the wire that were sent to it.
    pub wire_bytes_received: u64,
}

/// How a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Failure {
    /// The SYN was answered with an RST.
    Refused,
    /// The SYN was not answered at all, or the SYN-ACK was not, for a second or more until the capture ended.
    Unanswered,
    /// The client reset it.
    ClientReset,
    /// The server reset it.
    ServerReset,
}

impl Failure {
    /// As machine-readable output spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Failure::Refused => "refused",
            Failure::Unanswered => "unanswered",
            Failure::ClientReset => "client_reset",
            Failure::ServerReset => "server_reset",
        }
    }
}

/// A conversation that fared badly, and what happened to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Worst {
    /// TCP.
    pub protocol: Protocol,
    /// `tcp.stream`.
    pub stream: u32,
    /// The end that opened, as in [`Conversation`](crate::conversation::Conversation).
    pub client: Endpoint,
    /// The other.
    pub server: Endpoint,
    /// Time that passed in silences which ended in a retransmission, or while a window was closed, or that were worth a finding; the silence
    /// in which the capture ended is one of them if it was worth a finding, or if a window was still closed.
    #[serde(rename = "stalled_ns")]
    pub stalled: Span,
    /// How it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Segments of both ends flagged as a retransmission of any kind.
    pub retransmissions: u64,
    /// Segments of both ends with a closed window.
    pub zero_windows: u64,
    /// How long the client's window was closed.
    #[serde(rename = "client_zero_window_ns")]
    pub client_zero_window: Span,
    /// How long the server's window was closed.
    #[serde(rename = "server_zero_window_ns")]
    pub server_zero_window: Span,
    /// A display filter that shows it in Wireshark.
    pub filter: String,
}

impl ConversationSummary {
    /// Sums them up.
    pub(crate) fn new(conversations: &Conversations) -> Self {
        let mut states = [0_u64; EndState::ALL.len()];
        let mut recent = 0;
        let mut worst = Ranking::default();
        let refused = kind_by_id("netanalyze.refused");
        let mut hosts = Hosts::default();
        each_booked(conversations, |stream, conversation| {
            let account = conversation.account();
            for end in [Direction::AtoB, Direction::BtoA] {
                let state = account.state(end);
                if let Some(count) = states.get_mut(state as usize) {
                    *count += 1;
                }
                recent += u64::from(state == EndState::TimeWait && is_recent(conversations, conversation));
            }
            worst.offer(Badness::new(conversations, conversation, refused), stream);
            let volumes = [Direction::AtoB, Direction::BtoA].map(|end| tcp_volume(account, end));
            traffic(addresses(conversation.key()), volumes, &mut |address, traffic| {
                hosts.add(address, traffic)
            });
        });
        conversations.udp_volumes(&mut |ends, volumes| {
            traffic(ends, volumes, &mut |address, traffic| hosts.add(address, traffic));
        });
        ConversationSummary {
            states: EndState::ALL
                .into_iter()
                .zip(states)
                .filter(|&(_, ends)| ends > 0)
                .map(|(state, ends)| state_count(conversations, state, ends, recent))
                .collect(),
            top_talkers: top_talkers(conversations, hosts),
            troubled: worst.offered,
            worst: worst
                .list
                .iter()
                .filter_map(|(badness, stream)| row(conversations, *badness, *stream))
                .collect(),
        }
    }
}

/// Hands over the TCP conversations with packets of their own, not those that are only quoted in ICMP errors.
fn each_booked(conversations: &Conversations, mut take: impl FnMut(u32, &TcpConversation)) {
    conversations.each_tcp(&mut |stream, conversation| {
        if conversation.account().first_frame() != FrameNumber(0) {
            take(stream, conversation);
        }
    });
}

/// Whether TIME-WAIT is not over when the capture ends.
fn is_recent(conversations: &Conversations, conversation: &TcpConversation) -> bool {
    conversations.capture_end().since(conversation.account().last()) <= TIME_WAIT
}

fn state_count(conversations: &Conversations, state: EndState, ends: u64, time_wait: u64) -> StateCount {
    let recent = (state == EndState::TimeWait).then_some(time_wait);
    let held = recent.unwrap_or(ends);
    let threshold = STATE_THRESHOLDS.iter().find(|(of, _)| *of == state).map(|&(_, threshold)| threshold);
    let exceeded = threshold.is_some_and(|threshold| held > threshold);
    let mut hosts = Vec::new();
    if exceeded {
        let walk = |add: &mut dyn FnMut(IpAddr, Traffic)| {
            each_booked(conversations, |_, conversation| {
                if recent.is_some() && !is_recent(conversations, conversation) {
                    return;
                }
                for end in [Direction::AtoB, Direction::BtoA] {
                    if conversation.account().state(end) == state {
                        let (of, _) = conversation.key().endpoints(end);
                        add(of.ip(), Traffic { conversations: 1, ..Traffic::default() });
                    }
                }
            });
        };
        let mut counted = Hosts::default();
        walk(&mut |address, traffic| counted.add(address, traffic));
        hosts = counted.heaviest(1, |traffic| traffic.conversations, walk);
    }
    let most_at = hosts.first().map(|&(address, traffic)| HostCount { address, ends: traffic.conversations });
    StateCount { state, ends, recent, threshold, exceeded, most_at }
}

/// What an end of a TCP conversation sent.
fn tcp_volume(account: &Account, end: Direction) -> Volume {
    Volume { packets: account.packets(end), wire_bytes: account.wire_bytes(end) }
}

/// Books a conversation with its ends.
fn traffic([a, b]: [IpAddr; 2], [from_a, from_b]: [Volume; 2], add: &mut dyn FnMut(IpAddr, Traffic)) {
    let packets = from_a.packets.saturating_add(from_b.packets);
    let (from_a, from_b) = (from_a.wire_bytes, from_b.wire_bytes);
    if packets == 0 {
        return;
    }
    if a == b {
        let all = from_a.saturating_add(from_b);
        return add(a, Traffic { conversations: 1, packets, sent: all, received: all });
    }
    add(a, Traffic { conversations: 1, packets, sent: from_a, received: from_b });
    add(b, Traffic { conversations: 1, packets, sent: from_b, received: from_a });
}

fn top_talkers(conversations: &Conversations, counted: Hosts) -> Vec<Talker> {
    let hosts = counted.heaviest(TOP_TALKERS, Traffic::bytes, |add| {
        conversations.each_tcp(&mut |_, conversation| {
            let volumes =
                [Direction::AtoB, Direction::BtoA].map(|end| tcp_volume(conversation.account(), end));
            traffic(addresses(conversation.key()), volumes, add);
        });
        conversations.udp_volumes(&mut |ends, volumes| traffic(ends, volumes, add));
    });
    let talker = |(address, traffic): (IpAddr, Traffic)| Talker {
        address,
        conversations: traffic.conversations,
        packets: traffic.packets,
        wire_bytes_sent: traffic.sent,
        wire_bytes_received: traffic.received,
    };
    hosts.into_iter().map(talker).collect()
}

/// What ranks conversations, in the order of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Badness {
    stalled: Span,
    failed: bool,
    troubles: u64,
    failure: Option<Failure>,
}

impl Badness {
    fn new(conversations: &Conversations, conversation: &TcpConversation, refused: Option<KindId>) -> Self {
        let account = conversation.account();
        let is_refused = refused.is_some_and(|kind| conversation.kinds_seen().bits() >> kind.0 & 1 != 0);
        let failure = match account.closed_by() {
            Some(ClosedBy::ClientReset) => Some(Failure::ClientReset),
            Some(ClosedBy::ServerReset) if is_refused => Some(Failure::Refused),
            Some(ClosedBy::ServerReset) => Some(Failure::ServerReset),
            Some(_) => None,
            None => ending_flags(conversation, conversations)
                .has(Flags::UNANSWERED)
                .then_some(Failure::Unanswered),
        };
        let troubles =
            [Direction::AtoB, Direction::BtoA].map(|end| account.troubles(end, conversations.capture_end()));
        let troubles = troubles.iter().map(|t| t.retransmissions.saturating_add(t.zero_windows)).sum();
        Badness { stalled: conversations.stalled(conversation), failed: failure.is_some(), troubles, failure }
    }

    fn is_none(self) -> bool {
        self.stalled <= Span(0) && !self.failed && self.troubles == 0
    }
}

/// The worst so far, the worst first; of equal ones the lower stream number.
#[derive(Debug, Default)]
struct Ranking {
    list: Vec<(Badness, u32)>,
    offered: u64,
}

impl Ranking {
    /// Takes conversations in the order of their stream numbers.
    fn offer(&mut self, badness: Badness, stream: u32) {
        if badness.is_none() {
            return;
        }
        self.offered += 1;
        let rank = |of: &Badness| (of.stalled, of.failed, of.troubles);
        let place = self.list.partition_point(|(other, _)| rank(other) >= rank(&badness));
        if place < WORST {
            self.list.insert(place, (badness, stream));
            self.list.truncate(WORST);
        }
    }
}

fn row(conversations: &Conversations, badness: Badness, stream: u32) -> Option<Worst> {
    let (_, conversation) = conversations.tcp_at(stream)?;
    let account = conversation.account();
    let end = conversations.capture_end();
    let from = account.client();
    let (client, server) = conversation.key().endpoints(from);
    let (of_client, of_server): (Troubles, Troubles) =
        (account.troubles(from, end), account.troubles(from.reverse(), end));
    Some(Worst {
        protocol: Protocol::Tcp,
        stream,
        client,
        server,
        stalled: badness.stalled,
        failure: badness.failure,
        retransmissions: of_client.retransmissions.saturating_add(of_server.retransmissions),
        zero_windows: of_client.zero_windows.saturating_add(of_server.zero_windows),
        client_zero_window: of_client.zero_window,
        server_zero_window: of_server.zero_window,
        filter: format!("tcp.stream == {stream}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_counted_at_their_places() {
        for (place, state) in EndState::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, place);
        }
    }

    #[test]
    fn the_kind_of_refusals_is_in_the_catalogue() {
        assert!(kind_by_id("netanalyze.refused").is_some());
    }

    #[test]
    fn time_ranks_before_failure_and_failure_before_troubles() {
        let badness = |ns, failure: Option<Failure>, troubles| Badness {
            stalled: Span(ns),
            failed: failure.is_some(),
            troubles,
            failure,
        };
        let mut ranking = Ranking::default();
        let offers = [
            badness(0, None, 0),
            badness(0, None, 3),
            badness(0, Some(Failure::Refused), 0),
            badness(5, None, 0),
            badness(0, Some(Failure::ServerReset), 0),
            badness(5, Some(Failure::Unanswered), 1),
            badness(0, Some(Failure::ServerReset), 7),
        ];
        for (stream, badness) in offers.into_iter().enumerate() {
            ranking.offer(badness, stream as u32);
        }
        let order: Vec<u32> = ranking.list.iter().map(|(_, stream)| *stream).collect();
        assert_eq!((order, ranking.offered), (vec![5, 3, 6, 2, 4, 1], 6));
        for stream in 10..40 {
            ranking.offer(badness(1, None, 0), stream);
        }
        let order: Vec<u32> = ranking.list.iter().map(|(_, stream)| *stream).collect();
        assert_eq!(order, [5, 3, 10, 11, 12, 13, 14, 15, 16, 17]);
        assert_eq!(ranking.offered, 36);
    }
}
