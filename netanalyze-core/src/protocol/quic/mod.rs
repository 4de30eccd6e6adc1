//! QUIC: the handshake inside its first packets (RFC 9000, 9001; version 2: RFC 9369; drafts from 22 on).
//!
//! Owns: the QUIC connections of one UDP conversation. Reads datagrams, emits TLS messages and handshakes as TLS over TCP does. Initial packets
//! are opened with keys that follow from a connection id; others only if secrets are known. Streams inside are not read. Cost: two AES-GCM
//! passes over an Initial packet at the most for each connection between the same ports; other packets are only recognised. Stops where the
//! handshake does.

mod connection;
mod crypto;
mod frame;
mod packet;
mod protection;
mod version;

pub use packet::{LongType, looks_like_quic};

use std::sync::Arc;

use connection::{Connection, Listener, Space};
use frame::Close;
use packet::{Long, Packet, packet};

use super::message::Messages;
use super::stream::{DatagramDecoder, Moment};
use super::tls::keys::Secrets;
use crate::model::{Direction, limits};

/// QUIC between two addresses and ports.
#[derive(Debug, Default)]
pub struct Decoder {
    connections: Vec<Connection>,
    secrets: Option<Arc<Secrets>>,
    pub(crate) said: Vec<(Direction, u8, u8)>,
}

struct Notes<'a>(&'a mut Vec<(Direction, u8, u8)>);

impl Listener for Notes<'_> {
    fn message(&mut self, from: Direction, space: Space, message: &[u8]) {
        self.0.push((from, space as u8, message[0]));
    }
    fn close(&mut self, _from: Direction, _close: &Close<'_>) {}
    fn left_out(&mut self, _from: Direction) {}
}

impl Decoder {
    pub fn new(secrets: Option<Arc<Secrets>>) -> Decoder {
        Decoder { secrets, ..Decoder::default() }
    }

    fn initial(&mut self, from: Direction, long: &Long<'_>) {
        let mut buffer = Vec::new();
        let mut found = None;
        // Those that its ids belong to first; but ids can be empty, and keys decide.
        for expected in [true, false] {
            for (index, connection) in self.connections.iter_mut().enumerate().rev() {
                if found.is_none() && connection.has(from, long) == expected {
                    found = connection.open_initial(from, long, &mut buffer).map(|number| (index, number));
                }
            }
        }
        if found.is_none() {
            let Some((begun, number)) = Connection::begin(from, long, self.secrets.is_some(), &mut buffer)
            else {
                return;
            };
            let index = match self.connections.iter_mut().rposition(|each| each.may_go_on_with(from, long)) {
                Some(index) => {
                    self.connections[index].retry_with(begun);
                    index
                }
                None => {
                    if self.connections.len() >= limits::MAX_QUIC_CONNECTIONS {
                        self.connections.remove(0);
                    }
                    self.connections.push(begun);
                    self.connections.len() - 1
                }
            };
            found = Some((index, number));
        }
        let Some((index, number)) = found else { return };
        self.connections[index].initial(from, long, number, &buffer, &mut Notes(&mut self.said));
    }
}

impl DatagramDecoder for Decoder {
    fn datagram(
        &mut self,
        from: Direction,
        bytes: &[u8],
        missing: u32,
        now: Moment,
        out: &mut Messages,
    ) {
        let mut rest = bytes;
        let mut first = None;
        while let Some(found) = packet(rest, missing as usize) {
            let long = match found {
                Packet::Long(long) => long,
                Packet::Negotiation { .. } => return,
                Packet::Short(packet) => {
                    if let Some(secrets) = self.secrets.clone() {
                        let mut buffer = Vec::new();
                        if let Some(each) = self.connections.iter_mut().rev().find(|each| each.has_secrets()) {
                            each.short(from, packet, &secrets, now.frame, &mut buffer, &mut Notes(&mut self.said));
                        }
                    }
                    return;
                }
            };
            // Packets of one datagram are of one connection (RFC 9000 section 12.2).
            if *first.get_or_insert((long.version, long.to)) != (long.version, long.to) {
                return;
            }
            match long.kind {
                LongType::Initial => self.initial(from, &long),
                LongType::Retry => {
                    if let Some(each) = self.connections.iter_mut().rev().find(|each| each.has(from, &long)) {
                        each.retried(long.from);
                    }
                }
                LongType::Handshake => {
                    if let Some(secrets) = self.secrets.clone() {
                        let mut buffer = Vec::new();
                        if let Some(each) = self.connections.iter_mut().rev().find(|each| each.has(from, &long)) {
                            each.handshake(from, &long, &secrets, now.frame, &mut buffer, &mut Notes(&mut self.said));
                        }
                    }
                }
                LongType::ZeroRtt => {}
            }
            rest = rest.get(long.len..).unwrap_or_default();
        }
    }

    fn finish(&mut self, now: Moment, out: &mut Messages) {}

    fn heap(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod scratch {
    use super::*;
    use crate::model::FrameNumber;
    use std::collections::HashMap;
    #[test]
    #[ignore]
    fn scratch() {
        for dir in std::fs::read_dir("/work/tmp/quic/payloads").unwrap() {
            let path = dir.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let keys = std::fs::read(format!("/work/tmp/quic/keys/{name}")).ok().map(|text| {
                let mut secrets = Secrets::default();
                println!("{name} {:?}", secrets.learn(&text, FrameNumber(0)));
                Arc::new(secrets)
            });
            let mut flows: HashMap<String, (String, Option<Decoder>)> = HashMap::new();
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                let parts: Vec<_> = line.split('\t').collect();
                let (frame, stream, source, payload) = (parts[0], parts[1], parts[2], parts[3]);
                let bytes = crate::protocol::tls::keys::sample::hex(payload);
                let entry = flows.entry(stream.to_owned()).or_insert_with(|| (source.to_owned(), None));
                if entry.1.is_none() && looks_like_quic(&bytes) {
                    entry.1 = Some(Decoder::new(keys.clone()));
                }
                let from = if entry.0 == source { Direction::AtoB } else { Direction::BtoA };
                let Some(decoder) = &mut entry.1 else { continue };
                let now = Moment { frame: FrameNumber(frame.parse().unwrap()), ..Moment::default() };
                decoder.datagram(from, &bytes, 0, now, &mut Messages::default());
                let said: Vec<_> = decoder.said.drain(..).map(|(_, _, kind)| kind.to_string()).collect();
                if !said.is_empty() {
                    println!("{name}\t{frame}\t{}", said.join(","));
                }
            }
        }
    }
}
