//! Where rules of streams hold back: scripts of segments, and what is said of them. The lab holds the rules to what whole captures show.

mod loss;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::super::join::join;
use super::super::object::Confidence::{self, High, Low, Medium};
use super::super::object::Severity;
use super::super::scene::IcmpError;
use super::super::thresholds::Thresholds;
use super::*;
use crate::conversation::{FlowKey, Services};
use crate::model::{Endpoint, FrameNumber, Timestamp};
use crate::packet::tcp_option::{Timestamps, parse};
use crate::tcp::{
    Checksum, Chronicle, Passing, Patience, Scope, Segment, TcpFlags, Verdict, WindowScale, Wire,
};

/// A segment of a script: milliseconds, who sends (`>` the client), flags (`0`: with a window of zero; `1`: with the small one of a scanner, and without options), relative sequence number, payload, relative acknowledgment number.
pub(super) type Step = (i64, char, &'static str, u32, u32, u32);

/// A handshake over 40 ms, captured next to the client.
pub(super) const OPEN: [Step; 3] =
    [(0, '>', "S", 0, 0, 0), (40, '<', "SA", 0, 0, 1), (40, '>', "A", 1, 0, 1)];

/// Windows are of so many bytes.
const WINDOW: u16 = 9_000;

/// A frame of which nothing is asked.
struct Nothing;

impl Wire for Nothing {
    fn stamps(&self) -> Option<Timestamps> {
        None
    }

    fn checksum(&self) -> Checksum {
        Checksum::Unknown
    }
}

/// The frame of a stream's segment, counted from 1.
pub(super) fn frame(stream: u32, segment: u64) -> FrameNumber {
    FrameNumber(u64::from(stream) * 1_000 + segment)
}

/// A stream of 10.0.0.1, with the time to live of each segment.
pub(super) fn stream(number: u32, server: &str, steps: &[Step], ttl: impl Fn(u64) -> u8) -> Stream {
    let client = Endpoint::new([10, 0, 0, 1].into(), 50_000 + number as u16);
    let server: Endpoint = server.parse().unwrap();
    let (key, to_server) = FlowKey::new(client.ip(), server.ip(), (client.port(), server.port()));
    let mut chronicle = Chronicle::new(Timestamp(steps[0].0 * 1_000_000));
    let patience = Patience { stall: Span(200_000_000), think: Span(500_000_000) };
    // An MSS of 1460, and windows that are scaled by nothing.
    let syn = parse(&[2, 4, 5, 180, 3, 3, 0, 1]);
    for (at, &(ms, who, letters, seq, len, ack)) in (1..).zip(steps) {
        let flags = TcpFlags::of(letters.trim_end_matches('1'));
        let segment = Segment {
            frame: frame(number, at),
            time: Timestamp(ms * 1_000_000),
            seq,
            ack,
            len,
            window: match letters {
                _ if letters.contains('0') => 0,
                _ if letters.contains('1') => 1_024,
                _ => WINDOW,
            },
            flags,
            header_len: 20,
            header_captured: 20,
            urgent_pointer: false,
            scope: Scope::Full,
            options: (flags.syn() && !letters.contains('1')).then_some(&syn),
        };
        let verdict = Verdict { scale: WindowScale::Shift(0), ..Verdict::default() };
        let passing = Passing {
            wire_len: 60,
            ttl: ttl(at),
            id: at as u16,
            has_ip_id: true,
            interface: 0,
            gap: Span(0),
            shares_frame: false,
        };
        let direction = if who == '>' { to_server } else { to_server.reverse() };
        chronicle.note(direction, &segment, (&verdict, &passing), &Nothing, &patience);
    }
    Stream { number, key, chronicle }
}

/// Looks at a scene of streams by number, some ICMP errors and a capture of so many milliseconds.
pub(super) fn scene<T>(
    streams: &[Stream],
    services: Services,
    (icmp, end): (&BTreeMap<u32, Vec<IcmpError>>, i64),
    look: impl FnOnce(&Scene<'_>) -> T,
) -> T {
    let thresholds = Thresholds::default();
    look(&Scene::remembering(
        &thresholds,
        streams,
        services,
        (icmp, &BTreeMap::new()),
        vec![Timestamp(end * 1_000_000)],
    ))
}

/// What all rules of streams say.
fn of_all(scene: &Scene<'_>) -> Vec<Case> {
    of_streams(scene, NonZeroUsize::MIN)
}

/// What all rules of streams say, in a capture that goes on for a minute.
fn cases(streams: &[Stream]) -> Vec<Case> {
    scene(streams, Services::default(), (&BTreeMap::new(), 60_000), of_all)
}

fn of(code: &str, cases: &[Case]) -> Option<Confidence> {
    let of_code: Vec<&Case> = cases.iter().filter(|case| case.code == code).collect();
    assert!(of_code.len() <= 1, "{of_code:?}");
    of_code.first().map(|case| case.confidence)
}

fn steps(first: &[Step], then: &[Step]) -> Vec<Step> {
    [first, then].concat()
}

#[test]
fn stacks_try_again_after_a_second() {
    for (syns, end, expected) in [
        (&[0, 900][..], 3_900, Some(Medium)),
        (&[0, 1_000, 3_000], 6_000, Some(Medium)),
        // Captured twice, or sent by a scanner: nobody waited.
        (&[0, 899], 9_000, None),
        (&[0, 10, 20], 9_000, None),
        (&[0], 9_000, None),
        // The answer may come yet.
        (&[0, 900], 3_899, None),
    ] {
        let script: Vec<Step> = syns.iter().map(|&ms| (ms, '>', "S", 0, 0, 0)).collect();
        let streams = [stream(0, "192.0.2.1:443", &script, |_| 64)];
        let cases = scene(&streams, Services::default(), (&BTreeMap::new(), end), of_all);
        assert_eq!(of("CONN-01", &cases), expected, "{syns:?} {end}");
    }
}

#[test]
fn resets_of_devices_are_refusals_of_somebody() {
    let refused = [(0, '>', "S", 0, 0, 0), (40, '<', "RA0", 0, 0, 1)];
    for (usual, ttl, code, expected) in [
        (None, 64, "CONN-02", High),
        (None, 52, "CONN-02", High),
        (None, 255, "CONN-02", Medium),
        (Some(255), 255, "CONN-02", High),
        (Some(64), 64, "CONN-02", High),
        (Some(53), 52, "CONN-02", High),
        (Some(64), 255, "CONN-02", Medium),
        (Some(53), 255, "CONN-04", Medium),
    ] {
        let mut streams = vec![stream(0, "192.0.2.1:8443", &refused, |_| ttl)];
        if let Some(usual) = usual {
            streams.push(stream(1, "192.0.2.1:80", &OPEN, |_| usual));
        }
        let cases = cases(&streams);
        assert_eq!(of(code, &cases), Some(expected), "{usual:?} {ttl}");
        let says_device = cases.iter().any(|case| case.sentence.contains("a device on the way refuses"));
        assert_eq!(says_device, code == "CONN-02" && ttl == 255 && usual != Some(255), "{usual:?} {ttl}");
    }
    // A host that has no socket there has no window for it.
    let forged = [refused[0], (40, '<', "RA", 0, 0, 1)];
    assert_eq!(of("CONN-02", &cases(&[stream(0, "192.0.2.1:8443", &forged, |_| 64)])), Some(Low));
}

#[test]
fn what_acknowledges_nearby_may_be_what_resets() {
    let unread = |acknowledged: i64| {
        let last = [
            (50, '>', "A", 1, 500, 1),
            (50 + acknowledged, '<', "A", 1, 0, 501),
            (100, '<', "RA", 1, 0, 501),
        ];
        of("RST-02", &cases(&[stream(0, "192.0.2.1:80", &steps(&OPEN, &last), |_| 64)]))
    };
    assert_eq!((unread(40), unread(5), unread(3)), (Some(Medium), Some(Medium), Some(Low)));
}

#[test]
fn who_scans_finds_no_trouble_anywhere() {
    let refused = |letters| [(0, '>', letters, 0, 0, 0), (40, '<', "RA0", 0, 0, 1)];
    let of_scanner = |probes: bool| {
        let first = if probes { "S1" } else { "S" };
        let streams = [
            stream(0, "192.0.2.1:3389", &refused(first), |_| 64),
            stream(1, "192.0.2.1:445", &refused("S"), |_| 64),
        ];
        cases(&streams).iter().map(|case| (case.severity, case.counter.len())).collect::<Vec<_>>()
    };
    assert_eq!(of_scanner(true), [(Severity::Note, 1); 2]);
    assert_eq!(of_scanner(false), [(Severity::Error, 0); 2]);
}

#[test]
fn who_asks_again_after_a_refusal_waits_longer() {
    let refused = |syns: &[i64]| {
        let ask = |&ms: &i64| [(ms, '>', "S", 0, 0, 0), (ms + 50, '<', "RA0", 0, 0, 1)];
        let script: Vec<Step> = syns.iter().flat_map(ask).collect();
        let cases = cases(&[stream(0, "192.0.2.1:110", &script, |_| 64)]);
        (cases[0].code, cases[0].lost.0 / 1_000_000)
    };
    assert_eq!(refused(&[0]), ("CONN-02", 50));
    assert_eq!(refused(&[0, 550, 1_100]), ("CONN-02", 1_150));
}

#[test]
fn servers_that_are_equally_far_may_have_one_in_front() {
    let of = |one: &str, servers: &[&str], leg: i64, ttl: u8| {
        let open = [(0, '>', "S", 0, 0, 0), (leg, '<', "SA", 0, 0, 1), (leg, '>', "A", 1, 0, 1)];
        let mut streams = vec![stream(0, one, &open, |_| 63)];
        for (number, server) in (1..).zip(servers) {
            streams.push(stream(number, server, &open, |_| ttl));
        }
        let server = one.parse().unwrap();
        scene(&streams, Services::default(), (&BTreeMap::new(), 60_000), |scene| {
            (scene.has_front(server), scene.has_front_nearby(server))
        })
    };
    let has_front = |servers: &[&str], leg: i64, ttl: u8| of("192.0.2.1:80", servers, leg, ttl).0;
    let others = ["198.51.100.1:80", "203.0.113.1:443", "203.1.113.1:443"];
    assert!(has_front(&others, 25, 63));
    assert!(!has_front(&others[..2], 25, 63));
    assert!(!has_front(&others, 25, 57), "not as many hops");
    assert!(!has_front(&others, 1, 63), "all of them are near");
    assert!(!has_front(&["192.0.2.2:80", "192.0.2.3:80", "192.0.2.4:80"], 25, 63), "one network");
    let public = ["9.9.9.9:443", "23.1.1.1:80", "151.101.1.1:443"];
    assert_eq!(of("62.109.224.120:443", &public, 1, 63), (true, true), "nobody is so near to all of them");
    assert_eq!(of("62.109.224.120:443", &public, 25, 63), (true, false));
    assert_eq!(of("62.109.224.120:443", &public[..2], 1, 63), (false, false));
    assert_eq!(of("10.0.0.1:443", &public, 1, 63), (false, false), "a server of the same site");
}

#[test]
fn resets_that_their_sender_contradicts() {
    let talk = [
        (50, '>', "A", 1, 100, 1),
        (90, '<', "A", 1, 200, 101),
        (91, '<', "A", 201, 200, 101),
        (92, '<', "A", 401, 200, 101),
        (93, '<', "A", 601, 200, 101),
        (95, '<', "RA", 801, 0, 101),
    ];
    let goes_on = (97, '<', "A", 801, 200, 101);
    let again = (96, '<', "RA", 2_801, 0, 101);
    let early = [talk[0], talk[1], talk[2], talk[3], (95, '<', "RA", 601, 0, 101)];
    for (script, ttl, expected) in [
        (steps(&talk, &[goes_on]), 40, Some(High)),
        // The reset looks like the host's own.
        (steps(&talk, &[goes_on]), 57, Some(Medium)),
        (steps(&talk, &[(2_096, '<', "A", 801, 200, 101)]), 57, None),
        (steps(&talk, &[]), 57, None),
        // The time to live is all there is.
        (steps(&talk, &[]), 40, Some(Medium)),
        (steps(&talk, &[]), 56, None),
        (steps(&talk, &[again]), 40, Some(High)),
        // Of four packets.
        (steps(&early, &[]), 40, None),
    ] {
        let script = steps(&OPEN, &script);
        let reset = script.iter().position(|step| step.2 == "RA").unwrap() as u64 + 1;
        let is_reset = |at: u64| script[at as usize - 1].2 == "RA";
        let one = stream(0, "192.0.2.1:80", &script, |at| if is_reset(at) { ttl } else { 57 });
        let cases = cases(&[one]);
        assert_eq!(of("RST-06", &cases), expected, "{script:?} {ttl}");
        if expected.is_some() {
            let shown = |case: &Case| case.evidence.iter().any(|one| one.frame == frame(0, reset));
            assert!(cases.iter().any(|case| case.code == "RST-06" && shown(case)), "{script:?}");
        }
    }
}

#[test]
fn packets_that_were_joined_are_no_proof_of_a_narrow_path() {
    let sent = |len: u32| {
        steps(&OPEN, &[(50, '>', "A", 1, len, 1), (60, '>', "A", 1 + len, 100, 1), (90, '<', "A", 1, 0, 1)])
    };
    let mtu = 1_200;
    let header = 40;
    let streams: Vec<Stream> = [1_400, mtu - header + 1, mtu - header, 500]
        .into_iter()
        .zip(0..)
        .map(|(len, number)| stream(number, "192.0.2.1:80", &sent(len), |_| 64))
        .collect();
    let error = |stream: &Stream| IcmpError {
        frame: frame(stream.number, 7),
        time: Timestamp(80_000_000),
        reporter: [10, 0, 0, 254].into(),
        icmp_type: 3,
        icmp_code: 4,
        mtu: Some(mtu),
        source: stream.ends().client,
    };
    let icmp = streams.iter().map(|stream| (stream.number, vec![error(stream)])).collect();
    let cases = scene(&streams, Services::default(), (&icmp, 60_000), of_all);
    let of_path: Vec<Case> = cases.into_iter().filter(|case| case.code == "MTU-02").collect();
    let sure: Vec<Confidence> = of_path.iter().map(|case| case.confidence).collect();
    assert_eq!(sure, [High, High, Low, Low]);
    // Those of one server are one diagnosis, and what is only guessed is another.
    let told: Vec<_> = join(of_path, &[], &Thresholds::default())
        .iter()
        .map(|one| {
            let streams: Vec<u32> = one.endpoints.iter().filter_map(|ends| ends.stream).collect();
            (one.confidence, one.conversations, streams)
        })
        .collect();
    assert_eq!(told.len(), 2);
    assert!(told.contains(&(High, 2, vec![0, 1])) && told.contains(&(Low, 2, vec![2, 3])), "{told:?}");
}

/// A request, when it is acknowledged, and an answer 901 ms behind it.
pub(super) fn slow_answer(acknowledged: i64, before: u32) -> Vec<Step> {
    let mut script = OPEN.to_vec();
    let mut next = 1;
    while next <= before {
        script.push((45, '>', "A", next, 1_448, 1));
        next += 1_448;
    }
    script.extend([
        (50, '>', "A", next, 100, 1),
        (50 + acknowledged, '<', "A", 1, 0, next + 100),
        (951, '<', "A", 1, 200, next + 100),
    ]);
    script
}

#[test]
fn a_relay_acknowledges_before_the_server_can() {
    for (acknowledged, before, expected, relayed) in [
        (41, 0, Some(Medium), false),
        (10, 0, Some(Medium), false),
        (9, 0, Some(Medium), true),
        // What is sent to it may still be on its way.
        (41, 20_000, Some(Medium), false),
        (9, 20_000, None, false),
    ] {
        let cases = cases(&[stream(0, "192.0.2.1:5432", &slow_answer(acknowledged, before), |_| 64)]);
        assert_eq!(of("PERF-16", &cases), expected, "{acknowledged} {before}");
        let says = |case: &Case| case.reasons.iter().any(|reason| reason == flow::RELAYED);
        assert_eq!(cases.iter().any(says), relayed, "{acknowledged} {before}");
    }
}

#[test]
fn a_full_window_must_set_the_pace() {
    const ROUND: u32 = 6 * 1_448;
    // Thirteen round trips with a full window each, and a pause of the program in the middle of them. The window allows 225 kB a second.
    let transfer = |pause: i64| {
        let mut script = OPEN.to_vec();
        for round in 0..13 {
            let at = 40 + 40 * i64::from(round) + if round >= 6 { pause } else { 0 };
            let base = 1 + round * ROUND;
            script.extend((0..6).map(|n| (at, '>', "A", base + n * 1_448, 1_448, 1)));
            script.push((at + 40, '<', "A", 1, 0, base + ROUND));
        }
        cases(&[stream(0, "192.0.2.1:80", &script, |at| if at == 2 { 57 } else { 64 })])
    };
    for (pause, expected) in [(0, Some(High)), (770, Some(High)), (780, None), (5_000, None)] {
        assert_eq!(of("PERF-02", &transfer(pause)), expected, "{pause}");
    }
}

#[test]
fn a_window_without_scaling_must_be_full_more_than_once() {
    // Twenty round trips, some of them with a full window, the others with six sevenths of one: as much as the program has to send.
    let transfer = |full: u32| {
        let mut script = OPEN.to_vec();
        // Without options.
        script[1].2 = "SA1";
        let mut base = 1;
        for round in 0..20 {
            let (at, len) = (40 + 40 * i64::from(round), if round < full { 1_448 } else { 1_300 });
            script.extend((0..6).map(|n| (at, '>', "A", base + n * len, len, 1)));
            base += 6 * len;
            script.push((at + 40, '<', "A", 1, 0, base));
        }
        cases(&[stream(0, "192.0.2.1:80", &script, |at| if at == 2 { 57 } else { 64 })])
    };
    assert_eq!(of("PERF-03", &transfer(20)), Some(High));
    assert_eq!(of("PERF-03", &transfer(5)), Some(High));
    assert_eq!(of("PERF-03", &transfer(1)), None);
}
