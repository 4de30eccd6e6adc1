//! How far applications are decoded depends on who looks. What findings say never does.

use std::num::NonZeroUsize;

use netanalyze_core::capture::Source;
use netanalyze_core::engine::{Cancellation, Depth, Interests, View, analyse};
use netanalyze_core::expert::{KindSet, Severity};
use netanalyze_core::field::AnalysedBatch;

use crate::golden::manifest;

/// Findings above chat as text, whatever the interests.
struct Findings(Interests);

impl View for Findings {
    type Piece = Vec<String>;

    fn interests(&self) -> Interests {
        self.0.clone()
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Vec<String> {
        let above_chat = KindSet::at_least(Severity::Note);
        let findings = batch.findings.iter().filter(|finding| above_chat.contains(finding.kind));
        findings.map(|finding| format!("{finding:?}\n{}\n{}", finding.message(), finding.filter())).collect()
    }
}

/// What a capture gives: its findings above chat, and what the report says of findings and transactions.
fn run(source: Source, interests: Interests) -> Option<(Vec<String>, String)> {
    let mut all = Vec::new();
    let accept = |mut piece: Vec<String>, _: &AnalysedBatch<'_>| {
        all.append(&mut piece);
        Ok(())
    };
    let view = Findings(interests);
    let report = analyse(vec![source], NonZeroUsize::MIN, &view, accept, &Cancellation::default()).ok()?;
    let told = format!("{:#?}\n{:#?}\n{:#?}", report.findings_by_kind, report.transactions, report.notes);
    Some((all, told))
}

#[test]
fn what_nobody_wants_changes_no_finding() {
    let brief = Interests { kinds: KindSet::at_least(Severity::Note), ..Interests::default() };
    let others = [Depth::Findings, Depth::Transactions, Depth::All]
        .map(|applications| Interests { applications, ..Interests::default() });
    let (mut findings, mut captures) = (0, 0);
    for entry in manifest() {
        let expected = run(Source::File(entry.path()), brief.clone());
        for full in &others {
            let got = run(Source::File(entry.path()), full.clone());
            assert_eq!(got, expected, "{} {:?}", entry.name, full.applications);
        }
        captures += usize::from(expected.is_some());
        findings += expected.map_or(0, |(findings, _)| findings.len());
    }
    assert!(captures > 190 && findings > 1_000, "{captures} captures, {findings} findings");
}
