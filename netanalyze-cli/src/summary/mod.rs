//! The summary of a capture: facts, capture quality, diagnoses, findings by kind, what to look at next. It fits a screen for an ordinary capture.

mod conversations;
mod machine;
mod matching;
mod text;

use std::io::{self, Write};

use netanalyze_core::engine::{Interests, View};
use netanalyze_core::expert::{KindSet, Severity, kind_by_id};
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::Note;
use netanalyze_core::report::{CaptureSummary, KindCount, Report, TransactionCount, TransactionSummary};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use crate::args::Format;
use crate::config::Analysis;
use crate::diagnoses::Chosen;
use crate::render::{Palette, counted, escape};
use crate::schema::Shapes;
pub(crate) use matching::{Matching, Sorting, Sum};

/// A view of nothing but what the engine counts anyway.
pub(crate) struct Counts(Interests);

impl Counts {
    /// Counts and the summary of all conversations.
    pub(crate) fn new(interests: Interests) -> Self {
        Counts(Interests { summary: true, ..interests })
    }

    /// Counts alone.
    pub(crate) fn only(interests: Interests) -> Self {
        Counts(interests)
    }
}

impl View for Counts {
    type Piece = ();

    fn interests(&self) -> Interests {
        self.0.clone()
    }

    fn digest(&self, _: &AnalysedBatch<'_>) {}
}

/// The last of the JSON lines.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Summary<'r> {
    #[serde(rename = "type")]
    line: &'static str,
    /// The whole capture.
    capture: &'r CaptureSummary,
    /// Capture quality: what was damaged, missing or left out.
    notes: &'r [Note],
}

impl<'r> Summary<'r> {
    pub(crate) fn new(report: &'r Report) -> Self {
        Summary { line: "summary", capture: &report.capture, notes: &report.notes }
    }
}

/// What the report is for machines.
pub(crate) fn shapes(generator: &mut SchemaGenerator) -> Shapes {
    machine::shapes(generator)
}

/// The report in a format; of what matches the filter, if there is one.
pub(crate) fn render(
    report: &Report,
    matching: Option<&Matching>,
    analysis: &Analysis,
    format: Format,
    palette: Palette,
) -> io::Result<Vec<u8>> {
    let shown = shown_kinds(report, analysis.kinds);
    let causes = Chosen::of(report, analysis.min_confidence, true).shown;
    match format {
        Format::Text => text::report(report, matching, &shown, analysis, palette),
        Format::Json => machine::json(report, matching, &shown, &causes),
        Format::Jsonl => machine::lines(report, matching, &shown, &causes),
        Format::Csv => machine::csv(report, matching, &shown, &causes),
    }
}

/// The counts of the kinds that are shown, the most severe first, then the most frequent.
fn shown_kinds(report: &Report, kinds: KindSet) -> Vec<&KindCount> {
    let wanted = |count: &&KindCount| kind_by_id(count.id).is_some_and(|id| kinds.contains(id));
    let mut shown: Vec<_> = report.findings_by_kind.iter().filter(wanted).collect();
    shown.sort_by_key(|count| std::cmp::Reverse((count.severity, count.count)));
    shown
}

/// Transactions by protocol.
fn transactions(report: &Report) -> [(&'static str, TransactionCount); 3] {
    let TransactionSummary { dns, tls, http, .. } = report.transactions;
    [("dns", dns), ("tls", tls), ("http", http)]
}

/// A note as a line: where, what.
pub(crate) fn note_line(note: &Note) -> String {
    let mut line = String::new();
    if let Some(file) = &note.file {
        line = format!("{}: ", escape(file));
    }
    line.push_str(&escape(&note.message));
    if let Some(offset) = note.offset {
        line.push_str(&format!(" (byte {offset})"));
    }
    if note.count > 1 && !note.message.contains(&note.count.to_string()) {
        line.push_str(&format!(", {} times", note.count));
    }
    line
}

/// What stands below the text of `--findings`: that there are none, and the notes.
pub(crate) fn push_findings_tail(
    out: &mut Vec<u8>,
    report: &Report,
    kinds: KindSet,
    min_severity: Severity,
    none_picked: bool,
) -> io::Result<()> {
    let shown = shown_kinds(report, kinds);
    if none_picked && !shown.is_empty() {
        writeln!(out, "no finding is about a packet that matches the filter")?;
    }
    if shown.is_empty() {
        let least = match min_severity {
            Severity::Error => "of severity error",
            Severity::Warn => "of severity warn or error",
            Severity::Note => "of severity note, warn or error",
            Severity::Chat => "of any severity",
        };
        let packets = counted(report.capture.packets, "packet", "packets");
        writeln!(out, "no findings {least} in {packets}")?;
    }
    if !report.notes.is_empty() {
        writeln!(out, "\nCapture quality")?;
        for note in &report.notes {
            writeln!(out, "  {}", note_line(note))?;
        }
    }
    Ok(())
}
