//! The report as JSON, JSON lines, CSV.

use std::io;

use netanalyze_core::diagnosis::{Diagnosis, Gate};
use netanalyze_core::model::Note;
use netanalyze_core::report::{
    CaptureSummary, ConversationSummary, KindCount, ProtocolCount, Report, SCHEMA_VERSION, StateCount,
    Talker, TransactionSummary, Worst,
};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use super::{Matching, Summary, transactions};
use crate::diagnoses::{Line, csv_rows, listed, push_lines};
use crate::render::{guarded, header_line, push_line, table};
use crate::schema::{Shapes, typed};

#[derive(Serialize, JsonSchema)]
struct Object<'r> {
    schema_version: u32,
    /// The whole capture.
    capture: &'r CaptureSummary,
    /// What matches, with `--filter`; protocols, findings and transactions are then of what matches, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    matching: Option<&'r Matching>,
    /// Frames by protocol, outermost protocols first. A frame counts once for each protocol in it.
    protocols: &'r [ProtocolCount],
    /// What about the capture itself undermines diagnoses.
    quality: &'r [Gate],
    /// Causes, those that cost most first, of those of `--min-confidence`; also those that another one explains.
    diagnoses: &'r [&'r Diagnosis],
    /// Findings by kind, the most severe first, of those of `--min-severity`.
    findings_by_kind: &'r [&'r KindCount],
    /// Lookups, TLS handshakes and requests.
    transactions: &'r TransactionSummary,
    /// What all conversations came to, without `--filter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversations: Option<&'r ConversationSummary>,
    /// Capture quality: what was damaged, missing or left out.
    notes: &'r [Note],
}

/// What the report is for machines.
pub(super) fn shapes(generator: &mut SchemaGenerator) -> Shapes {
    let lines = [
        ("matching", Matching::json_schema(generator)),
        ("protocol", ProtocolCount::json_schema(generator)),
        ("finding_kind", KindCount::json_schema(generator)),
        ("transactions", TransactionSummary::json_schema(generator)),
        ("conversations", Troubled::json_schema(generator)),
        ("state", StateCount::json_schema(generator)),
        ("talker", Talker::json_schema(generator)),
        ("worst", Worst::json_schema(generator)),
    ];
    let mut lines = lines.map(|(line, row)| typed(line, row)).to_vec();
    lines.extend(listed(generator));
    Shapes::new("report", Object::json_schema(generator), lines)
}

/// What is told of all conversations, beside the lists.
#[derive(Serialize, JsonSchema)]
struct Troubled {
    /// How many conversations fared badly: of these the worst are listed.
    troubled: u64,
}

pub(super) fn json(
    report: &Report,
    matching: Option<&Matching>,
    shown: &[&KindCount],
    causes: &[&Diagnosis],
) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let object = Object {
        schema_version: SCHEMA_VERSION,
        capture: &report.capture,
        matching,
        protocols: &report.protocols,
        quality: &report.quality,
        diagnoses: causes,
        findings_by_kind: shown,
        transactions: &report.transactions,
        conversations: report.conversations.as_ref(),
        notes: &report.notes,
    };
    push_line(&mut out, &object)?;
    Ok(out)
}

pub(super) fn lines(
    report: &Report,
    matching: Option<&Matching>,
    shown: &[&KindCount],
    causes: &[&Diagnosis],
) -> io::Result<Vec<u8>> {
    let mut out = header_line("report");
    if let Some(row) = matching {
        push_line(&mut out, &Line { line: "matching", row })?;
    }
    for row in &report.protocols {
        push_line(&mut out, &Line { line: "protocol", row })?;
    }
    push_lines(&mut out, report, causes)?;
    for row in shown {
        push_line(&mut out, &Line { line: "finding_kind", row })?;
    }
    push_line(&mut out, &Line { line: "transactions", row: &report.transactions })?;
    if let Some(all) = &report.conversations {
        push_line(&mut out, &Line { line: "conversations", row: &Troubled { troubled: all.troubled } })?;
        for row in &all.states {
            push_line(&mut out, &Line { line: "state", row })?;
        }
        for row in &all.top_talkers {
            push_line(&mut out, &Line { line: "talker", row })?;
        }
        for row in &all.worst {
            push_line(&mut out, &Line { line: "worst", row })?;
        }
    }
    push_line(&mut out, &Summary::new(report))?;
    Ok(out)
}

/// Long form, a value a row: section, the thing's name, what is measured, the value.
pub(super) fn csv(
    report: &Report,
    matching: Option<&Matching>,
    shown: &[&KindCount],
    causes: &[&Diagnosis],
) -> io::Result<Vec<u8>> {
    table(|writer| {
        writer.write_record(["section", "name", "measure", "value"])?;
        let mut number = |section: &str, name: &str, measure: &str, value: &dyn ToString| {
            writer.write_record([section, &*guarded(name), measure, &value.to_string()])
        };
        let capture = &report.capture;
        number("capture", "", "packets", &capture.packets)?;
        number("capture", "", "wire_bytes", &capture.wire_bytes)?;
        number("capture", "", "captured_bytes", &capture.captured_bytes)?;
        for (measure, time) in [("earliest", capture.earliest), ("latest", capture.latest)] {
            if let Some(time) = time {
                number("capture", "", measure, &time)?;
            }
        }
        number("capture", "", "tcp_streams", &capture.tcp_streams)?;
        number("capture", "", "udp_streams", &capture.udp_streams)?;
        if let Some(matching) = matching {
            number("matching", &matching.filter, "packets", &matching.packets)?;
            number("matching", &matching.filter, "wire_bytes", &matching.wire_bytes)?;
            number("matching", &matching.filter, "captured_bytes", &matching.captured_bytes)?;
            for (measure, time) in [("earliest", matching.earliest), ("latest", matching.latest)] {
                if let Some(time) = time {
                    number("matching", &matching.filter, measure, &time)?;
                }
            }
            number("matching", &matching.filter, "tcp_streams", &matching.tcp_streams)?;
            number("matching", &matching.filter, "udp_streams", &matching.udp_streams)?;
        }
        for file in &capture.facts.files {
            number("file", &file.name, "file_bytes", &file.file_bytes)?;
            number("file", &file.name, "packets", &file.packets)?;
            number("file", &file.name, "format", &guarded(&file.format))?;
            if let Some(compression) = file.compression {
                number("file", &file.name, "compression", &compression)?;
            }
            for comment in &file.comments {
                number("file", &file.name, "comment", &guarded(comment))?;
            }
        }
        for (index, interface) in capture.facts.interfaces.iter().enumerate() {
            let name = interface.name.clone().unwrap_or_else(|| index.to_string());
            number("interface", &name, "link_type", &interface.link_type)?;
            number("interface", &name, "packets", &interface.packets)?;
            if let Some(dropped) = interface.dropped {
                number("interface", &name, "dropped", &dropped)?;
            }
        }
        for row in &report.protocols {
            number("protocol", row.protocol, "packets", &row.packets)?;
            number("protocol", row.protocol, "wire_bytes", &row.wire_bytes)?;
        }
        csv_rows(report, causes, &mut number)?;
        for row in shown {
            number("finding_kind", row.id, "severity", &row.severity.name())?;
            number("finding_kind", row.id, "count", &row.count)?;
            number("finding_kind", row.id, "conversations", &row.conversations)?;
            number("finding_kind", row.id, "first_frame", &row.first_frame)?;
        }
        for (name, row) in transactions(report) {
            number("transactions", name, "count", &row.count)?;
            number("transactions", name, "failed", &row.failed)?;
        }
        if let Some(all) = &report.conversations {
            for row in &all.states {
                number("state", row.state.name(), "ends", &row.ends)?;
                if let Some(recent) = row.recent {
                    number("state", row.state.name(), "recent", &recent)?;
                }
                if let Some(threshold) = row.threshold {
                    number("state", row.state.name(), "threshold", &threshold)?;
                    number("state", row.state.name(), "exceeded", &row.exceeded)?;
                }
                if let Some(host) = row.most_at {
                    number("state", row.state.name(), "most_at_address", &host.address)?;
                    number("state", row.state.name(), "most_at_ends", &host.ends)?;
                }
            }
            for row in &all.top_talkers {
                let address = row.address.to_string();
                number("talker", &address, "conversations", &row.conversations)?;
                number("talker", &address, "packets", &row.packets)?;
                number("talker", &address, "wire_bytes_sent", &row.wire_bytes_sent)?;
                number("talker", &address, "wire_bytes_received", &row.wire_bytes_received)?;
            }
            number("conversations", "", "troubled", &all.troubled)?;
            for row in &all.worst {
                let name = format!("{} {}", row.protocol.name(), row.stream);
                number("worst", &name, "client", &row.client)?;
                number("worst", &name, "server", &row.server)?;
                number("worst", &name, "stalled_ns", &row.stalled.0)?;
                if let Some(failure) = row.failure {
                    number("worst", &name, "failure", &failure.name())?;
                }
                number("worst", &name, "retransmissions", &row.retransmissions)?;
                number("worst", &name, "zero_windows", &row.zero_windows)?;
                number("worst", &name, "client_zero_window_ns", &row.client_zero_window.0)?;
                number("worst", &name, "server_zero_window_ns", &row.server_zero_window.0)?;
            }
        }
        for note in &report.notes {
            let file = note.file.as_deref().unwrap_or_default();
            number("note", file, "count", &note.count)?;
            number("note", file, "message", &guarded(&note.message))?;
        }
        Ok(())
    })
}
