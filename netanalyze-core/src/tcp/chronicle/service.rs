//! What the connections to one server have in common, those included whose chronicles were dropped.

use super::Chronicle;
use crate::model::{Direction, Span, Timestamp};

/// Both directions.
const BOTH: [Direction; 2] = [Direction::AtoB, Direction::BtoA];

/// What a connection leaves to what is known of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Brief {
    /// Who opened, if that was captured.
    pub(crate) client: Option<Direction>,
    pub(crate) first: Timestamp,
    /// The last packets in each direction.
    pub(crate) last: [Timestamp; 2],
    /// There was a SYN-ACK, with this time to live, so long after the SYN.
    pub(crate) accepted: bool,
    pub(crate) syn_ack_ttl: u8,
    pub(crate) leg: Option<Span>,
    /// Payload of the server was captured.
    pub(crate) answered: bool,
    /// The longest silence that it outlived.
    pub(crate) survived: Span,
    /// Packets in each direction whose checksums their sender seems to leave to the network card.
    pub(crate) unsummed: [u32; 2],
}

/// Of packets in two directions without a right checksum, and whether some of them have the sum that systems leave to the card, those that their sender leaves
/// to the card. Where both ends' are wrong, and not as systems leave them, nobody's network card is the reason: the capture was edited.
pub(super) fn left_to_the_card([a, b]: [(u32, bool); 2]) -> [u32; 2] {
    let of = |(own, partly): (u32, bool), (peer, _): (u32, bool)| if partly || peer == 0 { own } else { 0 };
    [of(a, b), of(b, a)]
}

impl Chronicle {
    /// See [`Brief`].
    pub(crate) fn brief(&self) -> Brief {
        let opening = &self.opening;
        let client = opening.client();
        let server = client.map_or(Direction::BtoA, Direction::reverse);
        Brief {
            client,
            first: self.first,
            last: BOTH.map(|direction| self.lane(direction).last_packet()),
            accepted: opening.syn_acks > 0,
            syn_ack_ttl: opening.syn_ack_ttl,
            leg: (opening.syns > 0).then_some(opening.server_leg),
            answered: self.lane(server).bytes() > 0,
            survived: self.survived,
            unsummed: left_to_the_card(BOTH.map(|direction| self.lane(direction).unsummed())),
        }
    }
}

/// A server's address and port, as its connections show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Service {
    /// Connections that it accepted, and when the first and the last of them began.
    pub(crate) opened: u32,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// Least and greatest time to live of its SYN-ACKs.
    pub(crate) ttl: Option<(u8, u8)>,
    /// The shortest time from SYN to SYN-ACK.
    pub(crate) rtt: Option<Span>,
    /// The longest silence that one of them outlived.
    pub(crate) survived: Span,
    /// Connections that saw payload of the server.
    pub(crate) answered: u32,
    /// When something of a connection last came for it.
    pub(crate) reached: Timestamp,
}

impl Service {
    /// Adds a connection, in which something last came for the server at `reached`.
    pub(crate) fn add(&mut self, brief: &Brief, reached: Timestamp) {
        self.survived = self.survived.max(brief.survived);
        self.reached = self.reached.max(reached);
        if !brief.accepted {
            return;
        }
        self.span(brief.first, brief.first);
        self.opened = self.opened.saturating_add(1);
        self.answered = self.answered.saturating_add(u32::from(brief.answered));
        if brief.syn_ack_ttl > 0 {
            self.live(brief.syn_ack_ttl, brief.syn_ack_ttl);
        }
        if let Some(leg) = brief.leg {
            self.leg(leg);
        }
    }

    /// Adds what another table knows of it.
    pub(crate) fn merge(&mut self, other: &Service) {
        self.survived = self.survived.max(other.survived);
        self.reached = self.reached.max(other.reached);
        if other.opened == 0 {
            return;
        }
        self.span(other.first, other.last);
        self.opened = self.opened.saturating_add(other.opened);
        self.answered = self.answered.saturating_add(other.answered);
        if let Some((least, most)) = other.ttl {
            self.live(least, most);
        }
        if let Some(rtt) = other.rtt {
            self.leg(rtt);
        }
    }

    /// Connections began between these times.
    fn span(&mut self, first: Timestamp, last: Timestamp) {
        if self.opened == 0 {
            (self.first, self.last) = (first, last);
        }
        (self.first, self.last) = (self.first.min(first), self.last.max(last));
    }

    fn live(&mut self, least: u8, most: u8) {
        let known = self.ttl.get_or_insert((least, most));
        *known = (known.0.min(least), known.1.max(most));
    }

    fn leg(&mut self, rtt: Span) {
        let known = self.rtt.get_or_insert(rtt);
        *known = (*known).min(rtt);
    }
}
