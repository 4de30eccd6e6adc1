//! Conversations as lines for people.

use netanalyze_core::conversation::{Conversation, Side};
use netanalyze_core::model::{Span, Timestamp};
use netanalyze_core::tcp::ClosedBy;

use super::column::telling_rtt;

const COLUMNS: usize = 11;

/// What stands above the columns; `c` is the client, `s` the server, and `~→` says that who is who is only guessed. Round-trip times are milliseconds to the end named before them.
const HEADING: [&str; COLUMNS] = [
    "stream",
    "client → server",
    "start",
    "duration",
    "pkts c/s",
    "bytes c/s",
    "state c/s",
    "retr",
    "RTT min/med/p95",
    "closed by",
    "history",
];

/// Columns whose figures stand at the right.
const RIGHT: [bool; COLUMNS] = [false, false, true, true, true, true, false, true, true, false, false];

/// Widths that grow with what was written: as aligned as can be without reading all rows first.
#[derive(Debug)]
pub(super) struct Table {
    widths: [usize; COLUMNS],
    begun: bool,
}

impl Table {
    pub(super) fn new() -> Self {
        Table { widths: HEADING.map(|name| name.chars().count()), begun: false }
    }

    /// Lines of some conversations, below the heading if they are the first.
    pub(super) fn lines(&mut self, conversations: &[Conversation], capture_start: Timestamp) -> Vec<u8> {
        let mut rows: Vec<[String; COLUMNS]> = Vec::with_capacity(conversations.len() + 1);
        if !self.begun {
            self.begun = true;
            rows.push(HEADING.map(str::to_owned));
        }
        rows.extend(conversations.iter().map(|c| cells(c, capture_start)));
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut out = Vec::with_capacity(rows.len() * 160);
        for row in &rows {
            for (place, ((cell, width), right)) in row.iter().zip(self.widths).zip(RIGHT).enumerate() {
                out.extend_from_slice(if place > 0 { b"  " } else { b"" });
                let missing = width - cell.chars().count();
                let (before, after) = if right { (missing, 0) } else { (0, missing) };
                out.resize(out.len() + before, b' ');
                out.extend_from_slice(cell.as_bytes());
                out.resize(out.len() + after, b' ');
            }
            while out.last() == Some(&b' ') {
                out.pop();
            }
            out.push(b'\n');
        }
        out
    }
}

fn cells(c: &Conversation, capture_start: Timestamp) -> [String; COLUMNS] {
    let dash = || "-".to_owned();
    let (client, server) = (&c.sent_by_client, &c.sent_by_server);
    let both = |of: &dyn Fn(&Side) -> String| format!("{}/{}", of(client), of(server));
    let tcp = c.tcp.as_ref();
    let state = |side: &Side| side.tcp.as_ref().map_or("-", |tcp| tcp.state.name()).to_owned();
    let again = |side: &Side| side.tcp.as_ref().map_or(0, |tcp| tcp.retransmissions);
    let arrow = if tcp.is_some_and(|tcp| !tcp.roles_known) { "~→" } else { "→" };
    [
        format!("{} {}", c.protocol.name(), c.stream),
        format!("{} {arrow} {}", c.client, c.server),
        seconds(c.start.since(capture_start)),
        brief(c.duration),
        both(&|side| side.packets.to_string()),
        both(&|side| short(side.wire_bytes)),
        if tcp.is_some() { both(&state) } else { dash() },
        if tcp.is_some() { again(client).saturating_add(again(server)).to_string() } else { dash() },
        telling_rtt(c).map_or_else(dash, |(clients_data, rtt)| {
            let times = [rtt.min, rtt.median, rtt.p95].map(milliseconds).join("/");
            format!("{} {times}", if clients_data { "s" } else { "c" })
        }),
        tcp.and_then(|tcp| tcp.closed_by).map_or("-", closed_by).to_owned(),
        tcp.map_or_else(dash, |tcp| tcp.history.clone()),
    ]
}

fn closed_by(who: ClosedBy) -> &'static str {
    match who {
        ClosedBy::Client => "client",
        ClosedBy::Server => "server",
        ClosedBy::Both => "both",
        ClosedBy::ClientReset => "client RST",
        ClosedBy::ServerReset => "server RST",
    }
}

/// Seconds with three decimals.
fn seconds(span: Span) -> String {
    let sign = if span.0 < 0 { "-" } else { "" };
    let ms = span.0.unsigned_abs() / 1_000_000;
    format!("{sign}{}.{:03}", ms / 1000, ms % 1000)
}

/// Three digits that count, in the unit that fits.
fn brief(span: Span) -> String {
    let us = span.0.max(0) as f64 / 1e3;
    match us {
        0.0 => "0".to_owned(),
        us if us < 999.5 => format!("{} µs", digits(us)),
        us if us < 999_500.0 => format!("{} ms", digits(us / 1e3)),
        us => format!("{} s", digits(us / 1e6)),
    }
}

fn milliseconds(span: Span) -> String {
    digits(span.0.max(0) as f64 / 1e6)
}

/// A number with three digits that count, but no decimals beyond the third.
fn digits(value: f64) -> String {
    let decimals = match value {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// A count of bytes with at most three digits that count.
fn short(bytes: u64) -> String {
    let value = bytes as f64;
    match value {
        v if v < 999.5 => bytes.to_string(),
        v if v < 999.5e3 => format!("{}k", digits(v / 1e3)),
        v if v < 999.5e6 => format!("{}M", digits(v / 1e6)),
        v if v < 999.5e9 => format!("{}G", digits(v / 1e9)),
        v => format!("{}T", digits(v / 1e12)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stay_short() {
        for (ns, start, duration) in [
            (0, "0.000", "0"),
            (400, "0.000", "0.400 µs"),
            (12_345, "0.000", "12.3 µs"),
            (999_600, "0.000", "1.00 ms"),
            (84_159_760_000, "84.159", "84.2 s"),
            (86_400_000_000_000, "86400.000", "86400 s"),
        ] {
            assert_eq!((seconds(Span(ns)).as_str(), brief(Span(ns)).as_str()), (start, duration));
        }
        assert_eq!(seconds(Span(-1_500_000_000)), "-1.500");
        for (bytes, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.00k"),
            (31_800, "31.8k"),
            (999_600, "1.00M"),
            (u64::MAX, "18446744T"),
        ] {
            assert_eq!(short(bytes), text);
        }
    }
}
