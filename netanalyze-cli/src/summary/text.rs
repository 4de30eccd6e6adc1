//! The report for people.

use std::io::{self, Write};

use netanalyze_core::capture::{FileFacts, InterfaceFacts};
use netanalyze_core::expert::kind_by_id;
use netanalyze_core::model::{LinkType, Span, Timestamp};
use netanalyze_core::report::{CaptureSummary, KindCount, Report};

use super::conversations::{least_lines, sections, state_words};
use super::{Matching, transactions};
use crate::config::Analysis;
use crate::diagnoses::{self, Chosen};
use crate::render::{Palette, counted, escape, grouped, size, span_words, utc, wrapped};

/// Lines that a list of files, interfaces or comments gets.
const MOST_LINES: usize = 10;

/// Lines that the report of an ordinary capture may have: a screen.
const SCREEN: usize = 45;

/// Kinds of finding that get a line, whatever room there is.
const LEAST_KINDS: usize = 3;

/// Width of running text.
const WIDTH: usize = 100;

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
    applications(&mut out, report)?;
    if let Some(words) = report.conversations.as_ref().and_then(state_words) {
        fact(&mut out, "TCP ends", &words)?;
    }
    writeln!(out)?;
    diagnoses::quality(&mut out, report, false)?;
    diagnoses::section(&mut out, report, analysis.min_confidence, matching.is_some(), palette)?;
    let mut tail = Vec::new();
    next(&mut tail, report, shown, analysis)?;
    // What is known in more detail elsewhere takes what room is left.
    let mut room = SCREEN.saturating_sub(lines(&out) + lines(&tail));
    let before = lines(&out);
    let others = report.conversations.as_ref().map_or(0, least_lines);
    findings(&mut out, report, shown, room.saturating_sub(others), analysis, palette)?;
    room = room.saturating_sub(lines(&out) - before);
    if let Some(conversations) = &report.conversations {
        sections(&mut out, conversations, room, palette)?;
    }
    out.extend(tail);
    Ok(out)
}

fn lines(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte == b'\n').count()
}

fn fact(out: &mut Vec<u8>, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "  {name:<13} {value}")
}

/// One that may be too long for a line.
fn long_fact(out: &mut Vec<u8>, name: &str, value: &str) -> io::Result<()> {
    let text = wrapped(value, WIDTH - 16);
    text.lines().enumerate().try_for_each(|(place, line)| fact(out, if place == 0 { name } else { "" }, line))
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
    fact(out, "packets", &packets(capture.packets, capture.wire_bytes, capture.captured_bytes))?;
    times(out, capture)?;
    links(out, capture)?;
    let (tcp, udp) = (u64::from(capture.tcp_streams), u64::from(capture.udp_streams));
    fact(out, "conversations", &format!("{} TCP, {} UDP", grouped(tcp), grouped(udp)))
}

/// How many, and their bytes.
fn packets(packets: u64, wire: u64, captured: u64) -> String {
    let captured = match captured == wire {
        true => "all captured".to_owned(),
        false => format!("{} of it captured", size(captured as f64, "B")),
    };
    format!("{}, {} on the wire, {captured}", grouped(packets), size(wire as f64, "B"))
}

/// From when to when.
fn period(out: &mut Vec<u8>, earliest: Timestamp, latest: Timestamp) -> io::Result<()> {
    let span = span_words(latest.since(earliest));
    fact(out, "time", &format!("{} to {}, {span}", utc(earliest), utc(latest)))
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
    period(out, earliest, latest)?;
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
    let name = if names.len() == 1 { "link type" } else { "link types" };
    fact(out, name, &format!("{}; drops {drops}", names.join(", ")))
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
    fact(out, "packets", &packets(matching.packets, matching.wire_bytes, matching.captured_bytes))?;
    if let (Some(earliest), Some(latest)) = (matching.earliest, matching.latest) {
        period(out, earliest, latest)?;
    }
    let (tcp, udp) = (matching.tcp_streams, matching.udp_streams);
    fact(out, "conversations", &format!("{} TCP, {} UDP", grouped(tcp), grouped(udp)))
}

fn protocols(out: &mut Vec<u8>, report: &Report, all: u64) -> io::Result<()> {
    let shares = report.protocols.iter().map(|row| {
        let share = 100.0 * row.packets as f64 / all.max(1) as f64;
        format!("{} {} ({share:.1}%)", row.protocol, grouped(row.packets))
    });
    long_fact(out, "protocols", &shares.collect::<Vec<_>>().join(", "))
}

/// Kinds of finding, as many as there is room for.
fn findings(
    out: &mut Vec<u8>,
    report: &Report,
    shown: &[&KindCount],
    room: usize,
    analysis: &Analysis,
    palette: Palette,
) -> io::Result<()> {
    let all: u64 = report.findings_by_kind.iter().map(|row| row.count).sum();
    let hidden = all.saturating_sub(shown.iter().map(|row| row.count).sum());
    // The heading takes two lines, what is left out a third.
    let mut rows = room.saturating_sub(2 + usize::from(hidden > 0)).max(LEAST_KINDS);
    if rows < shown.len() && hidden == 0 {
        rows = rows.saturating_sub(1).max(LEAST_KINDS);
    }
    let (listed, more) = shown.split_at_checked(rows).unwrap_or((shown, &[]));
    if listed.is_empty() {
        writeln!(out, "\nFindings")?;
        let least = analysis.min_severity.name();
        writeln!(out, "  none of severity {least} or above")?;
    } else {
        let id = listed.iter().map(|row| row.id.len()).max().unwrap_or(0).max(4);
        let wide = listed.iter().map(|row| grouped(row.count).len()).max().unwrap_or(0).max(5);
        writeln!(
            out,
            "\n{:<front$}  {:>wide$}  conversations  first frame  meaning",
            "Findings",
            "count",
            front = id + 9
        )?;
        for row in listed {
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
    let mut left_out = Vec::new();
    if !more.is_empty() {
        left_out.push(format!("{}: --findings", counted(more.len() as u64, "more kind", "more kinds")));
    }
    if hidden > 0 {
        left_out.push(format!("{} of lesser severity: --min-severity chat", grouped(hidden)));
    }
    if left_out.is_empty() { Ok(()) } else { writeln!(out, "  {}", left_out.join("; ")) }
}

/// Transactions of applications; left out if there are none.
fn applications(out: &mut Vec<u8>, report: &Report) -> io::Result<()> {
    let all = transactions(report);
    if all.iter().all(|(_, count)| count.count == 0) {
        return Ok(());
    }
    let names = [
        ("DNS lookup", "DNS lookups"),
        ("TLS handshake", "TLS handshakes"),
        ("HTTP request", "HTTP requests"),
    ];
    let words = all.iter().zip(names).filter(|((_, row), _)| row.count > 0).map(|((_, row), (one, many))| {
        let failed = match row.failed {
            0 => String::new(),
            failed => format!(" ({} failed)", grouped(failed)),
        };
        format!("{}{failed}", counted(row.count, one, many))
    });
    fact(out, "applications", &words.collect::<Vec<_>>().join(", "))
}

/// The command that a person would type next.
fn next(out: &mut Vec<u8>, report: &Report, shown: &[&KindCount], analysis: &Analysis) -> io::Result<()> {
    let names = analysis.inputs.words();
    writeln!(out, "\nNext")?;
    let causes = Chosen::of(report, analysis.min_confidence, false).shown;
    if !causes.is_empty() {
        writeln!(out, "  netanalyze {names} --diagnoses")?;
    }
    if !shown.is_empty() {
        writeln!(out, "  netanalyze {names} --findings")?;
    }
    let failed = transactions(report).iter().any(|(_, count)| count.failed > 0);
    match &report.conversations {
        _ if failed => {}
        Some(all) if !all.worst.is_empty() => writeln!(out, "  netanalyze {names} --streams --sort stalled")?,
        Some(all) if !all.top_talkers.is_empty() => {
            writeln!(out, "  netanalyze {names} --streams --sort bytes")?
        }
        _ => {}
    }
    for (name, _) in transactions(report).iter().filter(|(_, count)| count.failed > 0) {
        writeln!(out, "  netanalyze {names} --{name}")?;
    }
    match (causes.first(), shown.first()) {
        (Some(worst), _) => writeln!(out, "  netanalyze --explain {}", worst.code),
        (None, Some(worst)) => writeln!(out, "  netanalyze --explain {}", worst.id),
        (None, None) => writeln!(out, "  netanalyze {names} --packets"),
    }
}
