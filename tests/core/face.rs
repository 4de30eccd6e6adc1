//! The library's face: observers and rules are called in order, and every way to stop stops. Live analyses have a file of their own.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use netanalyze_core::expert::{KindId, kind_by_id};
use netanalyze_core::field::{Row, Selection, fields};
use netanalyze_core::model::limits::BATCH_BYTES;
use netanalyze_core::{
    AnalysedFrame, Analyzer, Cancellation, Conversation, Error, Finding, Found, Kind, KindSet, Observer,
    Report, Rule, Severity, Source, Wants,
};

use crate::engine::{busy_capture, ends};
use crate::golden::corpus;
use crate::live::push_all;
use crate::wire::{ACK, CLIENT, Pcap, RST, SERVER, SYN, ipv4, segment, tcp, udp};

/// Writes down everything that it is told. Rows have every field but the interface, which is a fact about files, and the expert's, which say what
/// findings say and therefore want them made.
pub(crate) struct Diary {
    selection: Selection,
    wants: Wants,
    pub(crate) lines: Vec<String>,
}

impl Diary {
    pub(crate) fn new(wants: Wants) -> Self {
        let is_taken = |name: &&str| *name != "frame.interface_id" && !name.starts_with("_ws.expert");
        let names = fields().map(|field| field.name).filter(is_taken);
        Diary { selection: Selection::new(names).unwrap(), wants, lines: Vec::new() }
    }
}

impl Observer for Diary {
    fn wants(&self) -> Wants {
        self.wants
    }

    fn packet(&mut self, packet: &AnalysedFrame<'_>) -> Result<(), Error> {
        let mut row = Row::default();
        self.selection.read(packet, &mut row);
        self.lines.push(format!("packet {} {:?}", packet.number(), row.cells()));
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> Result<(), Error> {
        let Finding { frame, known_at, ordinal, time, protocol, stream, source, destination, .. } = finding;
        let (id, message, first) = (finding.kind().id, finding.message(), finding.first_of_conversation);
        self.lines.push(format!(
            "finding {known_at} {frame} {ordinal} {id} {time} {protocol:?} {stream:?} {source} {destination} {first} {message}"
        ));
        Ok(())
    }

    fn conversation(&mut self, conversation: &Conversation) -> Result<(), Error> {
        self.lines.push(format!("conversation {conversation:?}"));
        Ok(())
    }
}

/// A report without what only a file has.
pub(crate) fn beside_files(mut report: Report) -> String {
    report.capture.facts = Default::default();
    report.notes.retain(|note| note.file.is_none());
    format!("{report:?}")
}

/// Finds something in every third packet, beside every reset and every open end, and in conversations of one packet.
pub(crate) struct Nosy;

static THIRD: Kind = Kind::custom("test.third", Severity::Chat, "One of three");
static ABORTED: Kind = Kind::custom("test.aborted", Severity::Error, "Aborted");
static LONELY: Kind = Kind::custom("test.lonely", Severity::Note, "One packet only");

impl Rule for Nosy {
    fn wants(&self) -> Wants {
        Wants::ALL
    }

    fn packet(&mut self, packet: &AnalysedFrame<'_>, found: &mut Found<'_>) {
        if packet.number().0 % 3 == 1 {
            found.in_packet(packet, &THIRD, format!("{} bytes", packet.raw.wire_len));
        }
    }

    fn finding(&mut self, finding: &Finding, found: &mut Found<'_>) {
        if finding.kind().id == "tcp.connection.rst" || finding.kind().id == "netanalyze.never_closed" {
            found.beside(finding, &ABORTED, finding.message());
        }
    }

    fn conversation(&mut self, conversation: &Conversation, found: &mut Found<'_>) {
        if conversation.packets() == 1 {
            found.in_conversation(conversation, &LONELY, "alone");
        }
    }
}

#[test]
fn what_comes_is_what_is_wanted_in_the_order_in_which_it_happened() {
    let capture = busy_capture(2);
    let all = {
        let mut diary = Diary::new(Wants::ALL);
        Analyzer::new().threads(2).run([capture.source()], &mut diary).unwrap();
        diary.lines
    };
    let word = |line: &str| line.split(' ').next().unwrap().to_owned();
    let number = |line: &str| line.split(' ').nth(1).unwrap().parse::<u64>().unwrap();
    // A packet, then its findings; conversations last.
    let mut last_packet = 0;
    let packets = all.iter().filter(|line| line.starts_with("packet")).count() as u64;
    for line in all.iter().take_while(|line| !line.starts_with("conversation")) {
        match &*word(line) {
            "packet" => {
                assert_eq!(number(line), last_packet + 1);
                last_packet += 1;
            }
            _ => assert_eq!(number(line), last_packet, "{line}"),
        }
    }
    assert_eq!(last_packet, packets);
    assert!(all.last().unwrap().starts_with("conversation"));
    for (wants, words) in [
        (Wants::NOTHING, &[][..]),
        (Wants::PACKETS, &["packet"]),
        (Wants::FINDINGS, &["finding"]),
        (Wants::CONVERSATIONS, &["conversation"]),
        (Wants::FINDINGS | Wants::CONVERSATIONS, &["finding", "conversation"]),
    ] {
        let expected: Vec<_> = all.iter().filter(|line| words.contains(&&*word(line))).cloned().collect();
        let mut file = Diary::new(wants);
        Analyzer::new().run([capture.source()], &mut file).unwrap();
        assert!(file.lines == expected, "{wants:?}");
        let mut live = Diary::new(wants);
        push_all(capture.source(), Analyzer::new().live(), &mut live).unwrap();
        assert!(live.lines == expected, "{wants:?}, live");
    }
}

#[test]
fn kinds_and_severity_choose_what_the_observer_is_told_but_not_what_rules_see_and_the_report_counts() {
    let path = corpus().join("captures/web-slow.pcap");
    let ids = |analyzer: Analyzer| {
        let mut told = Vec::new();
        let report = analyzer
            .rule(Nosy)
            .run([&path], &mut |finding: &Finding| {
                told.push(finding.kind().id);
                Ok(())
            })
            .unwrap();
        (told, format!("{:?}", report.findings_by_kind))
    };
    let (all, counts) = ids(Analyzer::new());
    assert!(!KindSet::ALL.contains(KindId::CUSTOM));
    let reset = kind_by_id("tcp.connection.rst").unwrap();
    let (only, same) = ids(Analyzer::new().kinds(KindSet(1 << reset.0)).min_severity(Severity::Warn));
    assert_eq!(counts, same);
    let resets = all.iter().filter(|&&id| id == "tcp.connection.rst").count();
    assert!(resets > 1);
    let expected: Vec<_> =
        all.iter().copied().filter(|&id| id == "tcp.connection.rst" || id == "test.aborted").collect();
    assert_eq!(only, expected);
    let aborted = all.iter().filter(|&&id| id == "test.aborted").count();
    assert!(aborted >= resets && all.contains(&"test.third") && !only.contains(&"test.third"));
}

#[test]
fn a_rule_s_findings_stand_at_their_place_and_are_counted() {
    let quiet: [u8; 4] = [10, 0, 0, 9];
    let mut pcap = Pcap::new();
    pcap.frame(1_000_000, &ipv4(CLIENT.0, SERVER.0, 253, 0, 0, b"no ports"));
    pcap.frame(2_000_000, &tcp(CLIENT, SERVER, (1, 0), SYN, b""));
    pcap.frame(3_000_000, &tcp(SERVER, CLIENT, (9, 2), RST | ACK, b""));
    pcap.frame(4_000_000, &udp((quiet.into(), 53), CLIENT, b"x"));
    let mut told = Vec::new();
    let report = Analyzer::new()
        .rule(Nosy)
        .run([pcap.source()], &mut |f: &Finding| {
            told.push((f.known_at.0, f.frame.0, f.kind().id, f.stream, f.source.to_string()));
            Ok(())
        })
        .unwrap();
    let told: Vec<_> = told.iter().map(|t| (t.0, t.1, t.2, t.3, t.4.as_str())).collect();
    let (client, server) = ("10.0.0.1:40000", "10.0.0.2:9999");
    assert_eq!(
        told,
        [
            (1, 1, "test.third", None, "0.0.0.0:0"),
            (2, 2, "tcp.connection.syn", Some(0), client),
            (3, 3, "tcp.connection.rst", Some(0), server),
            (3, 3, "netanalyze.refused", Some(0), server),
            (3, 3, "test.aborted", Some(0), server),
            (4, 4, "test.third", Some(0), "10.0.0.9:53"),
            (4, 4, "test.lonely", Some(0), "10.0.0.9:53"),
        ]
    );
    let counts: Vec<_> = report
        .findings_by_kind
        .iter()
        .filter(|row| row.id.starts_with("test."))
        .map(|row| (row.id, row.severity, row.count, row.conversations, row.first_frame))
        .collect();
    assert_eq!(
        counts,
        [
            ("test.aborted", Severity::Error, 1, 1, 3),
            ("test.lonely", Severity::Note, 1, 1, 4),
            ("test.third", Severity::Chat, 2, 1, 1),
        ]
    );
}

/// The transport header of a completed datagram counts as its packet's.
#[test]
fn a_rule_finds_the_endpoints_in_a_completed_datagram() {
    let datagram = segment((CLIENT.1, SERVER.1), (5, 0), SYN, &[1; 28]);
    let piece = |offset: u16, bytes: &[u8]| ipv4(CLIENT.0, SERVER.0, 6, 7, offset, bytes);
    let mut pcap = Pcap::new();
    for time in 1..3 {
        pcap.frame(time, &udp(([10, 0, 0, 9].into(), 53), CLIENT, b"x"));
    }
    pcap.frame(3, &piece(0x2000, &datagram[..24]));
    pcap.frame(4, &piece(3, &datagram[24..]));
    let mut told = Vec::new();
    let mut observer = |finding: &Finding| {
        if finding.kind().id == "test.third" {
            told.push(format!("{} {} {:?}", finding.frame, finding.source, finding.stream));
        }
        Ok(())
    };
    Analyzer::new().rule(Nosy).run([pcap.source()], &mut observer).unwrap();
    assert_eq!(told, ["1 10.0.0.9:53 Some(0)", "4 10.0.0.1:40000 Some(0)"]);
}

#[test]
fn an_observer_s_error_ends_the_run_and_is_what_the_caller_gets() {
    let capture = busy_capture(6);
    for threads in [1, 2, 8] {
        for at in [0, 1, 100, 1000] {
            let capture = capture.clone();
            ends(move || {
                let mut told = 0;
                let mut stop = |_: &Finding| {
                    told += 1;
                    if told > at { Err(io::Error::other("enough"))? } else { Ok(()) }
                };
                let result = Analyzer::new().threads(threads).run([capture.source()], &mut stop);
                assert!(matches!(&result, Err(Error::Output(e)) if e.to_string() == "enough"), "{result:?}");
                assert_eq!(told, at + 1, "nothing is told after the error");
                let result = Analyzer::new()
                    .threads(threads)
                    .run([capture.source()], &mut |_: &Finding| Err(Error::Cancelled));
                assert!(matches!(result, Err(Error::Cancelled)));
            });
        }
    }
}

/// Cancels when it is told something.
struct Canceller(Cancellation, Wants, usize);

impl Observer for Canceller {
    fn wants(&self) -> Wants {
        self.1
    }

    fn packet(&mut self, _: &AnalysedFrame<'_>) -> Result<(), Error> {
        self.2 += 1;
        self.0.cancel();
        Ok(())
    }

    fn conversation(&mut self, _: &Conversation) -> Result<(), Error> {
        self.2 += 1;
        self.0.cancel();
        Ok(())
    }
}

#[test]
fn a_cancellation_from_within_ends_the_run_at_once() {
    let capture = busy_capture(3);
    for wants in [Wants::PACKETS, Wants::CONVERSATIONS] {
        for threads in [1, 8] {
            let mut observer = Canceller(Cancellation::default(), wants, 0);
            let cancellation = observer.0.clone();
            let analyzer = Analyzer::new().threads(threads).cancellation(&cancellation);
            let result = analyzer.run([capture.source()], &mut observer);
            assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
            assert_eq!(observer.2, 1, "{wants:?}");
        }
        let mut observer = Canceller(Cancellation::default(), wants, 0);
        let live = Analyzer::new().cancellation(&observer.0.clone()).live();
        assert!(matches!(push_all(capture.source(), live, &mut observer), Err(Error::Cancelled)));
        assert_eq!(observer.2, 1, "{wants:?}, live");
    }
}

/// The conversation quoted in an ICMP error takes a stream number, but has neither packets nor times.
#[test]
fn conversations_without_packets_are_not_told() {
    let quoted = tcp(([10, 0, 0, 7].into(), 7), ([10, 0, 0, 8].into(), 8), (1, 0), SYN, b"");
    let error = [&[3, 1, 0, 0, 0, 0, 0, 0][..], &quoted[14..]].concat();
    let mut pcap = Pcap::new();
    pcap.frame(1_000_000, &ipv4(CLIENT.0, SERVER.0, 1, 0, 0, &error));
    pcap.frame(2_000_000, &tcp(CLIENT, SERVER, (1, 0), SYN, b""));
    struct Streams(Vec<(u32, u64)>);
    impl Observer for Streams {
        fn wants(&self) -> Wants {
            Wants::CONVERSATIONS
        }

        fn conversation(&mut self, conversation: &Conversation) -> Result<(), Error> {
            self.0.push((conversation.stream, conversation.first_frame.0));
            Ok(())
        }
    }
    struct Everyone;
    impl Rule for Everyone {
        fn wants(&self) -> Wants {
            Wants::CONVERSATIONS
        }

        fn conversation(&mut self, conversation: &Conversation, found: &mut Found<'_>) {
            found.in_conversation(conversation, &LONELY, "");
        }
    }
    let mut told = Streams(Vec::new());
    let report = Analyzer::new().rule(Everyone).run([pcap.source()], &mut told).unwrap();
    assert_eq!((told.0, report.capture.tcp_streams), (vec![(1, 2)], 2));
    let found = report.findings_by_kind.iter().find(|row| row.id == LONELY.id).unwrap();
    assert_eq!((found.count, found.first_frame), (1, 2));
}

/// Repeats bytes without end.
struct Endless(Vec<u8>, usize);

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let rest = &self.0[self.1..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.1 += count;
        if self.1 == self.0.len() {
            self.1 = 24; // behind the file header
        }
        Ok(count)
    }
}

#[test]
fn a_cancellation_from_another_thread_ends_a_capture_without_end() {
    for threads in [1, 2, 8] {
        ends(move || {
            let cancellation = Cancellation::default();
            let packets = Arc::new(AtomicUsize::new(0));
            let other = {
                let (cancellation, packets) = (cancellation.clone(), packets.clone());
                std::thread::spawn(move || {
                    while packets.load(SeqCst) < 5_000 {
                        std::thread::yield_now();
                    }
                    cancellation.cancel();
                })
            };
            let source = Source::reader("endless", Endless(busy_capture(1).0, 0));
            let mut count = |_: &Finding| {
                packets.fetch_add(1, SeqCst);
                Ok(())
            };
            let result =
                Analyzer::new().threads(threads).cancellation(&cancellation).run([source], &mut count);
            assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
            other.join().unwrap();
        });
    }
}

/// Panics at a finding, as a rule.
struct Fragile;

impl Rule for Fragile {
    fn wants(&self) -> Wants {
        Wants::FINDINGS
    }

    fn finding(&mut self, finding: &Finding, _: &mut Found<'_>) {
        assert!(finding.frame.0 < 500, "rule");
    }
}

#[test]
fn a_panic_comes_through_and_leaves_nothing_behind() {
    let capture = busy_capture(3);
    let expected = {
        let mut diary = Diary::new(Wants::FINDINGS);
        Analyzer::new().run([capture.source()], &mut diary).unwrap();
        diary.lines
    };
    ends(move || {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        for threads in [1, 2, 8] {
            for inside in [false, true] {
                let run = || {
                    let of_observer = catch_unwind(AssertUnwindSafe(|| {
                        let mut observer = |finding: &Finding| {
                            assert!(finding.frame.0 < 500, "observer");
                            Ok(())
                        };
                        let _ = Analyzer::new().threads(threads).run([capture.source()], &mut observer);
                    }));
                    assert_eq!(of_observer.unwrap_err().downcast_ref(), Some(&"observer"));
                    let of_rule = catch_unwind(AssertUnwindSafe(|| {
                        let _ =
                            Analyzer::new().rule(Fragile).threads(threads).run([capture.source()], &mut ());
                    }));
                    assert_eq!(of_rule.unwrap_err().downcast_ref(), Some(&"rule"));
                    let mut diary = Diary::new(Wants::FINDINGS);
                    Analyzer::new().threads(threads).run([capture.source()], &mut diary).unwrap();
                    assert!(diary.lines == expected);
                };
                if inside { pool.install(run) } else { run() }
            }
        }
    });
}

#[test]
fn runs_within_a_caller_s_pool() {
    let capture = busy_capture(3);
    ends(move || {
        let run = || {
            let mut diary = Diary::new(Wants::ALL);
            let report = Analyzer::new().rule(Nosy).threads(4).run([capture.source()], &mut diary).unwrap();
            (diary.lines, beside_files(report))
        };
        let expected = run();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        assert!(pool.install(run) == expected);
        let (a, b) = pool.install(|| rayon::join(run, run));
        assert!(a == expected && b == expected);
    });
}

/// Fails in the middle.
struct Unplugged(io::Cursor<Vec<u8>>);

impl Read for Unplugged {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.0.position() * 2 > self.0.get_ref().len() as u64 {
            return Err(io::Error::other("unplugged"));
        }
        self.0.read(into)
    }
}

#[test]
fn every_source_gives_the_same_and_says_what_is_wrong_with_it() {
    let path = corpus().join("captures/web-slow.pcap");
    let bytes = std::fs::read(&path).unwrap();
    let shared: Arc<[u8]> = bytes.clone().into();
    let sources: [Source; 5] = [
        (&path).into(),
        path.to_str().unwrap().into(),
        Source::bytes("vec", bytes.clone()),
        Source::bytes("arc", shared),
        Source::reader("reader", io::Cursor::new(bytes.clone())),
    ];
    let mut reports: Vec<_> = sources
        .into_iter()
        .map(|source| beside_files(Analyzer::new().run([source], &mut ()).unwrap()))
        .collect();
    reports.dedup();
    assert_eq!(reports.len(), 1);

    let wrong = |source: Source| Analyzer::new().run([source], &mut ()).unwrap_err().to_string();
    assert_eq!(wrong(Source::reader("r", Unplugged(io::Cursor::new(bytes)))), "cannot read r: unplugged");
    assert!(wrong(Source::bytes("empty", [])).starts_with("empty: "));
    assert!(wrong(Source::bytes("text", "no capture")).starts_with("text: "));
    assert!(wrong("no/such/capture.pcap".into()).starts_with("cannot read no/such/capture.pcap: "));
    let none: [Source; 0] = [];
    assert!(matches!(Analyzer::new().run(none, &mut ()), Err(Error::NotACapture { .. })));
}

#[test]
fn an_observer_may_be_a_trait_object() {
    // More than one batch.
    let mut pcap = Pcap::new();
    pcap.frame(1, &tcp(CLIENT, SERVER, (1, 0), SYN, b"")).filler(2, 2 * BATCH_BYTES);
    pcap.frame(3, &tcp(SERVER, CLIENT, (9, 2), RST | ACK, b""));
    let mut diary = Diary::new(Wants::FINDINGS);
    let observer: &mut (dyn Observer + Send) = &mut diary;
    Analyzer::new().threads(3).run([pcap.source()], observer).unwrap();
    assert_eq!(diary.lines.len(), 3, "a SYN, a reset, a refusal: {:?}", diary.lines);
}
