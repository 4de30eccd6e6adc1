//! `--diagnoses`: causes, and in front of them what about the capture makes them less sure. The plain report has them in brief.
//!
//! Owns which diagnoses are shown, what their list looks like in every format, and what `--filter` means for them. Everything is known only at the
//! end of the capture: nothing is streamed.

mod brief;
mod machine;
mod text;
mod threshold;

pub(crate) use brief::{quality, section};
pub(crate) use machine::{Line, csv_rows, listed, push_lines, shapes};
pub(crate) use text::{command_lines, labelled};
pub(crate) use threshold::{default_words, set};

use std::io;

use netanalyze_core::Filter;
use netanalyze_core::diagnosis::{Confidence, Diagnosis};
use netanalyze_core::engine::Interests;
use netanalyze_core::expert::KindSet;
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::Timestamp;
use netanalyze_core::report::Report;

use crate::args::Format;
use crate::config::{Analysis, Gate};
use crate::pick::{Look, Looked, Picked, Runs};
use crate::render::Palette;
use crate::summary::Counts;

/// A view of nothing but the diagnoses.
pub(crate) fn view(analysis: &Analysis) -> Counts {
    // Nobody reads how many findings there are, but for a gate of findings.
    let count_others = matches!(analysis.gate, Gate::Findings(_));
    Counts::only(Interests { count_others, ..analysis.interests() })
}

/// A view that tests frames for them.
pub(crate) fn look<'f>(filter: &'f Filter, analysis: &Analysis) -> Look<'f> {
    let mut interests: Interests = analysis.interests();
    if filter.needs_findings() {
        interests.kinds = KindSet::ALL;
    }
    Look::new(Some(filter), true, interests)
}

/// Which frames and conversations match a filter, gathered in capture order.
pub(crate) struct Matched {
    picked: Picked,
    pub(crate) runs: Runs,
}

impl Default for Matched {
    fn default() -> Self {
        Matched { picked: Picked::new(KindSet::NONE), runs: Runs::default() }
    }
}

impl Matched {
    /// Takes what was seen of the next batch.
    pub(crate) fn take(&mut self, looked: &Looked, batch: &AnalysedBatch<'_>) {
        self.picked.pick(looked, batch);
        self.runs.take(looked, batch);
    }

    /// The report with what is about packets that match.
    pub(crate) fn narrow(&self, report: &Report) -> Report {
        let mut report = report.clone();
        report.diagnoses.retain(|diagnosis| matches(diagnosis, &self.picked, &self.runs));
        report
    }
}

/// Whether a frame of its evidence, or any packet of a conversation that it names, matches.
pub(crate) fn matches(diagnosis: &Diagnosis, picked: &Picked, runs: &Runs) -> bool {
    let of_frames = diagnosis.evidence.iter().any(|evidence| picked.matches(evidence.frame));
    of_frames
        || diagnosis
            .endpoints
            .iter()
            .any(|ends| ends.stream.is_some_and(|stream| runs.any((ends.protocol, stream))))
}

/// Those that a run shows.
pub(crate) struct Chosen<'r> {
    /// In order: those that cost most first.
    pub(crate) shown: Vec<&'r Diagnosis>,
    /// Of less than the asked confidence.
    pub(crate) unsure: usize,
    /// Sure enough, and left out because another one explains them.
    pub(crate) explained: usize,
    /// The asked confidence.
    pub(crate) least: Confidence,
}

impl<'r> Chosen<'r> {
    /// Those of at least a confidence; with or without those that another one explains.
    pub(crate) fn of(report: &'r Report, least: Confidence, with_explained: bool) -> Self {
        let sure = report.diagnoses.iter().filter(|diagnosis| diagnosis.confidence >= least);
        let shown: Vec<_> = sure
            .clone()
            .filter(|diagnosis| with_explained || !is_explained(diagnosis, report, least))
            .collect();
        let sure = sure.count();
        Chosen { unsure: report.diagnoses.len() - sure, explained: sure - shown.len(), shown, least }
    }
}

/// Whether another one explains it that is sure enough to be shown, too; what undermines the capture always is.
fn is_explained(diagnosis: &Diagnosis, report: &Report, least: Confidence) -> bool {
    diagnosis.explained_by.is_some_and(|code| {
        let parent = |other: &Diagnosis| other.code == code && other.confidence >= least;
        code.starts_with("Q-") || report.diagnoses.iter().any(parent)
    })
}

/// Where the time of a capture begins.
fn start_of(report: &Report) -> Timestamp {
    report.capture.earliest.unwrap_or_default()
}

/// The list in a format. `of`: the part of the report that matches a filter, if there is one.
pub(crate) fn render(
    report: &Report,
    of: Option<&Report>,
    analysis: &Analysis,
    all: bool,
    format: Format,
    palette: Palette,
) -> io::Result<Vec<u8>> {
    let least = analysis.min_confidence;
    let chosen = Chosen::of(of.unwrap_or(report), least, all || format != Format::Text);
    match format {
        Format::Text => {
            let none_matches = of.is_some() && !Chosen::of(report, least, all).shown.is_empty();
            text::list(report, &chosen, none_matches, &analysis.inputs.words(), palette)
        }
        Format::Json => machine::json(report, &chosen.shown),
        Format::Jsonl => machine::lines(report, &chosen.shown),
        Format::Csv => machine::csv(&chosen.shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(report: &Report, least: Confidence, with_explained: bool) -> Vec<&'static str> {
        Chosen::of(report, least, with_explained).shown.iter().map(|diagnosis| diagnosis.code).collect()
    }

    #[test]
    fn what_another_explains_is_left_out_only_if_that_one_is_shown() {
        let mut parent = Diagnosis::blank("MTU-01");
        parent.confidence = Confidence::Medium;
        let mut child = Diagnosis::blank("LOSS-03");
        child.explained_by = Some("MTU-01");
        let mut doubtful = Diagnosis::blank("LOSS-01");
        doubtful.explained_by = Some("Q-01");
        doubtful.confidence = Confidence::Low;
        let mut report = machine::tests::report();
        report.diagnoses = vec![parent, child, doubtful];
        for (least, with_explained, expected) in [
            (Confidence::Low, true, &["MTU-01", "LOSS-03", "LOSS-01"][..]),
            (Confidence::Low, false, &["MTU-01"]),
            (Confidence::Medium, false, &["MTU-01"]),
            (Confidence::Medium, true, &["MTU-01", "LOSS-03"]),
            (Confidence::High, false, &["LOSS-03"]),
        ] {
            assert_eq!(codes(&report, least, with_explained), expected);
        }
        let chosen = Chosen::of(&report, Confidence::Medium, false);
        assert_eq!((chosen.unsure, chosen.explained), (1, 1));
    }
}
