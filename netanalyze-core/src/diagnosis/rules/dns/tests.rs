use super::super::super::case::Case;
use super::super::super::object::Confidence::{self, High, Low, Medium};
use super::super::super::scene::{Scene, Stream};
use super::super::tests::{OPEN, Step, stream};
use super::resolver::DETAILS;
use super::*;
use crate::conversation::{Protocol, Services};
use crate::protocol::dns::Parsed;
use crate::protocol::stream::Moment;
use std::collections::BTreeSet;

#[path = "tests_of_captures.rs"]
mod of_captures;

/// What became of a query, in the words of these tests.
#[derive(Clone, Copy)]
enum Fate {
    /// Answered after so many milliseconds, with this code and so many records.
    Answer(i64, u16, u32),
    /// Sent again after so many milliseconds, and answered so many later.
    Late(i64, i64),
    /// Never answered; the capture goes on for so many milliseconds behind the last of so many queries, a second apart.
    Never(i64, u32),
}
use Fate::{Answer, Late, Never};

const OK: (u16, u32) = (0, 1);
const NONE: (u16, u32) = (3, 0);
const FAIL: (u16, u32) = (2, 0);

fn ok(ms: i64) -> Fate {
    Answer(ms, OK.0, OK.1)
}

fn end(text: &str, port: u16) -> Endpoint {
    Endpoint::new(text.parse().unwrap(), port)
}

fn lookup(name: &str, kind: u16, asked: i64, fate: Fate) -> Lookup {
    let mut bytes: Vec<u8> = [1u16, 0x0100, 1, 0, 0, 0].iter().flat_map(|w| w.to_be_bytes()).collect();
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, kind as u8, 0, 1]);
    let at = |ms: i64| Some(Moment { frame: FrameNumber(ms as u64 + 1), time: Timestamp(ms * 1_000_000) });
    let mut lookup = Lookup::new(Service::Dns, false, &Parsed::new(&bytes).unwrap(), 0);
    (lookup.query, lookup.last_query, lookup.queries) = (at(asked), at(asked), 1);
    let answered = match fate {
        Answer(after, rcode, answers) => {
            (lookup.rcode, lookup.answers) = (Some(Rcode(rcode)), answers);
            asked + after
        }
        Late(again, after) => {
            (lookup.last_query, lookup.queries) = (at(asked + again), 2);
            (lookup.rcode, lookup.answers) = (Some(Rcode::NOERROR), 1);
            asked + again + after
        }
        Never(waited, queries) => {
            (lookup.last_query, lookup.queries) = (at(asked + 1_000 * i64::from(queries - 1)), queries);
            lookup.waited = Some(Span(waited * 1_000_000));
            return lookup;
        }
    };
    (lookup.response, lookup.outcome) = (at(answered), Outcome::Answered);
    lookup.latency = Some(Span((answered - asked) * 1_000_000));
    lookup
}

/// A lookup: client, server, name, type, when it was asked, what became of it.
type Asked<'a> = (&'a str, &'a str, &'a str, u16, i64, Fate);

const A: &str = "10.0.0.1";
const S: &str = "10.0.0.53";

fn judge_with(all: &[Asked<'_>], one_sided: bool) -> Vec<Case> {
    judge_lookups(all, &Lacks { one_sided, ..Lacks::default() }, |_, _, _| {}, 100_000)
}

/// The same of a capture that lacks something, and ends after so many milliseconds, with a word in what each lookup is and what is known of others.
fn judge_lookups(
    all: &[Asked<'_>],
    lacks: &Lacks,
    adjust: impl FnMut(usize, &mut Lookup, &mut Names),
    end_at: i64,
) -> Vec<Case> {
    judge_among(all, lacks, adjust, end_at, &[])
}

/// The same beside connections.
fn judge_among(
    all: &[Asked<'_>],
    lacks: &Lacks,
    mut adjust: impl FnMut(usize, &mut Lookup, &mut Names),
    end_at: i64,
    streams: &[Stream],
) -> Vec<Case> {
    let thresholds = Thresholds::default();
    let mut names = Names::default();
    for (at, &(client, server, name, kind, asked, fate)) in all.iter().enumerate() {
        let port = 50_000 + at as u16;
        let ends = Ends {
            client: end(client, port),
            server: end(server, 53),
            protocol: Protocol::Udp,
            stream: Some(u32::from(port)),
        };
        let mut lookup = lookup(name, kind, asked, fate);
        adjust(at, &mut lookup, &mut names);
        names.note_lookup(ends, &lookup, &thresholds);
    }
    let (icmp, unresolved) = (BTreeMap::new(), BTreeMap::new());
    let end = Timestamp(end_at * 1_000_000);
    let scene =
        Scene::remembering(&thresholds, streams, Services::default(), (&icmp, &unresolved), vec![end]);
    let mut cases = Vec::new();
    names.look(&scene, lacks, &mut cases);
    cases
}

/// Codes, how sure, and what they are about.
fn judge(all: &[Asked<'_>]) -> Vec<(&'static str, Confidence, String)> {
    judge_with(all, false).into_iter().map(|case| (case.code, case.confidence, case.subject)).collect()
}

#[test]
fn names_that_do_not_exist() {
    let denied = |name: &str| vec![("DNS-13", High, name.to_owned())];
    let nothing = Vec::new();
    let no = |ms| Answer(ms, NONE.0, NONE.1);
    for (all, expected) in [
        (&[(A, S, "typo.example", 1, 0, no(5))][..], denied("typo.example")),
        // Both families are one name.
        (
            &[(A, S, "typo.example", 1, 0, no(5)), (A, S, "Typo.example", 28, 0, no(6))],
            denied("typo.example"),
        ),
        // Found later, or elsewhere, or just before.
        (&[(A, S, "new.example", 1, 0, no(5)), (A, S, "new.example", 1, 9_000, ok(5))], nothing.clone()),
        (&[(A, S, "in.example", 1, 0, no(5)), (A, "10.0.0.54", "in.example", 1, 10, ok(5))], nothing.clone()),
        (&[(A, S, "in.example", 1, 0, ok(5)), (A, "10.0.0.54", "in.example", 28, 0, no(9))], nothing.clone()),
        // A search list that comes to something, and one that does not.
        (
            &[
                (A, S, "db.ns.cluster.local", 1, 0, no(2)),
                (A, S, "db.cluster.local", 1, 3, no(2)),
                (A, S, "db.example", 1, 900, ok(2)),
            ],
            // Of another suffix: it says nothing of these, but they are names of multicast.
            vec![("DNS-13", Low, "db.cluster.local".to_owned())],
        ),
        (&[(A, S, "db.lab.example", 1, 0, no(2)), (A, S, "db.example", 1, 3, ok(2))], nothing.clone()),
        (&[(A, S, "db.lab.example", 1, 0, no(2)), (A, S, "db.example", 1, 3, no(2))], denied("db.example")),
        // The name exists, though it has no such record: what the search list made of it does not matter.
        (
            &[(A, S, "db.lab.example", 28, 0, Answer(2, 0, 0)), (A, S, "db.example", 28, 3, no(2))],
            nothing.clone(),
        ),
        (
            &[(A, S, "www.example.org", 1, 0, ok(2)), (A, S, "www.example.org.lab.example", 1, 9_000, no(2))],
            nothing,
        ),
    ] {
        assert_eq!(judge(all), expected);
    }
    for (name, kind) in [
        ("1.0.0.10.in-addr.arpa", 12),
        ("_ldap._tcp.example", 33),
        ("wpad.example", 1),
        ("2.0.0.127.list.example", 1),
    ] {
        assert_eq!(judge(&[(A, S, name, kind, 0, no(5))])[0].1, Low, "{name}");
    }
    for name in [
        "NAS-OFFICE.example",
        "printer.lan",
        "www.example.com.corp.example",
        "*.example",
        "x.dnsbl.example",
        "a._tcp.example",
    ] {
        assert_eq!(judge(&[(A, S, name, 1, 0, no(5))])[0].1, Low, "{name}");
    }
    assert_eq!(judge(&[(A, S, "www.shop.com.au", 1, 0, no(5))])[0].1, High);
    assert_eq!(judge(&[(A, S, "v.example", 16, 0, no(5))])[0].1, Low, "text");
    // Right before the capture ends nobody knows what the client did then.
    assert_eq!(
        judge(&[(A, S, "typo.example", 1, 98_000, no(5))]),
        [("DNS-13", Medium, "typo.example".to_owned())]
    );
    // Names that a browser makes up.
    let probes = ["qwhfjeka.example", "pmzxnvbd.example", "lkjhgfds.example"];
    let probes: Vec<Asked<'_>> = probes.iter().map(|name| (A, S, *name, 1, 0, no(5))).collect();
    assert!(judge(&probes).iter().all(|(_, sure, _)| *sure == Low));
    // What a resolver passes on is told of its client.
    let both = [(A, S, "typo.example", 1, 0, no(9)), (S, "192.0.2.53", "typo.example", 1, 1, no(5))];
    let sure: Vec<_> =
        judge_with(&both, false).into_iter().map(|case| (case.ends.server.ip(), case.confidence)).collect();
    assert_eq!(sure, [("10.0.0.53".parse().unwrap(), High), ("192.0.2.53".parse().unwrap(), Low)]);
    // Many of them are one matter.
    let names: Vec<String> = (0..20).map(|n| format!("random{n}.example")).collect();
    let many: Vec<Asked<'_>> = names.iter().map(|name| (A, S, name.as_str(), 1, 0, no(5))).collect();
    assert!(judge(&many).iter().all(|(code, _, subject)| *code == "DNS-13" && subject.is_empty()));
}

#[test]
fn failures() {
    let fail = |ms| Answer(ms, FAIL.0, FAIL.1);
    assert_eq!(judge(&[(A, S, "a.example", 1, 0, fail(5))]), [("DNS-06", High, String::new())]);
    // The next try succeeded, with one failure among few.
    assert!(judge(&[(A, S, "a.example", 1, 0, fail(5)), (A, S, "a.example", 1, 10, ok(5))]).is_empty());
    // The name was denied then: the server works.
    let denied = [(A, S, "a.example", 1, 0, fail(5)), (A, S, "a.example", 1, 10, Answer(5, 3, 0))];
    assert_eq!(judge(&denied), [("DNS-13", High, "a.example".to_owned())]);
    // Mended every time, but too often.
    let names: Vec<String> = (0..6).map(|n| format!("n{n}.example")).collect();
    let often: Vec<Asked<'_>> = names
        .iter()
        .flat_map(|name| [(A, S, name.as_str(), 1, 0, fail(5)), (A, S, name.as_str(), 1, 10, ok(5))])
        .collect();
    assert!(judge(&often).iter().all(|(code, sure, _)| (*code, *sure) == ("DNS-06", Medium)));
    assert_eq!(judge(&often).len(), 6);
    // A server that takes long to fail is told once.
    assert_eq!(judge(&[(A, S, "a.example", 1, 0, fail(9_000))]).len(), 1);
}

#[test]
fn queries_without_an_answer() {
    let others = [(A, S, "b.example", 1, 0, ok(5)), (A, S, "c.example", 1, 0, ok(5))];
    let with = |asked: Asked<'static>| [&others[..], &[asked]].concat();
    let sure =
        |all: &[Asked<'_>]| judge(all).iter().map(|(code, sure, _)| (*code, *sure)).collect::<Vec<_>>();
    // Sent again, and answered then; twice is no accident.
    assert_eq!(sure(&with((A, S, "a.example", 1, 0, Late(5_000, 9)))), [("DNS-02", Medium)]);
    let twice =
        [&with((A, S, "a.example", 1, 0, Late(5_000, 9)))[..], &[(A, S, "d.example", 1, 0, Late(5_000, 9))]]
            .concat();
    assert_eq!(sure(&twice), [("DNS-02", High); 2]);
    // Captured twice, or asked again at once.
    assert!(sure(&with((A, S, "a.example", 1, 0, Late(0, 9)))).is_empty());
    // The answer to the first query came late: it is slow, not lost.
    assert_eq!(sure(&with((A, S, "a.example", 1, 0, Late(5_000, 3_100)))), [("DNS-01", Medium)]);
    // Never answered, but the capture ends too soon to tell.
    assert!(sure(&with((A, S, "a.example", 1, 0, Never(2_000, 1)))).is_empty());
    assert!(sure(&with((A, S, "a.example", 1, 0, Never(2_000, 3)))).is_empty());
    assert_eq!(sure(&with((A, S, "a.example", 1, 0, Never(2_000, 4)))), [("DNS-02", Medium)]);
    // Nobody asked again.
    assert_eq!(sure(&with((A, S, "a.example", 1, 0, Never(20_000, 1)))), [("DNS-02", Low)]);
    // Another server was asked then: this one may be dead, or its address a mistake.
    let elsewhere =
        [(A, "10.0.0.54", "a.example", 1, 5_000, ok(5)), (A, S, "a.example", 1, 0, Never(20_000, 1))];
    assert_eq!(sure(&elsewhere), [("DNS-02", Low)]);
    // The same was asked at the same time, and answered: nothing was lost.
    let beside = [(A, S, "a.example", 1, 0, ok(5)), (A, S, "a.example", 1, 1, Never(20_000, 1))];
    assert!(sure(&beside).is_empty());
    // An address that was asked once, while others answer.
    let mistaken = [(A, S, "b.example", 1, 0, ok(5)), (A, "10.0.0.99", "a.example", 1, 0, Never(20_000, 1))];
    assert_eq!(sure(&mistaken), [("DNS-02", Low)]);
    // A server of which nothing was captured, in a capture that lacks one direction anyway.
    assert!(judge_with(&elsewhere, true).is_empty());
}

#[test]
fn slow_answers() {
    let fast: Vec<Asked<'_>> = (0..20).map(|n| (A, S, "f.example", 1, n, ok(5))).collect();
    let with = |slow: &[i64]| {
        let slow: Vec<Asked<'_>> = slow.iter().map(|&ms| (A, S, "s.example", 1, 100, ok(ms))).collect();
        judge(&[&fast[..], &slow].concat()).iter().map(|(code, sure, _)| (*code, *sure)).collect::<Vec<_>>()
    };
    assert!(with(&[49, 49, 49]).is_empty());
    assert!(with(&[60]).is_empty(), "one of 21 is below the 95th percentile");
    assert_eq!(with(&[60, 60]), [("DNS-01", Low); 2]);
    assert_eq!(with(&[60, 60, 60]), [("DNS-01", Low); 3], "a long way would explain it");
    assert_eq!(with(&[60, 60, 210]), [("DNS-01", Medium); 3]);
    assert_eq!(with(&[600; 6]), [("DNS-01", High); 6]);
    assert_eq!(with(&[600]), [("DNS-01", Medium)]);
    assert_eq!(with(&[600; 8]), [("DNS-01", Low); 8], "so many at once wait for one another");
    assert!(with(&[1_000, 2_000, 3_000]).is_empty(), "put together by hand");
    // All answers take as long: that is the way.
    let far: Vec<Asked<'_>> = (0..9).map(|n| (A, S, "f.example", 1, n * 500, ok(130 + n))).collect();
    assert!(judge(&far).is_empty());
    // Few answers are no percentile.
    assert!(judge(&[(A, S, "s.example", 1, 0, ok(60)), (A, S, "t.example", 1, 0, ok(60))]).is_empty());
    // Lookups that wait at the same time wait once.
    let all: Vec<Asked<'_>> =
        [1, 28, 65].into_iter().map(|kind| (A, S, "s.example", kind, 0, ok(700))).collect();
    let lost: i64 = judge_with(&all, false).iter().map(|case| case.lost.0).sum();
    assert_eq!(lost, 700_000_000);
    // Details are capped, counts are not.
    let many: Vec<Asked<'_>> = (0..100).map(|n| (A, S, "s.example", 1, n * 1_000, ok(600))).collect();
    let cases = judge_with(&many, false);
    assert_eq!((cases.len(), cases.iter().map(|case| case.count).sum::<u64>()), (DETAILS, 100));
    assert_eq!(cases.iter().map(|case| case.lost.0).sum::<i64>(), 60_000_000_000);
}

#[test]
fn what_tunnels_do_is_not_told() {
    let names: Vec<String> = (0..4).map(|n| format!("5bee01fdf55223419{n}.t.example")).collect();
    let mut all: Vec<Asked<'_>> = names.iter().map(|name| (A, S, name.as_str(), 1, 0, ok(700))).collect();
    all.extend([
        (A, S, "ping.t.example", 1, 0, ok(900)),
        (A, S, "pong.t.example", 1, 0, Never(30_000, 3)),
        (A, S, "none.t.example", 1, 0, Answer(5, NONE.0, NONE.1)),
    ]);
    assert!(judge(&all).is_empty());
    // Two such names are no tunnel.
    let few = [all[0], all[1], all[6]];
    assert_eq!(judge(&few).len(), 1);
}

#[test]
fn memory_is_bounded() {
    let mut recent = Recent::default();
    let client = "10.0.0.1".parse().unwrap();
    for n in 0..4 * MAX_RECENT {
        recent.note(client, format!("n{n}").as_bytes(), Timestamp(0));
    }
    assert!(recent.young.len() + recent.old.len() <= 2 * MAX_RECENT);
    assert_eq!(recent.when(client, b"n0"), None);
    let last = format!("n{}", 4 * MAX_RECENT - 1);
    assert_eq!(recent.when(client, last.as_bytes()), Some(Timestamp(0)));
}

#[test]
fn where_every_query_got_its_answer_none_was_lost() {
    let sure = |answers: u32| {
        let (thresholds, mut names) = (Thresholds::default(), Names::default());
        for n in 0..10 {
            let ends = Ends {
                client: end(A, 50_000 + n),
                server: end(S, 53),
                protocol: Protocol::Udp,
                stream: Some(n.into()),
            };
            let lookup = lookup("a.example", 1, 2_000 * i64::from(n), Late(900, 50));
            let frame = lookup.response.unwrap().frame;
            names.note_lookup(ends, &lookup, &thresholds);
            (1..answers).for_each(|_| names.repeated(frame));
        }
        let (icmp, unresolved) = (BTreeMap::new(), BTreeMap::new());
        let end = vec![Timestamp(100_000_000_000)];
        let scene = Scene::new(&thresholds, &[], Services::default(), (&icmp, &unresolved), end);
        let mut cases = Vec::new();
        names.look(&scene, &Lacks::default(), &mut cases);
        cases.iter().map(|case| case.code).collect::<BTreeSet<_>>()
    };
    assert_eq!(sure(1), BTreeSet::from(["DNS-02"]));
    assert_eq!(sure(2), BTreeSet::from(["DNS-01"]));
}

#[test]
fn queries_that_the_end_cut_off_are_counted() {
    let (thresholds, mut names) = (Thresholds::default(), Names::default());
    let ends = Ends { client: end(A, 50_000), server: end(S, 53), protocol: Protocol::Udp, stream: Some(1) };
    for (name, asked, waited) in [("a.example", 98_000, 2_000), ("b.example", 80_000, 20_000)] {
        names.note_lookup(ends, &lookup(name, 1, asked, Never(waited, 1)), &thresholds);
    }
    let (icmp, unresolved) = (BTreeMap::new(), BTreeMap::new());
    let end = vec![Timestamp(100_000_000_000)];
    let scene = Scene::new(&thresholds, &[], Services::default(), (&icmp, &unresolved), end);
    assert_eq!(names.waiting(&scene), 1);
}

#[test]
fn what_servers_refuse_on_purpose_is_a_guess() {
    let refused = Answer(5, 5, 0);
    for (name, kind) in [("version.bind", 16), ("id.server", 16), ("a.example", 255)] {
        assert_eq!(judge(&[(A, S, name, kind, 0, refused)])[0].1, Low, "{name}");
    }
}
