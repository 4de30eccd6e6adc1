//! QUIC: the handshake inside its first packets (RFC 9000, 9001; version 2: RFC 9369; drafts from 22 on).
//!
//! Owns: the QUIC connections of one UDP conversation. Reads datagrams, emits TLS messages and handshakes as TLS over TCP does. Initial packets
//! are opened with keys that follow from a connection id; others only if secrets are known. Streams inside are not read. Cost: an AES-GCM
//! pass over an Initial packet, one more for each other connection between the same ports; packets without secrets are only recognised. Stops
//! where the handshake does, but with secrets reads on for messages that come later.

mod connection;
mod crypto;
mod frame;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod packet;
mod protection;
#[cfg(any(test, feature = "fuzzing"))]
mod sample;
#[cfg(test)]
mod tests;
mod version;

pub use packet::looks_like_quic;

use std::sync::Arc;

use connection::{Connection, Listener, Space};
use frame::Close;
use packet::{Long, LongType, Packet, packet};

use super::message::{Limit, Message, Messages};
use super::stream::{DatagramDecoder, Flow, Moment};
use super::tls::keys::Secrets;
use super::tls::recordless::Recordless;
use super::tls::{HandshakeType, QuicClose, TlsMessage, Who, capped};
use crate::model::{Direction, limits};

/// QUIC between two addresses and ports.
#[derive(Debug, Default)]
pub struct Decoder {
    connections: Vec<Tracked>,
    /// Wireshark 4.0 takes everything on one of the ports for DTLS.
    is_claimed: bool,
}

/// A connection with the handshake in it.
#[derive(Debug)]
struct Tracked {
    connection: Connection,
    /// Until it is over.
    handshake: Option<Box<Recordless>>,
    /// It began with a version that only forces a negotiation. Wireshark 4.0 has no keys for that, and keeps the client's.
    is_forced: bool,
}

/// Hears what packets say: the handshake, if it is still open, and what is to be said of the datagram.
struct Hearing<'a> {
    handshake: &'a mut Option<Box<Recordless>>,
    said: &'a mut Said,
    client: Direction,
    secrets: Option<&'a Secrets>,
    every: bool,
    now: Moment,
}

/// What a datagram said.
#[derive(Debug, Default)]
struct Said {
    message: TlsMessage,
    handshakes: Vec<Message>,
    /// Wireshark 4.0 cannot open the packets.
    is_closed: bool,
    /// Pieces of the handshake that were left out.
    left_out: u32,
    /// A connection was given up for another.
    is_crowded: bool,
}

/// The random of a ClientHello.
fn client_random(message: &[u8]) -> Option<&[u8]> {
    message.first().filter(|&&kind| kind == HandshakeType::CLIENT_HELLO.0).and_then(|_| message.get(6..38))
}

/// Error codes of CONNECTION_CLOSE that are alerts of TLS (RFC 9001 section 4.8).
const CRYPTO_ERROR: std::ops::RangeInclusive<u64> = 0x100..=0x1ff;

/// Ports of DTLS, as Wireshark 4.0 registers them. DNS over QUIC shares one (RFC 9250 section 4.1.1).
const DTLS_PORTS: [u16; 4] = [853, 2221, 5684, 5868];

impl Listener for Hearing<'_> {
    fn message(&mut self, from: Direction, _: Space, message: &[u8]) {
        if let Some(handshake) = self.handshake {
            if let (Some(secrets), Some(random)) = (self.secrets, client_random(message))
                && secrets.knows(random, self.now.frame)
            {
                handshake.has_secrets();
            }
            handshake.message(from, message, self.every, self.now, &mut self.said.message);
        } else if self.every {
            // Tickets come behind the handshake.
            Recordless::new(self.client, 0).message(from, message, true, self.now, &mut self.said.message);
        }
    }

    fn close(&mut self, from: Direction, close: &Close<'_>) {
        if let Some(handshake) = self.handshake.take() {
            let alert = CRYPTO_ERROR.contains(&close.code).then_some(close.code as u8);
            let alert = alert.filter(|_| !close.application);
            let by = if from == self.client { Who::Client } else { Who::Server };
            let &Close { application, code, reason } = close;
            let close = QuicClose { by, application, code, reason: capped(reason) };
            let row = handshake.closed(close, alert, self.now);
            self.said.handshakes.push(Message::Handshake(Box::new(row)));
        }
    }

    fn left_out(&mut self, _: Direction) {
        self.said.left_out = self.said.left_out.saturating_add(1);
        if let Some(handshake) = self.handshake {
            handshake.left_out();
        }
    }
}

impl Tracked {
    /// The server wants the client to try again.
    fn turn_away(&mut self) {
        if let Some(handshake) = &mut self.handshake {
            handshake.turn_away();
        }
    }

    /// Forgets what is of no more use.
    fn settle(&mut self) {
        if self.handshake.is_none() && !self.connection.has_secrets() {
            self.connection.over();
        }
    }
}

impl Decoder {
    /// The decoder of a conversation.
    #[must_use]
    pub fn new(flow: &Flow) -> Decoder {
        let is_claimed = flow.ends.iter().any(|end| DTLS_PORTS.contains(&end.port()));
        Decoder { is_claimed, ..Decoder::default() }
    }

    /// Finds the connection of an Initial packet, or begins one. The plain text is in `buffer` then; the packet's number comes with it.
    fn connection_of(
        &mut self,
        from: Direction,
        long: &Long<'_>,
        with_secrets: bool,
        buffer: &mut Vec<u8>,
        lost: &mut dyn FnMut(Tracked),
    ) -> Option<(&mut Tracked, u64)> {
        let mut found = None;
        // Those that its ids belong to first; but ids can be empty, and keys decide.
        for expected in [true, false] {
            for (index, tracked) in self.connections.iter_mut().enumerate().rev() {
                if found.is_none() && tracked.connection.has(from, long) == expected {
                    found = tracked.connection.open_initial(from, long, buffer).map(|number| (index, number));
                }
            }
        }
        let (index, number) = match found {
            Some(found) => found,
            None => {
                let (begun, number) = Connection::begin(from, long, with_secrets, buffer)?;
                let goes_on =
                    self.connections.iter_mut().rposition(|each| each.connection.may_go_on_with(from, long));
                if let Some(tracked) = goes_on.and_then(|index| self.connections.get_mut(index)) {
                    tracked.connection.retry_with(begun);
                } else {
                    if self.connections.len() >= limits::MAX_QUIC_CONNECTIONS {
                        lost(self.connections.remove(0));
                    }
                    let handshake = Some(Box::new(Recordless::new(from, long.version)));
                    let is_forced = version::forces_negotiation(long.version);
                    self.connections.push(Tracked { connection: begun, handshake, is_forced });
                }
                (goes_on.unwrap_or(self.connections.len() - 1), number)
            }
        };
        Some((self.connections.get_mut(index)?, number))
    }

    /// A packet with a long header.
    fn long(
        &mut self,
        from: Direction,
        long: &Long<'_>,
        secrets: Option<&Secrets>,
        every: bool,
        now: Moment,
        said: &mut Said,
    ) {
        let mut buffer = Vec::new();
        match long.kind {
            LongType::Initial => {
                let mut lost = None;
                let tracked =
                    self.connection_of(from, long, secrets.is_some(), &mut buffer, &mut |tracked| {
                        lost = tracked.handshake;
                    });
                if let Some((tracked, number)) = tracked {
                    let Tracked { connection, handshake, is_forced } = tracked;
                    said.is_closed = *is_forced && from == connection.client;
                    if let Some(handshake) = handshake {
                        handshake.version(long.version);
                    }
                    let mut hearing =
                        Hearing { handshake, said, client: connection.client, secrets, every, now };
                    connection.initial(from, long, number, &buffer, &mut hearing);
                    tracked.settle();
                }
                if let Some(handshake) = lost {
                    said.is_crowded = true;
                    said.handshakes.push(Message::Handshake(Box::new(handshake.cut(now))));
                }
            }
            LongType::Retry => {
                if let Some(tracked) = self.of(from, long) {
                    tracked.connection.retried(long.from);
                    tracked.turn_away();
                }
            }
            LongType::Handshake => {
                if let Some(handshake) = self.of(from, long).and_then(|each| each.handshake.as_mut()) {
                    handshake.closed_message(from);
                }
                if let (Some(known), Some(tracked)) = (secrets, self.of(from, long)) {
                    let Tracked { connection, handshake, .. } = tracked;
                    let mut hearing =
                        Hearing { handshake, said, client: connection.client, secrets, every, now };
                    connection.handshake(from, long, known, now.frame, &mut buffer, &mut hearing);
                    tracked.settle();
                }
            }
            LongType::ZeroRtt => {}
        }
    }

    /// The connection that a packet's ids belong to.
    fn of(&mut self, from: Direction, long: &Long<'_>) -> Option<&mut Tracked> {
        self.connections.iter_mut().rev().find(|each| each.connection.has(from, long))
    }

    /// A packet with a short header: the client sends none before its part of the handshake is over.
    fn short(
        &mut self,
        from: Direction,
        packet: &[u8],
        secrets: Option<&Secrets>,
        every: bool,
        now: Moment,
        said: &mut Said,
    ) {
        let tracked = self.connections.iter_mut().rev().find(|each| each.connection.takes(from, packet));
        let Some(tracked) = tracked else { return };
        let Tracked { connection, handshake, .. } = &mut *tracked;
        if from == connection.client
            && let Some(answered) = handshake.take_if(|handshake| handshake.is_answered())
        {
            said.handshakes.push(Message::Handshake(Box::new(answered.through(now))));
        }
        if let Some(known) = secrets.filter(|_| connection.has_secrets()) {
            let mut hearing = Hearing { handshake, said, client: connection.client, secrets, every, now };
            connection.short(from, packet, known, now.frame, &mut Vec::new(), &mut hearing);
        }
        tracked.settle();
    }
}

impl DatagramDecoder for Decoder {
    fn datagram(&mut self, from: Direction, bytes: &[u8], missing: u32, now: Moment, out: &mut Messages) {
        out.aside = self.is_claimed;
        if out.every {
            out.push(from, Message::Quic);
        }
        out.aside = false;
        let first_is_short = bytes.first().is_some_and(|first| first & 0x80 == 0);
        if first_is_short && !self.connections.iter().any(|each| each.connection.is_open()) {
            return;
        }
        let (secrets, every): (Option<Arc<Secrets>>, _) = (out.secrets.clone(), out.every);
        let mut said = Said::default();
        let mut rest = bytes;
        let mut first = None;
        while let Some(found) = packet(rest, missing as usize) {
            let long = match found {
                Packet::Long(long) => long,
                Packet::Negotiation { to, .. } => {
                    for each in self.connections.iter_mut().rev() {
                        if each.connection.negotiated(from, to) {
                            each.turn_away();
                        }
                    }
                    break;
                }
                Packet::Short(packet) => {
                    self.short(from, packet, secrets.as_deref(), every, now, &mut said);
                    break;
                }
            };
            // Packets of one datagram are of one connection (RFC 9000 section 12.2).
            if *first.get_or_insert((long.version, long.to)) != (long.version, long.to) {
                break;
            }
            self.long(from, &long, secrets.as_deref(), every, now, &mut said);
            rest = rest.get(long.len..).unwrap_or_default();
        }
        out.aside = self.is_claimed || said.is_closed;
        if !said.message.handshakes.is_empty() || !said.message.faults.is_empty() {
            out.push(from, Message::Tls(Box::new(said.message)));
        }
        for handshake in said.handshakes {
            out.push(from, handshake);
        }
        (0..said.left_out).for_each(|_| out.hit(Limit::QuicHandshake));
        if said.is_crowded {
            out.hit(Limit::QuicConnections);
        }
        out.aside = false;
    }

    fn finish(&mut self, now: Moment, out: &mut Messages) {
        for tracked in self.connections.drain(..) {
            if let Some(handshake) = tracked.handshake {
                out.push(tracked.connection.client, Message::Handshake(Box::new(handshake.cut(now))));
            }
        }
    }

    fn heap(&self) -> usize {
        let each = |tracked: &Tracked| {
            let handshake = tracked.handshake.as_ref().map_or(0, |handshake| handshake.heap());
            tracked.connection.heap() + handshake
        };
        self.connections.capacity() * size_of::<Tracked>() + self.connections.iter().map(each).sum::<usize>()
    }
}
