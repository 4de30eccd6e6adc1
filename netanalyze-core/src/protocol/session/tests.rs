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
            acked: [None; 2],
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
        acked: [None; 2],
    };
    run.0.segment(&fin, Moment::default(), &mut run.2);
    let said: Vec<Said> = run.2.drain_said().collect();
    let [Said { message: Message::Handshake(row), .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(row.outcome, tls::Outcome::Closed(tls::Who::Client));
    let late = run.take(SERVER, &hello(2));
    assert!(matches!(&late[..], [Said { message: Message::Tls(_), .. }]), "{late:?}");
    assert!(run.take(CLIENT, b"").is_empty());
    run.0.finish([false; 2], [None; 2], Moment::default(), &mut run.2);
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
        let segment = SegmentIn { from, seq, ack, bytes, len, fin, rst, missing, acked: [None; 2] };
        let now = Moment { frame: FrameNumber(number as u64 + 1), time: Timestamp(0) };
        run.0.segment(&segment, now, &mut run.2);
        acks[from.index()] = seq + len;
    }
    run.0.finish([false; 2], [None; 2], Moment { frame: FrameNumber(99), time: Timestamp(0) }, &mut run.2);
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
    // The client has all of the body, of which thirty bytes were not captured.
    for (length, expected) in [(34, "NotCaptured"), (35, "Incomplete(Reset)")] {
        let ok = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nhalf");
        let segments =
            [(CLIENT, 0, &get[..], ""), (SERVER, 0, ok.as_bytes(), ""), (CLIENT, get_len, b"", "ra")];
        assert_eq!(outcome(80, &segments), expected, "{length}");
    }
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
    assert_eq!(closed("r"), "Reset(Some(Client)) gaps false");
    assert_eq!(closed("ra"), "Cut gaps true");
    // A reset behind bytes that were not captured; one more may have been a FIN.
    let reset = |at| outcome(443, &[(CLIENT, 0, &hello, ""), (SERVER, at, b"", "r")]);
    assert_eq!(reset(1), "Reset(Some(Server)) gaps false");
    assert_eq!(reset(7), "Cut gaps true");
}

#[test]
fn a_hole_that_decoding_went_beyond_is_held_against_nobody() {
    let (ask, answer) = (hello(1), hello(2));
    let (asked, answered) = (ask.len() as u32, answer.len() as u32);
    let alert = [&[21, 3, 3, 0, 26][..], &[0x93; 26]].concat();
    let alerted = alert.len() as u32;
    // What the client said behind its hello was acknowledged, but not captured; its alert was.
    for (hole, from, flags, expected) in [
        (0, SERVER, "f", "Closed(Server) gaps false"),
        (90, SERVER, "f", "Cut gaps true"),
        (0, SERVER, "r", "Reset(Some(Server)) gaps false"),
        (90, SERVER, "r", "Cut gaps true"),
        (0, CLIENT, "r", "Reset(Some(Client)) gaps false"),
        (90, CLIENT, "r", "Cut gaps true"),
    ] {
        let at = asked + hole;
        let end = if from == CLIENT { at + alerted } else { answered };
        let segments = [
            (CLIENT, 0, &ask[..], ""),
            (SERVER, 0, &answer, ""),
            (CLIENT, at, &alert, ""),
            (from, end, b"", flags),
        ];
        assert_eq!(outcome(443, &segments), expected, "{hole} {from:?} {flags}");
    }
}

/// What became of a handshake: segments as (second, from, offset, length, what it acknowledges, flags), then the capture's end after a minute. Bytes
/// come from one hello of the client and one of the server, which begin at 1,000 and 2,000; without length the segment only ends something.
fn delivered(segments: &[(i64, Direction, u32, u32, u32, &str)], acked: [u32; 2]) -> tls::Handshake {
    let mut session = Session::new(flow(443), [Some(1_000), Some(2_000)]);
    let mut out = Messages::default();
    let hellos = [hello(1), hello(2)];
    let acked = acked.map(Some);
    for &(second, from, offset, len, ack, flags) in segments {
        let (begin, hello) = if from == CLIENT { (1_000, &hellos[0]) } else { (2_000, &hellos[1]) };
        let bytes = hello.get(offset as usize..(offset + len) as usize).unwrap_or_default();
        let (fin, rst) = (flags.contains('f'), flags.contains('r'));
        let (seq, missing, len) = (begin + offset, [false; 2], bytes.len() as u32);
        let segment = SegmentIn { from, seq, ack: Some(ack), bytes, len, fin, rst, missing, acked };
        let now = Moment { frame: FrameNumber(1), time: Timestamp(second * 1_000_000_000) };
        session.segment(&segment, now, &mut out);
    }
    session.finish(
        [false; 2],
        acked,
        Moment { time: Timestamp(60_000_000_000), ..Moment::default() },
        &mut out,
    );
    let mut rows = out.drain_said().filter_map(|said| match said.message {
        Message::Handshake(row) => Some(*row),
        _ => None,
    });
    rows.next().unwrap()
}

#[test]
fn nobody_owes_an_answer_to_what_was_not_acknowledged() {
    use tls::{Outcome, Unacknowledged, Who};
    let (c, s) = (hello(1).len() as u32, hello(2).len() as u32);
    let (asked, answered) = (1_000 + c, 2_000 + s);
    let hello = (0, CLIENT, 0, c, 2_000, "");
    let flight = |second| (second, SERVER, 0, s, asked, "");
    let end = |second, ack, flags| (second, CLIENT, c, 0, ack, flags);
    let undelivered = |row: tls::Handshake| match (row.outcome, row.unacknowledged) {
        (Outcome::Undelivered(who), Some(Unacknowledged { bytes, times })) => (who, bytes, times),
        other => panic!("{other:?}"),
    };
    let server = |bytes, times| (Who::Server, u64::from(bytes), times);
    let lost = [asked, 2_000];
    assert_eq!(undelivered(delivered(&[hello, flight(0)], lost)), server(s, 1));
    assert_eq!(undelivered(delivered(&[hello, flight(0), flight(1), flight(3)], lost)), server(s, 3));
    // The client gives up, whether it says so at once, after a repetition, or late.
    for flags in ["f", "r"] {
        let given_up = [hello, flight(0), flight(1), end(20, 2_000, flags)];
        assert_eq!(undelivered(delivered(&given_up, lost)), server(s, 2), "{flags}");
    }
    assert_eq!(
        undelivered(delivered(&[hello, flight(0), flight(1), end(2, 2_000, "f")], lost)),
        server(s, 2)
    );
    let early = delivered(&[hello, flight(0), end(1, 2_000, "f")], lost);
    assert_eq!((early.outcome, early.unacknowledged), (Outcome::Closed(Who::Client), None));
    // The first bytes arrived, the others did not, of which the last came again first.
    let rest = [
        hello,
        flight(0),
        (1, SERVER, s - 2, 2, asked, ""),
        (2, SERVER, 9, 30, asked, ""),
        (3, SERVER, 9, 30, asked, ""),
    ];
    assert_eq!(undelivered(delivered(&rest, [asked, 2_009])), server(s - 9, 3));
    // What was acknowledged was got, however often it was sent.
    let got = delivered(&[hello, flight(0), flight(1)], [asked, answered]);
    assert_eq!((got.outcome, got.unacknowledged), (Outcome::Silent(Some(Who::Server)), None));
    let got = delivered(&[hello, flight(0), flight(1), end(20, answered, "f")], [asked, 2_000]);
    assert_eq!((got.outcome, got.unacknowledged), (Outcome::Silent(Some(Who::Server)), None));
    // The client's hello alone.
    assert_eq!(undelivered(delivered(&[hello, hello], [1_000, 2_000])), (Who::Client, u64::from(c), 2));
    assert_eq!(delivered(&[hello, hello], [asked, 2_000]).outcome, Outcome::Silent(Some(Who::Server)));
}

#[test]
fn what_was_never_captured_is_asked_for_only_where_it_matters() {
    let mut run = Run::new(443);
    assert!(!run.0.minds_missing());
    run.take(CLIENT, &hello(1));
    assert!(run.0.minds_missing());
    run.0.finish(
        [false, true],
        [None; 2],
        Moment { frame: FrameNumber(9), time: Timestamp(9_000_000_000) },
        &mut run.2,
    );
    let said: Vec<Said> = run.2.drain_said().collect();
    let [Said { message: Message::Handshake(row), .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!((row.outcome, row.gaps), (tls::Outcome::Cut, true));
}

/// A segment of a script: direction, first byte's place in its direction, what it acknowledges, bytes; `F` and `R` alone are flags.
type Step<'a> = (Direction, u32, u32, &'a [u8]);

/// A word each for what becomes of requests: `target status outcome`.
fn exchanges(port: u16, first_bytes: [Option<u32>; 2], steps: &[Step<'_>]) -> Vec<String> {
    let mut session = Session::new(flow(port), first_bytes);
    let (mut out, mut told) = (Messages::new(false), Vec::new());
    let mut tell = |out: &mut Messages| {
        for (_, message) in out.drain() {
            if let Message::Exchange(e) = message {
                let target = e.request.as_ref().map_or("?".into(), |r| String::from_utf8_lossy(r.target()));
                told.push(format!("{target} {} {:?}", e.status().unwrap_or(0), e.outcome));
            }
        }
    };
    for (n, &(from, seq, ack, bytes)) in (1..).zip(steps) {
        let (fin, rst) = (bytes == b"F", bytes == b"R");
        let bytes = if fin || rst { &[] } else { bytes };
        let len = bytes.len() as u32;
        let segment = SegmentIn {
            from,
            seq,
            ack: Some(ack),
            bytes,
            len,
            fin,
            rst,
            missing: [false; 2],
            acked: [None; 2],
        };
        session.segment(&segment, Moment { frame: FrameNumber(n), time: Timestamp(n as i64) }, &mut out);
        tell(&mut out);
    }
    session.finish([false; 2], [None; 2], Moment::default(), &mut out);
    tell(&mut out);
    told
}

/// 18 bytes.
const GET_1: &[u8] = b"GET /1 HTTP/1.1\r\n\r\n";
const GET_2: &[u8] = b"GET /2 HTTP/1.1\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const LATE: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";

#[test]
fn responses_answer_what_the_server_had_got() {
    let (get, ok, late) = (GET_1.len() as u32, OK.len() as u32, LATE.len() as u32);
    let both = [Some(0), Some(0)];
    #[allow(clippy::type_complexity)] // a table
    let cases: &[(&str, [Option<u32>; 2], &[Step<'_>], &[&str])] = &[
        (
            "captured before its request",
            both,
            &[
                (SERVER, 0, get, OK),
                (CLIENT, 0, 0, GET_1),
                (CLIENT, get, ok, GET_2),
                (SERVER, ok, 2 * get, OK),
            ],
            &["/1 200 Answered", "/2 200 Answered"],
        ),
        (
            "the second one, too",
            both,
            &[
                (CLIENT, 0, 0, GET_1),
                (SERVER, 0, get, OK),
                (SERVER, ok, 2 * get, LATE),
                (CLIENT, get, ok, GET_2),
            ],
            &["/1 200 Answered", "/2 408 Answered"],
        ),
        (
            "between the segments of its request",
            both,
            &[(CLIENT, 0, 0, &GET_1[..9]), (SERVER, 0, get, OK), (CLIENT, 9, 0, &GET_1[9..])],
            &["/1 200 Answered"],
        ),
        (
            "the request is missing for good",
            both,
            &[(SERVER, 0, get, OK), (CLIENT, get, ok, GET_2), (SERVER, ok, 2 * get, LATE)],
            &["? 200 NotCaptured", "/2 408 Answered"],
        ),
        (
            "the request never comes",
            both,
            &[(SERVER, 0, get, OK), (SERVER, ok, get + 1, b"F")],
            &["? 200 NotCaptured"],
        ),
        (
            "an idle connection is given up",
            both,
            &[(CLIENT, 0, 0, GET_1), (SERVER, 0, get, OK), (SERVER, ok, get, LATE)],
            &["/1 200 Answered", "? 408 Unsolicited"],
        ),
        (
            "while the next request is on its way",
            both,
            &[
                (CLIENT, 0, 0, GET_1),
                (SERVER, 0, get, OK),
                (CLIENT, get, ok, GET_2),
                (SERVER, ok, get, LATE),
                (SERVER, ok + late, get, b"R"),
            ],
            &["/1 200 Answered", "? 408 Unsolicited", "/2 0 Unanswered(Reset)"],
        ),
        (
            "acknowledgment numbers that never move say nothing",
            both,
            &[(CLIENT, 0, 0, GET_1), (SERVER, 0, 0, OK), (CLIENT, get, 0, GET_2), (SERVER, ok, 0, OK)],
            &["/1 200 Answered", "/2 200 Answered"],
        ),
        (
            "only the server's direction",
            [None; 2],
            &[(SERVER, 0, get, OK), (SERVER, ok, 2 * get, LATE)],
            &["? 200 NotCaptured", "? 408 NotCaptured"],
        ),
        (
            "only the client's direction",
            [Some(0), None],
            &[(CLIENT, 0, 0, GET_1), (CLIENT, get, ok, GET_2), (CLIENT, 2 * get, 2 * ok, b"F")],
            &["/1 0 NotCaptured", "/2 0 NotCaptured"],
        ),
        (
            "of the server only its SYN and ACKs: its answers were acknowledged",
            both,
            &[(CLIENT, 0, 0, GET_1), (CLIENT, get, ok, b"F")],
            &["/1 0 NotCaptured"],
        ),
        (
            "the same, the client resets",
            both,
            &[(CLIENT, 0, 0, GET_1), (CLIENT, get, ok, b"R")],
            &["/1 0 NotCaptured"],
        ),
        (
            "the server was heard ending it",
            [None; 2],
            &[(CLIENT, 0, 0, GET_1), (SERVER, 0, get, b"R")],
            &["/1 0 Unanswered(Reset)"],
        ),
        (
            "a request that ends within its head",
            both,
            &[(CLIENT, 0, 0, b"GET /half HTTP/1.1\r\nHo"), (CLIENT, 22, 0, b"F"), (SERVER, 0, 23, b"F")],
            &["/half 0 Unanswered(Fin)"],
        ),
        (
            "the same, and the server says so",
            both,
            &[(CLIENT, 0, 0, b"GET /half HTTP/1.1\r\nHo"), (SERVER, 0, 22, LATE), (SERVER, late, 22, b"F")],
            &["/half 408 Answered"],
        ),
        (
            "a body with a hole whose end was never sent",
            both,
            &[
                (CLIENT, 0, 0, GET_1),
                (SERVER, 0, get, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
                (SERVER, 60, get, b"some"),
                (SERVER, 64, get, b"R"),
            ],
            &["/1 200 Incomplete(Reset)"],
        ),
    ];
    for (what, first_bytes, steps, expected) in cases {
        assert_eq!(exchanges(80, *first_bytes, steps), *expected, "{what}");
    }
}

#[test]
fn a_server_of_http2_may_speak_first() {
    let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64";
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for port in [80, 8080, 50_051] {
        let steps: [Step<'_>; 2] = [(SERVER, 0, 0, settings), (CLIENT, 0, 15, preface)];
        assert_eq!(exchanges(port, [Some(0); 2], &steps), ["? 0 Http2"]);
    }
    // Only the preface confirms it.
    let steps: [Step<'_>; 3] = [(SERVER, 0, 0, settings), (CLIENT, 0, 15, GET_1), (SERVER, 15, 19, OK)];
    assert_eq!(exchanges(80, [Some(0); 2], &steps), ["/1 200 Answered"]);
}

#[test]
fn a_proxys_header_is_no_text_in_place_of_tls() {
    let header = &b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n"[..];
    for rest in [hello(1), GET_1.to_vec()] {
        let mut run = Run::new(443);
        let said = run.take(CLIENT, &[header, &rest].concat());
        let is_text = |said: &Said| matches!(&said.message, Message::Handshake(_));
        assert_eq!(said.iter().any(is_text), rest == GET_1, "{said:?}");
    }
}

#[test]
fn what_a_server_of_http_says_to_tls_is_http() {
    // Where the SYNs were not captured, nobody knows where the server's bytes begin.
    for (port, first_bytes) in [(80, [Some(0); 2]), (8081, [Some(0); 2]), (443, [None; 2])] {
        let mut run = Run::new(port);
        run.0 = Session::new(flow(port), first_bytes);
        assert_eq!(run.take(CLIENT, &hello(1)).len(), 1);
        let said = run.take(SERVER, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        let [
            Said { message: Message::Handshake(row), .. },
            Said { message: Message::Http(_), aside, .. },
            Said { message: Message::Exchange(e), .. },
        ] = &said[..]
        else {
            panic!("{said:?}")
        };
        assert_eq!(row.outcome, tls::Outcome::PlainText(tls::Who::Server));
        assert_eq!((e.status(), *aside), (Some(400), false));
    }
}

/// A resolver may send from SSDP's port, as from any other.
#[test]
fn the_port_of_a_client_does_not_make_ssdp_of_a_question() {
    let question = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1];
    let said = |server: u16, bytes: &[u8]| {
        let mut flow = flow(server);
        flow.ends[0].set_port(1900);
        let mut out = Messages::new(true);
        let mut decoder = recognise_datagram(&flow, CLIENT, bytes).unwrap();
        let now = Moment { frame: FrameNumber(1), time: Timestamp(0) };
        decoder.datagram(CLIENT, bytes, 0, now, &mut out);
        out.drain_said().map(|said| said.message).next()
    };
    assert!(matches!(said(53, &question), Some(Message::Dns(_))));
    let search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n";
    assert!(matches!(said(1900, search), Some(Message::Http(_))));
    assert!(matches!(said(40_000, search), Some(Message::Http(_))));
    assert!(matches!(said(1024, search), Some(Message::Http(_))));
}
