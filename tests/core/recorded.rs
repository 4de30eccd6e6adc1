//! Recorded exchanges: every field of TLS is tshark's, every handshake ends as `recorded.tsv` says, and no finding is missing or too many.
//! Every prefix of each is read, too.

use std::num::NonZeroUsize;

use netanalyze_core::capture::Source;
use netanalyze_core::engine::{Cancellation, Depth, Interests, View, analyse};
use netanalyze_core::field::{AnalysedBatch, Row, Selection, field_by_name};
use netanalyze_core::protocol::message::Message;
use netanalyze_core::protocol::tls::{Handshake, Outcome, Who};

use crate::golden::corpus;

/// A line of `recorded.tsv`.
struct Entry {
    name: String,
    frames: usize,
    handshakes: String,
    findings: String,
}

fn entries() -> Vec<Entry> {
    let text = std::fs::read_to_string(corpus().join("recorded.tsv")).unwrap();
    let entry = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, _, frames, _, handshakes, findings] = cells[..] else { panic!("{line}") };
        let [name, handshakes, findings] = [name, handshakes, findings].map(str::to_owned);
        Entry { name, frames: frames.parse().unwrap(), handshakes, findings }
    };
    text.lines().skip(1).map(entry).collect()
}

/// Rows of fields, what became of handshakes, and findings.
#[derive(Default)]
struct Told {
    rows: Vec<Vec<String>>,
    handshakes: Vec<String>,
    findings: Vec<String>,
}

struct All {
    selection: Selection,
}

impl View for All {
    type Piece = Told;

    fn interests(&self) -> Interests {
        Interests { rows: true, applications: Depth::All, ..Interests::default() }
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Told {
        let mut told = Told::default();
        let mut row = Row::default();
        for frame in batch.frames() {
            self.selection.read(&frame, &mut row);
            let cell = |values: &Vec<_>| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            told.rows.push(row.cells().iter().map(cell).collect());
        }
        for met in batch.messages {
            if let Message::Handshake(row) = &met.message {
                told.handshakes.push(outcome(row));
            }
        }
        let findings = batch.findings.iter().map(|f| (f.kind().id, f.frame, f.message()));
        for (id, frame, message) in
            findings.filter(|(id, ..)| id.contains("tls_") || id.contains("certificate"))
        {
            assert!(!message.is_empty());
            if id != "http.tls_port" {
                told.findings.push(format!("{frame}:{id}"));
            }
        }
        told
    }
}

fn outcome(row: &Handshake) -> String {
    let by =
        |word: &str, who: Who| format!("{word}:{}", if who == Who::Client { "client" } else { "server" });
    match row.outcome {
        Outcome::Completed => "completed".to_owned(),
        Outcome::Resumed => "resumed".to_owned(),
        Outcome::Failed(who) => by("failed", who),
        Outcome::Rejected(who) => by("rejected", who),
        Outcome::Reset(Some(who)) => by("reset", who),
        Outcome::Closed(who) => by("closed", who),
        Outcome::Silent(Some(who)) => by("silent", who),
        Outcome::PlainText(who) => by("text", who),
        other => format!("{other:?}"),
    }
}

fn run(source: Source, fields: &[String]) -> Told {
    let view = All { selection: Selection::new(fields.iter().map(String::as_str)).unwrap() };
    let mut all = Told::default();
    let accept = |piece: Told, _: &AnalysedBatch<'_>| {
        all.rows.extend(piece.rows);
        all.handshakes.extend(piece.handshakes);
        all.findings.extend(piece.findings);
        Ok(())
    };
    analyse(vec![source], NonZeroUsize::MIN, &view, accept, &Cancellation::default()).unwrap();
    all
}

#[test]
fn recorded_captures_are_what_their_lines_say() {
    let mut cells = 0;
    for entry in entries() {
        let name = &entry.name;
        let table = std::fs::read_to_string(corpus().join(format!("recorded/golden/{name}.tsv"))).unwrap();
        let mut lines = table.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        let fields = lines.next().unwrap();
        assert!(fields.iter().all(|field| field_by_name(field).is_some()), "a field of {name} is unknown");
        let told = run(Source::File(corpus().join("recorded").join(name)), &fields);
        let expected: Vec<_> = lines.collect();
        assert_eq!((expected.len(), told.rows.len()), (entry.frames, entry.frames), "frames of {name}");
        for (number, (theirs, ours)) in (1..).zip(expected.iter().zip(&told.rows)) {
            for (field, (theirs, ours)) in fields.iter().zip(theirs.iter().zip(ours)) {
                assert_eq!(ours, theirs, "{name} frame {number}: {field}");
                cells += usize::from(!theirs.is_empty());
            }
        }
        assert_eq!(told.handshakes.join(" "), entry.handshakes, "handshakes of {name}");
        let mut findings = told.findings;
        findings.sort_by_key(|finding| finding.split(':').next().unwrap().parse::<u32>().unwrap());
        assert_eq!(findings.join(" "), entry.findings, "findings of {name}");
    }
    assert!(cells > 1_500, "only {cells} cells were compared");
}

#[test]
fn every_prefix_of_a_recorded_capture_is_read() {
    let fields = ["frame.number", "tls.handshake.type"].map(str::to_owned);
    let mut read = 0;
    for entry in entries() {
        let bytes = std::fs::read(corpus().join("recorded").join(&entry.name)).unwrap();
        // Unit tests cut single messages at every byte.
        for len in (120..bytes.len()).step_by(if bytes.len() < 1_500 { 9 } else { 97 }) {
            let reader = Box::new(std::io::Cursor::new(bytes[..len].to_vec()));
            let told = run(Source::Stream { name: "cut".to_owned(), reader }, &fields);
            assert!(told.rows.len() <= entry.frames);
            read += 1;
        }
    }
    assert!(read > 1_000, "only {read} prefixes");
}
