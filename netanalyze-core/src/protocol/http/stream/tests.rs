//! Tests of a connection's decoder: what is said, and when.

use std::fmt::Write as _;

use super::*;
use crate::model::Span;
use crate::model::limits::MAX_HTTP_OPEN;
use crate::protocol::message::Message;
use crate::protocol::testing::{self, C, Drive, S};

/// A connection to a server's port, opened two milliseconds before its first byte.
fn flow(port: u16) -> Flow {
    Flow { syn: Some(Timestamp(-2_000_000)), established: Some(Timestamp(-1_000_000)), ..testing::flow(port) }
}

fn drive() -> Drive<Stream> {
    Drive::new(Stream::new(&flow(80)))
}

/// What was said so far, a word each: messages as `frame:method` or `frame:status`, exchanges as `method target status outcome`.
fn told(drive: &mut Drive<Stream>) -> Vec<String> {
    let frame = drive.now.frame;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let word = |message: Message| match message {
        Message::Http(m) => {
            let what = match m.head().start() {
                StartLine::Request { method, .. } => text(method),
                StartLine::Response { status, .. } => text(status),
            };
            let mut word = format!("{frame}:{what}");
            if let Some(bytes) = m.body_bytes {
                let _ = write!(word, "+{bytes}");
            }
            if let Some(answered) = m.answers {
                let _ = write!(word, "<-{}", answered.frame);
            }
            word
        }
        Message::Exchange(e) => {
            let asked = e.request.as_ref().map(|r| format!("{} {}", text(&r.method), text(r.target())));
            let status = e.status().map(|s| s.to_string());
            format!(
                "({} {} {:?})",
                asked.unwrap_or_else(|| "?".into()),
                status.unwrap_or_else(|| "-".into()),
                e.outcome
            )
        }
        _ => unreachable!(),
    };
    drive.said().into_iter().map(|(_, message)| word(message)).collect()
}

/// Feeds each text as a frame (`>` from the client, `<` from the server) and collects what was said.
fn dialogue(texts: &[&str]) -> Vec<String> {
    let mut drive = drive();
    let mut all = Vec::new();
    for text in texts {
        let (from, bytes) = if let Some(rest) = text.strip_prefix('>') {
            (C, rest)
        } else {
            (S, text.strip_prefix('<').unwrap())
        };
        drive.feed(from, bytes.replace('\n', "\r\n").as_bytes());
        all.extend(told(&mut drive));
    }
    for from in [S, C] {
        drive.close(from, Closing::Fin);
        all.extend(told(&mut drive));
    }
    all
}

#[test]
fn exchanges_follow_each_other() {
    assert_eq!(
        dialogue(&[
            ">GET /a HTTP/1.1\n\n",
            "<HTTP/1.1 200 OK\nContent-Length: 3\n\nabc",
            ">HEAD /b HTTP/1.1\n\n",
            "<HTTP/1.1 404 Not Found\nContent-Length: 30\n\n",
            ">POST /c HTTP/1.1\nContent-Length: 5\n\n12",
            ">345",
            "<HTTP/1.1 204 No Content\n\n",
        ]),
        [
            "1:GET+0",
            "2:200+3<-1",
            "(GET /a 200 Answered)",
            "3:HEAD+0",
            "4:404+0<-3",
            "(HEAD /b 404 Answered)",
            "6:POST+5",
            "7:204+0<-6",
            "(POST /c 204 Answered)"
        ]
    );
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    assert_eq!(
        dialogue(&[
            ">GET /a HTTP/1.1\n\nGET /b HTTP/1.1\n\n",
            "<HTTP/1.1 200 OK\nContent-Length: 0\n\nHTTP/1.1 404 No\nContent-Length: 0\n\n"
        ]),
        [
            "1:GET+0",
            "1:GET+0",
            // Fields say what Wireshark says.
            "2:200+0<-1",
            "(GET /a 200 Answered)",
            "2:404+0",
            "(GET /b 404 Answered)"
        ]
    );
}

#[test]
fn interim_responses_answer_nothing() {
    assert_eq!(
        dialogue(&[
            ">POST /a HTTP/1.1\nExpect: 100-continue\nContent-Length: 2\n\n",
            "<HTTP/1.1 100 Continue\n\n",
            ">ab",
            "<HTTP/1.1 201 Created\nContent-Length: 0\n\n"
        ]),
        ["2:100+0", "3:POST+2", "4:201+0<-3", "(POST /a 201 Answered)"]
    );
}

#[test]
fn chunked_bodies_end_with_their_trailers() {
    let chunked =
        "<HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3;x=y\nabc\n10\n0123456789abcdef\n0\nA: b\n\n";
    let whole = ["1:GET+0", "2:200+19<-1", "(GET / 200 Answered)"];
    assert_eq!(dialogue(&[">GET / HTTP/1.1\n\n", chunked]), whole);
    // Byte by byte: the same, in the frame of the last one.
    let mut drive = drive();
    drive.feed(C, b"GET / HTTP/1.1\r\n\r\n");
    let bytes = chunked[1..].replace('\n', "\r\n");
    bytes.as_bytes().chunks(1).for_each(|byte| drive.feed(S, byte));
    let last = drive.now.frame;
    assert_eq!(told(&mut drive)[1], format!("{last}:200+19<-1"));
    // What is no chunk ends it at once.
    let broken = "<HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nzz\n";
    assert_eq!(dialogue(&[">GET / HTTP/1.1\n\n", broken]), ["1:GET+0", "2:200<-1", "(GET / 200 Answered)"]);
}

#[test]
fn without_a_length_the_body_goes_on_to_the_end() {
    assert_eq!(
        dialogue(&[">GET / HTTP/1.0\n\n", "<HTTP/1.0 200 OK\n\nab", "<cd"]),
        ["1:GET+0", "4:200<-1", "(GET / 200 Answered)"]
    );
}

#[test]
fn exchanges_that_end_badly() {
    let cases: [(&[&str], Closing, &str); 7] = [
        (&[">GET / HTTP/1.1\n\n"], Closing::Fin, "(GET / - Unanswered(Fin))"),
        (&[">GET / HTTP/1.1\n\n"], Closing::Reset, "(GET / - Unanswered(Reset))"),
        (&[">GET / HTTP/1.1\n\n"], Closing::CaptureEnd, "(GET / - Unanswered(CaptureEnd))"),
        (&[">GET / HTTP/1.1\n\n", "<HTTP/1.1 20"], Closing::Reset, "(GET / - Incomplete(Reset))"),
        (
            &[">GET / HTTP/1.1\n\n", "<HTTP/1.1 200 OK\nContent-Length: 9\n\nabc"],
            Closing::Fin,
            "(GET / 200 Incomplete(Fin))",
        ),
        (
            &[">GET / HTTP/1.1\n\n", "<HTTP/1.1 200 OK\n\nabc"],
            Closing::Reset,
            "(GET / 200 Incomplete(Reset))",
        ),
        (
            &[">GET / HTTP/1.1\n\n", "<HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n"],
            Closing::Fin,
            "(GET / 200 Incomplete(Fin))",
        ),
    ];
    for (texts, how, expected) in cases {
        let mut drive = drive();
        for text in texts {
            let from = if text.starts_with('>') { C } else { S };
            drive.feed(from, text[1..].replace('\n', "\r\n").as_bytes());
        }
        let _ = told(&mut drive);
        drive.close(S, how);
        assert_eq!(told(&mut drive), [expected], "{texts:?}");
        drive.close(C, how);
        assert!(told(&mut drive).is_empty());
        assert_eq!(drive.decoder.heap(), 0);
    }
}

#[test]
fn what_is_missing_in_the_capture_is_not_held_against_anybody() {
    // A response was lost; the next request shows that it was there.
    let mut drive = drive();
    drive.feed(C, b"GET /a HTTP/1.1\r\n\r\n");
    drive.lost(S);
    drive.feed(C, b"GET /b HTTP/1.1\r\n\r\n");
    drive.feed(S, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        told(&mut drive).iter().filter(|t| t.starts_with('(')).collect::<Vec<_>>(),
        ["(GET /a - NotCaptured)", "(GET /b 200 Answered)"]
    );
    // In the middle of chunks.
    drive.feed(C, b"GET /c HTTP/1.1\r\n\r\n");
    drive.feed(S, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    drive.lost(S);
    assert_eq!(told(&mut drive).last().unwrap(), "(GET /c 200 NotCaptured)");
    // A request was lost.
    drive.lost(C);
    drive.feed(S, b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(told(&mut drive).last().unwrap(), "(? 500 NotCaptured)");
}

#[test]
fn garbage_is_passed_over() {
    assert_eq!(
        dialogue(&[
            "<\u{1}\u{2}\u{3}",
            ">GET / HTTP/1.1\n\n",
            "<HTTP/1.1 200 OK\nContent-Length: 1\n\nab",
            "<HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        ]),
        ["2:GET+0", "3:200+1<-2", "(GET / 200 Answered)", "4:200+0", "(? 200 NotCaptured)"]
    );
}

#[test]
fn tunnels_lead_to_another_protocol() {
    let mut drive = drive();
    drive.feed(C, b"CONNECT a:443 HTTP/1.1\r\n\r\n");
    drive.feed(S, b"HTTP/1.1 200 OK\r\n\r\n\x16");
    assert_eq!(drive.another, Some((S, 19)));
    assert_eq!(told(&mut drive), ["2:CONNECT+0", "2:200+0<-1", "(CONNECT a:443 200 Switched)"]);
    let mut drive = self::drive();
    drive.feed(C, b"CONNECT a:443 HTTP/1.1\r\n\r\n");
    drive.feed(S, b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(drive.another, None);
    let mut drive = self::drive();
    drive.feed(C, b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n");
    drive.feed(S, b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n");
    assert_eq!(drive.another, Some((S, 40)));
    // Frames of WebSocket hold nothing for us.
    assert_eq!(
        dialogue(&[
            ">GET / HTTP/1.1\nUpgrade: websocket\n\n",
            "<HTTP/1.1 101 Switching\nUpgrade: WebSocket\n\n",
            ">GET /x HTTP/1.1\n\n",
        ]),
        ["1:GET+0", "2:101+0<-1", "(GET / 101 Switched)"]
    );
}

#[test]
fn holes_in_bodies_do_not_derail() {
    // The feed knows a body's end; what follows is decoded before the hole is filled.
    let mut out = Messages::new(true);
    let mut stream = Stream::new(&flow(80));
    let at = |frame| Moment { frame: crate::model::FrameNumber(frame), time: Timestamp(0) };
    stream.decode(C, b"GET /a HTTP/1.1\r\n\r\n", at(1), &mut out);
    stream.decode(C, b"GET /b HTTP/1.1\r\n\r\n", at(2), &mut out);
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
    let Progress::Body { head: 40, len: 100, id } = stream.decode(S, head, at(3), &mut out) else { panic!() };
    stream.decode(S, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", at(4), &mut out);
    stream.body_complete(S, id, at(5), &mut out);
    let ends: Vec<_> = out
        .drain()
        .filter_map(|(_, message)| match message {
            Message::Exchange(e) => Some((e.number, e.status(), e.response.unwrap().end.unwrap().frame.0)),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [(2, Some(404), 4), (1, Some(200), 5)]);
    assert_eq!(stream.heap(), 0);
}

#[test]
fn holes_between_messages_keep_their_answers() {
    // The end of a chunked response and the whole next one are missing; then the hole is filled.
    for filled in [false, true] {
        let mut drive = drive();
        for path in ["a", "b", "c"] {
            drive.feed(C, format!("GET /{path} HTTP/1.1\r\n\r\n").as_bytes());
        }
        drive.feed(S, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
        drive.decoder.skip(S, 7);
        drive.feed(S, b"HTTP/1.1 203 OK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(told(&mut drive).last().unwrap(), "(GET /c 203 Answered)");
        if filled {
            drive.decoder.turn(S, Some(7));
            drive.feed(S, b"3\r\nabc\r\n0\r\n");
            drive.decoder.turn(S, None);
            drive.feed(C, b"GET /d HTTP/1.1\r\n\r\n");
            drive.feed(S, b"HTTP/1.1 204 OK\r\n\r\n");
            assert_eq!(told(&mut drive).last().unwrap(), "(GET /d 204 Answered)");
            drive.decoder.turn(S, Some(7));
            drive.feed(S, b"\r\n");
            drive.feed(S, b"HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n");
            drive.decoder.turn(S, None);
            let told: Vec<_> = told(&mut drive).into_iter().filter(|t| t.starts_with('(')).collect();
            assert_eq!(told, ["(GET /a 200 Answered)", "(GET /b 202 Answered)"]);
        }
        drive.close(S, Closing::Fin);
        drive.close(C, Closing::Fin);
        let rest = told(&mut drive);
        assert_eq!(
            rest,
            if filled { vec![] } else { vec!["(GET /a 200 NotCaptured)", "(GET /b - NotCaptured)"] }
        );
        assert_eq!(drive.decoder.heap(), 0);
    }
}

#[test]
fn times_and_sizes() {
    let mut drive = drive();
    drive.feed(C, b"POST /up HTTP/1.1\r\nHost: a.b\r\nContent-Length: 4\r\n\r\n");
    drive.feed(C, b"abcd");
    drive.tick();
    drive.feed(S, b"HTTP/1.1 200 ");
    drive.feed(S, b"OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\na");
    drive.feed(S, b"bc");
    let exchange = drive.said().into_iter().find_map(|(_, message)| match message {
        Message::Exchange(exchange) => Some(exchange),
        _ => None,
    });
    let exchange = exchange.unwrap();
    let milliseconds = |n: i64| Some(Span(n * 1_000_000));
    assert_eq!(exchange.connect(), milliseconds(1));
    assert_eq!(exchange.first_byte(), milliseconds(2));
    assert_eq!(exchange.transfer(), milliseconds(2));
    assert_eq!(exchange.total(), milliseconds(5));
    let (request, response) = (exchange.request.unwrap(), exchange.response.unwrap());
    assert_eq!((request.head_bytes, request.body_bytes), (51, Some(4)));
    assert_eq!((response.head_bytes, response.body_bytes), (64, Some(3)));
    assert_eq!((request.host(), response.content_type()), (b"a.b".as_slice(), b"text/plain".as_slice()));
}

#[test]
fn caps_hold() {
    // One direction only: nobody answers.
    let mut drive = drive();
    for _ in 0..3 * MAX_HTTP_OPEN {
        drive.feed(C, b"GET / HTTP/1.1\r\n\r\n");
    }
    assert_eq!(drive.decoder.open.len(), MAX_HTTP_OPEN);
    // A head without end.
    let mut drive = self::drive();
    drive.feed(C, b"GET / HTTP/1.1\r\n");
    drive.feed(C, &[b'x'; MAX_HTTP_HEAD]);
    drive.feed(C, b"GET /b HTTP/1.1\r\n\r\n");
    drive.feed(S, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(told(&mut drive), ["4:GET+0", "4:200+0<-3"]);
    drive.close(C, Closing::Fin);
    drive.close(S, Closing::Fin);
    let said = drive.said();
    let [(_, Message::Exchange(long)), (_, Message::Exchange(_))] = &said[..] else { panic!("{said:?}") };
    assert!(long.over_limit && long.truncated as usize > MAX_HTTP_HEAD && long.status() == Some(200));
    assert_eq!(long.request.as_ref().unwrap().target(), b"/");
    // Texts are cut, and say so.
    let mut drive = self::drive();
    drive.feed(C, &[b"GET /", &[b'x'; 5_000][..], b" HTTP/1.1\r\n\r\n"].concat());
    drive.close(S, Closing::Fin);
    let (_, last) = drive.said().pop().unwrap();
    let Message::Exchange(exchange) = last else { panic!() };
    assert_eq!(exchange.truncated as usize, 5_001 - crate::model::limits::MAX_HTTP_TEXT);
}

#[test]
fn cut_segments_say_what_they_can() {
    let mut out = Messages::new(true);
    let mut stream = Stream::new(&flow(80));
    let at = |frame| Moment { frame: crate::model::FrameNumber(frame), time: Timestamp(0) };
    stream.decode_cut(C, b"GET /pictures/of HTT", 300, at(1), &mut out);
    stream.decode_cut(S, b"HTTP/1.1 200 OK\r\nContent-Length: 9", 1_000, at(2), &mut out);
    stream.decode_cut(S, b"body body", 1_000, at(3), &mut out);
    let said: Vec<_> = out.drain().map(|(_, message)| message).collect();
    let [Message::Http(_), Message::Http(response), Message::Exchange(exchange)] = &said[..] else {
        panic!()
    };
    assert_eq!(response.head().shown_status(), Some(200));
    assert_eq!((exchange.status(), exchange.outcome), (Some(200), Outcome::NotCaptured));
}

#[test]
fn idle_connections_are_small() {
    // With room for the one message that is open at a time.
    assert!(size_of::<Stream>() <= 288, "{}", size_of::<Stream>());
    let mut drive = drive();
    drive.out.every = false;
    drive.feed(C, b"GET / HTTP/1.1\r\n\r\n");
    drive.feed(S, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(drive.decoder.heap(), 0);
    assert_eq!(drive.said().len(), 3);
}

#[test]
fn chunks_in_a_hole_cut_nothing_short() {
    let mut drive = drive();
    drive.feed(C, b"GET /a HTTP/1.1\r\n\r\n");
    drive.feed(S, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    // The rest of the chunks is missing; the next message shows itself.
    drive.decoder.skip(S, 1_000);
    drive.feed(C, b"GET /b HTTP/1.1\r\n\r\n");
    drive.feed(S, b"HTTP/1.1 204 Yes\r\n\r\n");
    drive.close(C, Closing::Fin);
    drive.close(S, Closing::Fin);
    let told = told(&mut drive);
    let exchanges: Vec<_> = told.iter().filter(|t| t.starts_with('(')).collect();
    assert_eq!(exchanges, ["(GET /b 204 Answered)", "(GET /a 200 NotCaptured)"]);
}

#[test]
fn bytes_that_are_no_message_may_have_been_the_answer() {
    let mut drive = drive();
    drive.decoder.unplaced(S);
    drive.feed(C, b"GET /a HTTP/1.1\r\n\r\n");
    drive.decoder.unplaced(S);
    // What is asked later is not answered by them.
    drive.feed(C, b"GET /b HTTP/1.1\r\n\r\n");
    drive.close(C, Closing::Fin);
    drive.close(S, Closing::Fin);
    let told = told(&mut drive);
    let exchanges: Vec<_> = told.iter().filter(|t| t.starts_with('(')).collect();
    assert_eq!(exchanges, ["(GET /a - NotCaptured)", "(GET /b - Unanswered(Fin))"]);
}

#[test]
fn a_response_to_nobody_knows_what_does_not_hide_the_next() {
    for (response, expected) in [
        ("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nab", "(GET /in 404 Answered)"),
        ("HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nab", "(GET /in 404 NotCaptured)"),
        ("HTTP/1.1 404 No\r\nCont", "(GET /in 404 NotCaptured)"),
        ("HTTP/2 is what this text is about", "(GET /in - Unanswered(Fin))"),
    ] {
        let mut drive = drive();
        drive.lost(C);
        drive.feed(S, b"HTTP/1.1 200 OK\r\n\r\n");
        drive.feed(C, b"GET /in HTTP/1.1\r\n\r\n");
        drive.decoder.within_rest(S, response.as_bytes(), drive.now, &mut drive.out);
        drive.close(C, Closing::Fin);
        drive.close(S, Closing::Fin);
        let told = told(&mut drive);
        let exchanges: Vec<_> = told.iter().filter(|t| t.starts_with("(GET")).collect();
        assert_eq!(exchanges, [expected], "{response}");
    }
}

#[test]
fn a_length_that_may_be_one_of_a_response_to_head_blames_nobody() {
    // Of two responses the first may have had no body: the second is in its place.
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n".as_slice();
    let second = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n1234".as_slice();
    for whole in [true, false] {
        let mut drive = drive();
        drive.lost(C);
        drive.feed(S, head);
        drive.feed(C, b"GET /three HTTP/1.1\r\n\r\n");
        drive.feed(S, if whole { second } else { &second[..40] });
        if whole {
            // Nor can what follows be told from bodies; what is asked behind it can.
            drive.feed(C, b"GET /four HTTP/1.1\r\n\r\n");
            drive.feed(S, b"\x01\x02\x03\x04");
            drive.feed(C, b"GET /five HTTP/1.1\r\n\r\n");
        }
        drive.close(C, Closing::Fin);
        drive.close(S, Closing::Fin);
        let told = told(&mut drive);
        let exchanges: Vec<_> = told.iter().filter(|t| t.starts_with("(GET")).collect();
        let expected =
            ["(GET /three - NotCaptured)", "(GET /four - NotCaptured)", "(GET /five - Unanswered(Fin))"];
        assert_eq!(exchanges, expected[..if whole { 3 } else { 1 }]);
    }
}
