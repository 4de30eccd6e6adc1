//! Capture quality and diagnoses in the plain report: what an engineer acts on, a few lines each.

use std::io::{self, Write};

use netanalyze_core::diagnosis::{Confidence, Diagnosis};
use netanalyze_core::report::Report;

use super::Chosen;
use super::text::{WIDTH, cost, ends_words, hanging, nothing, said};
use crate::render::{Palette, counted, escape, grouped, wrapped};
use crate::summary::note_line;

/// Diagnoses that get a line at least.
const MOST: usize = 8;

/// Those that get several.
const WHOLE: usize = 4;

/// Lines of what happened.
const MOST_LINES: usize = 2;

/// Where text begins behind a severity.
const INDENT: usize = 9;

/// Whether anything is to be said of capture quality.
pub(super) fn has_quality(report: &Report) -> bool {
    !report.quality.is_empty() || !report.notes.is_empty()
}

/// What about the capture undermines diagnoses, and what was damaged or left out; with what that does to diagnoses, where there is room for it.
pub(crate) fn quality(out: &mut Vec<u8>, report: &Report, with_effects: bool) -> io::Result<()> {
    writeln!(out, "Capture quality")?;
    for gate in &report.quality {
        let is_told = with_effects && !gate.effect.is_empty();
        let effect = if is_told { format!("; {}", gate.effect) } else { String::new() };
        let summary = if gate.summary.is_empty() { gate.title.into() } else { escape(&gate.summary) };
        let text = format!("{} {}: {summary}{effect}", gate.code, gate.name);
        hanging(out, "  ", 4, &text)?;
    }
    if !has_quality(report) {
        // Of the capture as a file: what the network lost stands among the findings.
        let whole = if report.capture.facts.files.len() > 1 { "files are whole" } else { "file is whole" };
        writeln!(out, "  the {whole}: nothing damaged was noticed")?;
    }
    for note in &report.notes {
        writeln!(out, "  {}", note_line(note))?;
    }
    Ok(())
}

/// The worst diagnoses. `of`: the part of the report that matches a filter, if there is one.
pub(crate) fn section(
    out: &mut Vec<u8>,
    report: &Report,
    least: Confidence,
    filtered: bool,
    palette: Palette,
) -> io::Result<()> {
    let chosen = Chosen::of(report, least, false);
    writeln!(
        out,
        "\nDiagnoses{}",
        if chosen.shown.is_empty() { "" } else { ", those that cost most first" }
    )?;
    for (place, diagnosis) in chosen.shown.iter().take(MOST).enumerate() {
        if place < WHOLE { one(out, diagnosis, palette)? } else { line(out, diagnosis, palette)? }
    }
    match chosen.shown.len().saturating_sub(MOST) {
        0 => {}
        more => writeln!(out, "  {} more: --diagnoses", grouped(more as u64))?,
    }
    if chosen.shown.is_empty() {
        match filtered {
            true => writeln!(out, "  none is about a packet that matches")?,
            false => writeln!(out, "  {}", nothing(report, least))?,
        }
    }
    left_out(out, &chosen, "  ")
}

/// How many were left out, and how to see them.
pub(super) fn left_out(out: &mut Vec<u8>, chosen: &Chosen<'_>, indent: &str) -> io::Result<()> {
    if chosen.explained > 0 {
        let others = counted(chosen.explained as u64, "that another one explains", "that others explain");
        writeln!(out, "{indent}{others}: --diagnoses --all")?;
    }
    if chosen.unsure > 0 {
        writeln!(out, "{indent}{} of {}: --min-confidence low", chosen.unsure, lesser(chosen))?;
    }
    Ok(())
}

/// What those are that are not sure enough.
fn lesser(chosen: &Chosen<'_>) -> &'static str {
    if chosen.least > Confidence::Medium { "lower confidence" } else { "low confidence" }
}

/// One in a line.
fn line(out: &mut Vec<u8>, diagnosis: &Diagnosis, palette: Palette) -> io::Result<()> {
    let Diagnosis { code, title, .. } = diagnosis;
    let server = diagnosis.endpoints.first().map_or_else(String::new, |ends| format!(", {}", ends.server));
    let (cost, confidence) = (cost(diagnosis), diagnosis.confidence.name());
    writeln!(out, "  {}  {code}: {title}{server}; {cost}; {confidence}", palette.cause(diagnosis.severity))
}

/// One with what to do.
fn one(out: &mut Vec<u8>, diagnosis: &Diagnosis, palette: Palette) -> io::Result<()> {
    let text = format!("{}: {}", diagnosis.code, said(diagnosis));
    let text = wrapped(&text, WIDTH - INDENT);
    let cut = if text.lines().count() > MOST_LINES { " …" } else { "" };
    for (place, line) in text.lines().take(MOST_LINES).enumerate() {
        let end = if place + 1 == MOST_LINES { cut } else { "" };
        match place {
            0 => writeln!(out, "  {}  {line}{end}", palette.cause(diagnosis.severity))?,
            _ => writeln!(out, "{:INDENT$}{line}{end}", "")?,
        }
    }
    let ends = diagnosis.endpoints.first().map_or_else(String::new, |ends| format!("{}; ", ends_words(ends)));
    let confidence = diagnosis.confidence.name();
    writeln!(out, "{:INDENT$}{ends}{}; confidence {confidence}", "", cost(diagnosis))?;
    if let Some(step) = diagnosis.next.first() {
        writeln!(out, "{:INDENT$}next, {}: {}", "", step.place, escape(&step.command))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use netanalyze_core::diagnosis::Step;

    use super::super::machine::tests::report;
    use super::*;

    #[test]
    fn the_worst_get_lines_and_the_rest_is_counted() {
        let mut report = report();
        let mut diagnosis = Diagnosis::blank("CONN-02");
        diagnosis.summary = format!("the port is closed {}", "and closed ".repeat(30));
        diagnosis.next = vec![Step::new("server", "ss -ltn", "whether anything listens")];
        report.diagnoses = vec![diagnosis; MOST + 2];
        let mut out = Vec::new();
        section(&mut out, &report, Confidence::Medium, false, Palette::new(false)).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "Diagnoses, those that cost most first");
        assert!(lines[2].starts_with("  error  CONN-02: the port is closed and closed"), "{text}");
        assert!(lines[3].ends_with(" …"), "{text}");
        assert_eq!(&lines[4..6], ["         once; confidence high", "         next, server: ss -ltn"]);
        assert_eq!(lines[2 + 4 * WHOLE], "  error  CONN-02: the port is closed; once; high");
        assert_eq!(lines[lines.len() - 1], "  2 more: --diagnoses");
        assert_eq!(lines.len(), 2 + 4 * WHOLE + MOST - WHOLE + 1);
    }
}
