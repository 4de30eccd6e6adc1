//! Properties that hold for any input: of threads, rotated sets, cut and damaged captures, and of serial numbers.
//!
//! Every run tries the same inputs: the seeds are fixed, and nothing is written beside the sources.

use std::fmt::Debug;
use std::io::Cursor;
use std::sync::OnceLock;

use netanalyze_core::capture::{Batch, CaptureReader, Source};
use netanalyze_core::field::fields;
use netanalyze_core::model::{Error, Link, NoteKind};
use netanalyze_core::report::Report;
use netanalyze_core::tcp::sequence::{after, at_or_before, before};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};

use crate::golden::manifest;
use crate::view::{Rows, run};

/// Tries a property on `cases` values, always the same ones.
fn check<S: Strategy>(cases: u32, strategy: S, property: impl Fn(S::Value) -> TestCaseResult)
where
    S::Value: Debug,
{
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    if let Err(failure) = runner.run(&strategy, property) {
        panic!("{failure}");
    }
}

/// A capture of the corpus.
struct Capture {
    name: String,
    status: String,
    bytes: Vec<u8>,
}

fn corpus() -> &'static [Capture] {
    static CORPUS: OnceLock<Vec<Capture>> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let read = |entry: crate::golden::Entry| {
            let bytes = std::fs::read(entry.path()).unwrap();
            Capture { bytes, name: entry.name, status: entry.status }
        };
        manifest().into_iter().map(read).collect()
    })
}

fn source(bytes: Vec<u8>) -> Source {
    Source::Stream { name: "test".to_owned(), reader: Box::new(Cursor::new(bytes)) }
}

/// Every field of every frame but those that say where the frame lay, and every finding's sentence.
fn everything() -> Rows {
    Rows::new(fields().map(|field| field.name).filter(|name| *name != "frame.interface_id")).with_findings()
}

type Rendered = (Vec<Vec<String>>, String);

/// Rows and report; none if the set is no capture.
fn analyse(set: &[Vec<u8>], threads: usize) -> Option<Rendered> {
    let sources = set.iter().cloned().map(source).collect();
    match run(sources, threads, &everything()) {
        Ok((rows, report)) => Some((rows, format!("{report:#?}"))),
        Err(Error::NotACapture { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// What may befall a file.
#[derive(Clone, Debug)]
enum Harm {
    Change(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    Repeat(Index, usize),
}

impl Harm {
    fn strategy() -> impl Strategy<Value = Harm> {
        let place = any::<Index>;
        prop_oneof![
            4 => (place(), select(vec![0, 1, 0x7f, 0x80, 0xff])).prop_map(|(at, byte)| Harm::Change(at, byte)),
            4 => (place(), any::<u8>()).prop_map(|(at, byte)| Harm::Change(at, byte)),
            4 => (place(), 0..8u8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
            1 => place().prop_map(Harm::Cut),
            2 => (place(), 1..100usize).prop_map(|(at, len)| Harm::Remove(at, len)),
            2 => (place(), prop::collection::vec(any::<u8>(), 1..60)).prop_map(|(at, new)| Harm::Insert(at, new)),
            2 => (place(), 1..400usize).prop_map(|(at, len)| Harm::Repeat(at, len)),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        let (Harm::Change(at, _)
        | Harm::Flip(at, _)
        | Harm::Cut(at)
        | Harm::Remove(at, _)
        | Harm::Insert(at, _)
        | Harm::Repeat(at, _)) = self;
        if bytes.is_empty() {
            return;
        }
        let at = at.index(bytes.len());
        let end = |len: usize| bytes.len().min(at + len);
        match self {
            Harm::Change(_, byte) => bytes[at] = *byte,
            Harm::Flip(_, bit) => bytes[at] ^= 1 << bit,
            Harm::Cut(_) => bytes.truncate(at),
            Harm::Remove(_, len) => drop(bytes.drain(at..end(*len))),
            Harm::Insert(_, new) => drop(bytes.splice(at..at, new.iter().copied())),
            Harm::Repeat(_, len) => {
                let again = bytes[at..end(*len)].to_vec();
                drop(bytes.splice(at..at, again));
            }
        }
    }
}

/// A capture of the corpus, or one that was harmed.
fn capture(harms: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    (any::<Index>(), prop::collection::vec(Harm::strategy(), harms)).prop_map(|(which, harms)| {
        let mut bytes = which.get(corpus()).bytes.clone();
        harms.iter().for_each(|harm| harm.apply(&mut bytes));
        bytes
    })
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let set = prop::collection::vec(prop_oneof![2 => capture(0..1), 1 => capture(1..4)], 1..5);
    check(60, set, |set| {
        let one = analyse(&set, 1);
        for threads in [2, 5] {
            prop_assert_eq!(&analyse(&set, threads), &one, "{} threads", threads);
        }
        Ok(())
    });
}

/// The same with batches that follow each other within one file: conversations, datagrams and findings go on from batch to batch.
#[test]
fn the_number_of_threads_changes_nothing_in_a_large_capture() {
    let frames: Vec<Frame> =
        corpus().iter().filter_map(Records::of).flat_map(|records| records.frames).collect();
    let mut large = Vec::new();
    let shift = 3_600_000_000_000;
    for round in 0.. {
        if large.iter().map(|frame: &Frame| frame.bytes.len()).sum::<usize>() > 3 << 20 {
            break;
        }
        large.extend(frames.iter().map(|frame| Frame { time: frame.time + round * shift, ..frame.clone() }));
    }
    let links = vec![Link { kind: netanalyze_core::model::LinkType::ETHERNET, fcs_len: 0 }];
    let records = Records { links, frames: large };
    let file = [records.pcapng(0..records.frames.len())];
    let names =
        ["frame.number", "tcp.stream", "udp.stream", "tcp.analysis.ack_rtt", "tcp.analysis.rto_frame"];
    let view = || Rows::new(names).with_findings();
    let analyse = |threads| {
        let (rows, report) = run(file.iter().cloned().map(source).collect(), threads, &view()).unwrap();
        (rows, format!("{report:#?}"))
    };
    let one = analyse(1);
    assert!(one.0.len() > 10_000, "{} rows", one.0.len());
    for threads in [2, 5] {
        // Not `assert_eq`: nobody reads megabytes.
        assert!(analyse(threads) == one, "{threads} threads");
    }
}

/// A frame apart from its file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    time: i64,
    wire: u32,
    interface: u32,
    bytes: Vec<u8>,
}

/// What a capture holds, to be written as other files.
#[derive(Clone, Debug)]
struct Records {
    links: Vec<Link>,
    frames: Vec<Frame>,
}

/// Reads the frames of a capture, as far as it can be read; none if it is no capture.
fn read(bytes: &[u8], batch: &mut Batch) -> Option<Records> {
    let mut reader = match CaptureReader::open(vec![source(bytes.to_vec())]) {
        Ok(reader) => reader,
        Err(Error::NotACapture { .. }) => return None,
        Err(error) => panic!("{error}"),
    };
    let mut frames = Vec::new();
    loop {
        match reader.next_batch(batch) {
            Ok(true) => {}
            Ok(false) => return Some(Records { links: batch.links.to_vec(), frames }),
            Err(Error::NotACapture { .. }) => return None,
            Err(error) => panic!("{error}"),
        }
        frames.extend(batch.frames.iter().map(|frame| Frame {
            time: frame.time.0,
            wire: frame.wire_len,
            interface: frame.interface,
            bytes: batch.frame_bytes(frame).to_vec(),
        }));
    }
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = (body.len().next_multiple_of(4) + 12) as u32;
    let mut block = [kind.to_le_bytes(), length.to_le_bytes()].concat();
    block.extend(body);
    block.resize(length as usize - 4, 0);
    block.extend(length.to_le_bytes());
    block
}

impl Records {
    /// The records of a whole capture that other files can hold, too: with a time, and of interfaces that are described.
    fn of(capture: &Capture) -> Option<Records> {
        let mut records =
            read(&capture.bytes, &mut Batch::default()).filter(|_| capture.status == "whole")?;
        let writable = |frame: &Frame| frame.time > 0 && frame.interface != u32::MAX;
        records.frames.retain(writable);
        (records.frames.len() > 1).then_some(records)
    }

    /// Whether a pcap file can hold them.
    fn fit_into_pcap(&self) -> bool {
        self.links.len() == 1 && self.links[0].fcs_len == 0
    }

    fn pcap(&self, range: std::ops::Range<usize>) -> Vec<u8> {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        let mut file = words(&[0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, self.links[0].kind.0]);
        for frame in &self.frames[range] {
            let (seconds, rest) = (frame.time / 1_000_000_000, frame.time % 1_000_000_000);
            file.extend(words(&[seconds as u32, rest as u32, frame.bytes.len() as u32, frame.wire]));
            file.extend(&frame.bytes);
        }
        file
    }

    fn pcapng(&self, range: std::ops::Range<usize>) -> Vec<u8> {
        let mut file = block(0x0a0d_0d0a, &[&[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0][..], &[0xff; 8]].concat());
        for link in &self.links {
            let kind = (link.kind.0 as u16).to_le_bytes();
            // Nanoseconds; the length of the frame check sequence in bits.
            let options = [9, 0, 1, 0, 9, 0, 0, 0, 13, 0, 1, 0, link.fcs_len * 8, 0, 0, 0, 0, 0, 0, 0];
            file.extend(block(1, &[&kind[..], &[0; 6], &options].concat()));
        }
        for frame in &self.frames[range] {
            let (high, low) = ((frame.time >> 32) as u32, frame.time as u32);
            let words = [frame.interface, high, low, frame.bytes.len() as u32, frame.wire];
            let head = words.iter().flat_map(|word| word.to_le_bytes());
            file.extend(block(6, &head.chain(frame.bytes.iter().copied()).collect::<Vec<_>>()));
        }
        file
    }
}

/// Rows, findings and report without what is said about files.
fn without_files(set: &[Vec<u8>]) -> ([Vec<Vec<String>>; 2], Report) {
    let (rows, mut report) = run(set.iter().cloned().map(source).collect(), 2, &everything()).unwrap();
    // The view gives a batch's rows, then its findings; and a batch is of one file.
    let (findings, rows) = rows.into_iter().partition(|row| row.len() == 3);
    report.capture.facts = Default::default();
    report.notes.retain(|note| note.file.is_none() && note.kind != NoteKind::DescendingTimes);
    // Where files are cut is told by notes, and counts among what is wrong with times.
    report.quality.retain(|gate| gate.code != "Q-07");
    ([rows, findings], report)
}

#[test]
fn a_rotated_set_is_one_capture() {
    let records: Vec<(&str, Records)> =
        corpus().iter().filter_map(|c| Records::of(c).map(|records| (&*c.name, records))).collect();
    assert!(records.len() > 100, "only {} captures", records.len());
    let places = prop::collection::vec(any::<Index>(), 1..5);
    check(200, (any::<Index>(), places, any::<bool>()), |(which, places, pcap)| {
        let (name, records) = which.get(&records);
        let write = |range| {
            if pcap && records.fit_into_pcap() { records.pcap(range) } else { records.pcapng(range) }
        };
        let count = records.frames.len();
        // A piece may be empty: the newest file of a set often is.
        let mut cuts: Vec<usize> = places.iter().map(|place| place.index(count + 1)).collect();
        cuts.extend([0, count]);
        cuts.sort_unstable();
        let pieces: Vec<Vec<u8>> = cuts.windows(2).map(|ends| write(ends[0]..ends[1])).collect();
        let (rows, report) = without_files(&[write(0..count)]);
        let (rotated_rows, rotated) = without_files(&pieces);
        prop_assert_eq!(rows, rotated_rows, "{} cut at {:?}", name, cuts);
        prop_assert_eq!(format!("{report:#?}"), format!("{rotated:#?}"), "{} cut at {:?}", name, cuts);
        Ok(())
    });
}

/// Where a capture is cut: everywhere if it is small, else around the ends of records, and at a sample of other places.
fn cuts(bytes: &[u8], whole: &Records) -> Vec<usize> {
    if bytes.len() <= 1_600 {
        return (0..bytes.len()).collect();
    }
    let mut cuts: Vec<usize> = (0..bytes.len()).step_by(211).collect();
    let mut from = 0;
    for frame in &whole.frames {
        // In a file that is not packed a frame's bytes stand as they are.
        let found = bytes[from..].windows(frame.bytes.len().max(1)).position(|window| window == frame.bytes);
        let Some(place) = found else { break };
        from += place + frame.bytes.len();
        cuts.extend([from - 1, from, from + 1]);
    }
    cuts.retain(|&cut| cut < bytes.len());
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

#[test]
fn a_prefix_holds_the_first_packets_of_the_whole() {
    let (mut batch, mut tried) = (Batch::default(), 0);
    for capture in corpus() {
        let Some(whole) = read(&capture.bytes, &mut batch) else { continue };
        for cut in cuts(&capture.bytes, &whole) {
            let Some(front) = read(&capture.bytes[..cut], &mut batch) else { continue };
            tried += 1;
            // Behind damage, what is found depends on what follows.
            if capture.status == "whole" {
                let first = whole.frames.get(..front.frames.len());
                assert!(first == Some(&front.frames[..]), "{} cut at {cut}", capture.name);
            }
        }
    }
    assert!(tried > 20_000, "only {tried} prefixes");
}

/// The same through all of the analysis: the first frames' rows do not depend on what comes later.
#[test]
fn a_prefix_has_the_first_rows_of_the_whole() {
    let view = || Rows::new(fields().map(|field| field.name));
    let whole_captures: Vec<&Capture> = corpus().iter().filter(|c| c.status == "whole").collect();
    check(250, (any::<Index>(), any::<Index>()), |(which, cut)| {
        let capture = which.get(&whole_captures);
        let front = &capture.bytes[..cut.index(capture.bytes.len())];
        let Ok((rows, _)) = run(vec![source(front.to_vec())], 1, &view()) else { return Ok(()) };
        let (whole, _) = run(vec![source(capture.bytes.clone())], 1, &view()).unwrap();
        prop_assert!(whole.starts_with(&rows), "{} cut at {}", capture.name, front.len());
        Ok(())
    });
}

#[test]
fn harmed_captures_are_read_to_the_end() {
    check(400, capture(1..12), |bytes| {
        if let Some((rows, report)) = analyse(&[bytes], 1) {
            prop_assert!(!rows.is_empty() && !report.is_empty());
        }
        Ok(())
    });
}

#[test]
fn noise_is_read_to_the_end() {
    let heads = select(vec![
        &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0][..],
        &[0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 1],
        &[0x34, 0xcd, 0xb2, 0xa1, 2, 0, 4, 0],
        &[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0],
        &[0x1f, 0x8b, 8, 0],
        &[0x28, 0xb5, 0x2f, 0xfd],
        &[0x04, 0x22, 0x4d, 0x18],
        &[],
    ]);
    check(150, (heads, prop::collection::vec(any::<u8>(), 0..2_000)), |(head, noise)| {
        analyse(&[[head, &noise].concat()], 1);
        Ok(())
    });
    // Frames of noise on every link type that there may be.
    let frame =
        prop::collection::vec(prop_oneof![any::<u8>(), select(vec![0, 0x08, 0x45, 0x60, 6, 17])], 0..300);
    check(150, (0..300u32, prop::collection::vec(frame, 1..6)), |(link, frames)| {
        let records = Records {
            links: vec![Link { kind: netanalyze_core::model::LinkType(link), fcs_len: 0 }],
            frames: frames
                .into_iter()
                .map(|bytes| Frame { time: 1_000_000_000, wire: bytes.len() as u32 + 7, interface: 0, bytes })
                .collect(),
        };
        let count = records.frames.len();
        let (rows, _) = analyse(&[records.pcap(0..count)], 1).expect("a good file");
        prop_assert!(rows.len() >= count);
        Ok(())
    });
}

/// Numbers around 0, 2^31 and 2^32, and any.
fn number() -> impl Strategy<Value = u32> {
    let near = |corner: u32| (-300..300i32).prop_map(move |by| corner.wrapping_add_signed(by));
    prop_oneof![near(0), near(1 << 31), near(1 << 30), near(3 << 30), any::<u32>()]
}

#[test]
fn serial_order_is_the_order_of_distances() {
    check(2_000, (number(), number()), |(a, b)| {
        let ahead = (u64::from(b) + (1 << 32) - u64::from(a)) % (1 << 32);
        prop_assert_eq!(before(a, b), (1..=1 << 31).contains(&ahead));
        prop_assert_eq!(after(a, b), ahead >= 1 << 31);
        prop_assert_eq!(at_or_before(a, b), ahead <= 1 << 31);
        Ok(())
    });
}

#[test]
fn serial_order_is_antisymmetric() {
    check(2_000, (number(), number()), |(a, b)| {
        prop_assert_eq!(before(a, b), after(b, a));
        if a.wrapping_sub(b) != 1 << 31 {
            // Exactly one holds; half the circle apart, both orders do.
            prop_assert_eq!(u8::from(before(a, b)) + u8::from(after(a, b)) + u8::from(a == b), 1);
        } else {
            prop_assert!(before(a, b) && after(a, b));
        }
        prop_assert_eq!(at_or_before(a, b), a == b || before(a, b));
        Ok(())
    });
}

#[test]
fn serial_order_is_the_same_anywhere_on_the_circle() {
    check(2_000, (number(), number(), number()), |(a, b, by)| {
        let (c, d) = (a.wrapping_add(by), b.wrapping_add(by));
        prop_assert_eq!(before(a, b), before(c, d));
        prop_assert_eq!(after(a, b), after(c, d));
        prop_assert_eq!(at_or_before(a, b), at_or_before(c, d));
        Ok(())
    });
}

#[test]
fn serial_order_agrees_with_integers_that_are_near() {
    check(2_000, (number(), number()), |(a, b)| {
        let (x, y) = (a.cast_signed(), b.cast_signed());
        if x.checked_sub(y).is_some_and(|difference| difference != i32::MIN) {
            prop_assert_eq!(before(a, b), x < y);
            prop_assert_eq!(after(a, b), x > y);
            prop_assert_eq!(at_or_before(a, b), x <= y);
        }
        Ok(())
    });
}
