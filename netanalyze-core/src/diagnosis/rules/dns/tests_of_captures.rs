//! What the capture itself does to what is said of name resolution.

use super::super::super::super::object::{Confidence, Severity};
use super::*;
use crate::protocol::dns::Sums;

fn sure(cases: &[Case]) -> Vec<(&'static str, Confidence)> {
    cases.iter().map(|case| (case.code, case.confidence)).collect()
}

/// A server that answers, and leaves three queries without an answer that are sent again.
fn mostly() -> Vec<Asked<'static>> {
    let mut all: Vec<Asked<'static>> = (0..6).map(|n| (A, S, "b.example", 1, n, ok(5))).collect();
    all.extend(["x.example", "y.example", "z.example"].map(|name| (A, S, name, 1, 0, Never(20_000, 2))));
    all
}

#[test]
fn where_queries_are_missing_answers_may_be_too() {
    let with = |unasked: usize| {
        let note = |at: usize, lookup: &mut Lookup, names: &mut Names| {
            let mut other = lookup.clone();
            other.outcome = Outcome::Unasked;
            if at < unasked {
                names.watch.note(S.parse().unwrap(), &other);
            }
            names.watch.note(A.parse().unwrap(), lookup);
        };
        judge_lookups(&mostly(), &Lacks::default(), note, 100_000)
    };
    assert_eq!(sure(&with(2)), [("DNS-02", High); 3]);
    let cases = with(3);
    assert_eq!(sure(&cases), [("DNS-02", Low); 3]);
    assert!(cases[0].reasons[0].starts_with("3 of 9 answers have no query"), "{:?}", cases[0].reasons);
    // Their client did ask again, and was answered then.
    let late: Vec<Asked<'_>> = (0..9).map(|n| (A, S, "l.example", 1, n * 9_000, Late(5_000, 9))).collect();
    let note = |_: usize, lookup: &mut Lookup, names: &mut Names| {
        let mut other = lookup.clone();
        other.outcome = Outcome::Unasked;
        names.watch.note(S.parse().unwrap(), &other);
    };
    assert_eq!(sure(&judge_lookups(&late, &Lacks::default(), note, 100_000)), [("DNS-02", Medium); 9]);
}

#[test]
fn a_part_of_a_fragmented_answer_says_that_the_query_arrived() {
    let torn = |from: &str, to: &str| Lacks {
        torn: BTreeSet::from([(from.parse().unwrap(), to.parse().unwrap())]),
        ..Lacks::default()
    };
    let judge = |lacks: &Lacks| sure(&judge_lookups(&mostly(), lacks, |_, _, _| {}, 100_000));
    assert_eq!(judge(&torn(S, A)), [("DNS-02", Low); 3]);
    assert_eq!(judge(&torn(A, S)), [("DNS-02", High); 3]);
    assert_eq!(judge(&torn("10.0.0.54", A)), [("DNS-02", High); 3]);
}

#[test]
fn damaged_queries_are_not_counted() {
    let (right, wrong) = (Sums { right: true, wrong: false }, Sums { right: false, wrong: true });
    // Two were damaged, one of them in its sender's address, too.
    let mut all = mostly();
    all[8].0 = "10.0.0.111";
    let with = |damaged: u64| {
        let note = |at: usize, lookup: &mut Lookup, names: &mut Names| {
            lookup.sums = if at >= 7 { wrong } else { right };
            if at == 0 {
                let mut other = lookup.clone();
                names.watch.note(A.parse().unwrap(), &other);
                (other.sums, other.outcome) = (wrong, Outcome::Unanswered);
                (0..damaged).for_each(|_| assert!(!names.watch.note(A.parse().unwrap(), &other)));
            }
        };
        judge_lookups(&all, &Lacks::default(), note, 100_000)
    };
    let cases = with(3);
    assert_eq!(sure(&cases), [("DNS-02", Low)], "one is left, of a capture with damage");
    assert!(cases[0].gist.contains("left 1 of 7 queries"), "{}", cases[0].gist);
    // Of a sender without any right sum nobody knows, unless damage is about.
    let cases = with(0);
    assert_eq!(cases.len(), 2);
    assert!(cases[0].gist.contains("left 2 of 8 queries"), "{}", cases[0].gist);
}

#[test]
fn figures_are_those_of_the_sentence() {
    // Every answer takes the way there and back, some longer.
    let far = [84, 61, 110, 107, 538, 191, 201, 473, 475];
    let all: Vec<Asked<'_>> =
        (0..).zip(far).map(|(n, ms)| (A, S, "s.example", 1, n * 1_000, ok(ms))).collect();
    let cases = judge_with(&all, false);
    assert_eq!(cases.len(), 5);
    assert!(
        cases[0].gist.contains("5 of 9 answers took at least 50.0 ms longer than the soonest one (61.0 ms)"),
        "{}",
        cases[0].gist
    );
    assert_eq!(
        cases[0].counter,
        ["4 other answers of 10.0.0.53:53 came less than 50.0 ms after what the soonest one took (61.0 ms)"]
    );
    // More than are kept in detail: those of the way are none of the others.
    let mut all: Vec<Asked<'_>> = (0..40).map(|n| (A, S, "s.example", 1, n * 1_000, ok(100))).collect();
    all.extend((0..10).map(|n| (A, S, "t.example", 1, n * 1_000, ok(600))));
    let cases = judge_with(&all, false);
    assert!(cases[0].gist.contains("10 of 50 answers"), "{}", cases[0].gist);
    assert_eq!(cases.iter().map(|case| case.count).sum::<u64>(), 10);
    // Neither failures nor what had to be sent again are among those whose time counts.
    let mut all: Vec<Asked<'_>> = (0..4).map(|n| (A, S, "s.example", 1, n * 1_000, ok(600))).collect();
    all.extend([
        (A, S, "f.example", 1, 0, Answer(700, 2, 0)),
        (A, S, "l.example", 1, 0, Late(5_000, 9)),
        (A, S, "q.example", 1, 0, ok(5)),
    ]);
    let cases = judge_with(&all, false);
    let slow = cases.iter().find(|case| case.code == "DNS-01").unwrap();
    assert!(slow.gist.contains("4 of 5 answers took 50.0 ms or more"), "{}", slow.gist);
    assert_eq!(slow.counter, ["1 other answers of 10.0.0.53:53 came sooner than 50.0 ms"]);
    let lost = cases.iter().find(|case| case.code == "DNS-02").unwrap();
    assert_eq!(lost.counter, ["10.0.0.53:53 answered 6 other queries"]);
}

#[test]
fn conversations_beyond_those_in_detail_are_counted() {
    let clients = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    let mut all: Vec<Asked<'_>> = clients.map(|client| (client, S, "b.example", 1, 0, ok(5))).into();
    all.extend((0..60).map(|n| (clients[n as usize % 3], S, "a.example", 1, n * 1_000, Never(20_000, 2))));
    let cases = judge_with(&all, false);
    let detailed: BTreeSet<Endpoint> = cases.iter().map(|case| case.ends.client).collect();
    assert_eq!((cases.len(), detailed.len()), (DETAILS, DETAILS));
    let beyond: (u64, u64) =
        cases.iter().fold((0, 0), |sum, case| (sum.0 + case.beyond.0, sum.1 + case.beyond.1));
    assert_eq!(beyond, (60 - DETAILS as u64, 0));
    assert!(cases[0].gist.contains("left 60 of 63 queries"), "{}", cases[0].gist);
}

#[test]
fn a_failure_that_ends_the_capture_or_that_no_host_asked_for() {
    let refused = (A, S, "a.example", 1, 0, Answer(5, 5, 0));
    let judge = |end, iterative: bool| {
        let adjust = |_: usize, lookup: &mut Lookup, _: &mut Names| {
            if iterative {
                lookup.recursion = [false, false];
            }
        };
        judge_lookups(&[refused], &Lacks::default(), adjust, end).remove(0)
    };
    let whole = judge(100_000, false);
    assert_eq!((whole.confidence, whole.severity), (High, Severity::Error));
    assert!(
        whole.sentence.ends_with("query for a.example, and 10.0.0.1 did not get it at all"),
        "{}",
        whole.sentence
    );
    // Nobody saw what the client did then.
    let cut = judge(5, false);
    assert_eq!(cut.confidence, Medium);
    assert!(cut.sentence.ends_with("answered REFUSED to 10.0.0.1's query for a.example"), "{}", cut.sentence);
    // A server that is not in charge was asked as servers ask.
    let iterative = judge(100_000, true);
    assert_eq!((iterative.confidence, iterative.severity), (Low, Severity::Note));
}

#[test]
fn loss_does_not_choose_by_type() {
    let reason = |kind: u16, unanswered: usize| {
        let mut all: Vec<Asked<'_>> = (0..6).map(|n| (A, S, "b.example", 1, n, ok(5))).collect();
        let names = ["v.example", "w.example", "x.example", "y.example", "z.example"];
        all.extend(names[..unanswered].iter().map(|&name| (A, S, name, kind, 0, Never(20_000, 2))));
        let case = judge_with(&all, false).remove(0);
        assert_eq!(case.code, "DNS-02");
        case.reasons.iter().any(|reason| reason.starts_with("of all types only SRV gets no answer"))
    };
    assert!(reason(33, 5));
    assert!(!reason(33, 4), "chance");
    assert!(!reason(1, 5), "others of that type are answered");
}

#[test]
fn nobody_waits_beyond_the_first_answer() {
    let lost = |after: &[i64]| {
        let mut all: Vec<Asked<'_>> = (0..6).map(|n| (A, S, "b.example", 1, n, ok(5))).collect();
        all.extend(after.iter().map(|&asked| (A, S, "x.example", 1, asked, ok(5))));
        // What is never answered is known last.
        all.push((A, S, "x.example", 1, 100, Never(50_000, 1)));
        let case = judge_with(&all, false).remove(0);
        (case.code, case.lost.0 / 1_000_000)
    };
    assert_eq!(lost(&[2_050]), ("DNS-02", 1_955));
    assert_eq!(lost(&[2_050, 4_000, 60_000]), ("DNS-02", 1_955), "asked again and again");
    assert_eq!(lost(&[60_000]), ("DNS-02", 5_000));
    let often: Vec<i64> = (1..=40).map(|n| n * 1_950 + 100).collect();
    assert_eq!(lost(&often), ("DNS-02", 5_000), "of so many the first are forgotten");
}

#[test]
fn a_large_answer_may_be_what_was_lost() {
    let judge = |lost: u16, answered: Option<u16>| {
        let mut all: Vec<Asked<'_>> = (0..6).map(|n| (A, S, "b.example", 1, 5_100 + n, ok(5))).collect();
        all.push((A, S, "x.example", 48, 5_100, ok(5)));
        all.push((A, S, "x.example", 48, 100, Never(50_000, 1)));
        let size = |at: usize, lookup: &mut Lookup, _: &mut Names| {
            lookup.udp_size = if at == 7 { Some(lost) } else { answered };
            lookup.tcp = lost == 0 && at == 7;
        };
        let case = judge_lookups(&all, &Lacks::default(), size, 100_000).remove(0);
        (case.code, case.confidence, case.rival.unwrap().what.contains("fragments"))
    };
    assert_eq!(judge(4_096, Some(1_472)), ("DNS-02", Low, true));
    assert_eq!(judge(4_096, None), ("DNS-02", Low, true));
    assert_eq!(judge(4_096, Some(4_096)), ("DNS-02", Medium, false), "as large as others");
    assert_eq!(judge(0, Some(512)), ("DNS-02", Medium, false), "over TCP");
    assert_eq!(judge(1_232, Some(512)), ("DNS-02", Medium, false), "no fragments");
}

#[test]
fn whoever_hears_nothing_from_anybody_does_not_blame_the_server() {
    let unanswered = |steps: &[Step]| {
        let mut all: Vec<Asked<'_>> = (0..6).map(|n| (A, S, "b.example", 1, n, ok(5))).collect();
        let names = ["x.example", "y.example", "z.example"];
        all.extend(names.map(|name| (A, S, name, 1, 10_000, Never(20_000, 2))));
        let script: Vec<Step> = OPEN.iter().chain(steps).copied().collect();
        let streams = [stream(0, "10.0.0.2:443", &script, |_| 64)];
        let cases = judge_among(&all, &Lacks::default(), |_, _, _| {}, 100_000, &streams);
        let told: Vec<(&str, Confidence)> = cases.iter().map(|case| (case.code, case.confidence)).collect();
        assert_eq!(told, [told[0]; 3]);
        told[0].1
    };
    let ask = (11_000, '>', "A", 1, 100, 1);
    assert_eq!(unanswered(&[ask, (14_000, '>', "A", 1, 100, 1)]), Low);
    assert_eq!(unanswered(&[]), High, "it sent to nobody else");
    assert_eq!(unanswered(&[ask, (11_040, '<', "A", 1, 0, 101)]), High, "another one answers");
    assert_eq!(unanswered(&[(11_000, '>', "RA", 1, 0, 1)]), High, "nobody answers a reset");
    assert_eq!(
        unanswered(&[ask, (40_000, '<', "A", 1, 0, 101)]),
        High,
        "it goes on later: who was away does not show"
    );
    // What came before the queries was acknowledged behind them.
    assert_eq!(unanswered(&[(9_990, '<', "A", 1, 100, 1), (10_030, '>', "A", 1, 0, 101)]), High);
}

#[test]
fn a_name_may_be_known_where_nobody_sees_it_asked_for() {
    let ports = |host: &str, port: u16| [end(host, 50_000), end("192.0.2.9", port)];
    let judge = |udp: &[[Endpoint; 2]], quic: bool, streams: &[Stream]| {
        let all = [(A, S, "gone.example", 1, 0, Answer(5, NONE.0, NONE.1))];
        let mut hidden = Hidden::default();
        udp.iter().for_each(|&ends| {
            if quic {
                hidden.understood(ends);
            }
            hidden.conversation(ends);
        });
        let lacks = Lacks { hidden, ..Lacks::default() };
        let case = judge_among(&all, &lacks, |_, _, _| {}, 100_000, streams).remove(0);
        assert_eq!(case.code, "DNS-13");
        assert_eq!(case.sentence.ends_with("does not get it from elsewhere"), case.confidence == High);
        case.confidence
    };
    assert_eq!(judge(&[], false, &[]), High);
    for port in [500, 4_500, 853, 1_194, 1_701, 51_820, 443, 4_433] {
        assert_eq!(judge(&[ports(A, port)], false, &[]), Medium, "{port}");
        assert_eq!(judge(&[ports("10.0.0.7", port)], false, &[]), High, "{port} of another host");
    }
    assert_eq!(judge(&[ports(A, 443)], true, &[]), High, "QUIC");
    assert_eq!(judge(&[ports(A, 53)], false, &[]), High);
    // It connects to an address that no answer gave it, sooner or later.
    let connects = |after: i64| {
        let script = OPEN.map(|(ms, who, flags, seq, len, ack)| (after + ms, who, flags, seq, len, ack));
        [stream(0, "192.0.2.7:80", &script, |_| 64)]
    };
    assert_eq!(judge(&[], false, &connects(1_000)), Medium);
    assert_eq!(judge(&[], false, &connects(60_000)), High);
}

#[test]
fn an_address_that_an_answer_gave_says_nothing_of_other_ways() {
    let script = OPEN.map(|(ms, who, flags, seq, len, ack)| (1_000 + ms, who, flags, seq, len, ack));
    let streams = [stream(0, "192.0.2.7:80", &script, |_| 64)];
    let all = [(A, S, "gone.example", 1, 0, Answer(5, NONE.0, NONE.1)), (A, S, "www.example", 1, 100, ok(5))];
    let judge = |address: [u8; 4]| {
        let give = |at: usize, lookup: &mut Lookup, _: &mut Names| {
            if at == 1 {
                lookup.addresses = vec![address.into()];
            }
        };
        judge_among(&all, &Lacks::default(), give, 100_000, &streams).remove(0).confidence
    };
    assert_eq!(judge([192, 0, 2, 7]), High);
    assert_eq!(judge([192, 0, 2, 8]), Medium);
}

#[test]
fn a_copy_of_an_answered_query_is_none_without_an_answer() {
    use crate::model::Direction::{AtoB, BtoA};
    use crate::protocol::dns::Decoder;
    use crate::protocol::message::{Brought, Message, Messages};
    use crate::protocol::stream::DatagramDecoder;
    // Four healthy lookups a second apart, whose queries a second tap holds, too, behind the answers.
    let thresholds = Thresholds::default();
    let mut names = Names::default();
    for port in 0..4 {
        let ends = [end(A, 50_000 + port), end(S, 53)];
        let (mut decoder, mut out) = (Decoder::new(ends), Messages::default());
        let mut query: Vec<u8> = [9u16, 0x0100, 1, 0, 0, 0].iter().flat_map(|w| w.to_be_bytes()).collect();
        query.extend(b"\x01a\x00\x00\x01\x00\x01");
        let mut answer = query.clone();
        answer[2..4].copy_from_slice(&[0x81, 0x83]);
        let begin = i64::from(port) * 1_000;
        for (from, bytes, ms, ip_id) in [(AtoB, &query, 0, 77), (BtoA, &answer, 4, 0), (AtoB, &query, 17, 77)]
        {
            let time = Timestamp((begin + ms) * 1_000_000);
            out.brought = Brought::new(ip_id, 64, 0);
            decoder.datagram(from, bytes, 0, Moment { frame: FrameNumber(1), time }, &mut out);
        }
        decoder.finish(Moment { frame: FrameNumber(9), time: Timestamp(100_000_000_000) }, &mut out);
        let ends = Ends { client: ends[0], server: ends[1], protocol: Protocol::Udp, stream: None };
        let mut outcomes = Vec::new();
        for (_, message) in out.drain() {
            let Message::Lookup(lookup) = message else { continue };
            outcomes.push(lookup.outcome);
            names.note_lookup(ends, &lookup, &thresholds);
        }
        assert_eq!(outcomes, [Outcome::Answered, Outcome::Unanswered], "rows show both");
    }
    let resolver = names.resolvers.values().next().unwrap();
    assert_eq!((resolver.asked, resolver.answers, resolver.unanswered.count), (4, 4, 0));
}

#[test]
fn fragments_over_ipv6_may_have_been_filtered_out() {
    const S6: &str = "2001:db8::53";
    let judge = |server: &'static str, by_port: bool, room: &[u16], queries: u32| {
        let mut all: Vec<Asked<'_>> = (0..6).map(|n| (A, server, "b.example", 1, n * 1_000, ok(5))).collect();
        all.extend((0..4).map(|n| (A, server, "x.example", 1, n * 1_000, Never(20_000, queries))));
        let size = |at: usize, lookup: &mut Lookup, _: &mut Names| {
            lookup.udp_size = Some(at.checked_sub(6).and_then(|at| room.get(at).copied()).unwrap_or(4_096));
        };
        let lacks = Lacks { by_port, ..Lacks::default() };
        let mut told = sure(&judge_lookups(&all, &lacks, size, 100_000));
        told.dedup();
        told
    };
    assert_eq!(judge(S6, true, &[], 1), [("DNS-02", Low)]);
    assert_eq!(judge(S6, false, &[], 1), [("DNS-02", Medium)], "the capture shows other packets of IPv6");
    assert_eq!(judge(S, true, &[], 1), [("DNS-02", Medium)], "the first fragment over IPv4 has ports");
    assert_eq!(judge(S6, true, &[1_232], 1), [("DNS-02", Medium)], "a small answer is missing, too");
    assert_eq!(judge(S6, true, &[], 2), [("DNS-02", High)], "its client asked again");
}

#[test]
fn copies_of_an_answer_do_not_answer_the_query_that_was_lost() {
    use crate::model::Direction::{AtoB, BtoA};
    use crate::protocol::dns::Decoder;
    use crate::protocol::message::{Brought, Message, Messages};
    use crate::protocol::stream::DatagramDecoder;
    // Sent again after five seconds, and answered then; every packet was captured twice.
    let ends = [end(A, 50_000), end(S, 53)];
    let (mut decoder, mut out) = (Decoder::new(ends), Messages::default());
    let mut query: Vec<u8> = [9u16, 0x0100, 1, 0, 0, 0].iter().flat_map(|w| w.to_be_bytes()).collect();
    query.extend(b"\x01a\x00\x00\x01\x00\x01");
    let mut answer = query.clone();
    answer[2] = 0x81;
    let packets = [(AtoB, 0, 7), (AtoB, 1, 7), (AtoB, 4_900, 8), (AtoB, 4_901, 8), (BtoA, 4_910, 9)];
    for (from, ms, ip_id) in packets {
        let now = Moment { frame: FrameNumber(ms as u64 + 1), time: Timestamp(ms * 1_000_000) };
        out.brought = Brought::new(ip_id, 64, 0);
        decoder.datagram(from, if from == AtoB { &query } else { &answer }, 0, now, &mut out);
    }
    let (thresholds, mut names) = (Thresholds::default(), Names::default());
    let ends = Ends { client: ends[0], server: ends[1], protocol: Protocol::Udp, stream: None };
    for (_, message) in out.drain() {
        let Message::Lookup(lookup) = message else { continue };
        assert_eq!((lookup.queries, lookup.times_sent()), (4, 2));
        names.note_lookup(ends, &lookup, &thresholds);
    }
    names.repeated(FrameNumber(4_911));
    names.settle(&thresholds);
    let resolver = names.resolvers.values().next().unwrap();
    assert_eq!((resolver.unanswered.count, resolver.slow.count), (1, 0));
}
