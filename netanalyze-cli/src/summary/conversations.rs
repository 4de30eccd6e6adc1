//! What the conversations came to, for people: states of their ends, top talkers, the worst and why.

use std::io::{self, Write};

use netanalyze_core::expert::Severity;
use netanalyze_core::model::Span;
use netanalyze_core::report::{ConversationSummary, Failure, StateCount, Worst};
use netanalyze_core::tcp::EndState;

use crate::render::{Palette, counted, grouped, size, span_words};

/// Talkers that get a line.
const TALKERS: usize = 3;

/// Lines beside the rows of a section: an empty one and the heading.
const FRAME: usize = 2;

/// The least that the sections take that are only shown where there is room, if there are any such.
pub(super) fn least_lines(summary: &ConversationSummary) -> usize {
    match summary.top_talkers.len().min(TALKERS) {
        0 => 0,
        rows => rows + FRAME,
    }
}

/// The sections; those with nothing to say are left out, and of the others those for which there is no room.
pub(super) fn sections(
    out: &mut Vec<u8>,
    summary: &ConversationSummary,
    mut room: usize,
    palette: Palette,
) -> io::Result<()> {
    states(out, summary, palette)?;
    let needed = least_lines(summary);
    if room >= needed {
        talkers(out, summary)?;
        room -= needed;
    }
    // One line tells how many more there are.
    worst(out, summary, room.saturating_sub(FRAME + 1))
}

/// The states of all ends, in a line.
pub(super) fn state_words(summary: &ConversationSummary) -> Option<String> {
    let mut by_number: Vec<&StateCount> = summary.states.iter().collect();
    by_number.sort_by_key(|count| std::cmp::Reverse(count.ends));
    let ends = by_number
        .iter()
        .map(|count| format!("{} {}{}", grouped(count.ends), count.state, remark(count.state)));
    let words = ends.collect::<Vec<_>>().join(", ");
    (!words.is_empty()).then_some(words)
}

fn states(out: &mut Vec<u8>, summary: &ConversationSummary, palette: Palette) -> io::Result<()> {
    if !summary.states.iter().any(|count| count.exceeded) {
        return Ok(());
    }
    writeln!(out, "\nToo many TCP ends in a state")?;
    for count in summary.states.iter().filter(|count| count.exceeded) {
        let threshold = count.threshold.map_or_else(String::new, |n| format!(", above {}", grouped(n)));
        let (held, when) = count.recent.map_or((count.ends, ""), |recent| (recent, " in the last 60 s"));
        write!(
            out,
            "  {}  {} {}{when}{threshold}",
            palette.severity(Severity::Warn),
            grouped(held),
            count.state
        )?;
        // Of ends that are spread over many hosts no host is to blame.
        if let Some(host) = count.most_at.filter(|host| host.ends.saturating_mul(10) >= held) {
            write!(out, ", {} of them at {}", grouped(host.ends), host.address)?;
        }
        writeln!(out, ": {}", meaning(count.state))?;
    }
    Ok(())
}

/// What a name that no standard has means.
fn remark(state: EndState) -> &'static str {
    if state == EndState::Unknown { " (too little captured)" } else { "" }
}

/// What too many ends in a state mean.
fn meaning(state: EndState) -> &'static str {
    match state {
        EndState::SynSent => "nobody answers; servers are down or filtered, or a scan",
        EndState::SynReceived => "handshakes are not completed; a SYN flood, or answers that get lost",
        EndState::FinWait2 => "peers got the FIN and do not close",
        EndState::CloseWait => "applications do not close their sockets",
        EndState::TimeWait => "many short connections; their ports may run out",
        _ => "unusually many",
    }
}

fn talkers(out: &mut Vec<u8>, summary: &ConversationSummary) -> io::Result<()> {
    let shown = summary.top_talkers.get(..TALKERS).unwrap_or(&summary.top_talkers);
    if shown.is_empty() {
        return Ok(());
    }
    let heading = "Top talkers";
    let address = shown.iter().map(|talker| talker.address.to_string().len());
    let address = address.max().unwrap_or(0).max(heading.len() - 2);
    let packets = shown.iter().map(|talker| grouped(talker.packets).len()).max().unwrap_or(0).max(7);
    writeln!(
        out,
        "\n{heading:<front$}  conversations  {:>packets$}  {:>8}  {:>8}",
        "packets",
        "sent",
        "received",
        front = address + 2
    )?;
    for talker in shown {
        writeln!(
            out,
            "  {:<address$}  {:>13}  {:>packets$}  {:>8}  {:>8}",
            talker.address.to_string(),
            grouped(talker.conversations),
            grouped(talker.packets),
            size(talker.wire_bytes_sent as f64, "B"),
            size(talker.wire_bytes_received as f64, "B"),
        )?;
    }
    Ok(())
}

fn worst(out: &mut Vec<u8>, summary: &ConversationSummary, rows: usize) -> io::Result<()> {
    let shown = summary.worst.get(..rows).unwrap_or(&summary.worst);
    if shown.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nWorst conversations")?;
    let name = |row: &Worst| format!("{} {}", row.protocol.name(), row.stream);
    let ends = |row: &Worst| format!("{} → {}", row.client, row.server);
    let width = |text: &dyn Fn(&Worst) -> String| {
        shown.iter().map(|row| text(row).chars().count()).max().unwrap_or(0)
    };
    let (wide_name, wide_ends) = (width(&name), width(&ends));
    for row in shown {
        writeln!(out, "  {:<wide_name$}  {:<wide_ends$}  {}", name(row), ends(row), why(row))?;
    }
    match summary.troubled.saturating_sub(shown.len() as u64) {
        0 => Ok(()),
        more => {
            writeln!(out, "  {} more with stalls, failures, retransmissions or closed windows", grouped(more))
        }
    }
}

/// What happened to it, the gravest first.
fn why(row: &Worst) -> String {
    let mut reasons = Vec::new();
    if row.stalled > Span(0) {
        reasons.push(format!("{} stalled", span_words(row.stalled)));
    }
    if let Some(failure) = row.failure {
        let words = match failure {
            Failure::Refused => "refused",
            Failure::Unanswered => "never answered",
            Failure::ClientReset => "reset by the client",
            Failure::ServerReset => "reset by the server",
            _ => "failed",
        };
        reasons.push(words.to_owned());
    }
    if row.retransmissions > 0 {
        reasons.push(counted(row.retransmissions, "retransmission", "retransmissions"));
    }
    for (closed, who) in [(row.client_zero_window, "client"), (row.server_zero_window, "server")] {
        if closed > Span(0) {
            reasons.push(format!("{} window closed by the {who}", span_words(closed)));
        }
    }
    if row.zero_windows > 0 && row.client_zero_window.max(row.server_zero_window) <= Span(0) {
        reasons.push(counted(row.zero_windows, "closed window", "closed windows"));
    }
    reasons.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use netanalyze_core::conversation::Protocol;
    use netanalyze_core::report::{HostCount, STATE_THRESHOLDS};

    fn row() -> Worst {
        Worst {
            protocol: Protocol::Tcp,
            stream: 3,
            client: "192.0.2.1:40000".parse().unwrap(),
            server: "192.0.2.2:80".parse().unwrap(),
            stalled: Span(0),
            failure: None,
            retransmissions: 0,
            zero_windows: 0,
            client_zero_window: Span(0),
            server_zero_window: Span(0),
            filter: String::new(),
        }
    }

    #[test]
    fn reasons_read_as_a_list() {
        for (worst, words) in [
            (
                Worst { stalled: Span(2_100_000_000), retransmissions: 5, ..row() },
                "2.1 s stalled; 5 retransmissions",
            ),
            (Worst { failure: Some(Failure::Refused), ..row() }, "refused"),
            (
                Worst { zero_windows: 2, server_zero_window: Span(1_300_000_000), ..row() },
                "1.3 s window closed by the server",
            ),
            (Worst { zero_windows: 1, retransmissions: 1, ..row() }, "1 retransmission; 1 closed window"),
        ] {
            assert_eq!(why(&worst), words);
        }
    }

    #[test]
    fn states_above_their_threshold_get_a_line() {
        let count = |state, ends, exceeded| StateCount {
            state,
            ends,
            recent: (state == EndState::TimeWait).then_some(12_000),
            threshold: STATE_THRESHOLDS.iter().find(|(of, _)| *of == state).map(|&(_, n)| n),
            exceeded,
            most_at: exceeded.then(|| HostCount { address: "192.0.2.2".parse().unwrap(), ends: 1_100 }),
        };
        let mut summary = ConversationSummary::default();
        summary.states = vec![
            count(EndState::Unknown, 7, false),
            count(EndState::SynReceived, 1_200, true),
            count(EndState::Established, 2_000, false),
            count(EndState::TimeWait, 15_000, true),
        ];
        let mut out = Vec::new();
        sections(&mut out, &summary, 0, Palette::new(false)).unwrap();
        assert_eq!(
            state_words(&summary).unwrap(),
            "15,000 TIME-WAIT, 2,000 ESTABLISHED, 1,200 SYN-RECV, 7 UNKNOWN (too little captured)"
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\nToo many TCP ends in a state\n  \
             warn   1,200 SYN-RECV, above 500, 1,100 of them at 192.0.2.2: handshakes are not completed; a SYN flood, or answers that get lost\n  \
             warn   12,000 TIME-WAIT in the last 60 s, above 10,000: many short connections; their ports may run out\n"
        );
        for (state, _) in STATE_THRESHOLDS {
            assert_ne!(meaning(state), "unusually many", "{state}");
        }
    }

    #[test]
    fn nothing_to_say_is_not_said() {
        let mut out = Vec::new();
        sections(&mut out, &ConversationSummary::default(), 99, Palette::new(false)).unwrap();
        assert!(out.is_empty() && state_words(&ConversationSummary::default()).is_none());
    }

    #[test]
    fn sections_keep_to_their_room() {
        let mut summary = ConversationSummary::default();
        summary.worst = (0..9).map(|stream| Worst { stream, retransmissions: 1, ..row() }).collect();
        summary.troubled = 20;
        for (room, rows) in [(0, 0), (3, 0), (4, 1), (8, 5), (99, 9)] {
            let mut out = Vec::new();
            sections(&mut out, &summary, room, Palette::new(false)).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert_eq!(
                text.lines()
                    .filter(|line| line.contains("retransmission;") || line.ends_with("1 retransmission"))
                    .count(),
                rows
            );
            assert!(text.lines().count() <= room, "{text}");
        }
    }
}
