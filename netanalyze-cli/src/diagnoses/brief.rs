//! Capture quality and diagnoses in the plain report: what an engineer acts on, a few lines each.

use std::io::{self, Write};

use netanalyze_core::diagnosis::{Confidence, Diagnosis};
use netanalyze_core::report::Report;

use super::Chosen;
use super::text::{WIDTH, cost, ends_words, hanging, nothing};
use crate::render::{Palette, counted, escape, grouped, wrapped};
use crate::summary::note_line;

/// Diagnoses that get lines.
const MOST: usize = 8;

/// Lines of what happened.
const MOST_LINES: usize = 2;

/// Where text begins behind a severity.
const INDENT: usize = 9;

/// Whether anything is to be said of capture quality.
pub(super) fn has_quality(report: &Report) -> bool {
    !report.quality.is_empty() || !report.notes.is_empty()
}

/// What about the capture undermines diagnoses, and what was damaged or left out.
pub(crate) fn quality(out: &mut Vec<u8>, report: &Report) -> io::Result<()> {
    writeln!(out, "Capture quality")?;
    for gate in &report.quality {
        let effect = if gate.effect.is_empty() { String::new() } else { format!("; {}", gate.effect) };
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
    for diagnosis in chosen.shown.iter().take(MOST) {
        one(out, diagnosis, palette)?;
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

fn one(out: &mut Vec<u8>, diagnosis: &Diagnosis, palette: Palette) -> io::Result<()> {
    let text = format!("{}: {}", diagnosis.code, escape(&diagnosis.summary));
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
