//! Conversations of the corpus: their ends' states as the generator knows them, their totals as tshark 4.0.17 counts them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use netanalyze_core::capture::Source;
use netanalyze_core::conversation::{Conversation, Conversations, Protocol};
use netanalyze_core::engine::{Cancellation, Interests, View, analyse};
use netanalyze_core::expert::KindSet;
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::{Error, Span};
use netanalyze_core::report::Report;
use netanalyze_core::tcp::ClosedBy;

use crate::golden::{Entry, corpus, manifest};

/// Captures with headers of which options were cut off or cannot be read: we count these packets, tshark does not.
const COUNTED_BY_US: [&str; 7] = [
    "snaplen-varies-ipv6.pcap",
    "snaplen-44.pcap",
    "snaplen-50.pcap",
    "snaplen-54.pcap",
    "snaplen-60.pcap",
    "snaplen-66.pcap",
    "tcp-options-odd.pcap",
];

/// Captures whose frames' lengths or times we read otherwise on purpose; README lists why.
const READ_OTHERWISE: [&str; 3] =
    ["link-ppp-directed.pcap", "wire-length-too-small.pcap", "pcapng-mixed-packets.pcapng"];

/// Nothing but the conversations.
struct Records;

impl View for Records {
    type Piece = Vec<Conversation>;

    fn interests(&self) -> Interests {
        Interests { kinds: KindSet::NONE, summary: true, ..Interests::default() }
    }

    fn digest(&self, _: &AnalysedBatch<'_>) -> Self::Piece {
        Vec::new()
    }

    fn ending(
        &self,
        conversations: &Conversations,
        deliver: &mut dyn FnMut(Self::Piece) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        deliver(conversations.iter().collect())
    }
}

type ByStream = BTreeMap<(Protocol, u32), Conversation>;

/// Conversations of a capture of the corpus by protocol and stream.
fn records(name: &str) -> ByStream {
    records_and_report(name).unwrap().0
}

fn records_and_report(name: &str) -> Result<(ByStream, Report), Error> {
    let mut all = BTreeMap::new();
    let accept = |piece: Vec<Conversation>, _: &AnalysedBatch<'_>| {
        all.extend(piece.into_iter().map(|c| ((c.protocol, c.stream), c)));
        Ok(())
    };
    let source = Source::File(corpus().join("captures").join(name));
    let threads = NonZeroUsize::new(2).unwrap();
    let report = analyse(vec![source], threads, &Records, accept, &Cancellation::default())?;
    Ok((all, report))
}

/// Lines of a table of the corpus by the capture that they belong to, each a map from column to cell.
fn table(file: &str) -> BTreeMap<String, Vec<BTreeMap<String, String>>> {
    let text = std::fs::read_to_string(corpus().join(file)).unwrap();
    let mut lines = text.lines();
    let columns: Vec<_> = lines.next().unwrap().split('\t').collect();
    let mut captures: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in lines {
        let cells = columns.iter().map(|c| (*c).to_owned()).zip(line.split('\t').map(str::to_owned));
        let row: BTreeMap<_, _> = cells.collect();
        captures.entry(row["file"].clone()).or_default().push(row);
    }
    captures
}

fn closed_by(closed: Option<ClosedBy>) -> &'static str {
    match closed {
        None => "none",
        Some(ClosedBy::Client) => "client",
        Some(ClosedBy::Server) => "server",
        Some(ClosedBy::Both) => "both-at-once",
        Some(ClosedBy::ClientReset) => "reset-client",
        Some(ClosedBy::ServerReset) => "reset-server",
    }
}

#[test]
fn each_end_is_in_the_state_that_the_scenario_left_it_in() {
    let expected = table("conversations.tsv");
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (capture, rows) in &expected {
        let found = records(capture);
        for row in rows {
            let Some(c) = found.get(&(Protocol::Tcp, row["stream"].parse().unwrap())) else {
                wrong.push(format!("{capture}: no stream {}", row["stream"]));
                continue;
            };
            let tcp = c.tcp.as_ref().unwrap();
            let state = |side: &netanalyze_core::conversation::Side| side.tcp.as_ref().unwrap().state.name();
            let cells = [
                ("client", c.client.to_string()),
                ("server", c.server.to_string()),
                ("opened_by", if tcp.roles_known { "client" } else { "unknown" }.to_owned()),
                ("client_state", state(&c.sent_by_client).to_owned()),
                ("server_state", state(&c.sent_by_server).to_owned()),
                ("closed_by", closed_by(tcp.closed_by).to_owned()),
                ("packets_from_client", c.sent_by_client.packets.to_string()),
                ("packets_from_server", c.sent_by_server.packets.to_string()),
            ];
            for (column, cell) in cells {
                compared += 1;
                if column.starts_with("packets") && COUNTED_BY_US.contains(&capture.as_str()) {
                    assert!(
                        cell.parse::<u32>().unwrap() >= row[column].parse().unwrap(),
                        "{capture}: {column}"
                    );
                } else if row[column] != cell {
                    wrong.push(format!(
                        "{capture} stream {}: {column} is {cell}, not {}",
                        row["stream"], row[column]
                    ));
                }
            }
        }
    }
    assert!(compared > 2000, "only {compared} cells were compared");
    assert!(wrong.is_empty(), "{} of {compared} cells:\n{}", wrong.len(), wrong.join("\n"));
}

fn is_compared(entry: &Entry) -> bool {
    entry.status == "whole"
        && entry.frames > 0
        && ![&COUNTED_BY_US[..], &READ_OTHERWISE].concat().contains(&entry.name.as_str())
}

#[test]
fn totals_are_those_of_tshark() {
    let expected = table("totals.tsv");
    let mut wrong = Vec::new();
    let mut compared = 0;
    for entry in manifest().iter().filter(|entry| is_compared(entry)) {
        let mut found = records(&entry.name);
        for row in expected.get(&entry.name).into_iter().flatten() {
            let protocol = if row["protocol"] == "tcp" { Protocol::Tcp } else { Protocol::Udp };
            let key = (protocol, row["stream"].parse().unwrap());
            let Some(c) = found.remove(&key) else {
                wrong.push(format!("{}: no {key:?}", entry.name));
                continue;
            };
            let a = format!("{} {}", row["address_a"], row["port_a"]);
            let client = format!("{} {}", c.client.ip(), c.client.port());
            let (from_a, from_b) = if a == client {
                (&c.sent_by_client, &c.sent_by_server)
            } else {
                (&c.sent_by_server, &c.sent_by_client)
            };
            let cells = [
                ("frames_from_a", from_a.packets.to_string()),
                ("bytes_from_a", from_a.wire_bytes.to_string()),
                ("frames_from_b", from_b.packets.to_string()),
                ("bytes_from_b", from_b.wire_bytes.to_string()),
                ("duration", c.duration.to_string()),
            ];
            for (column, cell) in cells {
                compared += 1;
                if row[column] != cell {
                    wrong.push(format!("{} {key:?}: {column} is {cell}, not {}", entry.name, row[column]));
                }
            }
        }
        for (key, c) in found.iter().filter(|(_, c)| c.packets() > 0) {
            wrong.push(format!("{} {key:?}: tshark counts none of its {} packets", entry.name, c.packets()));
        }
    }
    assert!(compared > 1500, "only {compared} cells were compared");
    assert!(wrong.is_empty(), "{} of {compared} cells:\n{}", wrong.len(), wrong.join("\n"));
}

/// The report ranks conversations by figures that their records have, too.
#[test]
fn the_worst_fared_as_their_records_say() {
    let (mut compared, mut retransmissions, mut closed, mut stalled) = (0, 0, 0, 0);
    for entry in manifest() {
        let Ok((records, report)) = records_and_report(&entry.name) else { continue };
        let worst = report.conversations.unwrap().worst;
        for row in &worst {
            let record = &records[&(row.protocol, row.stream)];
            let facts = record.tcp.as_ref().unwrap();
            let sides =
                [&record.sent_by_client, &record.sent_by_server].map(|side| side.tcp.as_ref().unwrap());
            let what = format!("{} stream {}", entry.name, row.stream);
            assert_eq!((row.client, row.server), (record.client, record.server), "{what}");
            assert_eq!(row.stalled, facts.stalled, "{what}");
            assert_eq!(
                row.retransmissions,
                sides.iter().map(|side| side.retransmissions).sum::<u64>(),
                "{what}"
            );
            assert_eq!(row.zero_windows, sides.iter().map(|side| side.zero_windows).sum::<u64>(), "{what}");
            assert_eq!(
                [row.client_zero_window, row.server_zero_window],
                sides.map(|side| side.zero_window),
                "{what}"
            );
            compared += 1;
            retransmissions += u32::from(row.retransmissions > 0);
            closed += u32::from(
                [row.client_zero_window, row.server_zero_window].iter().any(|&time| time > Span(0)),
            );
            stalled += u32::from(row.stalled > Span(0));
        }
        // Nobody who is not in the list fared worse than the last of it.
        let least = worst.last().filter(|_| worst.len() == 10).map(|row| row.stalled);
        for (key, record) in &records {
            let listed = worst.iter().any(|row| *key == (row.protocol, row.stream));
            let Some(facts) = record.tcp.as_ref().filter(|_| !listed) else { continue };
            assert!(facts.stalled <= least.unwrap_or(Span(0)), "{} {key:?}", entry.name);
        }
    }
    assert!(
        compared > 100 && retransmissions > 40 && closed > 5 && stalled > 30,
        "{compared} {retransmissions} {closed} {stalled}"
    );
}
