//! The report for people.

use std::io::{self, Write};

use netanalyze_core::capture::{FileFacts, InterfaceFacts};
use netanalyze_core::expert::kind_by_id;
use netanalyze_core::model::{LinkType, Span};
use netanalyze_core::report::{CaptureSummary, KindCount, Report};

use super::{Matching, note_line, transactions};
use crate::config::Analysis;
use crate::render::{Palette, counted, escape, grouped, shell_word, size, span_words, utc};

/// Lines that a list of files, interfaces or comments gets.
const MOST_LINES: usize = 10;

pub(super) fn report(
    report: &Report,
    matching: Option<&Matching>,
    shown: &[&KindCount],
    analysis: &Analysis,
    palette: Palette,
) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    capture(&mut out, &report.capture)?;
    if let Some(matching) = matching {
        matches(&mut out, matching)?;
    }
    protocols(&mut out, report, matching.map_or(report.capture.packets, |matching| matching.packets))?;
    findings(&mut out, report, shown, analysis, palette)?;
    applications(&mut out, report)?;
    if let Some(conversations) = &report.conversations {
        super::conversations::sections(&mut out, conversations, palette)?;
    }
    writeln!(out, "\nCapture quality")?;
    if report.notes.is_empty() {
        // Of the capture as a file: what the network lost stands among the findings.
        let whole = if report.capture.facts.files.len() > 1 { "files are whole" } else { "file is whole" };
        writeln!(out, "  the {whole}: nothing damaged was noticed")?;
    }
    for note in &report.notes {
        writeln!(out, "  {}", note_line(note))?;
    }
    next(&mut out, report, shown, analysis)?;
    Ok(out)
}

fn fact(out: &mut Vec<u8>, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "  {name:<13} {value}")
}

/// A list under one name, cut where it would flood the screen.
fn facts<T>(out: &mut Vec<u8>, name: &str, items: &[T], line: impl Fn(&T) -> String) -> io::Result<()> {
    for (place, item) in items.iter().take(MOST_LINES).enumerate() {
        fact(out, if place == 0 { name } else { "" }, &line(item))?;
    }
    match items.len().saturating_sub(MOST_LINES) {
        0 => Ok(()),
        more => fact(out, "", &format!("and {} more", grouped(more as u64))),
    }
}

fn capture(out: &mut Vec<u8>, capture: &CaptureSummary) -> io::Result<()> {
    let several = capture.facts.files.len() > 1;
    writeln!(out, "Capture")?;
    facts(out, if several { "files" } else { "file" }, &capture.facts.files, |file| {
        file_line(file, several)
    })?;
    let comments: Vec<&String> = capture.facts.files.iter().flat_map(|file| &file.comments).collect();
    facts(out, "comments", &comments, |comment| escape(comment).into_owned())?;
    fact(out, "packets", &grouped(capture.packets))?;
    let wire = size(capture.wire_bytes as f64, "B");
    if capture.captured_bytes == capture.wire_bytes {
        fact(out, "bytes", &format!("{wire} on the wire, all captured"))?;
    } else {
        let captured = size(capture.captured_bytes as f64, "B");
        fact(out, "bytes", &format!("{wire} on the wire, {captured} of it captured"))?;
    }
    times(out, capture)?;
    links(out, capture)?;
    let (tcp, udp) = (u64::from(capture.tcp_streams), u64::from(capture.udp_streams));
    fact(out, "conversations", &format!("{} TCP, {} UDP", grouped(tcp), grouped(udp)))
}

fn file_line(file: &FileFacts, several: bool) -> String {
    let mut line = format!("{} ({}", escape(&file.name), file.format);
    if let Some(compression) = file.compression {
        line.push_str(&format!(", {compression}"));
    }
    line.push_str(&format!(", {}", size(file.file_bytes as f64, "B")));
    if several {
        line.push_str(&format!(", {}", counted(file.packets, "packet", "packets")));
    }
    line.push(')');
    line
}

fn times(out: &mut Vec<u8>, capture: &CaptureSummary) -> io::Result<()> {
    let (Some(earliest), Some(latest)) = (capture.earliest, capture.latest) else { return Ok(()) };
    let span = latest.since(earliest);
    fact(out, "start", &utc(earliest))?;
    fact(out, "end", &utc(latest))?;
    fact(out, "duration", &span_words(span))?;
    let average = capture.wire_bytes as f64 / capture.packets.max(1) as f64;
    let average = format!("{average:.0} bytes a packet");
    let Span(ns @ 1..) = span else { return fact(out, "average", &average) };
    let seconds = ns as f64 / 1e9;
    let packets = size(capture.packets as f64 / seconds, "packets/s");
    let bits = size(capture.wire_bytes as f64 * 8.0 / seconds, "bit/s");
    fact(out, "average", &format!("{packets}, {bits}, {average}"))
}

/// Link types; interfaces where they have names or drops to tell; what the capture says about drops.
fn links(out: &mut Vec<u8>, capture: &CaptureSummary) -> io::Result<()> {
    let interfaces = &capture.facts.interfaces;
    let mut types: Vec<LinkType> = interfaces.iter().map(|interface| interface.link_type).collect();
    types.sort_unstable();
    types.dedup();
    let names: Vec<String> = types.iter().map(ToString::to_string).collect();
    fact(out, if names.len() == 1 { "link type" } else { "link types" }, &names.join(", "))?;
    if interfaces.len() > 1 || interfaces.iter().any(|interface| interface.name.is_some()) {
        let name = if interfaces.len() == 1 { "interface" } else { "interfaces" };
        facts(out, name, interfaces, interface_line)?;
    }
    let dropped: Vec<u64> = interfaces.iter().filter_map(|interface| interface.dropped).collect();
    let drops = match dropped.iter().fold(0, |sum: u64, &d| sum.saturating_add(d)) {
        _ if dropped.is_empty() => "unknown: the capture does not say".to_owned(),
        0 => "none, says the capture".to_owned(),
        some => format!("{} while capturing", counted(some, "packet", "packets")),
    };
    fact(out, "drops", &drops)
}

fn interface_line(interface: &InterfaceFacts) -> String {
    let name = interface.name.as_deref().map_or_else(|| "unnamed".into(), escape);
    let mut line =
        format!("{name}: {}, {}", interface.link_type, counted(interface.packets, "packet", "packets"));
    if let Some(dropped) = interface.dropped.filter(|&dropped| dropped > 0) {
        line.push_str(&format!(", {} dropped", grouped(dropped)));
    }
    line
}

/// What the rest of the report is about.
fn matches(out: &mut Vec<u8>, matching: &Matching) -> io::Result<()> {
    writeln!(out, "\nMatching: {}", escape(&matching.filter))?;
    fact(out, "packets", &grouped(matching.packets))?;
    let (wire, captured) = (matching.wire_bytes, matching.captured_bytes);
    let captured = match captured == wire {
        true => "all captured".to_owned(),
        false => format!("{} of it captured", size(captured as f64, "B")),
    };
    fact(out, "bytes", &format!("{} on the wire, {captured}", size(wire as f64, "B")))?;
    if let (Some(earliest), Some(latest)) = (matching.earliest, matching.latest) {
        fact(out, "start", &utc(earliest))?;
        fact(out, "end", &utc(latest))?;
        fact(out, "duration", &span_words(latest.since(earliest)))?;
    }
    let (tcp, udp) = (matching.tcp_streams, matching.udp_streams);
    fact(out, "conversations", &format!("{} TCP, {} UDP", grouped(tcp), grouped(udp)))
}

fn protocols(out: &mut Vec<u8>, report: &Report, all: u64) -> io::Result<()> {
    writeln!(out, "\nProtocols")?;
    let wide = report.protocols.iter().map(|row| grouped(row.packets).len()).max().unwrap_or(0).max(7);
    writeln!(out, "  {:<13} {:>wide$}  {:>6}  {:>8}", "", "packets", "share", "bytes")?;
    for row in &report.protocols {
        let share = 100.0 * row.packets as f64 / all.max(1) as f64;
        let (packets, bytes) = (grouped(row.packets), size(row.wire_bytes as f64, "B"));
        writeln!(out, "  {:<13} {packets:>wide$}  {share:>5.1}%  {bytes:>8}", row.protocol)?;
    }
    Ok(())
}

fn findings(
    out: &mut Vec<u8>,
    report: &Report,
    shown: &[&KindCount],
    analysis: &Analysis,
    palette: Palette,
) -> io::Result<()> {
    writeln!(out, "\nFindings")?;
    if shown.is_empty() {
        let least = analysis.min_severity.name();
        writeln!(out, "  none of severity {least} or above")?;
    } else {
        let id = shown.iter().map(|row| row.id.len()).max().unwrap_or(0).max(4);
        let wide = shown.iter().map(|row| grouped(row.count).len()).max().unwrap_or(0).max(5);
        writeln!(
            out,
            "  {:<5}  {:<id$}  {:>wide$}  conversations  first frame  meaning",
            "", "kind", "count"
        )?;
        for row in shown {
            let title = kind_by_id(row.id).map_or("", |kind| kind.kind().title);
            writeln!(
                out,
                "  {}  {:<id$}  {:>wide$}  {:>13}  {:>11}  {title}",
                palette.severity(row.severity),
                row.id,
                grouped(row.count),
                grouped(row.conversations),
                row.first_frame,
            )?;
        }
    }
    let all: u64 = report.findings_by_kind.iter().map(|row| row.count).sum();
    match all.saturating_sub(shown.iter().map(|row| row.count).sum()) {
        0 => Ok(()),
        hidden => writeln!(out, "  {} of lesser severity: --min-severity chat", grouped(hidden)),
    }
}

/// Transactions of applications; left out if there are none.
fn applications(out: &mut Vec<u8>, report: &Report) -> io::Result<()> {
    let all = transactions(report);
    if all.iter().all(|(_, count)| count.count == 0) {
        return Ok(());
    }
    let wide = all.iter().map(|(_, count)| grouped(count.count).len()).max().unwrap_or(0).max(6);
    writeln!(out, "\nApplications")?;
    writeln!(out, "  {:<14} {:>wide$}  {:>wide$}", "", "count", "failed")?;
    for ((_, row), name) in all.iter().zip(["DNS lookups", "TLS handshakes", "HTTP requests"]) {
        if row.count > 0 {
            writeln!(out, "  {name:<14} {:>wide$}  {:>wide$}", grouped(row.count), grouped(row.failed))?;
        }
    }
    Ok(())
}

/// The command that a person would type next.
fn next(out: &mut Vec<u8>, report: &Report, shown: &[&KindCount], analysis: &Analysis) -> io::Result<()> {
    let names = analysis.inputs.paths().iter().map(|path| shell_word(&path.display().to_string()));
    let names = names.collect::<Vec<_>>().join(" ");
    writeln!(out, "\nNext")?;
    if !shown.is_empty() {
        writeln!(out, "  netanalyze {names} --findings")?;
    }
    match &report.conversations {
        Some(all) if !all.worst.is_empty() => writeln!(out, "  netanalyze {names} --streams --sort stalled")?,
        Some(all) if !all.top_talkers.is_empty() => {
            writeln!(out, "  netanalyze {names} --streams --sort bytes")?
        }
        _ => {}
    }
    for (name, _) in transactions(report).iter().filter(|(_, count)| count.failed > 0) {
        writeln!(out, "  netanalyze {names} --{name}")?;
    }
    match shown.first() {
        Some(worst) => writeln!(out, "  netanalyze --explain {}", worst.id),
        None => writeln!(out, "  netanalyze {names} --packets"),
    }
}
