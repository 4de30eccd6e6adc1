//! Conversations as a packet trace tells them. What is expected of [`Matching`](super::Matching) is what tshark 4.0.17 says of the same packets.

use super::*;
use crate::model::{Direction, FrameNumber, Span, Timestamp};
use crate::protocol::message::{Message, Messages};
use crate::protocol::stream::{Closing, DatagramDecoder, Moment, Progress, Reach, StreamDecoder};

#[path = "tests_of_copies.rs"]
mod of_copies;

/// A message with one question in class IN, and records behind it.
pub(super) fn message(id: u16, flags: u16, name: &str, kind: u16, records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        [id, flags, 1, records.len() as u16, 0, 0].iter().flat_map(|w| w.to_be_bytes()).collect();
    bytes.extend(wire(name));
    bytes.extend([kind, 1].iter().flat_map(|w| w.to_be_bytes()));
    bytes.extend(records.concat());
    bytes
}

/// A name as it stands in a message.
pub(super) fn wire(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

pub(super) fn record(name: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = wire(name);
    bytes.extend([kind, 1, 0, 300, data.len() as u16].iter().flat_map(|w| w.to_be_bytes()));
    bytes.extend(data);
    bytes
}

const QUERY: u16 = 0x0100;
const ANSWER: u16 = 0x8180;

/// A conversation between a client (`AtoB`) and a server, one frame a datagram.
struct Talk {
    decoder: Decoder,
    frame: u64,
    out: Messages,
    /// Messages that were told as a group's.
    group: u32,
}

impl Talk {
    fn new(server: &str) -> Self {
        let ends = ["10.0.0.2:40000".parse().unwrap(), server.parse().unwrap()];
        let mut out = Messages::default();
        out.every = true;
        Talk { decoder: Decoder::new(ends), frame: 0, out, group: 0 }
    }

    fn at(&self, ms: i64) -> Moment {
        Moment { frame: FrameNumber(self.frame), time: Timestamp(ms * 1_000_000) }
    }

    /// What Wireshark says of a datagram: `response_to`, `time` in ms, `repeats_query`, `repeats_response`, `unsolicited`; and what became of
    /// lookups.
    fn sends(&mut self, from: Direction, ms: i64, bytes: &[u8], missing: u32) -> (Matching, Vec<Lookup>) {
        self.frame += 1;
        let now = self.at(ms);
        self.decoder.datagram(from, bytes, missing, now, &mut self.out);
        let mut lookups = Vec::new();
        let mut matching = None;
        for (_, message) in self.out.drain() {
            match message {
                Message::Dns(said) => matching = Some(said.matching),
                Message::Lookup(lookup) => lookups.push(*lookup),
                Message::Group(_) => self.group += 1,
                _ => unreachable!(),
            }
        }
        (matching.unwrap(), lookups)
    }

    fn asks(&mut self, ms: i64, id: u16, name: &str, kind: u16) -> (Matching, Vec<Lookup>) {
        self.sends(Direction::AtoB, ms, &message(id, QUERY, name, kind, &[]), 0)
    }

    fn answers(&mut self, ms: i64, id: u16, name: &str, kind: u16) -> (Matching, Vec<Lookup>) {
        self.sends(Direction::BtoA, ms, &message(id, ANSWER, name, kind, &[]), 0)
    }

    fn finish(&mut self, ms: i64) -> Vec<Lookup> {
        let now = self.at(ms);
        self.decoder.finish(now, &mut self.out);
        let lookups = self.out.drain().map(|(_, message)| match message {
            Message::Lookup(lookup) => *lookup,
            _ => unreachable!(),
        });
        lookups.collect()
    }
}

fn answered(frame: u64, ms: i64) -> Matching {
    let (response_to, time) = (Some(FrameNumber(frame)), Some(Span(ms * 1_000_000)));
    Matching { response_to, time, ..Matching::default() }
}

fn repeats_query(frame: u64) -> Matching {
    Matching { repeats_query: Some(FrameNumber(frame)), ..Matching::default() }
}

fn repeats_response(frame: u64) -> Matching {
    Matching { repeats_response: Some(FrameNumber(frame)), ..Matching::default() }
}

const A: u16 = 1;

#[test]
fn a_query_and_its_answer() {
    let mut talk = Talk::new("10.0.0.53:53");
    assert_eq!(talk.asks(0, 7, "www.example", A).0, Matching::default());
    let records = [
        // The aliases come in the wrong order.
        record("b.example", 5, &wire("c.example")),
        record("WWW.example", 5, &wire("b.example")),
        record("c.example", 1, &[192, 0, 2, 1]),
        record("c.example", 28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    ];
    let (matching, lookups) =
        talk.sends(Direction::BtoA, 25, &message(7, ANSWER, "www.example", A, &records), 0);
    assert_eq!(matching, answered(1, 25));
    let [lookup] = &*lookups else { panic!("{lookups:?}") };
    assert_eq!((lookup.outcome, lookup.rcode), (Outcome::Answered, Some(Rcode::NOERROR)));
    assert_eq!(
        (&*lookup.name, lookup.kind, lookup.latency),
        (&b"www.example"[..], RecordType::A, Some(Span(25_000_000)))
    );
    assert_eq!(lookup.aliases, [b"b.example"[..].into(), b"c.example"[..].into()]);
    assert_eq!(
        lookup.addresses,
        ["192.0.2.1".parse::<std::net::IpAddr>().unwrap(), "2001:db8::1".parse().unwrap()]
    );
    assert_eq!((lookup.answers, lookup.ttl, lookup.queries), (4, Some(300), 1));
    // Nothing is left of it.
    assert_eq!(talk.decoder.heap(), 0);
    assert!(talk.finish(1_000).is_empty());
}

#[test]
fn repeated_within_five_seconds_of_the_first() {
    let mut talk = Talk::new("10.0.0.53:53");
    talk.asks(0, 5, "a", A);
    assert_eq!(talk.asks(4_999, 5, "a", A).0, repeats_query(1));
    assert_eq!(talk.asks(5_000, 5, "a", A).0, Matching::default());
    let (matching, lookups) = talk.answers(6_000, 5, "a", A);
    assert_eq!(matching, answered(3, 1_000));
    // To us it is one lookup, and the client waited since its first query.
    assert_eq!((lookups[0].queries, lookups[0].latency), (3, Some(Span(6_000_000_000))));
    assert_eq!(talk.answers(7_000, 5, "a", A), (repeats_response(4), vec![]));
    assert_eq!(talk.asks(7_500, 5, "a", A).0, Matching::default());
    assert_eq!(talk.answers(8_000, 5, "a", A).0, answered(6, 500));
}

#[test]
fn a_clock_that_steps_back_repeats() {
    let mut talk = Talk::new("10.0.0.53:53");
    talk.asks(30_000, 7, "a", A);
    assert_eq!(talk.asks(29_000, 7, "a", A).0, repeats_query(1));
    assert_eq!(talk.answers(29_500, 7, "a", A).0, answered(1, -500));
}

#[test]
fn wireshark_looks_at_the_id_alone_and_we_at_the_question_too() {
    let mut talk = Talk::new("10.0.0.53:53");
    talk.asks(0, 5, "a", A);
    assert_eq!(talk.asks(10, 5, "b", A).0, repeats_query(1));
    let (matching, lookups) = talk.answers(20, 5, "b", A);
    assert_eq!(matching, answered(1, 20));
    assert_eq!((&*lookups[0].name, lookups[0].latency), (&b"b"[..], Some(Span(10_000_000))));
    let (matching, lookups) = talk.answers(30, 5, "a", A);
    assert_eq!(matching, repeats_response(3));
    assert_eq!((&*lookups[0].name, lookups[0].latency), (&b"a"[..], Some(Span(30_000_000))));
}

#[test]
fn answers_that_fit_no_query() {
    let mut talk = Talk::new("10.0.0.53:53");
    let (matching, lookups) = talk.answers(0, 9, "a", A);
    assert!(matching.unsolicited && lookups.is_empty(), "its query may have been overtaken");
    let (_, lookups) = talk.asks(10, 9, "a", A);
    assert_eq!((lookups[0].outcome, lookups[0].query), (Outcome::Unasked, None));
    assert_eq!(talk.answers(20, 9, "other", A).1[0].outcome, Outcome::Mismatched(Mismatch::Question));
    let (matching, lookups) = talk.answers(30, 10, "A", A);
    assert!(matching.unsolicited);
    assert_eq!(lookups[0].outcome, Outcome::Mismatched(Mismatch::Id));
    // The query still waits for its own.
    assert_eq!(talk.answers(40, 9, "a", A).1[0].outcome, Outcome::Answered);
}

#[test]
fn a_second_answer_that_says_something_else() {
    let mut talk = Talk::new("10.0.0.53:53");
    talk.out.every = false;
    let answer = |last: u8| {
        message(5, ANSWER, "a", A, &[record("a", 1, &[192, 0, 2, last]), record("a", 1, &[192, 0, 2, 9])])
    };
    let turned =
        message(5, ANSWER, "a", A, &[record("a", 1, &[192, 0, 2, 9]), record("a", 1, &[192, 0, 2, 1])]);
    talk.frame = 1;
    let now = talk.at(0);
    talk.decoder.datagram(Direction::AtoB, &message(5, QUERY, "a", A, &[]), 0, now, &mut talk.out);
    assert!(talk.out.is_empty(), "nothing is worth telling yet");
    for (bytes, contradicts) in [(answer(1), None), (turned, Some(false)), (answer(2), Some(true))] {
        talk.decoder.datagram(Direction::BtoA, &bytes, 0, now, &mut talk.out);
        let said: Vec<_> = talk.out.drain().collect();
        match (&*said, contradicts) {
            ([(Direction::AtoB, Message::Lookup(_))], None) => {}
            ([(Direction::BtoA, Message::Dns(message))], Some(expected)) => {
                assert_eq!(message.contradicts, expected);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn nobody_waits_for_ever() {
    let mut talk = Talk::new("10.0.0.53:53");
    talk.asks(0, 1, "a", A);
    assert!(talk.asks(60_000, 2, "b", A).1.is_empty());
    let (_, lookups) = talk.asks(60_001, 3, "c", A);
    assert_eq!((&*lookups[0].name, lookups[0].outcome), (&b"a"[..], Outcome::Unanswered));
    // Its answer comes all the same.
    let (matching, lookups) = talk.answers(70_000, 1, "a", A);
    assert_eq!(matching, answered(1, 70_000));
    assert_eq!((lookups[0].outcome, lookups[0].latency), (Outcome::Unasked, Some(Span(70_000_000_000))));
    let left = talk.finish(71_000);
    let told: Vec<_> = left.iter().map(|l| (l.outcome, l.waited)).collect();
    assert_eq!(
        told,
        [
            (Outcome::Unanswered, Some(Span(11_000_000_000))),
            (Outcome::Unanswered, Some(Span(10_999_000_000)))
        ]
    );
    assert!(talk.decoder.heap() < 200, "only ids are remembered: {}", talk.decoder.heap());
}

#[test]
fn a_flood_of_queries_is_bounded() {
    let mut talk = Talk::new("10.0.0.53:53");
    let mut forgotten = 0;
    for id in 0..=u16::MAX {
        let (_, lookups) = talk.asks(0, id, "flood.example", A);
        forgotten += lookups.iter().filter(|l| l.outcome == Outcome::Forgotten).count();
    }
    assert_eq!(forgotten, 65_536 - crate::model::limits::MAX_OPEN_LOOKUPS);
    assert!(talk.decoder.heap() < 700_000, "{}", talk.decoder.heap());
}

#[test]
fn queries_to_a_group() {
    let mut talk = Talk::new("224.0.0.252:5355");
    let (_, lookups) = talk.asks(0, 1, "host", A);
    let told: Vec<_> = lookups.iter().map(|l| (l.outcome, l.queries, l.service)).collect();
    assert_eq!(told, [(Outcome::Multicast, 1, Service::Llmnr)], "at once");
    let (matching, lookups) = talk.asks(410, 1, "HOST", A);
    assert_eq!((matching, lookups.len(), talk.group), (repeats_query(1), 0, 1), "again");
    assert_eq!(talk.asks(3_411, 1, "host", A).1.len(), 1, "too late for that");
    assert_eq!(talk.asks(3_500, 2, "host", A).1.len(), 1);
    assert_eq!((talk.group, talk.finish(4_100).len(), talk.decoder.heap()), (1, 0, 0));
}

#[test]
fn each_question_to_a_group_is_a_lookup() {
    let mut talk = Talk::new("224.0.0.251:5353");
    let question = |name: &str, kind: u16| [wire(name), kind.to_be_bytes().to_vec(), vec![0x80, 1]].concat();
    let mut query = [0, 0, 3, 0, 0, 0].iter().flat_map(|w: &u16| w.to_be_bytes()).collect::<Vec<_>>();
    query.extend([question("a.local", 1), question("b.local", 12), question("A.local", 1)].concat());
    let (_, lookups) = talk.sends(Direction::AtoB, 0, &query, 0);
    let told: Vec<_> = lookups.iter().map(|l| (l.shown_name(), l.kind, l.more_questions)).collect();
    assert_eq!(
        told,
        [("a.local".to_owned(), RecordType::A, 0), ("b.local".to_owned(), RecordType::PTR, 0)],
        "the third is the first"
    );
    assert_eq!(talk.group, 0);
    // The question was cut off; a message that only goes on with known answers has none.
    let (_, lookups) = talk.sends(Direction::AtoB, 10, &query[..14], 50);
    assert_eq!((lookups.len(), lookups[0].question_cut, lookups[0].has_question()), (1, true, false));
    let mut known = message(0, 0, "", A, &[record("a.local", 1, &[10, 0, 0, 9])]);
    known.drain(12..17);
    known[5] = 0;
    assert!(talk.sends(Direction::AtoB, 20, &known, 0).1.is_empty());
    // Nothing comes from a group, and what its members say is no lookup of this conversation.
    assert!(talk.answers(30, 0, "a.local", A).1.is_empty());
    assert_eq!(talk.group, 0);
    assert!(talk.sends(Direction::AtoB, 40, &message(0, 0x8400, "a.local", A, &[]), 0).1.is_empty());
    assert_eq!(talk.group, 1);
    talk.out.terse = true;
    talk.sends(Direction::AtoB, 50, &message(0, 0x8400, "a.local", A, &[]), 0);
    assert_eq!(talk.group, 1, "no finding is made of it");
}

#[test]
fn all_questions_of_a_query_are_told() {
    let mut talk = Talk::new("10.0.0.53:53");
    let mut query = message(1, QUERY, "a.example", A, &[]);
    query[5] = 3;
    query.extend([wire("b.example"), vec![0, 28, 0, 1]].concat());
    talk.sends(Direction::AtoB, 0, &query, 0);
    let (_, lookups) = talk.answers(5, 1, "a.example", A);
    assert_eq!((lookups[0].more_questions, lookups[0].others.len()), (2, 1), "the third was not captured");
    assert_eq!(lookups[0].others[0].to_string(), "AAAA b.example");
}

#[test]
fn a_question_may_be_cut_off() {
    let query = message(1, QUERY, "www.example", A, &[]);
    let answer = message(1, ANSWER, "www.example", A, &[record("www.example", 1, &[192, 0, 2, 1])]);
    for (cut, known) in [(12, false), (answer.len(), true)] {
        let mut talk = Talk::new("10.0.0.53:53");
        talk.sends(Direction::AtoB, 0, &query[..12], 17);
        let (_, lookups) = talk.sends(Direction::BtoA, 3, &answer[..cut], (answer.len() - cut) as u32);
        assert_eq!((lookups[0].outcome, lookups[0].has_question()), (Outcome::Answered, known));
        assert_eq!(lookups[0].question_cut, !known, "the answer repeats it");
    }
    let mut talk = Talk::new("10.0.0.53:53");
    let (_, lookups) = talk.sends(Direction::BtoA, 3, &[0, 9, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0], 0);
    assert!(!lookups[0].question_cut && !lookups[0].has_question(), "there was none");
}

#[test]
fn what_an_answer_leads_to() {
    let ask = |kind: u16, records: &[Vec<u8>]| {
        let mut talk = Talk::new("10.0.0.53:53");
        talk.asks(0, 1, "w.example", kind);
        let answer = message(1, ANSWER, "w.example", kind, records);
        talk.sends(Direction::BtoA, -3, &answer, 0).1.remove(0)
    };
    let circle = [record("w.example", 5, &wire("b.example")), record("b.example", 5, &wire("W.example"))];
    assert!(ask(A, &circle).aliases_circle() && !ask(A, &circle[..1]).aliases_circle());
    // RFC 7505: no mail; RFC 9460 section 2.5: the owner itself.
    assert_eq!(ask(15, &[record("w.example", 15, &[0, 0, 0])]).names, [Box::<[u8]>::default()]);
    assert_eq!(ask(65, &[record("w.example", 65, &[0, 1, 0])]).names, [Box::<[u8]>::default()]);
    // The clock was set back.
    assert_eq!(ask(A, &[]).latency, Some(Span(-3_000_000)));
    // What is no ordinary query has no data to miss.
    let mut talk = Talk::new("10.0.0.53:53");
    talk.sends(Direction::AtoB, 0, &message(1, 0x2000, "zone", 6, &[]), 0);
    let (_, lookups) = talk.sends(Direction::BtoA, 1, &message(1, 0xa000, "zone", 6, &[]), 0);
    assert_eq!((lookups[0].opcode, lookups[0].has_no_data()), (Opcode::NOTIFY, false));
}

#[test]
fn cut_messages_take_part() {
    for cut in [4, 6, 10, 11, 12, 16] {
        let mut talk = Talk::new("10.0.0.53:53");
        let query = message(1, QUERY, "www.example", A, &[]);
        talk.sends(Direction::AtoB, 0, &query[..cut], (query.len() - cut) as u32);
        assert_eq!(talk.asks(1_000, 1, "www.example", A).0, repeats_query(1), "{cut}");
        assert_eq!(talk.answers(2_000, 1, "www.example", A).0, answered(1, 2_000), "{cut}");
    }
    let mut talk = Talk::new("10.0.0.53:53");
    assert!(Parsed::new(&[0, 1, 2]).is_none());
    let answer = message(1, ANSWER, "www.example", A, &[record("www.example", 1, &[192, 0, 2, 1])]);
    talk.asks(0, 1, "www.example", A);
    let (_, lookups) = talk.sends(Direction::BtoA, 1, &answer[..14], 50);
    assert_eq!((lookups[0].outcome, lookups[0].cut, lookups[0].answers), (Outcome::Answered, true, 1));
}

#[test]
fn a_transfer_takes_many_responses() {
    let mut talk = Talk::new("10.0.0.53:53");
    // As tshark 4.0.17 has it: what counts is what the message before asked for.
    talk.asks(0, 1, "zone", 252);
    assert_eq!(talk.answers(100, 1, "zone", 252).0, answered(1, 100));
    assert_eq!(talk.answers(200, 1, "zone", A).0, answered(1, 200));
    assert_eq!(talk.answers(300, 1, "zone", A).0, repeats_response(2));
}

#[test]
fn over_tcp() {
    let ends = ["10.0.0.2:40000".parse().unwrap(), "10.0.0.53:53".parse().unwrap()];
    let mut stream = Stream::new(ends);
    let mut out = Messages::default();
    out.every = true;
    let framed = |message: Vec<u8>| [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    let now = Moment { frame: FrameNumber(4), time: Timestamp(0) };
    let query = framed(message(1, QUERY, "zone", 252, &[]));
    assert!(Stream::recognises(&query) && !Stream::recognises(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    for cut in 1..query.len() {
        let need = if cut == 1 { 2 } else { query.len() };
        assert_eq!(stream.decode(Direction::AtoB, &query[..cut], now, &mut out), Progress::Need(need));
    }
    assert_eq!(stream.decode(Direction::AtoB, &query, now, &mut out), Progress::Consumed(query.len()));
    let part = framed(message(1, ANSWER, "zone", 252, &[record("zone", 2, &wire("ns"))]));
    for _ in 0..3 {
        assert_eq!(stream.decode(Direction::BtoA, &part, now, &mut out), Progress::Consumed(part.len()));
    }
    let second = framed(message(2, QUERY, "host", A, &[]));
    stream.decode(Direction::AtoB, &second, now, &mut out);
    assert_eq!(out.drain().filter(|(_, m)| matches!(m, Message::Dns(_))).count(), 5);
    stream.closed(Direction::AtoB, Closing::Fin, now, &mut out);
    assert!(out.is_empty());
    stream.closed(Direction::BtoA, Closing::Fin, now, &mut out);
    let lookups: Vec<_> = out
        .drain()
        .map(|(_, message)| match message {
            Message::Lookup(lookup) => (lookup.outcome, lookup.responses, lookup.answers, lookup.closed),
            _ => unreachable!(),
        })
        .collect();
    assert_eq!(lookups, [(Outcome::Answered, 3, 3, true), (Outcome::Unanswered, 0, 0, true)]);
    assert_eq!(stream.heap(), 0);
}

#[test]
fn nobody_waits_less_than_no_time() {
    let mut talk = Talk::new("10.0.0.53:53");
    talk.asks(5_000, 1, "a", A);
    assert_eq!(talk.finish(0)[0].waited, Some(Span(0)), "the clock was set back");
}

/// A query after its answer by so many microseconds of packet time.
#[test]
fn an_answer_may_be_captured_before_its_query() {
    let micro = |frame, us: i64| Moment { frame: FrameNumber(frame), time: Timestamp(us * 1_000) };
    for (later, name, latency, expected) in [
        (10, "a.example", None, vec![Outcome::Answered]),
        (-10, "A.example", Some(Span(10_000)), vec![Outcome::Answered]),
        (10, "b.example", None, vec![Outcome::Unasked, Outcome::Unanswered]),
        (999, "a.example", None, vec![Outcome::Answered]),
        (1_000, "a.example", None, vec![Outcome::Unasked, Outcome::Unanswered]),
        (-1_000, "a.example", None, vec![Outcome::Unasked, Outcome::Unanswered]),
    ] {
        let mut talk = Talk::new("10.0.0.53:53");
        talk.out.every = false;
        let answer = message(1, ANSWER | 2, "a.example", A, &[]);
        talk.decoder.datagram(Direction::BtoA, &answer, 0, micro(1, 0), &mut talk.out);
        let query = message(1, QUERY, name, A, &[]);
        talk.decoder.datagram(Direction::AtoB, &query, 0, micro(2, later), &mut talk.out);
        let lookups = talk.finish(60_000);
        assert_eq!(lookups.iter().map(|l| l.outcome).collect::<Vec<_>>(), expected, "{later}");
        assert_eq!((lookups[0].rcode, lookups[0].latency), (Some(Rcode::SERVFAIL), latency));
    }
    let mut talk = Talk::new("10.0.0.53:53");
    let told = (0..9).map(|id| talk.answers(0, id, "a", A).1.len()).sum::<usize>();
    assert_eq!((told, talk.finish(0).len()), (5, 4), "few are kept");
}

/// Over TCP: what becomes of a query in each direction if bytes of one were not captured.
#[test]
fn answers_over_tcp_that_were_not_captured() {
    let framed = |message: Vec<u8>| [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    let now = Moment { frame: FrameNumber(4), time: Timestamp(0) };
    type Happens = fn(&mut Stream, &mut Messages);
    let happenings: [(Happens, Outcome); 5] = [
        (|_, _| {}, Outcome::Unanswered),
        (|stream, _| stream.misses(Direction::AtoB), Outcome::Unanswered),
        (|stream, _| stream.misses(Direction::BtoA), Outcome::NotCaptured),
        (|stream, _| stream.unfilled(Direction::BtoA), Outcome::NotCaptured),
        (|stream, out| stream.lost(Direction::BtoA, Moment::default(), out), Outcome::NotCaptured),
    ];
    for (happens, expected) in happenings {
        let mut stream = Stream::new(["10.0.0.2:40000".parse().unwrap(), "10.0.0.53:53".parse().unwrap()]);
        let mut out = Messages::default();
        assert!(!stream.minds_missing());
        stream.decode(Direction::AtoB, &framed(message(1, QUERY, "a.example", A, &[])), now, &mut out);
        assert!(stream.minds_missing());
        happens(&mut stream, &mut out);
        stream.closed(Direction::AtoB, Closing::Fin, now, &mut out);
        stream.closed(Direction::BtoA, Closing::CaptureEnd, now, &mut out);
        let outcomes: Vec<_> = out
            .drain()
            .filter_map(|(_, m)| match m {
                Message::Lookup(lookup) => Some(lookup.outcome),
                _ => None,
            })
            .collect();
        assert_eq!(outcomes, [expected]);
    }
}

#[test]
fn extended_errors_and_codes() {
    let mut talk = Talk::new("10.0.0.53:53");
    talk.asks(0, 1, "bogus.example", A);
    let mut answer = message(1, ANSWER | 2, "bogus.example", A, &[]);
    answer[11] = 1;
    // OPT: root, 1232 bytes, extended code 1, DO; extended error 6 with a text.
    answer.extend(b"\0\0\x29\x04\xd0\x01\0\x80\0\0\x0e\0\x0f\0\x0a\0\x06no RRSIG");
    let (_, lookups) = talk.sends(Direction::BtoA, 5, &answer, 0);
    let lookup = &lookups[0];
    assert_eq!(lookup.rcode, Some(Rcode(18)));
    assert_eq!(lookup.extended_errors[0].to_string(), "DNSSEC bogus (no RRSIG)");
    let edns = Parsed::new(&answer).unwrap().edns().unwrap();
    assert_eq!((edns.udp_size, edns.dnssec_ok(), edns.version), (1232, true, 0));
}

/// Over TCP a segment says by its acknowledgment that it overtook a query.
#[test]
fn an_answer_over_tcp_may_overtake_its_query() {
    let framed = |message: Vec<u8>| [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    let at = |ms: i64| Moment { frame: FrameNumber(4), time: Timestamp(ms * 1_000_000) };
    for (behind, expected) in [(true, Outcome::Answered), (false, Outcome::Unasked)] {
        let mut stream = Stream::new(["10.0.0.2:40000".parse().unwrap(), "10.0.0.53:53".parse().unwrap()]);
        let mut out = Messages::default();
        out.reach = Some(Reach { of: Direction::AtoB, acked: 30, behind });
        stream.decode(Direction::BtoA, &framed(message(1, ANSWER, "a.example", A, &[])), at(0), &mut out);
        out.reach = None;
        stream.decode(Direction::AtoB, &framed(message(1, QUERY, "a.example", A, &[])), at(10), &mut out);
        let told = out.drain().find_map(|(_, m)| match m {
            Message::Lookup(lookup) => Some(lookup.outcome),
            _ => None,
        });
        assert_eq!(told, Some(expected));
        assert_eq!(stream.minds_missing(), !behind);
    }
}

/// In a conversation of which no SYN was captured.
#[test]
fn the_length_over_tcp_may_come_by_itself() {
    let framed = |message: Vec<u8>| [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    let now = Moment { frame: FrameNumber(4), time: Timestamp(0) };
    let answer = framed(message(1, ANSWER, "a.example", A, &[]));
    for (cut, before) in [(1, 0), (2, 0), (0, 1)] {
        let mut stream = Stream::new(["10.0.0.2:40000".parse().unwrap(), "10.0.0.53:53".parse().unwrap()]);
        let mut out = Messages::default();
        let bytes = [&[0][..before], &answer].concat();
        let piece = &bytes[..cut.max(before)];
        assert!(!stream.begins_message(Direction::BtoA, piece), "nobody asked");
        stream.decode(Direction::AtoB, &framed(message(1, QUERY, "a.example", A, &[])), now, &mut out);
        assert!(stream.begins_message(Direction::BtoA, piece));
        assert!(!stream.begins_message(Direction::AtoB, piece));
        assert!(
            !stream.begins_message(Direction::BtoA, b"\xff")
                && !stream.begins_message(Direction::BtoA, b"\0\x09")
        );
        assert!(matches!(stream.decode(Direction::BtoA, piece, now, &mut out), Progress::Need(_)));
        let mut at = 0;
        while let Progress::Consumed(used) = stream.decode(Direction::BtoA, &bytes[at..], now, &mut out) {
            at += used;
            if at == bytes.len() {
                break;
            }
        }
        let answered = |m: &Message| matches!(m, Message::Lookup(l) if l.outcome == Outcome::Answered);
        assert_eq!(
            (at, out.drain().filter(|(_, m)| answered(m)).count()),
            (bytes.len(), 1),
            "{cut} {before}"
        );
        assert!(!stream.begins_message(Direction::BtoA, piece), "only the first message");
    }
}
