use std::collections::BTreeMap;

use super::super::super::object::Confidence::{self, High, Low, Medium};
use super::super::tests::{frame, scene, slow_answer};
use super::*;
use crate::conversation::Services;
use crate::model::FrameNumber;
use crate::protocol::message::Message;

fn at(ms: i64) -> Moment {
    Moment { frame: FrameNumber(ms as u64 + 1), time: Timestamp(ms * 1_000_000) }
}

/// An exchange as a decoder says it, and the message that it comes in.
fn said(request: &[u8], response: &[u8], times: [i64; 2]) -> (Met, Exchange) {
    use crate::model::Direction::{AtoB, BtoA};
    use crate::protocol::stream::{Flow, StreamDecoder};
    let [source, destination]: [Endpoint; 2] = [FRONT.0, FRONT.1].map(|end| end.parse().unwrap());
    let flow = Flow {
        ends: [source, destination],
        client: AtoB,
        client_is_known: true,
        syn: None,
        established: None,
    };
    let (mut stream, mut out) = (crate::protocol::http::Stream::new(&flow), Default::default());
    let [asked, answered] = times.map(at);
    stream.decode(AtoB, request, asked, &mut out);
    stream.decode(BtoA, response, answered, &mut out);
    stream.closed(BtoA, crate::protocol::stream::Closing::Reset, answered, &mut out);
    let exchange = out.drain().find_map(|(_, message)| match message {
        Message::Exchange(exchange) => Some(*exchange),
        _ => None,
    });
    let met = Met {
        frame: answered.frame,
        time: answered.time,
        ordinal: 0,
        protocol: Protocol::Tcp,
        stream: Some(70),
        source,
        destination,
        conversation: crate::conversation::ConversationRef::NONE,
        message: Message::Quic,
        aside: false,
    };
    (met, exchange.unwrap())
}

#[test]
fn what_went_well_counts_the_same_in_brief() {
    let thresholds = Thresholds::default();
    let ask = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let (met, exchange) = said(ask, ok, [10, 30]);
    let ordinary = apart(&met, &exchange, 0).unwrap();
    let (mut whole, mut brief) = (Exchanges::default(), Exchanges::default());
    whole.take(&met, &exchange, &thresholds);
    brief.ordinary(&ordinary);
    assert_eq!(format!("{whole:?}"), format!("{brief:?}"));
    assert!(whole.calls.is_empty() && whole.servers.len() == 1 && whole.recent.len() == 1);
    // Of these there may be more to tell.
    for (response, times) in [
        (&ok[..], [10, 600]),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", [10, 30]),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", [10, 30]),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", [10, 30]),
    ] {
        let (met, exchange) = said(ask, response, times);
        assert!(in_brief(&exchange, met.time, &thresholds).is_none(), "{exchange:?}");
    }
    let (met, exchange) = said(ask, ok, [10, 30]);
    assert!(in_brief(&exchange, Timestamp(met.time.0 + 1), &thresholds).is_none());
}

/// An exchange that went well, as it is kept apart from messages.
fn apart(met: &Met, exchange: &Exchange, behind: u16) -> Option<Ordinary> {
    let times = in_brief(exchange, met.time, &Thresholds::default())?;
    let (frame, ordinal, conversation) = (met.frame, met.ordinal, met.conversation);
    Some(Ordinary { frame, ordinal, behind, conversation, ends: ends(met), times })
}

#[test]
fn exchanges_that_went_well_come_in_their_order_among_messages() {
    use crate::diagnosis::{Diagnoser, OrdinaryExchanges};
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let poor = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
    // By the ends of responses; three came with the same frame, in either order.
    let all = [(10, 20, &ok[..]), (12, 30, poor), (14, 30, ok), (16, 30, poor), (18, 40, ok)];
    for order in [[0, 1, 2, 3, 4], [0, 2, 1, 3, 4], [0, 1, 3, 2, 4], [2, 1, 3, 4, 0]] {
        let thresholds = std::sync::Arc::<Thresholds>::default();
        let mut diagnosers = [0, 1].map(|_| Diagnoser::new(thresholds.clone()));
        let (mut messages, mut others) = (Vec::new(), Vec::new());
        let mut ordinary = OrdinaryExchanges::default();
        for (asked, answered, response) in order.map(|which| all[which]) {
            let (mut met, exchange) = said(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", response, [asked, answered]);
            met.message = Message::Exchange(Box::new(exchange.clone()));
            let behind = others.iter().filter(|other: &&Met| other.frame == met.frame).count();
            match apart(&met, &exchange, behind as u16) {
                Some(exchange) => ordinary.push(exchange),
                None => others.push(met.clone()),
            }
            messages.push(met);
        }
        messages.sort_by_key(|met| met.frame);
        ordinary.sort();
        let [whole, brief] = &mut diagnosers;
        whole.take(&[], &messages, None);
        brief.take(&[], &others, Some(&ordinary));
        assert_eq!(others.len(), 2);
        assert_eq!(format!("{whole:?}"), format!("{brief:?}"), "{order:?}");
    }
}

#[test]
fn what_is_told_last_was_not_queued_behind_what_came_after_it() {
    let thresholds = Thresholds::default();
    let ask = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let queued = |first: [i64; 2]| {
        let mut all = Exchanges::default();
        for times in [first, [1_000, 60_000]] {
            let (met, exchange) = said(ask, ok, times);
            all.take(&met, &exchange, &thresholds);
        }
        all.calls.last().map(|call| (call.sent, call.queued))
    };
    assert_eq!(queued([60_010, 60_020]), Some((Some(at(1_000)), false)), "asked later, told sooner");
    assert_eq!(queued([500, 900]), Some((Some(at(1_000)), false)), "answered before");
    assert_eq!(queued([500, 2_000]), Some((Some(at(1_000)), true)), "still being answered");
}

/// A request of a client to a server, when it was sent and answered, and the status.
fn call(client: &str, server: &str, what: &str, sent: i64, answered: Option<i64>, status: u16) -> Call {
    let end = |text: &str| text.parse::<Endpoint>().unwrap();
    let (client, server) = (end(client), end(server));
    Call {
        ends: Ends { client, server, protocol: Protocol::Tcp, stream: Some(client.port().into()) },
        asked: at(sent),
        sent: Some(at(sent)),
        answered: answered.map(at),
        status: answered.map(|_| status),
        what: what.into(),
        is_plain: true,
        queued: false,
        forwarded: false,
        reset: None,
        is_open: false,
    }
}

const FRONT: (&str, &str) = ("10.0.0.1:50001", "10.0.0.2:80");
const BACK: (&str, &str) = ("10.0.0.2:50002", "10.0.0.3:9000");

fn front(sent: i64, answered: i64, status: u16) -> Call {
    call(FRONT.0, FRONT.1, "GET /a", sent, Some(answered), status)
}

fn back(what: &str, sent: i64, answered: Option<i64>, status: u16) -> Call {
    call(BACK.0, BACK.1, what, sent, answered, status)
}

/// The same, reset by its server.
fn reset(call: Call, ms: i64) -> Call {
    Call { reset: Some(at(ms)), ..call }
}

/// A connection that the gateway opens to a backend.
fn opened() -> Stream {
    let end = |text: &str| text.parse::<Endpoint>().unwrap();
    let (gateway, backend) = (end(BACK.0), end("10.0.0.4:9000"));
    let (key, _) =
        crate::conversation::FlowKey::new(gateway.ip(), backend.ip(), (gateway.port(), backend.port()));
    Stream { key, ..super::super::tests::stream(7, "10.0.0.4:9000", &super::super::tests::OPEN, |_| 64) }
}

fn judge(calls: Vec<Call>, is_gateway: bool) -> Vec<Case> {
    judge_beside(calls, is_gateway, &[opened()])
}

/// The same beside connections.
fn judge_beside(calls: Vec<Call>, is_gateway: bool, streams: &[Stream]) -> Vec<Case> {
    let mut all = Exchanges { calls, ..Exchanges::default() };
    let server = Server { requests: 10, slow: 1, is_gateway, ..Server::default() };
    all.servers.insert(FRONT.1.parse::<Endpoint>().unwrap(), server);
    let thresholds = Thresholds::default();
    let (icmp, unresolved) = (BTreeMap::new(), BTreeMap::new());
    let scene = Scene::remembering(
        &thresholds,
        streams,
        Services::default(),
        (&icmp, &unresolved),
        vec![Timestamp(100_000_000_000)],
    );
    let mut cases = Vec::new();
    all.look(&scene, &mut cases);
    cases
}

/// Of the front: the code, how sure, and a frame of the back that is shown.
fn of_front(calls: Vec<Call>, is_gateway: bool) -> Vec<(&'static str, Confidence, bool)> {
    let cases = judge(calls, is_gateway);
    let front = cases.iter().filter(|case| case.ends.stream == Some(50_001));
    front
        .map(|case| (case.code, case.confidence, case.evidence.iter().any(|one| one.frame.0 == 11)))
        .collect()
}

#[test]
fn gateways_and_their_backends() {
    for (calls, is_gateway, expected) in [
        // Nothing of a backend was captured.
        (vec![front(0, 100, 502)], false, ("APP-01", Low, false)),
        (vec![front(0, 100, 500)], true, ("APP-01", Low, false)),
        // It asks backends, but not for this.
        (vec![front(0, 100, 503)], true, ("APP-01", Medium, false)),
        // The backend says so itself.
        (vec![front(0, 100, 503), back("GET /a", 10, Some(90), 503)], true, ("APP-01", High, true)),
        (vec![front(0, 100, 500), back("GET /a", 10, Some(90), 500)], true, ("APP-01", Medium, true)),
        // The backend says nothing in time.
        (vec![front(0, 2_000, 504), back("GET /a", 10, None, 0)], true, ("APP-01", High, true)),
        (vec![front(0, 2_000, 504), back("GET /a", 10, Some(6_000), 200)], true, ("APP-01", High, true)),
        // Of two the one that was asked for the same.
        (
            vec![front(0, 2_000, 504), back("GET /b", 20, None, 0), back("GET /a", 10, None, 0)],
            true,
            ("APP-01", High, true),
        ),
        // The backend resets, which is what a 502 stands for.
        (vec![front(0, 100, 502), reset(back("GET /a", 10, None, 0), 60)], true, ("APP-01", High, true)),
        // Before, or for somebody else: another matter.
        (vec![front(1_000, 1_100, 502), back("GET /a", 10, Some(90), 503)], true, ("APP-01", Medium, false)),
        (
            vec![front(0, 100, 502), call("10.0.0.9:50002", BACK.1, "GET /a", 10, None, 0)],
            false,
            ("APP-01", Low, false),
        ),
    ] {
        assert_eq!(of_front(calls, is_gateway), [expected]);
    }
}

#[test]
fn no_backend_was_asked_only_where_the_capture_shows_attempts() {
    use super::super::tests::{OPEN, stream};
    let judge = |streams: &[Stream]| {
        let cases = judge_beside(vec![front(5_000, 5_100, 502)], true, streams);
        assert_eq!(cases.len(), 1);
        (cases[0].confidence, cases[0].gist.contains("without asking any backend"))
    };
    assert_eq!(judge(&[opened()]), (Medium, true));
    assert_eq!(judge(&[]), (Low, false), "not one SYN was captured");
    assert_eq!(judge(&[stream(7, FRONT.1, &OPEN, |_| 64)]), (Low, false), "none of the gateway");
    // A SYN without an answer will do.
    let mut tried = opened();
    tried.chronicle = stream(7, "10.0.0.4:9000", &OPEN[..1], |_| 64).chronicle;
    assert_eq!(judge(&[tried]), (Medium, true));
    // Of the conversation only what holds data was kept.
    let data = [(50, '>', "A", 1, 300, 1), (60, '<', "A", 1, 300, 301)];
    let only_data = Stream { number: 50_001, ..stream(1, FRONT.1, &data, |_| 64) };
    assert_eq!(judge(&[opened(), only_data]), (Low, false));
}

#[test]
fn slow_servers() {
    let slow = |change: fn(&mut Call)| {
        let mut call = front(0, 900, 200);
        change(&mut call);
        of_front(vec![call], false).iter().map(|(code, sure, _)| (*code, *sure)).collect::<Vec<_>>()
    };
    assert_eq!(slow(|_| {}), [("PERF-16", Medium)], "the round trip is not known");
    assert!(slow(|call| call.answered = Some(at(499))).is_empty());
    assert!(slow(|call| call.sent = Some(at(800))).is_empty(), "a long upload");
    assert!(slow(|call| call.queued = true).is_empty(), "behind another request");
    assert!(slow(|call| call.is_plain = false).is_empty(), "a stream of events");
    assert_eq!(slow(|call| call.answered = Some(at(30_001))), [("PERF-16", Low)], "long polling");
    assert!(slow(|call| call.answered = Some(at(1_000))).is_empty(), "put together by hand");
    assert_eq!(slow(|call| call.status = Some(404)), [("PERF-16", Medium)]);
    // A gateway's timeout is told as such, once.
    assert_eq!(of_front(vec![front(0, 2_000, 504)], false), [("APP-01", Low, false)]);
}

#[test]
fn what_chronicles_conclude_gives_way() {
    let ends = front(0, 0, 200).ends;
    let mut all = Exchanges::default();
    all.mark(ends);
    let other = Ends { stream: Some(7), ..ends };
    assert!(all.has(ends) && !all.has(other) && !all.has(Ends { protocol: Protocol::Udp, ..ends }));
    let thresholds = Thresholds::default();
    let (icmp, unresolved) = (BTreeMap::new(), BTreeMap::new());
    let scene = Scene::new(&thresholds, &[], Services::default(), (&icmp, &unresolved), vec![Timestamp(0)]);
    let case = |code, ends| Case::new(code, ends, Default::default());
    let mut cases = vec![case("PERF-16", ends), case("PERF-16", other), case("PERF-01", ends)];
    all.look(&scene, &mut cases);
    let left: Vec<_> = cases.iter().map(|case| (case.code, case.ends.stream)).collect();
    assert_eq!(left, [("PERF-16", Some(7)), ("PERF-01", Some(50_001))]);
}

/// An exchange on a stream whose request was acknowledged after so many milliseconds: how sure it is that the server is slow.
fn of_stream(acknowledged: i64, others: &[&str]) -> Vec<(&'static str, Confidence)> {
    let stream = super::super::tests::stream(1, FRONT.1, &slow_answer(acknowledged, 0), |_| 64);
    let moment = |segment, ms: i64| Moment { frame: frame(1, segment), time: Timestamp(ms * 1_000_000) };
    let mut slow = front(50, 951, 200);
    slow.ends = stream.ends();
    (slow.sent, slow.answered) = (Some(moment(4, 50)), Some(moment(6, 951)));
    let all = Exchanges { calls: vec![slow], ..Exchanges::default() };
    let mut cases = Vec::new();
    let none = BTreeMap::new();
    let mut streams = vec![stream];
    for (number, server) in (2..).zip(others) {
        streams.push(super::super::tests::stream(number, server, &super::super::tests::OPEN, |_| 64));
    }
    scene(&streams, Services::default(), (&none, 60_000), |scene| all.look(scene, &mut cases));
    cases.iter().map(|case| (case.code, case.confidence)).collect()
}

#[test]
fn who_acknowledged_a_request_tells_whose_the_pause_is() {
    assert_eq!(of_stream(41, &[]), [("PERF-16", High)]);
    assert_eq!(of_stream(2, &[]), [("PERF-16", Medium)], "something before the server");
    let others = ["198.51.100.1:80", "203.0.113.1:443", "203.1.113.1:443"];
    assert_eq!(of_stream(41, &others), [("PERF-16", Medium)], "all servers are as far");
}

#[test]
fn gateways_with_very_many_failures_are_looked_at_quickly() {
    // Each request with its own backend's, all at the same time, or one behind another.
    for (step, waits) in [(0, 2_000), (1, 2_000), (50, 20)] {
        let calls: Vec<Call> = (0..2_000)
            .flat_map(|n| {
                let (sent, what) = (n * step, format!("GET /{n}"));
                let mut front = call(FRONT.0, FRONT.1, &what, sent, Some(sent + waits), 504);
                front.ends.stream = Some(100_000 + n as u32);
                [front, call(BACK.0, BACK.1, &what, sent + 10, None, 0)]
            })
            .collect();
        let all = Exchanges { calls, ..Exchanges::default() };
        let thresholds = Thresholds::default();
        let (icmp, unresolved) = (BTreeMap::new(), BTreeMap::new());
        let nobody = Services::default();
        let scene = Scene::new(&thresholds, &[], nobody, (&icmp, &unresolved), vec![Timestamp(i64::MAX)]);
        let legs = gateway::Legs::new(&all, &scene);
        let looked: Vec<usize> = all
            .calls
            .iter()
            .map(|call| gateway::meanwhile(call, legs.calls.get(&BACK_HOST)).count())
            .collect();
        assert!(looked.iter().all(|&looked| looked <= 64), "{:?}", looked.iter().max());
        let mut cases = Vec::new();
        all.look(&scene, &mut cases);
        let told = cases.iter().filter(|case| case.code == "APP-01");
        assert!(told.clone().count() >= 2_000 && told.clone().all(|case| case.confidence == High));
    }
}

const BACK_HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

#[test]
fn backends_that_reset_are_told_so() {
    let cases = judge(vec![front(0, 100, 502), reset(back("GET /a", 10, None, 0), 60)], true);
    let case = cases.iter().find(|case| case.code == "APP-01").unwrap();
    assert!(case.sentence.ends_with("10.0.0.3:9000 reset the connection"), "{}", case.sentence);
    assert!(case.evidence.iter().any(|one| one.frame.0 == 61 && one.observed.contains("resets")));
}

#[test]
fn what_always_takes_the_same_round_time_is_held_back_on_purpose() {
    let polls = |spans: &[i64]| {
        let calls: Vec<Call> = spans.iter().map(|&ms| front(0, ms, 200)).collect();
        let mut all = Exchanges { calls, ..Exchanges::default() };
        let slow = spans.len() as u64;
        let server = Server { requests: slow, slow, ..Server::default() };
        all.servers.insert(FRONT.1.parse::<Endpoint>().unwrap(), server);
        let thresholds = Thresholds::default();
        let (icmp, unresolved) = (BTreeMap::new(), BTreeMap::new());
        let nobody = Services::default();
        let scene = Scene::new(&thresholds, &[], nobody, (&icmp, &unresolved), vec![Timestamp(i64::MAX)]);
        let mut cases = Vec::new();
        all.look(&scene, &mut cases);
        cases.iter().map(|case| case.confidence).collect::<Vec<_>>()
    };
    assert_eq!(polls(&[5_001, 5_002, 5_010]), [Low]);
    assert_eq!(polls(&[5_001, 5_002]), [Medium], "two are none");
    assert_eq!(polls(&[5_001, 5_002, 5_400]), [Medium], "not the same");
    assert_eq!(polls(&[5_203, 5_202, 5_201]), [Medium], "not round");
}

#[test]
fn requests_that_the_end_cut_off_are_counted() {
    let open = |sent| Call { is_open: true, ..call(FRONT.0, FRONT.1, "GET /a", sent, None, 0) };
    let all =
        Exchanges { calls: vec![open(95_000), open(10_000), front(0, 900, 200)], ..Exchanges::default() };
    let thresholds = Thresholds::default();
    let (icmp, unresolved) = (BTreeMap::new(), BTreeMap::new());
    let end = vec![Timestamp(100_000_000_000)];
    let scene = Scene::new(&thresholds, &[], Services::default(), (&icmp, &unresolved), end);
    assert_eq!(all.waiting(&scene), 1);
}

#[test]
fn an_alert_in_place_of_a_response_is_remembered() {
    let ask = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    for (bytes, expected) in [
        (&[21, 3, 1, 0, 2, 2, 70][..], Some(70)),
        (&[21, 3, 3, 0, 2, 1, 0], Some(0)),
        (&[22, 3, 3, 0, 2, 2, 70], None),
        (&[21, 3, 3, 0, 2, 3, 70], None),
        (&[21, 3, 3, 0, 2, 2], None),
    ] {
        let (_, exchange) = said(ask, bytes, [10, 30]);
        assert_eq!(exchange.tls_alert.map(|(_, alert)| alert.description.0), expected, "{bytes:?}");
    }
}
