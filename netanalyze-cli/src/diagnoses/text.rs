//! Diagnoses for people, whole: everything that the object holds, wrapped.

use std::fmt::Display;
use std::io::{self, Write};

use netanalyze_core::diagnosis::{Confidence, Diagnosis, Ends};
use netanalyze_core::model::{Span, Timestamp};
use netanalyze_core::report::Report;

use super::{Chosen, brief as in_brief, start_of};
use crate::render::{Palette, brief, counted, escape, span_words, utc, wrapped};

/// Width of lines.
pub(super) const WIDTH: usize = 100;

/// Where what is labelled begins.
const INDENT: usize = 14;

/// Conversations that are named.
const MOST_ENDS: usize = 5;

/// Frames of evidence that are listed.
const MOST_FRAMES: usize = 6;

/// The list: capture quality, the diagnoses, what was left out. `inputs`: the captures as words of a shell's command.
pub(super) fn list(
    report: &Report,
    chosen: &Chosen<'_>,
    none_matches: bool,
    inputs: &str,
    palette: Palette,
) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    if in_brief::has_quality(report) {
        in_brief::quality(&mut out, report, true)?;
        for (gate, step) in report.quality.iter().filter_map(|gate| Some((gate, gate.next.first()?))) {
            writeln!(out, "  next for {}, {}: {}", gate.code, step.place, escape(&step.command))?;
        }
        writeln!(out)?;
    }
    for diagnosis in &chosen.shown {
        one(&mut out, diagnosis, start_of(report), inputs, palette)?;
        writeln!(out)?;
    }
    if chosen.shown.is_empty() {
        match none_matches {
            true => writeln!(out, "no diagnosis is about a packet that matches the filter")?,
            false => writeln!(out, "{}", nothing(report, chosen.least))?,
        }
    }
    in_brief::left_out(&mut out, chosen, "")?;
    if out.ends_with(b"\n\n") {
        out.pop();
    }
    Ok(out)
}

/// That nothing was found, and not more than that: what a capture does not show may have happened.
pub(super) fn nothing(report: &Report, least: Confidence) -> String {
    let packets = counted(report.capture.packets, "packet", "packets");
    let sure = match least {
        Confidence::High => " of high confidence",
        Confidence::Medium => "",
        Confidence::Low => " of any confidence",
    };
    if report.quality.is_empty() {
        format!("no cause of trouble found{sure} in {packets}")
    } else {
        format!(
            "no cause of trouble{sure} is visible in {packets}: what the capture lacks stands under capture quality"
        )
    }
}

/// One diagnosis.
fn one(
    out: &mut Vec<u8>,
    diagnosis: &Diagnosis,
    start: Timestamp,
    inputs: &str,
    palette: Palette,
) -> io::Result<()> {
    let Diagnosis { code, name, title, .. } = diagnosis;
    writeln!(out, "{}  {code} {name}: {title}", palette.cause(diagnosis.severity))?;
    hanging(out, "  ", 2, &sentence(diagnosis))?;
    if let Some(code) = diagnosis.explained_by {
        labelled(out, "explained by", code)?;
    }
    places(out, diagnosis)?;
    labelled(out, "when", &when(diagnosis, start))?;
    labelled(out, if diagnosis.lost_time > Span(0) { "cost" } else { "seen" }, &cost(diagnosis))?;
    let reasons =
        diagnosis.confidence_reasons.iter().map(|reason| escape(reason)).collect::<Vec<_>>().join("; ");
    let colon = if reasons.is_empty() { "" } else { ": " };
    labelled(out, "confidence", &format!("{}{colon}{reasons}", diagnosis.confidence.name()))?;
    evidence(out, diagnosis)?;
    for (place, counter) in diagnosis.counter_evidence.iter().enumerate() {
        labelled(out, if place == 0 { "against it" } else { "" }, &escape(counter))?;
    }
    if let Some(rival) = &diagnosis.rival {
        let words = format!("{}; told apart by: {}", rival.what, rival.told_apart_by);
        labelled(out, "or else", &escape(&words))?;
    }
    if !diagnosis.explains.is_empty() {
        let all = diagnosis.explains.iter();
        let all =
            all.map(|of| format!("{} in {}", of.code, counted(of.count, "conversation", "conversations")));
        labelled(out, "explains", &all.collect::<Vec<_>>().join(", "))?;
    }
    for (place, step) in diagnosis.next.iter().enumerate() {
        let command = match step.command.strip_prefix("netanalyze CAPTURE ") {
            Some(rest) => format!("netanalyze {inputs} {rest}"),
            None => step.command.clone(),
        };
        command_lines(out, if place == 0 { "next" } else { "" }, step.place, &command, step.why)?;
    }
    if !diagnosis.thresholds.is_empty() {
        let used = diagnosis.thresholds.iter().map(|used| format!("{} {}", used.name, used.value));
        labelled(out, "thresholds", &used.collect::<Vec<_>>().join(", "))?;
    }
    if !diagnosis.filter.is_empty() {
        // A filter is there to be copied: it stays whole.
        writeln!(out, "  {:<width$}{}", "filter", escape(&diagnosis.filter), width = INDENT - 2)?;
    }
    Ok(())
}

/// What happened, as surely as it is known: high "is", medium "is consistent with", low "could be".
fn sentence(diagnosis: &Diagnosis) -> String {
    let text = said(diagnosis);
    let capital = [("the ", "The "), ("what ", "What "), ("this ", "This ")];
    let begin = capital.iter().find_map(|(small, large)| Some((text.strip_prefix(small)?, large)));
    begin.map_or_else(|| text.clone(), |(rest, word)| format!("{word}{rest}"))
}

/// The same, as it stands behind a colon.
pub(super) fn said(diagnosis: &Diagnosis) -> String {
    let summary = escape(&diagnosis.summary);
    match diagnosis.confidence {
        Confidence::High => summary.into_owned(),
        Confidence::Medium => format!("what was captured {} this: {summary}", Confidence::Medium.verb()),
        Confidence::Low => format!("this {}: {summary}", Confidence::Low.verb()),
    }
}

fn places(out: &mut Vec<u8>, diagnosis: &Diagnosis) -> io::Result<()> {
    for (place, ends) in diagnosis.endpoints.iter().take(MOST_ENDS).enumerate() {
        labelled(out, if place == 0 { "where" } else { "" }, &ends_words(ends))?;
    }
    let named = diagnosis.endpoints.len().min(MOST_ENDS) as u64;
    match diagnosis.conversations.saturating_sub(named) {
        more if named > 0 && more > 0 => {
            labelled(out, "", &format!("and {}", counted(more, "more conversation", "more conversations")))
        }
        _ => Ok(()),
    }
}

/// Both ends of a conversation, and what Wireshark calls it.
pub(super) fn ends_words(ends: &Ends) -> String {
    let stream = ends.stream.map_or_else(String::new, |n| format!(" ({}.stream {n})", ends.protocol.name()));
    format!("{} → {}{stream}", ends.client, ends.server)
}

fn when(diagnosis: &Diagnosis, start: Timestamp) -> String {
    let into = span_words(diagnosis.first.since(start));
    let mut words = format!("{}, {into} into the capture", utc(diagnosis.first));
    if diagnosis.last > diagnosis.first {
        words.push_str(&format!(", for {}", span_words(diagnosis.last.since(diagnosis.first))));
    }
    words
}

/// What it cost, or if that is nothing how often it was seen.
pub(super) fn cost(diagnosis: &Diagnosis) -> String {
    let times = match diagnosis.count {
        0 | 1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => counted(n, "time", "times"),
    };
    let conversations = match diagnosis.conversations {
        0 | 1 => String::new(),
        n => format!(" in {}", counted(n, "conversation", "conversations")),
    };
    let lost = match diagnosis.lost_time {
        lost @ Span(1..) => format!("{} lost, ", brief(lost)),
        _ => String::new(),
    };
    format!("{lost}{times}{conversations}")
}

fn evidence(out: &mut Vec<u8>, diagnosis: &Diagnosis) -> io::Result<()> {
    for (place, proof) in diagnosis.evidence.iter().take(MOST_FRAMES).enumerate() {
        let mut words = format!("frame {}: {}", proof.frame.0, proof.observed);
        if !proof.expected.is_empty() {
            words.push_str(&format!(" (expected: {})", proof.expected));
        }
        labelled(out, if place == 0 { "evidence" } else { "" }, &escape(&words))?;
    }
    match diagnosis.evidence.len().saturating_sub(MOST_FRAMES) {
        0 => Ok(()),
        more => labelled(out, "", &counted(more as u64, "more frame", "more frames")),
    }
}

/// A command, whole on its line so that it can be copied; what it tells beside it, or below it if both are too long.
pub(crate) fn command_lines(
    out: &mut Vec<u8>,
    label: &str,
    place: &str,
    command: &str,
    why: &str,
) -> io::Result<()> {
    writeln!(out, "  {label:<width$}{place}: {}", escape(command), width = INDENT - 2)?;
    hanging(out, &" ".repeat(INDENT + 2), INDENT + 2, why)
}

/// A line with a label in front; what does not fit goes on below.
pub(crate) fn labelled(out: &mut Vec<u8>, label: &str, text: &(impl Display + ?Sized)) -> io::Result<()> {
    let front = format!("  {label:<width$}", width = INDENT - 2);
    // A label that is too long gets a blank, too.
    let front = if label.len() >= INDENT - 2 { format!("  {label} ") } else { front };
    hanging(out, &front, INDENT, &text.to_string())
}

/// Text behind `front`, wrapped, its further lines indented.
pub(super) fn hanging(out: &mut Vec<u8>, front: &str, indent: usize, text: &str) -> io::Result<()> {
    for (place, line) in wrapped(text, WIDTH - indent).lines().enumerate() {
        match place {
            0 => writeln!(out, "{front}{line}")?,
            _ => writeln!(out, "{:indent$}{line}", "")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use netanalyze_core::conversation::Protocol;
    use netanalyze_core::diagnosis::{Evidence, Explained, Gate, Limit, Rival, Severity, Step, Thresholds};
    use netanalyze_core::model::FrameNumber;

    use super::super::machine::tests::report;
    use super::*;

    fn whole() -> Diagnosis {
        let mut diagnosis = Diagnosis::blank("CONN-01");
        diagnosis.summary = "the client asked 192.0.2.80:443 for a connection three times and heard nothing: no SYN-ACK, no reset, no ICMP error.".into();
        diagnosis.confidence = Confidence::Medium;
        diagnosis.confidence_reasons = vec!["captured near the client".into(), "two attempts".into()];
        let ends = |port: u16, stream| {
            let client = format!("10.0.0.2:{port}").parse().unwrap();
            Ends::new(client, "192.0.2.80:443".parse().unwrap(), Protocol::Tcp, Some(stream))
        };
        diagnosis.endpoints = vec![ends(50_000, 3), ends(50_001, 4)];
        (diagnosis.conversations, diagnosis.count) = (4, 12);
        (diagnosis.first, diagnosis.last) = (Timestamp(1_500_000_000), Timestamp(9_500_000_000));
        diagnosis.lost_time = Span(8_000_000_000);
        diagnosis.evidence =
            vec![Evidence::new(FrameNumber(7), "SYN sent again\u{1b}[2J", "a SYN-ACK within a round trip")];
        diagnosis.counter_evidence = vec!["another client got an answer".into()];
        diagnosis.rival = Some(Rival::new("answers on another path", "a capture at the server"));
        diagnosis.explains = vec![Explained::new("TLS-07", 1)];
        diagnosis.next =
            vec![Step::new("client", "traceroute -T -p 443 192.0.2.80", "the last hop that answers")];
        diagnosis.next.push(Step::new("capture", "netanalyze CAPTURE --follow tcp:3", "what was said"));
        diagnosis.thresholds = vec![Thresholds::default().used(Limit::SynWait)];
        diagnosis.filter = "frame.number == 7".into();
        diagnosis
    }

    #[test]
    fn a_diagnosis_tells_all_that_it_holds() {
        let mut out = Vec::new();
        one(&mut out, &whole(), Timestamp(500_000_000), "a.pcap", Palette::new(false)).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "error  CONN-01 syn-unanswered: connection attempts get no answer
  What was captured is consistent with this: the client asked 192.0.2.80:443 for a connection three
  times and heard nothing: no SYN-ACK, no reset, no ICMP error.
  where       10.0.0.2:50000 → 192.0.2.80:443 (tcp.stream 3)
              10.0.0.2:50001 → 192.0.2.80:443 (tcp.stream 4)
              and 2 more conversations
  when        1970-01-01 00:00:01.5 UTC, 1 s into the capture, for 8 s
  cost        8.00 s lost, 12 times in 4 conversations
  confidence  medium: captured near the client; two attempts
  evidence    frame 7: SYN sent again\\u{1b}[2J (expected: a SYN-ACK within a round trip)
  against it  another client got an answer
  or else     answers on another path; told apart by: a capture at the server
  explains    TLS-07 in 1 conversation
  next        client: traceroute -T -p 443 192.0.2.80
                the last hop that answers
              capture: netanalyze a.pcap --follow tcp:3
                what was said
  thresholds  syn-wait 3.00 s
  filter      frame.number == 7
"
        );
    }

    #[test]
    fn what_is_long_is_wrapped_and_what_is_copied_is_not() {
        let mut diagnosis = whole();
        diagnosis.counter_evidence = vec!["word ".repeat(60)];
        diagnosis.filter = "frame.number == 7 || ".repeat(9);
        let mut out = Vec::new();
        one(&mut out, &diagnosis, Timestamp(0), "a.pcap", Palette::new(false)).unwrap();
        let text = String::from_utf8(out).unwrap();
        for line in text.lines().filter(|line| !line.starts_with("  filter")) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert_eq!(text.lines().filter(|line| line.starts_with("  filter")).count(), 1);
    }

    #[test]
    fn nothing_found_claims_no_more_than_the_capture_shows() {
        let mut report = report();
        let said = |report: &Report, none_matches| {
            let chosen = Chosen::of(report, Confidence::Medium, false);
            let text = list(report, &chosen, none_matches, "a.pcap", Palette::new(false));
            String::from_utf8(text.unwrap()).unwrap()
        };
        assert!(said(&report, false).contains("no cause of trouble found in "));
        assert!(said(&report, true).contains("no diagnosis is about a packet that matches"));
        let mut gate = Gate::blank("Q-01");
        gate.summary = "3 segments were acknowledged and never captured".into();
        report.quality = vec![gate];
        let text = said(&report, false);
        assert!(text.starts_with("Capture quality\n  Q-01 capture-drops: 3 segments"), "{text}");
        assert!(text.contains("no cause of trouble is visible in "), "{text}");
        let mut unsure = whole();
        unsure.confidence = Confidence::Low;
        unsure.severity = Severity::Info;
        report.diagnoses = vec![unsure];
        assert!(said(&report, false).ends_with("1 of low confidence: --min-confidence low\n"));
    }
}
