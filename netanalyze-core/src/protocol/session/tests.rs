use super::*;
use crate::model::{FrameNumber, Timestamp};
use crate::protocol::message::{Message, Said};
use crate::protocol::testing::flow;

/// A session on a server's port whose client opened the connection.
struct Run(Session, [u32; 2], Messages, u64);

impl Run {
    fn new(port: u16) -> Run {
        Run(Session::new(flow(port), [Some(0), Some(0)]), [0; 2], Messages::new(true), 0)
    }

    /// What a segment says; without bytes it is a reset.
    fn take(&mut self, from: Direction, bytes: &[u8]) -> Vec<Said> {
        let (seq, len) = (self.1[from.index()], bytes.len() as u32);
        self.1[from.index()] += len;
        self.3 += 1;
        let segment = SegmentIn {
            from,
            seq,
            ack: None,
            bytes,
            len,
            fin: false,
            rst: bytes.is_empty(),
            missing: [false; 2],
        };
        let now = Moment { frame: FrameNumber(self.3), time: Timestamp(0) };
        self.0.segment(&segment, now, &mut self.2);
        if self.0.is_over() && self.0.has_successor() {
            // As a conversation does it.
            self.0 = Session::after_reset(self.0.flow);
        }
        self.2.drain_said().collect()
    }
}

const CLIENT: Direction = Direction::AtoB;
const SERVER: Direction = Direction::BtoA;
const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x01\x00";

fn hello(kind: u8) -> Vec<u8> {
    let rest: &[u8] = if kind == 1 { b"\0\0\x02\xc0\x2f\x01\0" } else { b"\0\xc0\x2f\0" };
    let body = [b"\x03\x03", &[7; 32][..], rest].concat();
    let len = body.len() as u8;
    [&[22, 3, 3, 0, len + 4, kind, 0, 0, len], &body[..]].concat()
}

#[test]
fn after_a_reset_tls_is_heard_and_no_handshake_begins() {
    for resetting in [CLIENT, SERVER] {
        let mut run = Run::new(443);
        assert_eq!(run.take(CLIENT, &hello(1)).len(), 1);
        let said = run.take(resetting, b"");
        let [Said { message: Message::Handshake(row), .. }] = &said[..] else { panic!("{said:?}") };
        assert!(matches!(row.outcome, tls::Outcome::Reset(_)));
        let late = [run.take(resetting.reverse(), &hello(2)), run.take(resetting.reverse(), ALERT)].concat();
        assert_eq!(late.len(), 2);
        assert!(late.iter().all(|said| matches!(said.message, Message::Tls(_))), "{late:?}");
        assert!(run.take(resetting.reverse(), b"").is_empty());
    }
}

#[test]
fn what_comes_after_a_client_has_closed_is_no_second_handshake() {
    let mut run = Run::new(443);
    run.take(CLIENT, &hello(1));
    let fin = SegmentIn {
        from: CLIENT,
        seq: run.1[0],
        ack: None,
        bytes: b"",
        len: 0,
        fin: true,
        rst: false,
        missing: [false; 2],
    };
    run.0.segment(&fin, Moment::default(), &mut run.2);
    let said: Vec<Said> = run.2.drain_said().collect();
    let [Said { message: Message::Handshake(row), .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(row.outcome, tls::Outcome::Closed(tls::Who::Client));
    let late = run.take(SERVER, &hello(2));
    assert!(matches!(&late[..], [Said { message: Message::Tls(_), .. }]), "{late:?}");
    assert!(run.take(CLIENT, b"").is_empty());
    run.0.finish([false; 2], Moment::default(), &mut run.2);
    assert!(run.2.is_empty());
}

#[test]
fn below_rdp_tls_is_for_no_field_if_anything_came_before() {
    let ask = b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x0b\x00\x00\x00";
    for (port, first, aside) in [(3389, &ask[..], true), (3389, b"", false), (4489, ask, false)] {
        let mut run = Run::new(port);
        if !first.is_empty() {
            assert!(run.take(CLIENT, first).is_empty());
        }
        let said = run.take(CLIENT, &hello(1));
        assert_eq!(said.iter().map(|said| said.aside).collect::<Vec<_>>(), [aside], "{port}");
    }
}

/// What became of the only exchange or handshake of a conversation: segments as (from, offset, bytes, flags), then the capture's end.
fn outcome(port: u16, segments: &[(Direction, u32, &[u8], &str)]) -> String {
    let mut run = Run::new(port);
    let mut acks = [0; 2];
    for (number, &(from, seq, bytes, flags)) in segments.iter().enumerate() {
        let len = bytes.len() as u32;
        let (fin, rst) = (flags.contains('f'), flags.contains('r'));
        // `a`: the receiver has more than was captured.
        let ack = Some(acks[from.reverse().index()] + if flags.contains('a') { 30 } else { 0 });
        let missing = [false; 2];
        let segment = SegmentIn { from, seq, ack, bytes, len, fin, rst, missing };
        let now = Moment { frame: FrameNumber(number as u64 + 1), time: Timestamp(0) };
        run.0.segment(&segment, now, &mut run.2);
        acks[from.index()] = seq + len;
    }
    run.0.finish([false; 2], Moment { frame: FrameNumber(99), time: Timestamp(0) }, &mut run.2);
    let rows = run.2.drain_said().filter_map(|said| match said.message {
        Message::Exchange(exchange) => Some(format!("{:?}", exchange.outcome)),
        Message::Handshake(row) => Some(format!("{:?} gaps {}", row.outcome, row.gaps)),
        _ => None,
    });
    rows.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_reset_in_a_body_is_no_end_of_the_capture() {
    let (get, ok) = (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nhalf");
    let (get_len, ok_len) = (get.len() as u32, ok.len() as u32);
    for from in [CLIENT, SERVER] {
        let at = if from == CLIENT { get_len } else { ok_len };
        let said = outcome(80, &[(CLIENT, 0, get, ""), (SERVER, 0, ok, ""), (from, at, b"", "r")]);
        assert_eq!(said, "Incomplete(Reset)");
    }
    assert_eq!(outcome(80, &[(CLIENT, 0, get, ""), (SERVER, 0, ok, "")]), "Incomplete(CaptureEnd)");
}

#[test]
fn what_was_not_captured_before_a_fin_is_held_against_nobody() {
    let get = b"GET / HTTP/1.1\r\n\r\n";
    assert_eq!(outcome(80, &[(CLIENT, 0, get, ""), (SERVER, 0, b"", "f")]), "Unanswered(Fin)");
    assert_eq!(outcome(80, &[(CLIENT, 0, get, ""), (SERVER, 43, b"", "f")]), "NotCaptured");
    let hello = hello(1);
    let len = hello.len() as u32;
    let closed = |flags| outcome(443, &[(CLIENT, 0, &hello, ""), (CLIENT, len, b"", flags)]);
    assert_eq!(closed("f"), "Closed(Client) gaps false");
    assert_eq!(closed("fa"), "Cut gaps true");
    // A reset behind bytes that were not captured; one more may have been a FIN.
    let reset = |at| outcome(443, &[(CLIENT, 0, &hello, ""), (SERVER, at, b"", "r")]);
    assert_eq!(reset(1), "Reset(Some(Server)) gaps false");
    assert_eq!(reset(7), "Cut gaps true");
}

#[test]
fn what_was_never_captured_is_asked_for_only_where_it_matters() {
    let mut run = Run::new(443);
    assert!(!run.0.minds_missing());
    run.take(CLIENT, &hello(1));
    assert!(run.0.minds_missing());
    run.0.finish([false, true], Moment { frame: FrameNumber(9), time: Timestamp(9_000_000_000) }, &mut run.2);
    let said: Vec<Said> = run.2.drain_said().collect();
    let [Said { message: Message::Handshake(row), .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!((row.outcome, row.gaps), (tls::Outcome::Cut, true));
}
