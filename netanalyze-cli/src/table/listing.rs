//! A table as it is written: what stands in front, row by row, what stands at the end.

use std::io;

use netanalyze_core::model::Timestamp;
use netanalyze_core::report::{Report, SCHEMA_VERSION};

use super::cell::{Value, push_csv, push_json};
use super::lines::{Heading, Lines};
use super::shape::Shape;
use crate::args::Format;
use crate::findings::push_closing;
use crate::render::{counted, header_line, push_cell, push_line};
use crate::summary::Summary;

/// Rows of text whose columns are aligned together: more than a person reads.
const AT_A_TIME: usize = 4096;

/// A column for machines: the key of its JSON and the heading of its CSV, what it can hold, what that means, and its value in a row.
pub(crate) type Column<T> =
    (&'static str, Shape, &'static str, for<'r, 'b> fn(&'r <T as Table>::Row<'b>) -> Value<'r>);

/// A table.
pub(crate) trait Table: Sized + 'static {
    /// What a row is made of.
    type Row<'b>;

    /// Name of the view, and of its list in JSON.
    const VIEW: &'static str;

    /// `type` of its JSON lines.
    const LINE: &'static str;

    /// What there is none of, e.g. `DNS lookups`.
    const ROWS: &'static str;

    /// Columns for machines.
    const COLUMNS: &'static [Column<Self>];

    /// Columns for people.
    const HEADINGS: &'static [Heading];

    /// A row for people: a cell for each heading, escaped.
    fn line(row: &Self::Row<'_>, capture_start: Timestamp) -> Vec<String>;
}

/// A table that is being written.
pub(crate) struct Listing<T> {
    format: Format,
    out: Vec<u8>,
    /// Rows of text that wait to be aligned.
    waiting: Vec<Vec<String>>,
    lines: Lines,
    rows: u64,
    table: std::marker::PhantomData<T>,
}

impl<T: Table> Listing<T> {
    pub(crate) fn new(format: Format) -> Self {
        let out = match format {
            Format::Json => format!("{{\"schema_version\":{SCHEMA_VERSION},\"{}\":[\n", T::VIEW).into_bytes(),
            Format::Jsonl => header_line(T::VIEW),
            Format::Csv => {
                let names: Vec<&str> = T::COLUMNS.iter().map(|&(name, ..)| name).collect();
                format!("{}\n", names.join(",")).into_bytes()
            }
            Format::Text => Vec::new(),
        };
        let (lines, waiting, table) = (Lines::new(T::HEADINGS), Vec::new(), std::marker::PhantomData);
        Listing { format, out, waiting, lines, rows: 0, table }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: &T::Row<'_>, capture_start: Timestamp) -> io::Result<()> {
        let first = self.rows == 0;
        self.rows += 1;
        match self.format {
            Format::Text => {
                self.waiting.push(T::line(row, capture_start));
                if self.waiting.len() >= AT_A_TIME {
                    self.align();
                }
            }
            Format::Csv => {
                let mut cell = Vec::new();
                for (place, (.., value)) in T::COLUMNS.iter().enumerate() {
                    cell.clear();
                    push_csv(&mut cell, &value(row));
                    self.out.extend_from_slice(if place > 0 { b"," } else { b"" });
                    push_cell(&mut self.out, &cell);
                }
                self.out.push(b'\n');
            }
            Format::Json => {
                self.out.extend_from_slice(if first { b"{" } else { b",\n{" });
                self.push_members(row)?;
                self.out.push(b'}');
            }
            Format::Jsonl => {
                self.out.extend_from_slice(format!("{{\"type\":\"{}\",", T::LINE).as_bytes());
                self.push_members(row)?;
                self.out.extend_from_slice(b"}\n");
            }
        }
        Ok(())
    }

    fn push_members(&mut self, row: &T::Row<'_>) -> io::Result<()> {
        for (place, (name, shape, _, value)) in T::COLUMNS.iter().enumerate() {
            let value = value(row);
            debug_assert!(shape.takes(&value), "{name}: {value:?}");
            self.out.extend_from_slice(if place > 0 { b",\"" } else { b"\"" });
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"\":");
            push_json(&mut self.out, &value)?;
        }
        Ok(())
    }

    fn align(&mut self) {
        if !self.waiting.is_empty() {
            let lines = self.lines.lines(self.waiting.drain(..));
            self.out.extend_from_slice(&lines);
        }
    }

    /// What can be written by now.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// The rest.
    pub(crate) fn finish(mut self, report: &Report) -> io::Result<Vec<u8>> {
        match self.format {
            Format::Json => push_closing(&mut self.out, report, self.rows > 0)?,
            Format::Jsonl => push_line(&mut self.out, &Summary::new(report))?,
            Format::Csv => {}
            Format::Text => {
                self.align();
                if self.rows == 0 {
                    let packets = counted(report.capture.packets, "packet", "packets");
                    self.out.extend_from_slice(format!("no {} in {packets}\n", T::ROWS).as_bytes());
                }
            }
        }
        Ok(self.out)
    }
}
