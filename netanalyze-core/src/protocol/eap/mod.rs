//! TLS inside EAP on a LAN or a wireless one: EAP-TLS, EAP-TTLS, PEAP, EAP-FAST, TEAP.
//!
//! Owns: what is under way, by the peer's hardware address. Reads EAPOL frames in frame order; emits TLS messages when all that one side says
//! before it is the other's turn is there, as Wireshark 4.0 does. There is no conversation between addresses of IP, so that nobody makes
//! a transaction or a finding of it. Costs nothing where nobody wants every message. Stops where EAP succeeds or fails. EAP inside RADIUS is
//! not read.

mod packet;

use std::net::{Ipv4Addr, SocketAddr};

use packet::{Method, Packet, Piece};

use super::message::{Messages, Said};
use super::stream::{Flow, Moment};
use super::tls::carried::Carried;
use crate::model::Direction;
use crate::model::limits::{MAX_EAP_BYTES, MAX_EAP_SESSIONS};

/// A hardware address.
pub(crate) type Address = [u8; 6];

/// Direction of the peer, who is the client of TLS.
const PEER: Direction = Direction::AtoB;

/// All that is under way; whoever began first stands first.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Vec<Session>);

/// Between an authenticator and a peer.
#[derive(Debug)]
struct Session {
    /// The peer's address; on wires requests can go to a group, which stands here then.
    peer: Address,
    tls: Carried,
    sides: [Side; 2],
}

/// What one side says.
#[derive(Debug, Default)]
struct Side {
    /// Number of the last packet.
    last: Option<u8>,
    /// Pieces of what is not complete yet.
    begun: Vec<u8>,
    /// Some of it is missing.
    is_lost: bool,
}

impl Session {
    fn new(peer: Address) -> Self {
        let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let flow =
            Flow { ends: [nowhere; 2], client: PEER, client_is_known: true, syn: None, established: None };
        Session { peer, tls: Carried::new(&flow), sides: Default::default() }
    }

    /// Takes a piece. One that is sent again, with the same number, says nothing new.
    fn take(&mut self, from: Direction, id: u8, piece: &Piece<'_>, now: Moment, out: &mut Messages) {
        let Some(side) = self.sides.get_mut(from.index()) else { return };
        if side.last.replace(id) == Some(id) {
            return;
        }
        side.is_lost |= piece.cut || side.begun.len() + piece.bytes.len() > MAX_EAP_BYTES;
        if !side.is_lost {
            side.begun.extend_from_slice(piece.bytes);
        }
        if piece.more {
            return;
        }
        let whole = std::mem::take(&mut side.begun);
        if std::mem::take(&mut side.is_lost) {
            self.tls.lost(from, now, out);
        } else if !whole.is_empty() {
            self.tls.take(from, &whole, now, out);
        }
    }
}

impl Sessions {
    /// Takes an EAPOL frame with the addresses of who sent it and to whom; says what it says.
    pub(crate) fn take(
        &mut self,
        lan: &[u8],
        [source, destination]: [Address; 2],
        now: Moment,
    ) -> impl Iterator<Item = Said> + use<> {
        let mut out = Messages::new(true);
        match Packet::parse(lan) {
            Some(Packet::Request(id, Method::Tls(piece))) => {
                self.request(id, &piece, destination, now, &mut out);
            }
            Some(Packet::Response(id, Method::Tls(piece))) => {
                if let Some(session) = self.of_peer(source) {
                    session.take(PEER, id, &piece, now, &mut out);
                }
            }
            Some(Packet::End) => self.0.retain(|session| session.peer != destination),
            Some(Packet::Request(_, Method::Other) | Packet::Response(_, Method::Other)) | None => {}
        }
        let said: Vec<Said> = out.drain_said().filter(|said| !said.message.is_transaction()).collect();
        said.into_iter()
    }

    fn request(&mut self, id: u8, piece: &Piece<'_>, peer: Address, now: Moment, out: &mut Messages) {
        let known = self.0.iter().position(|session| session.peer == peer);
        let known = match known {
            Some(place) if piece.start => {
                self.0.remove(place);
                None
            }
            known => known,
        };
        let place = known.unwrap_or_else(|| {
            if self.0.len() >= MAX_EAP_SESSIONS {
                self.0.remove(0);
            }
            self.0.push(Session::new(peer));
            self.0.len() - 1
        });
        if let Some(session) = self.0.get_mut(place) {
            session.take(PEER.reverse(), id, piece, now, out);
        }
    }

    /// The session of a peer: that with its address, or else the last one with a group's.
    fn of_peer(&mut self, peer: Address) -> Option<&mut Session> {
        let is_group = |session: &Session| session.peer.first().is_some_and(|first| first & 1 != 0);
        let place = self.0.iter().position(|session| session.peer == peer);
        let place = place.or_else(|| self.0.iter().rposition(is_group))?;
        self.0.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FrameNumber, Timestamp};
    use crate::protocol::message::Message;

    const PHONE: Address = [2, 0, 0, 0, 0, 7];
    const POINT: Address = [2, 0, 0, 0, 0, 1];
    const GROUP: Address = [1, 0x80, 0xc2, 0, 0, 3];
    /// Three alerts.
    const ALERTS: &[u8] =
        b"\x15\x03\x03\x00\x02\x01\x00\x15\x03\x03\x00\x02\x01\x5a\x15\x03\x03\x00\x02\x02\x28";

    fn eap(code: u8, id: u8, flags: u8, bytes: &[u8]) -> Vec<u8> {
        let len = (6 + bytes.len() as u16).to_be_bytes();
        [&[1, 0, len[0], len[1], code, id, len[0], len[1], 13, flags], bytes].concat()
    }

    /// A run of EAPOL frames; says how many TLS messages each completed.
    #[derive(Default)]
    struct Run(Sessions, u64);

    impl Run {
        fn take(&mut self, lan: &[u8], ends: [Address; 2]) -> usize {
            self.1 += 1;
            let now = Moment { frame: FrameNumber(self.1), time: Timestamp(0) };
            let said = self.0.take(lan, ends, now);
            said.filter(|said| matches!(said.message, Message::Tls(_))).count()
        }

        fn ask(&mut self, id: u8, flags: u8, bytes: &[u8]) -> usize {
            self.take(&eap(1, id, flags, bytes), [POINT, PHONE])
        }

        fn answer(&mut self, id: u8, flags: u8, bytes: &[u8]) -> usize {
            self.take(&eap(2, id, flags, bytes), [PHONE, POINT])
        }
    }

    #[test]
    fn pieces_are_put_together_and_repeats_ignored() {
        let mut run = Run::default();
        assert_eq!(run.answer(1, 0, ALERTS), 0, "nobody asked");
        assert_eq!(run.ask(1, 0x20, b""), 0);
        assert_eq!(run.answer(1, 0, ALERTS), 3);
        assert_eq!(run.answer(1, 0, ALERTS), 0);
        assert_eq!(run.ask(2, 0x40, &ALERTS[..8]), 0);
        assert_eq!(run.answer(2, 0, b""), 0);
        assert_eq!(run.ask(3, 0x40, &ALERTS[8..9]), 0);
        assert_eq!(run.ask(3, 0x40, &ALERTS[8..9]), 0);
        assert_eq!(run.answer(3, 0, b""), 0);
        assert_eq!(run.ask(4, 0, &ALERTS[9..]), 3);
        assert_eq!(run.take(b"\x01\x00\x00\x04\x03\x04\x00\x04", [POINT, PHONE]), 0);
        assert!(run.0.0.is_empty());
    }

    #[test]
    fn a_piece_that_was_cut_costs_only_what_it_belongs_to() {
        let mut run = Run::default();
        run.ask(1, 0x20, b"");
        let lan = eap(1, 2, 0x40, ALERTS);
        assert_eq!(run.take(&lan[..lan.len() - 1], [POINT, PHONE]), 0);
        assert_eq!(run.ask(3, 0, &ALERTS[..7]), 0);
        assert_eq!(run.ask(4, 0, ALERTS), 3);
    }

    #[test]
    fn peers_are_told_apart_and_found_behind_a_group() {
        let mut run = Run::default();
        run.ask(1, 0x20, b"");
        assert_eq!(run.take(&eap(2, 1, 0, ALERTS), [POINT, PHONE]), 0, "nobody asked that one");
        run.take(&eap(1, 1, 0x20, b""), [POINT, GROUP]);
        assert_eq!(run.take(&eap(2, 1, 0, ALERTS), [[2; 6], GROUP]), 3);
        assert_eq!(run.answer(1, 0, ALERTS), 3);
        assert_eq!(run.0.0.len(), 2);
        run.take(b"\x01\x00\x00\x04\x04\x02\x00\x04", [POINT, GROUP]);
        assert_eq!(run.0.0.len(), 1);
    }

    #[test]
    fn little_is_kept_whatever_comes() {
        let mut run = Run::default();
        for count in 0..4 * MAX_EAP_SESSIONS as u32 {
            let [_, _, a, b] = count.to_be_bytes();
            let ends = [POINT, [2, 0, 0, 0, a, b]];
            run.take(&eap(1, 1, 0x20, b""), ends);
            for id in 2..5 {
                run.take(&eap(1, id, 0x40, &[22; 1000]), ends);
            }
        }
        assert_eq!(run.0.0.len(), MAX_EAP_SESSIONS);
        for id in 0..=255 {
            run.ask(id, 0x40, &[22; 1400]);
        }
        let kept = run.0.0.iter().flat_map(|session| &session.sides).map(|side| side.begun.len());
        assert!(kept.max().is_some_and(|most| most <= MAX_EAP_BYTES));
        assert_eq!(run.ask(1, 0, ALERTS), 0, "the rest of what was too long");
        assert_eq!(run.ask(2, 0, ALERTS), 3);
    }
}
