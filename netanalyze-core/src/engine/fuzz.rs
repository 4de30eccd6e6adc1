//! What fuzzing asserts of the whole engine: any bytes give the same rows, findings and report on one thread and on several and whenever
//! conversations become compact, and the report adds up to what the rows say.
//!
//! The body of the fuzz target `engine`; run once on the corpus in the unit tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io::Cursor;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::{Cancellation, Interests, View, analyse};
use crate::capture::Source;
use crate::expert::KindId;
use crate::field::{AnalysedBatch, Row, Selection, fields};
use crate::model::Error;
use crate::model::limits::QUIET_FRAMES;
use crate::report::Report;

/// Every field of every frame, and every finding; conversations become compact after so many frames.
struct Everything {
    selection: Selection,
    quiet_frames: u64,
}

/// What a batch comes to.
#[derive(Default)]
struct Piece {
    /// Cells of a row are separated by tabs.
    rows: Vec<String>,
    /// Kind, frame, and all that is said.
    findings: Vec<(KindId, u64, String)>,
}

impl View for Everything {
    type Piece = Piece;

    fn interests(&self) -> Interests {
        Interests {
            rows: true,
            summary: true,
            diagnoses: Some(Arc::default()),
            quiet_frames: self.quiet_frames,
            ..Interests::default()
        }
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Piece {
        let (mut row, mut piece) = (Row::default(), Piece::default());
        for frame in batch.frames() {
            self.selection.read(&frame, &mut row);
            let mut text = String::new();
            for cell in row.cells() {
                for (number, value) in cell.iter().enumerate() {
                    write!(text, "{}{value}", if number == 0 { "" } else { "," }).expect("strings take all");
                }
                text.push('\t');
            }
            piece.rows.push(text);
        }
        for finding in batch.findings {
            let (stream, detail) = (finding.stream, &finding.detail);
            let text =
                format!("{stream:?} {} {detail:?} {}", finding.message(), finding.first_of_conversation);
            piece.findings.push((finding.kind, finding.frame.0, text));
        }
        piece
    }
}

fn run(data: &[u8], copies: usize, threads: usize, quiet_frames: u64) -> Option<(Piece, Report)> {
    let source = || Source::Stream { name: "fuzz".to_owned(), reader: Box::new(Cursor::new(data.to_vec())) };
    let sources = std::iter::repeat_with(source).take(copies).collect();
    let selection = Selection::new(fields().map(|field| field.name)).expect("names of the registry");
    let view = Everything { selection, quiet_frames };
    let mut all = Piece::default();
    let accept = |mut piece: Piece, _: &AnalysedBatch<'_>| {
        all.rows.append(&mut piece.rows);
        all.findings.append(&mut piece.findings);
        Ok(())
    };
    let threads = NonZeroUsize::new(threads).expect("one or more");
    match analyse(sources, threads, &view, accept, &Cancellation::default()) {
        Ok(report) => Some((all, report)),
        Err(Error::NotACapture { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Analyses any bytes as a capture, then three copies of it as a rotated set, on one thread and on three, there with conversations that
/// become compact early: the last byte says after how many frames.
pub fn captures(data: &[u8]) {
    let Some((piece, report)) = run(data, 1, 1, QUIET_FRAMES) else { return };
    check(&piece, &report);
    let (one, one_report) = run(data, 3, 1, QUIET_FRAMES).expect("readable a moment ago");
    check(&one, &one_report);
    let quiet_frames = data.last().copied().unwrap_or_default().into();
    for (threads, quiet_frames) in [(1, quiet_frames), (3, quiet_frames / 16)] {
        let (other, other_report) = run(data, 3, threads, quiet_frames).expect("readable a moment ago");
        same_rows(&one.rows, &other.rows);
        assert_eq!(one.findings, other.findings);
        assert_eq!(format!("{one_report:?}"), format!("{other_report:?}"));
    }
    // What comes later changes nothing about what was.
    same_rows(&piece.rows, &one.rows[..piece.rows.len()]);
}

/// Fails with the first cell that differs: whole rows are hard to read.
fn same_rows(left: &[String], right: &[String]) {
    assert_eq!(left.len(), right.len());
    for ((left, right), number) in left.iter().zip(right).zip(1..).filter(|((left, right), _)| left != right)
    {
        for ((left, right), field) in left.split('\t').zip(right.split('\t')).zip(fields()) {
            assert_eq!(left, right, "{} of frame {number}", field.name);
        }
    }
}

/// The report says what the rows and findings say.
fn check(piece: &Piece, report: &Report) {
    let Piece { rows, findings } = piece;
    let column = |name| {
        let place = fields().position(|field| field.name == name).expect("a field of the registry");
        rows.iter().map(move |row| row.split('\t').nth(place).expect("as many cells as fields"))
    };
    let sum = |name| column(name).map(|cell| cell.parse::<u64>().expect("a number")).sum::<u64>();
    let capture = &report.capture;
    assert_eq!(capture.packets, rows.len() as u64);
    assert_eq!(capture.facts.files.iter().map(|file| file.packets).sum::<u64>(), capture.packets);
    assert_eq!((capture.wire_bytes, capture.captured_bytes), (sum("frame.len"), sum("frame.cap_len")));
    assert!(column("frame.number").zip(1u64..).all(|(cell, number)| cell == number.to_string()));
    for (name, count) in [("tcp.stream", capture.tcp_streams), ("udp.stream", capture.udp_streams)] {
        // Not all numbers below it: a relayed connection's first number names nothing that has packets.
        let streams = column(name).flat_map(|cell| cell.split(',')).filter(|stream| !stream.is_empty());
        assert!(streams.collect::<BTreeSet<_>>().len() <= count as usize, "{name}: {count} conversations");
    }
    let mut kinds: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (kind, frame, _) in findings {
        assert!((1..=capture.packets).contains(frame));
        let (count, first) = kinds.entry(kind.kind().id).or_insert((0, *frame));
        *count += 1;
        *first = (*first).min(*frame);
    }
    let counted = report.findings_by_kind.iter().map(|kind| (kind.id, (kind.count, kind.first_frame)));
    assert_eq!(counted.collect::<BTreeMap<_, _>>(), kinds);
    for kind in &report.findings_by_kind {
        assert!((1..=kind.count).contains(&kind.conversations), "{kind:?}");
    }
    for protocol in &report.protocols {
        assert!(protocol.packets > 0);
    }
    assert!(report.notes.iter().all(|note| note.count > 0 && !note.message.is_empty()));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fuzz_body_holds_for_the_corpus() {
        let mut captures = 0;
        for entry in std::fs::read_dir("../corpus/captures").unwrap() {
            super::captures(&std::fs::read(entry.unwrap().path()).unwrap());
            captures += 1;
        }
        assert!(captures > 100);
    }
}
