//! `--packets`: a row each, columns by Wireshark's names.
//!
//! The hot view: rows are formatted on the workers, straight into the batch's piece, without an allocation per row.

mod cell;
mod line;

use std::io;

use netanalyze_core::Filter;
use netanalyze_core::engine::{Depth, Interests, View};
use netanalyze_core::expert::KindSet;
use netanalyze_core::field::{AnalysedBatch, Field, Row, Selection, UnknownField, fields};
use netanalyze_core::report::{Report, SCHEMA_VERSION};

use crate::args::Format;
use crate::findings::push_closing;
use crate::render::{header_line, push_line};
use crate::run::Streamed;
use crate::schema::Shapes;
use crate::summary::Summary;

/// The columns for machines without `--fields`: when, who, how much, and what the analysis says.
const DEFAULT_FIELDS: &[&str] = &[
    "frame.number",
    "frame.time_relative",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "frame.len",
    "tcp.stream",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.flags",
    "tcp.seq",
    "tcp.ack",
    "tcp.len",
    "tcp.window_size",
    "tcp.analysis.flags",
    "udp.stream",
    "udp.srcport",
    "udp.dstport",
];

/// Columns of `--packets`.
#[derive(Debug)]
pub(crate) enum Columns {
    /// What `--fields` names, or the default fields in formats for machines.
    Fields(Selection),
    /// One readable line a packet.
    Line(Selection),
}

impl Columns {
    /// The columns without `--fields`.
    ///
    /// # Errors
    /// None unless a default field is missing from the registry.
    pub(crate) fn default_for(format: Format) -> Result<Self, UnknownField> {
        match format {
            Format::Text => Selection::new(line::field_names()).map(Columns::Line),
            _ => Selection::new(DEFAULT_FIELDS.iter().copied()).map(Columns::Fields),
        }
    }
}

/// What `--packets` writes for machines: any field can be there or not.
pub(crate) fn shapes() -> Shapes {
    let properties = fields().map(|field| {
        let mut schema = cell::schema(field.kind);
        schema.insert("description".to_owned(), field.meaning.into());
        (field.name.to_owned(), serde_json::Value::from(schema))
    });
    let properties: serde_json::Map<_, _> = properties.collect();
    let row = schemars::json_schema!({
        "description": "A packet: the fields that were asked for and that it has. A field that occurs several times is an array.",
        "type": "object",
        "properties": properties,
    });
    Shapes::list("packets", "packet", row)
}

/// Rows of a selection of fields.
pub(crate) struct Rows<'s> {
    selection: &'s Selection,
    as_line: bool,
    fields: Vec<&'static Field>,
    /// Each field's key as JSON, with its colon.
    keys: Vec<Vec<u8>>,
    widths: Vec<usize>,
    format: Format,
    guard: bool,
    filter: Option<&'s Filter>,
    base: Interests,
}

impl<'s> Rows<'s> {
    /// `guard` protects spreadsheets (CSV only).
    pub(crate) fn new(
        columns: &'s Columns,
        format: Format,
        guard: bool,
        filter: Option<&'s Filter>,
        base: Interests,
    ) -> Self {
        let (selection, as_line) = match columns {
            Columns::Fields(selection) => (selection, false),
            Columns::Line(selection) => (selection, true),
        };
        let fields: Vec<_> = selection.fields().collect();
        let keys = fields.iter().map(|field| format!("\"{}\":", field.name).into_bytes()).collect();
        let widths = fields.iter().map(|field| cell::width(field.kind).max(field.name.len())).collect();
        Rows { selection, as_line, fields, keys, widths, format, guard, filter, base }
    }

    fn csv_row(&self, row: &Row, out: &mut Vec<u8>) {
        for (place, cell) in row.cells().iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            cell::push_csv(out, cell, self.guard);
        }
        out.push(b'\n');
    }

    /// Columns as wide as their type needs; what is longer pushes the rest of its line.
    fn text_row(&self, row: &Row, out: &mut Vec<u8>) {
        for (place, (cell, &width)) in row.cells().iter().zip(&self.widths).enumerate() {
            if place > 0 {
                out.extend_from_slice(b"  ");
            }
            let start = out.len();
            cell::push_joined(out, cell);
            let missing = width.saturating_sub(out.len() - start);
            out.resize(out.len() + missing, b' ');
        }
        while out.last() == Some(&b' ') {
            out.pop();
        }
        out.push(b'\n');
    }

    fn json_row(&self, row: &Row, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut first = true;
        if self.format == Format::Jsonl {
            out.extend_from_slice(b"\"type\":\"packet\"");
            first = false;
        }
        for ((cell, key), field) in row.cells().iter().zip(&self.keys).zip(&self.fields) {
            if cell.is_empty() {
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            out.extend_from_slice(key);
            cell::push_json(out, cell, field.kind);
        }
        out.push(b'}');
    }
}

impl View for Rows<'_> {
    type Piece = Vec<u8>;

    fn interests(&self) -> Interests {
        let mut interests = self.base.clone();
        interests.rows |= self.selection.needs_layers();
        if self.selection.needs_messages() {
            interests.applications = Depth::All;
        }
        if self.selection.needs_findings() {
            interests.kinds = KindSet::ALL;
            interests.applications = interests.applications.max(Depth::Findings);
        }
        interests
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Vec<u8> {
        let most = if self.filter.is_some() { 0 } else { batch.batch.frames.len() };
        let mut out = Vec::with_capacity(most * self.fields.len() * 8);
        let (mut row, mut tested) = (Row::default(), Row::default());
        for frame in batch.frames() {
            if self.filter.is_some_and(|filter| !filter.matches(&frame, &mut tested)) {
                continue;
            }
            self.selection.read(&frame, &mut row);
            match self.format {
                Format::Csv => self.csv_row(&row, &mut out),
                Format::Text if self.as_line => line::push_line(&mut out, &row),
                Format::Text => self.text_row(&row, &mut out),
                Format::Json => {
                    if !out.is_empty() {
                        out.extend_from_slice(b",\n");
                    }
                    self.json_row(&row, &mut out);
                }
                Format::Jsonl => {
                    self.json_row(&row, &mut out);
                    out.push(b'\n');
                }
            }
        }
        out
    }
}

impl Streamed for Rows<'_> {
    fn head(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self.format {
            Format::Json => {
                out.extend_from_slice(
                    format!("{{\"schema_version\":{SCHEMA_VERSION},\"packets\":[\n").as_bytes(),
                );
            }
            Format::Jsonl => out = header_line("packets"),
            Format::Csv => {
                let names: Vec<_> = self.fields.iter().map(|field| field.name).collect();
                out.extend_from_slice(names.join(",").as_bytes());
                out.push(b'\n');
            }
            Format::Text if self.as_line => out = line::heading(),
            Format::Text => {
                let names = self.fields.iter().zip(&self.widths);
                let cells: Vec<_> = names.map(|(field, width)| format!("{:<width$}", field.name)).collect();
                out.extend_from_slice(cells.join("  ").trim_end().as_bytes());
                out.push(b'\n');
            }
        }
        out
    }

    fn joint(&self) -> &'static [u8] {
        if self.format == Format::Json { b",\n" } else { b"" }
    }

    fn tail(&self, report: &Report, written: bool) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        match self.format {
            Format::Json => push_closing(&mut out, report, written)?,
            Format::Jsonl => push_line(&mut out, &Summary::new(report))?,
            Format::Csv | Format::Text => {}
        }
        Ok(out)
    }
}
