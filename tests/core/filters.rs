//! The display filter of a kind shows the frames of its findings.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use netanalyze_core::Filter;
use netanalyze_core::capture::Source;
use netanalyze_core::engine::{Cancellation, Depth, Interests, View, analyse};
use netanalyze_core::expert::{KINDS, KindSet};
use netanalyze_core::field::{AnalysedBatch, Row};

/// Messages of HTTP on a port whose protocol Wireshark takes for SSH: frames have no field of HTTP.
const WITHOUT_FIELD: [(&str, &str); 1] = [("http-ports.pcap", "http.chat")];

/// Of each frame, the kinds whose filters match; and findings, by frame, kind and filter.
#[derive(Default)]
struct Piece {
    matches: Vec<Vec<bool>>,
    findings: Vec<(u64, &'static str, &'static str)>,
}

struct Filters {
    filters: Vec<(&'static str, Filter)>,
}

impl View for Filters {
    type Piece = Piece;

    fn interests(&self) -> Interests {
        Interests { kinds: KindSet::ALL, rows: true, applications: Depth::All, ..Interests::default() }
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Piece {
        let mut row = Row::default();
        let mut of = |frame: &_| {
            let matches = |(_, filter): &(_, Filter)| filter.matches(frame, &mut row);
            self.filters.iter().map(matches).collect()
        };
        let matches = batch.frames().map(|frame| of(&frame)).collect();
        let findings = batch.findings.iter().map(|f| (f.frame.0, f.kind().id, f.kind_filter()));
        Piece { matches, findings: findings.filter(|(.., filter)| !filter.is_empty()).collect() }
    }
}

/// Findings whose kind's filter does not show their frame: kind and frames; and how many findings there are.
fn missed(capture: &Path, view: &Filters) -> (BTreeMap<&'static str, Vec<u64>>, usize) {
    let mut all = Piece::default();
    let accept = |mut piece: Piece, _: &AnalysedBatch<'_>| {
        all.matches.append(&mut piece.matches);
        all.findings.append(&mut piece.findings);
        Ok(())
    };
    let source = Source::File(capture.to_owned());
    let mut missed = BTreeMap::new();
    // A file that is no capture has no findings.
    if analyse(vec![source], NonZeroUsize::MIN, view, accept, &Cancellation::default()).is_err() {
        return (missed, 0);
    }
    let findings = all.findings.len();
    for (frame, kind, filter) in all.findings {
        let place = view.filters.iter().position(|(of, _)| *of == filter).unwrap();
        if !all.matches[frame as usize - 1][place] {
            missed.entry(kind).or_insert_with(Vec::new).push(frame);
        }
    }
    (missed, findings)
}

#[test]
fn a_kind_s_filter_shows_its_findings() {
    let filters = KINDS.iter().filter(|kind| !kind.filter.is_empty());
    let filters = filters.map(|kind| (kind.filter, Filter::compile(kind.filter).unwrap()));
    let view = Filters { filters: filters.collect() };
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/captures");
    let mut names: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let (mut wrong, mut exceptions, mut checked) = (Vec::new(), 0, 0);
    for path in &names {
        let (missed, findings) = missed(path, &view);
        checked += findings;
        for (kind, frames) in missed {
            let name = path.file_name().unwrap().to_str().unwrap();
            if WITHOUT_FIELD.contains(&(name, kind)) {
                exceptions += 1;
            } else {
                wrong.push(format!("{name}: {kind} {frames:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(exceptions, WITHOUT_FIELD.len(), "an exception that is none any more");
    assert!(checked > 3_000, "{checked} findings");
}
