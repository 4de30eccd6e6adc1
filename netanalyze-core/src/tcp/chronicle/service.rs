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
}

impl Service {
    /// Adds a connection.
    pub(crate) fn add(&mut self, chronicle: &Chronicle) {
        self.survived = self.survived.max(chronicle.survived);
        let opening = &chronicle.opening;
        if opening.syn_acks == 0 {
            return;
        }
        let server = opening.client().map_or(Direction::BtoA, Direction::reverse);
        let ttl = (opening.syn_ack_ttl, opening.syn_ack_ttl);
        let one = Service {
            opened: 1,
            first: chronicle.first,
            last: chronicle.first,
            ttl: Some(ttl).filter(|(ttl, _)| *ttl > 0),
            rtt: Some(opening.server_leg).filter(|_| opening.syns > 0),
            survived: chronicle.survived,
            answered: u32::from(chronicle.lane(server).bytes() > 0),
        };
        self.merge(&one);
    }

    /// Adds what another table knows of it.
    pub(crate) fn merge(&mut self, other: &Service) {
        self.survived = self.survived.max(other.survived);
        if other.opened == 0 {
            return;
        }
        if self.opened == 0 {
            (self.first, self.last) = (other.first, other.last);
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.opened = self.opened.saturating_add(other.opened);
        self.answered = self.answered.saturating_add(other.answered);
        self.ttl = match (self.ttl, other.ttl) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (ttl, None) | (None, ttl) => ttl,
        };
        self.rtt = [self.rtt, other.rtt].into_iter().flatten().min();
    }
}
