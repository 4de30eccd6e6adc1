//! A live analysis: the same as one of a file, frame by frame, whatever the frames are and whatever the observer does.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use netanalyze_core::capture::{Batch, CaptureReader};
use netanalyze_core::model::limits::{MAX_RECORD_BYTES, MIN_MEMORY_LIMIT};
use netanalyze_core::model::{Link, LinkType, NoteKind, Timestamp};
use netanalyze_core::{
    AnalysedFrame, Analyzer, Cancellation, Error, Finding, Found, Frame, Kind, Live, Observer, Report, Rule,
    Severity, Source, Wants,
};

use crate::engine::busy_capture;
use crate::face::{Diary, Nosy, beside_files};
use crate::golden::corpus;
use crate::memory::flood;
use crate::wire::{ACK, CLIENT, ETHERNET, SERVER, SYN, tcp};

/// Pushes the frames of a capture into a live analysis.
pub(crate) fn push_all(
    source: Source,
    mut live: Live,
    observer: &mut impl Observer,
) -> Result<Report, Error> {
    let mut reader = CaptureReader::open(vec![source])?;
    let mut batch = Batch::default();
    while reader.next_batch(&mut batch)? {
        for raw in &batch.frames {
            let unknown = Link { kind: LinkType(u32::MAX), fcs_len: 0 };
            let link = batch.links.get(raw.interface as usize).copied().unwrap_or(unknown);
            let frame = Frame::new(raw.time, link, batch.frame_bytes(raw)).with_wire_len(raw.wire_len);
            live.push(frame, observer)?;
        }
    }
    live.finish(observer)
}

#[test]
fn a_live_analysis_of_every_corpus_capture_equals_that_of_the_file() {
    let mut compared = 0;
    let mut seen = BTreeMap::<String, usize>::new();
    for entry in std::fs::read_dir(corpus().join("captures")).unwrap() {
        let path = entry.unwrap().path();
        let mut file = Diary::new(Wants::ALL);
        let of_file = Analyzer::new().rule(Nosy).threads(2).run([&path], &mut file);
        let mut live = Diary::new(Wants::ALL);
        let of_live = push_all(Source::from(&path), Analyzer::new().rule(Nosy).live(), &mut live);
        match (of_file, of_live) {
            (Ok(of_file), Ok(of_live)) => {
                let difference = file.lines.iter().zip(&live.lines).find(|(a, b)| a != b);
                assert_eq!(difference, None, "{}", path.display());
                assert_eq!(file.lines.len(), live.lines.len(), "{}", path.display());
                assert_eq!(
                    beside_files(of_file.clone()),
                    beside_files(of_live.clone()),
                    "{}",
                    path.display()
                );
                let known: Vec<u64> = live
                    .lines
                    .iter()
                    .filter_map(|line| line.strip_prefix("finding ")?.split(' ').next()?.parse().ok())
                    .collect();
                assert!(known.is_sorted(), "{}", path.display());
                compared += 1;
                for row in &of_live.findings_by_kind {
                    *seen.entry(row.id.to_owned()).or_default() += 1;
                }
                for note in &of_live.notes {
                    *seen.entry(format!("{:?}", note.kind)).or_default() += 1;
                }
                *seen.entry("conversations".to_owned()).or_default() +=
                    live.lines.iter().filter(|line| line.starts_with("conversation")).count();
            }
            (Err(of_file), Err(of_live)) => assert_eq!(of_file.to_string(), of_live.to_string()),
            (of_file, of_live) => panic!("{}: {of_file:?} but live {of_live:?}", path.display()),
        }
    }
    assert!(compared > 100, "{compared} captures");
    // The comparison is worth something only if there was something to compare.
    for what in [
        "test.third",
        "test.aborted",
        "test.lonely",
        "netanalyze.gap",
        "UnknownLinkType",
        "UnknownInterface",
        "MalformedFrames",
    ] {
        assert!(seen.contains_key(what), "{what}: {seen:?}");
    }
    assert!(seen["conversations"] > 200);
}

#[test]
fn a_busy_capture_gives_the_same_live_and_on_any_number_of_threads() {
    let capture = busy_capture(4);
    let mut live = Diary::new(Wants::ALL);
    let report = push_all(capture.source(), Analyzer::new().rule(Nosy).live(), &mut live).unwrap();
    for threads in [0, 1, 2, 7] {
        let mut file = Diary::new(Wants::ALL);
        let of_file = Analyzer::new().rule(Nosy).threads(threads).run([capture.source()], &mut file).unwrap();
        assert!(file.lines == live.lines, "{threads} threads");
        assert_eq!(beside_files(of_file), beside_files(report.clone()), "{threads} threads");
    }
}

#[test]
fn a_cancelled_analysis_has_no_report() {
    for frames in [0, 3] {
        let cancellation = Cancellation::default();
        let mut live = Analyzer::new().cancellation(&cancellation).live();
        for at in 0..frames {
            let bytes = tcp(CLIENT, SERVER, (1, 0), SYN, b"");
            live.push(Frame::new(Timestamp(at), LinkType(ETHERNET), &bytes), &mut ()).unwrap();
        }
        cancellation.cancel();
        assert!(matches!(live.finish(&mut ()), Err(Error::Cancelled)), "{frames}");
    }
}

/// Finds two things of the same id in every packet.
struct Namesakes;

static NAME: Kind = Kind::custom("test.name", Severity::Note, "A name");
static NAMESAKE: Kind = Kind::custom("test.name", Severity::Warn, "The same name");

impl Rule for Namesakes {
    fn wants(&self) -> Wants {
        Wants::PACKETS
    }

    fn packet(&mut self, packet: &AnalysedFrame<'_>, found: &mut Found<'_>) {
        found.in_packet(packet, &NAME, "");
        found.in_packet(packet, &NAMESAKE, "");
    }
}

#[test]
fn findings_are_counted_by_id_and_severity_even_if_the_observer_fails() {
    let mut live = Analyzer::new().rule(Namesakes).live();
    for at in 0..3 {
        let bytes = tcp(CLIENT, SERVER, (1, 0), SYN, b"");
        let frame = Frame::new(Timestamp(at), LinkType(ETHERNET), &bytes);
        assert!(live.push(frame, &mut |_: &Finding| Err(Error::Cancelled)).is_err());
    }
    let report = live.finish(&mut ()).unwrap();
    let rows = report.findings_by_kind.iter().filter(|row| row.id == NAME.id);
    let rows: Vec<_> =
        rows.map(|row| (row.severity, row.count, row.conversations, row.first_frame)).collect();
    assert_eq!(rows, [(Severity::Note, 3, 1, 1), (Severity::Warn, 3, 1, 1)]);
}

#[test]
fn a_live_analysis_without_frames_is_an_empty_report() {
    let mut diary = Diary::new(Wants::ALL);
    let report = Analyzer::new().rule(Nosy).live().finish(&mut diary).unwrap();
    assert_eq!((report.capture.packets, report.findings_by_kind.len(), report.notes.len()), (0, 0, 0));
    assert!(diary.lines.is_empty());
}

#[test]
fn live_frames_may_be_of_any_link_length_and_time() {
    let mut live = Analyzer::new().live();
    let mut told = Vec::new();
    let mut observer = |finding: &Finding| {
        told.push(finding.kind().id);
        Ok(())
    };
    let syn = tcp(CLIENT, SERVER, (1, 0), SYN, b"");
    let answer = tcp(SERVER, CLIENT, (7, 2), SYN | ACK, b"");
    let at = Timestamp;
    // Times step back, and to both ends of what there is.
    live.push(Frame::new(at(5_000_000_000), LinkType(ETHERNET), &syn), &mut observer).unwrap();
    live.push(Frame::new(at(1_000_000_000), LinkType(ETHERNET), &answer), &mut observer).unwrap();
    live.push(Frame::new(at(i64::MIN), LinkType(ETHERNET), &syn), &mut observer).unwrap();
    live.push(Frame::new(at(i64::MAX), LinkType(ETHERNET), &answer), &mut observer).unwrap();
    // Every length, with a lie about the wire and a frame check sequence longer than the frame.
    for end in 0..=syn.len() {
        for (kind, fcs_len, wire_len) in
            [(ETHERNET, 0, 0), (ETHERNET, 255, u32::MAX), (101, 0, 1500), (276, 4, 0)]
        {
            let link = Link { kind: LinkType(kind), fcs_len };
            let frame = Frame::new(at(0), link, &syn[..end]).with_wire_len(wire_len);
            live.push(frame, &mut observer).unwrap();
        }
    }
    for kind in [147, 65_535, u32::MAX - 1, u32::MAX] {
        live.push(Frame::new(at(0), LinkType(kind), &syn), &mut observer).unwrap();
    }
    let giant = vec![0; MAX_RECORD_BYTES as usize + 1];
    live.push(Frame::new(at(0), LinkType(ETHERNET), &giant), &mut observer).unwrap();
    let frames = live.frames();
    let report = live.finish(&mut observer).unwrap();
    assert_eq!(report.capture.packets, frames);
    assert_eq!(report.capture.facts.files[0].packets, frames);
    let by_interface: u64 = report.capture.facts.interfaces.iter().map(|each| each.packets).sum();
    assert_eq!(by_interface + 1, frames, "all but the one of no interface");
    assert_eq!(report.capture.latest, Some(at(i64::MAX)));
    let kinds: Vec<_> = report.notes.iter().map(|note| note.kind).collect();
    for kind in [NoteKind::UnknownLinkType, NoteKind::UnknownInterface, NoteKind::SnappedFrames] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert!(told.contains(&"tcp.connection.synack") && told.contains(&"tcp.analysis.retransmission"));
}

#[test]
fn a_live_analysis_outlives_an_observer_s_error_and_its_panic() {
    let frames = [
        tcp(CLIENT, SERVER, (1, 0), SYN, b""),
        tcp(SERVER, CLIENT, (7, 2), SYN | ACK, b""),
        tcp(CLIENT, SERVER, (2, 8), ACK, b"data"),
        tcp(CLIENT, SERVER, (2, 8), ACK, b"data"),
    ];
    let mut live = Analyzer::new().rule(Nosy).live();
    let mut told = Vec::new();
    for (at, bytes) in frames.iter().enumerate() {
        let frame = Frame::new(Timestamp(at as i64 * 500_000_000), LinkType(ETHERNET), bytes);
        match at {
            0 => {
                let mut failing = |_: &Finding| Err(Error::Cancelled);
                assert!(live.push(frame, &mut failing).is_err());
            }
            1 => {
                let mut panicking = |_: &Finding| panic!("on purpose");
                assert!(catch_unwind(AssertUnwindSafe(|| live.push(frame, &mut panicking))).is_err());
            }
            _ => live
                .push(frame, &mut |finding: &Finding| {
                    told.push((finding.kind().id, finding.stream));
                    Ok(())
                })
                .unwrap(),
        }
    }
    assert_eq!(told, [("tcp.analysis.retransmission", Some(0)), ("test.third", Some(0))]);
    assert_eq!(live.finish(&mut ()).unwrap().capture.tcp_streams, 1);
}

#[test]
fn a_live_analysis_goes_from_thread_to_thread() {
    let frame = tcp(CLIENT, SERVER, (1, 0), SYN, b"");
    let mut live = Analyzer::new().rule(Nosy).live();
    for second in 0..3 {
        let bytes = frame.clone();
        live = std::thread::spawn(move || {
            let time = Timestamp(second * 1_000_000_000);
            live.push(Frame::new(time, LinkType(ETHERNET), &bytes), &mut ()).unwrap();
            live
        })
        .join()
        .unwrap();
    }
    assert_eq!(live.finish(&mut ()).unwrap().capture.packets, 3);
}

/// What is forgotten under a memory limit does not depend on batches, and so not on whether there are any. A live analysis always keeps the
/// books, so that the observer must want conversations.
#[test]
fn a_live_analysis_forgets_what_that_of_a_file_forgets() {
    let capture = flood(60_000);
    let wants = Wants::FINDINGS | Wants::CONVERSATIONS;
    let limited = || Analyzer::new().memory_limit(MIN_MEMORY_LIMIT);
    let (mut file, mut live) = (Diary::new(wants), Diary::new(wants));
    let of_file = limited().run([capture.source()], &mut file).unwrap();
    let of_live = push_all(capture.source(), limited().live(), &mut live).unwrap();
    assert!(file.lines == live.lines);
    assert_eq!(of_file.notes.len(), 1, "{:?}", of_file.notes);
    assert_eq!(beside_files(of_file), beside_files(of_live));
}
