//! Diagnoses for machines: the objects as the library serialises them, and a table.

use std::io;

use netanalyze_core::conversation::Protocol;
use netanalyze_core::diagnosis::{Diagnosis, Ends, Gate};
use netanalyze_core::model::Note;
use netanalyze_core::report::{CaptureSummary, Report, SCHEMA_VERSION};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use crate::render::{guarded, header_line, push_line, table};
use crate::schema::{Shapes, typed};
use crate::summary::Summary;
use crate::table::{Cell, push_csv};

#[derive(Serialize, JsonSchema)]
struct Object<'r> {
    schema_version: u32,
    /// What about the capture itself undermines diagnoses.
    quality: &'r [Gate],
    /// Causes, those that cost most first, of those of `--min-confidence`; also those that another one explains.
    diagnoses: &'r [&'r Diagnosis],
    /// The whole capture.
    capture: &'r CaptureSummary,
    /// Capture quality: what was damaged, missing or left out.
    notes: &'r [Note],
}

/// A line of one type.
#[derive(Serialize)]
pub(crate) struct Line<'r, T> {
    #[serde(rename = "type")]
    pub(crate) line: &'static str,
    #[serde(flatten)]
    pub(crate) row: &'r T,
}

/// Lines that diagnoses and gates are, in JSON lines.
pub(crate) fn listed(generator: &mut SchemaGenerator) -> [schemars::Schema; 2] {
    [typed("quality", Gate::json_schema(generator)), typed("diagnosis", Diagnosis::json_schema(generator))]
}

/// What `--diagnoses` writes for machines.
pub(crate) fn shapes(generator: &mut SchemaGenerator) -> Shapes {
    Shapes::new("diagnoses", Object::json_schema(generator), listed(generator).into())
}

pub(super) fn json(report: &Report, diagnoses: &[&Diagnosis]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let object = Object {
        schema_version: SCHEMA_VERSION,
        quality: &report.quality,
        diagnoses,
        capture: &report.capture,
        notes: &report.notes,
    };
    push_line(&mut out, &object)?;
    Ok(out)
}

pub(super) fn lines(report: &Report, diagnoses: &[&Diagnosis]) -> io::Result<Vec<u8>> {
    let mut out = header_line("diagnoses");
    push_lines(&mut out, report, diagnoses)?;
    push_line(&mut out, &Summary::new(report))?;
    Ok(out)
}

/// Gates and diagnoses as JSON lines.
pub(crate) fn push_lines(out: &mut Vec<u8>, report: &Report, diagnoses: &[&Diagnosis]) -> io::Result<()> {
    report.quality.iter().try_for_each(|row| push_line(out, &Line { line: "quality", row }))?;
    diagnoses.iter().try_for_each(|row| push_line(out, &Line { line: "diagnosis", row }))
}

/// Columns of the table.
const COLUMNS: [&str; 16] = [
    "code",
    "name",
    "severity",
    "confidence",
    "scope",
    "client",
    "server",
    "stream",
    "conversations",
    "count",
    "lost_time_ns",
    "first",
    "last",
    "summary",
    "filter",
    "explained_by",
];

/// A row a diagnosis. Several clients, servers and streams stand in one cell with commas between them.
pub(super) fn csv(diagnoses: &[&Diagnosis]) -> io::Result<Vec<u8>> {
    table(|writer| {
        writer.write_record(COLUMNS)?;
        diagnoses.iter().try_for_each(|diagnosis| {
            let ends = &diagnosis.endpoints;
            writer.write_record([
                diagnosis.code,
                diagnosis.name,
                diagnosis.severity.name(),
                diagnosis.confidence.name(),
                diagnosis.scope.name(),
                &each(ends, |ends| Some(ends.client.to_string())),
                &each(ends, |ends| Some(ends.server.to_string())),
                &each(ends, |ends| ends.stream.map(|stream| conversation(ends.protocol, stream))),
                &diagnosis.conversations.to_string(),
                &diagnosis.count.to_string(),
                &diagnosis.lost_time.0.to_string(),
                &diagnosis.first.to_string(),
                &diagnosis.last.to_string(),
                &foreign(&diagnosis.summary),
                &foreign(&diagnosis.filter),
                diagnosis.explained_by.unwrap_or_default(),
            ])
        })
    })
}

/// As `--follow` takes it.
fn conversation(protocol: Protocol, stream: u32) -> String {
    format!("{}:{stream}", protocol.name())
}

/// Each value once, in the order in which they come.
fn each(ends: &[Ends], value: impl Fn(&Ends) -> Option<String>) -> String {
    let mut values: Vec<String> = Vec::new();
    for value in ends.iter().filter_map(value) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values.join(",")
}

/// Text that may hold names out of packets.
fn foreign(text: &str) -> String {
    let mut cell = Vec::new();
    push_csv(&mut cell, &Some(Cell::Text(text.to_owned())));
    String::from_utf8_lossy(&cell).into_owned()
}

/// Writes a row: section, name, measure, value.
type WriteRow<'w> = dyn FnMut(&str, &str, &str, &dyn ToString) -> csv::Result<()> + 'w;

/// Diagnoses and gates in the long form of the plain report: name, measure, value. Several of one rule are told apart by a number.
pub(crate) fn csv_rows(report: &Report, diagnoses: &[&Diagnosis], row: &mut WriteRow<'_>) -> csv::Result<()> {
    for gate in &report.quality {
        row("quality", gate.code, "count", &gate.count)?;
        row("quality", gate.code, "summary", &foreign(&gate.summary))?;
    }
    for (place, diagnosis) in diagnoses.iter().enumerate() {
        let before = diagnoses.iter().take(place).filter(|other| other.code == diagnosis.code).count();
        let name = match before {
            0 => diagnosis.code.to_owned(),
            n => format!("{} {}", diagnosis.code, n + 1),
        };
        row("diagnosis", &name, "severity", &diagnosis.severity.name())?;
        row("diagnosis", &name, "confidence", &diagnosis.confidence.name())?;
        row("diagnosis", &name, "conversations", &diagnosis.conversations)?;
        row("diagnosis", &name, "count", &diagnosis.count)?;
        row("diagnosis", &name, "lost_time_ns", &diagnosis.lost_time.0)?;
        row("diagnosis", &name, "summary", &foreign(&diagnosis.summary))?;
        if let Some(parent) = diagnosis.explained_by {
            row("diagnosis", &name, "explained_by", &guarded(parent))?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use netanalyze_core::model::{Span, Timestamp};
    use serde_json::Value;

    use super::*;

    /// The report of a capture in which hardly anything happens.
    pub(in super::super) fn report() -> Report {
        let mut capture = vec![0; 24 + 16 + 14];
        capture[..8].copy_from_slice(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]);
        (capture[18], capture[20]) = (4, 1);
        (capture[32], capture[36]) = (14, 14);
        let source = netanalyze_core::capture::Source::bytes("empty", capture);
        netanalyze_core::Analyzer::new().run([source], &mut ()).unwrap()
    }

    fn diagnosis() -> Diagnosis {
        let mut diagnosis = Diagnosis::blank("DNS-13");
        diagnosis.summary = "=cmd \u{7}, asked of the resolver".into();
        let ends = |client: &str, stream| {
            let (client, server) = (client.parse().unwrap(), "10.0.0.53:53".parse().unwrap());
            Ends::new(client, server, Protocol::Udp, stream)
        };
        diagnosis.endpoints =
            vec![ends("10.0.0.2:4000", Some(1)), ends("[::1]:4000", Some(2)), ends("[::1]:4000", None)];
        diagnosis.lost_time = Span(5);
        diagnosis.first = Timestamp(1_500_000_000);
        diagnosis
    }

    #[test]
    fn objects_are_those_of_the_library() {
        let (mut report, diagnosis) = (report(), diagnosis());
        let mut gate = Gate::blank("Q-02");
        gate.count = 7;
        report.quality = vec![gate];
        let object: Value = serde_json::from_slice(&json(&report, &[&diagnosis]).unwrap()).unwrap();
        assert_eq!(object["diagnoses"][0], serde_json::to_value(&diagnosis).unwrap());
        assert_eq!(object["quality"][0]["count"], 7);
        assert!(object["capture"].is_object() && object["notes"].is_array());
        let text = String::from_utf8(lines(&report, &[&diagnosis]).unwrap()).unwrap();
        let types: Vec<Value> =
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].take()).collect();
        assert_eq!(types, ["header", "quality", "diagnosis", "summary"]);
    }

    #[test]
    fn rows_have_their_columns_and_no_formulas() {
        let text = String::from_utf8(csv(&[&diagnosis()]).unwrap()).unwrap();
        let row = text.lines().nth(1).unwrap();
        assert_eq!(
            row,
            "DNS-13,name-does-not-exist,warn,high,conversation,\"10.0.0.2:4000,[::1]:4000\",10.0.0.53:53,\"udp:1,udp:2\",0,0,5,\
             1.500000000,0.000000000,\"'=cmd \\u{7}, asked of the resolver\",,"
        );
    }

    #[test]
    fn several_of_a_rule_are_told_apart() {
        let (report, one) = (report(), diagnosis());
        let mut names = Vec::new();
        csv_rows(&report, &[&one, &one], &mut |_, name, measure, _| {
            names.extend((measure == "count").then(|| name.to_owned()));
            Ok(())
        })
        .unwrap();
        assert_eq!(names, ["DNS-13", "DNS-13 2"]);
    }
}
