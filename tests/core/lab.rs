//! The lab's captures: every labelled diagnosis is found, at least at medium, with its endpoints and one of its frames; nothing else is said at
//! medium or above, and healthy captures are silent. See corpus/lab/README.md.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use netanalyze_core::capture::Source;
use netanalyze_core::diagnosis::{Confidence, Diagnosis};
use netanalyze_core::engine::{Cancellation, Interests, View, analyse};
use netanalyze_core::expert::KindSet;
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::report::Report;

/// A line of a table of labels.
#[derive(Clone, Debug)]
struct Label {
    code: String,
    client: String,
    server: String,
    frames: Vec<u64>,
}

impl Label {
    fn is_about(&self, diagnosis: &Diagnosis) -> bool {
        let meets = |ends: &netanalyze_core::diagnosis::Ends| {
            ends.client.ip().to_string() == self.client && ends.server.to_string() == self.server
        };
        diagnosis.code == self.code && diagnosis.endpoints.iter().any(meets)
    }

    fn is_shown_by(&self, diagnosis: &Diagnosis) -> bool {
        self.is_about(diagnosis)
            && diagnosis.confidence >= Confidence::Medium
            && diagnosis.evidence.iter().any(|evidence| self.frames.contains(&evidence.frame.0))
    }
}

fn lab() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../corpus/lab")
}

fn labels(table: &str) -> BTreeMap<String, Vec<Label>> {
    let text = std::fs::read_to_string(lab().join(table)).unwrap();
    let mut labels: BTreeMap<String, Vec<Label>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let [capture, code, client, server, frames, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{table}: {line}")
        };
        let frames = frames.split(' ').filter_map(|frame| frame.parse().ok()).collect();
        let [code, client, server] = [code, client, server].map(str::to_owned);
        labels.entry(capture.to_owned()).or_default().push(Label { code, client, server, frames });
    }
    labels
}

/// A view of nothing but diagnoses.
pub(crate) struct Causes;

impl View for Causes {
    type Piece = ();

    fn interests(&self) -> Interests {
        Interests {
            kinds: KindSet::NONE,
            books: false,
            diagnoses: Some(Arc::default()),
            ..Interests::default()
        }
    }

    fn digest(&self, _: &AnalysedBatch<'_>) {}
}

pub(crate) fn diagnose(sources: Vec<Source>, threads: usize) -> Report {
    let threads = NonZeroUsize::new(threads).unwrap();
    analyse(sources, threads, &Causes, |(), _| Ok(()), &Cancellation::default()).unwrap()
}

#[test]
fn the_lab_is_diagnosed() {
    let (wanted, allowed) = (labels("labels.tsv"), labels("labels-allowed.tsv"));
    assert!(wanted.len() >= 80, "{} captures", wanted.len());
    let mut complaints = Vec::new();
    let mut found = 0;
    for (capture, labels) in &wanted {
        let report = diagnose(vec![Source::from(lab().join("captures").join(capture))], 2);
        let said: Vec<&Diagnosis> =
            report.diagnoses.iter().filter(|diagnosis| diagnosis.confidence >= Confidence::Medium).collect();
        let labels: Vec<&Label> = labels.iter().filter(|label| label.code != "-").collect();
        for label in &labels {
            let is_found = if label.code.starts_with("Q-") {
                report.quality.iter().any(|gate| gate.code == label.code)
            } else {
                said.iter().any(|diagnosis| label.is_shown_by(diagnosis))
            };
            if is_found {
                found += 1;
            } else {
                complaints.push(format!("{capture}: {} is missing", label.code));
            }
        }
        let may = allowed.get(capture).map_or(&[][..], Vec::as_slice);
        for diagnosis in said {
            if !labels.iter().copied().chain(may).any(|label| label.is_about(diagnosis)) {
                complaints.push(format!("{capture}: {} is too much: {}", diagnosis.code, diagnosis.summary));
            }
        }
    }
    assert!(complaints.is_empty(), "{found} found\n{}", complaints.join("\n"));
}
