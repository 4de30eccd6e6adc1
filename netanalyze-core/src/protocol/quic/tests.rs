//! Exchanges made here, decoded.

use super::sample::{crypto, initial_secret, integer, long, message, short};
use super::*;
use crate::model::{FrameNumber, Timestamp};
use crate::protocol::tls::keys::schedule::Secret;
use crate::protocol::tls::{Handshake, Outcome, Stage};

const CLIENT: Direction = Direction::BtoA;
const SERVER: Direction = Direction::AtoB;
const FIRST: &[u8] = b"original";
const C: &[u8] = b"cli";
const S: &[u8] = b"serv";

/// A ClientHello for `host`, and a ServerHello with suite 0x1301.
fn hellos() -> [Vec<u8>; 2] {
    let name = b"quic.example";
    let sni = [&[0, 0, 0, 17, 0, 15, 0, 0, 12][..], name].concat();
    let extensions = [&[0, sni.len() as u8 + 7][..], &sni, &[0, 43, 0, 3, 2, 3, 4]].concat();
    let client = [&[3, 3][..], &[0x11; 32], &[0, 0, 2, 0x13, 1, 1, 0], &extensions].concat();
    let server = [&[3, 3][..], &[0x22; 32], &[0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4]].concat();
    [message(1, &client), message(2, &server)]
}

#[derive(Default)]
struct Bench {
    decoder: Decoder,
    frame: u64,
    secrets: Option<Arc<Secrets>>,
}

impl Bench {
    /// Sends a datagram; says which handshake messages it completed, and which handshakes ended.
    fn send(&mut self, from: Direction, datagram: &[u8]) -> (Vec<u8>, Vec<Handshake>) {
        self.frame += 1;
        let now =
            Moment { frame: FrameNumber(self.frame), time: Timestamp(self.frame as i64 * 1_000_000_000) };
        let mut out = Messages::new(true);
        out.secrets.clone_from(&self.secrets);
        self.decoder.datagram(from, datagram, 0, now, &mut out);
        said(&mut out)
    }

    fn finish(&mut self) -> Vec<Handshake> {
        let mut out = Messages::new(true);
        let frame = FrameNumber(self.frame);
        self.decoder.finish(Moment { frame, time: Timestamp(self.frame as i64 * 1_000_000_000) }, &mut out);
        assert_eq!(self.decoder.connections.len(), 0);
        said(&mut out).1
    }
}

fn said(out: &mut Messages) -> (Vec<u8>, Vec<Handshake>) {
    let (mut kinds, mut rows) = (Vec::new(), Vec::new());
    for (_, message) in out.drain() {
        match message {
            Message::Tls(tls) => kinds.extend(tls.handshakes.iter().map(|each| each.kind.0)),
            Message::Handshake(row) => rows.push(*row),
            Message::Quic => {}
            _ => panic!("not of QUIC"),
        }
    }
    (kinds, rows)
}

fn client_initial(version: u32, number: u32, frames: &[u8]) -> Vec<u8> {
    let bits = u8::from(version == 0x6b33_43cf);
    long(version, bits, FIRST, C, &initial_secret(version, FIRST, true), number, frames)
}

fn server_initial(version: u32, number: u32, frames: &[u8]) -> Vec<u8> {
    let bits = u8::from(version == 0x6b33_43cf);
    long(version, bits, C, S, &initial_secret(version, FIRST, false), number, frames)
}

#[test]
fn a_handshake_is_read_in_every_version() {
    let [ch, sh] = hellos();
    for version in
        [1, 0x6b33_43cf, 0x709a_50c4, 0xff00_001d, 0xff00_0017, 0xff00_0016, 0xface_b002, 0xff00_0022]
    {
        let second = u8::from(matches!(version, 0x6b33_43cf | 0x709a_50c4));
        let mut bench = Bench::default();
        let initial = |client, number, frames: &[u8]| {
            let (to, from) = if client { (FIRST, C) } else { (C, S) };
            long(version, second, to, from, &initial_secret(version, FIRST, client), number, frames)
        };
        let first = initial(true, 0, &[crypto(0, &ch), vec![0; 1100]].concat());
        assert!(looks_like_quic(&first));
        assert_eq!(bench.send(CLIENT, &first).0, [1], "{version:#x}");
        // The answer shares its datagram with a packet that nobody can open.
        let closed = long(version, second + 2, C, S, &Secret::new(&[9; 32]).unwrap(), 0, &[0; 40]);
        let (kinds, rows) = bench.send(SERVER, &[initial(false, 0, &crypto(0, &sh)), closed].concat());
        assert_eq!((kinds, rows.len()), (vec![2], 0));
        let (kinds, rows) =
            bench.send(CLIENT, &short(version, S, &Secret::new(&[8; 32]).unwrap(), 0, &[0; 40]));
        assert_eq!((kinds.len(), rows.len()), (0, 1));
        let row = &rows[0];
        assert_eq!((row.outcome, row.stage, row.quic), (Outcome::Completed, Stage::Finished, Some(version)));
        assert_eq!(row.server_name.as_deref(), Some(&b"quic.example"[..]));
        assert_eq!(row.version.map(|version| version.0), Some(0x0304));
        let frames = [row.client_hello, row.server_hello, row.first_data].map(|at| at.unwrap().frame.0);
        assert_eq!(frames, [1, 2, 3]);
        // Nothing more is said, and little is kept.
        let (kinds, rows) = bench.send(CLIENT, &first);
        assert_eq!((kinds.len(), rows.len()), (0, 0));
        assert!(bench.decoder.heap() < 1_500, "{}", bench.decoder.heap());
        assert!(bench.finish().is_empty());
    }
}

#[test]
fn a_hello_comes_in_pieces_over_packets() {
    let [ch, sh] = hellos();
    let mut bench = Bench::default();
    let (front, back) = ch.split_at(40);
    let (middle, tail) = back.split_at(10);
    // The later part first, in a datagram of two packets.
    let packets = [
        client_initial(1, 0, &[crypto(50, tail), vec![0, 0, 1]].concat()),
        client_initial(1, 1, &crypto(0, front)),
    ];
    assert!(bench.send(CLIENT, &packets.concat()).0.is_empty());
    // A retransmission changes nothing.
    assert!(bench.send(CLIENT, &packets[1]).0.is_empty());
    assert_eq!(bench.send(CLIENT, &client_initial(1, 2, &crypto(40, middle))).0, [1]);
    assert_eq!(bench.send(SERVER, &server_initial(1, 0, &crypto(0, &sh))).0, [2]);
    assert_eq!(bench.finish()[0].outcome, Outcome::Cut);
}

#[test]
fn a_retry_changes_the_keys_but_not_the_handshake() {
    let [ch, sh] = hellos();
    let mut bench = Bench::default();
    let (front, back) = ch.split_at(60);
    assert!(bench.send(CLIENT, &client_initial(1, 0, &crypto(0, front))).0.is_empty());
    let mut retry = vec![0xf0, 0, 0, 0, 1, C.len() as u8];
    retry.extend([C, &[5], b"again", b"token", &[0; 16]].concat());
    assert!(bench.send(SERVER, &retry).0.is_empty());
    let secret = |client| initial_secret(1, b"again", client);
    let again = |number, frames: &[u8]| long(1, 0, b"again", C, &secret(true), number, frames);
    assert!(bench.send(CLIENT, &again(1, &crypto(0, front))).0.is_empty());
    assert_eq!(bench.send(CLIENT, &again(2, &crypto(60, back))).0, [1]);
    assert_eq!(bench.send(SERVER, &long(1, 0, C, S, &secret(false), 0, &crypto(0, &sh))).0, [2]);
    assert_eq!(bench.decoder.connections.len(), 1);
    assert_eq!(bench.finish().len(), 1);
}

#[test]
fn a_server_may_choose_another_version() {
    // RFC 9368 section 2.3 and RFC 9369 section 4.1: the same connection id, the other version's salt.
    let [ch, sh] = hellos();
    let mut bench = Bench::default();
    assert_eq!(bench.send(CLIENT, &client_initial(1, 0, &crypto(0, &ch))).0, [1]);
    assert_eq!(bench.send(SERVER, &server_initial(0x6b33_43cf, 0, &crypto(0, &sh))).0, [2]);
    let rows = bench.finish();
    assert_eq!((rows.len(), rows[0].quic), (1, Some(0x6b33_43cf)));
}

#[test]
fn version_negotiation_begins_anew() {
    let [ch, _] = hellos();
    let mut bench = Bench::default();
    let version = 0x1a2a_3a4a_u32;
    let first = client_initial(version, 0, &[crypto(0, &ch), vec![0; 1100]].concat());
    assert!(looks_like_quic(&first));
    assert_eq!(bench.send(CLIENT, &first).0, [1]);
    let negotiation = [&[0x80, 0, 0, 0, 0, 3][..], C, &[8], FIRST, &[0, 0, 0, 1]].concat();
    assert!(bench.send(SERVER, &negotiation).0.is_empty());
    assert_eq!(bench.send(CLIENT, &client_initial(1, 0, &crypto(0, &ch))).0, [1]);
    bench.frame += 5;
    let rows = bench.finish();
    assert_eq!((rows.len(), rows[0].outcome), (1, Outcome::Silent(Some(Who::Server))));
    // A client that tries again with other ids, or not at all, was not left without an answer.
    let mut bench = Bench::default();
    bench.send(CLIENT, &first);
    bench.send(SERVER, &negotiation);
    bench.frame += 5;
    assert_eq!(bench.finish()[0].outcome, Outcome::Abandoned(Who::Client));
}

#[test]
fn a_close_says_how_the_handshake_failed() {
    let [ch, _] = hellos();
    for (code, outcome, alert) in [
        // A TLS alert: no application protocol in common.
        (0x4178_u16, Outcome::Failed(crate::protocol::tls::Who::Server), Some(120)),
        // CONNECTION_REFUSED.
        (0x4002, Outcome::Closed(crate::protocol::tls::Who::Server), None),
    ] {
        let mut bench = Bench::default();
        assert_eq!(bench.send(CLIENT, &client_initial(1, 0, &crypto(0, &ch))).0, [1]);
        let close = [&[0x1c][..], &code.to_be_bytes(), &[6, 0]].concat();
        let (_, rows) = bench.send(SERVER, &server_initial(1, 0, &close));
        assert_eq!(rows[0].outcome, outcome);
        assert_eq!(rows[0].fatal_alert().map(|alert| alert.description.0), alert);
        assert!(bench.finish().is_empty());
    }
}

#[test]
fn giving_up_is_no_error() {
    let [ch, _] = hellos();
    let close = |code: u8| [&[0x1c, code, 0, 4][..], b"idle"].concat();
    let server = Outcome::Silent(Some(Who::Server));
    for (hello, by, wait, code, outcome) in [
        // NO_ERROR and APPLICATION_ERROR, soon and after a long wait; PROTOCOL_VIOLATION.
        (true, CLIENT, 0, 0, Outcome::Abandoned(Who::Client)),
        (true, CLIENT, 0, 0x0c, Outcome::Abandoned(Who::Client)),
        (true, CLIENT, 4, 0, server),
        (true, CLIENT, 4, 0x0a, Outcome::Closed(Who::Client)),
        (true, SERVER, 0, 0, Outcome::Closed(Who::Server)),
        // Of a handshake nothing was captured.
        (false, CLIENT, 4, 0, Outcome::Cut),
        (false, CLIENT, 4, 0x0a, Outcome::Cut),
    ] {
        let mut bench = Bench::default();
        let first: &[u8] = if hello { &crypto(0, &ch) } else { &[1; 30] };
        bench.send(CLIENT, &client_initial(1, 0, first));
        bench.frame += wait;
        let initial = if by == CLIENT { client_initial } else { server_initial };
        let (_, rows) = bench.send(by, &initial(1, 1, &close(code)));
        assert_eq!((rows.len(), rows[0].outcome), (1, outcome), "{hello} {wait} {code}");
        let said = rows[0].close.as_ref().unwrap();
        assert_eq!((said.code, &*said.reason, said.application), (code.into(), &b"idle"[..], false));
        assert!(bench.finish().is_empty());
    }
}

#[test]
fn one_side_alone_accuses_nobody() {
    let [ch, sh] = hellos();
    let closed = |to, from| long(1, 2, to, from, &Secret::new(&[9; 32]).unwrap(), 0, &[0; 40]);
    for (hears, expected) in [(false, Outcome::Cut), (true, Outcome::Silent(None))] {
        let mut bench = Bench::default();
        bench.send(CLIENT, &client_initial(1, 0, &crypto(0, &ch)));
        if hears {
            bench.send(SERVER, &[server_initial(1, 0, &crypto(0, &sh)), closed(C, S)].concat());
        }
        // A client has such packets only after a ServerHello.
        bench.send(CLIENT, &closed(S, C));
        bench.frame += 9;
        assert_eq!(bench.finish()[0].outcome, expected);
    }
    // Without any packet of the server's part behind its hello it is the server's turn.
    let mut bench = Bench::default();
    bench.send(CLIENT, &client_initial(1, 0, &crypto(0, &ch)));
    bench.send(SERVER, &server_initial(1, 0, &crypto(0, &sh)));
    bench.frame += 9;
    assert_eq!(bench.finish()[0].outcome, Outcome::Silent(Some(Who::Server)));
}

#[test]
fn on_ports_of_dtls_nothing_is_shown() {
    let [ch, _] = hellos();
    for (port, aside) in [(443, false), (853, true)] {
        let mut decoder = Decoder::new(&crate::protocol::testing::flow(port));
        let mut out = Messages::new(true);
        decoder.datagram(CLIENT, &client_initial(1, 0, &crypto(0, &ch)), 0, Moment::default(), &mut out);
        let said: Vec<_> = out.drain_said().map(|said| (said.message, said.aside)).collect();
        assert!(
            matches!(&said[..], [(Message::Quic, a), (Message::Tls(_), b)] if (*a, *b) == (aside, aside))
        );
        assert!(!out.aside);
    }
}

#[test]
fn what_a_cap_costs_is_counted() {
    let mut bench = Bench::default();
    let mut out = Messages::new(false);
    let [ch, _] = hellos();
    for number in 0..=limits::MAX_QUIC_CONNECTIONS {
        assert!(out.take_hits().is_empty());
        let id = [number as u8; 8];
        let packet = long(1, 0, &id, &[], &initial_secret(1, &id, true), 0, &crypto(0, &ch));
        bench.decoder.datagram(CLIENT, &packet, 0, Moment::default(), &mut out);
    }
    assert_eq!(out.take_hits(), [Limit::QuicConnections]);
    // Too far ahead; a message that is too long, as soon as it says so; and what follows that.
    let far = crypto(limits::MAX_CRYPTO_BYTES + 1, &[1; 50]);
    let long = crypto(0, &[1, 1, 0, 0, 1]);
    for (frames, hits) in [(far, 1), (long.clone(), 1), ([&long[..], &crypto(5, &[1; 9])].concat(), 2)] {
        let mut bench = Bench::default();
        bench.decoder.datagram(CLIENT, &client_initial(1, 0, &frames), 0, Moment::default(), &mut out);
        assert_eq!(out.take_hits(), vec![Limit::QuicHandshake; hits]);
    }
}

#[test]
fn silence_is_told_at_the_end() {
    let [ch, _] = hellos();
    let mut bench = Bench::default();
    let first = client_initial(1, 0, &crypto(0, &ch));
    assert_eq!(bench.send(CLIENT, &first).0, [1]);
    for _ in 0..4 {
        assert!(bench.send(CLIENT, &first).0.is_empty());
    }
    let rows = bench.finish();
    assert_eq!(rows[0].outcome, Outcome::Silent(Some(crate::protocol::tls::Who::Server)));
}

#[test]
fn several_connections_share_ports_up_to_a_limit() {
    let [ch, _] = hellos();
    let mut bench = Bench::default();
    let mut ended = 0;
    for number in 0..2 * limits::MAX_QUIC_CONNECTIONS {
        let id = [number as u8; 8];
        let secret = initial_secret(1, &id, true);
        let (kinds, rows) = bench.send(CLIENT, &long(1, 0, &id, &[], &secret, 0, &crypto(0, &ch)));
        assert_eq!(kinds, [1]);
        ended += rows.len();
    }
    assert_eq!(ended, limits::MAX_QUIC_CONNECTIONS);
    assert_eq!(bench.finish().len(), limits::MAX_QUIC_CONNECTIONS);
}

#[test]
fn secrets_open_the_rest_of_the_handshake() {
    let [ch, sh] = hellos();
    let lines: String = [
        ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 1),
        ("SERVER_HANDSHAKE_TRAFFIC_SECRET", 2),
        ("CLIENT_TRAFFIC_SECRET_0", 3),
        ("SERVER_TRAFFIC_SECRET_0", 4),
    ]
    .iter()
    .map(|(label, byte)| format!("{label} {} {}\n", "11".repeat(32), format!("{byte:02x}").repeat(32)))
    .collect();
    let mut secrets = Secrets::default();
    assert_eq!(secrets.learn(lines.as_bytes(), FrameNumber(0)).secrets, 4);
    let mut bench = Bench { secrets: Some(Arc::new(secrets)), ..Bench::default() };
    let secret = |byte: u8| Secret::new(&[byte; 32]).unwrap();
    assert_eq!(bench.send(CLIENT, &client_initial(1, 0, &crypto(0, &ch))).0, [1]);
    let extensions = message(8, &[0, 9, 0, 16, 0, 5, 0, 3, 2, b'h', b'3']);
    let rest = [extensions, message(15, &[0; 8]), message(20, &[0; 32])].concat();
    let packets = [
        server_initial(1, 0, &crypto(0, &sh)),
        long(1, 2, C, S, &secret(2), 0, &crypto(0, &rest)),
        short(1, C, &secret(4), 0, &crypto(0, &message(4, &[0; 20]))),
    ];
    assert_eq!(bench.send(SERVER, &packets.concat()).0, [2, 8, 15, 20, 4]);
    let finished = long(1, 2, S, C, &secret(1), 0, &crypto(0, &message(20, &[0; 32])));
    assert_eq!(bench.send(CLIENT, &finished).0, [20]);
    let (_, rows) = bench.send(CLIENT, &short(1, S, &secret(3), 0, &[1; 30]));
    assert_eq!((rows[0].outcome, rows[0].alpn.as_deref()), (Outcome::Completed, Some(&b"h3"[..])));
    assert_eq!(rows[0].finished.map(|at| at.frame.0), Some(3));
    // Another key phase (RFC 9001 section 6), and a ticket in it: the header protection stays as it was.
    let frames = [&[0x1e][..], &crypto(24, &message(4, &[0; 20]))].concat();
    assert_eq!(bench.send(SERVER, &short(1, C, &secret(4), 1, &frames)).0, [4]);
    // What secrets do not open is soon left alone.
    for number in 0..=u32::from(limits::MAX_CLOSED_PACKETS) {
        assert!(bench.send(SERVER, &short(1, C, &secret(9), number, &[1; 30])).0.is_empty());
    }
    assert!(bench.decoder.heap() < 2_000, "{}", bench.decoder.heap());
}

#[test]
fn changed_and_cut_datagrams_say_nothing_wrong() {
    let [ch, sh] = hellos();
    let first = client_initial(1, 0, &crypto(0, &ch));
    let second = server_initial(1, 0, &[crypto(0, &sh), integer(7).to_vec()].concat());
    for at in 0..first.len() {
        let mut bad = first.clone();
        bad[at] ^= 0x10;
        let mut bench = Bench::default();
        assert!(bench.send(CLIENT, &bad).0.is_empty(), "{at}");
        assert!(bench.send(CLIENT, &first[..at]).0.is_empty());
        assert_eq!(bench.send(CLIENT, &first).0, [1]);
        assert!(bench.send(SERVER, &second[..at.min(second.len() - 1)]).0.is_empty());
        assert_eq!(bench.send(SERVER, &second).0, [2]);
    }
}
