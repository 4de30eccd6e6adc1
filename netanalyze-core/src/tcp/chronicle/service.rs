//! What the connections to one server have in common, those included whose chronicles were dropped.

use super::Chronicle;
use crate::model::{Direction, Span, Timestamp};

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
    /// Adds a connection.
    pub(crate) fn add(&mut self, chronicle: &Chronicle) {
        self.survived = self.survived.max(chronicle.survived);
        let opening = &chronicle.opening;
        let server = opening.client().map_or(Direction::BtoA, Direction::reverse);
        self.reached = self.reached.max(chronicle.lane(server.reverse()).last_packet());
        if opening.syn_acks == 0 {
            return;
        }
        self.span(chronicle.first, chronicle.first);
        self.opened = self.opened.saturating_add(1);
        self.answered = self.answered.saturating_add(u32::from(chronicle.lane(server).bytes() > 0));
        if opening.syn_ack_ttl > 0 {
            self.live(opening.syn_ack_ttl, opening.syn_ack_ttl);
        }
        if opening.syns > 0 {
            self.leg(opening.server_leg);
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
